"""What the words of wheels say: builds (cu121), capabilities (8.6), platform and interpreter tags. Pure."""

import re
from functools import lru_cache
from typing import Optional, Tuple

from .versions import key


def cuda_of(variant: str) -> Optional[str]:
    """Return ``12.1`` for cu121, ``9.2`` for cu92; None for cpu, rocm6.4 and the like."""
    match = re.match(r"cu(\d+)(\d)$", variant)
    return "%s.%s" % match.groups() if match else None


def variant_of(cuda: Optional[str]) -> str:
    """Return ``cu121`` for 12.1 and ``cpu`` for None."""
    return "cpu" if cuda is None else "cu" + "".join(cuda.split(".")[:2])


@lru_cache(maxsize=256)
def capability(text: str) -> Tuple[int, int]:
    """Return (6, 1) for 6.1 and (10, 0) for the 10.0.130 of an old CUDA, for comparing."""
    major, minor = (text.split(".") + ["0"])[:2]
    return int(major), int(minor)


def system_of(platform: str) -> str:
    """Return linux, windows or macos for pip's platform word."""
    return {"win": "windows", "mac": "macos"}.get(platform[:3], "linux")


def platform_of(system: str, machine: str) -> Optional[str]:
    """Return pip's platform word for a system (linux, windows, macos) and a machine (x86_64, AMD64, aarch64, arm64)."""
    machine = {"amd64": "x86_64", "x64": "x86_64"}.get(machine.lower(), machine.lower())
    if system == "linux":
        return "linux_" + {"arm64": "aarch64", "armv8l": "armv7l"}.get(machine, machine)
    if system == "windows":
        return {"x86_64": "win_amd64", "arm64": "win_arm64", "aarch64": "win_arm64"}.get(machine, "win32")
    if system == "macos":
        return "macosx_" + {"aarch64": "arm64"}.get(machine, machine)
    return None


def general(platform: str) -> str:
    """``macosx_14_0_arm64`` -> ``macosx_arm64``; others as they are."""
    return re.sub(r"^macosx_\d+_\d+_", "macosx_", platform)


def platform_of_tag(tag: str) -> str:
    """Return the platform a wheel's platform tag is for, without version: manylinux_2_28_x86_64 -> linux_x86_64."""
    first = tag.split(".")[0]
    first = re.sub(r"^manylinux(?:_\d+_\d+|1|2010|2014)_", "linux_", first)
    return general(first)


def glibc_of_tag(tag: str) -> Optional[str]:
    """Return the lowest glibc that a platform tag (or a set joined with dots) accepts; None for a tag without one."""
    legacy = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
    found = []
    for part in tag.split("."):
        match = re.match(r"manylinux_(\d+)_(\d+)_", part)
        if match:
            found.append("%s.%s" % match.groups())
        elif part.split("_")[0] in legacy:
            found.append(legacy[part.split("_")[0]])
    return min(found, key=key) if found else None


def split_python(tag: str) -> Tuple[str, str]:
    """``cp310`` -> (cp310, cp310); ``cp37`` -> (cp37, cp37m); ``cp313t`` -> (cp313, cp313t); cp37-abi3 as it is."""
    if "-" in tag:
        python, _, abi = tag.partition("-")
        return python, abi
    if tag.endswith("t") and tag.startswith("cp"):
        return tag[:-1], tag
    if tag in ("cp35", "cp36", "cp37"):
        return tag, tag + "m"
    return tag, tag


def python_key(tag: str) -> Tuple[int, ...]:
    """Return (3, 10) for cp310, cp310t and py310; (3,) for py3."""
    digits = re.sub(r"\D", "", tag.split("-")[0])
    return (int(digits[0]),) + ((int(digits[1:]),) if digits[1:] else ())


def fits_python(spelt: str, python: str) -> bool:
    """Whether a file's interpreter and ABI tag, as listed, serve an interpreter tag such as cp310 or cp313t."""
    interpreter, abi = split_python(spelt)
    if spelt == python:
        return True
    if interpreter.startswith("py"):
        return python_key(interpreter) <= python_key(python)
    if abi == "abi3":
        return not python.endswith("t") and python_key(interpreter) <= python_key(python)
    return abi == "none" and interpreter == python


def for_python(interpreter: str, abi: str, python: str) -> bool:
    """Whether a wheel's interpreter and ABI tags serve an interpreter tag such as cp310 or cp313t."""
    for tag in interpreter.split("."):
        if abi == "none" and tag.startswith("py") and python_key(tag) <= python_key(python):
            return True
        if abi == "abi3" and not python.endswith("t") and python_key(tag) <= python_key(python):
            return True
        if tag.startswith("cp") and (tag, abi) == split_python(python):
            return True
        if abi == "none" and tag == python:
            return True
    return False


def universal(place: str, platform: str) -> bool:
    return place == "any" or (place.endswith("_universal2") and platform.startswith("macosx"))
