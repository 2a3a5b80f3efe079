"""The target Python belongs to the operating system, which forbids pip to change it (PEP 668).

## What it checks
Looks for the marker `EXTERNALLY-MANAGED` beside the standard library of the target Python.

## Why it matters
pip stops with `error: externally-managed-environment`. Forcing it with `--break-system-packages` can damage
programs of the system that use the same Python.

## Example
`pip install torch` on Debian 12, Ubuntu 24.04 or Raspberry Pi OS bookworm.

## Fix
Make a virtual environment: `doctor fix --venv DIR` does it, with a view of apt's packages where cv2 or picamera2
come from there.
"""

from typing import Iterator

from ...facts import Board, Facts, Python
from ...model import NOTE, Finding, Manual
from ...registry import Signature, check
from ...text import Text

EXPLAIN_ZH = """目标 Python 由操作系统管理，不允许 pip 修改（PEP 668）。

## 检查什么
查看目标 Python 的标准库旁边有没有 `EXTERNALLY-MANAGED` 标记。

## 为什么重要
pip 会报 `error: externally-managed-environment`。用 `--break-system-packages` 强行安装，可能弄坏系统里使用同一个
Python 的程序。

## 示例
在 Debian 12、Ubuntu 24.04 或 Raspberry Pi OS bookworm 上执行 `pip install torch`。

## 修复
新建虚拟环境：`doctor fix --venv DIR` 会完成这一步；如果 cv2 或 picamera2 来自 apt，还会让环境看得到它们。
"""

MAKE_VENV = Text(
    "Make a virtual environment: doctor fix --venv .venv (or {python} -m venv .venv), and use its python from then on.",
    "新建虚拟环境：doctor fix --venv .venv（或 {python} -m venv .venv），之后都用它里面的 python。",
)


MAKE_VENV_ON_PI = Text(
    "Make a virtual environment: doctor fix --venv .venv; by hand, with apt's cv2 or picamera2 in view: "
    "{python} -m venv --system-site-packages .venv",
    "新建虚拟环境：doctor fix --venv .venv；手动创建并要用 apt 装的 cv2 或 picamera2："
    "{python} -m venv --system-site-packages .venv",
)

SIGNATURES = (
    Signature(r"externally-managed-environment"),
    Signature(r"break-system-packages|外部管理(?:的)?环境", "low", requires=(r"\b(?:error|fail)|报错|错误",)),
    Signature(r"This environment is externally managed|EXTERNALLY-MANAGED|is externally managed, and indicates"),
    # told in words
    Signature(
        r"(?:had|have|need|forced?|use|using) .{0,20}--break-system-packages|environment is managed by apt",
        "low",
    ),
)


@check(
    code="externally-managed",
    severity="error",
    summary=Text("The system owns this Python; pip may not change it.", "这个 Python 由系统管理，pip 不能修改。"),
    message=Text(
        "{python} belongs to the system; pip refuses to install into it.", "{python} 由系统管理，pip 拒绝往里安装。"
    ),
    cause=Text(
        "The file EXTERNALLY-MANAGED beside {python}'s standard library forbids it (PEP 668).",
        "{python} 的标准库旁边有 EXTERNALLY-MANAGED 文件，禁止 pip 修改（PEP 668）。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Python, Board),
    signatures=SIGNATURES,
)
def externally_managed(facts: Facts, matrix) -> Iterator[Finding]:
    python = facts.need(Python)
    if not python.externally_managed or python.venv or python.conda:
        return
    board = facts.maybe(Board)
    yield Finding(
        params={"python": python.executable, "version": python.version},
        evidence=("%s: EXTERNALLY-MANAGED" % python.base_prefix,),
        severity=NOTE,
        remedies=(Manual(MAKE_VENV_ON_PI if board is not None and board.raspberry_pi else MAKE_VENV),),
    )
