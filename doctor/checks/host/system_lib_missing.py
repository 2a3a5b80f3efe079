"""An installed package needs a shared library that this system does not have.

## What it checks
Reads what the compiled modules of the installed packages ask for (ELF NEEDED) and looks for each library as the loader does:
`RPATH`, `RUNPATH` and `$ORIGIN`, `LD_LIBRARY_PATH`, the loader's cache, the standard folders of this architecture. Libraries that
the NVIDIA driver, a CUDA wheel or torch itself brings are judged elsewhere; those that OpenCV's windows need are `opencv-libgl`.

## Why it matters
The import stops with `libXYZ.so.N: cannot open shared object file: No such file or directory`. Behind
`numpy.core.multiarray failed to import` it is easily taken for a version conflict.

## Example
numpy from piwheels on a fresh Raspberry Pi OS: `libopenblas.so.0: cannot open shared object file`.

## Fix
The package of this distribution that holds the library, as a command for apt, dnf, pacman or apk.
"""

from typing import Dict, Iterator, List

from ...facts import Distributions, Facts, Host, NativeModules, Trials
from ...model import ERROR, WARNING, Finding
from ...registry import check
from ...text import Text
from ..vision._shared import OPENCV
from ._libraries import NOT_SYSTEM, missing_from_trial, system_remedy

EXPLAIN_ZH = """已安装的包需要某个共享库，而系统里没有。

## 检查什么
读取已安装包的编译模块需要哪些库（ELF NEEDED），并按加载器的规则查找：`RPATH`、`RUNPATH` 和 `$ORIGIN`、`LD_LIBRARY_PATH`、加载器缓存、
当前架构的标准目录。NVIDIA 驱动、CUDA wheel 和 torch 自带的库由其他检查负责；OpenCV 窗口需要的库归 `opencv-libgl`。

## 为什么重要
导入时会报 `libXYZ.so.N: cannot open shared object file: No such file or directory`。如果外面包着
`numpy.core.multiarray failed to import`，很容易被误认为是版本冲突。

## 示例
全新的树莓派系统上使用 piwheels 的 numpy：`libopenblas.so.0: cannot open shared object file`。

## 修复
安装本发行版中包含该库的软件包，报告会给出 apt、dnf、pacman 或 apk 的命令。
"""


@check(
    code="system-lib-missing",
    severity=ERROR,
    summary=Text(
        "An installed package needs a system library that is missing.",
        "缺少已安装的包所需的系统库。",
    ),
    message=Text(
        "{packages} needs {libraries}, which is not on this system.",
        "{packages} 需要 {libraries}，而系统里没有。",
    ),
    cause=Text(
        "Compiled modules of {packages} load {libraries}; the loader finds no such file, so their import fails.",
        "{packages} 的编译模块要加载 {libraries}，加载器找不到这些文件，导入会失败。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(NativeModules, Distributions, Host, Trials),
)
def system_lib_missing(facts: Facts, matrix) -> Iterator[Finding]:
    trials = facts.maybe(Trials)
    found: Dict[str, List[str]] = {}
    evidence: List[str] = []
    proved = False
    for stage in trials.stages if trials else ():
        for name in missing_from_trial(stage) if stage.name != "cv2" else ():
            found.setdefault(name, []).append(stage.name)
            evidence.append("import trial, %s: %s: cannot open shared object file" % (stage.name, name))
            proved = True
    native = facts.maybe(NativeModules) if proved else facts.need(NativeModules)
    for module in native.items if native else ():
        if module.distribution in OPENCV:
            continue
        names = [name for name in module.missing_libraries if not NOT_SYSTEM.match(name)]
        for name in names:
            if module.distribution not in found.setdefault(name, []):
                found[name].append(module.distribution)
        if names:
            evidence.append("%s: NEEDED %s" % (module.path, ", ".join(names)))
    if not found:
        return
    libraries = sorted(found)
    packages = sorted({name for names in found.values() for name in names})
    yield Finding(
        params={"libraries": ", ".join(libraries), "missing": libraries, "packages": ", ".join(packages)},
        evidence=tuple(evidence[:20]),
        severity=ERROR if proved or _central(packages) else WARNING,
        remedies=(system_remedy(libraries, facts.maybe(Host)),),
    )


def _central(packages: List[str]) -> bool:
    """Tell whether one of these is imported by every training run; other modules may be optional parts."""
    return any(
        name in ("torch", "numpy", "torchvision", "scipy", "pillow", "onnxruntime", "pandas") for name in packages
    )
