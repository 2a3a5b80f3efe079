"""Writes docs/images: what the terminal shows for recorded machines, as SVG in both languages.

python scripts/make_screens.py            write the pictures
python scripts/make_screens.py --check    only say which differ (exit 1)
"""

import io
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from doctor import session  # noqa: E402
from doctor.render import console  # noqa: E402

WIDTH = 100
#: picture -> (command, machine, requirements)
SCREENS = {
    "check-laptop": ("check", "laptop-mx330-windows", ()),
    "check-mismatch": ("check", "linux-torchvision-mismatch", ()),
    "check-healthy": ("check", "linux-rtx3060-healthy", ()),
    "pi-buster": ("pi", "pi4-buster-py37", ("opencv-python", "onnxruntime")),
}


def screens():
    """Return every picture: path below the repository -> SVG."""
    found = {}
    for name, (command, machine, requirements) in SCREENS.items():
        path = str(ROOT / "tests" / "machines" / (machine + ".json"))
        request = session.Request(command=command, from_file=path, requirements=requirements)
        report = session.pi(request) if command == "pi" else session.judge(request)
        report.because = "bundle.json"
        for lang in ("en", "zh"):
            title = " ".join(("doctor", command) + requirements)
            found["docs/images/%s.%s.svg" % (name, lang)] = picture(report, lang, title)
    return found


def picture(report, lang, title):
    screen = console.make_console(file=io.StringIO(), width=WIDTH, record=True)
    console.print_report(report, lang, False, screen)
    # one fixed id, or every run would name its styles anew
    return plain_fonts(screen.export_svg(title=title, unique_id="doctor"))


def plain_fonts(svg):
    """Return the picture with fonts of the reader's machine: a document must not load anything from elsewhere."""
    svg = re.sub(r"\s*@font-face\s*\{[^}]*\}", "", svg)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    fonts = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", "Microsoft YaHei", monospace'
    svg = re.sub(r"font-family:\s*Fira Code,\s*monospace", "font-family: " + fonts, svg)
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)  # or some viewers drop the blanks at the ends of words
    return "\n".join(line.rstrip() for line in svg.strip().splitlines()) + "\n"


def main(arguments):
    wanted = screens()
    wrong = [name for name, svg in wanted.items() if not (ROOT / name).exists() or read(name) != svg]
    if "--check" in arguments:
        for name in wrong:
            print("differs: %s" % name)
        return 1 if wrong else 0
    for name in wrong:
        (ROOT / name).write_bytes(wanted[name].encode("utf-8"))
    print("%d pictures, %d written" % (len(wanted), len(wrong)))
    return 0


def read(name):
    return (ROOT / name).read_bytes().decode("utf-8").replace("\r\n", "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
