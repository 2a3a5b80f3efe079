"""The package index has no wheel for this Raspberry Pi, but a fitting file exists elsewhere.

## What it checks
Takes the packages that the project or another Python on this machine uses and that the target Python lacks, and looks
for files that fit its Python, board and glibc: on piwheels, on the package index, and among community builds.

## Why it matters
`pip install onnxruntime` says "No matching distribution found", `pip install opencv-python` compiles for hours, and
yet a ready file exists: naming the right version or file is all it takes. A file of the right name is not enough:
it has to be built for this Python, for a glibc that is not newer than this one, and for the numpy beside it.

## Example
Python 3.7 on armv7l: `onnxruntime-1.9.1-cp37-none-linux_armv7l.whl`, published as `….whl_np1195` (for numpy 1.16 to
1.19) and `….whl_np1214` (for numpy 1.20 and 1.21).

## Fix
A pinned version of which no file is known is named beside the one that has a file: pip would compile the source.
`doctor fix --only pi-wheel-available --apply` downloads the files, saves them under the names that pip accepts and
installs them; `doctor pi` prints them with their addresses. Community builds are named as such.
"""

from typing import Any, Dict, Iterator, Set, Tuple

from ...demands import demand, environment
from ...facts import Board, Cpu, Distributions, Facts, Host, Interpreters, Project, Python
from ...model import Finding, Install, Manual
from ...modules import PROVIDERS
from ...registry import check
from ...text import Text
from ...wheels.versions import is_range
from ._board import raspberry_pi

EXPLAIN_ZH = """包索引上没有适合这台树莓派的 wheel，但别处有合适的文件。

## 检查什么
取项目或本机其他 Python 用到、而目标 Python 缺少的包，在 piwheels、包索引和社区构建中查找适合其 Python、板子和 glibc
的文件。

## 为什么重要
`pip install onnxruntime` 提示 "No matching distribution found"，`pip install opencv-python` 要编译几个小时，而现成
的文件其实存在：只要写对版本或文件名即可。只有名字对还不够，它还必须是为这个 Python、不高于本机的 glibc 以及相应的
numpy 构建的。

## 示例
armv7l 上的 Python 3.7：`onnxruntime-1.9.1-cp37-none-linux_armv7l.whl`，发布时名为 `….whl_np1195`（适合 numpy 1.16
至 1.19）和 `….whl_np1214`（适合 numpy 1.20 和 1.21）。

## 修复
如果固定的版本没有已知的文件，会给出有文件的版本，否则 pip 会从源码编译。`doctor fix --only pi-wheel-available --apply`
会下载文件、以 pip 接受的文件名保存并安装；`doctor pi` 会列出文件和地址。社区构建会注明。
"""

#: what is looked for, by import name
MODULES = ("ai_edge_litert", "cv2", "ncnn", "onnxruntime", "tflite_runtime", "torch", "torchvision")
OPENCV = PROVIDERS["cv2"]

PINNED = Text(
    "Ask for the version that has a file ({fitting}), or see whether piwheels has the other one, without compiling: "
    "{python} -m pip install --only-binary=:all: '{asked}'",
    "改用有文件的版本（{fitting}），或者看看 piwheels 是否有原来的版本（不编译）："
    "{python} -m pip install --only-binary=:all: '{asked}'",
)


@check(
    code="pi-wheel-available",
    severity="note",
    summary=Text(
        "A wheel that fits this Pi exists, though not where pip looks", "有适合这台树莓派的 wheel，但 pip 找不到"
    ),
    message=Text(
        "Files that fit this Pi: {files}.",
        "适合这台树莓派的文件：{files}。",
    ),
    cause=Text(
        "{names}: used here, missing in {python}; a plain `pip install` finds no wheel for {platform}, or another.",
        "{names}：这里用到但 {python} 中没有；直接 `pip install` 找不到适合 {platform} 的 wheel，或找到的不是这个。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Board, Python, Host, Cpu, Distributions, Interpreters, Project),
)
def pi_wheel_available(facts: Facts, matrix) -> Iterator[Finding]:
    raspberry_pi(facts)
    python = facts.need(Python)
    installed = facts.find(Distributions)
    wanted = _wanted(facts, {item.name for item in installed.items} if installed else set())
    if not wanted or not python.platform.startswith("linux_arm"):
        return
    from ...wheels.pi.boards import target_of_facts
    from ...wheels.pi.sets import solve
    from ...wheels.pi.told import wheel

    target = target_of_facts(facts)
    fitting = [name + asked for name, asked in wanted.items() if solve(matrix, target, [name + asked]).fits]
    solved = solve(matrix, target, fitting) if fitting else None
    if solved is not None and solved.fits:
        wheels = [wheel(build) for build in solved.chosen]
        moved = [item for item in wheels if not (item.name == "numpy" and solved.keeps_numpy)]
        names = [name for name, asked in wanted.items() if name + asked in fitting]
        yield Finding(
            params={
                "names": ", ".join(names),
                "files": ", ".join(item.filename for item in moved),
                "python": python.executable,
                "platform": python.platform,
                "missing": names,
            },
            evidence=tuple("%s: %s" % (item.filename, item.url or item.source) for item in moved),
            remedies=tuple(Install(item.name, "==" + item.version.partition("+")[0]) for item in moved),
        )
    for name, asked in wanted.items():
        other = None if name + asked in fitting else _other_version(solve(matrix, target, [name]), name)
        if other is not None:
            yield Finding(
                params={
                    "asked": name + asked,
                    "fitting": "%s==%s" % (name, other.version),
                    "names": name,
                    "files": other.file.filename,
                    "python": python.executable,
                    "platform": python.platform,
                    "missing": [name],
                },
                title=Text(
                    "No file of {asked} is known for this Pi; {files} fits.",
                    "没有已知的适合这台树莓派的 {asked} 文件；{files} 合适。",
                ),
                cause=Text(
                    "Where there is no wheel for {platform}, pip compiles the source, for hours.",
                    "没有适合 {platform} 的 wheel 时，pip 会从源码编译，要几个小时。",
                ),
                evidence=("%s: %s" % (other.file.filename, other.file.url or other.publisher),),
                remedies=(Manual(PINNED),),
            )


def _other_version(solved: Any, name: str) -> Any:
    """Return the build that is taken when no version is named, or None."""
    return next((build for build in solved.chosen if build.name == name), None) if solved.fits else None


def _wanted(facts: Facts, installed: Set[str]) -> Dict[str, str]:
    """Return name -> range of the projects that are used here and that the target lacks."""
    known = {name for module in MODULES for name in _providers(module)}
    found: Dict[str, str] = {}
    project, host = facts.maybe(Project), facts.maybe(Host)
    if project is not None:
        markers = environment(facts.maybe(Python), host)
        for requirement in project.requirements:
            wanted = demand(requirement.text, markers)
            if wanted is not None and wanted.name in known and not requirement.constraint:
                parts = [part for part in (found.get(wanted.name, ""), wanted.specifier) if part and is_range(part)]
                found[wanted.name] = ",".join(parts)
    modules = [module for module in MODULES if project is not None and module in project.imports]
    interpreters = facts.maybe(Interpreters)
    if interpreters is not None:
        held = {module for other in interpreters.items for module in other.modules}
        modules += [module for module in MODULES if module in held - set(interpreters.target)]
    for module in modules:
        if not set(found) & set(_providers(module)):
            found[_providers(module)[0]] = ""
    wanted_names: Dict[str, str] = {}
    for name, asked in found.items():
        same = set(OPENCV) if name in OPENCV else {name}
        if not (installed | set(wanted_names)) & same:
            wanted_names[name] = asked
    return wanted_names


def _providers(module: str) -> Tuple[str, ...]:
    """Return the distributions that hold a module on ARM, the usual one first."""
    return OPENCV if module == "cv2" else (module.replace("_", "-"),)
