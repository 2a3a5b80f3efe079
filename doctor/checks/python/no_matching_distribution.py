"""The project asks for a torch or numpy release that has no wheel for this Python and platform.

## What it checks
Looks in the wheel matrix whether any torch or numpy that the project's requirements allow has a build for the target
Python's version and platform. Only where it is not installed yet.

## Why it matters
pip says `Could not find a version that satisfies the requirement torch==1.7.1 (from versions: 2.0.0, …)` and lists
versions that do not help: the reason is the Python, the 32-bit system or the platform.

## Example
`torch==1.7.1` with Python 3.10: its wheels end at Python 3.9.

## Fix
A Python that has builds of this release, or a release that has builds for this Python; the report names both where
they exist.
"""

import re
from typing import Any, Dict, Iterator, List, Sequence

from ...demands import allows, demand, environment
from ...facts import Distributions, Facts, Host, Project, ProjectRequirement, Python
from ...model import ERROR, WARNING, Finding, Manual
from ...registry import Signature, check
from ...text import Text
from ...wheels.matrix import platform_of_tag
from ...wheels.versions import key

EXPLAIN_ZH = """项目要求的 torch 或 numpy 版本没有适合当前 Python 和平台的 wheel。

## 检查什么
在 wheel 表中查找：项目依赖所允许的 torch 版本里，有没有适合目标 Python 版本和平台的构建。只在尚未安装 torch 时检查。

## 为什么重要
pip 会报 `Could not find a version that satisfies the requirement torch==1.7.1 (from versions: 2.0.0, …)`，列出的版
本也帮不上忙：真正的原因是 Python 版本、32 位系统或平台。

## 示例
Python 3.10 下的 `torch==1.7.1`：它的 wheel 最高只到 Python 3.9。

## 修复
换用有对应构建的 Python，或者换用支持当前 Python 的版本；报告会给出具体的选择。
"""

CHOICES = Text(
    "Use Python {pythons} for this release, or a release for this Python: {releases}.",
    "该版本请用 Python {pythons}；或者换成支持当前 Python 的版本：{releases}。",
)


SIGNATURES = (
    Signature(
        r"No matching distribution found for (?P<requirement>[\w.\[\],=<>!~+ -]{2,120})",
        unless=(r"Retrying \(Retry\(total",),
    ),
    Signature(
        r"Could not find a version that satisfies the requirement (?P<requirement>[\w.\[\],=<>!~+-]{2,120})",
        unless=(r"Retrying \(Retry\(total", r"No matching distribution found"),
    ),
    Signature(
        r"PackagesNotFoundError: The following packages are (?:not available from current "
        r"channels|missing)|ResolvePackageNotFound"
    ),
    Signature(r"Unable to find installation candidates for (?P<requirement>\S{2,80} \([^)]{1,40}\))"),
    Signature(
        r"(?:Because )?(?:there is no version of|only the following versions of) (?P<requirement>\S{2,80}).{0,200}",
        "medium",
        requires=(r"No solution found|version solving failed|unsatisfiable",),
    ),
    Signature(r"No solution found when resolving dependencies|version solving failed|ResolutionImpossible", "medium"),
    Signature(
        r"(?:has|have) no wheels with a matching (?:platform|Python(?: ABI| version|"
        r" implementation)?) tag|doesn't have a (?:source distribution or wheel|"
        r"wheel) for the current platform"
    ),
    Signature(
        r"(?:Cannot install|Could not find) .{0,100}because these package versions have conflicting dependencies",
        "medium",
    ),
    Signature(r"LibMambaUnsatisfiableError|UnsatisfiableError: The following specifications", "medium"),
)


@check(
    code="no-matching-distribution",
    severity=ERROR,
    summary=Text(
        "No wheel of the torch or numpy that the project asks for fits this Python.",
        "项目要求的 torch 或 numpy 没有适合当前 Python 的 wheel。",
    ),
    message=Text(
        "{requirement}: no wheel for Python {python} on {platform}.",
        "{requirement}：没有适合 Python {python}（{platform}）的 wheel。",
    ),
    cause=Text(
        "The wheels of {requirement} are for Python {pythons}; Python {python} on {platform} gets none; pip "
        "fails, or starts to compile the source.",
        "{requirement} 的 wheel 只支持 Python {pythons}，Python {python}（{platform}）没有可用的，pip "
        "会失败或开始编译源码。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Project, Python, Distributions, Host),
    after=("python-too-new", "python-too-old", "python-32bit"),
    signatures=SIGNATURES,
)
def no_matching_distribution(facts: Facts, matrix) -> Iterator[Finding]:
    project, python = facts.need(Project), facts.need(Python)
    distributions = facts.need(Distributions)
    if python.implementation != "cpython":
        return
    markers = environment(python, facts.maybe(Host))
    tag = "cp" + python.minor.replace(".", "") + ("t" if python.free_threaded else "")
    for name in ("torch", "numpy"):
        if distributions.find(name) is not None:
            continue
        tags = _torch_tags(matrix, python) if name == "torch" else _numpy_tags(matrix)
        for requirement in project.requirements:
            wanted = (
                demand(requirement.text, markers) if requirement.name == name and not requirement.optional else None
            )
            if wanted is None or not wanted.specifier:
                continue
            known = [version for version in tags if _meant(wanted.specifier, version, name)]
            # a release that the matrix has never heard of may well exist
            if known and not any(tag in tags[version] for version in known):
                yield _finding(project, python, requirement, known, tags, tag)
                break


def _torch_tags(matrix: Any, python: Python) -> Dict[str, Sequence[str]]:
    """Return the interpreter tags that each torch release has builds for on this platform."""
    platform = platform_of_tag(python.platform)
    return {version: matrix.pythons(version, platform) for version in matrix.torch_releases}


def _numpy_tags(matrix: Any) -> Dict[str, Sequence[str]]:
    """Return the interpreter tags of the last release of each numpy minor; the earlier ones have no others."""
    return {row["last"]: row["wheels"] for row in matrix.table("numpy.numpy_python") or ()}


def _meant(specifier: str, version: str, name: str) -> bool:
    """Tell whether a range means this release; for numpy, whose table has one row a minor, also by ``==1.19.2``."""
    if allows(specifier, version):
        return True
    exact = re.match(r"==(\d+\.\d+)(?:\.\d+)*$", specifier)
    return name == "numpy" and exact is not None and version.startswith(exact.group(1) + ".")


def _finding(
    project: Project,
    python: Python,
    requirement: ProjectRequirement,
    known: List[str],
    tags: Dict[str, Sequence[str]],
    tag: str,
) -> Finding:
    pythons = sorted({one for version in known for one in tags[version] if one.startswith("cp")}, key=_order)
    params: Dict[str, Any] = {
        "requirement": requirement.text,
        "python": python.version,
        "platform": python.platform,
        "pythons": ", ".join(_minor(one) for one in pythons) or "-",
        "releases": _span([version for version in tags if tag in tags[version]]),
    }
    return Finding(
        params=params,
        evidence=(str(requirement.where),),
        severity=ERROR if project.chosen else WARNING,
        remedies=(Manual(CHOICES),),
    )


def _minor(tag: str) -> str:
    return "%s.%s" % (tag[2], tag[3:])


def _order(tag: str) -> Any:
    return int("".join(char for char in tag[3:] if char.isdigit())), tag


def _span(versions: List[str]) -> str:
    if not versions:
        return "-"
    ordered = sorted(versions, key=key)
    return ordered[0] if len(ordered) == 1 else "%s … %s" % (ordered[0], ordered[-1])
