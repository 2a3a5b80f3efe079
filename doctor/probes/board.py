"""The board: device tree, revision code, SoC, page size, power and temperature.

Bits and names: raspberrypi/documentation, revision-codes.adoc and os/graphics-utilities.adoc (read 2026-11-22).
"""

import os
import platform
import struct
from typing import Dict, NamedTuple, Optional, Tuple, Union

from ..facts import Board, Unknown
from . import run

PROCESSORS = {0: "BCM2835", 1: "BCM2836", 2: "BCM2837", 3: "BCM2711", 4: "BCM2712"}
MANUFACTURERS = {0: "Sony UK", 1: "Egoman", 2: "Embest", 3: "Sony Japan", 4: "Embest", 5: "Stadium"}
MEMORY_MB = {0: 256, 1: 512, 2: 1024, 3: 2048, 4: 4096, 5: 8192, 6: 16384}
BOARD_TYPES = {
    0x00: "A",
    0x01: "B",
    0x02: "A+",
    0x03: "B+",
    0x04: "2B",
    0x05: "Alpha prototype",
    0x06: "CM1",
    0x08: "3B",
    0x09: "Zero",
    0x0A: "CM3",
    0x0C: "Zero W",
    0x0D: "3B+",
    0x0E: "3A+",
    0x0F: "internal",
    0x10: "CM3+",
    0x11: "4B",
    0x12: "Zero 2 W",
    0x13: "400",
    0x14: "CM4",
    0x15: "CM4S",
    0x16: "internal",
    0x17: "5",
    0x18: "CM5",
    0x19: "500 / 500+",
    0x1A: "CM5 Lite",
    0x1B: "CM0",
}
#: Codes of the boards before the Pi 2: (name, pcb revision, memory in MB; None where boards with one code differ).
OLD_STYLE: Dict[int, Tuple[str, str, Optional[int]]] = {
    0x02: ("B", "1.0", 256),
    0x03: ("B", "1.0", 256),
    0x04: ("B", "2.0", 256),
    0x05: ("B", "2.0", 256),
    0x06: ("B", "2.0", 256),
    0x07: ("A", "2.0", 256),
    0x08: ("A", "2.0", 256),
    0x09: ("A", "2.0", 256),
    0x0D: ("B", "2.0", 512),
    0x0E: ("B", "2.0", 512),
    0x0F: ("B", "2.0", 512),
    0x10: ("B+", "1.2", 512),
    0x11: ("CM1", "1.0", 512),
    0x12: ("A+", "1.1", 256),
    0x13: ("B+", "1.2", 512),
    0x14: ("CM1", "1.0", 512),
    0x15: ("A+", "1.1", None),
}

#: Longest that vcgencmd may take; it asks the firmware and normally answers at once.
VCGENCMD_S = 3.0

#: Where the firmware driver shows the bits of ``vcgencmd get_throttled``, in hex without 0x.
THROTTLED_FILE = "sys/devices/platform/soc/soc:firmware/get_throttled"


class Revision(NamedTuple):
    """A revision code, read bit by bit; None where the code does not say."""

    name: Optional[str] = None
    soc: Optional[str] = None
    memory_mb: Optional[int] = None
    decoded: Dict[str, str] = {}


def parse_revision(code: str) -> Optional[Revision]:
    """Return what a revision code (hex, as /proc/cpuinfo prints it) says, or None when it is no such code."""
    try:
        number = int(code, 16)
    except ValueError:
        return None
    if number <= 0 or number > 0xFFFFFFFF:
        return None
    return _new_style(number) if number >> 23 & 1 else _old_style(number)


def _new_style(number: int) -> Revision:
    name = BOARD_TYPES.get(number >> 4 & 0xFF)
    soc = PROCESSORS.get(number >> 12 & 0xF)
    memory = MEMORY_MB.get(number >> 20 & 7)
    decoded = {
        "style": "new",
        "overvoltage": "disallowed" if number >> 31 & 1 else "allowed",
        "otp_program": "disallowed" if number >> 30 & 1 else "allowed",
        "otp_read": "disallowed" if number >> 29 & 1 else "allowed",
        "warranty": "voided" if number >> 25 & 1 else "intact",
        "memory_mb": str(memory) if memory else "other",
        "manufacturer": MANUFACTURERS.get(number >> 16 & 0xF, "unknown"),
        "processor": soc or "unknown",
        "type": name or "unknown (0x%02x)" % (number >> 4 & 0xFF),
        "pcb_revision": "1.%d" % (number & 0xF),
    }
    return Revision(name, soc, memory, decoded)


def _old_style(number: int) -> Revision:
    # Boards of that time mark a voided warranty in bit 24, and the code itself has four digits.
    known = OLD_STYLE.get(number & 0xFFFF)
    if known is None:
        return Revision(decoded={"style": "old"})
    name, pcb, memory = known
    decoded = {
        "style": "old",
        "warranty": "voided" if number >> 24 & 1 else "intact",
        "memory_mb": str(memory) if memory else "256 or 512",
        "processor": "BCM2835",
        "type": name,
        "pcb_revision": pcb,
    }
    return Revision(name, "BCM2835", memory, decoded)


def parse_cpuinfo(text: str) -> Dict[str, str]:
    """Return the fields of /proc/cpuinfo that stand once for the board: Model, Revision, Serial, Hardware."""
    fields = {}
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if separator and key.strip() in ("Model", "Revision", "Hardware"):
            fields[key.strip()] = value.strip()
    return fields


def parse_throttled(text: str) -> Optional[int]:
    """Return the bits of ``throttled=0x50005`` (vcgencmd) or ``50005`` (sysfs), or None."""
    value = text.strip().rpartition("=")[2]
    try:
        return int(value, 16)
    except ValueError:
        return None


def parse_temperature(text: str) -> Optional[float]:
    """Return degrees Celsius from ``temp=48.3'C`` (vcgencmd) or ``48312`` (sysfs, thousandths), or None."""
    value = text.strip()
    try:
        if value.startswith("temp="):
            return float(value[len("temp=") :].split("'")[0])
        return int(value) / 1000.0
    except ValueError:
        return None


def kernel_bits(release: str, machine: str) -> Optional[int]:
    """Return the width of the kernel: from the name of its release, else from the machine's.

    The release comes first: a 32-bit container or ``setarch`` makes a 64-bit kernel call the machine armv8l.
    """
    for suffix, bits in (
        ("-v8-16k+", 64),
        ("-v8-16k", 64),
        ("-v8+", 64),
        ("-rpi-v8", 64),
        ("-rpi-2712", 64),
        ("-v7l+", 32),
        ("-v7+", 32),
        ("-rpi-v7l", 32),
        ("-rpi-v7", 32),
        ("-rpi-v6", 32),
    ):
        if release.endswith(suffix):
            return bits
    if machine in ("aarch64", "arm64", "armv8l", "x86_64", "AMD64", "riscv64"):
        return 64
    if machine in ("armv7l", "armv6l", "i686", "i386"):
        return 32
    return None


def page_size_of_release(release: str) -> Optional[int]:
    """Return the page size that a Raspberry Pi kernel's name tells, in bytes, or None."""
    if release.endswith(("-v8-16k", "-v8-16k+", "-rpi-2712")):
        return 16384
    if release.endswith(("-v8+", "-rpi-v8", "-v7+", "-v7l+", "-rpi-v7", "-rpi-v7l", "-rpi-v6")):
        return 4096
    return None


def parse_page_size(smaps: str) -> Optional[int]:
    """Return the base page size in bytes from the text of a ``smaps`` file, or None."""
    for line in smaps.splitlines():
        if line.startswith("KernelPageSize:"):
            digits = "".join(c for c in line if c.isdigit())
            return int(digits) * 1024 if digits else None
    return None


def elf_bits(head: bytes) -> Optional[int]:
    """Return 32 or 64 from the first bytes of an ELF file, or None when it is none."""
    if head[:4] != b"\x7fELF" or len(head) < 5:
        return None
    return {1: 32, 2: 64}.get(head[4])


def soc_of_compatible(compatible: Tuple[str, ...]) -> Optional[str]:
    """Return the SoC that the device tree names (``brcm,bcm2711`` -> BCM2711), or None."""
    for entry in compatible:
        vendor, _, chip = entry.partition(",")
        if vendor == "brcm":
            return chip.upper()
    return None


def probe_board(root: str = "/") -> Union[Board, None, Unknown]:
    """Return the board that the device tree (or /proc/cpuinfo) describes; None when there is neither."""
    tree = next(
        (
            folder
            for folder in ("proc/device-tree", "sys/firmware/devicetree/base")
            if os.path.exists(os.path.join(root, folder, "model"))
        ),
        "proc/device-tree",
    )
    model = _text_property(os.path.join(root, tree, "model"))
    compatible = tuple(part for part in _strings(os.path.join(root, tree, "compatible")) if part)
    cpuinfo = parse_cpuinfo(_read(os.path.join(root, "proc/cpuinfo"), 1 << 16))
    # A container hides /sys/firmware, and with it the device tree; the kernel of a Pi also names the board here.
    model = model or cpuinfo.get("Model", "")
    if not model and not compatible:
        return None
    revision = cpuinfo.get("Revision") or _revision_word(os.path.join(root, tree, "system/linux,revision"))
    said = parse_revision(revision) if revision else None
    live = os.path.abspath(root) == os.path.abspath(os.sep)
    release = _read(os.path.join(root, "proc/sys/kernel/osrelease")).strip() or (platform.release() if live else "")
    machine = platform.machine() if live else ""
    # An old-style code of another vendor's board ("0000") must not make a Raspberry Pi of it.
    pi = "raspberry pi" in model.lower() or any(entry.startswith("raspberrypi,") for entry in compatible)
    if not pi:
        said = None
    throttled, temperature = _health(root, live and pi)
    return Board(
        model=model or compatible[0],
        compatible=compatible,
        revision=revision or None,
        soc=said.soc if said and said.soc else soc_of_compatible(compatible),
        memory_mb=said.memory_mb if said else None,
        page_size=_page_size(root, live, release),
        kernel_bits=kernel_bits(release, machine),
        userland_bits=_userland_bits(root, live),
        throttled=throttled,
        temperature_c=temperature,
        name=said.name if said else None,
        decoded=dict(said.decoded) if said else {},
    )


def _health(root: str, ask: bool) -> Tuple[Optional[int], Optional[float]]:
    """Return throttling bits and temperature: from vcgencmd, which knows best, else from sysfs."""
    throttled = temperature = None
    if ask and run.which("vcgencmd"):
        both = [run.start(["vcgencmd", word], VCGENCMD_S) for word in ("get_throttled", "measure_temp")]
        bits, degrees = [running.result() for running in both]
        throttled = parse_throttled(bits.stdout) if bits.ok else None
        temperature = parse_temperature(degrees.stdout) if degrees.ok else None
    if throttled is None:
        throttled = parse_throttled(_read(os.path.join(root, THROTTLED_FILE)))
    if temperature is None:
        temperature = parse_temperature(_read(os.path.join(root, "sys/class/thermal/thermal_zone0/temp")))
    return throttled, temperature


def _page_size(root: str, live: bool, release: str) -> Optional[int]:
    if live:
        try:
            return os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, OSError, ValueError):
            pass
    return parse_page_size(_read(os.path.join(root, "proc/self/smaps"))) or page_size_of_release(release)


def _userland_bits(root: str, live: bool) -> Optional[int]:
    for program in ("usr/bin/env", "bin/sh", "usr/bin/dpkg"):
        try:
            with open(os.path.join(root, program), "rb") as stream:
                bits = elf_bits(stream.read(5))
        except OSError:
            continue
        if bits:
            return bits
    return struct.calcsize("P") * 8 if live else None


def _read(path: str, limit: int = 4096) -> str:
    try:
        with open(path, "rb") as stream:
            return stream.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""


def _strings(path: str) -> Tuple[str, ...]:
    """Return the NUL-separated strings of a device-tree property."""
    return tuple(_read(path).split("\0"))


def _text_property(path: str) -> str:
    return _strings(path)[0].strip()


def _revision_word(path: str) -> Optional[str]:
    try:
        with open(path, "rb") as stream:
            data = stream.read(4)
    except OSError:
        return None
    return "%x" % struct.unpack(">I", data)[0] if len(data) == 4 else None
