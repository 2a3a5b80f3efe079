"""Run a command as if doctor were not there, and keep the end of what it printed.

On POSIX each stream that is a terminal stays one for the command (a pseudo-terminal in between), so colours, progress
bars, line editing, Ctrl-C and the window size work; each stream that is a file or a pipe is copied byte for byte. On
Windows, which has no such terminals for us, standard output is left alone where it is a console and only standard
error passes through a pipe: that is where a failure is written.
"""

import functools
import os
import selectors
import signal
import subprocess
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ..source_text import encoding_of
from .ring import Ring

_CHUNK = 1 << 16
#: How the shells report a command that is not there, or cannot be started.
NOT_FOUND, NOT_EXECUTABLE = 127, 126


def run_command(argv: Sequence[str], ring: Optional[Ring] = None) -> Tuple[int, str]:
    """Run ``argv`` in the foreground and return its exit status and the last of its output as text.

    The status is the command's own; 128 + N when signal N ended it, 127 when there is no such command, 126 when it
    cannot be started. Nothing is written but what the command writes.
    """
    ring = Ring() if ring is None else ring
    try:
        status = _windows(argv, ring) if os.name == "nt" else _Posix(argv, ring).run()
    except FileNotFoundError as error:
        return NOT_FOUND, str(error)
    except OSError as error:
        return NOT_EXECUTABLE, str(error)
    data = ring.content()
    return (128 - status if status < 0 else status), data.decode(encoding_of(data), "replace")


def _windows(argv: Sequence[str], ring: Ring) -> int:
    console = sys.stdout is not None and sys.stdout.isatty()
    child = subprocess.Popen(list(argv), stdout=None if console else subprocess.PIPE, stderr=subprocess.PIPE)
    threads = [
        threading.Thread(target=_copy, args=(source, target, ring), daemon=True)
        for source, target in ((child.stdout, 1), (child.stderr, 2))
        if source is not None
    ]
    for thread in threads:
        thread.start()
    while True:
        try:
            status = child.wait()
            break
        except KeyboardInterrupt:  # the console sends Ctrl-C to the command as well; it decides
            continue
    for thread in threads:
        thread.join()
    return status


def _copy(source: Any, target: int, ring: Ring) -> None:
    for chunk in iter(lambda: source.read1(_CHUNK), b""):
        ring.add(chunk)
        _write(target, chunk)


def _write(target: int, chunk: bytes) -> bool:
    """Write all of it; False when nobody reads any more."""
    view = memoryview(chunk)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            _wait_until_writable(target)
        except OSError:
            return False
    return True


def _wait_until_writable(target: int) -> None:
    """Return when ``target`` can be written to."""
    with selectors.DefaultSelector() as selector:
        selector.register(target, selectors.EVENT_WRITE)
        selector.select()


class _Posix:
    """One run on a system with pseudo-terminals."""

    def __init__(self, argv: Sequence[str], ring: Ring) -> None:
        self._argv = list(argv)
        self._ring = ring
        #: reading end -> where its bytes go
        self._routes: Dict[int, int] = {}
        self._master: Optional[int] = None
        self._typed = b""
        self._undo: List[Callable[[], Any]] = []

    def run(self) -> int:
        terminals = [fd for fd in (1, 2) if _isatty(fd)]
        interactive = bool(terminals) and _isatty(0)
        slave = self._open_terminal(terminals[0], interactive) if terminals else None
        writing: Dict[int, int] = {}
        opened: List[int] = [] if slave is None else [slave]
        for fd in (1, 2):
            if fd in terminals:
                writing[fd] = slave  # type: ignore[assignment]
            elif fd == 2 and 1 in writing and 1 not in terminals and _same_file(1, 2):
                writing[fd] = writing[1]
            else:
                reading, writing[fd] = os.pipe()
                self._routes[reading] = fd
                opened.append(writing[fd])
        try:
            child = subprocess.Popen(
                self._argv,
                stdin=slave if interactive else None,
                stdout=writing[1],
                stderr=writing[2],
                preexec_fn=_own_terminal if interactive else None,
            )
        finally:
            for fd in opened:
                os.close(fd)
        try:
            if interactive:
                self._raw_terminal()
            self._pass_signals_on(child, interactive)
            self._copy_until_exit(child, interactive)
            return child.wait()
        finally:
            for undo in reversed(self._undo):
                undo()
            for fd in self._routes:
                os.close(fd)

    def _open_terminal(self, like: int, interactive: bool) -> int:
        """Return the command's end of a new pseudo-terminal with the settings and the size of terminal ``like``."""
        import pty
        import termios

        master, slave = pty.openpty()
        self._master = master
        self._routes[master] = like
        settings = termios.tcgetattr(like)
        if not interactive:
            # Our own terminal goes on turning \n into \r\n; once is enough.
            settings[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        self._copy_size(like)
        return slave

    def _copy_size(self, like: int) -> None:
        import fcntl
        import termios

        try:
            size = fcntl.ioctl(like, termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)  # type: ignore[arg-type]
        except OSError:
            pass

    def _raw_terminal(self) -> None:
        """Hand every key to the command: its own terminal makes Ctrl-C and line editing out of them."""
        import termios
        import tty

        before = termios.tcgetattr(0)
        tty.setraw(0, termios.TCSANOW)
        self._undo.append(lambda: termios.tcsetattr(0, termios.TCSADRAIN, before))

    def _pass_signals_on(self, child: subprocess.Popen, interactive: bool) -> None:
        def forward(number: int, frame: Any) -> None:
            try:
                (os.killpg if interactive else os.kill)(child.pid, number)
            except OSError:
                pass

        def resized(number: int, frame: Any) -> None:
            if self._master is not None:
                self._copy_size(self._routes[self._master])

        handlers: Dict[int, Any] = {signal.SIGTERM: forward, signal.SIGHUP: forward, signal.SIGQUIT: forward}
        # Ctrl-C reaches the command through its terminal or its process group; doctor has to live on to explain.
        handlers[signal.SIGINT] = forward if interactive else signal.SIG_IGN
        if self._master is not None:
            handlers[signal.SIGWINCH] = resized
        if threading.current_thread() is not threading.main_thread():
            return
        for number, handler in handlers.items():
            before = signal.signal(number, handler)
            self._undo.append(functools.partial(signal.signal, number, before))

    def _copy_until_exit(self, child: subprocess.Popen, interactive: bool) -> None:
        with selectors.DefaultSelector() as selector:
            for fd in self._routes:
                selector.register(fd, selectors.EVENT_READ)
            if interactive:
                selector.register(0, selectors.EVENT_READ)
            open_routes = set(self._routes)
            exited = False
            while open_routes:
                events = selector.select(0 if exited else 0.25)
                if exited and not any(key.fd in open_routes for key, _ in events):
                    return  # what still holds the pipe is a child that stays behind
                for key, mask in events:
                    if key.fd == 0:
                        self._type(selector)
                    elif mask & selectors.EVENT_WRITE:
                        self._deliver(selector)
                    if key.fd in open_routes and mask & selectors.EVENT_READ and not self._pump(key.fd):
                        selector.unregister(key.fd)
                        open_routes.discard(key.fd)
                if not exited:
                    exited = child.poll() is not None

    def _pump(self, fd: int) -> bool:
        """Copy what is there; False at the end of the stream, or when nobody wants it any more."""
        try:
            chunk = os.read(fd, _CHUNK)
        except OSError:  # EIO: the last holder closed the pseudo-terminal
            return False
        if not chunk:
            return False
        self._ring.add(chunk)
        return _write(self._routes[fd], chunk)

    def _type(self, selector: Any) -> None:
        """Take keys; no more of them until the command has read these."""
        try:
            self._typed = os.read(0, _CHUNK)
        except OSError:
            self._typed = b""
        selector.unregister(0)
        if self._typed:
            self._deliver(selector)

    def _deliver(self, selector: Any) -> None:
        master = self._master
        assert master is not None
        os.set_blocking(master, False)
        try:
            self._typed = self._typed[os.write(master, self._typed) :]
        except BlockingIOError:
            pass
        except OSError:
            self._typed = b""
        finally:
            os.set_blocking(master, True)
        try:
            if self._typed:
                selector.modify(master, selectors.EVENT_READ | selectors.EVENT_WRITE)
            else:
                selector.modify(master, selectors.EVENT_READ)
                selector.register(0, selectors.EVENT_READ)
        except KeyError:
            pass


def _own_terminal() -> None:
    """Make standard input the controlling terminal of a new session (runs in the child before exec)."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _isatty(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False


def _same_file(one: int, other: int) -> bool:
    """Return whether both descriptors are the same pipe or file, so that their order can be kept."""
    try:
        a, b = os.fstat(one), os.fstat(other)
    except OSError:
        return False
    return (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
