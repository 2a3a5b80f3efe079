"""The clock is wrong, so secure connections fail.

## What it checks
Compares the clock with moments that have certainly passed: the year this program was written in, what the system
itself saved at its last shutdown, and (with `--network`) the time that a server answers.

## Why it matters
Certificates are valid from one date to another. With a wrong clock pip, git and every download fail with
`certificate is not yet valid` or `certificate has expired`, which looks like a network problem and tempts people to
switch certificate checks off. A Raspberry Pi has no clock battery: without a network it starts in the past.

## Example
`date` prints 2019 after a start without network: `SSLError: certificate verify failed: certificate is not yet valid`.

## Fix
`sudo timedatectl set-ntp true`, or set it by hand: `sudo date -s "YYYY-MM-DD HH:MM"`. On WSL: `sudo hwclock -s`. Do
not use `--trusted-host` instead.
"""

import datetime
from typing import Iterator, Optional, Tuple

from doctor.facts import Clock, Facts, Host, Network
from doctor.model import ERROR, WARNING, Finding, Manual, System
from doctor.registry import Signature, check
from doctor.text import Text
from doctor.units import span

EXPLAIN_ZH = """系统时间不对，安全连接会失败。

## 检查什么
把系统时间和肯定已经过去的时刻比较：本程序编写的年份、系统上次关机时自己保存的时间，以及（加 `--network` 时）
服务器返回的时间。

## 为什么重要
证书只在一段日期内有效。时间不对时，pip、git 和所有下载都会报 `certificate is not yet valid` 或
`certificate has expired`，看起来像 网络问题，容易让人去关掉证书校验。树莓派没有时钟电池：开机没有网络就会停在过去。

## 示例
没联网开机后 `date` 显示 2019 年：`SSLError: certificate verify failed: certificate is not yet valid`。

## 修复
`sudo timedatectl set-ntp true`，或手动设置：`sudo date -s "YYYY-MM-DD HH:MM"`。WSL 用 `sudo hwclock -s`。不要改用
`--trusted-host`。
"""

DAY = 86400
#: 2026-01-01: no copy of this program is older
WRITTEN_S = 1767225600
#: no machine runs this program for so long
LATEST_S = WRITTEN_S + 15 * 365 * DAY
#: one-time passwords and signed requests fail from here on; certificates only when they are fresh
NOTICEABLE = 600


SAVED = Text(
    en=(
        "It cannot be {shown}: at its last shutdown the system saved {known}. A board without a clock battery "
        "starts in the past."
    ),
    zh="不可能是 {shown}：系统上次关机时保存的时间是 {known}。没有时钟电池的板子开机会停在过去。",
)
SERVER = Text(
    en="A server on the network says {known}. Certificates then count as not yet valid or expired.",
    zh="网络上的服务器显示 {known}。时间不对会让证书被判为尚未生效或已过期。",
)
FUTURE = Text(
    en="{shown} is too far in the future: certificates count as expired.",
    zh="{shown} 太靠后了，证书会被判为已过期。",
)


SIGNATURES = (
    Signature(
        r"certificate is not yet valid|uses not yet valid certificate|证书尚未生效|"
        r"certificate (?:of \S{3,80} )?(?:is not|has not been|has not|was not) (?:yet )?(?:been )?activated",
        outranks=("network-blocked", "pi-apt-source-broken"),
    ),
    Signature(
        r"is not valid yet \(invalid for another|Release file (?:for \S{3,200} )?is not valid yet|"
        r"尚未生效 ?\(在.{0,40}后|\bNot live until \d{4}-|"
        r"(?:ist noch nicht gültig|n'est pas encore valable|aún no es válido) \(",
        outranks=("network-blocked", "pi-apt-source-broken"),
    ),
    Signature(r"clock skew detected|has modification time .{0,30} in the future", "low", warning=True),
    Signature(r"ZIP does not support timestamps before 1980", "medium"),
    # wget's own time of day
    Signature(r"^--19[78]\d-\d\d-\d\d \d\d:\d\d:\d\d-- https?://", "medium"),
    Signature(
        r"(?:system|machine)(?:'s)? (?:clock|time) .{0,30}(?:is wrong|incorrect|out of sync)|RequestTimeTooSkewed",
        "medium",
        outranks=("network-blocked",),
    ),
    Signature(r"certificate has expired", "low"),
    # told in words
    Signature(
        r"(?:system|hardware) (?:clock|time) (?:is|was) (?:\w{2,10} )?(?:wrong|off|incorrect|in the (?:past|future))",
        "low",
    ),
    Signature(
        r"(?:clock|time|date) .{0,20}(?:was|is|to|in) 1970|"
        r"系统时间不对|系统时间错误|系统时间不正确|证书还没生效",
        "low",
    ),
)


@check(
    code="clock-wrong",
    severity=ERROR,
    summary=Text(en="The clock is wrong, so secure connections fail.", zh="系统时间不对，安全连接会失败。"),
    message=Text(
        en="The clock shows {shown}, which is wrong by at least {off}.",
        zh="系统时间显示 {shown}，至少差了 {off}。",
    ),
    cause=Text(
        en="It cannot be {shown}: this program was written after {known}. Certificates then count as not yet valid.",
        zh="不可能是 {shown}：本程序写于 {known} 之后。时间不对会让证书被判为尚未生效。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Clock, Host, Network),
    signatures=SIGNATURES,
)
def clock_wrong(facts: Facts, matrix) -> Iterator[Finding]:
    clock = facts.need(Clock)
    network = facts.maybe(Network)
    known_s, cause = _truth(clock, network.clock_ahead_s if network else None)
    if known_s is None:
        return
    ahead_s = clock.now_s - known_s
    yield Finding(
        params={"shown": _date(clock.now_s), "known": _date(known_s), "off": span(ahead_s), "off_s": round(ahead_s)},
        severity=ERROR if abs(ahead_s) >= DAY else WARNING,
        cause=cause,
        remedies=(_remedy(facts.maybe(Host)),),
    )


def _truth(clock: Clock, ahead_s: Optional[float]) -> Tuple[Optional[float], Optional[Text]]:
    """Return a moment that the clock contradicts, and the words for it; (None, None) when the clock may be right."""
    if ahead_s is not None:
        return (clock.now_s - ahead_s, SERVER) if abs(ahead_s) >= NOTICEABLE else (None, None)
    if clock.now_s < WRITTEN_S:
        return WRITTEN_S, None
    if clock.passed_s is not None and clock.now_s < clock.passed_s - DAY:
        return clock.passed_s, SAVED
    if clock.now_s > LATEST_S:
        return LATEST_S, FUTURE
    return None, None


def _date(seconds: float) -> str:
    try:  # not gmtime: on a 32-bit system that ends in 2038
        return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M UTC")
    except OverflowError:
        return "%d s" % seconds


def _remedy(host: Optional[Host]):
    if host and host.wsl:
        return System(
            Text(en="Take the time over from Windows.", zh="从 Windows 同步时间。"),
            (("hwclock", "-s"),),
        )
    if host and host.system == "linux" and not host.container:
        return System(
            Text(
                en="Let the clock be set over the network, then look at it with `timedatectl`.",
                zh="开启网络对时，然后用 `timedatectl` 查看。",
            ),
            (("timedatectl", "set-ntp", "true"),),
        )
    return Manual(
        Text(
            en="Set the clock in the settings of the operating system (of a container: on its host).",
            zh="在操作系统设置里校准时间（容器请在宿主机上校准）。",
        )
    )
