"""A terminal of its own for a command, so that doctor can read along; POSIX only."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from typing import Any, List, Sequence, Tuple


def isatty(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False


def in_foreground() -> bool:
    """Return whether standard input is a terminal that is ours to read from, not that of a job in the background."""
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def open_like(fd: int, processed: bool) -> Tuple[int, int]:
    """Return both ends of a new pseudo-terminal with the settings and the size of terminal ``fd``.

    Without ``processed`` it hands on what is written as it is: where what we copy it to is a terminal that turns
    \\n into \\r\\n, once is enough.
    """
    import pty
    import termios

    master, slave = pty.openpty()
    settings = termios.tcgetattr(fd)
    if not processed:
        settings[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    copy_size(fd, master)
    return master, slave


def copy_size(source: int, target: int) -> None:
    import fcntl
    import termios

    try:
        size = fcntl.ioctl(source, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(target, termios.TIOCSWINSZ, size)
    except OSError:
        pass


def make_raw() -> Any:
    """Let standard input hand over every key as it is, and return what ``restore`` needs to end that."""
    import termios
    import tty

    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSANOW)
    return before


def restore(settings: Any) -> None:
    """Give standard input its settings back; as a job in the background it is not ours to set."""
    import termios

    if in_foreground():
        termios.tcsetattr(0, termios.TCSADRAIN, settings)


def lead(argv: Sequence[str], slave: int, out: int, err: int, not_theirs: Sequence[int]) -> int:
    """Start ``argv`` in the foreground of the terminal ``slave`` and return the id of the process that leads it there.

    The leader stops when the command stops, continues it when it is continued itself, passes signals on to it, and ends
    with its status (128 + N when signal N ended it). It is there for Ctrl-Z: a command that leads its terminal itself
    cannot be stopped by it, as there would be nobody to continue it.

    Raises OSError when there is no such command.
    """
    if shutil.which(argv[0]) is None:
        number = errno.EACCES if os.path.exists(argv[0]) else errno.ENOENT
        raise OSError(number, os.strerror(number), argv[0])
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 126
    try:
        for fd in not_theirs:
            os.close(fd)
        status = _lead(argv, slave, out, err)
    except OSError as error:
        os.write(err, ("%s: %s\n" % (argv[0], error.strerror or error)).encode())
    finally:
        os._exit(status)


def _lead(argv: Sequence[str], slave: int, out: int, err: int) -> int:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # the leader sets the terminal from its background
    group: List[int] = []
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT):
        signal.signal(number, lambda number, frame: _signal(group, number))
    child = subprocess.Popen(list(argv), stdin=slave, stdout=out, stderr=err, preexec_fn=_take_foreground)
    group.append(child.pid)
    for fd in {out, err} - {slave}:
        os.close(fd)  # or the reader of a pipe would wait for the leader, too
    while True:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.tcsetpgrp(slave, child.pid)
        _signal(group, signal.SIGCONT)


def _signal(group: Sequence[int], number: int) -> None:
    for pid in group:
        try:
            os.killpg(pid, number)
        except OSError:
            pass


def _take_foreground() -> None:
    """Become a process group of its own in the terminal's foreground (runs before exec)."""
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
