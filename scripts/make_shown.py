"""Runs the commands that documents show with their output, and writes what they print now.

    python scripts/make_shown.py            write
    python scripts/make_shown.py --check    only say which differ (exit 1)

Only commands whose output does not depend on this machine are run: those that read a recorded machine (``--from``),
describe one (``--platform``), or print a page (``explain CODE``). A line of ``…`` in the shown output stands for lines
left out; it stays.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNNABLE = re.compile(r"^doctor .*(--from|--platform) |^doctor explain [\w-]+$")
BLOCK = re.compile(r"(?ms)^```console\n(.*?)^```$")
LEFT_OUT = "…"


def documents():
    """Return the hand-written documents."""
    found = list(ROOT.glob("*.md")) + [path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "checks"]
    return sorted(found)


def shown(text):
    """Yield (command, output lines) of every runnable command in the console blocks of a document."""
    for block in BLOCK.findall(text):
        for part in re.split(r"(?m)^\$ ", block)[1:]:
            command, _, output = part.partition("\n")
            if RUNNABLE.search(command):
                yield command, output.rstrip("\n").split("\n")


def printed(command, lang):
    """Return what the command prints now, as lines."""
    environment = dict(os.environ, DOCTOR_LANG=lang, COLUMNS="100", NO_COLOR="1", PYTHONIOENCODING="utf-8")
    argv = [sys.executable, "-m", "doctor"] + shlex.split(command)[1:]
    ran = subprocess.run(argv, cwd=str(ROOT), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = [line.rstrip() for line in ran.stdout.decode("utf-8").splitlines()]
    return "\n".join(lines).strip("\n").split("\n")


def shortened(lines, like):
    """Return the lines with the same parts left out as in ``like``: its head by length, its tail by its first line.

    Raises ValueError when the first line of the tail is printed no more.
    """
    if LEFT_OUT not in like:
        return lines
    head = like.index(LEFT_OUT)
    tail = like[like.index(LEFT_OUT) + 1 :]
    return lines[:head] + [LEFT_OUT] + (lines[lines.index(tail[0]) :] if tail else [])


def renewed(path):
    """Return a document with the output that its commands print now."""
    text = path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    lang = "zh" if "zh" in path.relative_to(ROOT).as_posix() else "en"
    for command, output in shown(text):
        now = shortened(printed(command, lang), output)
        text = text.replace("$ %s\n%s\n" % (command, "\n".join(output)), "$ %s\n%s\n" % (command, "\n".join(now)))
    return text


def main(arguments):
    wanted = {path: renewed(path) for path in documents()}
    wrong = [path for path, text in wanted.items() if path.read_bytes() != text.encode("utf-8")]
    for path in wrong:
        print("differs: %s" % path.relative_to(ROOT))
        if "--check" not in arguments:
            path.write_bytes(wanted[path].encode("utf-8"))
    return 1 if wrong and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
