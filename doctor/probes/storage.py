"""Disks: how much room is left where training and pip write, and how those places are mounted."""

import os
import re
import sys
import tempfile
import threading
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Union

from ..facts import Place, Storage, Unknown

#: longest that the disks are waited for, all together
ANSWER_S = 2.0


class Mount(NamedTuple):
    point: str
    filesystem: str
    read_only: bool


def parse_mounts(text: str) -> List[Mount]:
    """Return the mounts of /proc/self/mounts in their order; a later one covers an earlier one of the same place."""
    mounts = []
    for line in text.splitlines():
        words = line.split(" ")
        if len(words) >= 4:
            point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), words[1])
            mounts.append(Mount(point, words[2], "ro" in words[3].split(",")))
    return mounts


def _covering(mounts: List[Mount], path: str) -> Optional[Mount]:
    """Return the mount that a path lies on."""
    best = None
    for mount in mounts:
        inside = mount.point == "/" or path == mount.point or path.startswith(mount.point.rstrip("/") + "/")
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def probe_storage(
    project: str, prefix: str, root: str = "/", environ: Optional[Mapping[str, str]] = None
) -> Union[Storage, Unknown]:
    """Return the places that training and pip write to: environment, project, pip's cache, temporary folder,
    /dev/shm, /.
    """
    environ = os.environ if environ is None else environ
    wanted = [
        ("environment", prefix),
        ("project", project),
        ("cache", _pip_cache(environ)),
        ("tmp", _temporary(environ)),
    ]
    if os.name == "posix":
        if sys.platform != "darwin":
            wanted.append(("shm", "/dev/shm"))
        wanted.append(("root", "/"))
    mounts = _mounts(root)
    asked = [(purpose, path, _Asking(purpose, path, root, mounts)) for purpose, path in wanted]
    until = time.monotonic() + ANSWER_S
    places: List[Place] = []
    silent: Dict[str, str] = {}
    for purpose, path, asking in asked:
        asking.join(max(0.0, until - time.monotonic()))
        if asking.is_alive():
            silent[purpose] = path
        elif asking.failure is not None:
            raise asking.failure
        elif asking.place is not None:
            places.append(asking.place)
    return Storage(tuple(places), silent)


class _Asking(threading.Thread):
    """Asks for one place: a share whose server is gone never answers, and the others are not to wait for it."""

    def __init__(self, *place: Any) -> None:
        super().__init__(daemon=True)
        self.place: Optional[Place] = None
        self.failure: Optional[Exception] = None
        self._asked = place
        self.start()

    def run(self) -> None:
        try:
            self.place = _place(*self._asked)
        except Exception as error:  # raised where it is waited for
            self.failure = error


def _mounts(root: str) -> List[Mount]:
    if os.name == "nt":
        return []
    if sys.platform == "darwin" and root == "/":
        try:
            import psutil

            parts = psutil.disk_partitions(all=True)
            return [Mount(part.mountpoint, part.fstype, "ro" in part.opts.split(",")) for part in parts]
        except Exception:  # the kind of file system is a detail; without it the free bytes are still known
            return []
    try:
        with open(os.path.join(root, "proc/self/mounts"), "rb") as stream:
            return parse_mounts(stream.read(1 << 20).decode("utf-8", "surrogateescape"))
    except OSError:
        return []


def _place(purpose: str, path: str, root: str, mounts: List[Mount]) -> Optional[Place]:
    """Return what is known of one place, or None when there is no such place."""
    under = path if root == "/" else os.path.join(root, path.lstrip("/"))
    real = os.path.realpath(under)
    while not os.path.exists(real) and os.path.dirname(real) != real:
        if purpose == "shm":
            return None
        real = os.path.dirname(real)  # what does not exist yet will be made on its parent's disk
    try:
        if os.name == "nt":
            return _windows_place(purpose, path, real)
        status = os.statvfs(real)
    except OSError:
        return None
    inside = real if root == "/" else "/" + os.path.relpath(real, os.path.realpath(root)).lstrip("./")
    mount = _covering(mounts, inside)
    return Place(
        purpose=purpose,
        path=path,
        filesystem=mount.filesystem if mount else "",
        total_bytes=status.f_blocks * status.f_frsize,
        free_bytes=status.f_bavail * status.f_frsize,
        read_only=bool(status.f_flag & os.ST_RDONLY) or bool(mount and mount.read_only),
        # file systems that make file entries as they need them say 0 of 0
        free_inodes=status.f_favail if status.f_files else None,
        mount=mount.point if mount else "",
    )


def _windows_place(purpose: str, path: str, real: str) -> Place:
    import ctypes
    import shutil

    usage = shutil.disk_usage(real)
    drive = os.path.splitdrive(real)[0] + "\\"
    name, flags = ctypes.create_unicode_buffer(64), ctypes.c_ulong(0)
    ctypes.windll.kernel32.GetVolumeInformationW(  # type: ignore[attr-defined]
        drive, None, 0, None, None, ctypes.byref(flags), name, 64
    )
    return Place(
        purpose=purpose,
        path=path,
        filesystem=name.value.lower(),
        total_bytes=usage.total,
        free_bytes=usage.free,
        read_only=bool(flags.value & 0x00080000),
        mount=drive,
    )


def _temporary(environ: Mapping[str, str]) -> str:
    """Return the folder that pip and torch use for temporary files."""
    for name in ("TMPDIR", "TEMP", "TMP"):
        if environ.get(name) and os.path.isdir(environ[name]):
            return environ[name]
    if os.name == "posix":
        return "/tmp"
    return tempfile.gettempdir()


def _pip_cache(environ: Mapping[str, str]) -> str:
    home = os.path.expanduser("~")
    if environ.get("PIP_CACHE_DIR"):
        return os.path.expanduser(environ["PIP_CACHE_DIR"])
    if os.name == "nt":
        return os.path.join(environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local"), "pip", "Cache")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches", "pip")
    return os.path.join(environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "pip")
