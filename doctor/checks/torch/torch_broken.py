"""torch is installed, but it cannot be imported.

## What it checks
What happened when the target Python imported torch: an exception, a crash, or no answer. Without a trial: whether the
files that every torch has are there. A torch that fails is *installed and broken*, never "not installed".

## Why it matters
Nothing that uses torch starts. Installing it again over the damage often reports "already satisfied".

## Example
`ImportError: libtorch_cpu.so: cannot open shared object file` after an interrupted upgrade.

## Fix
Installs the same version again, every file replaced; a missing dependency is installed instead, and a CUDA library that
is gone comes back with the package that holds it.
"""

import re
from typing import Any, Iterator, Optional, Tuple

from ...facts import (
    Distribution,
    Distributions,
    Environ,
    Facts,
    Host,
    MissingFact,
    Nvidia,
    Stage,
    Torch,
    Trials,
    Unknown,
)
from ...model import Finding, Install, Manual, Reinstall, Remedy
from ...modules import providers
from ...patterns import lazy
from ...registry import Signature, check
from ...text import Text
from ...wheels.versions import public
from ..cuda.cuda_libs_conflict import PACKAGES
from ..gpu._nvidia import (
    MISMATCH,
    NO_DRIVER,
    NO_KERNEL,
    TOO_OLD,
    card_names,
    driver_system,
    hidden,
    unreached,
)
from ._trio import failed, last_line

EXPLAIN_ZH = """已安装 torch，但无法导入。

## 检查什么
查看目标 Python 导入 torch 时发生了什么：异常、崩溃或没有应答。没有实际导入时，检查 torch 必有的文件是否存在。
失败的 torch 是“已安装但损坏”，绝不是“未安装”。

## 为什么重要
任何使用 torch 的程序都无法启动。直接重装常常只会提示 “already satisfied”。

## 示例
升级中断之后出现 `ImportError: libtorch_cpu.so: cannot open shared object file`。

## 修复
重新安装同一版本并替换所有文件；如果缺的是依赖，则安装该依赖；如果缺的是某个 CUDA 库，则重装它所属的包。
"""

MISSING_MODULE = lazy(r"No module named '([A-Za-z_]\w*)(?:\.[\w.]+)?'")
#: a dependency that is there and is not what torch expects; its top-level module
ODD_MODULE = lazy(r"cannot import name '\w+' from (?:partially initialized module )?'(\w+)")


#: the library that the loader does not find; cuDNN and nvrtc come in several files
MISSING_LIBRARY = lazy(r"((lib[a-zA-Z]+)[\w.-]*\.so[.\d]*): cannot open shared object file")

OUT_OF_MEMORY = lazy(r"out of memory", re.IGNORECASE)

GONE_CAUSE = Text(
    "The package index's torch does not hold the CUDA libraries itself: {missing} belongs to {owner}, whose files are "
    "incomplete. Installing torch again would not bring it back.",
    "pip 安装的 torch 自身不含 CUDA 库：{missing} 属于 {owner}，该包的文件不完整。重装 torch 找不回它。",
)
NO_CARD_TITLE = Text(
    "torch {torch} is installed but does not reach {gpu}: {error}",
    "torch {torch} 已安装但无法使用 {gpu}：{error}",
)
NO_CARD_CAUSE = Text(
    "The card and its driver ({driver}) answer, but CUDA does not start in torch; it would run on the CPU.",
    "显卡和驱动（{driver}）有应答，但 torch 中的 CUDA 无法启动，只能使用 CPU。",
)
NO_LIBCUDA = Text(
    "Install the driver's CUDA library of the same version (Debian: libcuda1; Ubuntu: libnvidia-compute-…), then check "
    "again.",
    "安装同一版本驱动的 CUDA 库（Debian：libcuda1；Ubuntu：libnvidia-compute-…），然后重新检查。",
)
RESTART = Text(
    "Restart the machine; if it stays so, look for the error above in `dmesg` and reinstall the NVIDIA driver.",
    "重启机器；如果仍然如此，在 `dmesg` 里查找上面的错误，并重新安装 NVIDIA 驱动。",
)


SIGNATURES = (
    Signature(
        r"No module named 'torch\._C'|cannot import name '_C' from 'torch'|"
        r"NameError: name '_C' is not defined"
    ),
    Signature(r"PyTorch has loaded the `torch/_C` folder of the PyTorch repository", "medium"),
    Signature(r"libtorch_cpu\.so: undefined symbol: iJIT_NotifyEvent", outranks=("extension-abi-mismatch",)),
    Signature(
        r"libtorch_global_deps\.so: cannot open shared object file",
        outranks=("system-lib-missing", "extension-abi-mismatch"),
    ),
    # torch's own files ask its own binary for a name that it has not: two versions in one folder
    Signature(
        r"File \"[^\"\n]{0,300}[/\\]torch[/\\][^\"\n]{1,100}\", line \d+, in .{1,60}\n\s{1,20}from torch\._C(?:\.\w+)?"
        r" import .{0,100}\n(?:[\s^~]{1,160}\n)?ImportError: cannot import name '(?P<name>\w+)' from 'torch\._C",
        outranks=("old-repo-api", "torch-api-changed"),
    ),
    Signature(
        r"torch[/\\]lib[/\\]\.{0,2}[/\\]?(?:lib)?(?:torch|c10|shm)\w*\.(?:so|"
        r"dylib): (?:undefined symbol|cannot open)",
        "medium",
        unless=(r"undefined symbol: (?:nccl|__nvJitLink|cu\w)",),
        outranks=("extension-abi-mismatch", "system-lib-missing"),
    ),
    Signature(
        r"module 'torch' has no attribute '(?P<name>__version__|Tensor|nn|cuda|float32|float|"
        r"tensor|load|save|from_numpy|device|no_grad|"
        r"manual_seed|backends|zeros|randn|optim|utils|dtype)'",
        "medium",
    ),
    Signature(
        r"module 'torch\._C' has no attribute '(?P<name>_?TensorBase|_VariableFunctions|"
        r"_distributed_c10d|_autograd|\w*Tensor|\w*StorageBase)'",
        "medium",
    ),
    Signature(
        r"[/\\]torch[/\\]_C\w{0,3}(?:\.[\w-]{1,40})?\.so: undefined symbol: (?P<symbol>\w+)",
        unless=(r"undefined symbol: (?:nccl|__nvJitLink|cu[a-z])",),
        outranks=("extension-abi-mismatch",),
    ),
    # torch's first file does not find the CUDA libraries that it came with
    Signature(
        r"[/\\]torch[/\\]__init__\.py\"?,? line \d+, in .{1,60}\n(?:.{0,300}\n){1,6}?(?:ImportError|OSError): "
        r"(?P<library>lib(?:cu[bdfrsp]\w{2,20}|nv\w{2,20}|nccl)\.so[.\d]{0,12}): cannot open shared object file",
        outranks=("cuda-libs-conflict", "system-lib-missing"),
    ),
    # what torch itself needs is not installed
    Signature(
        r"[/\\]torch[/\\][\w/\\]{1,60}\.py\"?,? line \d+, in .{1,60}\n.{1,200}\n(?:[\s^~]{1,160}\n)?"
        r"ModuleNotFoundError: No module named '(?P<module>typing_extensions|sympy|mpmath|filelock|fsspec|jinja2|"
        r"networkx|markupsafe)'",
        outranks=("module-in-other-env",),
    ),
    # torch's first file asks torch's own binary
    Signature(
        r"torch[/\\]__init__\.py\"?,? line \d+, in .{1,60}\n.{1,200}\n(?:[\s^~]{1,160}\n)?"
        r"AttributeError: module 'torch\._C' has no attribute '(?P<name>\w+)'",
        outranks=("torch-cpu-build", "torch-api-changed"),
    ),
    Signature(
        r"cannot import name '(?P<name>\w+)' from 'torch' \(unknown location\)", "high", outranks=("old-repo-api",)
    ),
    Signature(
        r"Library not loaded: \S{0,200}(?:libomp|libc10|libtorch\w*|"
        r"libshm)\.dylib.{0,80} Referenced from: \S{0,200}torch|"
        r"dlopen\(\S{0,300}/torch/.{0,200}Library not loaded: @rpath/lib\w{3,30}\.dylib|"
        r"torch/lib/\S{0,80}\.dylib.{0,200}incompatible architecture|"
        r"lib(?:torch|c10)\w*\.so: cannot enable executable stack",
        "medium",
        outranks=("system-lib-missing",),
    ),
    Signature(
        r"Symbol not found: \S{1,300} Referenced from: \S{0,300}torch/lib/libtorch",
        "medium",
        outranks=("extension-abi-mismatch",),
    ),
    Signature(
        r"libmkl_\w{3,30}\.so(?:\.\d)?: cannot open shared object file",
        "medium",
        requires=(r"import torch|torch/__init__",),
        outranks=("system-lib-missing",),
    ),
)


@check(
    code="torch-broken",
    severity="error",
    summary=Text("torch is installed but cannot be imported", "已安装 torch，但无法导入"),
    message=Text(
        "torch {torch} is installed but cannot be imported: {error}",
        "torch {torch} 已安装但无法导入：{error}",
    ),
    cause=Text(
        "Its files are damaged or incomplete, or a library that it loads does not fit.",
        "它的文件损坏或不完整，或者它加载的某个库不匹配。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Torch, Trials, Distributions, Nvidia, Host, Environ),
    remedies=(Reinstall("torch"),),
    after=(
        "cuda-libs-conflict",
        "illegal-instruction",
        "glibc-too-old",
        "libstdcxx-too-old",
        "module-shadowed",
    ),
    signatures=SIGNATURES,
)
def torch_broken(facts: Facts, matrix) -> Iterator[Finding]:
    torch = facts.need(Torch)
    trials = facts.state(Trials)
    stage = trials.stage("torch") if isinstance(trials, Trials) else None
    if stage is not None and stage.status == "ok":
        yield from _without_card(facts, torch, matrix)
        return
    if stage is not None and failed(stage):
        params = {"torch": torch.version, "error": last_line(stage), "status": stage.status}
        missing, owner = _gone(stage.text, facts.maybe(Distributions))
        if owner is not None:
            params.update(missing=missing, owner="%s %s" % (owner.name, owner.version))
        yield Finding(
            params=params,
            evidence=_evidence(stage),
            cause=GONE_CAUSE if owner is not None else None,
            remedies=(Reinstall(owner.name, owner.version),) if owner else _remedies(torch, stage.text, facts),
        )
        return
    damage = torch.damage
    if damage is None and torch.cuda and torch.cuda_library is False:
        damage = "libtorch_cuda is missing"
    if damage is None:
        if isinstance(trials, Unknown):
            raise MissingFact("trials", trials.reason)
        return
    yield Finding(
        params={"torch": torch.version, "error": damage, "status": "damaged"},
        evidence=(torch.path,) if torch.path else (),
        remedies=(Reinstall("torch", torch.metadata_version or torch.version),),
    )


def _without_card(facts: Facts, torch: Torch, matrix: Any) -> Iterator[Finding]:
    """A CUDA torch that imports, beside a card that answers, and does not reach it for a reason nobody else names."""
    nvidia = facts.maybe(Nvidia)
    stage = unreached(facts)
    if stage is None or nvidia is None or not nvidia.gpus or not isinstance(torch.cuda, str):
        return
    host = facts.maybe(Host)
    elsewhere = NO_DRIVER.search(stage.text) and host is not None and (host.container or host.wsl)
    named = any(pattern.search(stage.text) for pattern in (TOO_OLD, MISMATCH, NO_KERNEL, OUT_OF_MEMORY))
    too_old = nvidia.driver is not None and matrix.runs(nvidia.driver, torch.cuda, driver_system(host)) is None
    if elsewhere or named or too_old or hidden(facts) is not None:
        return
    yield Finding(
        params={
            "torch": torch.version,
            "error": last_line(stage),
            "status": stage.status,
            "gpu": card_names(list(nvidia.gpus)),
            "driver": nvidia.driver or "-",
        },
        evidence=_evidence(stage),
        remedies=(Manual(NO_LIBCUDA),) if NO_DRIVER.search(stage.text) else (Manual(RESTART),),
        title=NO_CARD_TITLE,
        cause=NO_CARD_CAUSE,
    )


def _evidence(stage: Stage) -> Tuple[str, ...]:
    """Return the last lines of a stage's text; of a crash the innermost frames, which come first."""
    lines = [line for line in stage.text.splitlines() if line.strip() and "<frozen importlib" not in line]
    fatal = next((number for number, line in enumerate(lines) if line.startswith("Fatal Python error")), None)
    return tuple(lines[-4:] if fatal is None else lines[fatal : fatal + 6])


def _gone(text: str, distributions: Optional[Distributions]) -> Tuple[str, Optional[Distribution]]:
    """Return the CUDA library that an import did not find, and the installed package that should hold it."""
    for file, library in MISSING_LIBRARY.findall(text):
        names = re.compile((PACKAGES.get(library) or "-") + r"(?:-cu\d+)?$")
        for item in distributions.items if distributions is not None else ():
            if names.match(item.name) and item.version:
                return file, item
    return "", None


def _remedies(torch: Torch, text: str, facts: Facts) -> Tuple[Remedy, ...]:
    missing, odd = MISSING_MODULE.findall(text), ODD_MODULE.findall(text)
    if missing and missing[-1] != "torch" and not missing[-1].startswith("_"):
        return (Install(providers(missing[-1])[0]),)
    if odd and odd[-1] != "torch":
        name = providers(odd[-1])[0]
        distributions = facts.maybe(Distributions)
        found = distributions.find(name) if distributions is not None else None
        return (Reinstall(name, found.version if found is not None else None),)
    return (Reinstall("torch", torch.metadata_version or public(torch.version)),)
