"""``doctor run`` leaves a command's bytes, terminal, signals and status alone, and keeps the end of its output."""

import os
import signal
import subprocess
import sys
import time

import pytest

from doctor.probes.ring import Ring

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUN = (
    "import sys; sys.path.insert(0, %r); from doctor.probes.runner import run_command;"
    "status, tail = run_command(sys.argv[1:]);"
    "open(%s, 'w', encoding='utf-8', errors='replace').write(tail) if %s else None; sys.exit(status)"
)

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX terminals")


def command(program, tail=None):
    return [sys.executable, "-c", RUN % (ROOT, repr(tail), bool(tail)), sys.executable, "-c", program]


def test_ring_keeps_the_last_bytes():
    ring = Ring(10)
    for chunk in (b"abcdef", b"ghij", b"klm"):
        ring.add(chunk)
    assert ring.content() == b"defghijklm"


def test_streams_stay_apart_and_unchanged(tmp_path):
    tail = str(tmp_path / "tail")
    program = (
        "import sys,os; data=bytes(range(256))*300; sys.stdout.buffer.write(data); sys.stdout.flush();"
        "sys.stderr.write('ValueError: wrong\\n'); sys.exit(3)"
    )
    done = subprocess.run(command(program, tail), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 3
    assert done.stdout == bytes(range(256)) * 300
    assert done.stderr == b"ValueError: wrong" + os.linesep.encode()
    with open(tail, encoding="utf-8") as stream:
        assert "ValueError: wrong" in stream.read()


def test_order_is_kept_when_both_streams_are_one():
    program = "import os\nfor n in range(200): os.write(1, b'o%d ' % n); os.write(2, b'e%d ' % n)"
    done = subprocess.run(command(program), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout == b"".join(b"o%d e%d " % (n, n) for n in range(200))


def test_standard_input_reaches_the_command():
    program = "import sys; sys.stdout.write(sys.stdin.read().upper())"
    done = subprocess.run(command(program), input=b"typed", stdout=subprocess.PIPE)
    assert done.stdout == b"TYPED"


def test_a_command_that_is_not_there_is_127():
    done = subprocess.run([sys.executable, "-c", RUN % (ROOT, "None", False), "no-such-command-here"])
    assert done.returncode == 127


@posix
def test_a_signal_that_ends_the_command_is_128_and_its_number():
    done = subprocess.run(command("import os,signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert done.returncode == 128 + signal.SIGKILL


@posix
def test_sigterm_is_passed_on(tmp_path):
    ready = tmp_path / "ready"
    program = (
        "import signal,sys,time; signal.signal(signal.SIGTERM, lambda *a: sys.exit(7));"
        "open(%r,'w').close(); time.sleep(30)" % str(ready)
    )
    running = subprocess.Popen(command(program))
    for _ in range(200):
        if ready.exists():
            break
        time.sleep(0.05)
    running.terminate()
    assert running.wait(10) == 7


def in_terminal(program, typed=b"", wait_for=b"", seconds=20):
    """Return (status, bytes) of the command run by doctor inside a pseudo-terminal of its own."""
    import pty

    pid, master = pty.fork()
    if pid == 0:
        line = command(program)
        os.execv(line[0], line)
    output, deadline, sent = b"", time.monotonic() + seconds, False
    while time.monotonic() < deadline:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        output += chunk
        if typed and not sent and wait_for in output:
            os.write(master, typed)
            sent = True
    _, status = os.waitpid(pid, 0)
    os.close(master)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status), output


@posix
def test_a_terminal_stays_a_terminal():
    program = (
        "import sys; print(sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty()); print('\\x1b[31mred\\x1b[0m')"
    )
    status, output = in_terminal(program)
    assert status == 0
    assert output == b"True True True\r\n\x1b[31mred\x1b[0m\r\n"


@posix
def test_typing_reaches_a_command_in_a_terminal():
    status, output = in_terminal("print('name?', flush=True); print('hello', input())", b"doctor\r", b"name?")
    assert status == 0 and b"hello doctor" in output


@posix
def test_ctrl_c_interrupts_the_command_and_not_doctor():
    program = (
        "import time\ntry:\n    print('ready', flush=True)\n    time.sleep(30)\nexcept "
        "KeyboardInterrupt:\n    raise SystemExit(42)"
    )
    status, _ = in_terminal(program, b"\x03", b"ready")
    assert status == 42


@posix
def test_a_child_that_stays_behind_does_not_hold_doctor():
    program = (
        "import subprocess,sys; subprocess.Popen([sys.executable,'-c','import time; time.sleep(8)']); print('done')"
    )
    started = time.monotonic()
    done = subprocess.run(command(program), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert done.returncode == 0 and time.monotonic() - started < 6
