"""The CUDA libraries that torch finds are not the ones it was built for.

## What it checks
The `nvidia-*` packages that torch pins against those that are installed; two cuDNN packages that share their files; and
CUDA libraries in folders of `LD_LIBRARY_PATH`, which the loader may take instead.

## Why it matters
Another cuDNN, cuBLAS or nvJitLink than the build's own makes `import torch` or the first kernel fail: "undefined
symbol:
__nvJitLinkComplete_12_4", "CUDNN_STATUS_NOT_INITIALIZED".

## Example
`pip install tensorflow[and-cuda]` replaced `nvidia-cudnn-cu12` 8.9.2.26 by 9.3.0.75 beside `torch==2.1.0`.

## Fix
Installs the pinned versions again; the folder on `LD_LIBRARY_PATH` has to be taken out by hand.
"""

import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from ...facts import Distributions, Environ, Facts, Python, Toolkit, Torch, Trials
from ...model import ERROR, NOTE, WARNING, Finding, Install, Manual, Remedy
from ...registry import check
from ...text import Text
from ..gpu._nvidia import numbers
from ..torch._trio import failed, last_line, worked

EXPLAIN_ZH = """torch 找到的 CUDA 库不是它构建时使用的版本。

## 检查什么
把 torch 固定的 `nvidia-*` 包与实际安装的版本比较；检查是否有两个 cuDNN 包共用同样的文件；
检查 `LD_LIBRARY_PATH` 目录里是否有会被优先加载的 CUDA 库。

## 为什么重要
cuDNN、cuBLAS、nvJitLink 换成别的版本后，`import torch` 或第一个内核会失败：
“undefined symbol: __nvJitLinkComplete_12_4”、“CUDNN_STATUS_NOT_INITIALIZED”。

## 示例
`pip install tensorflow[and-cuda]` 把 `torch==2.1.0` 需要的 `nvidia-cudnn-cu12` 8.9.2.26 换成了 9.3.0.75。

## 修复
重新安装固定的版本；`LD_LIBRARY_PATH` 里的目录需要手动去掉。
"""

#: Words of an error that name a CUDA library as the culprit.
LIBRARY_ERROR = re.compile(
    r"undefined symbol: \w*(?:nvJitLink|cublas|cudnn|cusparse|cufft|nccl)"
    r"|version `?lib(?:nvJitLink|cublas|cudnn)"
    r"|lib(?:cudnn|cublas|cublasLt|cudart|cufft|curand|cusparse|cusolver|nvJitLink|nvrtc|nccl|cupti)[\w.-]*\.so[.\d]*: "
    r"(?:cannot open|undefined|version)"
    r"|CUDNN_STATUS_(?:NOT_INITIALIZED|VERSION_MISMATCH|SUBLIBRARY_VERSION_MISMATCH)|cuDNN version incompatibility",
    re.IGNORECASE,
)

REPLACED = Text(
    "torch {torch} asks for {package} {wanted}, but {installed} is installed; another package brought it.",
    "torch {torch} 需要 {package} {wanted}，实际安装的是 {installed}，由其他包带入。",
)
TWICE = Text(
    "{package} and {installed} are both installed and share their files; whichever came last has overwritten "
    "the other.",
    "{package} 和 {installed} 同时安装且共用文件，后安装的覆盖了先安装的。",
)
STRAY = Text(
    "LD_LIBRARY_PATH puts {installed} before the libraries that torch {torch} brings (version {wanted} of {package}).",
    "LD_LIBRARY_PATH 让 {installed} 排在 torch {torch} 自带的库（{package} 版本 {wanted}）之前。",
)
MISSING = Text(
    "torch {torch} needs {package} {wanted}, which is not installed ({installed}).",
    "torch {torch} 需要 {package} {wanted}，但没有安装（{installed}）。",
)
UNSET = Text(
    "Start without it: unset LD_LIBRARY_PATH, and take the CUDA folder out of ~/.bashrc or wherever it is set.",
    "去掉它再启动：unset LD_LIBRARY_PATH，并从 ~/.bashrc 等设置处删除这个 CUDA 目录。",
)


class Pin(NamedTuple):
    name: str
    #: PEP 440 specifier as written
    specifier: str


@check(
    code="cuda-libs-conflict",
    severity="error",
    summary=Text("torch finds CUDA libraries of other versions", "torch 找到的 CUDA 库版本不对"),
    message=Text(
        "{package} {installed} does not fit torch {torch}, which needs {wanted}.",
        "{package} {installed} 与 torch {torch} 不匹配，后者需要 {wanted}。",
    ),
    cause=REPLACED,
    explain_zh=EXPLAIN_ZH,
    needs=(Distributions, Torch, Toolkit, Environ, Trials, Python),
)
def cuda_libs_conflict(facts: Facts, matrix) -> Iterator[Finding]:
    torch = facts.need(Torch)
    distributions = facts.need(Distributions)
    if torch.cuda is None:
        return
    python = facts.maybe(Python)
    trials = facts.maybe(Trials)
    stages = [trials.stage(name) for name in ("torch", "cuda-kernel")] if trials is not None else []
    errors = tuple(last_line(stage) for stage in stages if stage and failed(stage) and LIBRARY_ERROR.search(stage.text))
    kernel_ran = worked(stages[1]) if stages else False
    imported = worked(stages[0]) if stages else False
    pins = pinned(distributions, torch, python)

    bad: List[Tuple[str, str, str, Text, Tuple[Remedy, ...]]] = []
    for pin in pins:
        found = distributions.find(pin.name)
        if found is None or found.version is None:
            if errors and found is None:
                bad.append((pin.name, "-", pin.specifier, MISSING, (Install(pin.name, pin.specifier),)))
            continue
        if not admits(pin.specifier, found.version):
            bad.append((pin.name, found.version, pin.specifier, REPLACED, (Install(pin.name, pin.specifier),)))
    doubles = _doubles(distributions, torch)
    for keep, other in doubles:
        wanted = next((pin.specifier for pin in pins if pin.name == keep), "")
        bad.append((keep, other, wanted or "-", TWICE, (Install(keep, wanted),)))
    severity = ERROR if errors else NOTE if kernel_ran else WARNING
    if not (errors or imported) and any(_apart(have, wish) for _, have, wish, _, _ in bad):
        severity = ERROR  # another major version, and nobody could show that it works
    for package, installed, wanted, cause, remedies in bad:
        yield Finding(
            params={"torch": torch.version, "package": package, "installed": installed, "wanted": wanted},
            evidence=errors or ("torch %s requires %s%s" % (torch.version, package, wanted),),
            severity=severity,
            remedies=remedies,
            cause=cause,
        )
    for path, package, wanted in _strays(facts, distributions, pins):
        if kernel_ran or bad and errors:
            break  # it works with them, or the cause is named already
        yield Finding(
            params={"torch": torch.version, "package": package, "installed": path, "wanted": wanted},
            evidence=errors + ("LD_LIBRARY_PATH: %s" % path,),
            severity=ERROR if errors else WARNING,
            remedies=(Manual(UNSET),),
            cause=STRAY,
        )
        break  # one folder, one finding; the paths of the others add nothing


def pinned(distributions: Distributions, torch: Torch, python: Optional[Python]) -> List[Pin]:
    """Return the ``nvidia-*`` packages that torch asks for with a version, also through ``cuda-toolkit[…]``."""
    from packaging.requirements import InvalidRequirement, Requirement

    own = distributions.find("torch")
    if own is None:
        return []
    pins: Dict[str, Pin] = {}
    waiting: List[Tuple[Tuple[str, ...], Set[str]]] = [(own.requires, set())]
    seen = set()
    while waiting:
        requires, extras = waiting.pop()
        for text in requires:
            if "nvidia-" not in text and "cuda-toolkit" not in text:
                continue
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            if not _applies(requirement, extras, python):
                continue
            name = requirement.name.lower().replace("_", "-")
            if name == "cuda-toolkit":
                toolkit = distributions.find(name)
                if toolkit is not None and name not in seen:
                    seen.add(name)
                    waiting.append((toolkit.requires, set(requirement.extras)))
            elif name.startswith("nvidia-") and str(requirement.specifier):
                pins.setdefault(name, Pin(name, str(requirement.specifier)))
    return list(pins.values())


def _applies(requirement, extras: Set[str], python: Optional[Python]) -> bool:
    """Tell whether a requirement counts for the target (not for the Python that runs the doctor)."""
    if requirement.marker is None:
        return True
    environment = {}
    if python is not None:
        environment["python_version"] = python.minor
        environment["python_full_version"] = python.version
        system = python.platform.split("_")[0]
        environment["platform_system"] = {"linux": "Linux", "win": "Windows", "macosx": "Darwin"}.get(system, "Linux")
        environment["sys_platform"] = {"linux": "linux", "win": "win32", "macosx": "darwin"}.get(system, "linux")
        machine = python.platform.partition("_")[2]
        environment["platform_machine"] = {"amd64": "AMD64"}.get(machine, machine)
    return any(requirement.marker.evaluate(dict(environment, extra=extra)) for extra in extras or {""})


def admits(specifier: str, version: str) -> bool:
    """Tell whether a specifier admits a version; a version that is none is let pass (others report it)."""
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidVersion:
        return True


def _apart(installed: str, specifier: str) -> bool:
    match = re.search(r"==\s*(\d+)", specifier)
    return match is not None and numbers(installed)[:1] != (int(match.group(1)),)


def _doubles(distributions: Distributions, torch: Torch) -> Iterator[Tuple[str, str]]:
    """Return packages of two CUDA majors that put their files into the same folder: (the right one, the other)."""
    major = numbers(str(torch.cuda))[:1]
    for library in ("nvidia-cudnn", "nvidia-nccl"):
        names = [item.name for item in distributions.items if re.match(library + r"-cu\d+$", item.name)]
        right = "%s-cu%d" % (library, major[0]) if major else ""
        for other in names:
            if right in names and other != right:
                yield right, other


#: library file -> package that brings it, without its -cuNN suffix
_PACKAGES = {
    "libcudnn": "nvidia-cudnn",
    "libcublas": "nvidia-cublas",
    "libcublasLt": "nvidia-cublas",
    "libcusparse": "nvidia-cusparse",
    "libnvJitLink": "nvidia-nvjitlink",
    "libcudart": "nvidia-cuda-runtime",
    "libnccl": "nvidia-nccl",
}


def _strays(facts: Facts, distributions: Distributions, pins: List[Pin]) -> Iterator[Tuple[str, str, str]]:
    """Return CUDA libraries on LD_LIBRARY_PATH that stand in for a package of torch: (path, package, its version)."""
    toolkit = facts.maybe(Toolkit)
    if toolkit is None:
        return
    for path in toolkit.library_path:
        match = re.match(r"(lib\w+?)\.so(?:\.(\d[\d.]*))?$", path.replace("\\", "/").rpartition("/")[2])
        if not match or match.group(1) not in _PACKAGES:
            continue
        base = _PACKAGES[match.group(1)]
        own = next((item for item in distributions.items if re.match(base + r"(?:-cu\d+)?$", item.name)), None)
        if own is None or own.version is None or (own.location and path.startswith(own.location)):
            continue
        version = match.group(2) or ""
        # Only a library of the same major version answers to the name that torch asks for.
        if numbers(version)[:1] and numbers(version)[:1] != _soname_major(match.group(1), own.version, own.name):
            continue
        if len(numbers(version)) > 1 and numbers(own.version)[: len(numbers(version))] == numbers(version):
            continue
        yield path, own.name, own.version


def _soname_major(library: str, version: str, package: str) -> Tuple[int, ...]:
    """Return the number in the library's soname: cuDNN's own major version, for the others that of the CUDA release."""
    if library in ("libcudnn", "libnccl", "libcublas", "libcublasLt", "libcusparse"):
        return numbers(version)[:1]
    match = re.search(r"-cu(\d+)$", package)
    return (int(match.group(1)),) if match else numbers(version)[:1]
