"""What every test shares: the opt-ins for heavy tests, tools that may be missing, a clean environment.

A tool that is missing makes a test skip with the reason; with ``CI`` set it makes the test fail, so that the run that
guards ``main`` cannot pass by looking away.
"""

import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
IN_CI = bool(os.environ.get("CI"))

#: marker -> (variable that opts in, option, why it is not run without)
OPT_IN = {
    "slow": ("DOCTOR_TEST_SLOW", "--slow", "builds real environments of several GB"),
    "online": ("DOCTOR_TEST_ONLINE", "--online", "needs the public internet"),
    "gpu": ("DOCTOR_TEST_GPU", "--gpu", "needs an NVIDIA GPU"),
    "pi": ("DOCTOR_TEST_PI", "--pi", "needs a Raspberry Pi"),
}

#: reasons that CI accepts beside these: another system or Python, root, data that no clone holds, no right to mount
FAIR = re.compile(
    r"(only|not) on |Python 3\.7 |this user may read everything|the larger collection of cases is not on this machine|"
    r"a tmpfs cannot be mounted here|bind mounts do not work here"
)

#: variables of the developer's own shell that would change what the doctor sees or says
FOREIGN = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
FOREIGN += ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "CUDA_HOME", "CUDA_PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")


def pytest_addoption(parser):
    for marker, (variable, option, why) in OPT_IN.items():
        text = "also run the tests marked %s (%s); the same as %s=1" % (marker, why, variable)
        parser.addoption(option, action="store_true", default=False, help=text)


def pytest_collection_modifyitems(config, items):
    for marker, (variable, option, why) in OPT_IN.items():
        if config.getoption(option) or os.environ.get(variable):
            continue
        skip = pytest.mark.skip(reason="%s: run with %s or %s=1" % (why, option, variable))
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(skip)


def pytest_configure(config):
    """A run started in the background of a shell ignores Ctrl-C, and so would every child that the tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI a test may only be skipped by an opt-in above or because it is about another system or Python."""
    report = (yield).get_result()
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.replace("Skipped: ", "", 1)
        opted_out = any(reason.startswith(why) for _, _, why in OPT_IN.values())
        if not opted_out and not FAIR.match(reason):
            report.outcome = "failed"
            report.longrepr = "skipped in CI: %s" % reason


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """The developer's shell (an active venv, a language, colours) does not reach the tests."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith("DOCTOR_") and not name.startswith("DOCTOR_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", "C.UTF-8")


def absent(reason):
    """Skip the test for this reason; with ``CI`` set, fail it."""
    if IN_CI:
        pytest.fail("%s, and CI must not go without" % reason)
    pytest.skip(reason)


def need_tool(name):
    """Return the path of an executable; skip (in CI: fail) when it is missing."""
    found = shutil.which(name)
    if not found:
        absent("%s is not installed" % name)
    return found


def find_python(version):
    """Return the path of a real interpreter of this minor version (``3.7``), or None: pyenv's first, then PATH."""
    if "%d.%d" % sys.version_info[:2] == version:
        return os.path.realpath(sys.executable)
    for folder in sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/%s.*" % version)), reverse=True):
        candidate = os.path.join(folder, "bin", "python")
        if os.access(candidate, os.X_OK):
            return candidate
    candidate = shutil.which("python" + version)
    if candidate:
        ran = subprocess.run([candidate, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if ran.returncode == 0:  # a shim of pyenv exists for versions that are not there
            return candidate
    return None


def need_python(version):
    """Return a real interpreter of this minor version; skip (in CI: fail) when there is none."""
    found = find_python(version)
    if not found:
        absent("Python %s is not on this machine" % version)
    return found


def scripts_of(venv):
    """Return the scripts folder of a virtual environment."""
    return Path(venv) / ("Scripts" if os.name == "nt" else "bin")


def make_venv(python, folder, *requirements):
    """Make a virtual environment with these requirements from the package index; return its Python."""
    subprocess.run([str(python), "-m", "venv", str(folder)], check=True)
    target = scripts_of(folder) / ("python.exe" if os.name == "nt" else "python")
    if requirements:
        command = [str(target), "-m", "pip", "install", "-q", "--disable-pip-version-check"] + [
            str(r) for r in requirements
        ]
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        assert ran.returncode == 0, ran.stdout
    return target


@pytest.fixture(scope="session")
def built_wheel(tmp_path_factory):
    """The wheel of this source tree, built once."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(out), str(ROOT)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    assert ran.returncode == 0, ran.stdout
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def matrix():
    """The table of builds that the package carries."""
    from doctor.wheels.matrix import load

    return load()


def load_cases(path):
    """Return the list of cases in one JSON file of ``tests/cases``."""
    with open(str(path), encoding="utf-8") as file:
        return json.load(file)
