"""Installed packages contradict what other installed packages ask for.

## What it checks
Compares every Requires-Dist of the packages that matter for training, and of what the project imports, with what is
installed: like `pip check`, restricted to what can stop a run. torch with its partners, numpy's absence and the
NVIDIA libraries have checks of their own that look deeper than METADATA.

## Why it matters
pip warns once, in red, in the middle of a long output. The import may fail much later.

## Example
`transformers 4.30.2` asks for `tokenizers<0.14`; tokenizers 0.19.1 is installed.

## Fix
Installs the version that satisfies every package that asks, where there is one; else the report names who disagrees.
"""

from typing import Any, Dict, Iterator, List, NamedTuple

from ...demands import allows, demand, environment, name_of
from ...facts import Distributions, Facts, Host, Project, Python
from ...model import WARNING, Finding, Install
from ...registry import check
from ...text import Text
from ._stack import STACK, imported

EXPLAIN_ZH = """已安装的包与其他包的依赖要求矛盾。

## 检查什么
把与训练有关的包、以及项目导入的包的 Requires-Dist 与实际安装的版本比较：相当于只看会影响运行的 `pip check`。
torch 与配套包、缺少 numpy、NVIDIA 库有专门的检查，比 METADATA 看得更深。

## 为什么重要
pip 只在一大段输出中间用红字提示一次，真正出错可能要到很久之后的导入。

## 示例
`transformers 4.30.2` 要求 `tokenizers<0.14`，而安装的是 tokenizers 0.19.1。

## 修复
有同时满足各方的版本就安装它，否则报告会列出互相矛盾的包。
"""

#: judged by checks that know more than METADATA: pins among these are often stricter than the truth
ELSEWHERE = frozenset(("torch", "torchvision", "torchaudio", "triton", "numpy"))


class Conflict(NamedTuple):
    """One unmet Requires-Dist."""

    by: str
    name: str
    specifier: str
    #: None when it is not installed
    version: Any


@check(
    code="dependency-conflict",
    severity=WARNING,
    summary=Text(
        "Installed packages contradict each other's requirements.",
        "已安装的包之间依赖要求矛盾。",
    ),
    message=Text("{conflicts}.", "{conflicts}。"),
    cause=Text(
        "What is installed does not satisfy what these packages declare: {conflicts}.",
        "已安装的版本不满足这些包声明的依赖：{conflicts}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Distributions, Project, Python, Host),
)
def dependency_conflict(facts: Facts, matrix) -> Iterator[Finding]:
    distributions = facts.need(Distributions)
    markers = environment(facts.maybe(Python), facts.maybe(Host))
    found: List[Conflict] = []
    for item in distributions.items:
        if item.name not in STACK and not imported(facts, item.name):
            continue
        for text in item.requires:
            name = name_of(text)
            if name is None or name.startswith("nvidia-") or (name in ELSEWHERE and item.name in ELSEWHERE):
                continue
            there = distributions.find(name)
            if there is None and name == "numpy":
                continue  # numpy-missing
            wanted = demand(text, markers)
            if wanted is None or wanted.url or (there is not None and allows(wanted.specifier, there.version)):
                continue
            if there is None and not _matters(facts, name):
                continue
            found.append(Conflict("%s %s" % (item.name, item.version), name, wanted.specifier, there and there.version))
    if not found:
        return
    texts = [_text(one) for one in found]
    params: Dict[str, Any] = {
        "conflicts": "; ".join(texts[:5]),
        "count": len(found),
        "distributions": sorted({one.name for one in found}),
    }
    yield Finding(params=params, evidence=tuple(texts[:20]), remedies=tuple(_remedies(facts, found, markers)))


def _matters(facts: Facts, name: str) -> bool:
    """Tell whether imports fail for want of a package; old METADATA often names small helpers that only extras use."""
    return (
        name in STACK
        or imported(facts, name) is not None
        or name in ("pyyaml", "requests", "tqdm", "filelock", "packaging")
    )


def _text(one: Conflict) -> str:
    wanted = "%s%s" % (one.name, one.specifier)
    return "%s needs %s; installed: %s" % (one.by, wanted, one.version or "-")


def _remedies(facts: Facts, found: List[Conflict], markers: Dict[str, str]) -> List[Install]:
    distributions, project = facts.need(Distributions), facts.maybe(Project)
    remedies = []
    for name in sorted({one.name for one in found}):
        if name in ELSEWHERE:
            continue  # moved only by the checks that know their builds
        asked = [
            wanted.specifier
            for item in distributions.items
            for text in item.requires
            if name_of(text) == name
            for wanted in (demand(text, markers),)
            if wanted is not None and wanted.specifier
        ]
        for requirement in project.requirements if project else ():
            wanted = (
                demand(requirement.text, markers) if requirement.name == name and not requirement.optional else None
            )
            if wanted is not None and wanted.specifier:
                asked.append(wanted.specifier)
        remedies.append(Install(name, ",".join(sorted(set(asked)))))
    return remedies
