"""Several OpenCV packages share one folder, or the one that is there is not the one the project needs.

## What it checks
`opencv-python`, `opencv-python-headless` and the two `contrib` packages all install the folder `cv2`; only one may
be there. Looks for several of them, for different versions among them, and for files that one has written over
another's. Also says when only a headless build is installed and the project opens windows with `cv2.imshow`.

## Why it matters
pip installs them side by side without a word. The later one overwrites the earlier; uninstalling either deletes
files of both, and `import cv2` then gives `module 'cv2' has no attribute 'imread'`.

## Example
`ultralytics` brings `opencv-python`, `albumentations` brings `opencv-python-headless`: both are in the environment.

## Fix
Removes all of them, then installs the one to keep: contrib if the project uses its modules, the package that others
ask for by name, the build with windows where the project opens them. Removing only one is not enough: it takes the
other's files along.
"""

from typing import Any, Dict, Iterator, List

from ...facts import Distribution, Distributions, Facts, Host, NativeModules, Project, Python, Trials
from ...model import ERROR, NOTE, WARNING, Finding, KeepOne, Manual
from ...registry import Signature, check
from ...text import Text
from ._shared import OPENCV, asked_for, installed, lines, newest, ownership, uses

EXPLAIN_ZH = """多个 OpenCV 包共用一个目录，或者安装的不是项目需要的那一个。

## 检查什么
`opencv-python`、`opencv-python-headless` 和两个 `contrib` 包都会安装到 `cv2` 目录，只能保留一个。检查是否同时装了多
个、版本是否不同、文件是否被互相覆盖。如果只装了 headless 版而项目用 `cv2.imshow` 开窗口，也会提示。

## 为什么重要
pip 会默默地把它们装在一起。后装的覆盖先装的；卸载任何一个都会删掉两边的文件，之后 `import cv2` 就会报
`module 'cv2' has no attribute 'imread'`。

## 示例
`ultralytics` 依赖 `opencv-python`，`albumentations` 依赖 `opencv-python-headless`，结果两个都装上了。

## 修复
全部卸载，再安装要保留的那一个：项目用到 contrib 模块就留 contrib，否则留被其他包点名依赖的，需要开窗口就留带界面的
版本。只卸载其中一个不行，会把另一个的文件一起删掉。
"""

HEADLESS_TITLE = Text(
    "{packages} has no windows, and the project calls {call}.",
    "{packages} 不带窗口功能，而项目调用了 {call}。",
)
HEADLESS_CAUSE = Text(
    'Headless builds of OpenCV leave {call} out; the call stops with "The function is not implemented". '
    "It matters only where a screen is used.",
    "headless 版 OpenCV 没有 {call}，调用时会报 “The function is not implemented”。只有需要显示窗口时才有影响。",
)
INSTALL_WINDOWS = Text(
    "If you want windows: pip uninstall -y {packages}, then pip install {keep}.",
    "如果需要显示窗口：先 pip uninstall -y {packages}，再 pip install {keep}。",
)


SIGNATURES = (
    Signature(
        r"module 'cv2' has no attribute '(?P<name>__version__|imread|imwrite|imshow|resize|"
        r"cvtColor|VideoCapture|VideoWriter|rectangle|putText|waitKey|"
        r"setNumThreads|ocl|dnn|utils|destroyAllWindows|imdecode|imencode|INTER_\w+|COLOR_\w+|"
        r"IMREAD_\w+|FONT_\w+|CV_8U|gapi\w*|data|redirectError|typing)'",
    ),
    Signature(r"partially initialized module 'cv2' has no attribute '(?P<name>\w+)'"),
    # mistral_common says so and goes on
    Signature(r"Your installation of OpenCV appears to be broken", "low", warning=True),
    Signature(
        r"(?<!be broken: )module 'cv2\.(?:dnn|gapi|mat_wrapper|utils|ximgproc|aruco|xfeatures2d|legacy|face|"
        r"dnn_superres|videoio_registry|cuda|ml|ocl)' has no attribute '(?P<name>\w+)'"
    ),
    Signature(r"module 'cv2\.cv2' has no attribute '(?P<name>(?!cv')\w+)'", "medium"),
    Signature(r"recursion is detected during loading of .?cv2.? binary extensions"),
    Signature(r"OpenCV loader: missing configuration file"),
    Signature(
        r"The function is not implemented\. Rebuild the library with Windows, GTK\+ ?2?",
        cause=Text(
            "The OpenCV that is imported has no windows: opencv-python-headless is installed, alone or over "
            "opencv-python.",
            "实际导入的 OpenCV 不带窗口功能：装的是 opencv-python-headless，或者它覆盖了 opencv-python 的文件。",
        ),
    ),
    Signature(
        r"Could not load the Qt platform plugin .{0,20} in .{0,200}cv2/qt/plugins",
        "medium",
        outranks=("system-lib-missing",),
    ),
    Signature(r"module 'cv2' has no attribute '(?P<name>\w+)'", "low"),
    Signature(
        r"module 'cv2' has no attribute '(?P<name>xfeatures2d|ximgproc|aruco|face|legacy|bgsegm|"
        r"TrackerCSRT_create|SIFT_create|saliency|text|freetype)'",
        "medium",
    ),
)


@check(
    code="opencv-conflict",
    severity=ERROR,
    summary=Text(
        "Several OpenCV packages share the cv2 folder, or the build does not suit the project.",
        "多个 OpenCV 包共用 cv2 目录，或者版本类型不适合项目。",
    ),
    message=Text(
        "{packages} share one folder; only one of them may be installed.",
        "{packages} 共用同一个目录，只能安装其中一个。",
    ),
    cause=Text(
        "All of them install the folder cv2. What imports now is a mixture, and uninstalling one deletes files of "
        "the others. Keep {keep}.",
        "它们都安装到 cv2 目录，现在导入的是混合文件，卸载一个会删掉其他包的文件。保留 {keep}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Distributions, NativeModules, Project, Python, Host, Trials),
    signatures=SIGNATURES,
)
def opencv_conflict(facts: Facts, matrix) -> Iterator[Finding]:
    found = installed(facts, OPENCV)
    if not found:
        return
    windows = [use for use in uses(facts, "cv2.") if use.detail.get("kind") == "window" and "guard" not in use.detail]
    if len(found) == 1:
        if "headless" in found[0].name and windows:
            yield _headless(facts, found[0], windows)
        return
    owned = ownership(facts, "cv2")
    versions = sorted({item.version or "?" for item in found})
    changed = [item for item in owned.values() if item.changed or item.missing]
    trials = facts.maybe(Trials)
    stage = trials.stage("cv2") if trials else None
    failed = stage is not None and stage.status in ("failed", "crashed")
    keep = _keep(facts, found)
    yield Finding(
        params={
            "packages": ", ".join("%s %s" % (item.name, item.version) for item in found),
            "distributions": [item.name for item in found],
            "versions": versions,
            "keep": keep,
            "overwritten": sorted(item.distribution for item in changed),
        },
        evidence=tuple("%s: %s" % (item.folder, "cv2/") for item in found)
        + lines(owned)
        + (("import cv2: %s" % (stage.text.strip().splitlines() or [stage.status])[-1],) if failed and stage else ()),
        severity=ERROR if failed or len(versions) > 1 or changed else WARNING,
        remedies=(KeepOne(tuple(item.name for item in found), keep),),
    )


def _keep(facts: Facts, found: List[Distribution]) -> str:
    """Return the requirement to keep: what covers every use, then what others ask for by name."""
    wanted = asked_for(facts, OPENCV)
    contrib = any("contrib" in item.name for item in found) and bool(
        [use for use in uses(facts, "cv2.") if use.detail.get("kind") == "contrib"]
        or [name for name in wanted if "contrib" in name]
    )
    windows = any(use.detail.get("kind") == "window" for use in uses(facts, "cv2."))
    names = {item.name for item in found}

    def cost(item: Distribution) -> Any:
        headless = "headless" in item.name
        return (
            contrib != ("contrib" in item.name),
            windows and headless,
            # both asked for: the full build answers for the headless one, not the other way round
            item.name not in wanted,
            headless if len(names & set(wanted)) != 1 else False,
            OPENCV.index(item.name),
        )

    best = min(found, key=cost)
    version = newest(found)
    return "%s==%s" % (best.name, version) if version else best.name


def _headless(facts: Facts, item: Distribution, windows: List[Any]) -> Finding:
    full = item.name.replace("-headless", "")
    params: Dict[str, Any] = {
        "packages": "%s %s" % (item.name, item.version),
        "distributions": [item.name],
        "call": windows[0].name,
        "keep": "%s==%s" % (full, item.version) if item.version else full,
        "overwritten": [],
    }
    asked = asked_for(facts, OPENCV)
    project = facts.maybe(Project)
    # a server without a screen is the usual place for a headless build: worth knowing, nothing more
    severity = WARNING if project and project.chosen and full in asked and item.name not in asked else NOTE
    return Finding(
        params=params,
        evidence=tuple(str(use.where) for use in windows[:5]),
        severity=severity,
        title=HEADLESS_TITLE,
        cause=HEADLESS_CAUSE,
        remedies=(Manual(Text(*(part.replace("{packages}", item.name) for part in INSTALL_WINDOWS))),),
    )
