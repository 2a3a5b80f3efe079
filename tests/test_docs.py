"""The documents hold: links lead somewhere, commands exist, shown output is what the program prints."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from conftest import ROOT

from doctor.registry import all_checks

CODES = {check.code for check in all_checks()}
DOCUMENTS = sorted(
    [ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    + list((ROOT / "docs").rglob("*.md"))
)
WRITTEN = [path for path in DOCUMENTS if path.parent.name != "checks" and path.name != "commands.md"]
SHELL = ("sh", "bash", "console")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def text_of(path):
    return path.read_bytes().decode("utf-8").replace("\r\n", "\n")


def blocks(text):
    """Yield (language, lines) of every fenced block."""
    lines, language = [], None
    for line in text.split("\n"):
        fence = re.match(r"\s*```(\S*)", line)
        if fence and language is None:
            language, lines = fence.group(1), []
        elif fence:
            yield language, lines
            language = None
        elif language is not None:
            lines.append(line)
    assert language is None, "a fenced block is not closed"


def without_blocks(text):
    return re.sub(r"(?ms)^\s*```.*?^\s*```", "", text)


def commands(text):
    """Yield every command line of the shell blocks; in a console block only those after ``$``."""
    for language, lines in blocks(text):
        if language not in SHELL:
            continue
        for line in lines:
            if language == "console":
                if line.startswith("$ "):
                    yield line[2:]
            elif line.strip() and not line.startswith("#"):
                yield line.split("  #")[0].strip()


def headings(text):
    return re.findall(r"(?m)^(#+) (.+)$", without_blocks(text))


def anchor(heading):
    """Return the anchor that the code hosts make of a heading."""
    plain = re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def script(name):
    spec = importlib.util.spec_from_file_location(name, str(ROOT / "scripts" / (name + ".py")))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def make_pages():
    return script("make_pages")


# ---------------------------------------------------------------- pages made from the code


def test_pages_are_those_of_the_checks_and_of_help(make_pages):
    """Mended by: python scripts/make_pages.py"""
    wanted = make_pages.pages()
    assert [name for name, text in wanted.items() if not (ROOT / name).exists()] == []
    assert [name for name, text in wanted.items() if make_pages.read(name) != text] == []
    assert make_pages.stale(wanted) == []


def words_of(svg):
    """Return the text of a picture; how it is drawn differs between versions of rich."""
    return "".join(
        "".join(node.itertext()) for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("}text")
    )


def test_screens_show_what_the_program_shows():
    """Mended by: python scripts/make_screens.py"""
    make_screens = script("make_screens")
    wanted = make_screens.screens()
    assert len(wanted) >= 8
    assert [name for name, svg in wanted.items() if words_of(make_screens.read(name)) != words_of(svg)] == []


# ---------------------------------------------------------------- links


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(text_of(path))):
        if re.match("https?://|mailto:", target):
            continue
        file, _, fragment = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        if not found.exists():
            broken.append(target)
        elif fragment and found.suffix == ".md":
            if fragment not in {anchor(title) for _, title in headings(text_of(found))}:
                broken.append(target)
    assert broken == []


def test_every_document_can_be_reached_from_the_readme():
    seen, queue = set(), [ROOT / "README.md"]
    while queue:
        path = queue.pop()
        if path in seen or not path.exists():
            continue
        seen.add(path)
        for target in re.findall(r"\]\(([^)\s#]+)", without_blocks(text_of(path))):
            if target.endswith(".md") and "://" not in target:
                queue.append((path.parent / target).resolve())
    assert [name_of(path) for path in DOCUMENTS if path not in seen] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.svg")), ids=name_of)
def test_pictures_are_whole_and_ask_nobody(path):
    root = ElementTree.parse(str(path)).getroot()
    assert root.tag.endswith("svg")
    text = text_of(path)
    assert not re.search(r"(href|src|url)\s*[=(]\s*[\"']?https?:", text), "a picture must not load anything"


# ---------------------------------------------------------------- commands


def test_the_readme_begins_with_the_two_commands():
    text = text_of(ROOT / "README.md")
    first = [lines for language, lines in blocks(text) if language in SHELL][0]
    check, test = [line for line in first if line.strip()][:2]
    assert check.startswith("python3 -m venv ") and check.endswith("doctor check")
    assert test.startswith("python3 -m venv ") and test.endswith("-m pytest")
    assert "&&" in check and "&&" in test


def test_both_readmes_have_the_same_headings_and_commands():
    english, chinese = text_of(ROOT / "README.md"), text_of(ROOT / "README.zh-CN.md")
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(chinese)]
    assert list(commands(english)) == list(commands(chinese))
    codes = re.compile(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`")
    assert sorted(set(codes.findall(english))) == sorted(set(codes.findall(chinese)))


def _invocations(path):
    """Yield the words after ``doctor`` of every call of it in the document, in blocks and in running text."""
    text = text_of(path)
    found = list(commands(text)) + re.findall(r"`(doctor [^`]+)`", without_blocks(text))
    for line in found:
        for part in re.split(r"&&|\|\||[|;]|<(?!\w)|(?<!\S)\d?>", line):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:
                continue
            places = [i for i, word in enumerate(words) if re.search(r"(^|[/\\])(torch-)?doctor(\.exe)?$", word)]
            runners = ("pipx", "uvx", "uv", "pip", "python", "python3")
            if places and (places[0] == 0 or os.path.basename(words[0]) in runners or "=" in words[0]):
                yield line, words[places[0] + 1 :]


@pytest.fixture(scope="module")
def options_of(make_pages):
    """Return a function command -> the options that its help names."""
    found = {
        name: _options(make_pages.help_of((name,) if name else (), "en")) for name in (None,) + make_pages.COMMANDS
    }

    def options(name=None):
        return found[name]

    options.commands = set(make_pages.COMMANDS)
    return options


def _options(text):
    return (
        {"-h", "--help"}
        | set(re.findall(r"(?m)^ +(?:-\w, )?(--[a-z-]+)", text))
        | set(re.findall(r"(?m)^ +(-\w), ", text))
    )


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_commands_exist(path, options_of):
    wrong = []
    for line, words in _invocations(path):
        if not words or words[0].startswith("-"):
            name, rest = None, words
        else:
            name, rest = words[0], words[1:]
            if name not in options_of.commands:
                wrong.append("%s: no command %s" % (line, name))
                continue
        if "--" in rest:
            rest = rest[: rest.index("--")]
        known = options_of(name)
        for word in rest:
            if word.startswith("-") and word != "-" and word.split("=")[0] not in known:
                wrong.append("%s: no option %s" % (line, word))
        for before, word in zip(rest, rest[1:]):
            if before in ("--only", "--ignore") and word not in CODES | {"CODE"}:
                wrong.append("%s: no code %s" % (line, word))
    assert wrong == []


def test_codes_named_in_documents_exist():
    """A word in backquotes that looks like a code and begins or ends like one must be one."""
    wrong = []
    for path in WRITTEN:
        for line in re.findall(r"\(((?:\.\./|docs/|zh/)*checks/[^)#]+)\.md", text_of(path)):
            code = line.rsplit("/", 1)[1]
            if code != "README" and code not in CODES:
                wrong.append("%s: %s" % (name_of(path), code))
    assert wrong == []


#: how a call of the doctor begins -> why the test below does not make it
NOT_CALLED = {
    ("pi",): "only a name in the text; needs a Raspberry Pi",
    ("wheels",): "only a name in the text; needs a package",
    ("explain",): "only a name in the text; reads standard input",
    ("run",): "only a name in the text; needs a command",
    ("run", "--", "CMD"): "CMD stands for a command",
    ("pi", "opencv-python", "onnxruntime"): "needs a Raspberry Pi; its output for a recorded one is shown and compared",
    ("pi", "--python"): "needs a Raspberry Pi; done in the emulated one (tests/raspberry)",
    ("fix", "--apply"): "installs; done in tests/fix and, for real, in tests/slow",
    (
        "--install-completion",
    ): "writes into the start-up files of a shell; done in tests/test_cli.py in a home of its own",
}
#: commands of other programs in the documents -> where they are run
OTHER_COMMANDS = {
    "make check": "its parts are what CI runs",
    "make pages": "what it makes is compared here",
    "make .venv-dev/bin/python": "needs the package index; a newcomer's steps were followed in a clone on 2026-11-22",
    ".venv-dev/bin/python -m ": "the same",
    "python3 -m venv": "the README's two commands are run by .ci/run, word by word",
    "pipx install .": "needs pipx and the package index; tried by hand on 2026-11-22 with pipx 1.18.4",
    "uvx --from .": "needs uv and the package index; tried by hand on 2026-11-22 with uv 0.13.9",
    "python benchmarks/": "takes minutes and gigabytes; its output stands in docs/benchmarks.md",
    "python tests/fix/trials.py": "takes an hour; its output stands in docs/fix-trials.md",
    "python3 -m pip wheel": "done for every Pi in tests/raspberry",
    "python3 -m pip download": "needs the package index; tried by hand on 2026-11-22",
    "scp ": "needs a second machine",
    "~/doctor/bin/pip install": "done in the emulated system in tests/raspberry",
}


def _ours(words):
    return not any(
        tuple(words[: len(begin)]) == begin for begin in NOT_CALLED if len(begin) > 1 or words == list(begin)
    )


@pytest.fixture
def reader(tmp_path):
    """Return the folder of somebody who follows the documents: an environment, a script, a log, a bundle."""
    import venv

    for folder in (tmp_path / "train" / ".venv", tmp_path / "here"):
        venv.create(str(folder), with_pip=False, symlinks=os.name != "nt")
    work = tmp_path / "work"
    work.mkdir()
    (work / "train.py").write_text("print('epoch 1')\n")
    for log in ("error.log", "train.log"):
        (work / log).write_text("ModuleNotFoundError: No module named 'cv2'\n")
    machine = ROOT / "tests" / "machines" / "linux-rtx3060-healthy.json"
    (work / "bundle.json").write_bytes(machine.read_bytes())
    (work / "tests").mkdir()
    shutil.copytree(str(ROOT / "tests" / "machines"), str(work / "tests" / "machines"))
    return work


def test_every_command_that_is_named_works(reader):
    """Each call of the doctor in the documents is made once: it may find something, and it must not be refused."""
    home = reader.parent
    environment = dict(os.environ, PYTHONPATH=str(ROOT), HOME=str(home), USERPROFILE=str(home), NO_COLOR="1")
    environment.update(VIRTUAL_ENV=str(home / "here"), PYTHONIOENCODING="utf-8")
    calls = {tuple(words): line for path in WRITTEN for line, words in _invocations(path) if words}
    made, wrong = 0, []
    for words, line in sorted(calls.items()):
        if not _ours(list(words)):
            continue
        argv = [re.sub("^~", lambda _: str(home), word) for word in words]
        argv = [word.replace("/bin/python", "/Scripts/python.exe") if os.name == "nt" else word for word in argv]
        argv = [sys.executable if word == "python" else word for word in argv]
        with open(str(reader / "error.log"), "rb") as log:
            ran = subprocess.run(
                [sys.executable, "-m", "doctor"] + argv,
                cwd=str(reader),
                env=environment,
                stdin=log,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=120,
            )
        made += 1
        if ran.returncode not in (0, 1) or not ran.stdout.strip() or b"Traceback" in ran.stderr:
            wrong.append((line, ran.returncode, ran.stderr.decode("utf-8", "replace")[-300:]))
    assert wrong == []
    assert made >= 20


def test_of_every_other_command_it_is_known_where_it_is_run():
    unknown = []
    for path in WRITTEN:
        for line in commands(text_of(path)):
            if not re.search(r"(^|\| |/)doctor ", line) and not line.startswith(tuple(OTHER_COMMANDS)):
                unknown.append("%s: %s" % (name_of(path), line))
    assert unknown == []
    lines = [line for path in WRITTEN for line in commands(text_of(path))]
    assert [begin for begin in OTHER_COMMANDS if not any(line.startswith(begin) for line in lines)] == []


# ---------------------------------------------------------------- shown output


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_shown_output_is_real(path):
    """Mended by: python scripts/make_shown.py"""
    assert script("make_shown").renewed(path) == text_of(path)


def test_there_is_shown_output():
    shown = script("make_shown").shown
    assert len([command for path in WRITTEN for command, _ in shown(text_of(path))]) >= 4
