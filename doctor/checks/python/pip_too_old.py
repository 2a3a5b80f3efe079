"""pip is too old for the wheels that torch and its friends are published as.

## What it checks
Compares the version of the target Python's pip with the first one that knows the tags in today's file names:
`manylinux2014` (pip 19.3), `manylinux_2_28` and macOS 11 (pip 20.3), musl systems (pip 21.2); and with the first that
starts under Python 3.12 (pip 23.1.2).

## Why it matters
An old pip does not see such wheels at all. It reports `No matching distribution found`, picks a very old version, or
builds from source for hours and fails.

## Example
Raspberry Pi OS buster comes with pip 18.1: `pip install opencv-python` builds from source although a wheel exists.

## Fix
`python -m pip install --upgrade pip` in the virtual environment. Safe: only the environment changes. Python 3.7 gets
24.0, its newest.
"""

import re
from typing import Iterator, Optional, Tuple

from doctor.facts import Facts, Host, Python
from doctor.model import WARNING, Finding, Install, Manual
from doctor.registry import check
from doctor.text import Text

EXPLAIN_ZH = """pip 太旧，不认识 torch 等包现在发布的 wheel。

## 检查什么
把目标 Python 的 pip 版本与最早认识这些文件名标签的版本比较：`manylinux2014`（pip 19.3）、`manylinux_2_28` 和 macOS 11
（pip 20.3）、musl 系统（pip 21.2）；以及最早能在 Python 3.12 上启动的版本（pip 23.1.2）。

## 为什么重要
旧的 pip 根本看不到这些 wheel，会报 `No matching distribution found`，或装上一个很旧的版本，
或花几小时从源码编译最后失败。

## 示例
树莓派系统 buster 自带 pip 18.1：明明有 wheel，`pip install opencv-python` 却从源码编译。

## 修复
在虚拟环境里执行 `python -m pip install --upgrade pip`。只改动这个环境。Python 3.7 最高能用 24.0。
"""


def minimum_pip(python: Python, host: Optional[Host]) -> Tuple[str, str]:
    """Return the oldest pip that serves this Python here, and what it is needed for."""
    minor = tuple(int(part) for part in re.findall(r"\d+", python.minor)[:2])
    if minor >= (3, 12):
        return "23.1.2", "Python %s" % python.minor
    if python.platform.startswith("musllinux") or (host and host.libc == "musl"):
        return "21.2", "musllinux"
    if python.platform.startswith("macosx"):
        return "20.3", "macosx_11_0"
    if python.platform.startswith("linux"):
        if re.search(r"armv[67]l", python.platform):
            return "19.3", "manylinux2014"
        return "20.3", "manylinux_2_28"
    return "19.0", "PEP 517"


def _numbers(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[a-z+]", version, maxsplit=1)[0]))


@check(
    code="pip-too-old",
    severity=WARNING,
    summary=Text(en="pip is too old for today's wheels.", zh="pip 太旧，不认识现在的 wheel。"),
    message=Text(
        en="pip {pip} is too old: {reason} needs pip {minimum} or newer.",
        zh="pip {pip} 太旧：{reason} 需要 pip {minimum} 或更新。",
    ),
    cause=Text(
        en=(
            "pip {pip} passes over wheels it does not know ({reason}, since pip {minimum}) and builds from source "
            "or finds nothing."
        ),
        zh="pip {pip} 会忽略它不认识的 wheel（{reason}，pip {minimum} 起支持），于是从源码编译或提示找不到。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Python, Host),
)
def pip_too_old(facts: Facts, matrix) -> Iterator[Finding]:
    python = facts.need(Python)
    if not python.pip or not _numbers(python.pip):
        return
    minimum, reason = minimum_pip(python, facts.maybe(Host))
    if _numbers(python.pip) >= _numbers(minimum):
        return
    own = python.venv or python.conda
    newest = NEWEST.get(python.minor)
    yield Finding(
        params={
            "pip": python.pip,
            "minimum": minimum,
            "reason": reason,
            "python": python.version,
            "wanted": "pip<=" + newest if newest else "pip",
        },
        remedies=(Install("pip", ">=" + minimum + (",<=" + newest if newest else "")),) if own else (IN_A_VENV,),
    )


#: last pip for a Python that pip has left behind (pi_os of the matrix: newest_pip_for_this_python)
NEWEST = {"3.5": "20.3.4", "3.7": "24.0"}
IN_A_VENV = Manual(
    Text(
        en=(
            "Make a virtual environment and upgrade pip there: python3 -m venv ~/ml, then ~/ml/bin/python -m pip "
            "install -U '{wanted}'"
        ),
        zh="新建虚拟环境并在里面升级 pip：python3 -m venv ~/ml，然后 ~/ml/bin/python -m pip install -U '{wanted}'",
    )
)
