"""The Python and the board that wheels are for, from a machine's facts or from a described target; pure."""

import re
from typing import Any, NamedTuple, Optional, Tuple

from ...modules import PROVIDERS
from ...pi_os import release_of_glibc

#: Highest GLIBCXX that a release's libstdc++ has, where it was read (ncnn's measured note in the matrix).
GLIBCXX = {"buster": "3.4.25"}


class ArmTarget(NamedTuple):
    """The Python and system that the wheels are for."""

    #: 3.7
    python: str
    #: ABI tag: cp37m
    abi: str
    #: linux_armv7l, linux_armv6l or linux_aarch64
    platform: str
    #: None = no limit known
    glibc: Optional[str] = None
    musl: bool = False
    glibcxx: Optional[str] = None
    codename: str = ""
    #: the processor has LSE atomics (a Pi 5 has); None = not known
    lse: Optional[bool] = None
    #: a Raspberry Pi: there is no NVIDIA GPU in it
    pi: bool = True
    #: installed numpy, and which OpenCV distribution is installed
    numpy: Optional[str] = None
    opencv: Optional[str] = None
    pip: Optional[str] = None

    @property
    def tag(self) -> str:
        """``cp37`` for Python 3.7."""
        return "cp" + self.python.replace(".", "")

    @property
    def files_tag(self) -> str:
        """``cp37``, or ``cp313t`` for a free-threaded one."""
        return self.tag + ("t" if self.abi.endswith("t") else "")

    @property
    def machine(self) -> str:
        return self.platform.partition("_")[2]


def target_of_facts(facts: Any) -> ArmTarget:
    """Return the target Python of a machine.

    Raises MissingFact when the Python is unknown.
    """
    from ... import facts as f

    python = facts.need(f.Python)
    host, cpu, board = facts.maybe(f.Host), facts.maybe(f.Cpu), facts.maybe(f.Board)
    distributions = facts.maybe(f.Distributions)
    numpy = distributions.find("numpy") if distributions else None
    opencv = [name for name in PROVIDERS["cv2"] if distributions and distributions.find(name)]
    glibc = None
    if python.libc != "musl":
        glibc = python.libc_version or (host.libc_version if host and host.libc == "glibc" else None)
    codename = host.codename if host else ""
    if not codename:
        known = release_of_glibc(glibc)
        codename = known.codename if known else ""
    return ArmTarget(
        python=python.minor,
        abi=python.abi or _default_abi(python.minor),
        platform=python.platform,
        glibc=glibc,
        musl=python.libc == "musl",
        glibcxx=(host.glibcxx if host else None) or GLIBCXX.get(codename),
        codename=codename,
        lse=_lse(board, cpu),
        pi=bool(board and board.raspberry_pi),
        numpy=numpy.version if numpy else None,
        opencv=opencv[0] if opencv else None,
        pip=python.pip,
    )


def of_target(target: Any, numpy: Optional[str] = None) -> ArmTarget:
    """Return a target of ``doctor wheels`` (:class:`.target.Target`) in the terms of this module."""
    known = release_of_glibc(target.glibc)
    board = target.board or ""
    lse = "atomics" in target.cpu_flags if target.cpu_flags else None
    return ArmTarget(
        python=target.python,
        abi=target.abi or _default_abi(target.python),
        platform=target.platform,
        glibc=target.glibc if target.libc != "musl" else None,
        musl=target.libc == "musl",
        glibcxx=GLIBCXX.get(known.codename) if known else None,
        codename=known.codename if known else "",
        lse=lse,
        # A 32-bit ARM board that is only described is most likely a Raspberry Pi; a 64-bit one may be a server.
        pi="raspberry pi" in board.lower() or (target.elsewhere and target.arch in ("armv7l", "armv6l")),
        numpy=numpy,
    )


def _lse(board: Any, cpu: Any) -> Optional[bool]:
    """Tell whether the processor has LSE atomics: its flags say, else its SoC."""
    if cpu is not None and cpu.flags:
        return "atomics" in cpu.flags
    if board is not None and board.soc:
        return bool(board.soc == "BCM2712")
    return None


def _default_abi(minor: str) -> str:
    tag = "cp" + minor.replace(".", "")
    return tag + "m" if numbers(minor) < (3, 8) else tag


def numbers(version: str) -> Tuple[int, ...]:
    """Return the leading numbers of a version, for comparing."""
    found = re.match(r"\d+(\.\d+)*", str(version))
    return tuple(int(part) for part in found.group(0).split(".")) if found else ()
