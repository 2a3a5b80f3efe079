"""The system's C++ library (libstdc++) is older than an installed package needs.

## What it checks
Compares the highest `GLIBCXX_3.4.N` that the system's `libstdc++.so.6` offers with what compiled modules of the
installed packages ask for.

## Why it matters
The import stops with ``libstdc++.so.6: version `GLIBCXX_3.4.29' not found
``. The commonest way there: a package compiled here with a newer gcc, or an `LD_LIBRARY_PATH` that puts an old copy
in front.

## Example
An extension built with gcc 12 (GLIBCXX_3.4.30) on Ubuntu 20.04 (up to GLIBCXX_3.4.28).

## Fix
A newer libstdc++: from the distribution's newer gcc packages, or conda's `libstdcxx-ng` in a conda environment; or
build the extension with the system's own compiler.
"""

import re
from typing import Iterator, List, Tuple

from ...facts import Environ, Facts, Host, NativeModules, Python, Trials
from ...model import ERROR, Finding, Manual
from ...registry import Signature, check
from ...text import Text

EXPLAIN_ZH = """系统的 C++ 库（libstdc++）比已安装的包要求的更旧。

## 检查什么
把系统 `libstdc++.so.6` 提供的最高 `GLIBCXX_3.4.N` 与已安装包的编译模块所要求的版本比较。

## 为什么重要
导入时会报 ``libstdc++.so.6: version `GLIBCXX_3.4.29' not found``。最常见的原因是用更新的 gcc 编译了扩展，
或者 `LD_LIBRARY_PATH` 让旧的一份排在了前面。

## 示例
在 Ubuntu 20.04（最高 GLIBCXX_3.4.28）上使用 gcc 12 编译的扩展（GLIBCXX_3.4.30）。

## 修复
换用更新的 libstdc++：发行版的新版 gcc 软件包，或者 conda 环境里的 `libstdcxx-ng`；也可以用系统自带的编译器重新编译
扩展。
"""

NEWER = Text(
    "Install a newer libstdc++ (conda: conda install -c conda-forge libstdcxx-ng; Ubuntu: the ubuntu-toolchain-r "
    "archive), or rebuild {packages} with the system's compiler.",
    "安装更新的 libstdc++（conda：conda install -c conda-forge libstdcxx-ng；Ubuntu：ubuntu-toolchain-r 源），"
    "或者用系统编译器重新编译 {packages}。",
)
STRAY = Text(
    "LD_LIBRARY_PATH is set ({path}): an older libstdc++ there comes first. Try without it.",
    "设置了 LD_LIBRARY_PATH（{path}），那里较旧的 libstdc++ 会被优先加载。请去掉它再试。",
)


SIGNATURES = (
    Signature(
        r"version [`'\"](?P<needed>(?:GLIBCXX|CXXABI)_[\d.]+)['\"] not found(?: \(required by "
        r"(?P<path>[^)\n]{2,300})\))?",
        outranks=("system-lib-missing",),
    ),
    Signature(
        r"undefined symbol: (?:_ZSt28__throw_bad_array_new_lengthv|\S{3,200}, version (?P<needed>GLIBCXX_[\d.]+))",
        outranks=("extension-abi-mismatch", "system-lib-missing", "torch-broken"),
    ),
    Signature(
        r"(?P<needed>(?:GLIBCXX_3\.4|CXXABI_1\.3)\.\d+)\W{0,3}(?:not found|is missing|未找到|找不到)",
        "medium",
        outranks=("system-lib-missing",),
    ),
    # told in words
    Signature(
        r"libstdc\+\+ ?(?:的)?版本(?:太低|过低|太旧)|"
        r"libstdc\+\+.{0,20} (?:is )?(?:too old|outdated)|"
        r"缺少 ?(?P<missing>GLIBCXX_3\.4\.\d+)",
        "low",
    ),
)


@check(
    code="libstdcxx-too-old",
    severity=ERROR,
    summary=Text(
        "The system's libstdc++ is too old for an installed package.",
        "系统的 libstdc++ 对已安装的包来说过旧。",
    ),
    message=Text(
        "{packages} needs {needed}; this system's libstdc++ offers up to {glibcxx}.",
        "{packages} 需要 {needed}，而系统的 libstdc++ 最高只有 {glibcxx}。",
    ),
    cause=Text(
        "{packages} was compiled with a newer C++ library: it asks for {needed}, and libstdc++.so.6 here ends at "
        "{glibcxx}.",
        "{packages} 是用更新的 C++ 库编译的，需要 {needed}，而这里的 libstdc++.so.6 只到 {glibcxx}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(NativeModules, Host, Python, Environ, Trials),
    signatures=SIGNATURES,
)
def libstdcxx_too_old(facts: Facts, matrix) -> Iterator[Finding]:
    native, host, python = facts.need(NativeModules), facts.need(Host), facts.maybe(Python)
    if host.glibcxx is None or (python is not None and python.conda):
        return  # a conda environment brings its own libstdc++
    offered = _number(host.glibcxx)
    wanting = [one for one in native.items if one.glibcxx and _number(one.glibcxx) > offered]
    trials = facts.maybe(Trials)
    fine = {stage.name for stage in (trials.stages if trials else ()) if stage.status == "ok"}
    wanting = [one for one in wanting if one.distribution not in fine]
    if not wanting:
        return
    names = sorted({one.distribution for one in wanting})
    needed = max((one.glibcxx or "" for one in wanting), key=_number)
    environ = facts.maybe(Environ)
    stray = environ.get("LD_LIBRARY_PATH") if environ is not None else None
    remedies: List[Manual] = [Manual(NEWER)] + ([Manual(STRAY)] if stray else [])
    yield Finding(
        params={"packages": ", ".join(names), "needed": needed, "glibcxx": host.glibcxx, "path": stray},
        evidence=tuple("%s: %s" % (one.path, one.glibcxx) for one in wanting[:20]),
        remedies=tuple(remedies),
    )


def _number(symbol: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", symbol))
