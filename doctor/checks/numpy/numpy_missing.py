"""numpy is not installed, and an installed package needs it.

## What it checks
Looks for numpy in the target Python, and for what needs it: packages whose Requires-Dist names numpy, torch (its
`.numpy()` and `from_numpy` bridge), and the project's own imports.

## Why it matters
torch names numpy in no requirement since 1.9, so pip does not install it. `import torch` then warns
`Failed to initialize NumPy: No module named 'numpy'`, and the first `tensor.numpy()` stops with
`Numpy is not available`.

## Example
A fresh environment with `pip install torch` and nothing else, and a `train.py` that imports numpy.

## Fix
Installs the newest numpy that fits this torch, this Python and everything else installed.
"""

from typing import Iterator

from ...demands import demands_on, environment
from ...facts import Distributions, Facts, Host, Project, Python, Trials
from ...model import ERROR, WARNING, Finding, Install
from ...registry import Signature, check
from ...text import Text
from ._numpy import NEEDS, best, limits

EXPLAIN_ZH = """没有安装 numpy，而已安装的包需要它。

## 检查什么
查看目标 Python 里有没有 numpy，以及谁需要它：Requires-Dist 写了 numpy 的包、torch（`.numpy()` 和 `from_numpy`），还
有项目自己的 import。

## 为什么重要
torch 从 1.9 起不再声明 numpy 依赖，pip 不会自动安装。`import torch` 只会警告
`Failed to initialize NumPy: No module named 'numpy'`，第一次调用 `tensor.numpy()` 才报 `Numpy is not available`。

## 示例
新建环境后只执行了 `pip install torch`，而 `train.py` 里有 `import numpy`。

## 修复
安装适合当前 torch、Python 和其他已装包的最新 numpy。
"""


SIGNATURES = (
    Signature(r"Failed to initialize NumPy: No module named 'numpy'", "medium"),
    Signature(
        r"(?:ModuleNotFoundError|ImportError): No module named '?numpy'?\s*$",
        "medium",
        outranks=("module-in-other-env",),
    ),
    Signature(r"Unable to import required dependencies: numpy: No module named", outranks=("module-in-other-env",)),
    Signature(r"RuntimeError: Numpy is not available", "medium", requires=(r"No module named 'numpy'",)),
    Signature(
        r"(?:RuntimeError|ImportError).{0,40}(?:requires|needs) numpy to be installed|"
        r"PyTorch was compiled without NumPy support",
        "medium",
    ),
)


@check(
    code="numpy-missing",
    severity=ERROR,
    summary=Text("numpy is missing beside packages that need it.", "缺少 numpy，而已安装的包需要它。"),
    message=Text("numpy is not installed; needed by {packages}.", "没有安装 numpy，但 {packages} 需要它。"),
    cause=Text(
        "{packages} use numpy, and the target Python has none. torch does not ask pip for it.",
        "{packages} 要用 numpy，而目标 Python 里没有；torch 也不会让 pip 自动安装它。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=NEEDS + (Trials,),
    remedies=(Install("numpy"),),
    signatures=SIGNATURES,
)
def numpy_missing(facts: Facts, matrix) -> Iterator[Finding]:
    distributions = facts.need(Distributions)
    if distributions.find("numpy") is not None:
        return
    trials = facts.maybe(Trials)
    bridge = trials.stage("numpy-bridge") if trials else None
    if bridge is not None and bridge.status == "ok":
        return  # it comes from a folder outside site-packages
    python = facts.maybe(Python)
    if python is not None and python.system_site_packages and bridge is None:
        return  # the base Python's own packages, which are not listed, may hold it
    markers = environment(python, facts.maybe(Host))
    asking = sorted(demands_on("numpy", distributions, markers))
    project = facts.maybe(Project)
    imported = project is not None and "numpy" in project.imports
    has_torch = distributions.find("torch") is not None
    if not asking and not has_torch:
        return
    names = asking + (["torch"] if has_torch and "torch" not in asking else [])
    version = best(facts, matrix, limits(facts, matrix))
    yield Finding(
        params={"packages": ", ".join(names), "distributions": names, "numpy": version},
        evidence=tuple("%s: Requires-Dist numpy" % name for name in asking)
        + ((str(project.imports["numpy"]),) if imported else ()),  # type: ignore[union-attr]
        severity=ERROR if asking or imported else WARNING,
        remedies=(Install("numpy", "==" + version if version else ""),),
    )
