"""torchvision is a CPU build beside a torch with CUDA.

## What it checks
The builds of both, read from their files, and `nms` on the GPU where it could be tried.

## Why it matters
Training starts; at the first evaluation `torchvision.ops.nms` stops it: "Could not run 'torchvision::nms' with
arguments
from the 'CUDA' backend".

## Example
`torch==2.1.0+cu121` with `torchvision==0.16.0+cpu`: torch came from PyTorch's own index, torchvision from the
default one.

## Fix
Keeps torch and installs the torchvision of the same release and the same CUDA.
"""

from typing import Iterator

from ...facts import Facts, Nvidia, Torch, Torchvision, Trials
from ...model import Finding, MendTorch
from ...registry import Signature, check
from ...text import Text
from ..gpu._nvidia import card_ready
from ._trio import build_of, vision_verdict

EXPLAIN_ZH = """torch 带 CUDA，而 torchvision 是 CPU 构建。

## 检查什么
从文件读取两者的构建；条件允许时在显卡上实际运行 `nms`。

## 为什么重要
训练可以开始，但第一次验证时 `torchvision.ops.nms` 会中断：“Could not run 'torchvision::nms' with arguments from the
'CUDA' backend”。

## 示例
`torch==2.1.0+cu121` 搭配 `torchvision==0.16.0+cpu`：torch 来自 PyTorch 官方索引，torchvision 来自默认索引。

## 修复
保留 torch，安装同一发布、同一 CUDA 的 torchvision。
"""


SIGNATURES = (
    Signature(
        r"torchvision::\w+['\" ]{1,3} ?with arguments from the ['\"]?(?:CUDA|Autograd\w*CUDA)['\"]? backend",
        outranks=("torchvision-version-mismatch", "torch-cpu-build"),
    ),
    Signature(
        r"(?:CUDA['\"]? ?(?:后端|後端|バックエンド|백엔드).{0,60}torchvision: ?:\w+|"
        r"torchvision: ?:\w+.{0,60}CUDA['\"]? ?(?:后端|後端|バックエンド|백엔드))",
        outranks=("torchvision-version-mismatch",),
    ),
    Signature(
        r"'torchvision: ?:(?:nms|roi_align)'.{0,40} only available for these backends: \[CPU",
        "medium",
        outranks=("torchvision-version-mismatch",),
    ),
)


@check(
    code="torchvision-cpu-build",
    severity="error",
    summary=Text("torchvision is a CPU build beside a CUDA torch", "torch 带 CUDA，但 torchvision 是 CPU 构建"),
    message=Text(
        "torchvision {torchvision} is a CPU build beside torch {torch}.",
        "torchvision {torchvision} 是 CPU 构建，而 torch 是 {torch}。",
    ),
    cause=Text(
        "Operators such as nms have no CUDA code in this torchvision ({torchvision_build}), while torch "
        "({torch_build}) "
        "hands them tensors on the GPU.",
        "这个 torchvision（{torchvision_build}）的 nms 等算子没有 CUDA 代码，而 torch（{torch_build}）"
        "会把显卡上的张量交给它。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Torch, Torchvision, Trials, Nvidia),
    remedies=(MendTorch(),),
    signatures=SIGNATURES,
)
def torchvision_cpu_build(facts: Facts, matrix) -> Iterator[Finding]:
    torch, vision = facts.need(Torch), facts.need(Torchvision)
    verdict = vision_verdict(facts, torch, vision, matrix)
    if verdict is None or verdict.kind != "cpu-partner":
        return
    yield Finding(
        params={
            "torch": torch.version,
            "torchvision": vision.version,
            "torch_build": build_of(torch.version, torch.cuda),
            "torchvision_build": build_of(vision.version, vision.cuda) or "cpu",
        },
        evidence=verdict.evidence,
        severity=verdict.severity,
        remedies=(MendTorch(cuda=card_ready(facts)),),
    )
