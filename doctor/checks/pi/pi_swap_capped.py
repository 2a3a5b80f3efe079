"""A bigger swap was asked for in a file, but the system does not have it.

## What it checks
Compares `CONF_SWAPSIZE` of `/etc/dphys-swapfile` with the swap that the kernel really has (`SwapTotal`), with the
ceiling `CONF_MAXSWAP` (2048 MiB unless set), and with the mechanism of the release: on trixie rpi-swap makes the swap
and `/etc/dphys-swapfile` is not read any more.

## Why it matters
Somebody follows a guide, sets 4096, restarts, and the build still dies for lack of memory, because the setting was
capped, never applied, or written for another release.

## Example
`CONF_SWAPSIZE=4096` on bullseye without `CONF_MAXSWAP`: `free -m` shows 2047. (A Pi with buster was seen with 4095
after the same edit, so on buster only `SwapTotal` tells.)

## Fix
Set both values and run `dphys-swapfile setup`; on trixie write a drop-in for rpi-swap. Then look at `free -m`.
"""

from typing import Iterator, Mapping, Optional

from ...facts import Board, Facts, Host, Swap
from ...model import Finding, System
from ...pi_os import DPHYS_MAXSWAP_MIB, bigger_swap, release
from ...registry import check
from ...text import Text
from ...units import MIB
from ._board import raspberry_pi

EXPLAIN_ZH = """文件里设置了更大的交换空间，但系统实际并没有。

## 检查什么
把 `/etc/dphys-swapfile` 中的 `CONF_SWAPSIZE` 与内核实际的交换空间（`SwapTotal`）、上限 `CONF_MAXSWAP`（未设置时为
2048 MiB）以及该系统版本使用的机制比较：trixie 由 rpi-swap 提供交换空间，不再读取 `/etc/dphys-swapfile`。

## 为什么重要
照教程改成 4096 并重启后，编译仍因内存不足失败，原因是设置被上限截断、没有生效，或者是写给另一个系统版本的。

## 示例
bullseye 上只设 `CONF_SWAPSIZE=4096` 而没有 `CONF_MAXSWAP`：`free -m` 显示 2047。（有人在 buster 上同样修改后得到
4095，所以 buster 上只能以 `SwapTotal` 为准。）

## 修复
同时设置两个值并执行 `dphys-swapfile setup`；trixie 上为 rpi-swap 写一个配置片段。然后用 `free -m` 查看。
"""

#: The kernel shows one page less than the file has, and dphys-swapfile rounds down.
ROUNDING = 0.95

APPLY = System(
    Text("Apply the setting, then look at what `free -m` shows.", "让设置生效，然后用 `free -m` 查看结果。"),
    (("dphys-swapfile", "setup"), ("dphys-swapfile", "swapon")),
)


@check(
    code="pi-swap-capped",
    severity="warning",
    summary=Text("The swap that was configured is not there", "配置的交换空间没有生效"),
    message=Text(
        "CONF_SWAPSIZE={wanted_mib} was set, but the swap is {total_mib} MiB: CONF_MAXSWAP ({cap_mib}) limits it.",
        "已设置 CONF_SWAPSIZE={wanted_mib}，但交换空间只有 {total_mib} MiB：受 CONF_MAXSWAP（{cap_mib}）限制。",
    ),
    cause=Text(
        "dphys-swapfile makes at most CONF_MAXSWAP, {cap_mib} MiB here, whatever CONF_SWAPSIZE says; set both.",
        "无论 CONF_SWAPSIZE 是多少，dphys-swapfile 最多只创建 CONF_MAXSWAP（此处为 {cap_mib} MiB）；两个值都要设置。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Board, Host, Swap),
)
def pi_swap_capped(facts: Facts, matrix) -> Iterator[Finding]:
    raspberry_pi(facts)
    swap = facts.need(Swap)
    wanted = _mib(swap.settings, "CONF_SWAPSIZE")
    total = swap.total_bytes // MIB
    if not wanted or total >= wanted * ROUNDING:
        return
    host = facts.maybe(Host)
    codename = host.codename if host else ""
    known = release(codename)
    given = _mib(swap.settings, "CONF_MAXSWAP")
    cap = given or DPHYS_MAXSWAP_MIB
    params = {
        "wanted_mib": wanted,
        "total_mib": total,
        "cap_mib": cap,
        "maxswap": given,
        "provider": swap.provider,
        "codename": codename,
    }
    evidence = (
        "/etc/dphys-swapfile: CONF_SWAPSIZE=%s" % swap.settings["CONF_SWAPSIZE"],
        "/etc/dphys-swapfile: CONF_MAXSWAP=%s" % (given or "(not set)"),
        "SwapTotal: %d MiB" % total,
    )
    bigger = bigger_swap(codename or "bullseye", wanted)
    if swap.provider == "rpi-swap" or (known is not None and known.swap == "rpi-swap"):
        yield Finding(
            params=dict(params, situation="ignored"),
            evidence=evidence,
            remedies=(bigger,),
            title=Text(
                "/etc/dphys-swapfile asks for {wanted_mib} MiB of swap, but this system does not read it.",
                "/etc/dphys-swapfile 要求 {wanted_mib} MiB 交换空间，但这个系统不读取它。",
            ),
            cause=Text(
                "From trixie on rpi-swap makes the swap ({total_mib} MiB); guides for dphys-swapfile have no effect.",
                "从 trixie 起由 rpi-swap 提供交换空间（此处 {total_mib} MiB），针对 dphys-swapfile 的教程不起作用。",
            ),
        )
    elif wanted > cap and total >= cap * ROUNDING:
        yield Finding(params=dict(params, situation="capped"), evidence=evidence, remedies=(bigger,))
    else:
        # Raising the ceiling as well is right where it may apply: nobody has to find that out by another restart.
        yield Finding(
            params=dict(params, situation="not-applied"),
            evidence=evidence,
            remedies=(bigger if wanted > cap else APPLY,),
            title=Text(
                "CONF_SWAPSIZE={wanted_mib} was set, but the swap is still {total_mib} MiB.",
                "已设置 CONF_SWAPSIZE={wanted_mib}，但交换空间仍是 {total_mib} MiB。",
            ),
            cause=Text(
                "The setting was not applied, or the card has no room for it (CONF_MAXSWAP: {cap_mib}).",
                "设置没有生效，或者存储卡空间不够（CONF_MAXSWAP：{cap_mib}）。",
            ),
        )


def _mib(settings: Mapping[str, str], name: str) -> Optional[int]:
    value = settings.get(name, "").strip()
    return int(value) if value.isdigit() else None
