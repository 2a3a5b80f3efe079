"""The machine as its files describe it: operating system, processor, clock, limits, environment variables."""

import os
import re
import struct
import sys
import time
from typing import Dict, Iterator, Mapping, Optional, Tuple, Union

from ..facts import Clock, Cpu, Environ, Host, Limits, Unknown
from ..secrets import without_credentials

#: the variables that decide what Python, CUDA, pip and the loader do
VARIABLES = frozenset(
    """
    PYTHONPATH PYTHONHOME PYTHONNOUSERSITE PYTHONUSERBASE PYTHONSTARTUP PYTHONOPTIMIZE PYTHONUTF8 PYTHONIOENCODING
    VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_EXE PYENV_VERSION UV_INDEX_URL UV_DEFAULT_INDEX UV_TORCH_BACKEND
    LD_LIBRARY_PATH LD_PRELOAD DYLD_LIBRARY_PATH DYLD_INSERT_LIBRARIES
    CUDA_HOME CUDA_PATH CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER CUDA_LAUNCH_BLOCKING CUDA_MODULE_LOADING
    NVIDIA_VISIBLE_DEVICES NVIDIA_DRIVER_CAPABILITIES NVIDIA_REQUIRE_CUDA HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES
    HSA_OVERRIDE_GFX_VERSION TORCH_CUDA_ARCH_LIST TORCH_HOME PYTORCH_CUDA_ALLOC_CONF PYTORCH_ALLOC_CONF
    PYTORCH_NVML_BASED_CUDA_CHECK PYTORCH_ENABLE_MPS_FALLBACK TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD
    TORCH_FORCE_WEIGHTS_ONLY_LOAD HF_ENDPOINT HF_HOME HF_HUB_OFFLINE TRANSFORMERS_OFFLINE YOLO_CONFIG_DIR
    KMP_DUPLICATE_LIB_OK KMP_AFFINITY OMP_NUM_THREADS MKL_NUM_THREADS MKL_THREADING_LAYER MKL_SERVICE_FORCE_INTEL
    OPENBLAS_NUM_THREADS OPENBLAS_CORETYPE
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy
    REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR
    TMPDIR TEMP TMP XDG_CACHE_HOME XDG_CONFIG_HOME
    LANG LANGUAGE LC_ALL LC_CTYPE LC_MESSAGES TERM
    DISPLAY WAYLAND_DISPLAY QT_QPA_PLATFORM QT_QPA_PLATFORM_PLUGIN_PATH QT_PLUGIN_PATH MPLBACKEND
    OPENCV_IO_MAX_IMAGE_PIXELS OPENCV_IO_ENABLE_OPENEXR
    WSL_DISTRO_NAME WSL_INTEROP KUBERNETES_SERVICE_HOST COLAB_RELEASE_TAG KAGGLE_KERNEL_RUN_TYPE SLURM_JOB_ID
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_TRUSTED_HOST PIP_CONFIG_FILE PIP_CACHE_DIR
    PIP_CERT PIP_REQUIRE_VIRTUALENV PIP_BREAK_SYSTEM_PACKAGES PIP_USER PIP_TARGET PIP_PREFIX PIP_PROXY PIP_CONSTRAINT
    PIP_ONLY_BINARY PIP_NO_BINARY PIP_PREFER_BINARY PIP_NO_CACHE_DIR
    """.split()
)

#: bytes of a file in /proc or /etc that are read; the rest says nothing new
ENOUGH = 1 << 15


def _read(root: str, path: str, limit: int = ENOUGH) -> Optional[str]:
    try:
        with open(os.path.join(root, path), "rb") as stream:
            return stream.read(limit).decode("utf-8", "replace")
    except OSError:
        return None


# ---------------------------------------------------------------- the operating system


def parse_os_release(text: str) -> Dict[str, str]:
    """Return the assignments of an os-release file, without their quotes."""
    values = {}
    for line in text.splitlines():
        key, separator, value = line.strip().partition("=")
        if separator and key.isidentifier():
            values[key] = value.strip().strip("\"'")
    return values


def probe_host(root: str = "/", environ: Optional[Mapping[str, str]] = None) -> Union[Host, Unknown]:
    """Return the operating system and what runs it (a container, WSL); ``root`` other than / is a Linux system's "
    "tree."""
    environ = os.environ if environ is None else environ
    if root == "/" and sys.platform == "win32":
        return _windows_host(environ)
    if root == "/" and sys.platform == "darwin":
        return _mac_host(environ)
    live = os.uname() if hasattr(os, "uname") else None
    release = (_read(root, "proc/sys/kernel/osrelease") or (live.release if live else "")).strip()
    machine = (_read(root, "proc/sys/kernel/arch") or "").strip() or (live.machine if live else "")
    said = parse_os_release(_read(root, "etc/os-release") or _read(root, "usr/lib/os-release") or "")
    codename = said.get("VERSION_CODENAME", "") or said.get("UBUNTU_CODENAME", "")
    if not codename:
        named = re.search(r"\(([A-Za-z]+)[^)]*\)", said.get("VERSION", ""))
        codename = named.group(1).lower() if named else ""
    libc, libc_version = _libc(root)
    return Host(
        system="linux",
        machine=machine,
        release=release,
        distro=said.get("ID", "").lower(),
        distro_like=tuple(said.get("ID_LIKE", "").lower().split()),
        distro_version=said.get("VERSION_ID", ""),
        codename=codename,
        libc=libc,
        libc_version=libc_version,
        container=_container(root, environ if root == "/" else {}),
        wsl=wsl_version(release),
        locale=_locale(environ),
        root=hasattr(os, "geteuid") and os.geteuid() == 0,
        glibcxx=_glibcxx(root, machine),
    )


def _windows_host(environ: Mapping[str, str]) -> Host:
    version = sys.getwindowsversion()  # type: ignore[attr-defined]
    return Host(
        system="windows",
        machine=environ.get("PROCESSOR_ARCHITEW6432") or environ.get("PROCESSOR_ARCHITECTURE", ""),
        release="%d.%d.%d" % (version.major, version.minor, version.build),
        distro_version="11" if version.build >= 22000 else str(version.major),
        locale=_locale(environ),
    )


def _mac_host(environ: Mapping[str, str]) -> Host:
    import platform

    live = os.uname()
    return Host(
        system="macos",
        machine=live.machine,
        release=live.release,
        distro_version=platform.mac_ver()[0],
        locale=_locale(environ),
        root=os.geteuid() == 0,
    )


def _locale(environ: Mapping[str, str]) -> str:
    return next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")


def wsl_version(release: str) -> int:
    """Return 1 or 2 for the kernels of WSL, else 0: WSL 1 ends in ``-Microsoft``, WSL 2 says ``microsoft-standard``."""
    if re.search(r"WSL2|microsoft-standard", release):
        return 2
    return 1 if "microsoft" in release.lower() else 0


def _container(root: str, environ: Mapping[str, str]) -> Optional[str]:
    """Return what kind of container this is, or None."""
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    if environ.get("SINGULARITY_CONTAINER") or environ.get("APPTAINER_CONTAINER"):
        return "apptainer"
    for path, kind in ((".dockerenv", "docker"), ("run/.containerenv", "podman"), (".singularity.d", "apptainer")):
        if os.path.exists(os.path.join(root, path)):
            return kind
    told = (_read(root, "run/systemd/container") or "").strip()
    if told:
        return told if told != "wsl" else None
    groups = _read(root, "proc/1/cgroup") or ""
    for word, kind in (("kubepods", "kubernetes"), ("docker", "docker"), ("libpod", "podman"), ("/lxc", "lxc")):
        if word in groups:
            return kind
    mounts = _read(root, "proc/self/mounts", 4096) or ""
    overlay = next((line for line in mounts.splitlines() if line.startswith("overlay / ")), "")
    for word, kind in (("/docker/", "docker"), ("/containers/storage/", "podman"), ("containerd", "containerd")):
        if word in overlay:
            return kind
    return None


# ---------------------------------------------------------------- libc and libstdc++

#: multiarch folder by ``uname -m``, for 64-bit and for 32-bit programs
TRIPLETS = {
    "x86_64": ("x86_64-linux-gnu", "i386-linux-gnu"),
    "aarch64": ("aarch64-linux-gnu", "arm-linux-gnueabihf"),
    "armv7l": ("arm-linux-gnueabihf",) * 2,
    "armv6l": ("arm-linux-gnueabihf",) * 2,
    "armv8l": ("arm-linux-gnueabihf",) * 2,
    "i686": ("i386-linux-gnu",) * 2,
}


def _library_folders(machine: str) -> Iterator[str]:
    """Yield the folders of the system's libraries that programs like this one load, the likeliest first."""
    triplets = TRIPLETS.get(machine, ())
    for triplet in triplets if struct.calcsize("P") == 8 else reversed(triplets):
        yield "usr/lib/" + triplet
        yield "lib/" + triplet
    for folder in ("usr/lib64", "lib64", "usr/lib", "lib"):
        yield folder


def _libc(root: str) -> Tuple[Optional[str], Optional[str]]:
    """Return (``glibc`` or ``musl``, version) of the system."""
    if root == "/":
        try:
            name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
            if name == "glibc":
                return name, version
        except (AttributeError, ValueError, OSError):
            pass
    folder = os.path.join(root, "lib")
    try:
        musl = any(name.startswith("ld-musl-") for name in os.listdir(folder))
    except OSError:
        musl = False
    if musl:
        found = re.search(r"^P:musl\nV:([\d.]+)", _read(root, "lib/apk/db/installed", 1 << 20) or "", re.MULTILINE)
        return "musl", found.group(1) if found else None
    for folder in _library_folders(_machine(root)):
        found_versions = _find_in(os.path.join(root, folder, "libc.so.6"), rb"stable release version (\d+\.\d+)")
        if found_versions:
            return "glibc", max(found_versions, key=_key)
    return None, None


def _machine(root: str) -> str:
    said = (_read(root, "proc/sys/kernel/arch") or "").strip()
    return said or (os.uname().machine if hasattr(os, "uname") else "")


def _glibcxx(root: str, machine: str) -> Optional[str]:
    """Return the highest GLIBCXX version of the system's libstdc++; its file name tells: libstdc++.so.6.0.30 has "
    "3.4.30."""
    for folder in _library_folders(machine):
        path = os.path.join(root, folder, "libstdc++.so.6")
        try:
            target = os.readlink(path)
        except OSError:
            if not os.path.exists(path):
                continue
            target = ""
        named = re.search(r"libstdc\+\+\.so\.6\.0\.(\d+)$", target)
        if named:
            return "3.4.%s" % named.group(1)
        found = _find_in(path, rb"GLIBCXX_(3\.4\.\d+)")
        if found:
            return max(found, key=_key)
    return None


def _key(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _find_in(path: str, pattern: bytes) -> Tuple[str, ...]:
    """Return what the pattern's group matched in a file, without reading the file into memory."""
    import mmap

    try:
        with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return tuple({match.decode("ascii") for match in re.findall(pattern, data)})
    except (OSError, ValueError):
        return ()


# ---------------------------------------------------------------- processor


def parse_cpuinfo(text: str) -> Tuple[str, Tuple[str, ...], int]:
    """Return (model, feature flags, processors) of /proc/cpuinfo, of x86 and ARM kernels."""
    model = hardware = ""
    flags: Tuple[str, ...] = ()
    count = 0
    for line in text.splitlines():
        key, _, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if key == "processor":
            count += 1
        elif key in ("model name", "Processor") and not model:
            model = value
        elif key in ("flags", "Features") and not flags:
            flags = tuple(value.split())
        elif key in ("Hardware", "Model"):
            hardware = value
    return model or hardware, flags, count


def probe_cpu(root: str = "/") -> Union[Cpu, Unknown]:
    """Return the processor and its feature flags."""
    if root == "/" and sys.platform == "win32":
        return _windows_cpu()
    if root == "/" and sys.platform == "darwin":
        return _mac_cpu()
    # a live system says the number of processors elsewhere; each of them costs the kernel time here
    text = _read(root, "proc/cpuinfo", 1 << 14 if root == "/" else 1 << 20)
    if text is None:
        return Unknown("/proc/cpuinfo cannot be read")
    model, flags, count = parse_cpuinfo(text)
    return Cpu(model=model, cores=(os.cpu_count() if root == "/" else count) or count or 1, flags=flags)


#: Windows' numbers of processor features (winnt.h, PF_…_AVAILABLE) in the words of Linux
WINDOWS_FEATURES = {36: "ssse3", 37: "sse4_1", 38: "sse4_2", 39: "avx", 40: "avx2", 41: "avx512f", 34: "atomics"}


def _windows_cpu() -> Cpu:
    import ctypes

    present = ctypes.windll.kernel32.IsProcessorFeaturePresent  # type: ignore[attr-defined]
    return Cpu(
        model=os.environ.get("PROCESSOR_IDENTIFIER", ""),
        cores=os.cpu_count() or 1,
        flags=tuple(name for number, name in sorted(WINDOWS_FEATURES.items()) if present(number)),
    )


def parse_sysctl(text: str) -> Tuple[str, Tuple[str, ...]]:
    """Return (model, flags) of ``sysctl machdep.cpu``, the flags in the words of Linux."""
    model, flags = "", []
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == "machdep.cpu.brand_string":
            model = value.strip()
        elif key in ("machdep.cpu.features", "machdep.cpu.leaf7_features"):
            flags += [re.sub("^avx1_0$", "avx", word.lower().replace(".", "_")) for word in value.split()]
    return model, tuple(flags)


def _mac_cpu() -> Cpu:
    from . import run

    model, flags = parse_sysctl(run.run(["/usr/sbin/sysctl", "machdep.cpu"], 2.0).stdout)
    return Cpu(model=model, cores=os.cpu_count() or 1, flags=flags)


# ---------------------------------------------------------------- clock, limits, variables


def parse_fake_hwclock(text: str) -> Optional[float]:
    """Return the moment in /etc/fake-hwclock.data (``2026-11-22 03:17:01``, UTC), where a board keeps its last time."""
    said = re.match(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)", text)
    if said is None:
        return None
    import datetime

    try:
        return datetime.datetime(*map(int, said.groups()), tzinfo=datetime.timezone.utc).timestamp()  # type: ignore
    except (ValueError, OverflowError):
        return None


def probe_clock(root: str = "/", now_s: Optional[float] = None) -> Clock:
    """Return the time, whether it is synchronised, and a moment that the system saved and that has passed."""
    state = os.path.join(root, "run/systemd/timesync")
    synchronised = None
    if os.path.isdir(state):
        synchronised = os.path.exists(os.path.join(state, "synchronized"))
    saved = []
    told = parse_fake_hwclock(_read(root, "etc/fake-hwclock.data", 64) or "")
    if told is not None:
        saved.append(told)
    try:
        saved.append(os.stat(os.path.join(root, "var/lib/systemd/timesync/clock")).st_mtime)
    except OSError:
        pass
    return Clock(
        now_s=time.time() if now_s is None else now_s, synchronised=synchronised, passed_s=max(saved) if saved else None
    )


def probe_limits() -> Union[Limits, None]:
    """Return the soft limits of this process; absent on Windows, which has none."""
    try:
        import resource
    except ImportError:
        return None

    def limit(name: str, hard: bool = False) -> Optional[int]:
        number = getattr(resource, name, None)
        if number is None:
            return None
        value = resource.getrlimit(number)[1 if hard else 0]
        return None if value == resource.RLIM_INFINITY or value < 0 or value >= 1 << 62 else value

    return Limits(
        open_files=limit("RLIMIT_NOFILE"),
        locked_memory_bytes=limit("RLIMIT_MEMLOCK"),
        processes=limit("RLIMIT_NPROC"),
        address_space_bytes=limit("RLIMIT_AS"),
        hard_open_files=limit("RLIMIT_NOFILE", hard=True),
    )


def probe_environ(environ: Optional[Mapping[str, str]] = None) -> Environ:
    """Return the variables that matter here; user names, passwords and tokens inside addresses are left out."""
    environ = os.environ if environ is None else environ
    return Environ({name: without_credentials(environ[name]) for name in sorted(environ) if name in VARIABLES})
