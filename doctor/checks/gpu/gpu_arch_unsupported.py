"""The installed torch has no code for a GPU of this machine.

## What it checks
Every card's compute capability against the list that the installed build was compiled for: what torch itself
says where it was tried, else the matrix. Machine code serves the same major version and minors from its own up;
PTX serves newer cards, but only when the driver runs the build's CUDA directly and that CUDA knows the card.

## Why it matters
`torch.cuda.is_available()` is `True`, and the first kernel dies with "no kernel image is available".

## Example
GeForce GTX 1060 (6.1) with `torch==2.9.1+cu130`, whose oldest capability is 7.5. A plain `pip install torch` gives
such a build on Linux.

## Fix
Installs the newest builds that serve every card; only the environment changes.
"""

from typing import Any, Iterator, List, Optional, Sequence, Tuple

from ...facts import Facts, Gpu, Host, MissingFact, Nvidia, Torch, Trials
from ...model import ERROR, WARNING, Finding, MendTorch
from ...registry import check
from ...text import Text
from ._nvidia import OLDEST_CAPABILITY, capability_of, driver_system, known, numbers

EXPLAIN_ZH = """已安装的 torch 没有本机某块显卡可用的代码。

## 检查什么
把每块显卡的计算能力与已安装构建的编译列表比较：实际导入过 torch 时以 torch 自己的列表为准，否则查构建表。机器码适用于同一主版本、次版本不低于它的显卡；PTX 可用于更新的显卡，但要求驱动直接支持该构建的 CUDA，且该 CUDA 认识这块显卡。

## 为什么重要
`torch.cuda.is_available()` 为 `True`，但第一个内核就会报 “no kernel image is available” 而失败。

## 示例
GeForce GTX 1060（6.1）搭配 `torch==2.9.1+cu130`，该构建最低支持 7.5。在 Linux 上直接 `pip install torch` 得到的就是这样的构建。

## 修复
安装能支持所有显卡的最新构建，只改动虚拟环境。
"""


@check(
    code="gpu-arch-unsupported",
    severity="error",
    summary=Text("The installed torch has no code for a GPU here", "已安装的 torch 不支持本机的某块显卡"),
    message=Text(
        "torch {torch} has no code for {gpu} (compute capability {compute_capability}).",
        "torch {torch} 没有 {gpu}（计算能力 {compute_capability}）可用的代码。",
    ),
    cause=Text(
        "The build serves {supported}. On this card the first kernel fails with “no kernel image is available”.",
        "该构建支持 {supported}。在这块显卡上，第一个内核就会报 “no kernel image is available”。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Nvidia, Torch, Host, Trials),
    remedies=(MendTorch(cuda=True),),
)
def gpu_arch_unsupported(facts: Facts, matrix) -> Iterator[Finding]:
    nvidia = facts.need(Nvidia)
    torch = facts.need(Torch)
    cuda = known(torch.cuda, "torch")
    if cuda is None or not nvidia.gpus:
        return
    arch_list, source = _arch_list(facts, torch, cuda, matrix)
    unserved: List[Tuple[Gpu, str]] = []
    unclear = []
    driver_cuda = nvidia.cuda or _driver_cuda(nvidia, facts, matrix)
    ran = _cards_that_ran(facts)
    for index, gpu in enumerate(nvidia.gpus):
        capability = capability_of(gpu, matrix)
        if index in ran:
            continue
        if capability is None:
            unclear.append(gpu.name)
        elif not serves(arch_list, capability, cuda, driver_cuda, matrix):
            unserved.append((gpu, capability))
    if not unserved and unclear:
        raise MissingFact("nvidia", "compute capability of %s" % ", ".join(unclear))
    others_work = len(unserved) < len(nvidia.gpus) - len(unclear)
    for gpu, capability in dict(((gpu.name, capability), (gpu, capability)) for gpu, capability in unserved).values():
        # An old display card beside a card that works is no obstacle: torch leaves it out with a warning.
        display_only = others_work and numbers(capability) < OLDEST_CAPABILITY
        yield Finding(
            params={
                "gpu": gpu.name,
                "compute_capability": capability,
                "torch": torch.version,
                "cuda": cuda,
                "supported": " ".join(arch_list),
                "driver": nvidia.driver,
            },
            evidence=("%s: %s" % (source, " ".join(arch_list)),),
            severity=WARNING if display_only else ERROR,
            remedies=() if display_only else (MendTorch(cuda=True),),
        )


def serves(arch_list: Sequence[str], capability: str, cuda: str, driver_cuda: Optional[str], matrix: Any) -> bool:
    """Tell whether a build with these capabilities runs on a card of this capability under this driver."""
    return matrix.serves(arch_list, capability, cuda, driver_cuda)


def _arch_list(facts: Facts, torch: Torch, cuda: str, matrix: Any) -> Tuple[List[str], str]:
    """Return what the build was compiled for and who says so; raises MissingFact when nobody does."""
    trials = facts.maybe(Trials)
    stage = trials.stage("torch") if trials is not None else None
    said = list(stage.data.get("arch_list") or ()) if stage is not None else []
    if said:
        return plain_capabilities(said), "torch.cuda.get_arch_list()"
    if torch.arch_list:
        return plain_capabilities(torch.arch_list), "torch.cuda.get_arch_list()"
    host = facts.maybe(Host)
    system = host.system if host is not None else "linux"
    listed = matrix.arch_list(torch.version, cuda, system, host.machine if host is not None else "x86_64")
    if not listed:
        raise MissingFact("torch", "the capabilities that torch %s was compiled for are not known" % torch.version)
    return list(listed), "wheel_matrix.yaml"


def plain_capabilities(names: Sequence[str]) -> List[str]:
    """Return torch's own names in the matrix's words: sm_61, sm_90a, compute_120 -> 6.1, 9.0, 12.0+PTX."""
    import re

    found = []
    for name in names:
        match = re.match(r"(sm|compute)_(\d+)(\d)([af]?)$", name)
        if match:
            kind, major, minor, _ = match.groups()
            found.append("%s.%s%s" % (major, minor, "+PTX" if kind == "compute" else ""))
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def _driver_cuda(nvidia: Nvidia, facts: Facts, matrix: Any) -> Optional[str]:
    if not nvidia.driver:
        return None
    return matrix.driver_cuda(nvidia.driver, driver_system(facts.maybe(Host)))


def _cards_that_ran(facts: Facts) -> Tuple[int, ...]:
    """Return the indexes of the cards on which the trial ran a kernel."""
    trials = facts.maybe(Trials)
    stage = trials.stage("cuda-kernel") if trials is not None else None
    return tuple(stage.data.get("ran_on") or ()) if stage is not None else ()
