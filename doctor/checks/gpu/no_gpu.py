"""This machine has no NVIDIA GPU.

## What it checks
Whether any source shows an NVIDIA card: NVML, `nvidia-smi`, `/proc/driver/nvidia`, the PCI bus. A source that does
not answer is no proof: then this check is skipped.

## Why it matters
Training runs on the CPU. That is fine for a small model or a test, and slow for a detector. It is only a note.

## Example
`torch.cuda.is_available()` is `False`, and no card is on the PCI bus.

## Fix
None is needed. With a card in the machine, look at how it is attached (riser, external box, pass-through of the virtual
machine). In a container, start it with `docker run --gpus all`. Use `--assume-gpu` to ask about another machine.
"""

from typing import Iterator

from ...facts import Board, Environ, Facts, Host, MissingFact, Nvidia, Torch
from ...model import NOTE, Finding
from ...registry import check
from ...text import Text
from ._nvidia import card_names, hidden, source_evidence, undecided

EXPLAIN_ZH = """本机没有 NVIDIA 显卡。

## 检查什么
查看 NVML、`nvidia-smi`、`/proc/driver/nvidia` 和 PCI 总线是否显示 NVIDIA 显卡。某个来源没有应答不等于没有显卡，
此时跳过本项。

## 为什么重要
训练将在 CPU 上进行。小模型或测试没有问题，训练检测模型会很慢。这只是一条提示。

## 示例
`torch.cuda.is_available()` 为 `False`，PCI 总线上也没有显卡。

## 修复
不需要修复。如果机器上确实装有显卡，请检查连接方式（转接卡、外置显卡盒、虚拟机直通）。
容器请用 `docker run --gpus all` 启动。想按另一台机器判断，请用 `--assume-gpu`。
"""

HIDDEN_TITLE = Text(
    "CUDA_VISIBLE_DEVICES hides {gpu}; training will run on the CPU.",
    "CUDA_VISIBLE_DEVICES 隐藏了 {gpu}，训练将在 CPU 上进行。",
)
HIDDEN_CAUSE = Text(
    "CUDA_VISIBLE_DEVICES is “{visible}”, so no program sees a card. Unset it to use the GPU.",
    "CUDA_VISIBLE_DEVICES 的值是“{visible}”，程序看不到任何显卡。要使用显卡，请取消这个变量。",
)


@check(
    code="no-gpu",
    severity="note",
    summary=Text("This machine has no NVIDIA GPU", "本机没有 NVIDIA 显卡"),
    message=Text(
        "This machine has no NVIDIA GPU; training will run on the CPU.",
        "本机没有 NVIDIA 显卡，训练将在 CPU 上进行。",
    ),
    cause=Text(
        "No source shows an NVIDIA card. If one should be here, check how it is attached or passed through.",
        "没有任何来源显示 NVIDIA 显卡。如果本应有显卡，请检查它的连接或直通设置。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Nvidia, Host, Board, Torch, Environ),
)
def no_gpu(facts: Facts, matrix) -> Iterator[Finding]:
    nvidia = facts.find(Nvidia)
    if nvidia is not None and (nvidia.gpus or nvidia.pci):
        if nvidia.gpus and hidden(facts) is not None:
            yield Finding(
                params={"driver": nvidia.driver, "visible": hidden(facts), "gpu": card_names(list(nvidia.gpus))},
                evidence=("CUDA_VISIBLE_DEVICES=%s" % hidden(facts),),
                severity=NOTE,
                title=HIDDEN_TITLE,
                cause=HIDDEN_CAUSE,
            )
        return
    if nvidia is not None and undecided(nvidia):
        raise MissingFact("nvidia", str(undecided(nvidia)))
    host = facts.maybe(Host)
    board = facts.maybe(Board)
    torch = facts.maybe(Torch)
    if host is not None and host.system == "macos":
        return  # Apple's GPU is torch's business there
    if board is not None and (board.raspberry_pi or "jetson" in board.model.lower()):
        return  # nobody expects one; a Jetson's own GPU is on no PCI bus
    if torch is not None and (torch.rocm or "+xpu" in torch.version):
        return  # made for another maker's GPU
    params = {"driver": nvidia.driver if nvidia is not None else None}
    evidence = list(source_evidence(nvidia)) if nvidia is not None else []
    cause = None
    if nvidia is not None and nvidia.driver:
        cause = Text(
            "NVIDIA driver {driver} is installed, but it shows no card.",
            "已安装 NVIDIA 驱动 {driver}，但它没有显示任何显卡。",
        )
    elif host is not None and host.container:
        params["container"] = host.container
        cause = Text(
            "Inside this container ({container}) no NVIDIA card can be seen. If the machine has one, start the "
            "container with --gpus all (Docker) or --device nvidia.com/gpu=all (Podman).",
            "在这个容器（{container}）里看不到 NVIDIA 显卡。如果宿主机有显卡，请用 --gpus all（Docker）或 "
            "--device nvidia.com/gpu=all（Podman）启动容器。",
        )
    elif host is not None and host.wsl:
        cause = Text(
            "WSL shows no GPU. If Windows has an NVIDIA card, install its driver in Windows (not in WSL), then run "
            "wsl --update and wsl --shutdown there.",
            "WSL 中看不到显卡。如果 Windows 有 NVIDIA 显卡，请在 Windows（而不是 WSL）里安装驱动，"
            "然后在 Windows 里运行 "
            "wsl --update 和 wsl --shutdown。",
        )
    yield Finding(params=params, evidence=tuple(evidence), severity=NOTE, cause=cause)
