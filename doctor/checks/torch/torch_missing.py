"""torch is not installed in the target environment.

## What it checks
Whether the target Python has torch. An error when the project lists or imports it, a warning when it
imports it only inside functions, else a note.

## Why it matters
`import torch` fails with `ModuleNotFoundError`; often torch was installed into another Python.

## Example
`train.py` imports torch, and the active virtual environment has none.

## Fix
Installs the newest build that fits Python, driver and card.
"""

from typing import Iterator

from ...facts import Facts, Nvidia, Project, Python, Torch, Trials
from ...model import ERROR, NOTE, WARNING, Finding, MendTorch
from ...registry import check
from ...text import Text
from ..gpu._nvidia import card_ready, project_needs
from ._trio import stage_of, worked

EXPLAIN_ZH = """目标环境里没有安装 torch。

## 检查什么
查看目标 Python 是否有 torch。项目列出或导入了 torch 时是错误；只在函数内部导入时是警告；否则只是提示。

## 为什么重要
`import torch` 会报 `ModuleNotFoundError`；常见原因是 torch 装到了另一个 Python 里。

## 示例
`train.py` 导入了 torch，而当前虚拟环境里没有。

## 修复
安装适合当前 Python、驱动和显卡的最新构建。
"""


@check(
    code="torch-missing",
    severity="error",
    summary=Text("torch is not installed", "没有安装 torch"),
    message=Text("torch is not installed in {python}.", "{python} 中没有安装 torch。"),
    cause=Text(
        "The target Python has no torch; packages of other Pythons do not count.",
        "目标 Python 没有 torch；装在其他 Python 里的包不算。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Torch, Project, Python, Nvidia, Trials),
    remedies=(MendTorch(),),
)
def torch_missing(facts: Facts, matrix) -> Iterator[Finding]:
    if facts.find(Torch) is not None:
        return
    if worked(stage_of(facts, "torch")):
        return  # it comes from a folder that only this Python knows: a .pth file, PYTHONPATH
    project = facts.maybe(Project)
    python = facts.maybe(Python)
    needed = project is not None and project_needs(project, "torch")
    severity = ERROR if needed else NOTE
    evidence = []
    if project is not None and needed:
        listed = [item for item in project.requirements if item.name == "torch" and not item.optional]
        evidence = [str(item.where) for item in listed]
        if "torch" in project.imports:
            evidence.append(str(project.imports["torch"]))
        if not listed and "torch" in project.lazy:
            severity = WARNING  # only inside functions: the project may well run without it
    yield Finding(
        params={"python": python.executable if python is not None else "python"},
        evidence=tuple(evidence),
        severity=severity,
        remedies=(MendTorch(cuda=card_ready(facts)),) if needed else (),
    )
