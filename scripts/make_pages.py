"""Writes the pages that come from the code: one per check in both languages, their index, and the help of each command.

    python scripts/make_pages.py            write docs/checks, docs/zh/checks, docs/commands.md, docs/zh/commands.md
    python scripts/make_pages.py --check    only say which pages differ (exit 1)

``tests/test_docs.py`` compares them, so a page cannot fall behind its check.
"""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from doctor.options import NAMES as COMMANDS  # noqa: E402
from doctor.registry import FAMILIES, all_checks  # noqa: E402

#: folders that hold nothing but what this script writes
OWN_FOLDERS = ("docs/checks", "docs/zh/checks")

FAMILY_NAMES = {
    "gpu": ("GPU and driver", "显卡与驱动"),
    "cuda": ("CUDA toolkit and libraries", "CUDA 工具包与库"),
    "torch": ("torch, torchvision, torchaudio", "torch、torchvision、torchaudio"),
    "numpy": ("numpy", "numpy"),
    "vision": ("OpenCV and ONNX Runtime", "OpenCV 与 ONNX Runtime"),
    "python": ("Python, pip and packages", "Python、pip 与软件包"),
    "host": ("The machine", "主机"),
    "pi": ("Raspberry Pi", "树莓派"),
    "repo": ("The repository to be trained", "要训练的代码仓库"),
}
SEVERITY_ZH = {"error": "错误", "warning": "警告", "note": "提示"}

WORDS = {
    "en": {
        "family": "Family",
        "severity": "Severity at most",
        "found": "Found in",
        "machine": "the machine and its Python",
        "project": "the project's source",
        "text": "error text",
        "and": ", ",
        "other": "中文",
        "index": "All checks",
        "intro": "Every check, with the highest severity it can have. The terminal shows the same page: "
        "`doctor explain CODE`.",
        "columns": "| code | severity | what it says | found in | tested with |\n|---|---|---|---|---|",
        "made": "<!-- made by scripts/make_pages.py: edit doctor/checks/%s instead -->",
        "ignore": "Not what you want to hear about? `doctor check --ignore %s`",
        "commands": "Commands",
        "commands_intro": "What `--help` prints. The last options of `doctor check` belong to every command.",
    },
    "zh": {
        "family": "类别",
        "severity": "最高级别",
        "found": "依据",
        "machine": "机器与 Python 环境",
        "project": "项目源码",
        "text": "报错文本",
        "and": "、",
        "other": "English",
        "index": "全部检查项",
        "intro": "所有检查项及其最高级别。在终端里用 `doctor explain 代码` 可以看到同样的内容。",
        "columns": "| 代码 | 级别 | 说明 | 依据 | 测试方式 |\n|---|---|---|---|---|",
        "made": "<!-- 由 scripts/make_pages.py 生成：请修改 doctor/checks/%s -->",
        "ignore": "不想看到这一项？`doctor check --ignore %s`",
        "commands": "命令",
        "commands_intro": "各命令 `--help` 的输出。`doctor check` 最后列出的那些选项是所有命令共有的。",
    },
}


def pages():
    """Return every page: path below the repository -> its text."""
    found = {}
    for lang, folder in (("en", "docs"), ("zh", "docs/zh")):
        for check in all_checks():
            found["%s/checks/%s.md" % (folder, check.code)] = page_of(check, lang)
        found["%s/checks/README.md" % folder] = index(lang)
        found["%s/commands.md" % folder] = commands(lang)
    return found


def pick(text, lang):
    return text.zh if lang == "zh" else text.en


def found_in(check, lang):
    """Return where a check finds its fault: the machine, the project's source, error text."""
    from doctor.facts import Project

    words = WORDS[lang]
    sources = []
    if check.run is not None:
        if [section for section in check.needs if section is not Project]:
            sources.append(words["machine"])
        if Project in check.needs:
            sources.append(words["project"])
    if check.signatures:
        sources.append(words["text"])
    return words["and"].join(sources)


def page_of(check, lang):
    words = WORDS[lang]
    other = "../zh/checks/%s.md" % check.code if lang == "en" else "../../checks/%s.md" % check.code
    source = "%s/%s.py" % (check.family, check.code.replace("-", "_"))
    severity = check.severity if lang == "en" else SEVERITY_ZH[check.severity]
    body = pick(check.explain, lang).strip()
    title, _, rest = body.partition("\n")
    if title.startswith("## "):
        title, rest = pick(check.summary, lang), body
    lines = [
        words["made"] % source,
        "# %s" % check.code,
        "",
        title.strip(),
        "",
        "%s: %s · %s: %s · %s: %s · [%s](%s)"
        % (
            words["family"],
            FAMILY_NAMES[check.family][lang == "zh"],
            words["severity"],
            severity,
            words["found"],
            found_in(check, lang),
            words["other"],
            other,
        ),
        "",
        rest.strip(),
        "",
        words["ignore"] % check.code,
        "",
    ]
    return "\n".join(lines)


def index(lang):
    words = WORDS[lang]
    other = "../zh/checks/README.md" if lang == "en" else "../../checks/README.md"
    lines = ["# %s" % words["index"], "", words["intro"], "", "[%s](%s)" % (words["other"], other), ""]
    for family in FAMILIES:
        rows = [check for check in all_checks() if check.family == family]
        if not rows:
            continue
        lines += ["## %s" % FAMILY_NAMES[family][lang == "zh"], "", words["columns"]]
        for check in rows:
            severity = check.severity if lang == "en" else SEVERITY_ZH[check.severity]
            summary = pick(check.summary, lang).replace("|", "\\|")
            row = (check.code, check.code, severity, summary, found_in(check, lang), tested_with(check.code, lang))
            lines.append("| [%s](%s.md) | %s | %s | %s | %s |" % row)
        lines.append("")
    return "\n".join(lines)


#: folder or file of tests -> what a code that is named there was tested with
TESTED = (
    ("tests/cases", ("fact cases", "事实用例")),
    ("tests/explain/cases", ("real texts", "真实文本")),
    ("tests/machines", ("recorded machines", "记录的机器")),
    ("tests/nvidia", ("stub driver", "模拟驱动")),
    ("tests/slow", ("real environments", "真实环境")),
    ("tests/native/test_toy_wheels.py", ("real environments", "真实环境")),
    ("tests/host/test_real_situations.py", ("real situations", "真实情形")),
    ("tests/raspberry/test_emulated.py", ("emulated board", "模拟的树莓派")),
)


def tested_with(code, lang):
    """Return what a code was tested with, by the tests that name it."""
    found = []
    for place, names in TESTED:
        whole = re.compile(r"(?<![\w-])%s(?![\w-])" % re.escape(code))
        if place == "tests/cases":
            named = any((ROOT / place / (name + ".json")).exists() for name in (code, code.replace("-", "_")))
        else:
            named = any(whole.search(text) for text in texts_of(place))
        if named and names[lang == "zh"] not in found:
            found.append(names[lang == "zh"])
    return WORDS[lang]["and"].join(found)


@functools.lru_cache(maxsize=None)
def texts_of(place):
    """Return the texts of a test file, or of all files in a folder of tests."""
    path = ROOT / place
    files = [path] if path.is_file() else sorted(path.glob("*.py")) + sorted(path.glob("*.json"))
    return tuple(file.read_text(encoding="utf-8") for file in files)


def commands(lang):
    words = WORDS[lang]
    other = "zh/commands.md" if lang == "en" else "../commands.md"
    lines = ["# %s" % words["commands"], "", words["commands_intro"], "", "[%s](%s)" % (words["other"], other), ""]
    for command in ((),) + tuple((name,) for name in COMMANDS):
        title = " ".join(("doctor",) + command)
        lines += ["## %s" % title, "", "```text", help_of(command, lang), "```", ""]
    return "\n".join(lines)


def help_of(command, lang):
    """Return what ``doctor COMMAND --help`` prints on a terminal of 100 columns."""
    environment = dict(os.environ, COLUMNS="100", TERMINAL_WIDTH="100", PYTHONIOENCODING="utf-8", DOCTOR_LANG=lang)
    argv = [sys.executable, "-m", "doctor"] + list(command) + ["--help"]
    shown = subprocess.run(argv, stdout=subprocess.PIPE, cwd=str(ROOT), env=environment, check=True)
    text = shown.stdout.decode("utf-8").replace("\r\n", "\n")
    text = text.replace("[COMMAND] [ARGS]...", "COMMAND [ARGS]...")  # as the parser's newer releases write it
    return "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))


def stale(wanted):
    """Return the files in our own folders that no page claims."""
    files = [path for folder in OWN_FOLDERS for path in (ROOT / folder).glob("*.md")]
    return [path for path in files if path.relative_to(ROOT).as_posix() not in wanted]


def main(arguments):
    wanted = pages()
    wrong = [name for name, text in wanted.items() if not (ROOT / name).exists() or read(name) != text]
    wrong_files = stale(wanted)
    if "--check" in arguments:
        for name in wrong + [str(path) for path in wrong_files]:
            print("differs: %s" % name)
        return 1 if wrong or wrong_files else 0
    for name in wrong:
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wanted[name].encode("utf-8"))
    for path in wrong_files:
        path.unlink()
    print("%d pages, %d written, %d removed" % (len(wanted), len(wrong), len(wrong_files)))
    return 0


def read(name):
    return (ROOT / name).read_bytes().decode("utf-8").replace("\r\n", "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
