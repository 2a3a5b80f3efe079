"""torch is installed, but it cannot be imported.

## What it checks
What happened when the target Python imported torch: an exception, a crash, or no answer. Without a trial: whether the
files that every torch has are there. A torch that fails is *installed and broken*, never "not installed".

## Why it matters
Nothing that uses torch starts. Installing it again over the damage often reports "already satisfied".

## Example
`ImportError: libtorch_cpu.so: cannot open shared object file` after an interrupted upgrade.

## Fix
Installs the same version again, every file replaced; a missing dependency is installed instead.
"""

import re
from typing import Iterator, Tuple

from ...facts import Distributions, Facts, MissingFact, Torch, Trials, Unknown
from ...model import Finding, Install, Reinstall, Remedy
from ...registry import Signature, check
from ...text import Text
from ...wheels.versions import public
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
重新安装同一版本并替换所有文件；如果缺的是依赖，则安装该依赖。
"""

MISSING_MODULE = re.compile(r"No module named '([A-Za-z_]\w*)(?:\.[\w.]+)?'")

#: import name -> distribution, where they differ, for what torch itself imports
DISTRIBUTIONS = {"typing_extensions": "typing-extensions", "yaml": "pyyaml"}


SIGNATURES = (
    Signature(
        r"No module named 'torch\._C'|cannot import name '_C' from 'torch'|"
        r"NameError: name '_C' is not defined"
    ),
    Signature(r"PyTorch has loaded the `torch/_C` folder of the PyTorch repository", "medium"),
    Signature(r"libtorch_cpu\.so: undefined symbol: iJIT_NotifyEvent", outranks=("extension-abi-mismatch",)),
    Signature(r"torch/lib/libtorch_global_deps\.so: cannot open shared object file", outranks=("system-lib-missing",)),
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
        r"cannot import name '(?P<name>\w+)' from 'torch' \(unknown location\)", "high", outranks=("old-repo-api",)
    ),
    Signature(
        r"Library not loaded: \S{0,200}(?:libomp|libc10|libtorch\w*|"
        r"libshm)\.dylib.{0,80} Referenced from: \S{0,200}torch",
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
    needs=(Torch, Trials, Distributions),
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
        return
    if stage is not None and failed(stage):
        error = last_line(stage)
        yield Finding(
            params={"torch": torch.version, "error": error, "status": stage.status},
            evidence=tuple(line for line in stage.text.splitlines() if line.strip())[-6:],
            remedies=_remedies(torch, stage.text, facts),
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


def _remedies(torch: Torch, text: str, facts: Facts) -> Tuple[Remedy, ...]:
    missing = MISSING_MODULE.findall(text)
    if missing and missing[-1] != "torch" and not missing[-1].startswith("_"):
        name = DISTRIBUTIONS.get(missing[-1], missing[-1].replace("_", "-"))
        return (Install(name),)
    return (Reinstall("torch", torch.metadata_version or public(torch.version)),)
