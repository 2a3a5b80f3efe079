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
`doctor fix --only pi-wheel-available --apply` downloads the files, saves them under the names that pip accepts and
installs them; `doctor pi` prints them with their addresses. Community builds are named as such.
"""

from typing import Dict, Iterator, List

from ...facts import Board, Cpu, Distributions, Facts, Host, Interpreters, Project, Python
from ...model import Finding, Install
from ...registry import check
from ...text import Text
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
`doctor fix --only pi-wheel-available --apply` 会下载文件、以 pip 接受的文件名保存并安装；`doctor pi` 会列出文件和地
址。社区构建会注明。
"""

#: import name -> project that provides it; the usual one where several do
PROVIDERS: Dict[str, str] = {
    "cv2": "opencv-python",
    "onnxruntime": "onnxruntime",
    "tflite_runtime": "tflite-runtime",
    "ai_edge_litert": "ai-edge-litert",
    "ncnn": "ncnn",
    "torch": "torch",
    "torchvision": "torchvision",
}
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")


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
    fitting = [name for name in wanted if solve(matrix, target, [name]).fits]
    if not fitting:
        return
    solved = solve(matrix, target, fitting)
    if not solved.fits:
        return
    wheels = [wheel(build) for build in solved.chosen]
    moved = [item for item in wheels if not (item.name == "numpy" and solved.keeps_numpy)]
    yield Finding(
        params={
            "names": ", ".join(fitting),
            "files": ", ".join(item.filename for item in moved),
            "python": python.executable,
            "platform": python.platform,
            "missing": fitting,
        },
        evidence=tuple("%s: %s" % (item.filename, item.url or item.source) for item in moved),
        remedies=tuple(Install(item.name, "==" + item.version.partition("+")[0]) for item in moved),
    )


def _wanted(facts: Facts, installed: set) -> List[str]:
    """Return the projects that are used here and that the target lacks."""
    found: List[str] = []
    project = facts.maybe(Project)
    if project is not None:
        found += [item.name for item in project.requirements if item.name in set(PROVIDERS.values()) | set(OPENCV)]
        found += [PROVIDERS[module] for module in sorted(project.imports) if module in PROVIDERS]
    interpreters = facts.maybe(Interpreters)
    if interpreters is not None:
        held = {module for other in interpreters.items for module in other.modules}
        found += [PROVIDERS[module] for module in sorted(held - set(interpreters.target)) if module in PROVIDERS]
    wanted: List[str] = []
    for name in found:
        same = OPENCV if name in OPENCV else (name,)
        if not installed & set(same) and not set(wanted) & set(same):
            wanted.append(name)
    return wanted
