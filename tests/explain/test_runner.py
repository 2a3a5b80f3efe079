"""``doctor run`` leaves a command's bytes, terminal, signals and status alone, and keeps the end of its output."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

import pytest

from doctor.model import DoctorError
from doctor.probes.ring import Ring
from doctor.probes.runner import run_command

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


def test_what_cannot_be_started_is_said_as_shells_do(tmp_path):
    with pytest.raises(DoctorError) as caught:
        run_command(["no-such-command-here"])
    assert caught.value.exit == 127
    if os.name != "nt":
        (tmp_path / "data").write_bytes(b"no program")
        with pytest.raises(DoctorError) as caught:
            run_command([str(tmp_path / "data")])
        assert caught.value.exit == 126


def test_not_a_byte_is_changed_however_much_is_written(tmp_path):
    """20 MB of everything on both streams, to a file and to a slow pipe."""
    program = (
        "import sys, os\n"
        "block = bytes(range(256)) * 257\n"
        "for n in range(300): os.write(1, block); os.write(2, b'%d\\r' % n)"
    )
    wanted, bars = bytes(range(256)) * 257 * 300, b"".join(b"%d\r" % n for n in range(300))
    with open(str(tmp_path / "out"), "wb") as out:
        running = subprocess.Popen(command(program), stdout=out, stderr=subprocess.PIPE)
        time.sleep(0.3)
        assert running.stderr.read() == bars and running.wait() == 0
        running.stderr.close()
    assert (tmp_path / "out").read_bytes() == wanted
    running = subprocess.Popen(command(program), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    assert running.stdout.read() == wanted and running.wait() == 0
    running.stdout.close()


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


class Terminal:
    """A terminal with a shell that knows jobs, as a user sits at it."""

    def __init__(self, rows=24, columns=80):
        import pty

        self.pid, self.master = pty.fork()
        if self.pid == 0:
            environment = dict(os.environ, PS1="$ ", BASH_SILENCE_DEPRECATION_WARNING="1")
            os.execve(BASH, [BASH, "--norc", "--noprofile", "--noediting", "-i"], environment)
        self.size(rows, columns)
        self.output = b""

    def size(self, rows, columns):
        import fcntl
        import struct
        import termios

        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys)

    def wait_for(self, words, seconds=20):
        """Return what was printed up to and with ``words``; from now on only what follows counts."""
        import select

        deadline = time.monotonic() + seconds
        while words not in self.output:
            assert time.monotonic() < deadline, "no %r in %r" % (words, self.output)
            if select.select([self.master], [], [], 0.1)[0]:
                self.output += os.read(self.master, 65536)
        before, words, self.output = self.output.partition(words)
        return before + words

    def close(self):
        os.kill(self.pid, signal.SIGHUP)
        os.close(self.master)
        os.waitpid(self.pid, 0)


BASH = shutil.which("bash") or ""


@pytest.fixture
def terminal(tmp_path):
    if os.name == "nt" or not BASH:
        pytest.skip("needs a shell with jobs")
    opened = Terminal()
    yield opened
    opened.close()


def line(tmp_path, program, after=""):
    """Return what to type so that doctor runs the program."""
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "run.py").write_text(RUN % (ROOT, "None", False))
    parts = [sys.executable, str(tmp_path / "run.py"), sys.executable, str(tmp_path / "program.py")]
    return (" ".join(shlex.quote(part) for part in parts) + after + "\n").encode()


COUNTING = """
import sys, time
for n in range(600):
    sys.stdout.write("\\rstep-%d" % n)
    sys.stdout.flush()
    if n == 3:
        print("typed", repr(input("name? ")))
    time.sleep(0.02 if n < 500 else 0.01)
"""


def test_ctrl_z_stops_the_command_and_fg_continues_it(terminal, tmp_path):
    terminal.type(line(tmp_path, COUNTING, "; echo status-$?"))
    terminal.wait_for(b"name? ")
    terminal.type(b"\x1a")
    terminal.wait_for(b"Stopped")
    terminal.type(b"stty -a\n")
    assert b" icanon" in terminal.wait_for(b"echoke")  # the terminal is the shell's own again
    terminal.type(b"fg; echo status-$?\n")
    time.sleep(0.5)
    terminal.type(b"me\n")
    terminal.wait_for(b"typed 'me'")
    terminal.wait_for(b"step-20")
    terminal.type(b"\x1a")
    terminal.wait_for(b"Stopped")
    terminal.type(b"bg\n")
    terminal.wait_for(b"step-40")
    terminal.type(b"fg; echo status-$?\n")
    terminal.wait_for(b"step-60")
    terminal.type(b"\x03")
    assert b"KeyboardInterrupt" in terminal.wait_for(b"status-1")


def test_a_job_in_the_background_is_not_stopped(terminal, tmp_path):
    terminal.type(line(tmp_path, "import sys; print('tty', sys.stdout.isatty(), end='-end\\n')", " &"))
    terminal.wait_for(b"tty True-end")
    terminal.type(b"wait; echo all-$?\n")
    terminal.wait_for(b"all-0")


def test_the_window_and_its_changes_reach_the_command(terminal, tmp_path):
    terminal.size(31, 97)
    terminal.type(
        line(
            tmp_path,
            "import os, signal, time\n"
            "signal.signal(signal.SIGWINCH, lambda *_: print('now', os.get_terminal_size().columns, flush=True))\n"
            "print('size', os.get_terminal_size().columns, flush=True)\n"
            "time.sleep(20)",
        )
    )
    terminal.wait_for(b"size 97")
    terminal.size(31, 61)
    terminal.wait_for(b"now 61")


def test_only_one_stream_in_the_terminal(terminal, tmp_path):
    """``doctor run -- … | cat``: standard output is a pipe, the rest is the terminal."""
    program = "import sys; print(sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty(), input('? '), flush=True)"
    terminal.type(line(tmp_path, program, " | cat; echo status-$?"))
    time.sleep(0.5)
    terminal.type(b"answer\n")
    terminal.wait_for(b"True False True answer")
    terminal.wait_for(b"status-0")
    terminal.type(line(tmp_path, "import sys; print(sys.stdin.read())", "; echo status-$?"))
    time.sleep(0.5)
    terminal.type(b"to the end\n\x04")
    terminal.wait_for(b"to the end\r\nto the end\r\n")
    terminal.wait_for(b"status-0")
