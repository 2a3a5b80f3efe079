"""A package that an old guide names does not exist on this release any more.

## What it checks
Error text of apt and pip: packages that guides for stretch and buster name and that later releases dropped, such as
`libqtgui4`, `libqt4-test`, `libjasper-dev`, `libatlas-base-dev`.

## Why it matters
Guides copy the same list from each other. None of these packages gives pip a wheel, and a missing one stops the whole
`apt install` line, so that the useful packages in it are not installed either.

## Example
`E: Package 'libqtgui4' has no installation candidate` on bullseye: Qt 4 is gone, and current OpenCV does not use it.

## Fix
Leave the package out. Where it has a successor: `libatlas-base-dev` (gone in trixie) is now `libopenblas-dev`,
`libgl1-mesa-glx` is `libgl1`, `libtiff5` and `libwebp6` are `libtiff6` and `libwebp7` from bookworm on.
`libjasper-dev`, `libqtgui4` and `libqt4-test` have none and are not needed.
"""

from ...model import Manual
from ...registry import Signature, text_check
from ...text import Text

EXPLAIN_ZH = """旧教程里的软件包在这个系统版本中已不存在。

## 检查什么
apt 和 pip 的报错文本：stretch、buster 时代的教程所列、后来的版本已删除的软件包，例如 `libqtgui4`、`libqt4-test`、
`libjasper-dev`、`libatlas-base-dev`。

## 为什么重要
教程之间互相抄同一份清单。这些包都不能让 pip 得到 wheel，而缺少其中一个会使整条 `apt install` 失败，有用的包也装不上。

## 示例
bullseye 上提示 `E: Package 'libqtgui4' has no installation candidate`：Qt 4 已被移除，新版 OpenCV 也不用它。

## 修复
去掉这个包。有替代的：`libatlas-base-dev`（trixie 中已删除）改为 `libopenblas-dev`，`libgl1-mesa-glx` 改为
`libgl1`，从 bookworm 起 `libtiff5`、`libwebp6` 改为 `libtiff6`、`libwebp7`。`libjasper-dev`、`libqtgui4`、
`libqt4-test` 没有替代，也不需要。
"""


_OLD = (
    r"(?:libjasper-dev|libjasper1|libqtgui4|libqt4-[\w-]+|libgl1-mesa-glx|libtbb2|libssl1\.1|libavcodec-extra\d+|"
    r"libjpeg8(?:-dev)?|libpng3|python-(?:numpy|scipy|matplotlib|imaging|tk|setuptools|virtualenv|smbus|serial|"
    r"rpi\.gpio)|libqtwebkit4|libatlas-base-dev|"
    r"libatlas3-base|libhdf5-\d+|libhdf5-serial-dev|python-pip|python-dev|python-opencv|"
    r"python3-distutils|libpng12-\w+|libtiff5|libtiff5-dev|libopenjp2-7|libilmbase\d+|"
    r"libopenexr\d+|libgstreamer0\.10-\w+|libdc1394-22-dev|libavresample-dev|qt4-\w+|"
    r"libgtk2\.0-dev|dphys-swapfile|libwebp6|libwebp-dev|python-picamera|libopenblas-base|"
    r"libxvidcore-dev|software-properties-common|python-software-properties)"
)
#: apt in Chinese, Spanish, German, French, Portuguese and Italian
_NOT_FOUND = (
    r"(?:无法定位软件包|無法找到套件|No se ha podido localizar el paquete|"
    r"Impossible de trouver le paquet|Impossível encontrar o pacote|Impossibile trovare il pacchetto)"
)
_NO_CANDIDATE = (
    r"(?:has no installation candidate|没有可安装候选|沒有可安裝的候選版本|no tiene un candidato|"
    r"kann nicht gefunden werden|existiert kein Installationskandidat|n'a pas de version susceptible|"
    r"não tem candidato|non ha candidati)"
)
#: What every release has cannot be found either: apt's lists were never fetched.
_NO_LISTS = (
    r"Package '?(?:cmake|git|curl|wget|build-essential|python3-(?:pip|numpy))'? has no installation|"
    r"Unable to locate package (?:cmake|git|curl|wget|build-essential|python3-(?:pip|numpy))\b",
)
SIGNATURES = (
    Signature(r"Unable to locate package (?P<package>" + _OLD + r")\b", unless=_NO_LISTS),
    Signature(_NOT_FOUND + r" ?(?P<package>" + _OLD + r")\b", unless=_NO_LISTS),
    Signature(r"(?P<package>\b" + _OLD + r")\W{1,3}" + _NO_CANDIDATE, unless=_NO_LISTS),
    Signature(r"Unable to locate package (?P<package>[\w.+-]{2,60})", "low"),
    Signature(_NOT_FOUND + r" ?(?P<package>[\w.+-]{2,60})", "low"),
    Signature(
        r"The '(?P<package>sklearn)' PyPI package is deprecated|"
        r"You tried to install \"pytorch\"\. The package named for PyTorch is|"
        r"The \"?tensorflow-gpu\"? package has been removed"
    ),
    Signature(
        r"(?P<library>libbcm_host|libmmal\w*)\.so\S{0,4} cannot open shared object file",
        outranks=("system-lib-missing",),
    ),
    Signature(r"Cannot determine SOC peripheral base address", "medium"),
    Signature(r"libatlas-base-dev|libjasper-dev|libqtgui4", "low", requires=(r"^E: ",)),
    # told in words
    Signature(
        r"lib(?:jasper|atlas-base|qtgui4|qt4|hdf5-10|tiff5|python2).{0,20} .{0,20}(?:no longer|removed|missing|gone|"
        r"not available)",
        "low",
    ),
    Signature(
        r"libjasper-dev|libqtgui4|libqt4-test|libatlas-base-dev",
        "low",
        requires=(r"could ?n[o']t|can ?n[o']t|can't|not find|problem|unable|fail",),
        unless=(r"cannot open shared object",),
    ),
)


text_check(
    __name__,
    __doc__,
    severity="warning",
    summary=Text("A package of an old guide does not exist on this release", "旧教程里的软件包在这个系统版本中不存在"),
    cause=Text(
        "The guide was written for an older release; later ones dropped the package, mostly without a successor.",
        "教程是为旧版本系统写的，后来的版本删除了该软件包，多数没有替代。",
    ),
    explain_zh=EXPLAIN_ZH,
    signatures=SIGNATURES,
    remedies=(
        Manual(
            Text(
                "Leave libqtgui4, libqt4-test and libjasper-dev out; take libopenblas-dev for libatlas-base-dev, "
                "libgl1 for libgl1-mesa-glx.",
                "去掉 libqtgui4、libqt4-test、libjasper-dev；libatlas-base-dev 改用 libopenblas-dev，"
                "libgl1-mesa-glx 改用 libgl1。",
            )
        ),
    ),
)
