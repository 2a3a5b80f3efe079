"""Swap space and the mechanism that provides it: dphys-swapfile, rpi-swap, zram, a partition or a plain file."""

import os
import re
import sys
from typing import Dict, List, Optional, Sequence, Tuple, Union

from ..facts import Swap, SwapDevice, Unknown

DPHYS = "etc/dphys-swapfile"
RPI_SWAP = "etc/rpi/swap.conf"


def parse_swaps(text: str) -> Tuple[SwapDevice, ...]:
    """Return the devices of /proc/swaps; sizes there are KiB, spaces in paths are ``\\040``."""
    devices: List[SwapDevice] = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 4 or not (words[-3].isdigit() and words[-2].isdigit()):
            continue
        path = words[0].replace("\\040", " ")
        kind = "zram" if os.path.basename(path).startswith("zram") else words[1]
        devices.append(SwapDevice(path, kind, int(words[-3]) * 1024, int(words[-2]) * 1024))
    return tuple(devices)


def parse_meminfo(text: str) -> Dict[str, int]:
    """Return the numbers of /proc/meminfo in bytes, by name."""
    numbers = {}
    for line in text.splitlines():
        name, separator, rest = line.partition(":")
        words = rest.split()
        if separator and words and words[0].isdigit():
            numbers[name.strip()] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return numbers


def parse_dphys(text: str) -> Dict[str, str]:
    """Return the CONF_ settings of /etc/dphys-swapfile; commented lines are only its defaults and are left out.

    The file is a shell script that the service reads, so the last assignment wins and values may be quoted.
    """
    settings = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and name.startswith("CONF_") and name.replace("_", "").isalnum():
            settings[name] = value.split("#")[0].strip().strip("\"'")
    return settings


def parse_rpi_swap(text: str) -> Dict[str, str]:
    """Return the settings of /etc/rpi/swap.conf as ``Section.Key``."""
    settings = {}
    section = ""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
            continue
        key, separator, value = line.partition("=")
        if separator and section:
            settings["%s.%s" % (section, key.strip())] = value.strip()
    return settings


def probe_swap(root: str = "/") -> Union[Swap, None, Unknown]:
    """Return the swap of this system, or of a recorded Linux tree; unknown where it cannot be read."""
    if root == "/" and sys.platform == "win32":
        return _windows_swap()
    if root == "/" and sys.platform == "darwin":
        return _mac_swap()
    meminfo = _read(os.path.join(root, "proc/meminfo"))
    swaps = _read(os.path.join(root, "proc/swaps"))
    if meminfo is None and swaps is None:
        return Unknown("/proc/meminfo cannot be read")
    devices = parse_swaps(swaps or "")
    numbers = parse_meminfo(meminfo or "")
    total = numbers.get("SwapTotal", sum(device.size_bytes for device in devices))
    free = numbers.get("SwapFree", total - sum(device.used_bytes for device in devices))
    settings: Dict[str, str] = {}
    dphys = _read(os.path.join(root, DPHYS))
    if dphys is not None:
        settings.update(parse_dphys(dphys))
    rpi_swap = _rpi_swap(root)
    if rpi_swap is not None:
        settings.update(rpi_swap)
    return Swap(
        total_bytes=total,
        used_bytes=max(total - free, 0),
        devices=devices,
        provider=_provider(devices, total, dphys is not None, rpi_swap is not None, settings),
        settings=settings,
    )


def _provider(
    devices: Tuple[SwapDevice, ...], total: int, dphys: bool, rpi_swap: bool, settings: Dict[str, str]
) -> str:
    """Name what provides the swap, or what would if it were switched on."""
    kinds = {device.kind for device in devices}
    if rpi_swap:
        # Both can be there when a tutorial for an older release was followed: the system's own mechanism is this one.
        return "rpi-swap"
    if dphys and (not devices or any(device.path == settings.get("CONF_SWAPFILE", "/var/swap") for device in devices)):
        return "dphys-swapfile"
    for kind in ("zram", "partition", "file"):
        if kind in kinds:
            return kind
    return "file" if total else "none"


def _rpi_swap(root: str) -> Optional[Dict[str, str]]:
    """Return the merged settings of rpi-swap (drop-ins override in the order of their names), or None without it."""
    text = _read(os.path.join(root, RPI_SWAP))
    folder = os.path.join(root, RPI_SWAP + ".d")
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".conf"))
    except OSError:
        names = []
    if text is None and not names:
        return None
    settings = parse_rpi_swap(text or "")
    for name in names:
        settings.update(parse_rpi_swap(_read(os.path.join(folder, name)) or ""))
    return settings


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(1 << 16)
    except OSError:
        return None


# ---------------------------------------------------------------- Windows and macOS


def parse_paging_files(lines: Sequence[str]) -> Dict[str, str]:
    """Return the settings in the registry value PagingFiles: who manages the page file, and its sizes in MiB.

    ``?:\\pagefile.sys`` lets Windows manage all drives, ``C:\\pagefile.sys 0 0`` this one; other numbers are fixed
    sizes (first and largest), and no line at all means that there is no page file.
    """
    files = [line for line in lines if line.strip()]
    if not files:
        return {"managed": "off"}
    said = [re.search(r" (\d+) (\d+)\s*$", line) for line in files]
    sizes = [(int(match.group(1)), int(match.group(2))) for match in said if match]
    if len(sizes) < len(files) or any(largest == 0 for _, largest in sizes):
        return {"managed": "system"}
    return {
        "managed": "custom",
        "initial_mib": str(sum(first for first, _ in sizes)),
        "maximum_mib": str(sum(largest for _, largest in sizes)),
    }


def _windows_swap() -> Swap:
    from .memory import windows_memory

    total, _, commit = windows_memory()
    settings: Dict[str, str] = {}
    try:
        import winreg

        place = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management"
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:  # type: ignore[attr-defined]
            settings = parse_paging_files(winreg.QueryValueEx(key, "PagingFiles")[0])  # type: ignore[attr-defined]
    except (ImportError, OSError):
        pass  # who manages it is a detail; its size is known
    return Swap(total_bytes=max(commit - total, 0), provider="pagefile", settings=settings)


def parse_swapusage(text: str) -> Tuple[int, int]:
    """Return (total, used) bytes of ``sysctl vm.swapusage``: ``total = 2048.00M  used = 1020.25M  free = …``."""
    numbers = dict(re.findall(r"(total|used) = ([\d.]+)M", text))
    return tuple(int(float(numbers.get(name, 0)) * (1 << 20)) for name in ("total", "used"))  # type: ignore[return-value]


def _mac_swap() -> Union[Swap, Unknown]:
    from . import run

    ran = run.run(["/usr/sbin/sysctl", "vm.swapusage"], 2.0)
    if not ran.ok:
        return Unknown("sysctl vm.swapusage: %s" % (ran.error or ran.stderr.strip() or "no answer"))
    total, used = parse_swapusage(ran.stdout)
    # macOS makes swap files as it needs them: none now does not mean none later
    return Swap(total_bytes=total, used_bytes=used, provider="file", settings={"managed": "system"})
