"""The target Python is a 32-bit program, for which torch has no builds.

## What it checks
Looks at the pointer size of the target Python. 32-bit ARM is judged by the Raspberry Pi checks.

## Why it matters
torch, onnxruntime and most current wheels exist only for 64-bit Pythons; pip says `No matching distribution found`
without naming the reason. A 32-bit process also cannot use more than 2 to 4 GB of memory.

## Example
On Windows the installer from the old start page: `python-3.8.0.exe` is 32-bit, `python-3.8.0-amd64.exe` is not.

## Fix
Install a 64-bit Python and make a new environment with it.
"""

from typing import Iterator

from ...facts import Facts, Host, Python
from ...model import WARNING, Finding, Manual
from ...registry import check
from ...text import Text

EXPLAIN_ZH = """目标 Python 是 32 位程序，torch 没有对应的构建。

## 检查什么
查看目标 Python 的指针宽度。32 位 ARM 由树莓派相关检查判断。

## 为什么重要
torch、onnxruntime 和大多数新版 wheel 只有 64 位版；pip 只会报 `No matching distribution found`，不说明原因。
32 位进程最多也只能用 2～4 GB 内存。

## 示例
Windows 上的 `python-3.8.0.exe` 是 32 位，`python-3.8.0-amd64.exe` 才是 64 位。

## 修复
安装 64 位 Python，并用它新建环境。
"""

INSTALL_64 = Text(
    "Install a 64-bit Python and make a new environment with it.",
    "安装 64 位 Python，并用它新建环境。",
)


@check(
    code="python-32bit",
    severity=WARNING,
    summary=Text(
        "The target Python is 32-bit; torch has no such builds.", "目标 Python 是 32 位的，torch 没有 32 位构建。"
    ),
    message=Text("{python} is a 32-bit Python ({platform}).", "{python} 是 32 位 Python（{platform}）。"),
    cause=Text(
        "torch and most current wheels exist only for 64-bit Pythons; {platform} gets none of them.",
        "torch 和大多数新版 wheel 只有 64 位版，{platform} 装不了。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Python, Host),
)
def python_32bit(facts: Facts, matrix) -> Iterator[Finding]:
    python = facts.need(Python)
    if python.pointer_bits != 32:
        return
    host = facts.maybe(Host)
    machine = (host.machine if host else "") + " " + python.platform
    if "arm" in machine or "aarch" in machine:
        return
    yield Finding(
        params={"python": python.executable, "platform": python.platform, "bits": python.pointer_bits},
        evidence=("%s: %d bit" % (python.executable, python.pointer_bits),),
        remedies=(Manual(INSTALL_64),),
    )
