"""The program as a process whose streams, current folder or temporary folder are not what a program expects."""

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT

from doctor.model import DoctorError
from doctor.probes import run as processes

posix = pytest.mark.skipif(os.name != "posix", reason="closes descriptors and deletes the current folder")


def doctor(arguments, folder, **streams):
    """Run the program by the shell, so that ``>&-`` can close its streams."""
    program = "PYTHONPATH=%s exec %s -m doctor %s" % (ROOT, sys.executable, arguments)
    return subprocess.run(
        ["sh", "-c", program],
        cwd=str(folder),
        stdin=subprocess.DEVNULL,
        stdout=streams.get("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        timeout=60,
        universal_newlines=True,
    )


@posix
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_does_not_matter(closed, tmp_path):
    ran = doctor("check --quick --only torch-missing %s" % closed, tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("form", ["console", "json", "markdown"])
def test_a_report_that_cannot_be_written_is_said(form, tmp_path):
    with open("/dev/full", "w") as full:
        ran = doctor("check --quick --only torch-missing --format %s" % form, tmp_path, stdout=full)
    assert ran.returncode == 3
    assert "standard output" in ran.stderr
    assert "Traceback" not in ran.stderr and "Exception" not in ran.stderr


@posix
def test_a_reader_that_leaves_is_no_error(tmp_path):
    ran = doctor("checks --json | head -c 5", tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")


@posix
@pytest.mark.parametrize("form", ["", "--json"])
def test_a_current_folder_that_is_gone(form, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    ran = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD" && PYTHONPATH=%s exec %s -m doctor check --quick %s' % (ROOT, sys.executable, form)],
        cwd=str(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=60,
        universal_newlines=True,
    )
    assert ran.returncode == 3
    message = json.loads(ran.stdout)["error"]["message"] if form else ran.stderr
    assert "current folder" in message
    assert "Traceback" not in ran.stderr


@pytest.fixture
def full_disk(monkeypatch):
    """No folder that ``tempfile`` tries can be written."""

    def no_folder():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(processes.tempfile, "gettempdir", no_folder)
    monkeypatch.setattr(processes, "_scratch", None)


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs /dev/shm")
def test_a_full_disk_can_still_be_examined(full_disk):
    assert processes.run([sys.executable, "-c", "print('here')"], 30).stdout.strip() == "here"


def test_nowhere_to_write_is_one_clear_line(full_disk, monkeypatch):
    def refuse(**settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(processes.tempfile, "TemporaryFile", refuse)
    with pytest.raises(DoctorError, match="temporary file") as raised:
        processes.scratch()
    assert raised.value.exit == 3
