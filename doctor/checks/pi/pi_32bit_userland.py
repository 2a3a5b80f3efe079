"""A 32-bit Python runs on a 64-bit kernel.

## What it checks
Compares the width of the kernel with that of the target Python.

## Why it matters
`uname -m` says `aarch64`, so scripts, tutorials and people choose 64-bit files, which this Python cannot load: it
needs files tagged `armv7l`. Since March 2023 the 32-bit images of Raspberry Pi OS start a 64-bit kernel on a Pi 4,
and a Pi 5 has no other. A pip from before 2020 falls into the same trap: it refuses `armv7l` files here.

## Example
`uname -m` prints `aarch64`, `dpkg --print-architecture` prints `armhf`, and an `_aarch64.whl` is "not a supported
wheel".

## Fix
Choose files tagged `armv7l`. To use the many wheels that exist only for 64 bit (torch, current onnxruntime),
install the 64-bit image of Raspberry Pi OS.
"""

from typing import Iterator

from ...facts import Board, Facts, Host, MissingFact, Python
from ...model import Finding, Manual
from ...registry import check
from ...text import Text
from ._board import called, raspberry_pi

EXPLAIN_ZH = """64 位内核上运行着 32 位的 Python。

## 检查什么
比较内核与目标 Python 的位数。

## 为什么重要
`uname -m` 显示 `aarch64`，于是脚本、教程和人都会选 64 位文件，而这个 Python 加载不了：它需要 `armv7l` 的文件。2023
年 3 月起，32 位的树莓派系统在树莓派 4 上默认启动 64 位内核，树莓派 5 则只有 64 位内核。2020 年以前的 pip 也会掉进这
个坑：在这里拒绝 `armv7l` 的文件。

## 示例
`uname -m` 输出 `aarch64`，`dpkg --print-architecture` 输出 `armhf`，安装 `_aarch64.whl` 时提示 "not a supported
wheel"。

## 修复
选择标记为 `armv7l` 的文件。想使用只有 64 位才有的 wheel（torch、新版 onnxruntime），请安装 64 位的树莓派系统。
"""

CHOOSE = Text(
    "Choose files tagged {platform}, not aarch64.",
    "选择标记为 {platform} 的文件，不要选 aarch64。",
)
REINSTALL = Text(
    "For torch and current onnxruntime install the 64-bit image of Raspberry Pi OS on this board.",
    "需要 torch 或新版 onnxruntime 时，请在这块板子上安装 64 位的树莓派系统。",
)
UPGRADE_PIP = Text(
    "pip {pip} takes this system for aarch64 and refuses {platform} files; in a venv: python -m pip install -U pip",
    "pip {pip} 会把这个系统当作 aarch64 而拒绝 {platform} 文件；请在虚拟环境中执行：python -m pip install -U pip",
)


@check(
    code="pi-32bit-userland",
    severity="note",
    summary=Text("A 32-bit Python on a 64-bit kernel", "64 位内核上运行 32 位 Python"),
    message=Text(
        "The kernel is 64-bit, this Python is 32-bit: it takes {platform} files, not aarch64.",
        "内核是 64 位，而这个 Python 是 32 位：它使用 {platform} 文件，不是 aarch64。",
    ),
    cause=Text(
        "`uname -m` tells the kernel's width only; the programs of this {model} are 32-bit.",
        "`uname -m` 只反映内核的位数；这台 {model} 上的程序是 32 位的。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Board, Host, Python),
)
def pi_32bit_userland(facts: Facts, matrix) -> Iterator[Finding]:
    board = raspberry_pi(facts)
    python = facts.need(Python)
    host = facts.maybe(Host)
    kernel = board.kernel_bits
    if kernel is None:
        if host is None:
            raise MissingFact("board", "the width of the kernel is not known")
        kernel = 64 if host.machine in ("aarch64", "arm64", "armv8l") else 32
    if kernel != 64 or python.pointer_bits != 32:
        return
    platform = python.platform if python.platform.endswith(("armv7l", "armv6l")) else "linux_armv7l"
    remedies = [Manual(CHOOSE), Manual(REINSTALL)]
    if python.pip and _before_2020(python.pip):
        remedies.insert(0, Manual(UPGRADE_PIP))
    evidence = ["kernel: 64 bit", "Python: %d bit, %s" % (python.pointer_bits, python.abi)]
    if host:
        evidence[0] = "kernel: %s, %s" % (host.release or "64 bit", host.machine)
    yield Finding(
        params={
            "platform": platform,
            "model": called(board),
            "pip": python.pip or "",
            "machine": host.machine if host else "aarch64",
        },
        evidence=tuple(evidence),
        remedies=tuple(remedies),
    )


def _before_2020(version: str) -> bool:
    major = version.split(".")[0]
    return major.isdigit() and int(major) < 20
