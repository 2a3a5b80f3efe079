"""torchvision belongs to another release of torch.

## What it checks
What torchvision's metadata ask of torch, the matrix's pairs, and whether `torchvision.ops.nms` really runs. A pair that
runs is no error, whatever the metadata say.

## Why it matters
The compiled part of torchvision is bound to one torch. `import torchvision` may still work, and `nms` fails with
"operator torchvision::nms does not exist" or "Couldn't load custom C++ ops" in the middle of the training.

## Example
`torch==1.12.1` with `torchvision==0.14.1`, which belongs to torch 1.13.1.

## Fix
Keeps torch and installs the torchvision of its release.
"""

from typing import Iterator

from ...facts import Facts, Nvidia, Torch, Torchvision, Trials
from ...model import Finding, MendTorch
from ...registry import Signature, check
from ...text import Text
from ..gpu._nvidia import card_ready
from ._trio import stage_of, vision_verdict, wanted

EXPLAIN_ZH = """torchvision 属于另一个版本的 torch。

## 检查什么
查看 torchvision 的元数据对 torch 的要求、构建表里的配对，以及 `torchvision.ops.nms` 是否真的能运行。
能运行的组合不算错误，无论元数据怎么写。

## 为什么重要
torchvision 的编译部分绑定在某一个 torch 版本上。`import torchvision` 可能正常，
但训练途中 `nms` 会报 “operator torchvision::nms does not exist” 或 “Couldn't load custom C++ ops”。

## 示例
`torch==1.12.1` 搭配 `torchvision==0.14.1`，后者属于 torch 1.13.1。

## 修复
保留 torch，安装与它同一发布的 torchvision。
"""

NO_PARTNER = Text(
    "Its compiled part was made for another torch; nms and other operators are missing.",
    "它的编译部分是为另一个 torch 制作的，nms 等算子无法使用。",
)


SIGNATURES = (
    Signature(
        r"(?:operator|No such operator) (?:torchvision|image|video_reader)::\w+(?: does not exist)?|"
        r"'_OpNamespace' '(?:torchvision|image)' object has no attribute '\w+'",
        outranks=("torch-broken", "old-repo-api"),
    ),
    Signature(r"Couldn'?t load custom C\+\+ ops"),
    Signature(
        r"PyTorch and torchvision were compiled with different CUDA (?:major )?versions(?:\. "
        r"PyTorch has CUDA Version=(?P<torch_cuda>[\d.]+) "
        r"and torchvision has CUDA Version=(?P<torchvision_cuda>[\d.]+))?",
    ),
    Signature(
        r"Failed to load image Python extension: .{0,300}(?:WinError 127|undefined symbol|"
        r"lib(?:torch|c10)\w{0,20}\.so\S{0,8}: cannot open|Symbol not found|"
        r"找不到指定的程序|procedure could not be found)",
        "medium",
        outranks=("windows-dll-load", "extension-abi-mismatch"),
        warning=True,
    ),
    Signature(
        r"torchvision[/\\]_C\w{0,40}\.(?:so|pyd|dylib)\W.{0,20}undefined symbol",
        outranks=("extension-abi-mismatch",),
    ),
    # torchvision goes on without reading pictures by itself
    Signature(
        r"torchvision[/\\]image\w{0,40}\.(?:so|pyd|dylib)\W.{0,20}undefined symbol",
        "medium",
        outranks=("extension-abi-mismatch",),
        warning=True,
    ),
    Signature(r"partially initialized module 'torchvision' has no attribute 'extension'", outranks=("old-repo-api",)),
    Signature(
        r"torchvision (?P<torchvision>\d[\w.+]+) (?:requires|"
        r"has requirement) torch==(?P<wanted>[\d.]+)\S{0,20}, but you(?:'ll)? have torch "
        r"(?P<torch>\d[\w.+]+)",
        "medium",
    ),
    Signature(
        r"module 'torch(?:\.library)?' has no attribute '(?:library|register_fake|impl_abstract)'",
        "medium",
        requires=(r"torchvision[/\\]_meta_registrations",),
        outranks=("torch-api-changed", "old-repo-api", "torch-broken"),
    ),
    Signature(
        r"module 'torch\.jit' has no attribute '(?:_script_if_tracing|unused)'", "medium", requires=(r"torchvision",)
    ),
    Signature(r"torchvision==?(?P<torchvision>[\d.]+) is incompatible with torch==?(?P<torch>[\d.]+)", "medium"),
)


@check(
    code="torchvision-version-mismatch",
    severity="error",
    summary=Text("torchvision belongs to another torch", "torchvision 与 torch 版本不配套"),
    message=Text(
        "torchvision {torchvision} does not belong to torch {torch}.",
        "torchvision {torchvision} 与 torch {torch} 不配套。",
    ),
    cause=Text(
        "Its compiled part was made for another torch; nms and other operators are missing. The torchvision for this "
        "torch is {wanted}.",
        "它的编译部分是为另一个 torch 制作的，nms 等算子无法使用。与这个 torch 配套的 torchvision 是 {wanted}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Torch, Torchvision, Trials, Nvidia),
    remedies=(MendTorch(),),
    signatures=SIGNATURES,
)
def torchvision_version_mismatch(facts: Facts, matrix) -> Iterator[Finding]:
    torch, vision = facts.need(Torch), facts.need(Torchvision)
    verdict = vision_verdict(facts, torch, vision, matrix)
    if verdict is None or verdict.kind != "version":
        return
    listed = wanted(matrix, torch.version, "torchvision")
    stage = stage_of(facts, "nms-cpu")
    yield Finding(
        params={
            "torch": torch.version,
            "torchvision": vision.version,
            "wanted": listed or "-",
            "requires_torch": vision.requires_torch,
            "tried": stage is not None,
        },
        evidence=verdict.evidence,
        severity=verdict.severity,
        cause=None if listed else NO_PARTNER,
        remedies=(MendTorch(cuda=bool(torch.cuda) and card_ready(facts)),),
    )
