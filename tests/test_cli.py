"""The command line as a user meets it: one process per test, bad input above all."""

import json
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT, need_tool

posix = pytest.mark.skipif(os.name != "posix", reason="only on POSIX systems")


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    """Run the doctor in an empty folder and return the finished process."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments, **options):
        ran = subprocess.run(
            [sys.executable, "-m", "doctor"] + [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=str(options.pop("cwd", empty)),
            env=dict(os.environ, **options),
        )
        ran.out, ran.err = ran.stdout.decode("utf-8", "replace"), ran.stderr.decode("utf-8", "replace")
        assert "Traceback" not in ran.err, ran.err
        return ran

    return run


def test_alone_it_says_what_to_do_next(doctor):
    ran = doctor()
    assert ran.returncode == 0 and "doctor check" in ran.out and not ran.err
    assert "doctor check" in doctor(LANG="zh_CN.UTF-8").out


def test_version_names_the_date_of_the_matrix(doctor):
    ran = doctor("--version")
    assert ran.returncode == 0
    assert re.match(r"doctor \d+\.\d+\.\d+ .*\d{4}-\d{2}-\d{2}", ran.out)


@pytest.mark.parametrize("command", ["check", "pi", "fix", "wheels", "explain", "run", "checks"])
def test_help_of_every_command_in_both_languages(doctor, command):
    english, chinese = doctor(command, "--help"), doctor(command, "--help", "--lang", "zh")
    assert english.returncode == chinese.returncode == 0
    assert "Options:" in english.out and "选项：" in chinese.out and "Options:" not in chinese.out


@pytest.mark.parametrize(
    "arguments, status, hint",
    [
        (["chek"], 2, "check"),
        (["check", "--jsn"], 2, "--json"),
        (["check", "--only", "numpy2-abl"], 2, "numpy2-abi"),
        (["check", "--ignore", "nonsense"], 2, "doctor checks"),
        (["check", "--format", "xml"], 2, "markdown"),
        (["check", "--lang", "fr"], 2, "zh"),
        (["check", "no-such-file.py"], 2, "no-such-file.py"),
        (["check", "--from", "no-such-file.json"], 2, "no-such-file.json"),
        (["check", "--python", "no-such-python"], 3, "no-such-python"),
        (["check", "--no-gpu", "--assume-gpu", "sm_61"], 2, "--no-gpu"),
        (["check", "--assume-gpu", "GeForce MX333"], 2, "MX330"),
        (["check", "--assume-gpu", "RTX 9090"], 2, "RTX 5090"),
        (["check", "--assume-gpu", "GTX 1060zz"], 2, "GTX 1060"),
        (["check", "--mirror", "tunna"], 2, "tuna"),
        (["check", "--mirror", "http://mirror.example.org"], 2, "https"),
        (["check", "--network", "--offline"], 2, "--offline"),
        (["fix", "--installer", "conda"], 2, "uv"),
        (["fix", "--apply", "--from", "x.json"], 2, "--from"),
        (["wheels"], 2, ""),
        (["wheels", "torhc"], 2, "torch"),
        (["wheels", "torch=="], 2, "torch"),
        (["wheels", "torch", "--platform", "amiga", "--python-version", "3.11"], 2, "win_amd64"),
        (["wheels", "torch", "--mirror", "https://user:secret@example.org/whl"], 2, "netrc"),
        (["explain", "no-such-code-or-file"], 2, "no-such-code-or-file"),
        (["explain", "numpy2-ab"], 2, "numpy2-abi"),
        (["run"], 2, ""),
    ],
)
def test_bad_input_gets_one_clear_message(doctor, arguments, status, hint):
    ran = doctor(*arguments)
    assert ran.returncode == status, ran.err
    assert not ran.out and ran.err.startswith("doctor: ") and hint in ran.err
    document = doctor(*(arguments + ["--json"]))
    assert document.returncode == status and not document.err
    error = json.loads(document.out)
    assert error["schema"] == 1 and error["error"]["exit"] == status and error["error"]["message"]
    chinese = doctor(*(["--lang", "zh"] + arguments)) if "--lang" not in arguments else ran
    assert chinese.returncode == status


def test_a_healthy_bare_environment_exits_0(doctor):
    ran = doctor("check", "--quick")
    assert ran.returncode == 0, ran.out
    lines = ran.out.splitlines()
    assert len([line for line in lines if not line.startswith("·")]) == 3  # target, chain, verdict; then notes


def test_json_is_one_document_and_nothing_else(doctor):
    ran = doctor("check", "--quick", "--json")
    document = json.loads(ran.out)
    assert ran.returncode == 0 and not ran.err
    assert (document["schema"], document["command"]) == (1, "check")
    assert document["target"]["python"] and document["facts"]["python"]["version"]
    assert {outcome["status"] for outcome in document["outcomes"]} <= {"ok", "found", "skipped"}


def test_warnings_that_the_user_made_errors_are_not_the_doctors(doctor):
    ran = doctor("check", "--quick", "--json", PYTHONWARNINGS="error")
    assert ran.returncode == 0 and json.loads(ran.out)["command"] == "check" and not ran.err


@pytest.mark.parametrize("module", ["random", "typing", "json", "typer", "subprocess"])
def test_a_file_that_shadows_a_module_does_not_harm_the_doctor_itself(doctor, tmp_path, module):
    (tmp_path / (module + ".py")).write_text("raise SystemExit('the wrong one')\n")
    (tmp_path / "train.py").write_text("import torch\n")
    ran = doctor("check", "--quick", "--json", "--only", "module-shadowed", cwd=tmp_path)
    assert json.loads(ran.out)["command"] == "check", ran.err
    if module != "typer":
        assert [one["evidence"][0] for one in json.loads(ran.out)["findings"]] == [
            "%s.py:1: hides the module %s" % (module, module)
        ]


@pytest.mark.parametrize("module", ["typer", "rich"])
def test_a_package_of_the_doctors_own_that_is_broken_is_named(doctor, tmp_path, module):
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").write_text("from %s.gone import nothing\n" % module)
    ran = doctor("check", "--quick", PYTHONPATH="%s%s%s" % (ROOT, os.pathsep, tmp_path))
    assert ran.returncode == 3 and not ran.out
    assert "install --force-reinstall %s." % module in ran.err and "--python " in ran.err and "Traceback" not in ran.err


@posix
def test_what_pythonpath_puts_in_front_is_found_and_counts(doctor, tmp_path):
    other = tmp_path / "other" / "lib" / "python3.6" / "site-packages"
    for name, text in (
        ("numpy/__init__.py", ""),
        ("numpy-1.9.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: numpy\nVersion: 1.9.0\n"),
        ("numpy-1.9.0.dist-info/RECORD", "numpy/__init__.py,,\n"),
    ):
        path = other / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    ran = doctor("check", "--quick", "--json", "--only", "python-path-leak", PYTHONPATH="%s:%s" % (ROOT, other))
    report = json.loads(ran.out)
    assert [item["params"]["variable"] for item in report["findings"]] == ["PYTHONPATH"]
    first = next(item for item in report["facts"]["distributions"]["items"] if item["name"] == "numpy")
    assert first["version"] == "1.9.0"


def test_what_was_not_read_of_the_project_is_said(doctor, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "old.py").write_text("import numpy as np\nprint np.int(3)\n")
    call = ("check", "--quick", "--project", project, "--only", "numpy-removed-alias")
    assert "old.py: Python 2 (line 2)" in doctor(*call + ("-v",)).out
    assert "old.py" not in doctor(*call).out


def test_only_runs_one_check_and_counts_only_it(doctor):
    document = json.loads(doctor("check", "--only", "no-gpu", "--json").out)
    assert [outcome["code"] for outcome in document["outcomes"]] == ["no-gpu"]
    assert "trials" not in document["timings_s"]


def test_shared_options_may_stand_before_the_command(doctor):
    assert json.loads(doctor("--json", "check", "--quick").out)["command"] == "check"
    assert "选项：" in doctor("--lang", "zh", "--help").out


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_consoles_that_are_not_utf8_do_not_crash(doctor, encoding, lang):
    ran = doctor("check", "--quick", "--lang", lang, PYTHONIOENCODING=encoding)
    assert ran.returncode == 0
    ran.stdout.decode(encoding)
    if lang == "zh" and encoding == "gbk":
        assert "检查" in ran.stdout.decode("gbk")


def test_a_narrow_terminal_and_no_color(doctor):
    ran = doctor("check", "--quick", COLUMNS="40", NO_COLOR="1", FORCE_COLOR="1")
    assert ran.returncode == 0 and "\x1b[3" not in ran.out


def test_colour_can_be_forced_into_a_pipe(doctor):
    assert "\x1b[" in doctor("check", "--quick", FORCE_COLOR="1").out
    assert "\x1b[" not in doctor("check", "--quick").out


@posix
def test_a_reader_that_goes_away_is_no_error():
    shell = need_tool("sh")
    command = "'%s' -m doctor checks | head -n 1" % sys.executable
    ran = subprocess.run([shell, "-c", command], cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert b"Traceback" not in ran.stderr and b"BrokenPipe" not in ran.stderr


def test_markdown_and_requirements(doctor):
    ran = doctor("check", "--quick", "--format", "markdown")
    assert ran.returncode == 0 and ran.out.startswith("### doctor")
    assert os.path.expanduser("~") + os.sep not in ran.out
    assert doctor("fix", "--format", "requirements").returncode == 0


def test_checks_lists_every_code(doctor):
    from doctor.registry import all_checks

    listed = doctor("checks").out
    assert all(item.code in listed for item in all_checks())
    assert len(json.loads(doctor("checks", "--json").out)["checks"]) == len(all_checks())


def test_explain_shows_a_page_and_reads_a_pipe(doctor, tmp_path):
    assert "## Fix" in doctor("explain", "numpy2-abi").out
    assert "## 修复" in doctor("explain", "numpy2-abi", "--lang", "zh").out
    log = tmp_path / "train.log"
    log.write_text("AttributeError: module 'numpy' has no attribute 'int'.\n")
    document = json.loads(doctor("explain", log, "--json").out)
    assert document["diagnoses"][0]["code"] == "numpy-removed-alias"
    assert json.loads(doctor("explain", "-", "--json").out)["diagnoses"] == []


@posix
def test_run_passes_output_and_status_on(doctor):
    code = "import sys; print('out'); sys.stderr.write('err\\n'); sys.exit(7)"
    ran = doctor("run", "--", sys.executable, "-c", code)
    assert ran.returncode == 7 and "out" in ran.out
    message = "AttributeError: module 'numpy' has no attribute 'int'.\\n"
    ran = doctor("run", "--", sys.executable, "-c", "import sys; sys.stdout.write(%r); sys.exit(1)" % message)
    assert ran.returncode == 1 and "numpy-removed-alias" in ran.err


@posix
def test_a_namesake_in_the_way_is_said(doctor, tmp_path):
    """Also with the other order: where the name is ours, nothing is said."""
    scripts = tmp_path / "bin"
    scripts.mkdir()
    script = scripts / "doctor"
    path = "%s%s%s" % (scripts, os.pathsep, os.environ["PATH"])
    said = []
    for package in ("env_doctor.cli", "doctor.__main__"):
        script.write_text("#!/bin/sh\n# from %s import main\n" % package)
        script.chmod(0o755)
        ran = doctor("check", "--quick", PATH=path)
        said.append("torch-doctor" in ran.out and str(scripts) in "".join(ran.out.split()))
        assert ran.returncode == 0
    assert said == [True, False]


@pytest.mark.parametrize(
    "typed, offered",
    [
        ("doctor ch", {"check", "checks"}),
        ("doctor check --as", {"--assume-driver", "--assume-gpu"}),
        ("doctor check --only torchvision-v", {"torchvision-version-mismatch"}),
        ("doctor explain numpy2", {"numpy2-abi"}),
        ("doctor fix --installer ", {"pip", "uv"}),
        ("doctor wheels --platform linux_a", {"linux_aarch64", "linux_armv7l"}),
    ],
)
def test_completion_knows_commands_options_codes_and_values(doctor, typed, offered):
    words = len(typed.split(" ")) - 1
    for shell, said in (
        ("bash", {"COMP_WORDS": typed, "COMP_CWORD": str(words)}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": typed}),
        ("fish", {"_TYPER_COMPLETE_ARGS": typed, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ):
        ran = doctor(_DOCTOR_COMPLETE="complete_" + shell, **said)
        found = re.findall(r'"([^"]+)"(?::"|\n|\)|$)', ran.out) if shell == "zsh" else ran.out.splitlines()
        assert {word.split("\t")[0] for word in found} >= offered, (shell, ran.out)


@posix
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_for_the_shell(doctor, tmp_path, shell):
    """The name of the shell is only taken where it cannot be found out, so a test may say it."""
    home = tmp_path / "home"
    home.mkdir()
    ran = doctor("--install-completion", shell, HOME=str(home), _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert ran.returncode == 0, ran.err
    written = "".join(path.read_text() for path in home.rglob("*") if path.is_file())
    assert "_DOCTOR_COMPLETE" in written and "complete_" + shell in written


@pytest.mark.parametrize(
    "arguments",
    [("check",), ("check", "--quick"), ("check", "--bogus"), ("check", "--only", "nope"), ("fix", "--installer", "no")],
    ids=" ".join,
)
def test_no_file_is_left_behind(doctor, tmp_path, arguments):
    """Also where the probes that were started early are not wanted after all."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    doctor(*arguments, TMPDIR=str(scratch), TEMP=str(scratch), TMP=str(scratch))
    assert list(scratch.iterdir()) == []


def test_what_takes_longer_than_a_second_says_so_on_a_terminal():
    import io
    import time

    from doctor.render.waiting import READING, waiting

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    slow, quick, file = Terminal(), Terminal(), io.StringIO()
    with waiting(READING, "zh", slow):
        time.sleep(1.3)
    with waiting(READING, "en", quick):
        pass
    with waiting(READING, "en", file):
        time.sleep(1.1)
    shown = slow.getvalue().split("\r")
    assert shown[1] == "正在读取：1 秒" and shown[-2].strip() == "" and shown[-1] == ""
    assert quick.getvalue() == file.getvalue() == ""


@pytest.mark.parametrize("line", ["--help --lang zh", "--lang zh --help", "--lang=zh -h", "--json --help --lang zh"])
def test_help_of_the_program_speaks_the_language_asked_for(doctor, line):
    ran = doctor(*line.split())
    assert ran.returncode == 0 and "用法：" in ran.out and not ran.err
