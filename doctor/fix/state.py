"""Where a fix keeps its lock, journals and snapshots, and whether what lies there can be trusted."""

import os
import stat
import sys
from typing import IO, Optional

from ..model import DoctorError
from ..text import Text

#: name of the file that holds the id of the fix under way
ACTIVE = "active"


def folder(prefix: str) -> str:
    """Return the state folder of an environment: ``<prefix>/.doctor``; for a system Python one of the user's own."""
    real = os.path.realpath(prefix)
    if any(os.path.exists(os.path.join(real, mark)) for mark in ("pyvenv.cfg", "conda-meta")):
        return os.path.join(real, ".doctor")
    import hashlib  # loads OpenSSL, and most runs look into a venv

    name = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local")
    else:
        base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(base, "torch-doctor", name)


def active(prefix: str) -> Optional[str]:
    """Return the id of the fix that is under way or was cut short, or None."""
    try:
        with open(os.path.join(folder(prefix), ACTIVE), encoding="ascii") as file:
            return file.read().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def interrupted(prefix: str) -> Optional[str]:
    """Return the id of a fix that was cut short, or None; one that still runs is not cut short."""
    id = active(prefix)
    if id is None:
        return None
    try:
        with Lock(folder(prefix)):
            return active(prefix)
    except DoctorError:
        return None


def make(path: str) -> str:
    """Make a state folder (mode 0700) unless it is there; raises DoctorError when it is not ours to trust."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise DoctorError(CANNOT_WRITE, CANNOT_WRITE_HINT, path=path, detail=error.strerror or str(error))
    trust(path, directory=True)
    return path


def trust(path: str, directory: bool = False) -> None:
    """Raise DoctorError unless a path is a real file (or folder) of the user or root that no one else can write."""
    found = os.lstat(path)
    right_kind = stat.S_ISDIR(found.st_mode) if directory else stat.S_ISREG(found.st_mode)
    owned = os.name == "nt" or found.st_uid in (os.geteuid(), 0)
    if not right_kind or not owned or (os.name != "nt" and found.st_mode & 0o022):
        raise DoctorError(NOT_OURS, NOT_OURS_HINT, path=path)


class Lock:
    """One doctor at a time in an environment: held until closed, and by the installer that inherits it.

    The operating system frees it when the last holder ends, however that happens.
    """

    def __init__(self, state: str) -> None:
        self._path = os.path.join(state, "lock")
        self._file: Optional[IO] = None

    def __enter__(self) -> "Lock":
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError as error:
            raise DoctorError(CANNOT_WRITE, CANNOT_WRITE_HINT, path=self._path, detail=error.strerror or str(error))
        self._file = os.fdopen(handle, "r+")
        try:
            _lock(self._file)
        except OSError:
            self._file.close()
            raise DoctorError(BUSY, BUSY_HINT, path=os.path.dirname(self._path))
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def handles(self) -> tuple:
        """File descriptors that an installer inherits, so that nobody takes the lock while it still runs."""
        return (self._file.fileno(),) if self._file is not None and os.name == "posix" else ()


def _lock(file: IO) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def settle(path: str) -> None:
    """Make a folder's entries safe against loss of power, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def settle_all() -> None:
    """Make everything written so far safe against loss of power, where the system can."""
    if hasattr(os, "sync"):
        os.sync()


CANNOT_WRITE = Text("Cannot write to {path}: {detail}.", "无法写入 {path}：{detail}。")
CANNOT_WRITE_HINT = Text(
    "Run doctor as the user who owns this environment, or make a new one: `doctor fix --venv DIR`.",
    "请用该环境的所有者运行 doctor，或新建一个环境：`doctor fix --venv 目录`。",
)
NOT_OURS = Text(
    "{path} does not belong to you alone, so what it says is not trusted.",
    "{path} 不是只属于你的文件，其中的内容不可信。",
)
NOT_OURS_HINT = Text(
    "If you know where it comes from, delete it and run doctor again.", "如果清楚它的来历，删除后重新运行 doctor。"
)
BUSY = Text("Another doctor is at work in this environment ({path}).", "另一个 doctor 正在处理这个环境（{path}）。")
BUSY_HINT = Text("Wait until it has finished, then run this again.", "等它结束后再运行。")
