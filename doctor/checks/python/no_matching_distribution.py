"""A requirement of the project has no wheel for this Python and platform.

## What it checks
Looks in the wheel matrix whether any release that the project's requirements allow has a wheel for the target
Python: its version, its platform, its glibc or macOS. Done for torch, torchvision, torchaudio, numpy, OpenCV,
ONNX Runtime and TFLite, where they are not installed yet. Also named: an exact release that does not exist
(`opencv-python==4.5.1`; its releases have four numbers). What the matrix does not list is not judged.

## Why it matters
pip says `Could not find a version that satisfies the requirement …` and lists
versions that do not help: the reason is the Python, the 32-bit system or the platform. Or it begins to compile the
source, and fails much later.

## Example
`torch==1.7.1` with Python 3.10: its wheels end at Python 3.9.

## Fix
A Python that has wheels of this release, or a release that has wheels for this Python; the report names both where
they exist.
"""

from typing import Any, Dict, Iterator, List, NamedTuple, Sequence

from ...demands import demand, environment
from ...facts import Distributions, Facts, Host, Project, ProjectRequirement, Python
from ...model import ERROR, WARNING, Finding, Manual
from ...registry import Signature, check
from ...text import Text
from ...wheels.offers import LIBC, PLATFORM, PYTHON, RELEASE, SYSTEM, Lack, lack
from ...wheels.tags import python_key, split_python
from ...wheels.target import Target
from ...wheels.versions import key
from ._stack import alike

EXPLAIN_ZH = """项目的某项依赖没有适合当前 Python 和平台的 wheel。

## 检查什么
在 wheel 表中查找：项目依赖所允许的版本里，有没有适合目标 Python（版本、平台、glibc 或 macOS 版本）的 wheel。
检查范围是尚未安装的 torch、torchvision、torchaudio、numpy、OpenCV、ONNX Runtime 和 TFLite。写死了并不存在的版本
也会指出（例如 `opencv-python==4.5.1`，它的版本号有四段）。表中没有收录的不做判断。

## 为什么重要
pip 会报 `Could not find a version that satisfies the requirement …`，列出的版
本也帮不上忙：真正的原因是 Python 版本、32 位系统或平台。也可能开始编译源码，过很久才失败。

## 示例
Python 3.10 下的 `torch==1.7.1`：它的 wheel 最高只到 Python 3.9。

## 修复
换用有对应 wheel 的 Python，或者换用支持当前 Python 的版本；报告会给出具体的选择。
"""

NO_SUCH = Text("{requirement}: there is no such release.", "{requirement}：没有这个版本。")

CAUSES = {
    PYTHON: Text(
        "The wheels of {requirement} are for Python {pythons}; Python {python} on {platform} gets none; pip "
        "fails, or starts to compile the source.",
        "{requirement} 的 wheel 只支持 Python {pythons}，Python {python}（{platform}）没有可用的，pip "
        "会失败或开始编译源码。",
    ),
    PLATFORM: Text(
        "{requirement} has no wheel for {platform}; pip fails, or starts to compile the source.",
        "{requirement} 没有 {platform} 的 wheel，pip 会失败或开始编译源码。",
    ),
    LIBC: Text(
        "The wheels of {requirement} are made for glibc, and this system has musl; pip fails, or starts to compile "
        "the source.",
        "{requirement} 的 wheel 是为 glibc 构建的，而本系统用的是 musl，pip 会失败或开始编译源码。",
    ),
    SYSTEM: Text(
        "The wheels of {requirement} for Python {python} need {floor} or newer; this system has {system}. pip fails, "
        "or starts to compile the source.",
        "{requirement} 支持 Python {python} 的 wheel 需要 {floor} 或更新，本系统是 {system}，pip "
        "会失败或开始编译源码。",
    ),
    RELEASE: Text(
        "The package index has other releases, but no {requirement}; pip fails.",
        "包索引中有其他版本，但没有 {requirement}，pip 会失败。",
    ),
}
#: what the user can do, with and without a release that this Python can install
WAYS = {
    (PYTHON, True): Text(
        "Use Python {pythons} for this release, or a release for this Python: {releases}.",
        "该版本请用 Python {pythons}；或者换成支持当前 Python 的版本：{releases}。",
    ),
    (PYTHON, False): Text("Use Python {pythons}.", "请用 Python {pythons}。"),
    (RELEASE, True): Text("Ask for one that exists: {releases}.", "请改成存在的版本：{releases}。"),
    (SYSTEM, True): Text(
        "Use a release that this system can run: {releases}; or a newer system or container.",
        "换成本系统能用的版本：{releases}；或者换用更新的系统或容器。",
    ),
    (SYSTEM, False): Text("Use a newer system or container.", "换用更新的系统或容器。"),
    (PLATFORM, True): Text(
        "Use a release with a wheel for this platform: {releases}.", "换成有该平台 wheel 的版本：{releases}。"
    ),
}
COMMUNITY = Text(
    "A community's build fits: {community}. `doctor wheels {names}` says where it is from, `doctor fix` installs it.",
    "有社区构建可用：{community}。`doctor wheels {names}` 说明其来源，`doctor fix` 会安装它。",
)
ELSEWHERE = Text(
    "Use a system that it has wheels for (64-bit Linux with glibc has the most), or build it from source.",
    "换用有 wheel 的系统（支持最全的是使用 glibc 的 64 位 Linux），或者从源码编译。",
)


FROM_SOURCE = Text(
    "pip found no wheel of {requirement} for this Python and compiles the source, which needs a compiler, memory and "
    "hours.",
    "pip 没有找到适合这个 Python 的 {requirement} wheel，于是编译源码，这需要编译器、内存和几个小时。",
)
FROM_SOURCE_OLD_PIP = Text(
    "pip found no wheel and takes OpenCV's source, and this pip is too old (before 19.3) to read how it is built.",
    "pip 没有找到 wheel，改用 OpenCV 的源码，而这个 pip 太旧（低于 19.3），不知道如何构建它。",
)
ONLY_WHEELS = Text(
    "Take a version that has a wheel; `doctor pi` names it on a Raspberry Pi. Without compiling: python -m pip install "
    "--only-binary=:all: …",
    "改用有 wheel 的版本；在树莓派上 `doctor pi` 会指出是哪个。禁止编译：python -m pip install --only-binary=:all: …",
)
NEWER_PIP = Text(
    "In a virtual environment: python -m pip install -U pip (on Python 3.7: 'pip<=24.0').",
    "在虚拟环境中执行：python -m pip install -U pip（Python 3.7 用 'pip<=24.0'）。",
)
IGNORED_INDEX = Text(
    "pip ignores {host}, because its address is http: what only that index has is not found.",
    "{host} 的地址是 http，pip 会忽略它：只有该索引才有的包就找不到。",
)
USE_HTTPS = Text(
    "Write https instead of http for {host} in pip's configuration (`python -m pip config list` shows it).",
    "在 pip 的配置中把 {host} 的 http 改成 https（`python -m pip config list` 可查看）。",
)

SIGNATURES = (
    # the only file that every Python and system is offered: an old archive that stands for torch
    Signature(r"(?P<requirement>torch)-0\.1\.2(?:\.post\d)?\.tar\.gz", outranks=("system-lib-missing",)),
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
        r"channels|missing)|ResolvePackageNotFound|NoPackagesFoundError|"
        r"PackageNotFoundError: (?:Dependency missing|Packages? (?:not found|missing))"
    ),
    Signature(
        r"Could not find a (?:matching version of package|"
        r"version that matches) (?P<requirement>[\w.\[\],=<>!~+ -]{2,80})"
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
    Signature(
        r"LibMambaUnsatisfiableError|Could not solve for environment specs|"
        r"UnsatisfiableError: The following specifications",
        "medium",
    ),
    # OpenCV's source needs a newer pip than buster's 18.1 to be built at all
    Signature(
        r"No module named '?skbuild", cause=FROM_SOURCE_OLD_PIP, remedies=(Manual(NEWER_PIP), Manual(ONLY_WHEELS))
    ),
    Signature(
        r"(?:Failed building wheel for|Could not build wheels for|Failed to build) "
        r"(?P<requirement>(?:opencv[\w-]*|numpy|scipy|onnx|onnxruntime|pillow|pandas|matplotlib))\b",
        "medium",
        cause=FROM_SOURCE,
        remedies=(Manual(ONLY_WHEELS),),
    ),
    Signature(
        r"repository located at (?P<host>\S{3,100}) is not a trusted or secure host and is being ignored",
        "medium",
        cause=IGNORED_INDEX,
        remedies=(Manual(USE_HTTPS),),
    ),
    # told in words
    Signature(
        r"\bno (?:pre-?built |binary )?wheels? (?:of|for|available)|"
        r"pip3? (?:can'?t|cannot|could ?n'?t|could not) find|"
        r"pip ?找不到|找不到对应版本|找不到对应的版本",
        "low",
    ),
)


@check(
    code="no-matching-distribution",
    severity=ERROR,
    summary=Text(
        "What the project asks for has no wheel for this Python.",
        "项目要求的包没有适合当前 Python 的 wheel。",
    ),
    message=Text(
        "{requirement}: no wheel for Python {python} on {platform}.",
        "{requirement}：没有适合 Python {python}（{platform}）的 wheel。",
    ),
    cause=CAUSES[PYTHON],
    explain_zh=EXPLAIN_ZH,
    needs=(Project, Python, Distributions, Host),
    after=("python-too-new", "python-too-old", "python-32bit"),
    signatures=SIGNATURES,
)
def no_matching_distribution(facts: Facts, matrix) -> Iterator[Finding]:
    project, python = facts.need(Project), facts.need(Python)
    distributions = facts.need(Distributions)
    host = facts.maybe(Host)
    target = Target.of_python(python, host)
    lacking: Dict[str, List[_Lacking]] = {}
    for name, asked in _asked(project, environment(python, host)).items():
        if not matrix.knows(name) or any(distributions.find(one) is not None for one in alike(name)):
            continue
        found = lack(matrix, name, ",".join(specifier for _, specifier in asked if specifier), target)
        if found is not None:
            lacking.setdefault(found.kind, []).append(_Lacking(name, [one for one, _ in asked], found))
    for kind, ones in lacking.items():
        yield _finding(project, python, target, kind, ones)


class _Lacking(NamedTuple):
    """What is asked for and cannot be had."""

    name: str
    requirements: List[ProjectRequirement]
    lack: Lack


def _asked(project: Project, markers: Dict[str, str]) -> Dict[str, List[Any]]:
    """Return (requirement, specifiers) by distribution: what must be there, with what constraints say of it."""
    found: Dict[str, List[Any]] = {}
    for requirement in project.requirements:
        wanted = None if requirement.optional else demand(requirement.text, markers)
        if wanted is not None and wanted.url is None:
            found.setdefault(wanted.name, []).append((requirement, wanted.specifier))
    return {name: asked for name, asked in found.items() if not all(one.constraint for one, _ in asked)}


def _finding(project: Project, python: Python, target: Target, kind: str, ones: Sequence[_Lacking]) -> Finding:
    mac = target.system == "macos"
    requirements = [requirement for one in ones for requirement in one.requirements]
    floors = [one.lack.floor for one in ones if one.lack.floor]
    community = ", ".join(one.lack.community for one in ones if one.lack.community)
    releases = _each(ones, [_span(one.lack.releases) for one in ones])
    params: Dict[str, Any] = {
        "names": " ".join(one.name for one in ones),
        "requirement": ", ".join(dict.fromkeys(requirement.text for requirement in requirements)),
        "reason": kind,
        "python": python.version,
        "platform": python.platform,
        "pythons": _pythons(ones),
        "releases": releases or "-",
        "community": community,
        "floor": "%s %s" % ("macOS" if mac else "glibc", max(floors, key=key)) if floors else "",
        "system": "%s %s" % ("macOS" if mac else "glibc", (target.macos if mac else target.glibc) or "?"),
    }
    return Finding(
        params=params,
        evidence=tuple(str(requirement.where) for requirement in requirements),
        severity=ERROR if project.chosen else WARNING,
        title=NO_SUCH if kind == RELEASE else None,
        cause=CAUSES[kind],
        remedies=(Manual(COMMUNITY if community else WAYS.get((kind, bool(releases)), ELSEWHERE)),),
    )


def _pythons(ones: Sequence[_Lacking]) -> str:
    """Return the Pythons that have wheels of all of them; of each, where none has."""
    shown = [[_minor(tag) for tag in one.lack.pythons] for one in ones]
    common = [minor for minor in shown[0] if all(minor in other for other in shown)]
    return ", ".join(common) or _each(ones, [", ".join(minors) for minors in shown]) or "-"


def _each(ones: Sequence[_Lacking], texts: Sequence[str]) -> str:
    """Return one text as it is, several with the name of what each is about; empty ones are left out."""
    if len(ones) == 1:
        return texts[0]
    return "; ".join("%s %s" % (one.name, text) for one, text in zip(ones, texts) if text)


def _minor(tag: str) -> str:
    """Return 3.10 for cp310, 3.13t for cp313t, 3.7+ for cp37-abi3."""
    number = ".".join(str(part) for part in python_key(tag))
    abi = split_python(tag)[1]
    return number + ("+" if abi in ("abi3", "none") else "t" if abi.endswith("t") else "")


def _span(versions: Sequence[str]) -> str:
    """Return all of a few releases, the first and the last of many."""
    return ", ".join(versions) if len(versions) < 4 else "%s … %s" % (versions[0], versions[-1])
