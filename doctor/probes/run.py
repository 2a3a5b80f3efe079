"""The only place that starts a process: argv lists, a time limit, output through files so that nothing blocks."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import IO, Any, List, Mapping, NamedTuple, Optional, Sequence

from ..model import DoctorError
from ..text import Text

#: Bytes of each stream that are kept; a runaway child must not fill the doctor's memory.
KEEP_BYTES = 1 << 20


class Ran(NamedTuple):
    """How a process ended."""

    #: exit status; None when it did not start, was stopped at its time limit, or died of a signal
    returncode: Optional[int]
    stdout: str
    stderr: str
    #: stopped by us at its time limit
    timed_out: bool
    #: why it did not start, in the system's words
    error: Optional[str]
    #: number of the signal that ended it
    signal: Optional[int]
    seconds: float

    @property
    def ok(self) -> bool:
        return self.returncode == 0


class Running:
    """A process under way."""

    def __init__(
        self,
        process: Optional[subprocess.Popen],
        out: IO[bytes],
        err: IO[bytes],
        timeout_s: float,
        error: Optional[str] = None,
    ) -> None:
        self._process = process
        self._out = out
        self._err = err
        self._error = error
        self._started = time.monotonic()
        self._timeout_s = timeout_s
        self._ran: Optional[Ran] = None

    def result(self) -> Ran:
        """Wait until the process ends or its time is up (then it and its children are killed); callable again."""
        if self._ran is None:
            self._ran = self._wait()
        return self._ran

    def kill(self) -> None:
        """Stop the process and its children at once."""
        if self._process is not None and self._process.poll() is None:
            _kill_group(self._process)
            self._process.wait()

    def _wait(self) -> Ran:
        timed_out = False
        returncode = None
        if self._process is not None:
            left = self._timeout_s - (time.monotonic() - self._started)
            try:
                returncode = self._process.wait(max(left, 0.001))
            except subprocess.TimeoutExpired:
                timed_out = True
                _kill_group(self._process)
                try:  # a process in an uninterruptible driver call cannot be killed: leave it, do not hang with it
                    self._process.wait(1)
                except subprocess.TimeoutExpired:
                    pass
        stdout, stderr = _read(self._out), _read(self._err)
        died_of = -returncode if returncode is not None and returncode < 0 else None
        return Ran(
            returncode=None if timed_out or died_of else returncode,
            stdout=stdout,
            stderr=stderr,
            timed_out=timed_out,
            error=self._error,
            signal=died_of,
            seconds=time.monotonic() - self._started,
        )


_scratch: Optional[str] = None


def scratch() -> str:
    """Return a folder for small temporary files: in memory where the disk is full or read-only.

    Raises DoctorError (exit 3) when there is none.
    """
    global _scratch
    if _scratch is None:
        _scratch = _find_scratch()
    return _scratch


def _find_scratch() -> str:
    try:
        return tempfile.gettempdir()
    except OSError as error:
        for folder in ("/dev/shm", "/run/user/%d" % getattr(os, "getuid", int)(), "/run/lock"):
            try:
                with tempfile.TemporaryFile(dir=folder) as trial:
                    trial.write(bytes(1 << 14))
                return folder
            except OSError:
                continue
        raise DoctorError(
            Text("No temporary file can be written: {detail}.", "无法写入任何临时文件：{detail}。"),
            Text(
                "Free some space (`df -h`), or name a folder that can be written: TMPDIR=/path doctor …",
                "请先清理空间（`df -h`），或指定可写的目录：TMPDIR=/path doctor …",
            ),
            detail=str(error.strerror or error),
        )


def start(
    argv: Sequence[str],
    timeout_s: float,
    env: Optional[Mapping[str, str]] = None,
    cwd: Optional[str] = None,
    stdin: Optional[bytes] = None,
) -> Running:
    """Start a process and return at once; ``Running.result`` collects it.

    A program that cannot be started is no exception: ``Ran.error`` says why.
    """
    out, err = tempfile.TemporaryFile(dir=scratch()), tempfile.TemporaryFile(dir=scratch())
    options: Any = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x00000200}
    source: Any = subprocess.DEVNULL
    feed: Optional[IO[bytes]] = None
    if stdin is not None:
        feed = tempfile.TemporaryFile(dir=scratch())
        feed.write(stdin)
        feed.seek(0)
        source = feed
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=source,
            stdout=out,
            stderr=err,
            env=None if env is None else dict(env),
            cwd=cwd,
            **options,
        )
    except (OSError, ValueError) as error:
        return Running(None, out, err, timeout_s, error=str(error))
    finally:
        if feed is not None:
            feed.close()
    return Running(process, out, err, timeout_s)


def run(
    argv: Sequence[str],
    timeout_s: float,
    env: Optional[Mapping[str, str]] = None,
    cwd: Optional[str] = None,
    stdin: Optional[bytes] = None,
) -> Ran:
    """Run a process to its end or its time limit."""
    return start(argv, timeout_s, env=env, cwd=cwd, stdin=stdin).result()


def which(name: str, path: Optional[str] = None) -> Optional[str]:
    """Return the program that PATH finds, or None."""
    import shutil

    return shutil.which(name, path=path)


def quiet_python(executable: str) -> List[str]:
    """Return the argv that starts a Python without writing bytecode or reading standard input."""
    return [executable, "-B"]


def _kill_group(process: subprocess.Popen) -> None:
    try:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (OSError, ProcessLookupError):
        pass


def _read(stream: IO[bytes]) -> str:
    """Return the stream's text: all of it, or its first and last part when it is long."""
    try:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if size <= KEEP_BYTES:
            data = stream.read()
        else:
            head = stream.read(KEEP_BYTES // 2)
            stream.seek(size - KEEP_BYTES // 2)
            data = head + b"\n...\n" + stream.read()
    except (OSError, ValueError):
        return ""
    finally:
        stream.close()
    text = data.decode("utf-8", "replace")
    return text.replace("\r\n", "\n") if sys.platform == "win32" else text
