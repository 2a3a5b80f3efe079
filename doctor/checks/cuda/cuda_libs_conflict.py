"""The CUDA libraries beside torch are not the ones it was built with.

## What it checks
Compares the installed `nvidia-*` packages with the versions that the installed torch asks for, and looks for what
gets in
front of them: `LD_LIBRARY_PATH` with another CUDA's folder, and a second cuDNN that shares the files of the first.

## Why it matters
torch loads `libcudnn`, `libcublas` and `libnvJitLink` from these packages. Another version gives `undefined symbol:
__nvJitLinkComplete_12_4`, `CUDNN_STATUS_VERSION_MISMATCH`, or a crash in the first convolution.
pip only prints a line about it.

## Example
`pip install nvidia-cudnn-cu12` after torch 2.5.1 puts cuDNN 9.20 where torch asks for 9.1.0.70.

## Fix
Puts the versions back that torch names. For a stray `LD_LIBRARY_PATH`: start without it.
"""

import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from ...demands import allows, demand, environment, name_of
from ...facts import (
    Distribution,
    Distributions,
    Environ,
    Facts,
    Host,
    Python,
    Toolkit,
    Torch,
    Trials,
    Unknown,
)
from ...model import ERROR, NOTE, WARNING, Finding, Install, KeepOne, Manual
from ...patterns import lazy
from ...registry import Signature, check
from ...text import Text
from ..gpu._nvidia import numbers
from ..torch._trio import failed, last_line, worked

EXPLAIN_ZH = """torch 旁边的 CUDA 库不是它编译时用的那些。

## 检查什么
把已安装的 `nvidia-*` 包与当前 torch 要求的版本比较，并查找会抢在前面的东西：指向其他 CUDA 目录的 `LD_LIBRARY_PATH`，
以及与原有 cuDNN 共用文件的第二个 cuDNN。

## 为什么重要
torch 从这些包里加载 `libcudnn`、`libcublas`、`libnvJitLink`。
版本不同会报 `undefined symbol: __nvJitLinkComplete_12_4`、
`CUDNN_STATUS_VERSION_MISMATCH`，或者第一次卷积就崩溃。pip 只会打印一行提示。

## 示例
装好 torch 2.5.1 之后又执行 `pip install nvidia-cudnn-cu12`，cuDNN 变成 9.20，而 torch 要求 9.1.0.70。

## 修复
装回 torch 指定的版本。`LD_LIBRARY_PATH` 有问题时，去掉它再启动。
"""

PATH_TITLE = Text(
    "LD_LIBRARY_PATH puts another CUDA in front of torch's own libraries: {path}.",
    "LD_LIBRARY_PATH 让另一套 CUDA 排在 torch 自带的库前面：{path}。",
)
PATH_CAUSE = Text(
    "torch {torch} brings its own CUDA {cuda} libraries; {path} is searched before them and may hold another version.",
    "torch {torch} 自带 CUDA {cuda} 的库，而 {path} 会先被搜索，里面可能是另一个版本。",
)
UNSET = Text(
    "Start without it: unset LD_LIBRARY_PATH (and take the line out of ~/.bashrc if nothing else needs it).",
    "去掉它再启动：unset LD_LIBRARY_PATH（如果没有别的程序需要，把 ~/.bashrc 里的那一行也删掉）。",
)


TWICE_TITLE = Text(
    "{installed} are both installed and share their files; torch {torch} needs {wanted}.",
    "{installed} 同时安装且共用文件，torch {torch} 需要 {wanted}。",
)
TWICE_CAUSE = Text(
    "Both packages write into the same folder: whichever came last has overwritten the other ({installed}), and "
    "torch {torch} may load the wrong one instead of {wanted}.",
    "两个包写入同一个目录，后安装的覆盖了先安装的（{installed}），torch {torch} 可能加载到错误的一个，"
    "而不是 {wanted}。",
)

#: of pasted text alone
RESTORE = Text(
    "Put torch's own CUDA packages back: `python -m pip check` names those that do not fit, `python -m pip show torch` "
    "those it requires; then `python -m pip install --force-reinstall --no-deps nvidia-cudnn-cu12==VERSION` (or the "
    "package of the library that the error names) with the version torch asks for. If LD_LIBRARY_PATH names another "
    "CUDA, start without it: `unset LD_LIBRARY_PATH`.",
    "恢复 torch 自己的 CUDA 包：`python -m pip check` 会列出不匹配的包，`python -m pip show torch` 列出它依赖哪些包；"
    "再用 `python -m pip install --force-reinstall --no-deps nvidia-cudnn-cu12==版本`（或报错中那个库所属的包）"
    "装回 torch 要求的版本。如果 LD_LIBRARY_PATH 指向另一套 CUDA，先执行 `unset LD_LIBRARY_PATH`。",
)

#: Words of an error that name a CUDA library as the culprit.
LIBRARY_ERROR = lazy(
    r"undefined symbol: \w*(?:nvJitLink|cublas|cudnn|cusparse|cusolver|cufft|nccl)"
    r"|version [`']?lib(?:nvJitLink|cublas|cudnn)"
    r"|lib(?:cudnn|cublas|cufft|curand|cusparse|cusolver|nvJitLink|nvrtc|nccl|cupti|cudart)\w*[\w.-]*\.so[.\d]*: "
    r"|CUDNN_STATUS_(?:NOT_INITIALIZED|\w*VERSION_MISMATCH)|cuDNN version incompatibility",
    re.IGNORECASE,
)

#: library file -> package that brings it, without its -cuNN suffix
PACKAGES = {
    "libcudnn": "nvidia-cudnn",
    "libcublas": "nvidia-cublas",
    "libcublasLt": "nvidia-cublas",
    "libcusparse": "nvidia-cusparse",
    "libnvJitLink": "nvidia-nvjitlink",
    "libcudart": "nvidia-cuda-runtime",
    "libnccl": "nvidia-nccl",
    "libcufft": "nvidia-cufft",
    "libcurand": "nvidia-curand",
    "libcusolver": "nvidia-cusolver",
    "libcusparseLt": "nvidia-cusparselt",
    "libnvrtc": "nvidia-cuda-nvrtc",
    "libcupti": "nvidia-cuda-cupti",
    "libcufile": "nvidia-cufile",
}


class Wrong(NamedTuple):
    """An installed NVIDIA package that is not the one torch asks for."""

    name: str
    specifier: str
    #: None = not installed
    version: Optional[str]


_CUDA_LIB = (
    r"lib(?:cu(?:blas|blasLt|dart|dnn\w*|fft|rand|solver|sparse|sparseLt|pti|file)|nvJitLink|"
    r"nvrtc|nvToolsExt|nvshmem\w*|nccl|nvinfer\w*)"
)
#: vLLM's own question whether its compiled half is there
_GOES_ON = r"Failed to import from vllm\._C with ImportError"
SIGNATURES = (
    Signature(
        r"undefined symbol: (?P<symbol>__nvJitLink\w*|cu(?:blas|dnn|sparse|solver|fft|rand|pti)\w+|nccl\w+|nvrtc\w+)"
    ),
    Signature(r"cuda_utils\.so: undefined symbol: (?P<symbol>cu\w+)", outranks=("extension-abi-mismatch",)),
    Signature(r"symbol (?P<symbol>\w+),? version (?P<library>" + _CUDA_LIB + r"\.so\.\d+) not defined in file"),
    Signature(r"version `(?P<library>" + _CUDA_LIB + r"\.so\.\d+)' not found"),
    Signature(r"cuDNN version (?:incompatibility|mismatch): PyTorch was compiled against \(?(?P<built>\d[\d, ]+)"),
    Signature(
        r"Loaded runtime CuDNN library: (?P<found>[\d.]+).{0,60} but source was compiled with:? (?P<built>[\d.]+)"
    ),
    Signature(r"CUDNN_STATUS_(?:SUBLIBRARY_)?VERSION_MISMATCH|CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED"),
    Signature(
        r"Could not load library (?:lib)?cudnn_\w{3,30}(?:\.so|\.dll)\S{0,6}\.? Error",
        outranks=("extension-abi-mismatch", "system-lib-missing"),
    ),
    Signature(r"Could not load library (?:lib)?cudnn_\w{3,30}", "medium"),
    Signature(
        r"undefined symbol: _Z\w{0,20}cudnn\w+|symbol _Z\w{0,20}cudnn\w{3,200},? version libcudnn",
        outranks=("extension-abi-mismatch",),
    ),
    Signature(
        r"Unable to load any of \{libcudnn|Cannot load symbol cudnn\w+|"
        r"Could not locate (?:lib)?(?:cudnn|cublas|cufft|curand|cusolver|cusparse|nvrtc|zlibwapi)\w{0,30}\.(?:dll|so)"
    ),
    # Windows; TensorFlow asks and goes on
    Signature(
        r"(?:cudnn|cublas|cufft|curand|cusolver|cusparse|cudart|nvrtc)[\w ]{0,24}64_\d{1,3}\.dll\W{1,4}"
        r"(?:is |was |are )?(?:not found|missing|in your library path)",
        "medium",
        unless=(r"dlerror",),
        outranks=("windows-dll-load",),
    ),
    Signature(
        r"(?:ImportError|OSError|error while loading shared libraries)\W.{0,200}?(?P<library>"
        + _CUDA_LIB
        + r"\.so\.[\d.]+): cannot open shared object file",
        "medium",
        unless=(r"onnxruntime_providers", _GOES_ON),
        outranks=("system-lib-missing", "torch-broken"),
    ),
    Signature(
        r"(?P<library>" + _CUDA_LIB + r"\.so\.[\d.]+): cannot open shared object file",
        "low",
        warning=True,
        unless=(r"It is expected if you are not running on", r"onnxruntime_providers"),
    ),
    Signature(
        r"Library (?P<library>(?:lib)?(?:cublas|cudnn|cufft|cusparse|curand|cusolver)\S{1,16}) "
        r"is not found or cannot be loaded",
        "medium",
        outranks=("windows-dll-load", "system-lib-missing"),
    ),
    # Paddle, JAX
    Signature(
        r"Cannot load cu(?:dnn|blas|solver|sparse|fft|rand|pti)\w* shared library|Unable to load cuDNN|"
        r"third-party dynamic library \(lib(?:cudnn|cublas|cusolver|cusparse|cufft|curand|nccl)\S{0,12}\) that Paddle",
        "medium",
    ),
    Signature(r"\bDNN library (?:initialization failed|is not found)", "low"),
    Signature(r"Failed to dlopen .{0,200}(?P<library>" + _CUDA_LIB + r")", "medium"),
    Signature(r"undefined symbol: (?P<symbol>cu(?:da)?(?-i:[A-Z])\w+)", "medium"),
    Signature(r"CUDA Setup failed despite GPU being available", "medium"),
    Signature(r"'NoneType' object has no attribute 'c(?:quantize|dequantize|gemm|\w*blockwise)\w*'", "low"),
    # bitsandbytes found no CUDA runtime that it was made for and took its CPU half
    Signature(
        r"libbitsandbytes_cpu\.so: undefined symbol|Required library version not found: libbitsandbytes_cuda\w+\.so|"
        r"Configured (?:CUDA|ROCm) binary not found at|Could not find the bitsandbytes CUDA binary at",
        "medium",
        unless=(
            r"torch\S{0,8}[\d.]+\+cpu\b|Torch not compiled with CUDA|torch\.cuda\.is_available\(\) ?(?:is|=|:)? ?False",
        ),
        outranks=("extension-abi-mismatch",),
    ),
    Signature(r"(?P<library>" + _CUDA_LIB + r"\S{0,12}): undefined symbol", "medium"),
    # cuBLAS of another version takes the call that torch's own would understand
    Signature(r"CUBLAS_STATUS_INVALID_VALUE", "low"),
    Signature(r"LD_LIBRARY_PATH .{0,40}(?:cuBLAS|cuDNN|CUDA) .{0,20}(?:conflict|mismatch)", "medium"),
    Signature(r"nvrtc: error: failed to open (?:lib)?nvrtc-builtins\S{2,40}", "high"),
)


@check(
    code="cuda-libs-conflict",
    severity=ERROR,
    summary=Text(
        "The CUDA libraries beside torch are not the ones it was built with.",
        "torch 旁边的 CUDA 库不是它编译时用的版本。",
    ),
    message=Text(
        "torch {torch} asks for {wanted}; installed: {installed}.",
        "torch {torch} 要求 {wanted}，实际安装的是 {installed}。",
    ),
    cause=Text(
        "Another installation replaced CUDA libraries of torch {torch} ({installed} instead of {wanted}).",
        "别的安装替换了 torch {torch} 的 CUDA 库（{wanted} 变成了 {installed}）。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Torch, Distributions, Python, Host, Environ, Toolkit, Trials),
    signatures=SIGNATURES,
    remedies=(Manual(RESTORE),),
)
def cuda_libs_conflict(facts: Facts, matrix) -> Iterator[Finding]:
    torch = facts.need(Torch)
    distributions = facts.need(Distributions)
    if torch.cuda is None or isinstance(torch.cuda, Unknown):
        return
    trials = facts.maybe(Trials)
    stages = [trials.stage(name) for name in ("torch", "cuda-kernel")] if trials is not None else []
    errors = tuple(last_line(stage) for stage in stages if stage and failed(stage) and LIBRARY_ERROR.search(stage.text))
    works = bool(stages) and worked(stages[1])
    pins = pinned(distributions, facts)

    wrong = [item for item in _wrong(pins, distributions) if item.version is not None or errors]
    if wrong:
        yield Finding(
            params={
                "torch": torch.version,
                "wanted": ", ".join(item.name + item.specifier for item in wrong),
                "installed": ", ".join("%s %s" % (item.name, item.version or "-") for item in wrong),
                "distributions": [item.name for item in wrong],
            },
            evidence=errors
            + tuple("%s %s; torch asks for %s" % (item.name, item.version or "-", item.specifier) for item in wrong),
            severity=ERROR if errors or not works and _grave(wrong) else WARNING,
            remedies=tuple(Install(item.name, item.specifier) for item in wrong),
        )
    for right, other in _doubles(distributions, torch):
        wanted = right.name + (pins.get(right.name) or "==%s" % right.version)
        yield Finding(
            params={
                "torch": torch.version,
                "wanted": wanted,
                "installed": "%s %s, %s %s" % (right.name, right.version, other.name, other.version),
                "distributions": [right.name, other.name],
            },
            evidence=errors + (right.folder, other.folder),
            severity=ERROR if errors else NOTE if works else WARNING,
            remedies=(KeepOne((right.name, other.name), wanted),),
            title=TWICE_TITLE,
            cause=TWICE_CAUSE,
        )
    stray = _stray(facts, torch, distributions)
    if not stray or works:
        return
    yield Finding(
        params={
            "path": stray[0],
            "torch": torch.version,
            "cuda": torch.cuda,
            "wanted": "CUDA %s" % torch.cuda,
            "installed": stray[0],
        },
        evidence=errors + tuple("LD_LIBRARY_PATH: %s" % path for path in stray),
        severity=ERROR if errors and not wrong else NOTE,
        title=PATH_TITLE,
        cause=PATH_CAUSE,
        remedies=(Manual(UNSET),),
    )


def pinned(distributions: Distributions, facts: Facts) -> Dict[str, str]:
    """Return the ``nvidia-*`` packages that torch asks for, with their specifiers; also through ``cuda-toolkit[…]``."""
    torch = distributions.find("torch")
    markers = environment(facts.maybe(Python), facts.maybe(Host))
    found: Dict[str, str] = {}
    for text in torch.requires if torch is not None else ():
        name = name_of(text) or ""
        if name.startswith("nvidia-"):
            _note(found, text, markers)
        elif name == "cuda-toolkit" and demand(text, markers) is not None:
            toolkit = distributions.find(name)
            extras = re.search(r"\[([^]]*)\]", text)
            for extra in (part.strip() for part in extras.group(1).split(",")) if extras else ():
                quoted = re.compile("extra *== *['\"]%s['\"]" % re.escape(extra))
                for line in toolkit.requires if toolkit is not None else ():
                    if quoted.search(line):
                        _note(found, line, dict(markers, extra=extra))
    return found


def _note(found: Dict[str, str], text: str, markers: Dict[str, str]) -> None:
    wanted = demand(text, markers)
    if wanted is not None and wanted.specifier:
        found.setdefault(wanted.name, wanted.specifier)


def _wrong(pins: Dict[str, str], distributions: Distributions) -> Iterator[Wrong]:
    for name, specifier in pins.items():
        item = distributions.find(name)
        if item is None:
            yield Wrong(name, specifier, None)
        elif item.version and not allows(specifier, item.version):
            yield Wrong(name, specifier, item.version)


def _grave(wrong: List[Wrong]) -> bool:
    """Tell whether a version is an older or another major one: newer patch releases mostly work."""
    for item in wrong:
        match = re.match(r"==([\d.]+?)(?:\.\*)?$", item.specifier)
        if match is None:
            return True
        pinned_at, there = numbers(match.group(1)), numbers(item.version)
        if there[: len(pinned_at)] < pinned_at or there[:1] != pinned_at[:1]:
            return True
    return False


def _doubles(distributions: Distributions, torch: Torch) -> Iterator[Tuple[Distribution, Distribution]]:
    """Return packages of two CUDA majors that put their files into the same folder: (torch's own, the other)."""
    major = numbers(str(torch.cuda))[:1]
    for library in ("nvidia-cudnn", "nvidia-nccl"):
        right = distributions.find("%s-cu%d" % (library, major[0])) if major else None
        for item in distributions.items:
            if right is not None and item.name != right.name and re.match(library + r"-cu\d+$", item.name):
                yield right, item


def _stray(facts: Facts, torch: Torch, distributions: Distributions) -> List[str]:
    """Return what LD_LIBRARY_PATH puts before torch's own libraries: files, else folders that name another CUDA."""
    toolkit = facts.maybe(Toolkit)
    files = [path for path in toolkit.library_path if _stands_in(path, distributions)] if toolkit is not None else []
    if files:
        return files
    environ = facts.maybe(Environ)
    value = (environ.get("LD_LIBRARY_PATH") if environ is not None else None) or ""
    cuda = numbers(str(torch.cuda))
    folders = []
    for part in value.split(":"):
        match = re.search(r"cuda-(\d+(?:\.\d+)?)", part)
        if match and numbers(match.group(1)) != cuda[: len(numbers(match.group(1)))]:
            folders.append(part)
    return folders


def _stands_in(path: str, distributions: Distributions) -> bool:
    """Tell whether a library file answers to the name of one that an installed package brings, in another version."""
    match = re.match(r"(lib\w+?)\.so(?:\.(\d[\d.]*))?$", path.replace("\\", "/").rpartition("/")[2])
    if not match or match.group(1) not in PACKAGES:
        return False
    base = PACKAGES[match.group(1)]
    own = next((item for item in distributions.items if re.match(base + r"(?:-cu\d+)?$", item.name)), None)
    if own is None or not own.version or path.startswith(own.location):
        return False
    version = numbers(match.group(2))
    if not version:
        return True
    # Only a library of the same soname answers: cuDNN's own major version, for the others that of CUDA.
    suffix = re.search(r"-cu(\d+)$", own.name)
    of_cuda = base in ("nvidia-nvjitlink", "nvidia-cuda-runtime")
    soname = (int(suffix.group(1)),) if of_cuda and suffix else numbers(own.version)[:1]
    return version[:1] == soname and (len(version) == 1 or numbers(own.version)[: len(version)] != version)
