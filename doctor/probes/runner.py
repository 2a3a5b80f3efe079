"""Run a command as if doctor were not there, and keep the end of what it printed.

On POSIX each stream that is a terminal stays one for the command (a pseudo-terminal in between), so colours, progress
bars, line editing, Ctrl-C, Ctrl-Z and the window size work; each stream that is a file or a pipe is copied byte for
byte. On Windows, which has no such terminals for us, standard output is left alone where it is a console and only
standard error passes through a pipe: that is where a failure is written.
"""

import functools
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ..model import DoctorError
from ..source_text import encoding_of
from ..text import Text
from . import terminal
from .ring import Ring

_CHUNK = 1 << 16
#: After fewer bytes than this there is a pause: a command that writes word by word is read line by line, and is not
#: held up by a reader who wants to be woken for each of them.
_FEW_BYTES, _PAUSE_S = 1 << 10, 0.001
#: How the shells report a command that is not there, or cannot be started.
NOT_FOUND, NOT_EXECUTABLE = 127, 126


def run_command(argv: Sequence[str], ring: Optional[Ring] = None) -> Tuple[int, str]:
    """Run ``argv`` in the foreground and return its exit status and the last of its output as text.

    The status is the command's own; 128 + N when signal N ended it. Nothing is written but what the command writes.

    Raises DoctorError: exit 127 when there is no such command, 126 when it cannot be started.
    """
    ring = Ring() if ring is None else ring
    try:
        status = _windows(argv, ring) if os.name == "nt" else _Posix(argv, ring).run()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise DoctorError(
            Text("{name}: there is no such command.", "{name}：没有这个命令。")
            if missing
            else Text("{name} cannot be started: {reason}", "{name} 无法启动：{reason}"),
            exit=NOT_FOUND if missing else NOT_EXECUTABLE,
            name=argv[0],
            reason=error.strerror or str(error),
        )
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
        #: what was read last was short
        self._few = False
        #: the leader of the terminal that the command is typed into; None when it has our own standard input
        self._leader: Optional[int] = None
        #: the settings of our terminal while it is raw
        self._settings: Any = None
        self._stopped = self._continued = False
        self._undo: List[Callable[[], Any]] = []

    def run(self) -> int:
        terminals = [fd for fd in (1, 2) if terminal.isatty(fd)]
        interactive = bool(terminals) and terminal.in_foreground()
        writing: Dict[int, int] = {}
        opened: List[int] = []
        if terminals:
            self._master, slave = terminal.open_like(terminals[0], processed=interactive)
            self._routes[self._master] = terminals[0]
            opened.append(slave)
        for fd in (1, 2):
            if fd in terminals:
                writing[fd] = slave
            elif fd == 2 and 1 in writing and 1 not in terminals and _same_file(1, 2):
                writing[fd] = writing[1]
            else:
                reading, writing[fd] = os.pipe()
                self._routes[reading] = fd
                opened.append(writing[fd])
        try:
            if interactive:
                self._leader = pid = terminal.lead(self._argv, slave, writing[1], writing[2], list(self._routes))
                wait = self._wait_for_leader
            else:
                child = subprocess.Popen(self._argv, stdout=writing[1], stderr=writing[2])
                pid = child.pid

                def wait(block: bool) -> Optional[int]:
                    return child.wait() if block else child.poll()

        finally:
            for fd in opened:
                os.close(fd)
        try:
            self._pass_signals_on(pid)
            return self._copy_until_exit(wait)
        finally:
            for undo in reversed(self._undo):
                undo()
            self._cook()
            for fd in self._routes:
                os.close(fd)

    def _pass_signals_on(self, pid: int) -> None:
        def forward(number: int, frame: Any) -> None:
            try:
                os.kill(pid, number)
            except OSError:
                pass

        def resized(number: int, frame: Any) -> None:
            terminal.copy_size(self._routes[self._master], self._master)  # type: ignore[index,arg-type]
            if self._leader is None:
                forward(number, frame)  # it heard of it with us, and may have looked at the size too early

        def continued(number: int, frame: Any) -> None:
            self._continued = True

        handlers: Dict[int, Any] = {signal.SIGTERM: forward, signal.SIGHUP: forward, signal.SIGQUIT: forward}
        # Ctrl-C reaches the command through its terminal or its process group; doctor has to live on to explain.
        handlers[signal.SIGINT] = forward if self._leader else signal.SIG_IGN
        if self._leader is not None:
            handlers[signal.SIGCONT] = continued
        if self._master is not None:
            handlers[signal.SIGWINCH] = resized
        if threading.current_thread() is not threading.main_thread():
            return
        for number, handler in handlers.items():
            before = signal.signal(number, handler)
            self._undo.append(functools.partial(signal.signal, number, before))

    def _copy_until_exit(self, wait: Callable[[bool], Optional[int]]) -> int:
        """Copy what the command writes and what is typed, and return the command's status."""
        with selectors.DefaultSelector() as selector:
            for fd in self._routes:
                selector.register(fd, selectors.EVENT_READ)
            if self._leader is not None:
                self._listen(selector)
            open_routes = set(self._routes)
            status = None
            while open_routes:
                events = selector.select(0 if status is not None else 0.25)
                if status is not None and not any(key.fd in open_routes for key, _ in events):
                    break  # what still holds the pipe is a child that stays behind
                for key, mask in events:
                    if key.fd == 0:
                        self._type(selector)
                    elif mask & selectors.EVENT_WRITE:
                        self._deliver(selector)
                    if key.fd in open_routes and mask & selectors.EVENT_READ and not self._pump(key.fd):
                        selector.unregister(key.fd)
                        open_routes.discard(key.fd)
                if status is None and self._few:
                    time.sleep(_PAUSE_S)
                    self._few = False
                elif status is None:
                    status = wait(False)
                if self._stopped and not events:
                    self._stop_with_it()
                if self._continued:
                    self._continued = False
                    self._listen(selector)
        return wait(True) if status is None else status  # type: ignore[return-value]

    # ------------------------------------------------------------ the job that doctor and its command are

    def _wait_for_leader(self, block: bool) -> Optional[int]:
        """Return the status of the command, or None while it lives; takes note when it was stopped."""
        pid, status = os.waitpid(self._leader, 0 if block else os.WNOHANG | os.WUNTRACED)  # type: ignore[arg-type]
        if pid == 0:
            return None
        if os.WIFSTOPPED(status):
            self._stopped = True
            return None
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)

    def _stop_with_it(self) -> None:
        """Stop with the whole job, as the command did; go on when the shell says so."""
        self._stopped = False
        self._cook()
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
        self._continued = True
        os.kill(self._leader, signal.SIGCONT)  # type: ignore[arg-type]

    def _listen(self, selector: Any) -> None:
        """Take what is typed if our job is in the foreground: every key goes to the command as it is."""
        listening = 0 in selector.get_map()
        if not terminal.in_foreground():
            if listening:
                selector.unregister(0)
            return
        if self._settings is None:
            self._settings = terminal.make_raw()
        if not listening and not self._typed:
            selector.register(0, selectors.EVENT_READ)

    def _cook(self) -> None:
        """Give our terminal its settings back."""
        if self._settings is not None:
            terminal.restore(self._settings)
            self._settings = None

    def _pump(self, fd: int) -> bool:
        """Copy what is there; False at the end of the stream, or when nobody wants it any more."""
        try:
            chunk = os.read(fd, _CHUNK)
        except OSError:  # EIO: the last holder closed the pseudo-terminal
            return False
        if not chunk:
            return False
        self._ring.add(chunk)
        self._few = len(chunk) < _FEW_BYTES
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
                self._listen(selector)
        except KeyError:
            pass


def _same_file(one: int, other: int) -> bool:
    """Return whether both descriptors are the same pipe or file, so that their order can be kept."""
    try:
        a, b = os.fstat(one), os.fstat(other)
    except OSError:
        return False
    return (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
