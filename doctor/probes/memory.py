"""Memory: what the machine has, what is free, and what the control group of a container allows."""

import os
import sys
from typing import Iterator, Optional, Tuple, Union

from ..facts import Memory, Unknown
from .swap import parse_meminfo

#: control groups write "no limit" as a number near the largest there is
NO_LIMIT = 1 << 60


def _read(root: str, path: str) -> Optional[str]:
    try:
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as stream:
            return stream.read(1 << 16)
    except OSError:
        return None


def _number(text: Optional[str]) -> Optional[int]:
    word = (text or "").strip()
    return int(word) if word.isdigit() and int(word) < NO_LIMIT else None


def parse_cgroup(text: str) -> Iterator[Tuple[int, str]]:
    """Yield (version of the hierarchy, path) of the control groups in /proc/self/cgroup that govern memory."""
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield 2, path
        elif "memory" in controllers.split(","):
            yield 1, path


def _limit(root: str) -> Tuple[Optional[int], Optional[int]]:
    """Return (lowest limit, bytes in use under it) of the control groups of this process."""
    best: Tuple[Optional[int], Optional[int]] = (None, None)
    for version, path in parse_cgroup(_read(root, "proc/self/cgroup") or ""):
        base = "sys/fs/cgroup" if version == 2 else "sys/fs/cgroup/memory"
        names = ("memory.max", "memory.current") if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
        parts = [part for part in path.split("/") if part and part != ".."]
        # inside a container the path is often not visible: the group itself then lies at the top
        for depth in range(len(parts), -1, -1):
            folder = "/".join([base] + parts[:depth])
            limit = _number(_read(root, "%s/%s" % (folder, names[0])))
            if limit is not None and (best[0] is None or limit < best[0]):
                used = _number(_read(root, "%s/%s" % (folder, names[1]))) or 0
                best = (limit, max(used - _cache(_read(root, folder + "/memory.stat") or ""), 0))
    return best


def _cache(text: str) -> int:
    """Return the bytes in memory.stat that the kernel gives back on demand."""
    numbers = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    return _number(numbers.get("total_inactive_file", numbers.get("inactive_file"))) or 0


def probe_memory(root: str = "/") -> Union[Memory, Unknown]:
    """Return the memory of the machine; ``available_bytes`` counts a control group's limit."""
    if root == "/" and sys.platform == "win32":
        total, available, _ = windows_memory()
        return Memory(total, available)
    text = _read(root, "proc/meminfo")
    if text is None:
        return _by_psutil() if root == "/" else Unknown("/proc/meminfo cannot be read")
    numbers = parse_meminfo(text)
    total = numbers.get("MemTotal")
    if total is None:
        return Unknown("/proc/meminfo does not say MemTotal")
    free = numbers.get("MemFree", 0) + numbers.get("Buffers", 0) + numbers.get("Cached", 0)
    available = numbers.get("MemAvailable", free)  # kernels before 3.14 do not say it
    limit, used = _limit(root)
    if limit is None or limit >= total:
        return Memory(total, available)
    return Memory(total, min(available, max(limit - (used or 0), 0)), limit)


def _by_psutil() -> Union[Memory, Unknown]:
    try:
        import psutil

        memory = psutil.virtual_memory()
    except Exception as error:  # without /proc psutil imports, and fails here
        return Unknown("psutil: %s" % error)
    return Memory(memory.total, memory.available)


def windows_memory() -> Tuple[int, int, int]:
    """Return (memory, available memory, commit limit: memory and page files together) of Windows, in bytes."""
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "available", "commit", "commit_left", "virtual", "virtual_left", "extended")
        ]

    status = Status()
    status.length = ctypes.sizeof(Status)
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined]
        raise OSError("GlobalMemoryStatusEx failed")
    return status.total, status.available, status.commit
