"""The board has an ARMv6 processor, for which hardly any machine-learning wheel exists.

## What it checks
The SoC (BCM2835: Pi 1, Zero, Zero W, CM1) and the platform that Python reports (`linux_armv6l`).

## Why it matters
Wheels tagged `armv7l` or `aarch64` contain instructions that this processor does not have: pip refuses them, and
forced in they die with `Illegal instruction`. The package index has no ARMv6 wheels at all; piwheels has numpy, but
neither torch nor onnxruntime nor tflite-runtime exists for it from anybody.

## Example
A Pi Zero W: `platform.machine()` is `armv6l`, `pip install onnxruntime` finds no matching distribution.

## Fix
Take numpy and OpenCV from apt (`sudo apt install python3-numpy python3-opencv`) and do inference elsewhere, or use a
newer board: a Zero 2 W has the size of a Zero W and can run a 64-bit system.
"""

from typing import Iterator

from ...facts import Board, Facts, Host, Python
from ...model import Finding, Manual
from ...pi_os import release
from ...registry import check
from ...text import Text
from ._board import called, raspberry_pi

EXPLAIN_ZH = """这块板子是 ARMv6 处理器，几乎没有可用的机器学习 wheel。

## 检查什么
SoC（BCM2835：树莓派 1、Zero、Zero W、CM1）以及 Python 报告的平台（`linux_armv6l`）。

## 为什么重要
标记为 `armv7l` 或 `aarch64` 的 wheel 含有该处理器没有的指令：pip 会拒绝安装，强行装上则报 `Illegal instruction`。包
索引完全没有 ARMv6 的 wheel；piwheels 有 numpy，但没有任何人发布过 ARMv6 的 torch、onnxruntime 或 tflite-runtime。

## 示例
树莓派 Zero W：`platform.machine()` 为 `armv6l`，`pip install onnxruntime` 找不到匹配的版本。

## 修复
用 apt 安装 numpy 和 OpenCV（`sudo apt install python3-numpy python3-opencv`），推理放到别的机器上；或者换新一些的板
子：Zero 2 W 与 Zero W 大小相同，可以运行 64 位系统。
"""


@check(
    code="pi-armv6",
    severity="warning",
    summary=Text(
        "The board is ARMv6: no torch, onnxruntime or tflite wheel runs on it",
        "ARMv6 板子：没有可用的 torch、onnxruntime、tflite wheel",
    ),
    message=Text(
        "{model} is an ARMv6 board: no wheel of torch, onnxruntime or tflite-runtime exists for it.",
        "{model} 是 ARMv6 板子：torch、onnxruntime、tflite-runtime 都没有它能用的 wheel。",
    ),
    cause=Text(
        "Its {soc} lacks the ARMv7 and NEON instructions that those wheels are made of; armv7l files do not run on it.",
        "{soc} 没有这些 wheel 用到的 ARMv7 和 NEON 指令，armv7l 的文件不能在上面运行。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Board, Host, Python),
)
def pi_armv6(facts: Facts, matrix) -> Iterator[Finding]:
    board = raspberry_pi(facts)
    host = facts.maybe(Host)
    python = facts.maybe(Python)
    said = {host.machine if host else "", python.platform if python else ""}
    # uname alone is not believed against the SoC: a 32-bit ARMv6 kernel image also boots a Pi 2 or 3.
    if board.soc != "BCM2835" and not (board.soc is None and said & {"armv6l", "linux_armv6l"}):
        return
    known = release(host.codename) if host else None
    evidence = ["SoC %s" % (board.soc or "not stated")]
    if host:
        evidence.append("machine %s" % host.machine)
    if known and known.opencv:
        evidence.append("apt has python3-opencv %s, python3-numpy %s" % (known.opencv, known.numpy))
    yield Finding(
        params={"model": called(board), "soc": board.soc or "BCM2835"},
        evidence=tuple(evidence),
        remedies=(
            Manual(
                Text(
                    "Take what there is from apt: sudo apt install python3-numpy python3-opencv",
                    "用 apt 安装现有的包：sudo apt install python3-numpy python3-opencv",
                )
            ),
            Manual(
                Text(
                    "For torch, onnxruntime or tflite use another board; a Zero 2 W runs a 64-bit system.",
                    "需要 torch、onnxruntime 或 tflite 时请换板子，例如 Zero 2 W 可以运行 64 位系统。",
                )
            ),
        ),
    )
