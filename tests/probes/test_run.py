"""The one place that starts processes: silent, noisy, slow, dying and missing programs."""

import os
import signal
import sys
import time

import pytest

from doctor.probes import run

PYTHON = sys.executable


def test_output_and_status():
    ran = run.run([PYTHON, "-c", "import sys; print('out'); sys.stderr.write('err'); sys.exit(3)"], 30)
    assert (ran.returncode, ran.stdout.strip(), ran.stderr, ran.timed_out, ran.error) == (3, "out", "err", False, None)
    assert not ran.ok


def test_a_program_that_is_not_there_is_no_exception(tmp_path):
    ran = run.run([str(tmp_path / "nothing")], 5)
    assert ran.returncode is None and ran.error and not ran.timed_out


def test_a_program_that_hangs_is_stopped_with_its_children(tmp_path):
    mark = tmp_path / "child"
    code = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    code += "open(%r, 'w').write(str(p.pid)); time.sleep(60)" % str(mark)
    began = time.monotonic()
    running = run.start([PYTHON, "-c", code], 2.0)
    while not mark.exists() and time.monotonic() - began < 10:
        time.sleep(0.05)
    ran = running.result()
    assert ran.timed_out and ran.returncode is None
    assert time.monotonic() - began < 20
    child = int(mark.read_text() or 0)
    for _ in range(100):
        if not _alive(child):
            break
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as stream:
            return stream.read().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(os.name != "posix", reason="only on POSIX systems")
def test_a_signal_is_named():
    ran = run.run([PYTHON, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"], 30)
    assert ran.signal == signal.SIGSEGV and ran.returncode is None


def test_endless_output_is_cut_in_the_middle():
    code = "import sys; sys.stdout.write('a' * %d + 'z')" % (3 * run.KEEP_BYTES)
    ran = run.run([PYTHON, "-c", code], 30)
    assert ran.stdout.startswith("a") and ran.stdout.endswith("z")
    assert len(ran.stdout) < run.KEEP_BYTES + 100


def test_bytes_that_are_no_text_are_replaced():
    ran = run.run([PYTHON, "-c", "import sys; sys.stdout.buffer.write(b'\\xff\\xfeok')"], 30)
    assert ran.stdout.endswith("ok")


def test_standard_input_is_closed_or_fed():
    code = "import sys; print(repr(sys.stdin.read()))"
    assert run.run([PYTHON, "-c", code], 30).stdout.strip() == "''"
    assert run.run([PYTHON, "-c", code], 30, stdin=b"hello").stdout.strip() == "'hello'"


def test_the_result_can_be_asked_for_twice():
    running = run.start([PYTHON, "-c", "print(1)"], 30)
    assert running.result() is running.result()


def test_several_run_side_by_side():
    code = "import time; time.sleep(3)"
    began = time.monotonic()
    for running in [run.start([PYTHON, "-c", code], 30) for _ in range(3)]:
        assert running.result().ok
    assert time.monotonic() - began < 8.5
