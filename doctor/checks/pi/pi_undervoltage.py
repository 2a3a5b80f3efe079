"""The Raspberry Pi gets too little voltage, or slows down because it is hot.

## What it checks
Reads the bits of `vcgencmd get_throttled`: bit 0 is under-voltage now, bit 16 under-voltage since the last start;
bits 1 to 3 and 17 to 19 are the same for a capped clock, throttling and the soft temperature limit.

## Why it matters
Under-voltage is a matter of the power supply or its cable, not of heat. It slows the board down, and it is a common
reason for corrupted SD cards, hash mismatches and crashes that nobody can repeat. Heat only slows the board down.

## Example
`throttled=0x50005`: under-voltage and throttling now, and both have happened before.

## Fix
Use the power supply made for the board (5.1 V with 3 A for a Pi 4, 5 A for a Pi 5) and a short, thick cable; take
power-hungry USB devices off. Against heat: a heat sink or a fan.
"""

from typing import Iterator

from ...facts import Board, Facts, MissingFact
from ...model import NOTE, WARNING, Finding, Manual
from ...registry import check
from ...text import Text
from ._board import raspberry_pi

EXPLAIN_ZH = """树莓派供电电压不足，或因过热而降频。

## 检查什么
读取 `vcgencmd get_throttled` 的各个位：第 0 位表示当前欠压，第 16 位表示开机以来出现过欠压；第 1 至 3 位和第 17 至
19 位依次表示频率受限、降频和软温度上限。

## 为什么重要
欠压是电源或电源线的问题，与温度无关。它会让板子变慢，也是 SD 卡损坏、哈希不匹配和无法复现的崩溃的常见原因。过热只会
让板子变慢。

## 示例
`throttled=0x50005`：当前欠压并降频，而且之前也发生过。

## 修复
使用原装规格的电源（树莓派 4 为 5.1 V 3 A，树莓派 5 为 5 A）和短而粗的电源线，拔掉耗电大的 USB 设备。过热则加散热片
或风扇。
"""

BITS = {
    0: "under-voltage now",
    1: "ARM frequency capped now",
    2: "throttled now",
    3: "soft temperature limit active now",
    16: "under-voltage has occurred",
    17: "ARM frequency capping has occurred",
    18: "throttling has occurred",
    19: "soft temperature limit has occurred",
}
UNDERVOLTAGE = {0, 16}
LIVE = {0, 1, 2, 3}

POWER = Text(
    "Use the power supply made for this board and a short cable; take power-hungry USB devices off. "
    "Then restart and look again: vcgencmd get_throttled",
    "换用这块板子规格的电源和短的电源线，拔掉耗电大的 USB 设备；重启后再看一次：vcgencmd get_throttled",
)
COOLING = Text(
    "Add a heat sink or a fan, then look again: vcgencmd measure_temp",
    "加装散热片或风扇，然后再看一次：vcgencmd measure_temp",
)


@check(
    code="pi-undervoltage",
    severity="warning",
    summary=Text("The Raspberry Pi has too little voltage or is too hot", "树莓派供电不足或过热"),
    message=Text(
        "The power supply is too weak (get_throttled {throttled}).",
        "电源供电不足（get_throttled {throttled}）。",
    ),
    cause=Text(
        "The voltage fell below what the board needs; it slows down and may write wrong data to the SD card.",
        "电压低于板子所需，板子会降频，还可能向 SD 卡写入错误数据。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Board,),
)
def pi_undervoltage(facts: Facts, matrix) -> Iterator[Finding]:
    board = raspberry_pi(facts)
    if board.throttled is None:
        raise MissingFact("board", "vcgencmd get_throttled gave no answer")
    bits = [bit for bit in sorted(BITS) if board.throttled >> bit & 1]
    if not bits:
        return
    weak = bool(UNDERVOLTAGE & set(bits))
    live = bool(LIVE & set(bits))
    params = {"throttled": hex(board.throttled), "bits": bits, "temperature_c": board.temperature_c}
    evidence = ["get_throttled: %s" % hex(board.throttled)] + ["bit %d: %s" % (bit, BITS[bit]) for bit in bits]
    if board.temperature_c is not None:
        evidence.append("temperature: %.1f C" % board.temperature_c)
    if weak:
        yield Finding(params=params, evidence=tuple(evidence), remedies=(Manual(POWER),), severity=WARNING)
        return
    yield Finding(
        params=params,
        evidence=tuple(evidence),
        remedies=(Manual(COOLING),),
        severity=WARNING if live else NOTE,
        title=Text(
            "The board slows down because of heat (get_throttled {throttled}).",
            "板子因过热而降频（get_throttled {throttled}）。",
        ),
        cause=Text(
            "The firmware lowers the clock from 80 C on (a Pi 3B+ from 60 C); nothing breaks, everything takes longer.",
            "固件从 80 C 起降低主频（3B+ 从 60 C 起）；不会损坏，但一切都会变慢。",
        ),
    )
