"""OpenCV needs system libraries for its windows (libGL, GLib, X11), and they are not on this machine.

## What it checks
Reads which shared libraries the installed `cv2` module asks for (ELF NEEDED) and looks for each one where the
loader will: beside the module, in the loader's cache, in the standard folders. The import trial counts where one
ran.

## Why it matters
`import cv2` stops with `ImportError: libGL.so.1: cannot open shared object file`. It is the first thing that fails
in slim containers and on servers without a desktop.

## Example
`opencv-python 4.9.0.80` in `python:3.11-slim`: libGL.so.1 and libgthread-2.0.so.0 are missing.

## Fix
Where nothing needs windows and no package asks for `opencv-python` by name: the headless build of the same version,
which needs none of these libraries. Otherwise, and on a 32-bit Raspberry Pi, whose headless builds need most of them
too, the system packages, with the command for this distribution.
"""

from typing import Any, Iterator, List

from ...facts import Distributions, Facts, Host, NativeModules, Project, Python, Trials
from ...model import ERROR, Finding, KeepOne, Manual
from ...registry import Signature, check
from ...text import Text
from ..host._libraries import missing_from_trial, system_remedy
from ._shared import OPENCV, asked_for, installed, uses

EXPLAIN_ZH = """OpenCV 的窗口功能需要系统库（libGL、GLib、X11），而本机没有。

## 检查什么
读取已安装的 `cv2` 模块需要哪些共享库（ELF NEEDED），按加载器的规则逐个查找：模块旁边、加载器缓存、标准目录。做过导
入试验时以试验结果为准。

## 为什么重要
`import cv2` 会报 `ImportError: libGL.so.1: cannot open shared object file`。精简容器和没有桌面的服务器上最常见。

## 示例
在 `python:3.11-slim` 里使用 `opencv-python 4.9.0.80`：缺少 libGL.so.1 和 libgthread-2.0.so.0。

## 修复
不需要窗口、也没有别的包点名依赖 `opencv-python` 时，换成同版本的 headless 版，它不需要这些库。否则安装系统包，报告
会给出本发行版的命令；32 位树莓派上的 headless 版同样需要其中大部分库，也安装系统包。
"""

HEADLESS_INSTEAD = Text(
    "Without windows, the headless build needs none of these: {headless}.",
    "不需要窗口时，headless 版不依赖这些库：{headless}。",
)
SYSTEM_INSTEAD = Text(
    "The other way, which needs root: install the system packages {system_packages}.",
    "另一种办法需要 root：安装系统包 {system_packages}。",
)


SIGNATURES = (
    Signature(
        r"(?P<library>libGL\.so\.1|libgthread-2\.0\.so\.0|libGLX\w*\.so\.\d|"
        r"libEGL\.so\.1): cannot open (?:shared )?object file",
        outranks=("system-lib-missing",),
    ),
    Signature(
        r"import .{0,20}\bcv2\b.{0,40}\n(?:[\s^~]{1,80}\n)?ImportError: (?P<library>libOpenGL\.so\.\d): cannot open",
        outranks=("system-lib-missing",),
    ),
    Signature(
        r"(?P<library>lib(?:SM|Xext|Xrender|X11|ICE|xcb)\.so\.\d|"
        r"libglib-2\.0\.so\.0): cannot open shared object file",
        outranks=("system-lib-missing",),
    ),
    Signature(
        r"(?:has no installation candidate|Unable to locate package|没有可安装候选|"
        r"无法定位软件包).{0,40}libgl1-mesa-glx|libgl1-mesa-glx['’ ]{0,3}(?:has no "
        r"installation candidate|没有可安装候选)",
        "medium",
    ),
    Signature(r"Unable to locate package libgl1-mesa-glx|无法定位软件包 libgl1-mesa-glx", "medium"),
)


@check(
    code="opencv-libgl",
    severity=ERROR,
    summary=Text(
        "OpenCV needs system libraries for windows (libGL and others) that are missing.",
        "缺少 OpenCV 窗口功能需要的系统库（libGL 等）。",
    ),
    message=Text(
        "{package} needs {libraries}, which this machine does not have: import cv2 fails.",
        "{package} 需要 {libraries}，而本机没有，import cv2 会失败。",
    ),
    cause=Text(
        "{package} is the build with windows; it loads {libraries}, and the loader finds no such file here.",
        "{package} 是带窗口的版本，会加载 {libraries}，而加载器在本机找不到这些文件。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Distributions, NativeModules, Project, Python, Host, Trials),
    signatures=SIGNATURES,
)
def opencv_libgl(facts: Facts, matrix) -> Iterator[Finding]:
    found = installed(facts, OPENCV)
    if not found:
        return
    trials = facts.maybe(Trials)
    stage = trials.stage("cv2") if trials else None
    if stage is not None and stage.status == "ok":
        return
    missing = missing_from_trial(stage)
    evidence: List[str] = ["import cv2: %s: cannot open shared object file" % name for name in missing]
    # the import names the first one only, the file all of them
    native = facts.maybe(NativeModules) if missing else facts.need(NativeModules)
    for module in native.items if native else ():
        if module.distribution in OPENCV and module.missing_libraries:
            missing.extend(name for name in module.missing_libraries if name not in missing)
            evidence.append("%s: NEEDED %s" % (module.path, ", ".join(module.missing_libraries)))
    if not missing:
        return
    item = found[0]
    host = facts.maybe(Host)
    headless = item.name.replace("opencv-python", "opencv-python-headless").replace(
        "opencv-contrib-python", "opencv-contrib-python-headless"
    )
    keep = "%s==%s" % (headless, item.version) if item.version else headless
    system = system_remedy(missing, host)
    windows = any(use.detail.get("kind") == "window" and "guard" not in use.detail for use in uses(facts, "cv2."))
    # piwheels links its headless builds with FFmpeg and GTK as well, and has few of them
    lighter = "headless" not in item.name and not windows and not _on_piwheels(facts)
    swap = lighter and len(found) == 1 and item.name not in asked_for(facts, OPENCV)
    remedies: List[Any] = [KeepOne((item.name,), keep), Manual(SYSTEM_INSTEAD)] if swap else [system]
    if lighter and not swap:
        remedies.append(Manual(HEADLESS_INSTEAD))
    packages = getattr(system, "commands", ())
    yield Finding(
        params={
            "package": "%s %s" % (item.name, item.version),
            "libraries": ", ".join(missing),
            "missing": list(missing),
            "headless": keep,
            "system_packages": " ".join(packages[-1][3:]) if packages else ", ".join(missing),
        },
        evidence=tuple(evidence),
        remedies=tuple(remedies),
    )


def _on_piwheels(facts: Facts) -> bool:
    """Tell whether the target takes its OpenCV from piwheels: the index has none for 32-bit ARM."""
    python = facts.maybe(Python)
    return python is not None and python.platform.startswith("linux_arm")
