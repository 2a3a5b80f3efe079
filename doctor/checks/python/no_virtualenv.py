"""The target Python is no virtual environment: every project on this machine shares its packages.

## What it checks
Looks whether the target is a virtual environment or a conda environment. Inside a container a shared Python is
usual and not reported; where the system forbids pip altogether, `externally-managed` says so.

## Why it matters
Two projects that need different versions of numpy or torch break each other, and a repair cannot be taken back so
cleanly.

## Example
`pip install` into `C:\\Python310` or a pyenv Python.

## Fix
Make one environment for each project: `doctor fix --venv DIR`.
"""

from typing import Iterator

from ...facts import Facts, Host, Python
from ...model import NOTE, Finding, Manual
from ...registry import check
from ...text import Text
from .externally_managed import MAKE_VENV

EXPLAIN_ZH = """目标 Python 不是虚拟环境：本机所有项目共用它的包。

## 检查什么
查看目标是不是虚拟环境或 conda 环境。容器里共用一个 Python 很常见，不报告；系统禁止 pip 修改的情况由
`externally-managed` 说明。

## 为什么重要
两个项目需要不同版本的 numpy 或 torch 时会互相破坏，修复也没法干净地撤销。

## 示例
直接用 `pip install` 装到 `C:\\Python310` 或 pyenv 的 Python 里。

## 修复
每个项目一个环境：`doctor fix --venv DIR`。
"""


@check(
    code="no-virtualenv",
    severity=NOTE,
    summary=Text("The target Python is no virtual environment.", "目标 Python 不是虚拟环境。"),
    message=Text("{python} is not a virtual environment.", "{python} 不是虚拟环境。"),
    cause=Text(
        "Whatever is installed into {python} is shared by every project that uses it.",
        "装进 {python} 的包会被所有使用它的项目共用。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Python, Host),
)
def no_virtualenv(facts: Facts, matrix) -> Iterator[Finding]:
    python, host = facts.need(Python), facts.maybe(Host)
    if python.venv or python.conda or python.externally_managed or (host is not None and host.container):
        return
    yield Finding(
        params={"python": python.executable},
        evidence=("sys.prefix: %s" % python.prefix,),
        remedies=(Manual(MAKE_VENV),),
    )
