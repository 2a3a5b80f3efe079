"""The kernel of this Raspberry Pi uses memory pages of 16 KiB.

## What it checks
The page size of the running kernel. The 64-bit kernel of the Pi 5 family uses 16 KiB; every other one 4 KiB.

## Why it matters
A program or library that was compiled for pages of 4 KiB may refuse to start. The usual message is
`<jemalloc>: Unsupported system page size`. Most packages, torch and onnxruntime among them, do not care, so this is
only a note until such a message turns up.

## Example
A Pi 5 with kernel `6.12.25+rpt-rpi-2712`, and a database that ends with `Unsupported system page size`.

## Fix
Add the line `kernel=kernel8.img` to `config.txt` and restart: the same system then runs with pages of 4 KiB.
"""

from typing import Iterator

from ...facts import Board, Facts, Host, MissingFact, Trials
from ...model import NOTE, WARNING, Finding, Manual
from ...pi_os import release
from ...registry import check
from ...text import Text
from ._board import called, raspberry_pi

EXPLAIN_ZH = """这台树莓派的内核使用 16 KiB 的内存页。

## 检查什么
当前内核的页大小。树莓派 5 系列的 64 位内核使用 16 KiB，其余内核都是 4 KiB。

## 为什么重要
按 4 KiB 页编译的程序或库可能拒绝启动，常见报错是 `<jemalloc>: Unsupported system page size`。包括 torch 和
onnxruntime 在内的大多数包不受影响，所以在出现这类报错之前只作提示。

## 示例
树莓派 5，内核 `6.12.25+rpt-rpi-2712`，某个数据库因 `Unsupported system page size` 退出。

## 修复
在 `config.txt` 中加入一行 `kernel=kernel8.img` 并重启，同一个系统就会使用 4 KiB 页。
"""

SYMPTOM = "Unsupported system page size"


@check(
    code="pi-page-size",
    severity="warning",
    summary=Text("The kernel uses memory pages of 16 KiB", "内核使用 16 KiB 的内存页"),
    message=Text(
        "{model} runs a kernel with memory pages of {page_kib} KiB.",
        "{model} 的内核使用 {page_kib} KiB 的内存页。",
    ),
    cause=Text(
        "Programs compiled for pages of 4 KiB stop with 'Unsupported system page size'; most packages do not care.",
        "按 4 KiB 页编译的程序会报 'Unsupported system page size' 退出；大多数包不受影响。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Board, Host, Trials),
)
def pi_page_size(facts: Facts, matrix) -> Iterator[Finding]:
    board = raspberry_pi(facts)
    if board.page_size is None:
        raise MissingFact("board", "the page size of the kernel is not known")
    if board.page_size <= 4096:
        return
    host = facts.maybe(Host)
    known = release(host.codename) if host else None
    config = "%s/config.txt" % (known.boot if known else "/boot/firmware")
    trials = facts.maybe(Trials)
    hit = [stage for stage in trials.stages if SYMPTOM in stage.text] if trials else []
    yield Finding(
        params={"model": called(board), "page_kib": board.page_size // 1024, "config": config},
        evidence=tuple("import of %s: %s" % (stage.name, SYMPTOM) for stage in hit),
        severity=WARNING if hit else NOTE,
        remedies=(
            Manual(
                Text(
                    "Only if a program stops with that message: "
                    "echo kernel=kernel8.img | sudo tee -a {config} && sudo reboot",
                    "仅当有程序因该报错退出时：echo kernel=kernel8.img | sudo tee -a {config} && sudo reboot",
                )
            ),
        ),
    )
