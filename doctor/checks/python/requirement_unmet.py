"""Packages that the project requires are missing, or have a version that it does not allow.

## What it checks
Compares what is installed with the project's requirements: requirements files (with `-r`, `-c` and markers),
`pyproject.toml`, `setup.cfg`, `setup.py` (read, never run) and `environment.yml`. Lists for development, tests or
extras do not count. Well-known libraries that the programs at the top import at once, and that no list names, are
looked for as well.

## Why it matters
A missing package stops training with `ModuleNotFoundError`, sometimes only when the first result is written. A
version outside the range may work or not.

## Example
`requirements.txt` asks for `pandas>=1.1.4`; pandas is not installed and `utils/plots.py` imports it.

## Fix
Installs what is missing in a version that the project allows. torch and its partners are chosen as one set.
"""

from typing import Any, Dict, Iterator, List, Optional, Tuple

from ...demands import allows, demand, environment
from ...facts import Distributions, Facts, Host, Interpreters, Line, Project, ProjectRequirement, Python
from ...model import ERROR, NOTE, WARNING, Finding, Install, Manual
from ...modules import PROVIDERS, providers
from ...registry import check
from ...text import Text
from ...wheels.matrix import PARTNERS
from ._project import cure
from ._stack import STACK, alike, imported

EXPLAIN_ZH = """项目要求的包没有安装，或者版本不在允许范围内。

## 检查什么
把已安装的包与项目的依赖声明比较：requirements 文件（包括 `-r`、`-c` 和环境标记）、`pyproject.toml`、`setup.cfg`、
`setup.py`（只读取，不执行）、 `environment.yml`。开发、测试和可选依赖不计入。顶层程序一开始就导入、
但没有写进依赖声明的常见库也会检查。

## 为什么重要
缺包会报 `ModuleNotFoundError`，有时要到写第一个结果时才出现；版本不在范围内时可能能用，也可能不能。

## 示例
`requirements.txt` 要求 `pandas>=1.1.4`，但没有安装 pandas，而 `utils/plots.py` 导入了它。

## 修复
按项目允许的版本安装缺少的包；torch 及其配套包作为一组来选择。
"""


#: modules whose absence another check names, whose name several distributions share, or that are built for one torch
OTHERWISE = frozenset(
    "torch google pkg_resources detectron2 mmcv mmdet mmengine flash_attn xformers deepspeed vllm".split()
)

VERSION_TITLE = Text(
    "Installed versions are outside what the project asks for: {packages}.",
    "已安装的版本不在项目要求的范围内：{packages}。",
)
VERSION_CAUSE = Text(
    "{packages}: the project states another version. It may run all the same.",
    "{packages}：项目声明的是别的版本。不一定会出错。",
)

IMPORT_TITLE = Text(
    "The project imports what is not installed: {packages}.",
    "项目导入的包没有安装：{packages}。",
)
IMPORT_CAUSE = Text(
    "No requirements list names {packages}, but the source imports it at once; the target Python does not have it.",
    "依赖声明里没有 {packages}，但源码一开始就导入它，而目标 Python 里没有。",
)

IF_IT_FAILS = Text(
    "If the project fails with these: install what it asks for ({wanted}).",
    "如果项目因此出错：安装它要求的版本（{wanted}）。",
)


@check(
    code="requirement-unmet",
    severity=ERROR,
    summary=Text("Packages that the project requires are missing.", "缺少项目要求的包。"),
    message=Text(
        "Packages that the project requires are not installed ({count}): {packages}.",
        "项目要求的 {count} 个包没有安装：{packages}。",
    ),
    cause=Text(
        "The project's requirements name {packages}; the target Python has none of them.",
        "项目的依赖声明中有 {packages}，而目标 Python 里没有。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Project, Distributions, Python, Host, Interpreters),
)
def requirement_unmet(facts: Facts, matrix) -> Iterator[Finding]:
    project, distributions = facts.need(Project), facts.need(Distributions)
    markers = environment(facts.maybe(Python), facts.maybe(Host))
    missing: List[ProjectRequirement] = []
    wrong: List[ProjectRequirement] = []
    specifiers: Dict[str, str] = {}
    for requirement in project.requirements:
        if requirement.optional or requirement.name in ("python", "pip", "setuptools", "wheel"):
            continue
        wanted = demand(requirement.text, markers)
        if wanted is None:
            continue
        item = next((found for found in map(distributions.find, alike(wanted.name)) if found is not None), None)
        if item is None:
            if not requirement.constraint and requirement.name not in [one.name for one in missing]:
                missing.append(requirement)
                specifiers.setdefault(requirement.name, wanted.specifier)
        elif item.name == wanted.name and not allows(wanted.specifier, item.version):
            wrong.append(requirement)
            specifiers.setdefault(requirement.name, wanted.specifier)
    missing = [one for one in missing if one.name != "torch"]  # torch-missing says so
    if missing:
        used = [one for one in missing if imported(facts, one.name)]
        yield _finding(project, missing, specifiers, ERROR if used and project.chosen else WARNING)
    if wrong:
        texts = {one.name: "%s %s (%s)" % (one.name, _version(distributions, one.name), one.text) for one in wrong}
        yield Finding(
            params=_params(wrong, ", ".join(texts.values())),
            evidence=tuple(str(one.where) for one in wrong[:20]),
            severity=WARNING,
            title=VERSION_TITLE,
            cause=VERSION_CAUSE,
            remedies=(Manual(Text(*(part.replace("{wanted}", _words(wrong)) for part in IF_IT_FAILS))),),
        )
    unlisted = dict(_unlisted(project, distributions, facts.maybe(Interpreters)))
    # beside a list that says what is needed, an import may be a tool's
    sure = {name: where for name, where in unlisted.items() if name in PARTNERS or not project.requirements}
    for found, severity in ((sure, WARNING), ({name: unlisted[name] for name in unlisted if name not in sure}, NOTE)):
        if found:
            yield _imports(project, found, severity)


def _imports(project: Project, found: Dict[str, Line], severity: str) -> Finding:
    names = list(found)
    return Finding(
        params={
            "count": len(names),
            "packages": ", ".join(names),
            "distributions": names,
            "requirements": [],
            "project": project.root,
        },
        evidence=tuple(map(str, found.values()))[:20],
        severity=severity,
        title=IMPORT_TITLE,
        cause=IMPORT_CAUSE,
        remedies=cure(project, *map(Install, names)),
    )


def _unlisted(
    project: Project, distributions: Distributions, interpreters: Optional[Interpreters]
) -> Iterator[Tuple[str, Line]]:
    """Yield well-known distributions that programs near the top import at once, that no list names and nobody has.

    module-in-other-env speaks of those that another Python has, torch-missing of torch.
    """
    if interpreters is None:
        return
    held = set(interpreters.target).union(*(item.modules for item in interpreters.items))
    named = {requirement.name for requirement in project.requirements}
    for module, where in sorted(project.imports.items()):
        names = providers(module)
        if module in OTHERWISE or not (module in PROVIDERS or names[0] in STACK):
            continue
        near = where.file.count("/") < (1 if project.requirements else 2) and where.file.endswith(".py")
        looked_for = module in interpreters.wanted and module not in held
        if near and looked_for and module not in project.lazy and not named & set(names):
            if not any(distributions.find(name) for name in names):
                yield names[0], where


def _version(distributions: Distributions, name: str) -> str:
    item = distributions.find(name)
    return (item.version if item is not None else None) or "?"


def _words(found: List[ProjectRequirement]) -> str:
    """Return the requirements as one text that can stand in a sentence with placeholders."""
    return ", ".join(one.text for one in found).replace("{", "{{").replace("}", "}}")


def _params(found: List[ProjectRequirement], packages: str) -> Dict[str, Any]:
    names: List[str] = []
    for one in found:
        if one.name not in names:
            names.append(one.name)
    return {
        "count": len(names),
        "packages": packages,
        "distributions": names,
        "requirements": [one.text for one in found],
    }


def _finding(project: Project, missing: List[ProjectRequirement], specifiers: Dict[str, str], severity: str) -> Finding:
    remedies = [Install(one.name, specifiers.get(one.name, "")) for one in missing]
    return Finding(
        params=dict(_params(missing, ", ".join(one.name for one in missing)), project=project.root),
        evidence=tuple(str(one.where) for one in missing[:20]),
        severity=severity,
        remedies=cure(project, *remedies),
    )
