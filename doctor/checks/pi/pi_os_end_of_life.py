"""This release of Raspberry Pi OS gets no more updates.

## What it checks
Compares the release (buster, bullseye, …) with the end of Debian's long-term support, and says when piwheels stopped
building for its Python.

## Why it matters
No security fixes come any more, the archive moves away (apt then answers 404), and new versions of packages have no
wheel for its Python: pip falls back to building from source, which on a Pi takes hours or runs out of memory.

## Example
buster: supported until 2024-06-30, piwheels stopped building for its Python 3.7 on 2024-07-01.

## Fix
Write a current Raspberry Pi OS on a new SD card (64-bit if the board can) and copy the project over. Until then,
use the versions that have a wheel: `doctor pi` lists them.
"""

import datetime
from typing import Iterator

from ...facts import Board, Clock, Facts, Host
from ...model import Finding, Manual
from ...pi_os import AS_OF, ended, release
from ...registry import check
from ...text import Text
from ._board import raspberry_pi

EXPLAIN_ZH = """这个版本的树莓派系统已经停止更新。

## 检查什么
把系统版本（buster、bullseye 等）与 Debian 长期支持的截止时间比较，并说明 piwheels 何时停止为它的 Python 构建。

## 为什么重要
不再有安全更新，软件源会被移走（apt 报 404），新版本的包也没有适合它的 Python 的 wheel：pip 只能从源码编译，在树莓派
上要几个小时，甚至内存耗尽。

## 示例
buster：支持到 2024-06-30，piwheels 于 2024-07-01 停止为它的 Python 3.7 构建。

## 修复
用一张新的 SD 卡写入当前的树莓派系统（板子支持就用 64 位），再把项目拷过去。在此之前使用仍有 wheel 的版本：
`doctor pi` 会列出来。
"""

REINSTALL = Text(
    "Write a current Raspberry Pi OS (trixie; 64-bit if the board can) on a new SD card and copy the project over.",
    "用新的 SD 卡写入当前的树莓派系统（trixie，板子支持就用 64 位），再把项目拷过去。",
)


@check(
    code="pi-os-end-of-life",
    severity="warning",
    summary=Text("This release of Raspberry Pi OS gets no more updates", "这个版本的树莓派系统已停止更新"),
    message=Text(
        "Raspberry Pi OS {codename} gets no more updates since {ended}.",
        "树莓派系统 {codename} 自 {ended} 起不再更新。",
    ),
    cause=Text(
        "New versions of packages have no wheel for its Python {python}, and its archive moves away.",
        "新版本的包没有适合其 Python {python} 的 wheel，软件源也会被移走。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Board, Host, Clock),
)
def pi_os_end_of_life(facts: Facts, matrix) -> Iterator[Finding]:
    raspberry_pi(facts)
    host = facts.need(Host)
    known = release(host.codename)
    if known is None or host.distro not in ("raspbian", "debian", ""):
        return
    clock = facts.maybe(Clock)
    today = _day(clock.now_s) if clock else AS_OF
    if not ended(known, today):
        return
    params = {
        "codename": known.codename,
        "ended": known.support_ends,
        "python": known.python,
        "piwheels_stopped": known.piwheels_stopped,
    }
    cause = None
    if known.piwheels_stopped:
        cause = Text(
            "piwheels stopped building for its Python {python} on {piwheels_stopped}, and its archive has moved away.",
            "piwheels 已于 {piwheels_stopped} 停止为其 Python {python} 构建，软件源也已移走。",
        )
    yield Finding(params=params, remedies=(Manual(REINSTALL),), cause=cause)


def _day(seconds: float) -> str:
    try:  # not fromtimestamp: on a 32-bit system that ends in 2038
        return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%d")
    except OverflowError:
        return AS_OF
