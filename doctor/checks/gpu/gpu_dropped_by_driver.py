"""The installed NVIDIA driver no longer supports a card of this machine.

## What it checks
A card on the PCI bus that the driver does not show, while the driver's branch is newer than the last that supports a
card of its generation: 470 for Kepler, 580 for Maxwell, Pascal and Volta.

## Why it matters
After a driver update the card is simply gone: `nvidia-smi` says "No devices were found", torch sees no GPU.

## Example
GeForce GTX 1060 with driver 590.48.01; the last branch for it is 580.

## Fix
Install the last driver branch for the card by hand, and hold it so that an update does not replace it.
"""

from typing import Iterator

from ...facts import Facts, Nvidia
from ...model import ERROR, WARNING, Finding, Manual
from ...registry import check
from ...text import Text
from ._nvidia import capability_of, numbers, pci_cards, source_evidence

EXPLAIN_ZH = """已安装的 NVIDIA 驱动不再支持本机的某块显卡。

## 检查什么
PCI 总线上有一块显卡，驱动却没有显示它，而驱动分支已超过支持这一代显卡的最后分支：Kepler 为 470，Maxwell、Pascal、
Volta 为 580。

## 为什么重要
升级驱动后显卡就“消失”了：`nvidia-smi` 提示 “No devices were found”，torch 看不到 GPU。

## 示例
GeForce GTX 1060 搭配驱动 590.48.01，而支持它的最后分支是 580。

## 修复
手动安装支持该显卡的最后一个驱动分支，并锁定版本，避免被更新替换。
"""

LAST_BRANCH = Text(
    "Install a driver of branch {last_branch} (on Ubuntu: sudo apt install nvidia-driver-{last_branch}) and hold it "
    "(sudo apt-mark hold nvidia-driver-{last_branch}), then restart.",
    "安装 {last_branch} 分支的驱动（Ubuntu：sudo apt install nvidia-driver-{last_branch}）并锁定版本"
    "（sudo apt-mark hold nvidia-driver-{last_branch}），然后重启。",
)


@check(
    code="gpu-dropped-by-driver",
    severity="error",
    summary=Text("The NVIDIA driver no longer supports a card here", "NVIDIA 驱动已不再支持本机的某块显卡"),
    message=Text(
        "Driver {driver} no longer supports {gpu}; the last branch that does is {last_branch}.",
        "驱动 {driver} 不再支持 {gpu}，支持它的最后分支是 {last_branch}。",
    ),
    cause=Text(
        "The card is on the PCI bus, but the driver does not show it: NVIDIA ended support for compute capability "
        "{compute_capability} with branch {last_branch}.",
        "显卡在 PCI 总线上，但驱动没有显示它：NVIDIA 对计算能力 {compute_capability} 的支持止于 {last_branch} 分支。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Nvidia,),
    remedies=(),
)
def gpu_dropped_by_driver(facts: Facts, matrix) -> Iterator[Finding]:
    nvidia = facts.need(Nvidia)
    # A driver that supports none of the cards does not even load: then its installed library tells its version.
    driver = nvidia.driver or next((source.library for source in nvidia.sources if source.library), None)
    if not driver:
        return
    branch = numbers(driver)[:1]
    shown = [capability_of(gpu, matrix) for gpu in nvidia.gpus]
    for gpu in pci_cards(nvidia):
        capability = capability_of(gpu, matrix)
        if capability is None or any(gpu.name == card.name for card in nvidia.gpus):
            continue
        if capability in shown:
            continue  # the same card, named otherwise by another source
        last = matrix.last_driver_branch(capability)
        if last is None or branch <= (int(last),):
            continue
        yield Finding(
            params={
                "driver": driver,
                "gpu": gpu.name,
                "compute_capability": capability,
                "last_branch": str(last),
            },
            evidence=source_evidence(nvidia),
            severity=WARNING if nvidia.gpus else ERROR,
            remedies=(Manual(LAST_BRANCH),),
        )
