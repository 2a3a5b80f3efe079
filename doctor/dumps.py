"""Facts about somebody else's machine, read from what its owner pasted; pure.

Understood: ``python -m torch.utils.collect_env`` in every form since torch 1.8 and what vLLM and SGLang made of it,
the environment tables of detectron2 and mmcv/mmengine, ``yolo checks``, the banner lines of YOLOv5/v7/v8 and later,
``nvidia-smi``, ``pip list``, ``pip freeze``, ``conda list``, pip's own messages, and the paths of tracebacks.
What a text does not state stays unknown: "Could not collect" is no statement about the machine.
"""

import re
from typing import Any, Dict, List, Optional, Tuple, Union

from .facts import (
    Cpu,
    Distribution,
    Distributions,
    Facts,
    Gpu,
    Host,
    Nvidia,
    NvidiaSource,
    Python,
    Stage,
    Toolkit,
    Torch,
    Torchaudio,
    Torchvision,
    Trials,
    Unknown,
)

#: Codes that are plainly not so on a machine where ``torch.cuda.is_available()`` is True.
_NOT_WITH_CUDA = ("driver-too-old", "driver-missing", "driver-library-mismatch", "torch-cpu-build", "container-no-gpu",
                  "wsl-libcuda", "no-gpu", "pi-gpu-torch")  # fmt: skip

_UNSTATED = re.compile(
    r"(?i)could not collect|n/?a$|none$|not available|not found|module not found|<not set>|unknown|^$"
)
_KEY = re.compile(r"^[ \t]{0,8}([A-Za-z][\w ./,()-]{1,40}?)[ \t]*:[ \t]*(\S.{0,3000})?$", re.M)
_TABLE = re.compile(
    r"^(sys\.platform|Python|numpy|PyTorch|torchvision|torchaudio|Pillow|cv2|CUDA available|"
    r"GPU available|GPU [\d,]+|CUDA_HOME|"
    r"NVCC|CUDA compiler|Driver version|detectron2(?: CUDA compiler)?|GPU|CUDA|OS|CPU) {2,}(\S.{0,200})$",
    re.M,
)
_VERSION = re.compile(r"\d{1,6}(?:\.\d{1,6}){1,4}[\w.]{0,40}(?:\+[\w.]{1,40})?")
_GPU_LINE = re.compile(r"^(?:GPU models and configuration *: *)?GPU ([\d,]+) *: *([^\n(]{2,80}?)(?: \(.*)?$", re.M)
_GPU_ARCH = re.compile(r"\(arch=(\d+\.\d)(?:,\d+\.\d)*\)")
_CAPABILITY = re.compile(r"^GPU ([\d,]+) Compute Capability: (\d+\.\d)", re.M)
_BANNER = re.compile(
    r"(?:YOLO|Ultralytics|YOLOR|yolov\w{0,10})[^\n]{0,120}?[ -]Python[- "
    r"](\d\.\d+(?:\.\d+)?)[^\n]{0,40}? torch[- ](\d+\.\d+[\w.+]*) ?"
    r"(CPU|CUDA:\d+|MPS|device ?\d?)?(?: \(([^\n]{2,60}?)(?:, (\d+(?:\.\d+)?) ?Mi?B)?\))?",
    re.I,
)
_OLD_BANNER = re.compile(
    r"(?:YOLO|Ultralytics)[^\n]{0,90} torch (\d+\.\d+[\w.+]*) (CPU|"
    r"CUDA:\d+)(?: \(([^\n]{2,60}?)(?:, (\d+(?:\.\d+)?) ?Mi?B)?\))?",
    re.I,
)
_SMI = re.compile(
    r"NVIDIA-SMI +\d+\.[\d.]+ +(?:KMD Version|Driver Version): +(\d+\.[\d.]+)"
    r"(?: +CUDA(?: \w+)? Version: +(\d+\.\d+|N/A|ERR!))?"
)
_SMI_ROW = re.compile(r"^\| +\d+ +([A-Z][\w .()/-]{3,40}?) +(?:On|Off|N/A|TCC|WDDM|MCDM) *\|", re.M)
_SMI_MEMORY = re.compile(r"(\d+)MiB +/ +(\d+)MiB +\|")
_SMI_LIST = re.compile(r"^GPU \d+: ([^\n(]{3,60}?) \(UUID: ", re.M)
_PIP_LIST = re.compile(r"^Package +Version\b[^\n]*\n-{3,}[- ]*\n((?:^[A-Za-z0-9][\w.-]* +\S[^\n]*\n?)+)", re.M)
_FREEZE = re.compile(r"(?:^[A-Za-z0-9][\w.-]*(?:==\S+| @ \S+)\n?){8,}", re.M)
_COLLECTED = re.compile(r"^\[(pip3?|conda)\] ([A-Za-z0-9][\w.-]*)(?:==| +)(\S+)(?: +(\S+))?(?: +(\S+))?", re.M)
_CONDA = re.compile(
    r"^# packages in environment at [^\n]*\n(?:#[^\n]*\n)*((?:^[A-Za-z0-9_][\w.-]* +\S[^\n]*\n?)+)", re.M
)
_SATISFIED = re.compile(
    r"Requirement already satisfied: ([A-Za-z0-9][\w.-]*)[^\n]{0,200}? in (\S[^\n]{0,200}?) "
    r"\((?:from [^\n]{0,200}\) \()?(\d[\w.+!-]*)\)"
)
_INSTALLED = re.compile(r"Successfully installed ((?:[A-Za-z0-9][\w.-]*-\d[\w.+!]* ?)+)")
_CHECKED = re.compile(r"^([A-Za-z][\w.-]*) +✅ (\d[\w.+]*?)(?:[<>=!~,].*)?$", re.M)
_PATH_PYTHON = re.compile(
    r"(?:[/\\]lib(?:64)?[/\\]python|[/\\]Python)(3\.?\d{1,2})(?:[/\\](?:lib[/\\])?(?:site|"
    r"dist)-packages|[/\\][\w.]+\.py|[/\\]lib[/\\])",
    re.I,
)
_PIP_TAG = re.compile(r"-cp(3\d{1,2})-cp3\d{1,2}\w*-(?:manylinux|linux|win|macosx)[\w.]+\.whl")
_SUPPORTS = re.compile(r"PyTorch install(?:ation)? supports CUDA capabilities ((?:sm_\d+a? ?|compute_\d+ ?)+)")
_NOT_COMPATIBLE = re.compile(r"^(.{3,60}?) with CUDA capability sm_(\d{2,3}) is not compatible", re.M)
_OTHER_MACHINE = re.compile(r"(?i)aarch64|arm64|armv\d|armhf|raspberry|piwheels|jetson|tegra|ppc64|riscv|/home/pi/")
_NVCC = re.compile(r"release (\d+\.\d+), V")


def parse(text: str, matrix: Any = None) -> Optional[Facts]:
    """Return the facts of a dump, or None when the text states nothing about a machine beyond a path or two."""
    facts = read(text, matrix)
    return facts if {cls for cls, _ in facts} - {Host, Python} else None


def contradicted(facts: Facts) -> Tuple[str, ...]:
    """Return the codes that cannot be, because the text says that torch reached the GPU."""
    trials = facts.maybe(Trials)
    stage = trials.stage("torch") if trials else None
    return _NOT_WITH_CUDA if stage is not None and stage.data.get("cuda_available") is True else ()


def read(text: str, matrix: Any = None) -> Facts:
    """Return everything that the text states; sections that it does not speak of are unknown.

    The matrix adds what a listed version implies: the torch that a torchvision of this release was made for.
    """
    keys = _keys(text)
    packages = _packages(text)
    banner = _banner(text)
    system = _host(text, keys)
    sections: Dict[type, object] = {}
    if system is not None:
        sections[Host] = system
    python = _python(text, keys, banner, system)
    if python is not None:
        sections[Python] = python
    torch = _torch(text, keys, banner, packages)
    if torch is not None:
        sections[Torch] = torch
    platform = python.platform if python is not None else ""
    version, cuda = _partner("torchvision", ("torchvision", "TorchVision"), keys, packages)
    if version:
        cuda = _of_index(cuda, "torchvision", version, torch, platform, matrix)
        home = _home(matrix, "torchvision", version)
        sections[Torchvision] = Torchvision(version, version, cuda, abi=_vision_abi(version), requires_torch=home)
    version, cuda = _partner("torchaudio", ("torchaudio",), keys, packages)
    if version:
        cuda = _of_index(cuda, "torchaudio", version, torch, platform, matrix)
        home = _home(matrix, "torchaudio", version)
        sections[Torchaudio] = Torchaudio(version, version, cuda, requires_torch=home)
    nvidia = _nvidia(text, keys, banner)
    if nvidia is not None:
        sections[Nvidia] = nvidia
    toolkit = _toolkit(text, keys)
    if toolkit is not None:
        sections[Toolkit] = toolkit
    cpu = _cpu(keys)
    if cpu is not None:
        sections[Cpu] = cpu
    if packages and ("numpy" in packages or "torch" not in packages):
        # Few lists are complete. One that names torch and not numpy would read as "numpy is not installed".
        sections[Distributions] = Distributions(
            tuple(
                Distribution(name, version, location, "") for name, (version, _, location) in sorted(packages.items())
            )
        )
    available = _available(keys, banner)
    if available is not None and torch is not None:
        sections[Trials] = Trials((Stage("torch", "ok", data={"version": torch.version, "cuda_available": available}),))
    return Facts(sections)


# ---------------------------------------------------------------- keys and values


def _keys(text: str) -> Dict[str, str]:
    """Return ``name: value`` lines of an environment dump; the first of each name, only if the text is a dump."""
    marks = (
        "PyTorch version",
        "PyTorch:",
        "CUDA available",
        "PyTorch  ",
        "Setup complete",
        "GPU count",
        "TorchVision:",
        "CUDA used to build",
    )
    if sum(mark in text for mark in marks) < 1:
        return {}
    keys: Dict[str, str] = {}
    for pattern in (_KEY, _TABLE):
        for name, value in pattern.findall(text):
            keys.setdefault(name.strip(), (value or "").strip())
    return keys


def _stated(keys: Dict[str, str], *names: str) -> Optional[str]:
    for name in names:
        value = keys.get(name)
        if value and not _UNSTATED.search(value):
            return value
    return None


def _version_in(value: Optional[str]) -> Optional[str]:
    match = _VERSION.search(value) if value else None
    return match.group() if match else None


def _available(keys: Dict[str, str], banner) -> Optional[bool]:
    value = keys.get("Is CUDA available") or keys.get("CUDA available") or keys.get("GPU available")
    if value:
        return (
            True
            if value.lower().startswith(("true", "yes"))
            else False
            if value.lower().startswith(("false", "no"))
            else None
        )
    if banner and banner["device"].startswith("CUDA"):
        return True
    return None


# ---------------------------------------------------------------- packages


def _packages(text: str) -> Dict[str, Tuple[str, str, str]]:
    """Return normalised name -> (version, conda build string, location)."""
    packages: Dict[str, Tuple[str, str, str]] = {}

    def add(name: str, version: str, build: str = "", location: str = "", newer: bool = False) -> None:
        name = re.sub(r"[-_.]+", "-", name).lower()
        if version[:1].isdigit() and (newer or name not in packages):
            packages[name] = (version.split("=")[0], build, location)

    if "[pip" in text or "[conda]" in text:
        rows = _COLLECTED.findall(text)
        for _, name, version, _, _ in [row for row in rows if row[0] != "conda"]:
            add(name, version)
        for _, name, version, build, _ in [row for row in rows if row[0] == "conda"]:
            known = packages.get(re.sub(r"[-_.]+", "-", name).lower())
            if known is None or known[0] == version:
                add(name, version, build, newer=True)
    if "Package" in text:
        for match in _PIP_LIST.finditer(text):
            for line in match.group(1).splitlines():
                add(*line.split()[:2])
    if "# packages in environment" in text:
        for match in _CONDA.finditer(text):
            for line in match.group(1).splitlines():
                add(*line.split()[:3])
    if "==" in text:
        for match in _FREEZE.finditer(text):
            for line in match.group().splitlines():
                name, pinned, version = line.partition("==")
                if pinned:
                    add(name, version)
    if "already satisfied" in text:
        for name, location, version in _SATISFIED.findall(text):
            add(name, version, "", location)
    if "Successfully installed" in text:
        for match in _INSTALLED.finditer(text):
            for item in match.group(1).split():
                add(*item.rsplit("-", 1), newer=True)  # type: ignore[misc]
    if "✅" in text:
        for name, version in _CHECKED.findall(text):
            add(name, version)
    return packages


def _cuda_of(version: str, build: str) -> Union[str, None, Unknown]:
    """Return the CUDA of a build from its local version or conda build string; None for CPU; Unknown otherwise."""
    match = re.search(r"cuda_?(\d+\.\d+)", build)
    if match:
        return match.group(1)
    match = re.search(r"\+cu(\d{2,3})", version) or re.search(r"(?:^|_)cu(?:da)?_?(\d{2,3})(?:_|$)", build)
    if match:
        return "%s.%s" % (match.group(1)[:-1], match.group(1)[-1])
    if "+cpu" in version or re.search(r"(?:^|_)cpu(?:_|$)", build):
        return None
    return Unknown("the text does not say which CUDA this build is for")


def _partner(
    name: str, titles: Tuple[str, ...], keys: Dict[str, str], packages
) -> Tuple[Optional[str], Union[str, None, Unknown]]:
    version, build, _ = packages.get(name, (None, "", ""))
    stated = _version_in(_stated(keys, *titles))
    if stated and (version is None or stated.startswith(version)):
        version = stated
    return (version, _cuda_of(version, build)) if version else (None, None)


def _of_index(
    cuda: Union[str, None, Unknown], package: str, version: str, torch: Optional[Torch], platform: str, matrix: Any
) -> Union[str, None, Unknown]:
    """Return the CUDA of a partner that does not state it, beside a torch that does.

    A wheel whose version has no ``+cpu`` or ``+cu121`` came from the package index, which has one build for a platform.
    """
    labelled = torch is not None and re.search(r"\+(?:cpu|cu\d+)$", torch.version)
    homes = matrix.torch_for(package, version) if matrix is not None and re.match(r"\d+(\.\d+)*$", version) else ()
    if not isinstance(cuda, Unknown) or not labelled or not homes or platform not in ("linux_x86_64", "win_amd64"):
        return cuda
    found = matrix.index_cuda(homes[0], platform)
    return cuda if found is None else None if found == "cpu" else found


def _vision_abi(version: str) -> str:
    """Return how a torchvision of this version is bound to torch: from 0.29 on it uses torch's stable ABI."""
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    return "stable" if numbers >= [0, 29] else "exact"


def _home(matrix: Any, package: str, version: str) -> Optional[str]:
    """Return the requirement on torch that this release has; None without a matrix or when it does not know it."""
    homes = matrix.torch_for(package, version) if matrix is not None else ()
    if not homes:
        return None
    return "torch (==%s)" % homes[0] if len(homes) == 1 else "torch (>=%s)" % homes[-1]


# ---------------------------------------------------------------- sections


def _banner(text: str) -> Optional[Dict[str, str]]:
    if "torch" not in text or not ("YOLO" in text or "ltralytics" in text or "yolo" in text):
        return None
    banners = list(_BANNER.finditer(text))
    if banners:
        python, torch, device, gpu, memory = banners[-1].groups()
        return {
            "python": python,
            "torch": torch,
            "device": (device or "").upper(),
            "gpu": gpu or "",
            "memory": memory or "",
        }
    match = _OLD_BANNER.search(text)
    if match:
        torch, device, gpu, memory = match.groups()
        return {"python": "", "torch": torch, "device": device.upper(), "gpu": gpu or "", "memory": memory or ""}
    return None


def _host(text: str, keys: Dict[str, str]) -> Optional[Host]:
    stated = _stated(keys, "OS", "sys.platform", "Python platform") or ""
    platform = keys.get("Python platform", "") + " " + stated
    low = platform.lower()
    if "windows" in low or "win32" in low:
        system = "windows"
    elif "macos" in low or "darwin" in low or "mac os" in low:
        system = "macos"
    elif stated:
        system = "linux"
    elif re.search(r"\b[A-Z]:\\{1,2}\w", text):
        system = "windows"
    elif "/Users/" in text and "/home/" not in text:
        system = "macos"
    elif re.search(r"(?<![\w.])/(?:home|usr|root|opt|mnt|data|workspace|content|kaggle|tmp|var)/", text):
        system = "linux"
    else:
        return None
    machine = re.search(r"x86_64|amd64|aarch64|arm64|armv7l|armv6l|ppc64le", low)
    if machine is None and system == "linux":
        machine = re.search(r"\b(aarch64|armv7l|armv6l)\b", text)
    libc = re.search(r"glibc-?(\d+\.\d+)", keys.get("Libc version", "") or platform)
    if system == "windows":
        name = "AMD64"
    elif machine is not None:
        name = machine.group()
    else:  # texts of ARM machines say so somewhere
        name = "" if system != "linux" or _OTHER_MACHINE.search(text) else "x86_64"
    return Host(
        system=system,
        machine="x86_64" if name == "amd64" else name,
        libc="glibc" if libc else None,
        libc_version=libc.group(1) if libc else None,
        wsl=2 if "microsoft-standard" in platform or "-WSL2" in platform else 0,
    )


def _python(text: str, keys: Dict[str, str], banner, host: Optional[Host]) -> Optional[Python]:
    version = _version_in(_stated(keys, "Python version", "Python"))
    if version is None and banner:
        version = banner["python"] or None
    if version is None:
        found = _PATH_PYTHON.findall(text) or _PIP_TAG.findall(text)
        if found:
            digits = max(sorted(set(found)), key=found.count).replace(".", "")
            version = "%s.%s" % (digits[0], digits[1:])
    if version is None or not re.match(r"[23]\.\d+", version):
        return None
    major, minor = version.split(".")[:2]
    minor = re.match(r"\d+", minor).group()  # type: ignore[union-attr]
    tag = "cp%s%s" % (major, minor) + ("m" if major == "3" and int(minor) < 8 else "")
    platform = ""
    if host is not None and host.machine:
        platform = {"linux": "linux_%s" % host.machine, "windows": "win_amd64"}.get(host.system, "")
    bits = 32 if "32-bit runtime" in text else 64
    return Python(
        executable="python",
        version=version,
        abi=tag,
        platform="win32" if bits == 32 and platform == "win_amd64" else platform,
        pointer_bits=bits,
        # Such texts do not say whether it is a virtual environment: nothing is to be made of it.
        venv=True,
        conda="conda" in text,
        libc=host.libc if host else None,
        libc_version=host.libc_version if host else None,
    )


def _torch(text: str, keys: Dict[str, str], banner, packages) -> Optional[Torch]:
    listed, build, _ = packages.get("torch", packages.get("pytorch", (None, "", "")))
    version = (
        _version_in(_stated(keys, "PyTorch version", "PyTorch")) or (banner["torch"] if banner else None) or listed
    )
    if not version:
        return None
    cuda = _cuda_of(version, build if listed and version.startswith(listed) else "")
    rocm = None
    built = keys.get("CUDA used to build PyTorch")
    if built and isinstance(cuda, Unknown):
        cuda = None if re.match(r"(?i)none|n/?a|could not", built) else (_version_in(built) or cuda)
    amd = _version_in(_stated(keys, "ROCM used to build PyTorch")) or (
        _version_in(keys.get("HIPCC")) if "ROCM available" in keys else None
    )
    if amd or "+rocm" in version:
        rocm, cuda = amd or version.partition("+rocm")[2], None
    runtime = re.search(r"^ *- CUDA Runtime (\d+\.\d+)", text, re.M)
    if isinstance(cuda, Unknown) and runtime:
        cuda = runtime.group(1)
    arches: List[str] = []
    supports = _SUPPORTS.search(text)
    if supports:
        arches = supports.group(1).split()
    elif runtime:
        flags = re.search(r"NVCC architecture flags: ([^\n]{1,2000})", text)
        arches = re.findall(r"code=((?:sm|compute)_\d+a?)", flags.group(1)) if flags else []
    return Torch(version=version, metadata_version=listed, cuda=cuda, rocm=rocm, arch_list=tuple(arches))  # type: ignore[arg-type]


def _nvidia(text: str, keys: Dict[str, str], banner) -> Optional[Nvidia]:
    if "ROCM available" in keys or "gfx" in keys.get("GPU models and configuration", ""):
        return None
    driver = _version_in(_stated(keys, "Nvidia driver version", "CUDA Driver Version", "Driver version"))
    cuda = None
    gpus: List[Gpu] = []
    smi = _SMI.search(text) if "NVIDIA-SMI" in text else None
    if smi:
        driver = driver or smi.group(1)
        cuda = _version_in(smi.group(2))
        memory = _SMI_MEMORY.findall(text)
        rows = _SMI_ROW.findall(text)
        for at, name in enumerate(rows):
            used, total = memory[at] if at < len(memory) else ("", "")
            gpus.append(Gpu(name.strip(), None, int(total) << 20 if total else None, int(used) << 20 if used else None))
    capabilities = {at: value for ids, value in _CAPABILITY.findall(text) for at in ids.split(",")}
    if keys and not gpus:
        for ids, name in _GPU_LINE.findall(text):
            gpus.extend(Gpu(name.strip(), capabilities.get(at)) for at in ids.split(","))
    if keys and not gpus:
        for title, value in keys.items():
            if re.match(r"GPU [\d,]+$", title) and not _UNSTATED.search(value):
                arch = _GPU_ARCH.search(value)
                name = value.split(" (")[0].strip()
                gpus.extend(Gpu(name, arch.group(1) if arch else None) for _ in title[4:].split(","))
    if not gpus:
        gpus = [Gpu(name) for name in _SMI_LIST.findall(text)]
    if not gpus and banner and banner["device"].startswith("CUDA") and banner["gpu"]:
        memory_mib = banner["memory"]
        gpus = [Gpu(banner["gpu"], None, int(float(memory_mib)) << 20 if memory_mib else None)]
    if not gpus:
        one = re.search(r"^GPU +([A-Z][^\n,]{3,50}), (\d+)MiB$", text, re.M)
        gpus = [Gpu(one.group(1), None, int(one.group(2)) << 20)] if one and keys else []
    if not gpus:
        for name, digits in dict(_NOT_COMPATIBLE.findall(text)).items():
            gpus.append(Gpu(name.strip(), "%s.%s" % (digits[:-1], digits[-1])))
    gpus = [gpu for gpu in gpus if not re.match(r"(?i)none|could not|n/?a\b|amd |radeon", gpu.name)]
    if not driver and not gpus:
        return None
    source = NvidiaSource("text", driver=driver, cuda=cuda, gpus=tuple(gpus))
    return Nvidia(driver=driver, cuda=cuda, gpus=tuple(gpus), sources=(source,))


def _toolkit(text: str, keys: Dict[str, str]) -> Optional[Toolkit]:
    nvcc = keys.get("NVCC") or keys.get("CUDA compiler")
    version = _NVCC.search(nvcc).group(1) if nvcc and _NVCC.search(nvcc) else None  # type: ignore[union-attr]
    if version is None:
        version = _version_in(_stated(keys, "CUDA runtime version"))
        version = ".".join(version.split(".")[:2]) if version else None
    home = _stated(keys, "CUDA_HOME")
    if version is None and home is None:
        return None
    return Toolkit(nvcc=version, cuda_home=home)


def _cpu(keys: Dict[str, str]) -> Optional[Cpu]:
    flags = keys.get("Flags")
    if not flags:
        return None
    cores = _stated(keys, "CPU(s)") or "0"
    return Cpu(_stated(keys, "Model name") or "", int(cores) if cores.isdigit() else 0, tuple(flags.split()))
