"""The system's C library (glibc) is older than an installed package needs.

## What it checks
Compares this system's glibc with the platform tags of the installed wheels (`manylinux_2_28` needs glibc 2.28) and
with the symbol versions that their compiled modules ask for.

## Why it matters
The import stops with ``/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.28' not found
``. pip avoids such wheels, so the environment was usually copied from a newer machine or built with `--platform`.

## Example
torch 2.7.0 (manylinux_2_28) in a container with CentOS 7 (glibc 2.17).

## Fix
Installs the newest releases whose wheels fit this glibc. glibc itself cannot be exchanged: the other way is a newer
release of the operating system, or a newer container image.
"""

import re
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ...facts import Distributions, Facts, Host, NativeModules, Python, Trials
from ...model import ERROR, WARNING, Finding, Install, Manual, MendTorch
from ...registry import Signature, check
from ...text import Text
from ...wheels.matrix import TRIO
from ...wheels.tags import glibc_of_tag

EXPLAIN_ZH = """系统的 C 库（glibc）比已安装的包要求的更旧。

## 检查什么
把系统的 glibc 与已安装 wheel 的平台标签（`manylinux_2_28` 需要 glibc 2.28）以及编译模块要求的符号版本比较。

## 为什么重要
导入时会报 ``/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.28' not found``。pip 本来会避开这样的 wheel，
所以多半是从更新的机器上复制来的环境，或者安装时用了 `--platform`。

## 示例
在 CentOS 7（glibc 2.17）容器里使用 torch 2.7.0（manylinux_2_28）。

## 修复
安装 wheel 与当前 glibc 相符的最新版本。glibc 本身不能单独替换，另一条路是升级系统，或换用更新的容器镜像。
"""

NEWER_SYSTEM = Text(
    "Use a release of {packages} that was built for an older system, build it here, or use a system or container image "
    "with glibc {needed} or newer.",
    "换用为更旧系统构建的 {packages}，或者在本机编译，或者换用 glibc {needed} 及以上的系统或容器镜像。",
)


SIGNATURES = (
    Signature(
        r"version [`'\"]GLIBC_(?P<needed>\d\.\d+)['\"] not found(?: \(required by (?P<path>[^)\n]{2,300})\))?",
        outranks=("system-lib-missing", "extension-abi-mismatch"),
    ),
    Signature(r"version [`'\"](?P<needed>GLIBC_ABI_\w{2,20})['\"] not found", outranks=("system-lib-missing",)),
    Signature(r"GLIBC_(?P<needed>2\.\d+)\W{0,3}(?:not found|is missing|未找到|找不到)", "medium"),
    Signature(
        r"(?:requires?|need[s]?) (?:at least )?(?:a )?glibc(?: version)?(?: of)? ?(?:at least ?|>= ?)?"
        r"(?P<needed>2\.\d+)|"
        r"glibc version (?:to be |of |must be |should be )?(?:at least|>=|newer than|higher than) ?(?P<least>2\.\d+)|"
        r"glibc (?:version )?\(?(?P<found>2\.\d+)\)? .{0,40}(?:is )?(?:too old|not supported|older than)|"
        r"\b(?:your|system|the) glibc .{0,30}(?:is )?too old",
        "medium",
    ),
    # a library that was linked against a newer one
    Signature(r"undefined reference to [`'\"]\w{2,60}@@?GLIBC_(?P<needed>2\.\d+)", "medium"),
    # told in words
    Signature(
        r"glibc ?(?:的)?版本(?:太低|过低|太旧|较低)|glibc (?:is )?too old",
        "low",
    ),
)


@check(
    code="glibc-too-old",
    severity=ERROR,
    summary=Text("The system's glibc is too old for an installed package.", "系统的 glibc 对已安装的包来说过旧。"),
    message=Text(
        "{packages} needs glibc {needed}; this system has {glibc}.",
        "{packages} 需要 glibc {needed}，而系统是 {glibc}。",
    ),
    cause=Text(
        "The compiled modules of {packages} were made for glibc {needed} and newer; with {glibc} they cannot be "
        "loaded.",
        "{packages} 的编译模块要求 glibc {needed} 及以上，在 {glibc} 上无法加载。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Distributions, Python, Host, NativeModules, Trials),
    signatures=SIGNATURES,
)
def glibc_too_old(facts: Facts, matrix) -> Iterator[Finding]:
    python, host = facts.find(Python), facts.maybe(Host)
    libc = python.libc_version if python is not None and python.libc == "glibc" else None
    if libc is None and host is not None and host.libc == "glibc":
        libc = host.libc_version
    if libc is None:
        return
    trials = facts.maybe(Trials)
    torch = trials.stage("torch") if trials else None
    native = facts.maybe(NativeModules)
    needs: Dict[str, Tuple[str, str]] = {}
    for item in facts.need(Distributions).items:
        floor = floor_of(item.tags)
        if floor is not None and _numbers(floor) > _numbers(libc):
            needs[item.name] = (floor, "%s: %s" % (item.folder, ", ".join(item.tags[:2])))
    symbols = {module.distribution for module in (native.items if native else ()) if module.glibc}
    for module in native.items if native else ():
        if module.glibc and _numbers(module.glibc) > _numbers(libc):
            needs[module.distribution] = (module.glibc, "%s: GLIBC_%s" % (module.path, module.glibc))
        elif module.distribution in needs and module.glibc and not _asks(native, module.distribution, libc):
            needs.pop(module.distribution)  # the tag is stricter than the code: a symbol table was read, and it fits
    if torch is not None and torch.status == "ok":
        needs.pop("torch", None)
    if not needs:
        return
    names = sorted(needs)
    needed = max((floor for floor, _ in needs.values()), key=_numbers)
    remedies: List[Any] = [MendTorch()] if set(names) & set(TRIO) else []
    # of others nobody knows which release was built for an older system
    remedies.extend(Install(name) for name in names if name not in TRIO and matrix is not None and matrix.knows(name))
    yield Finding(
        params={"packages": ", ".join(names), "distributions": names, "needed": needed, "glibc": libc},
        evidence=tuple(text for _, text in needs.values())[:20],
        severity=ERROR if symbols & set(names) or set(names) & {"torch", "torchvision", "numpy"} else WARNING,
        remedies=tuple(remedies) + (Manual(NEWER_SYSTEM),),
    )


def _asks(native: Any, name: str, libc: str) -> bool:
    return any(one.distribution == name and one.glibc and _numbers(one.glibc) > _numbers(libc) for one in native.items)


def floor_of(tags: Tuple[str, ...]) -> Optional[str]:
    """Return the lowest glibc that any of a wheel's tags accepts; None for wheels that name none."""
    floors = [glibc_of_tag(tag.split("-")[-1]) for tag in tags]
    return min((floor for floor in floors if floor), key=_numbers, default=None)


def _numbers(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
