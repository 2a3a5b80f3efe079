"""The torch on this Raspberry Pi is a CUDA build.

## What it checks
Whether the installed torch was built for CUDA. A Raspberry Pi has no NVIDIA GPU.

## Why it matters
From 2.11 on, a plain `pip install torch` on 64-bit ARM brings the CUDA build with several gigabytes of `nvidia-*`
packages. They fill the SD card, make every import slower, and can never be used.

## Example
`pip install torch` on a Pi 5 fetches `torch 2.15.0`, `nvidia-cudnn-cu13`, `nvidia-nccl-cu13` and more; the card is
full.

## Fix
Installs the newest CPU build that runs on this board, and removes the `nvidia-*` packages.
"""

from typing import Iterator, List

from ...facts import Board, Cpu, Distributions, Facts, Host, MissingFact, Python, Torch, Trials, Unknown
from ...model import ERROR, WARNING, Finding, Install, Remedy, Remove
from ...registry import check
from ...text import Text
from ._board import called, raspberry_pi

EXPLAIN_ZH = """这台树莓派上的 torch 是 CUDA 构建。

## 检查什么
已安装的 torch 是否为 CUDA 构建。树莓派没有 NVIDIA 显卡。

## 为什么重要
从 2.11 起，在 64 位 ARM 上直接 `pip install torch` 得到的是 CUDA 构建，并带来数 GB 的 `nvidia-*` 包。它们占满 SD 卡，
拖慢每次导入，却永远用不上。

## 示例
在树莓派 5 上执行 `pip install torch`，下载了 `torch 2.15.0`、`nvidia-cudnn-cu13`、`nvidia-nccl-cu13` 等，存储卡被占
满。

## 修复
安装能在这块板子上运行的最新 CPU 构建，并删除 `nvidia-*` 包。
"""

#: What the CUDA build requires beside nvidia-*: of no use without a GPU.
COMPANIONS = ("cuda-toolkit", "cuda-bindings", "cuda-pathfinder", "triton")


@check(
    code="pi-gpu-torch",
    severity="error",
    summary=Text("A CUDA build of torch on a Raspberry Pi", "树莓派上安装了 CUDA 版 torch"),
    message=Text(
        "torch {torch} on this {model} is a CUDA build (CUDA {cuda}); the board has no NVIDIA GPU.",
        "这台 {model} 上的 torch {torch} 是 CUDA 构建（CUDA {cuda}），而板子没有 NVIDIA 显卡。",
    ),
    cause=Text(
        "From 2.11 on the package index's torch for 64-bit ARM is built for CUDA and brings gigabytes of libraries.",
        "从 2.11 起，包索引上 64 位 ARM 的 torch 是 CUDA 构建，会带来数 GB 的库。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Board, Torch, Python, Host, Cpu, Distributions, Trials),
)
def pi_gpu_torch(facts: Facts, matrix) -> Iterator[Finding]:
    board = raspberry_pi(facts)
    torch = facts.need(Torch)
    distributions = facts.maybe(Distributions)
    names = [item.name for item in distributions.items] if distributions else []
    useless = sorted({name for name in names if name.startswith("nvidia-") or name in COMPANIONS})
    if isinstance(torch.cuda, Unknown):
        raise MissingFact("torch", torch.cuda.reason)
    if torch.cuda is None:
        return
    trials = facts.maybe(Trials)
    stage = trials.stage("torch") if trials else None
    remedies: List[Remedy] = list(_cpu_builds(facts, matrix, names))
    if useless:
        remedies.append(Remove(names=tuple(useless)))
    yield Finding(
        params={"torch": torch.version, "cuda": torch.cuda, "model": called(board), "packages": useless},
        evidence=tuple("%s is installed" % name for name in useless),
        # It wastes the card, but a torch that was seen to import is no reason to stop anybody.
        severity=WARNING if stage is not None and stage.status == "ok" else ERROR,
        remedies=tuple(remedies),
    )


def _cpu_builds(facts: Facts, matrix, names: List[str]) -> Iterator[Install]:
    """Yield the CPU builds of the installed members of the trio that run on this board."""
    from ...wheels.pi.boards import target_of_facts
    from ...wheels.pi.sets import solve

    trio = [name for name in ("torch", "torchvision", "torchaudio") if name == "torch" or name in names]
    solved = solve(matrix, target_of_facts(facts), trio)
    if not solved.fits:
        solved = solve(matrix, target_of_facts(facts), ["torch"])
    for build in solved.chosen:
        if build.name in trio:
            yield Install(build.name, "==" + build.version)
