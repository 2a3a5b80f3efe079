"""A log of 200 MB is read as a stream: in seconds, and without holding it."""

import os
import subprocess
import sys
import time

import pytest
from conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "wait4"), reason="only on POSIX systems: the peak of a child's memory is asked"),
]

LINE = "epoch %07d/9999999 loss 0.1234 lr 0.0001 time 0.05 data 0.01 memory 4096 eta 1:00:00"
FAULT = "RuntimeError: Could not run 'torchvision::nms' with arguments from the 'CUDA' backend."
#: runs a command and says on stderr what memory it took at most; a process that is itself small has to ask, because
#: a child's peak counts what it had as a copy of its parent
PEAK = """
import os, subprocess, sys
print(os.wait4(subprocess.Popen(sys.argv[1:]).pid, 0)[2].ru_maxrss, file=sys.stderr)
os._exit(0)
"""


def write(path, end):
    """Write 200 MB of training; the fault stands in its first third."""
    written = number = 0
    with open(str(path), "w", newline="") as log:
        while written < 200e6:
            chunk = end.join(LINE % (number + at) for at in range(10000)) + "\n"
            number += 10000
            log.write(chunk + (FAULT + "\n" if number == 700000 else ""))
            written += len(chunk)


@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize("end", ["\n", "\r"], ids=["lines", "progress-bars"])
def test_a_huge_log(tmp_path, end, piped):
    log = tmp_path / "train.log"
    write(log, end)
    started = time.monotonic()
    argv = [sys.executable, "-m", "doctor", "explain", "--json", "-" if piped else str(log)]
    with open(str(log), "rb") as source:
        ran = subprocess.run(
            [sys.executable, "-c", PEAK] + argv,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ, PYTHONPATH=str(ROOT)),
        )
    log.unlink()
    assert b'"torchvision-cpu-build"' in ran.stdout
    assert time.monotonic() - started < 20
    assert int(ran.stderr) / (1024 if sys.platform == "darwin" else 1) < 150000  # KB; about 45,000 is usual
