"""Modules of another Python leak into this one: PYTHONPATH, PYTHONHOME, the user's site folder, a sitecustomize.

## What it checks
Looks for `PYTHONPATH` entries that are the package folder of another Python or environment, for `PYTHONHOME`, for
packages of the user's site folder (`~/.local`) that stand in front of the environment's own, and for a
`sitecustomize` outside the Python and its environment. A PYTHONPATH that names the project's own source is fine.

## Why it matters
`import` takes the first copy it finds. A numpy of Python 3.8 found by Python 3.11 cannot load its compiled part,
and every repair of the environment changes nothing, because the broken copy lies elsewhere.

## Example
ROS sets `PYTHONPATH=/opt/ros/noetic/lib/python3/dist-packages`, and a virtual environment sees that cv2 first.

## Fix
Start without the variable (`env -u PYTHONPATH python train.py`), or take its line out of `~/.bashrc`; for the
user's site folder `PYTHONNOUSERSITE=1`.
"""

import re
from typing import Any, Dict, Iterator, List, Tuple

from ...facts import Distribution, Distributions, Environ, Facts, Project, Python
from ...model import NOTE, WARNING, Finding, Manual
from ...registry import check
from ...text import Text

EXPLAIN_ZH = """别的 Python 的模块混进了当前 Python：通过 PYTHONPATH、PYTHONHOME、用户 site 目录或 sitecustomize。

## 检查什么
查找指向其他 Python 或环境的包目录的 `PYTHONPATH`、`PYTHONHOME`，排在环境自身之前的用户 site 目录（`~/.local`）里的包，
以及不属于当前 Python 和环境的 `sitecustomize`。指向项目自身源码的 PYTHONPATH 没有问题。

## 为什么重要
`import` 取找到的第一份。Python 3.11 找到 Python 3.8 的 numpy 时无法加载编译部分；而且无论怎么修复环境都没用，因为坏
的那份在别处。

## 示例
ROS 设置了 `PYTHONPATH=/opt/ros/noetic/lib/python3/dist-packages`，虚拟环境会先看到那里的 cv2。

## 修复
去掉这个变量再启动（`env -u PYTHONPATH python train.py`），或删掉 `~/.bashrc` 里的那一行；用户 site 目录用
`PYTHONNOUSERSITE=1` 关闭。
"""

UNSET = Text(
    "Start without {variable}: env -u {variable} {python} …", "去掉 {variable} 再启动：env -u {variable} {python} …"
)
NO_USER = Text(
    "Start with PYTHONNOUSERSITE=1, or uninstall the copies in {path}.",
    "设置 PYTHONNOUSERSITE=1 再启动，或卸载 {path} 里的那些包。",
)
LOOK = Text("Look at {path}: it runs at every start of this Python.", "查看 {path}：这个 Python 每次启动都会执行它。")

USER_TITLE = Text(
    "Packages in {path} stand in front of the environment's own: {what}.", "{path} 里的包排在环境自身之前：{what}。"
)
CUSTOM_TITLE = Text("{path} runs at every start of this Python.", "{path} 会在这个 Python 每次启动时执行。")


@check(
    code="python-path-leak",
    severity=WARNING,
    summary=Text("Modules of another Python leak into this one.", "别的 Python 的模块混进了当前 Python。"),
    message=Text(
        "{variable} puts {path} in front of this Python's own packages.",
        "{variable} 让 {path} 排在当前 Python 自己的包前面。",
    ),
    cause=Text(
        "Imports look there first ({what}); a copy made for another Python may be found before the environment's own.",
        "导入时会先查找那里（{what}），可能会先找到为别的 Python 准备的那一份。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Python, Environ, Distributions, Project),
)
def python_path_leak(facts: Facts, matrix) -> Iterator[Finding]:
    python, environ = facts.need(Python), facts.maybe(Environ)
    home = environ.get("PYTHONHOME") if environ is not None else None
    if home and not _inside(home, (python.prefix, python.base_prefix)):
        yield _finding(python, "PYTHONHOME", home, "PYTHONHOME=%s" % home, Manual(UNSET))
    value = (environ.get("PYTHONPATH") if environ is not None else None) or ""
    foreign = [part for part in _split(value, python.platform) if _foreign(part, python)]
    if foreign:
        path = ", ".join(foreign)
        yield _finding(python, "PYTHONPATH", path, "PYTHONPATH=%s" % value, Manual(UNSET))
    distributions = facts.maybe(Distributions)
    if distributions is not None and python.user_site and python.user_site_enabled:
        leaked = _user_copies(python, distributions)
        if leaked:
            found = _finding(python, "PYTHONNOUSERSITE", python.user_site, ", ".join(leaked), Manual(NO_USER))
            yield Finding(found.params, tuple(leaked), found.remedies, WARNING, USER_TITLE)
    for path in python.customize:
        if not _inside(path, (python.prefix, python.base_prefix, "/usr/lib", "/etc")):
            found = _finding(python, "sitecustomize", path, path, Manual(LOOK))
            yield Finding(found.params, (path,), found.remedies, NOTE, CUSTOM_TITLE)


def _finding(python: Python, variable: str, path: str, what: str, remedy: Any) -> Finding:
    params = {"variable": variable, "path": path, "what": what, "python": python.executable}
    return Finding(params=params, evidence=(what,), remedies=(remedy,))


def _split(value: str, platform: str) -> List[str]:
    return [part for part in value.split(";" if platform.startswith("win") else ":") if part]


def _foreign(path: str, python: Python) -> bool:
    """Tell whether a folder is where another Python keeps its packages."""
    own = (python.prefix, python.user_site or "") + ((python.base_prefix,) if python.system_site_packages else ())
    if _inside(path, own):
        return False
    plain = path.replace("\\", "/").rstrip("/")
    return plain.endswith(("site-packages", "dist-packages")) or bool(
        re.search(r"/lib(?:64)?/python\d(?:\.\d+)?(?:/|$)", plain)
    )


def _inside(path: str, folders: Tuple[str, ...]) -> bool:
    plain = path.replace("\\", "/").rstrip("/")
    roots = [folder.replace("\\", "/").rstrip("/") for folder in folders if folder]
    return any(plain == root or plain.startswith(root + "/") for root in roots)


def _user_copies(python: Python, distributions: Distributions) -> List[str]:
    """Return packages that the user's site folder holds in front of another version in the environment."""
    seen: Dict[str, Distribution] = {}
    found = []
    for item in distributions.items:
        first = seen.setdefault(item.name, item)
        if first is not item and first.location == python.user_site and first.version != item.version:
            found.append("%s %s (%s) before %s" % (first.name, first.version, first.location, item.version))
    return found
