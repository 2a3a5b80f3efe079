"""Memory and swap together are too small to install or compile large packages.

## What it checks
Adds up the memory and the swap of the machine (inside a container, the container's limit). Below 2 GiB it warns. On a
Raspberry Pi with little swap it gives a hint also above that, because there pip so often compiles.

## Why it matters
Compiling OpenCV or numpy takes a gigabyte per processor; unpacking torch takes hundreds of megabytes. When memory
runs out, the kernel kills the process and the log only says `Killed`, or the machine stands still for hours.

## Example
A Raspberry Pi with 1 GB of memory and 96 MB of swap: `pip3 install opencv-python` dies without saying why.

## Fix
First look for a wheel, which needs no compiling: `doctor pi`, or `pip install --only-binary=:all:`. Else enlarge
the swap; how, depends on the release: dphys-swapfile up to bookworm, rpi-swap on trixie.
"""

from typing import Iterator

from ...facts import Board, Facts, Host, Memory, NotApplicable, Swap
from ...model import NOTE, WARNING, Finding, Manual, Remedy
from ...pi_os import bigger_swap
from ...registry import check
from ...text import Text
from ...units import GIB, MIB, size

EXPLAIN_ZH = """内存加交换空间太小，不足以安装或编译大型软件包。

## 检查什么
把机器的内存和交换空间相加（在容器中使用容器的限制）。低于 2 GiB 时警告。交换空间很小的树莓派即使超过 2 GiB 也会提示，
因为在那里 pip 经常需要编译。

## 为什么重要
编译 OpenCV 或 numpy 时每个处理器需要约 1 GB 内存，解压 torch 需要数百 MB。内存耗尽时内核会杀掉进程，日志里只有
`Killed`，或者机器几个小时没有反应。

## 示例
树莓派有 1 GB 内存和 96 MB 交换空间：`pip3 install opencv-python` 莫名其妙地中止。

## 修复
先找不需要编译的 wheel：`doctor pi`，或 `pip install --only-binary=:all:`。否则增大交换空间，方法取决于系统版本：
bookworm 及以前用 dphys-swapfile，trixie 用 rpi-swap。
"""

#: Below this sum a build of OpenCV is known to die (rank 4 of the failures on a Pi).
TOO_SMALL = 2 * GIB
#: A Pi with less swap than this, and less memory than that, is helped by more when something has to be compiled.
LITTLE_SWAP = 512 * MIB
SMALL_MEMORY = 4 * GIB + 512 * MIB

WHEEL_FIRST = Text(
    "Look for a wheel first, it needs no compiling: pip install --only-binary=:all: …",
    "先找不需要编译的 wheel：pip install --only-binary=:all: …",
)
CONTAINER = Text(
    "Give the container more memory: its limit is {limit}.",
    "给容器更多内存：当前限制是 {limit}。",
)


@check(
    code="swap-too-small",
    severity="error",
    summary=Text("Memory and swap are too small for large packages", "内存加交换空间不足以处理大型软件包"),
    message=Text(
        "Memory {memory} and swap {swap} are too small to compile large packages.",
        "内存 {memory}、交换空间 {swap}，不足以编译大型软件包。",
    ),
    cause=Text(
        "Compiling OpenCV or numpy needs about 2 GiB; with less the kernel kills it, often without a message.",
        "编译 OpenCV 或 numpy 约需 2 GiB；不够时内核会杀掉进程，往往没有任何提示。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Memory, Swap, Host, Board),
)
def swap_too_small(facts: Facts, matrix) -> Iterator[Finding]:
    memory = facts.need(Memory)
    swap = facts.find(Swap)
    host, board = facts.maybe(Host), facts.maybe(Board)
    if host is not None and host.system != "linux":
        raise NotApplicable("swap grows by itself, or is the page file")
    swap_bytes = swap.total_bytes if swap else 0
    limited = memory.limit_bytes is not None and memory.limit_bytes < memory.total_bytes
    usable = memory.limit_bytes if limited and memory.limit_bytes is not None else memory.total_bytes
    total = usable if limited else usable + swap_bytes
    pi = board is not None and board.raspberry_pi
    if total >= TOO_SMALL and not (pi and swap_bytes < LITTLE_SWAP and usable < SMALL_MEMORY):
        return
    remedies = (Manual(WHEEL_FIRST),)  # type: tuple
    if limited:
        remedies += (Manual(CONTAINER),)
    else:
        remedies += (_bigger(host.codename if host and pi else ""),)
    yield Finding(
        params={
            "memory": size(usable),
            "swap": size(swap_bytes),
            "total_bytes": total,
            "limit": size(usable),
            "provider": swap.provider if swap else "none",
        },
        evidence=tuple("%s=%s" % item for item in sorted(swap.settings.items())) if swap else (),
        severity=WARNING if total < TOO_SMALL else NOTE,
        remedies=remedies,
    )


def _bigger(codename: str) -> Remedy:
    return bigger_swap(codename, 2048)
