"""What is known about a machine, as plain data: sections of frozen records, each known, absent or unknown.

A section is its value, ``None`` when it is known that there is no such thing (no torch in the environment), or
``Unknown(reason)`` when nobody could tell. *Unknown is not no.* Checks reach sections through :meth:`Facts.need`
and :meth:`Facts.find`, so that a check whose fact is unknown is skipped, visibly.
"""

import re
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple, Type, TypeVar, Union

from .record import dataclass, field, fields, is_record
from .wheels.versions import readable

#: Number of the JSON form of a bundle; raised when an older doctor could misread a newer bundle.
SCHEMA = 1

T = TypeVar("T")


@dataclass(frozen=True)
class Unknown:
    """A fact that could not be had, and why, in words a user can read."""

    reason: str


class MissingFact(Exception):
    """A check asked for a fact that is unknown: the check is skipped for this reason."""

    def __init__(self, section: str, reason: str) -> None:
        super().__init__(section, reason)
        self.section = section
        self.reason = reason


class NotApplicable(Exception):
    """A check asked for a thing that is known to be absent: there is nothing to judge."""


SECTIONS: Dict[str, type] = {}


def section(name: str):
    """Register a record type as the section called ``name`` in bundles and in the JSON report."""

    def register(cls: Type[T]) -> Type[T]:
        cls.section_name = name  # type: ignore[attr-defined]
        SECTIONS[name] = cls
        return cls

    return register


# ---------------------------------------------------------------- the machine


@section("host")
@dataclass(frozen=True)
class Host:
    #: ``linux``, ``windows`` or ``macos``
    system: str
    #: ``platform.machine()`` in the kernel's words: x86_64, aarch64, armv7l, AMD64, arm64
    machine: str
    #: kernel release, or the Windows build
    release: str = ""
    #: os-release ID (debian, raspbian, ubuntu, fedora, arch, alpine) and ID_LIKE; empty when not stated
    distro: str = ""
    distro_like: Tuple[str, ...] = ()
    distro_version: str = ""
    #: buster, bullseye, bookworm, trixie, jammy …
    codename: str = ""
    #: ``glibc`` or ``musl`` and its version; None on other systems
    libc: Optional[str] = None
    libc_version: Optional[str] = None
    #: docker, podman, kubernetes, lxc …; None when this is no container
    container: Optional[str] = None
    #: 0 outside WSL, else 1 or 2
    wsl: int = 0
    locale: str = ""
    root: bool = False
    #: highest ``GLIBCXX_3.4.N`` in the system's libstdc++; None when not found
    glibcxx: Optional[str] = None


@section("cpu")
@dataclass(frozen=True)
class Cpu:
    model: str
    cores: int
    #: feature flags in the kernel's words (avx, avx2, sse4_2, neon, asimd, atomics …)
    flags: Tuple[str, ...] = ()


@section("memory")
@dataclass(frozen=True)
class Memory:
    total_bytes: int
    available_bytes: int
    #: control-group limit of a container; None when there is none
    limit_bytes: Optional[int] = None


@dataclass(frozen=True)
class SwapDevice:
    path: str
    #: partition, file, zram
    kind: str
    size_bytes: int
    used_bytes: int = 0


@section("swap")
@dataclass(frozen=True)
class Swap:
    total_bytes: int
    used_bytes: int = 0
    devices: Tuple[SwapDevice, ...] = ()
    #: dphys-swapfile, rpi-swap, zram, partition, file, pagefile, none
    provider: str = "none"
    #: the provider's own settings, e.g. CONF_SWAPSIZE and CONF_MAXSWAP in MiB as text
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    #: environment, project, cache, tmp, shm, root, state
    purpose: str
    path: str
    filesystem: str
    total_bytes: int
    free_bytes: int
    read_only: bool = False
    free_inodes: Optional[int] = None
    #: where its file system is mounted; places of one mount share its free bytes. Empty when it could not be told
    mount: str = ""


@section("storage")
@dataclass(frozen=True)
class Storage:
    places: Tuple[Place, ...]
    #: purpose -> path of places whose disk did not answer: a network share that is gone
    silent: Mapping[str, str] = field(default_factory=dict)

    def place(self, purpose: str) -> Optional[Place]:
        """Return the place with this purpose, or None when there is none; raises MissingFact when it is silent."""
        if purpose in self.silent:
            raise MissingFact("storage", "%s does not answer" % self.silent[purpose])
        return next((place for place in self.places if place.purpose == purpose), None)


@section("limits")
@dataclass(frozen=True)
class Limits:
    #: soft limits; None = unlimited
    open_files: Optional[int] = None
    locked_memory_bytes: Optional[int] = None
    processes: Optional[int] = None
    address_space_bytes: Optional[int] = None
    #: up to here the user may raise the number of open files without root
    hard_open_files: Optional[int] = None


@section("clock")
@dataclass(frozen=True)
class Clock:
    #: seconds since 1970, UTC
    now_s: float
    #: whether the system says that it is synchronised; None when it does not say
    synchronised: Optional[bool] = None
    #: a moment that has certainly passed: the system itself wrote it to disk; None when it keeps none
    passed_s: Optional[float] = None


@section("environ")
@dataclass(frozen=True)
class Environ:
    """The environment variables that matter here; credentials inside URLs are removed."""

    variables: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Optional[str]:
        return self.variables.get(name)


@section("board")
@dataclass(frozen=True)
class Board:
    """A single-board computer; absent on a machine without a device tree."""

    #: the device tree's model string
    model: str
    compatible: Tuple[str, ...] = ()
    #: the revision code in hex without 0x, as /proc/cpuinfo prints it
    revision: Optional[str] = None
    #: BCM2711 …
    soc: Optional[str] = None
    memory_mb: Optional[int] = None
    #: bytes in a memory page
    page_size: Optional[int] = None
    #: bits of the kernel and of the userland
    kernel_bits: Optional[int] = None
    userland_bits: Optional[int] = None
    #: ``vcgencmd get_throttled`` as a number
    throttled: Optional[int] = None
    temperature_c: Optional[float] = None
    #: short name decoded from the revision code: 4B, 5, Zero W …
    name: Optional[str] = None
    #: every field of the revision code in words: style, processor, memory_mb, manufacturer, pcb_revision, warranty …
    decoded: Mapping[str, str] = field(default_factory=dict)

    @property
    def raspberry_pi(self) -> bool:
        return "raspberry pi" in self.model.lower() or any(c.startswith("raspberrypi,") for c in self.compatible)


# ---------------------------------------------------------------- NVIDIA


@dataclass(frozen=True)
class Gpu:
    name: str
    #: ``6.1``; None when the source does not say
    compute_capability: Optional[str] = None
    memory_total_bytes: Optional[int] = None
    memory_used_bytes: Optional[int] = None
    #: names of processes that hold memory on the card
    processes: Tuple[str, ...] = ()


@dataclass(frozen=True)
class NvidiaSource:
    """What one source said: ``nvml``, ``nvidia-smi``, ``proc``, ``sysfs``, ``assumed`` or ``text``."""

    name: str
    driver: Optional[str] = None
    #: CUDA version that the driver reports, e.g. 12.4
    cuda: Optional[str] = None
    gpus: Tuple[Gpu, ...] = ()
    #: the source's own error, word for word
    error: Optional[str] = None
    #: NVML's error number, where there is one
    error_code: Optional[int] = None
    #: version of the driver's user-space library, where the source tells it apart from the kernel module's
    library: Optional[str] = None


@section("nvidia")
@dataclass(frozen=True)
class Nvidia:
    """NVIDIA hardware and driver; absent when every source agrees that there is neither card nor driver."""

    #: the driver's version (552.22, 580.95.05); None when no driver answers
    driver: Optional[str] = None
    cuda: Optional[str] = None
    gpus: Tuple[Gpu, ...] = ()
    sources: Tuple[NvidiaSource, ...] = ()
    #: NVIDIA cards that the PCI bus shows, by name or ``10de:1d13``; also without a driver
    pci: Tuple[str, ...] = ()
    #: sentences about sources that disagree
    disagreements: Tuple[str, ...] = ()
    #: nouveau or another module holds the card
    kernel_module: Optional[str] = None
    #: libcuda.so.1 where the loader looks for it, first wins; under WSL the right one lies in /usr/lib/wsl/lib
    libcuda: Tuple[str, ...] = ()
    #: WSL's device for the GPU (/dev/dxg) is there; None outside WSL
    dxg: Optional[bool] = None

    def source(self, name: str) -> Optional[NvidiaSource]:
        return next((source for source in self.sources if source.name == name), None)


@dataclass(frozen=True)
class ToolkitInstall:
    #: CUDA toolkit version, e.g. 12.3
    version: str
    path: str
    #: nvcc, version.json, version.txt
    source: str


@section("toolkit")
@dataclass(frozen=True)
class Toolkit:
    """CUDA toolkits on the machine; absent when there is none."""

    installs: Tuple[ToolkitInstall, ...] = ()
    #: the version that ``nvcc`` on PATH reports
    nvcc: Optional[str] = None
    nvcc_path: Optional[str] = None
    cuda_home: Optional[str] = None
    #: cuDNN version from its headers, by path
    cudnn: Mapping[str, str] = field(default_factory=dict)
    #: CUDA libraries in folders that LD_LIBRARY_PATH names, by path
    library_path: Tuple[str, ...] = ()


# ---------------------------------------------------------------- the target Python


@section("python")
@dataclass(frozen=True)
class Python:
    """The target interpreter."""

    executable: str
    #: 3.10.13
    version: str
    implementation: str = "cpython"
    #: ABI tag: cp37m, cp310, cp313t
    abi: str = ""
    #: platform tag in pip's words: linux_x86_64, win_amd64, linux_armv7l, macosx_11_0_arm64
    platform: str = ""
    free_threaded: bool = False
    pointer_bits: int = 64
    prefix: str = ""
    base_prefix: str = ""
    #: a virtual environment (venv or virtualenv)
    venv: bool = False
    #: a conda environment
    conda: bool = False
    system_site_packages: bool = False
    #: PEP 668
    externally_managed: bool = False
    #: where pip installs: purelib first, then platlib when it differs
    site_packages: Tuple[str, ...] = ()
    user_site: Optional[str] = None
    user_site_enabled: bool = False
    sys_path: Tuple[str, ...] = ()
    #: scripts folder
    scripts: str = ""
    pip: Optional[str] = None
    #: libc that this interpreter is linked to
    libc: Optional[str] = None
    libc_version: Optional[str] = None
    #: site-packages can be written by the current user
    writable: Optional[bool] = None
    #: a sitecustomize or usercustomize module that was found, by path
    customize: Tuple[str, ...] = ()

    @property
    def minor(self) -> str:
        """``3.10`` for 3.10.13."""
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True)
class Distribution:
    """One installed distribution, read from its dist-info or egg-info folder."""

    #: normalised name
    name: str
    #: version in METADATA; None when METADATA is missing or has none that can be compared
    version: Optional[str]
    #: folder that holds it (site-packages), and the name of its metadata folder
    location: str
    folder: str
    requires: Tuple[str, ...] = ()
    requires_python: Optional[str] = None
    installer: Optional[str] = None
    editable: bool = False
    #: ok, no-metadata, no-record, empty-record, files-missing
    health: str = "ok"
    #: tags of the wheel it came from, e.g. cp310-cp310-manylinux1_x86_64
    tags: Tuple[str, ...] = ()


@section("distributions")
@dataclass(frozen=True)
class Distributions:
    items: Tuple[Distribution, ...] = ()
    #: ``~orch`` folders that an interrupted pip left behind, by path
    leftovers: Tuple[str, ...] = ()

    def find(self, name: str) -> Optional[Distribution]:
        """Return the first distribution of this normalised name on the search path, or None."""
        return next((item for item in self.items if item.name == name), None)

    def all(self, name: str) -> Tuple[Distribution, ...]:
        return tuple(item for item in self.items if item.name == name)


@section("torch")
@dataclass(frozen=True)
class Torch:
    """The installed torch, read from its files; absent when it is not installed."""

    #: ``__version__`` of version.py: 2.1.0+cu121, 1.12.1+cu102; the distribution's version when there is no such file
    version: str
    #: version in METADATA (no local version when the wheel came from the package index)
    metadata_version: Optional[str] = None
    #: CUDA the build was made with: 12.1; None for a CPU build; Unknown when version.py could not be read
    cuda: Union[str, None, Unknown] = None
    #: ROCm version; None when it is no ROCm build
    rocm: Optional[str] = None
    path: str = ""
    #: the CUDA library of the build is on disk (libtorch_cuda, torch_cuda.dll)
    cuda_library: Optional[bool] = None
    #: compute capabilities compiled in, where the machine could say (trial or pasted text)
    arch_list: Tuple[str, ...] = ()
    debug: bool = False
    #: what is missing of the files that every torch has; None when they are there, or could not be judged
    damage: Optional[str] = None


@section("torchvision")
@dataclass(frozen=True)
class Torchvision:
    version: str
    metadata_version: Optional[str] = None
    cuda: Union[str, None, Unknown] = None
    path: str = ""
    #: ``exact`` when the build is bound to one torch, ``stable`` for the stable ABI (_C_stable.so); None unknown
    abi: Optional[str] = None
    #: requirement on torch in its METADATA, e.g. ``torch (==1.13.1)``
    requires_torch: Optional[str] = None
    #: the compiled extension is on disk
    extension: Optional[bool] = None


@section("torchaudio")
@dataclass(frozen=True)
class Torchaudio:
    version: str
    metadata_version: Optional[str] = None
    cuda: Union[str, None, Unknown] = None
    path: str = ""
    requires_torch: Optional[str] = None


@dataclass(frozen=True)
class NativeModule:
    """A compiled extension module and what it was built for."""

    distribution: str
    path: str
    #: ``1``: numpy 1 only; ``2``: runs with numpy 1 and 2; None: does not use numpy's C API, or cannot be told
    numpy_abi: Optional[str] = None
    #: shared libraries in ELF NEEDED that the loader will not find
    missing_libraries: Tuple[str, ...] = ()
    #: highest GLIBC_x.y and GLIBCXX_3.4.z it asks for
    glibc: Optional[str] = None
    glibcxx: Optional[str] = None


@dataclass(frozen=True)
class Ownership:
    """What one of several distributions that share a folder still has of the files it installed."""

    distribution: str
    #: import package that they share: cv2, onnxruntime
    package: str
    #: files that its RECORD lists there
    files: int
    #: files of its RECORD that are gone, and those that another distribution has written over; the first ones by path
    missing: Tuple[str, ...] = ()
    changed: Tuple[str, ...] = ()


@section("native")
@dataclass(frozen=True)
class NativeModules:
    items: Tuple[NativeModule, ...] = ()
    #: paths of OpenMP runtimes in the environment, by kind (libiomp5, libomp, libgomp)
    openmp: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    ownership: Tuple[Ownership, ...] = ()


@dataclass(frozen=True)
class Stage:
    """One stage of an import trial."""

    #: torch, numpy-bridge, torchvision, nms-cpu, cuda-kernel, nms-cuda, cv2, onnxruntime …
    name: str
    #: ok, failed (Python exception), crashed (signal), hung, skipped
    status: str
    #: exception type, word for word
    error: Optional[str] = None
    #: exception text, warnings and the last lines of stderr
    text: str = ""
    #: signal number or exit status of a crash
    signal: Optional[int] = None
    seconds: float = 0.0
    #: what the stage found out: versions, arch_list, providers …
    data: Mapping[str, Any] = field(default_factory=dict)


@section("trials")
@dataclass(frozen=True)
class Trials:
    """What really happened when the target Python imported things; unknown with ``--quick``."""

    stages: Tuple[Stage, ...] = ()

    def stage(self, name: str) -> Optional[Stage]:
        return next((stage for stage in self.stages if stage.name == name), None)


@dataclass(frozen=True)
class OtherPython:
    executable: str
    version: str
    #: system, venv, conda, pyenv, uv, user
    kind: str
    #: wanted modules that it holds, name -> version or empty
    modules: Mapping[str, str] = field(default_factory=dict)


@section("interpreters")
@dataclass(frozen=True)
class Interpreters:
    items: Tuple[OtherPython, ...] = ()
    #: top-level modules that were looked for
    wanted: Tuple[str, ...] = ()
    #: those that the target Python itself finds on its search path, name -> version or empty
    target: Mapping[str, str] = field(default_factory=dict)


@section("fingerprint")
@dataclass(frozen=True)
class Fingerprint:
    """What tells one state of an environment from another, without reading its packages."""

    #: digest of what lies in its site-packages folders
    digest: str
    #: seconds since 1970 when it was taken
    taken_s: float


# ---------------------------------------------------------------- configuration


@dataclass(frozen=True)
class Setting:
    """One configured value and where it stands; credentials are removed before it gets here."""

    name: str
    value: str
    #: file path (or ``environment PIP_INDEX_URL``)
    source: str


#: how the reason ends where pip's configuration is unknown because pip itself stops at it
PIP_STOPS = "; pip itself stops at it"


@section("pip")
@dataclass(frozen=True)
class PipConfig:
    #: every setting in the order pip reads them; a later one overrides an earlier one of the same name. The name is
    #: the bare option (``index-url``) in [global] and in PIP_* variables, ``install.index-url`` in other sections
    settings: Tuple[Setting, ...] = ()

    def get(self, name: str) -> Optional[Setting]:
        """Return the setting that wins for ``pip install``.

        As pip merges them: a PIP_* variable, then the [install] section of any file, then [global]; in each the last.
        """
        ranks = {name: 0, "global." + name: 0, "install." + name: 1}
        best = None
        for setting in self.settings:
            rank = 2 if setting.source.startswith("environment ") else ranks.get(setting.name, -1)
            if setting.name in ranks and (best is None or rank >= best[0]):
                best = (rank, setting)
        return best[1] if best else None


@dataclass(frozen=True)
class AptSource:
    uri: str
    suite: str
    components: Tuple[str, ...] = ()
    source: str = ""
    #: the ``Suite`` that the archive called itself at the last ``apt update`` (stable, oldstable); None when not stored
    recorded_suite: Optional[str] = None


@section("apt")
@dataclass(frozen=True)
class Apt:
    sources: Tuple[AptSource, ...] = ()


@dataclass(frozen=True)
class Reach:
    """One host asked for over the network."""

    #: index, index-files, torch-wheels, github-assets, piwheels
    purpose: str
    url: str
    ok: bool
    #: the server's or the library's own words; with ``ok`` empty
    detail: str = ""
    #: what went wrong: dns, refused, unreachable, timeout, reset, tls, captive-portal, proxy, proxy-auth, forbidden,
    #: http
    kind: str = ""
    proxy: Optional[str] = None
    seconds: Optional[float] = None
    bytes_per_s: Optional[float] = None


@dataclass(frozen=True)
class StartDownload:
    """A file that the repository fetches by itself when it starts."""

    name: str
    url: str
    #: where it looks first: the file put there by hand is used, and nothing is downloaded
    put_at: str
    #: already lies there
    present: bool = False


@section("network")
@dataclass(frozen=True)
class Network:
    """Unknown unless ``--network`` was given."""

    items: Tuple[Reach, ...] = ()
    downloads: Tuple[StartDownload, ...] = ()
    #: this machine's clock minus that of a server that answered; None when none said its time
    clock_ahead_s: Optional[float] = None


# ---------------------------------------------------------------- the project


@dataclass(frozen=True)
class Line:
    """A place in the project's source: ``relative/path.py`` with forward slashes and a line number from 1."""

    file: str
    line: int
    text: str = ""

    def __str__(self) -> str:
        return "%s:%d: %s" % (self.file, self.line, self.text)


@dataclass(frozen=True)
class ProjectRequirement:
    #: normalised name
    name: str
    #: the whole requirement as written, markers and all
    text: str
    where: Line
    #: of an extra, of a development, test or documentation list: nothing breaks without it
    optional: bool = False
    #: a constraint (``-c``): says which version, not that it must be there
    constraint: bool = False


@dataclass(frozen=True)
class ApiUse:
    """A use of a name that some version of a library no longer has, or treats otherwise."""

    #: dotted name with import aliases resolved: numpy.int, PIL.Image.ANTIALIAS, torch.load
    name: str
    where: Line
    #: what the scanner saw beside the name, e.g. ``{"weights_only": "absent"}``
    detail: Mapping[str, str] = field(default_factory=dict)


#: how an entry of ``Project.skipped`` ends when a tree was too large to be read in full
TIME_WAS_UP = "the time for the scan was up"


@section("project")
@dataclass(frozen=True)
class Project:
    """The repository to be trained; absent when there is none here."""

    root: str
    #: named with --project, or lying in the folder of the target Python
    chosen: bool = False
    requirements: Tuple[ProjectRequirement, ...] = ()
    requires_python: Optional[str] = None
    #: top-level modules imported by its source -> first place
    imports: Mapping[str, Line] = field(default_factory=dict)
    #: of these, the ones that are imported only inside functions, conditions or ``try``
    lazy: Tuple[str, ...] = ()
    uses: Tuple[ApiUse, ...] = ()
    #: compiles CUDA code (CUDAExtension, *.cu in setup.py)
    builds_cuda: bool = False
    #: project files that hide a library: ``torch.py``
    shadowing: Tuple[str, ...] = ()
    #: what the scan passed over, and why
    skipped: Tuple[str, ...] = ()
    files: int = 0


# ---------------------------------------------------------------- all of it


class Facts:
    """All sections of one machine."""

    def __init__(self, sections: Optional[Mapping[type, Any]] = None) -> None:
        self._sections: Dict[type, Any] = dict(sections or {})

    def state(self, cls: Type[T]) -> Union[T, None, Unknown]:
        """Return the section: its value, None when absent, or Unknown."""
        return self._sections.get(cls, Unknown("not looked at"))

    def need(self, cls: Type[T]) -> T:
        """Return the section's value.

        Raises MissingFact when it is unknown (the check is skipped) and NotApplicable when it is absent (nothing
        to judge: the check is quiet).
        """
        value = self.find(cls)
        if value is None:
            raise NotApplicable(cls.section_name)  # type: ignore[attr-defined]
        return value

    def find(self, cls: Type[T]) -> Optional[T]:
        """Return the section's value, or None when it is known to be absent; raises MissingFact when unknown."""
        value = self.state(cls)
        if isinstance(value, Unknown):
            raise MissingFact(cls.section_name, value.reason)  # type: ignore[attr-defined]
        return value

    def maybe(self, cls: Type[T]) -> Optional[T]:
        """Return the section's value, or None when absent or unknown: for details that never decide a finding."""
        value = self.state(cls)
        return None if isinstance(value, Unknown) else value

    def replace(self, *values: Any) -> "Facts":
        """Return facts with these sections put in place of the old ones."""
        sections = dict(self._sections)
        sections.update({type(value): value for value in values})
        return Facts(sections)

    def with_state(self, cls: type, value: Any) -> "Facts":
        """Return facts with one section set to a value, None or Unknown."""
        sections = dict(self._sections)
        sections[cls] = value
        return Facts(sections)

    def __iter__(self) -> Iterator[Tuple[type, Any]]:
        return iter(self._sections.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Facts) and to_json(self) == to_json(other)

    __hash__ = None  # type: ignore[assignment]


def encode(value: Any) -> Any:
    """Return a value of a section as JSON types."""
    if isinstance(value, Unknown):
        return {"unknown": value.reason}
    if is_record(value):
        return {name: encode(getattr(value, name)) for name in fields(value)}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    return value


def to_json(facts: Facts) -> Dict[str, Any]:
    """Return the bundle: section name -> value, null (absent) or ``{"unknown": reason}``."""
    return {cls.section_name: encode(value) for cls, value in facts}  # type: ignore[attr-defined]


class BadBundle(ValueError):
    """A bundle that does not have the stated form; the message names the place."""


_NUMBER, _TWO_NUMBERS = r"\d+(\.\d+)*$", r"\d+\.\d+"

#: texts that are compared number by number: anything else in a bundle is damage
NUMBERED: Dict[type, Dict[str, str]] = {
    Host: {"libc_version": _NUMBER},
    Python: {"version": _TWO_NUMBERS, "libc_version": _NUMBER},
    Gpu: {"compute_capability": _TWO_NUMBERS + "$"},
    NvidiaSource: {"driver": _NUMBER, "cuda": _NUMBER},
    Nvidia: {"driver": _NUMBER, "cuda": _NUMBER},
    Toolkit: {"nvcc": _NUMBER},
    ToolkitInstall: {"version": _NUMBER},
    Torch: {"cuda": _NUMBER},
    Torchvision: {"cuda": _NUMBER},
    Torchaudio: {"cuda": _NUMBER},
}


def from_json(data: Any) -> Facts:
    """Return the facts of a bundle; sections that a newer doctor added are left out.

    Raises BadBundle when a value has the wrong type. Nothing in a bundle is ever executed or used as a path to write.
    """
    if not isinstance(data, Mapping):
        raise BadBundle("a bundle is a JSON object, not %s" % json_word(type(data)))
    sections = {}
    for name, cls in SECTIONS.items():
        if name in data:
            sections[cls] = _decode(data[name], Union[cls, None, Unknown], name)
    return Facts(sections)


def json_word(kind: type) -> str:
    """Return what a person calls a JSON value of this type."""
    words = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a whole number"}
    return "null" if kind is type(None) else words.get(kind, "a number")


def _decode(value: Any, wanted: Any, where: str) -> Any:
    from typing import get_type_hints

    origin = getattr(wanted, "__origin__", None)
    if wanted is Any:
        return value
    if origin is Union:
        choices = wanted.__args__
        if value is None and type(None) in choices:
            return None
        if Unknown in choices and isinstance(value, Mapping) and set(value) == {"unknown"}:
            return Unknown(_decode(value["unknown"], str, where))
        others = [choice for choice in choices if choice not in (type(None), Unknown)]
        return _decode(value, others[0], where)
    if origin in (tuple, Tuple):
        if not isinstance(value, list):
            raise BadBundle("%s: a list is wanted" % where)
        return tuple(_decode(item, wanted.__args__[0], "%s[%d]" % (where, i)) for i, item in enumerate(value))
    if origin is not None:  # Mapping
        if not isinstance(value, Mapping):
            raise BadBundle("%s: an object is wanted" % where)
        return {str(key): _decode(item, wanted.__args__[1], "%s.%s" % (where, key)) for key, item in value.items()}
    if is_record(wanted):
        if not isinstance(value, Mapping):
            raise BadBundle("%s: an object is wanted" % where)
        hints = get_type_hints(wanted)
        known = fields(wanted)
        arguments = {
            key: _decode(item, hints[key], "%s.%s" % (where, key)) for key, item in value.items() if key in known
        }
        if wanted is Distribution and "version" in arguments:
            arguments["version"] = readable(arguments["version"])
        for key, pattern in NUMBERED.get(wanted, {}).items():
            text = arguments.get(key)
            if isinstance(text, str) and re.match(pattern, text, re.ASCII) is None:
                raise BadBundle("%s.%s: a version number is wanted, not %r" % (where, key, text[:40]))
        try:
            return wanted(**arguments)
        except TypeError as error:
            raise BadBundle("%s: %s" % (where, str(error).partition(": ")[2] or error))
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise BadBundle("%s: %s is wanted, not %s" % (where, json_word(wanted), json_word(type(value))))
    return value
