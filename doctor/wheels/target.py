"""The machine and the Python that wheels are chosen for: this one, or one that is only described."""

import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..facts import Board, Cpu, Facts, Host, Nvidia, Python, Unknown
from ..model import DoctorError
from ..record import dataclass, replace
from ..text import Text
from .matrix import Matrix, load
from .tags import platform_of, split_python, system_of
from .versions import key

#: pip's platform words that can be described, beside manylinux and macosx ones with a version
PLATFORMS = (
    "linux_x86_64",
    "linux_aarch64",
    "linux_armv7l",
    "linux_armv6l",
    "win_amd64",
    "win_arm64",
    "win32",
    "macosx_arm64",
    "macosx_x86_64",
)
#: higher than any glibc there is: what "no limit" means where a number is needed
NO_GLIBC_LIMIT = 99
NO_MACOS_LIMIT = 40

KNOWN, UNLIMITED, UNKNOWN, NONE = "known", "unlimited", "unknown", "none"


class Card(NamedTuple):
    """One NVIDIA card: its name, and its compute capability or None when nobody can tell."""

    name: str
    cc: Optional[str]


@dataclass(frozen=True)
class Target:
    #: 3.10
    python: str
    #: linux_x86_64, win_amd64, macosx_arm64: pip's word without a version
    platform: str
    #: cp310, cp313t, cp37m
    abi: str = ""
    implementation: str = "cpython"
    free_threaded: bool = False
    #: glibc, musl, or None outside Linux
    libc: Optional[str] = None
    #: the limit itself, with ``glibc_state`` known; else None
    glibc: Optional[str] = None
    #: known, unlimited (described without a limit), unknown (nobody could tell)
    glibc_state: str = UNLIMITED
    #: macOS version; None = no limit
    macos: Optional[str] = None
    #: driver version, with ``driver_state`` known; else None
    driver: Optional[str] = None
    #: known, unknown, none (no driver is installed)
    driver_state: str = UNKNOWN
    #: the system that the driver's number belongs to: windows inside WSL
    driver_system: str = "linux"
    #: every card; () = there is none; None = unknown
    gpus: Optional[Tuple[Card, ...]] = None
    #: CPU features; None = unknown
    cpu_flags: Optional[Tuple[str, ...]] = None
    #: the Raspberry Pi it is, by the device tree's model; None when it is none or unknown
    board: Optional[str] = None
    #: a Jetson whose driver is its own: before JetPack 7 it runs NVIDIA's builds for it, none that is made for servers
    tegra: bool = False
    #: nothing of it comes from this machine
    elsewhere: bool = False
    #: the interpreter it was read from
    executable: Optional[str] = None
    #: pip refuses to install into it: it belongs to the system
    externally_managed: bool = False
    venv: Optional[bool] = None
    #: reasons of facts that are unknown
    unknowns: Tuple[str, ...] = ()

    # ------------------------------------------------------------ making one

    @classmethod
    def from_facts(cls, facts: Facts, matrix: Optional[Matrix] = None) -> "Target":
        """Return this machine and the target Python; raises DoctorError (3) when the Python is unknown."""
        matrix = matrix or load()
        python = facts.maybe(Python)
        if python is None:
            raise DoctorError(
                Text("The target Python is not known.", "目标 Python 未知。"),
                Text(
                    "Name it with --python, or describe it: --python-version 3.11 --platform linux_x86_64.",
                    "用 --python 指定，或用 --python-version 3.11 --platform linux_x86_64 描述。",
                ),
            )
        host = facts.maybe(Host)
        base = cls.of_python(python, host)
        unknowns: List[str] = []
        driver, driver_state, gpus = _nvidia_here(facts, matrix, unknowns)
        cpu, board = facts.maybe(Cpu), facts.maybe(Board)
        wsl = host is not None and host.wsl
        tegra = _tegra(host, board, driver)
        return replace(
            base,
            driver=driver,
            driver_state=driver_state,
            driver_system="windows" if base.system == "windows" or wsl else "linux",
            gpus=gpus or None if tegra else gpus,  # its GPU is on no PCI bus, and older ones have no NVML
            cpu_flags=cpu.flags if cpu is not None and cpu.flags else None,
            board=board.model if board is not None and board.raspberry_pi else None,
            tegra=tegra,
            unknowns=tuple(unknowns),
        )

    @property
    def arm_board(self) -> bool:
        """Whether the rules of :mod:`.pi` decide: 32-bit ARM, or a 64-bit Raspberry Pi."""
        return self.arch in ("armv7l", "armv6l") or bool(self.board and self.arch == "aarch64")

    @classmethod
    def of_python(cls, python: Python, host: Optional[Host]) -> "Target":
        """Return the target Python without what it runs beside: of GPU, driver and CPU nothing is known."""
        platform = _platform_here(python, host)
        libc, glibc, glibc_state = _libc_here(python, host, platform)
        return cls(
            python=python.minor,
            platform=platform,
            abi=python.abi or split_python("cp" + python.minor.replace(".", ""))[1],
            implementation=python.implementation,
            free_threaded=python.free_threaded or python.abi.endswith("t"),
            libc=libc,
            glibc=glibc,
            glibc_state=glibc_state,
            macos=host.distro_version or None if host is not None and host.system == "macos" else None,
            executable=python.executable,
            externally_managed=python.externally_managed and not python.venv,
            venv=python.venv,
        )

    @classmethod
    def described(
        cls,
        platform: str,
        matrix: Optional[Matrix] = None,
        python_version: Optional[str] = None,
        abi: Optional[str] = None,
        glibc: Optional[str] = None,
        driver: Optional[str] = None,
        gpus: Sequence[str] = (),
        no_gpu: bool = False,
    ) -> "Target":
        """Return a machine that is only described, in pip's words; raises DoctorError (2) for words nobody knows."""
        if python_version is None and abi is None:
            raise DoctorError(
                Text(
                    "--platform describes another machine; its Python is missing.",
                    "--platform 描述的是另一台机器，还缺少它的 Python 版本。",
                ),
                Text(
                    "Add --python-version, for example --python-version 3.11.",
                    "请加上 --python-version，例如 --python-version 3.11。",
                ),
                exit=2,
            )
        matrix = matrix or load()
        word, tag_glibc, macos = read_platform(platform)
        base = cls(python="3", platform=word, elsewhere=True, macos=macos)
        system = system_of(word)
        base = replace(
            base,
            libc="glibc" if system == "linux" else None,
            driver_system="windows" if system == "windows" else "linux",
        )
        base = base.with_glibc(tag_glibc) if tag_glibc else base
        return base.changed(matrix, python_version, abi, glibc, driver, gpus, no_gpu)

    def changed(
        self,
        matrix: Matrix,
        python_version: Optional[str] = None,
        abi: Optional[str] = None,
        glibc: Optional[str] = None,
        driver: Optional[str] = None,
        gpus: Sequence[str] = (),
        no_gpu: bool = False,
    ) -> "Target":
        """Return the target with single facts replaced by the options given; raises DoctorError (2) for a bad one."""
        target = self
        if python_version is not None or abi is not None:
            python, tag, threaded = read_python(python_version, abi)
            target = replace(target, python=python, abi=tag, free_threaded=threaded, implementation="cpython")
        if glibc is not None:
            if target.system != "linux":
                raise DoctorError(
                    Text("--glibc is for Linux, not for {platform}.", "--glibc 只用于 Linux，不适用于 {platform}。"),
                    exit=2,
                    platform=target.platform,
                )
            target = target.with_glibc(glibc)
        if no_gpu:
            if gpus or driver:
                raise DoctorError(
                    Text(
                        "--no-gpu contradicts --assume-gpu and --assume-driver.",
                        "--no-gpu 与 --assume-gpu、--assume-driver 互相矛盾。",
                    ),
                    exit=2,
                )
            return replace(target, gpus=(), driver=None, driver_state=NONE)
        if driver is not None:
            target = replace(target, driver=read_driver(driver), driver_state=KNOWN)
        if gpus:
            target = replace(target, gpus=tuple(read_gpu(matrix, name) for name in gpus))
        return target

    def with_glibc(self, glibc: str) -> "Target":
        if not re.match(r"[0-9]+\.[0-9]+(\.[0-9]+)?$", glibc):
            raise DoctorError(
                Text("'{glibc}' is no glibc version.", "“{glibc}”不是 glibc 版本号。"),
                Text("It looks like 2.31.", "glibc 版本号形如 2.31。"),
                exit=2,
                glibc=glibc,
            )
        return replace(self, libc="glibc", glibc=glibc, glibc_state=KNOWN)

    # ------------------------------------------------------------ asking it

    @property
    def system(self) -> str:
        return system_of(self.platform)

    @property
    def arch(self) -> str:
        return self.platform.partition("_")[2] or "x86"

    @property
    def python_tag(self) -> str:
        """Return how the matrix lists this Python: cp310, cp313t."""
        tag = "cp" + "".join(self.python.split(".")[:2])
        return tag + "t" if self.free_threaded else tag

    @property
    def has_gpu(self) -> Optional[bool]:
        return None if self.gpus is None else bool(self.gpus)

    def accepts_glibc(self, floor: Optional[str]) -> Optional[bool]:
        """Return whether a file that needs this glibc runs here; None when that is not known."""
        if self.system != "linux":
            return True
        if self.libc == "musl":
            return False
        if self.glibc_state == UNLIMITED:
            return True if floor is not None else None
        if floor is None or self.glibc is None:
            return None
        return key(self.glibc) >= key(floor)

    def accepts_platform(self, tag: str) -> bool:
        """Return whether a wheel's platform tag fits; a manylinux tag includes its glibc."""
        if tag == "any" or tag == self.platform:
            return True
        if self.system == "linux":
            match = re.match(r"manylinux_(\d+)_(\d+)_(\w+)$", tag)
            legacy = re.match(r"manylinux(?:(1|2010)_(x86_64|i686)|(2014)_(\w+))$", tag)
            if match:
                floor, arch = "%s.%s" % match.group(1, 2), match.group(3)
            elif legacy:
                year, arch = [part for part in legacy.groups() if part]
                floor = {"1": "2.5", "2010": "2.12", "2014": "2.17"}[year]
            else:
                musl = re.match(r"musllinux_\d+_\d+_(\w+)$", tag)
                return musl is not None and self.libc == "musl" and musl.group(1) == self.arch
            return arch == self.arch and self.accepts_glibc(floor) is not False
        if self.system == "macos":
            match = re.match(r"macosx_(\d+)_(\d+)_(\w+)$", tag)
            if match is None or match.group(3) not in (self.arch, "universal2"):
                return False
            return self.macos is None or key(self.macos) >= key("%s.%s" % match.group(1, 2))
        return False

    def accepts_python(self, python: str, abi: str) -> bool:
        """Return whether a wheel's interpreter and ABI tags (sets joined with dots) fit."""
        mine = tuple(int(part) for part in self.python.split("."))
        for tag in python.split("."):
            digits = re.sub(r"\D", "", tag)
            version = (int(digits[0]),) + ((int(digits[1:]),) if digits[1:] else ())
            for one in abi.split("."):
                if tag.startswith("py") and one == "none" and version[0] == mine[0] and version <= mine:
                    return True
                if not tag.startswith("cp") or self.implementation != "cpython":
                    continue
                if one == "abi3" and not self.free_threaded and version <= mine and version[0] == mine[0]:
                    return True
                if version == mine and one in (self.abi, "none"):
                    return True
        return False

    def tags(self) -> List[str]:
        """Return every wheel tag that fits, best first, without asking the running interpreter."""
        from packaging.tags import compatible_tags, cpython_tags

        version = [int(part) for part in self.python.split(".")]
        platforms = list(self._platform_tags())
        interpreter = "cp%d%d" % (version[0], version[1])
        found = [str(tag) for tag in cpython_tags(version, [self.abi], platforms)]
        if self.free_threaded:
            found = [tag for tag in found if "-abi3-" not in tag]
        found.extend(str(tag) for tag in compatible_tags(version, interpreter, platforms))
        return found

    def _platform_tags(self) -> Iterable[str]:
        if self.system == "linux":
            if self.libc == "musl":
                for minor in (2, 1):
                    yield "musllinux_1_%d_%s" % (minor, self.arch)
            elif self.arch != "armv6l":
                top = NO_GLIBC_LIMIT if self.glibc is None else int(self.glibc.split(".")[1])
                legacy = {17: "manylinux2014"}
                if self.arch in ("x86_64", "i686"):
                    legacy.update({12: "manylinux2010", 5: "manylinux1"})
                for minor in range(top, 4 if self.arch in ("x86_64", "i686") else 16, -1):
                    yield "manylinux_2_%d_%s" % (minor, self.arch)
                    if minor in legacy:
                        yield "%s_%s" % (legacy[minor], self.arch)
            yield self.platform
        elif self.system == "macos":
            # packaging's own function asks the running machine for its version first
            first, _, second = (self.macos or "%d.0" % NO_MACOS_LIMIT).partition(".")
            formats = (self.arch, "universal2")
            for number in range(int(first), 10, -1):
                for form in formats:
                    yield "macosx_%d_0_%s" % (number, form)
            older = formats + ("intel", "fat64", "fat32", "universal") if self.arch == "x86_64" else ("universal2",)
            for number in range(16 if int(first) > 10 else int(second.split(".")[0] or 0), 3, -1):
                for form in older:
                    yield "macosx_10_%d_%s" % (number, form)
        else:
            yield self.platform

    def to_json(self) -> Dict[str, Any]:
        cards = (
            None if self.gpus is None else [{"name": card.name, "compute_capability": card.cc} for card in self.gpus]
        )
        return {
            "python": self.executable,
            "version": self.python,
            "venv": self.venv,
            "implementation": self.implementation,
            "abi": self.abi,
            "platform": self.platform,
            "described": self.elsewhere,
            "libc": self.libc,
            "glibc": self.glibc,
            "macos": self.macos,
            "driver": self.driver,
            "driver_state": self.driver_state,
            "gpus": cards,
        }


# ---------------------------------------------------------------- reading words


def read_platform(word: str) -> Tuple[str, Optional[str], Optional[str]]:
    """Return (platform, glibc, macOS version) of pip's word for a platform; raises DoctorError (2)."""
    text = re.sub(r"[-.]", "_", word.strip().lower())
    if text in PLATFORMS:
        return text, None, None
    many = re.match(r"manylinux_([0-9]+)_([0-9]+)_(\w+)$", text) or re.match(r"manylinux(1|2010|2014)()_(\w+)$", text)
    if many and "linux_" + many.group(3) in PLATFORMS:
        legacy = {"1": "2.5", "2010": "2.12", "2014": "2.17"}.get(many.group(1))
        return "linux_" + many.group(3), legacy or "%s.%s" % many.group(1, 2), None
    mac = re.match(r"macosx_([0-9]+)_([0-9]+)_(arm64|x86_64|universal2)$", text)
    if mac:
        arch = "arm64" if mac.group(3) == "universal2" else mac.group(3)
        return "macosx_" + arch, None, "%s.%s" % mac.group(1, 2)
    import difflib

    near = difflib.get_close_matches(text, PLATFORMS, 3, 0.4) or list(PLATFORMS)
    raise DoctorError(
        Text("Unknown platform '{word}'.", "未知平台“{word}”。"),
        Text("Did you mean {near}?", "是否想写 {near}？"),
        exit=2,
        word=word,
        near=", ".join(near),
    )


def read_python(version: Optional[str], abi: Optional[str]) -> Tuple[str, str, bool]:
    """Return (3.13, cp313t, True) for the words 3.13t, 313, cp313t; raises DoctorError (2)."""
    wanted = (version or "").strip().lower()
    tag = (abi or "").strip().lower()
    match = re.match(r"(?:cp|python)?([0-9])(?:\.?([0-9]+))?(?:\.[0-9]+)?(t?)$", wanted)
    if version is not None and (match is None or match.group(2) is None):
        raise DoctorError(
            Text("'{version}' is no Python version.", "“{version}”不是 Python 版本号。"),
            Text("It looks like 3.10, or 3.13t for the free-threaded build.", "形如 3.10；无 GIL 版写作 3.13t。"),
            exit=2,
            version=version,
        )
    known = re.match(r"cp([0-9])([0-9]+)([mtu]?)$", tag)
    if abi is not None and known is None and not (tag in ("none", "abi3") and match):
        raise DoctorError(
            Text("'{abi}' is no ABI tag of CPython.", "“{abi}”不是 CPython 的 ABI 标签。"),
            Text("It looks like cp310 or cp313t.", "形如 cp310 或 cp313t。"),
            exit=2,
            abi=abi,
        )
    if match:
        python, threaded = "%s.%s" % match.group(1, 2), bool(match.group(3))
        if known and (known.group(1, 2) != match.group(1, 2) or (threaded and known.group(3) != "t")):
            raise DoctorError(
                Text("ABI tag {abi} is not of Python {python}.", "ABI 标签 {abi} 不属于 Python {python}。"),
                exit=2,
                abi=tag,
                python=python + match.group(3),
            )
    else:
        assert known is not None
        python, threaded = "%s.%s" % known.group(1, 2), False
    threaded = threaded or bool(known and known.group(3) == "t")
    digits = python.replace(".", "")
    return python, split_python("cp" + digits + ("t" if threaded else ""))[1], threaded


def read_driver(version: str) -> str:
    """Return the driver's version; raises DoctorError (2) for what is none."""
    if re.match(r"[0-9]+(\.[0-9]+)*$", version) is None:
        raise DoctorError(
            Text("'{driver}' is no driver version.", "“{driver}”不是驱动版本号。"),
            Text("It looks like 552.22 or 580.95.05.", "驱动版本号形如 552.22 或 580.95.05。"),
            exit=2,
            driver=version,
        )
    return version


def read_gpu(matrix: Matrix, name: str) -> Card:
    """Return the card of this name or ``sm_61``; raises DoctorError (2) with the nearest names and the way out."""
    found = matrix.compute_capability(name)
    if found is not None:
        return Card(name, found)
    several = matrix.ambiguous_gpu(name)
    if several:
        codes = ", ".join("sm_" + cc.replace(".", "") for cc in several)
        raise DoctorError(
            Text("'{name}' was sold with several chips.", "“{name}”有多种芯片版本。"),
            Text(
                "Say which: --assume-gpu {codes} (nvidia-smi --query-gpu=compute_cap tells).",
                "请指明是哪一种：--assume-gpu {codes}（可用 nvidia-smi --query-gpu=compute_cap 查询）。",
            ),
            exit=2,
            name=name,
            codes=codes,
        )
    near = matrix.nearest_gpus(name)
    raise DoctorError(
        Text("Unknown GPU '{name}'.", "未知显卡“{name}”。"),
        Text(
            "Nearest names: {near}. Its compute capability will do as well: --assume-gpu sm_86.",
            "相近的名称：{near}。也可以直接写计算能力：--assume-gpu sm_86。",
        )
        if near
        else Text(
            "Its compute capability will do as well: --assume-gpu sm_86.", "也可以直接写计算能力：--assume-gpu sm_86。"
        ),
        exit=2,
        name=name,
        near=", ".join(near),
    )


# ---------------------------------------------------------------- this machine


def _platform_here(python: Python, host: Optional[Host]) -> str:
    word = re.sub(r"^macosx_\d+_\d+_", "macosx_", python.platform.lower().replace("-", "_").replace(".", "_"))
    if not word and host is not None:
        word = platform_of(host.system, host.machine) or ""
    if word == "macosx_universal2":
        word = (platform_of("macos", host.machine) if host is not None else None) or "macosx_arm64"
    if python.pointer_bits == 32:
        word = {"linux_aarch64": "linux_armv7l", "linux_armv8l": "linux_armv7l", "linux_x86_64": "linux_i686"}.get(
            word, word
        )
    return word


def _libc_here(python: Python, host: Optional[Host], platform: str) -> Tuple[Optional[str], Optional[str], str]:
    if not platform.startswith("linux"):
        return None, None, UNLIMITED
    libc = python.libc or (host.libc if host is not None else None)
    version = python.libc_version or (host.libc_version if host is not None else None)
    if libc == "musl":
        return libc, None, UNKNOWN
    if libc is None and version is None:
        return "glibc", None, UNKNOWN
    return libc or "glibc", version, KNOWN if version else UNKNOWN


#: first driver branch that Jetsons share with servers (JetPack 7)
_SHARED_DRIVER = 580


def _tegra(host: Optional[Host], board: Optional[Board], driver: Optional[str]) -> bool:
    jetson = (board is not None and "jetson" in board.model.lower()) or (host is not None and "tegra" in host.release)
    return jetson and (driver is None or key(driver) < key(str(_SHARED_DRIVER)))


def _nvidia_here(
    facts: Facts, matrix: Matrix, unknowns: List[str]
) -> Tuple[Optional[str], str, Optional[Tuple[Card, ...]]]:
    state = facts.state(Nvidia)
    if isinstance(state, Unknown):
        unknowns.append("nvidia: " + state.reason)
        return None, UNKNOWN, None
    if state is None:
        return None, NONE, ()
    from ..gpu_chips import capability_of_device

    cards = [Card(gpu.name, gpu.compute_capability or matrix.compute_capability(gpu.name)) for gpu in state.gpus]
    if not cards:
        for name in state.pci:
            device = re.search(r"10de:([0-9a-f]{4})", name, re.IGNORECASE)
            code = capability_of_device(int(device.group(1), 16)) if device else None
            cards.append(Card(name, code or matrix.compute_capability(name)))
    # a card that is only assumed, or named in pasted text, comes with a driver that nobody has named yet
    heard = state.source("assumed") is not None or state.source("text") is not None
    without = UNKNOWN if heard and cards else NONE
    driver_state = KNOWN if state.driver else without
    gpus = tuple(cards) if cards or driver_state == NONE else None
    return state.driver, driver_state, gpus
