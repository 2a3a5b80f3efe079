"""torchvision was built for another CUDA than torch.

## What it checks
The builds that both name in their own `version.py`: a CUDA torchvision beside a CPU torch, or cu118 beside cu121. The
metadata do not show it, and `pip check` is content.

## Why it matters
torchvision's library needs CUDA libraries that this torch does not bring; `nms` is missing, or the import is refused.

## Example
`torch==2.13.0+cpu` with torchvision 0.28.0 from the package index, whose `version.py` says `0.28.0+cu130`.

## Fix
Keeps torch and installs the torchvision of the same release with the same build.
"""

from typing import Iterator

from ...facts import Facts, Nvidia, Torch, Torchvision, Trials
from ...model import Finding, MendTorch
from ...registry import check
from ...text import Text
from ..gpu._nvidia import card_ready
from ._trio import build_of, vision_verdict

EXPLAIN_ZH = """torchvision 与 torch 的 CUDA 构建不一致。

## 检查什么
读取两者 `version.py` 中的构建：CPU 版 torch 搭配 CUDA 版 torchvision，或 cu118 搭配 cu121。元数据看不出这一点，
`pip check` 也不会报告。

## 为什么重要
torchvision 的库需要这个 torch 没有带的 CUDA 库：`nms` 不可用，或导入被拒绝。

## 示例
`torch==2.13.0+cpu` 搭配默认索引里的 torchvision 0.28.0，后者的 `version.py` 写着 `0.28.0+cu130`。

## 修复
保留 torch，安装同一发布、同一构建的 torchvision。
"""


@check(
    code="torchvision-build-mismatch",
    severity="error",
    summary=Text("torchvision was built for another CUDA than torch", "torchvision 与 torch 的 CUDA 构建不一致"),
    message=Text(
        "torchvision {torchvision} ({torchvision_build}) does not fit torch {torch} ({torch_build}).",
        "torchvision {torchvision}（{torchvision_build}）与 torch {torch}（{torch_build}）的构建不一致。",
    ),
    cause=Text(
        "torchvision was built for {torchvision_build}, torch for {torch_build}: its compiled operators cannot "
        "be loaded.",
        "torchvision 是为 {torchvision_build} 构建的，torch 是 {torch_build}，它的编译算子无法加载。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Torch, Torchvision, Trials, Nvidia),
    remedies=(MendTorch(),),
)
def torchvision_build_mismatch(facts: Facts, matrix) -> Iterator[Finding]:
    torch, vision = facts.need(Torch), facts.need(Torchvision)
    verdict = vision_verdict(facts, torch, vision, matrix)
    if verdict is None or verdict.kind != "build":
        return
    yield Finding(
        params={
            "torch": torch.version,
            "torchvision": vision.version,
            "torch_build": build_of(torch.version, torch.cuda) or "-",
            "torchvision_build": build_of(vision.version, vision.cuda) or "-",
        },
        evidence=verdict.evidence,
        severity=verdict.severity,
        remedies=(MendTorch(cuda=bool(torch.cuda) and card_ready(facts)),),
    )
