"""A package was compiled for numpy 1, and numpy 2 is installed.

## What it checks
Looks at every installed package that uses numpy's C interface: torch, OpenCV and ONNX Runtime by the versions in
the wheel matrix, others by the marker that numpy's headers leave in a compiled module. Modules built against numpy
2 run with both.

## Why it matters
pip never stops such a pair: torch names no numpy at all, and OpenCV up to 4.10.0.82 sets no upper bound.
`import cv2` fails with `numpy.core.multiarray failed to import`; torch imports with a warning, and then
`Numpy is not available` stops training.

## Example
`opencv-python 4.9.0.80` beside `numpy 2.1.3`; torch 2.1.0 beside numpy 2.0.2.

## Fix
The change that moves the fewest packages: OpenCV alone to a release built for numpy 2 when it is the only one, else
numpy to the newest release that torch, every Requires-Dist and the project's pins allow. The way that was not taken
is named.
"""

from typing import Any, Dict, Iterator, List, Optional, Tuple

from ...demands import allows, demand, environment
from ...facts import Distributions, Facts, Host, Project, Python, Trials
from ...model import ERROR, WARNING, Finding, Install, Manual
from ...registry import Signature, check
from ...text import Text
from ._numpy import NEEDS, ONNXRUNTIME, OPENCV, Limit, abi_limits, best, clash, is_two, limits

EXPLAIN_ZH = """有的包是为 numpy 1 编译的，而当前安装的是 numpy 2。

## 检查什么
检查所有使用 numpy C 接口的已安装包：torch、OpenCV、ONNX Runtime 按 wheel 表中的版本判断，其他包看编译模块里 numpy
头文件留下的标记。用 numpy 2 编译的模块两边都能用。

## 为什么重要
pip 不会拦住这种组合：torch 根本不声明 numpy，OpenCV 直到 4.10.0.82 都没有上限。结果是 `import cv2` 报
`numpy.core.multiarray failed to import`；torch 导入时只有警告，训练时才报 `Numpy is not available`。

## 示例
`opencv-python 4.9.0.80` 搭配 `numpy 2.1.3`；torch 2.1.0 搭配 numpy 2.0.2。

## 修复
选择改动最少的办法：只有 OpenCV 一个不兼容时，把它升级到支持 numpy 2 的版本；否则把 numpy 换成 torch、所有
Requires-Dist 和项目限制都允许的最新版本。没有采用的办法也会写出来。
"""

#: the releases of each that are compiled against numpy 2, without a jump to another major
RANGE_FOR_TWO = {"opencv": ">=4.10.0.84,<5", "onnxruntime": ">=1.19.0,<2"}
#: releases that stand for them when a range is asked whether it goes so far
REACHED = {
    "opencv": ("4.10.0.84", "4.11.0.86", "4.12.0.88", "4.13.0.92"),
    "onnxruntime": ("1.19.0", "1.20.1", "1.22.1", "1.24.4", "1.31.1"),
}
#: names that stop training when they cannot be imported, whether the project's own files name them or not
STACK = ("torch", "torchvision", "scipy", "pandas", "scikit-learn", "scikit-image", "matplotlib", "pycocotools", "onnx")

OTHER_WAY = Text(
    "The other way, which changes more or is not allowed here: {other}.",
    "另一种办法改动更大，或在这里行不通：{other}。",
)
NO_WAY = Text(
    "No numpy satisfies everything that is installed: {clash}. Move the packages built for numpy 1 to newer releases.",
    "没有任何 numpy 版本能满足当前所有的包：{clash}。请把为 numpy 1 编译的包升级到新版本。",
)


_LIBRARY = (
    r"lib(?:openblas\w*|cblas|f77blas|atlas|blas|lapack|gfortran)\.so\.\d|"
    r"DLL load failed while importing _multiarray_umath"
)
NUMPY_TOO_OLD = Text(
    "The module was compiled with a newer numpy (C API {built}) than the installed one ({numpy}), which is too old "
    "for it.",
    "该模块是用比已安装版本更新的 numpy 编译的（C API {built}，已安装的是 {numpy}）：numpy 对它来说太旧。",
)
RAISE_NUMPY = Text(
    "Raise numpy to the module's: API 0xd is 1.16 to 1.19, 0xe 1.20 and 1.21, 0xf 1.22, 0x10 1.23 and 1.24, 0x11 1.25 "
    "and 1.26, 0x12 2.0, 0x13 2.1 and 2.2. Or take a build for the older numpy (onnxruntime on a Pi with buster: the "
    "file that ends in _np1195).",
    "把 numpy 升到该模块编译时的版本：API 0xd 是 1.16 到 1.19，0xe 是 1.20 和 1.21，0xf 是 1.22，0x10 是 1.23 和 1.24，"
    "0x11 是 1.25 和 1.26，0x12 是 2.0，0x13 是 2.1 和 2.2。或者换成为旧 numpy 构建的文件（树莓派 buster 上的 "
    "onnxruntime：以 _np1195 结尾的文件）。",
)

SIGNATURES = (
    Signature(r"compiled using NumPy 1\.x cannot be run in", outranks=("numpy-missing", "torch-broken")),
    Signature(r"_ARRAY_API not found", outranks=("numpy-missing",)),
    Signature(r"numpy\.core\.(?:multiarray|umath|_multiarray_umath) failed to import", "medium", unless=(_LIBRARY,)),
    Signature(r"module (?:was )?compiled against ABI version (?P<built>0x[0-9a-f]+) but this version of numpy is"),
    # The same interface, but the module knows a later state of it: the other way round, numpy is too old.
    Signature(
        r"module (?:was )?compiled against API version (?P<built>0x[0-9a-f]+) but this "
        r"version of numpy is (?P<numpy>0x[0-9a-f]+)",
        cause=NUMPY_TOO_OLD,
        remedies=(Manual(RAISE_NUMPY),),
    ),
    Signature(
        r"numpy\.(?:dtype|ndarray|ufunc) size changed, may indicate binary incompatibility\. "
        r"Expected \d+ from C header, got \d+ from PyObject"
    ),
    Signature(
        r"numpy\.(?:dtype|ndarray|ufunc) size changed, may indicate binary incompatibility\. Expected \d+, got \d+",
        "low",
        warning=True,
    ),
    Signature(
        r"Numba needs NumPy (?P<needed>[\d.]+) or less|initialization of _internal failed without raising an exception",
        "medium",
    ),
    Signature(r"Importing the numpy C-extensions failed", "low", unless=(_LIBRARY,)),
    Signature(r"RuntimeError: Numpy is not available", "medium", unless=(r"No module named 'numpy'",)),
    Signature(r"No module named 'numpy\._core", "medium", outranks=("module-in-other-env", "numpy-missing")),
    Signature(r"requires numpy ?<2|numpy ?>= ?2(?:\.0)? is not (?:yet )?supported", "medium"),
)


@check(
    code="numpy2-abi",
    severity=ERROR,
    summary=Text(
        "A package was compiled for numpy 1, but numpy 2 is installed.",
        "有的包是为 numpy 1 编译的，但安装的是 numpy 2。",
    ),
    message=Text(
        "{packages} cannot run with numpy {numpy}: built for numpy 1.",
        "{packages} 是为 numpy 1 编译的，不能与 numpy {numpy} 一起使用。",
    ),
    cause=Text(
        "numpy 2 changed its binary interface. {packages} was compiled against numpy 1, and numpy {numpy} is "
        "installed. Cure: {cure}.",
        "numpy 2 改变了二进制接口。{packages} 是针对 numpy 1 编译的，而安装的是 numpy {numpy}。解决办法：{cure}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=NEEDS + (Trials,),
    remedies=(Install("numpy", "<2"),),
    signatures=SIGNATURES,
)
def numpy2_abi(facts: Facts, matrix) -> Iterator[Finding]:
    distributions = facts.need(Distributions)
    numpy = distributions.find("numpy")
    if numpy is None or not is_two(numpy.version):
        return
    broken = [limit for limit in abi_limits(facts, matrix) if not allows(limit.specifier, numpy.version)]
    broken = [limit for limit in broken if not _works(facts, limit)]
    if not broken:
        return
    params: Dict[str, Any] = {
        "numpy": numpy.version,
        "packages": ", ".join(limit.who for limit in broken),
        "distributions": [limit.distribution for limit in broken],
    }
    remedies = _cure(facts, matrix, broken, params)
    yield Finding(
        params=params,
        evidence=tuple("%s: numpy %s; installed numpy %s" % (one.who, one.specifier, numpy.version) for one in broken),
        severity=ERROR if any(_matters(facts, limit) for limit in broken) else WARNING,
        remedies=tuple(remedies),
    )


def _stage_of(name: Optional[str]) -> str:
    if name in OPENCV:
        return "cv2"
    if name in ONNXRUNTIME:
        return "onnxruntime"
    return "numpy-bridge" if name == "torch" else ""


def _works(facts: Facts, limit: Limit) -> bool:
    """Tell whether an import trial has shown that the pair works: distributors rebuild old releases."""
    trials = facts.maybe(Trials)
    stage = trials.stage(_stage_of(limit.distribution)) if trials else None
    return (
        stage is not None and stage.status == "ok" and "_ARRAY_API" not in stage.text and "NumPy 1.x" not in stage.text
    )


def _matters(facts: Facts, limit: Limit) -> bool:
    if limit.distribution in OPENCV + ONNXRUNTIME + STACK:
        return True
    project = facts.maybe(Project)
    module = (limit.distribution or "").replace("-", "_")
    return project is not None and module in project.imports


def _newer(name: Optional[str]) -> Optional[Tuple[str, str]]:
    """Return the family and first release for numpy 2 of a leaf package that can simply be moved up."""
    family = "opencv" if name in OPENCV else "onnxruntime" if name in ONNXRUNTIME else None
    return (family, RANGE_FOR_TWO[family]) if family else None


def _cure(facts: Facts, matrix: Any, broken: List[Limit], params: Dict[str, Any]) -> List[Any]:
    """Return the remedies: the fewest distributions moved, then not torch, then what is allowed, then the leaf."""
    given = limits(facts, matrix)
    down = best(facts, matrix, given)
    leaves = [_newer(limit.distribution) for limit in broken]
    can_move_leaves = all(leaves) and not _pinned(facts, broken)
    numpy_cure = "numpy %s" % down if down else ""
    leaf_cure = ", ".join("%s%s" % (limit.distribution, leaf[1]) for limit, leaf in zip(broken, leaves) if leaf)
    params.update(other="", clash="", cure=numpy_cure)
    if can_move_leaves and (len(broken) == 1 or down is None):
        params["cure"], params["other"] = leaf_cure, numpy_cure
        moves: List[Any] = [Install(str(one.distribution), leaf[1]) for one, leaf in zip(broken, leaves) if leaf]
        return moves + ([Manual(OTHER_WAY)] if numpy_cure else [])
    if down is not None:
        params["other"] = leaf_cure if all(leaves) else ""
        return [Install("numpy", "==" + down)] + ([Manual(OTHER_WAY)] if params["other"] else [])
    one = best(facts, matrix, [limit for limit in given if limit.kind == "abi"])
    blockers = clash(given, one) if one else given
    params["clash"] = "; ".join("%s: numpy %s" % (limit.who, limit.specifier) for limit in broken + blockers)
    params["cure"] = ", ".join(limit.who for limit in broken)
    return [Manual(NO_WAY)]


def _reaches(specifier: str, family: str) -> bool:
    """Tell whether a range goes on to releases that are compiled against numpy 2."""
    return any(allows(specifier, version) for version in REACHED[family])


def _pinned(facts: Facts, broken: List[Limit]) -> bool:
    """Tell whether the project or another distribution holds one of these packages at a release for numpy 1."""
    project, distributions = facts.maybe(Project), facts.need(Distributions)
    markers = environment(facts.maybe(Python), facts.maybe(Host))
    texts = [one.text for one in (project.requirements if project else ()) if not one.optional]
    texts.extend(text for item in distributions.items for text in item.requires)
    for limit in broken:
        leaf = _newer(limit.distribution)
        if leaf is None:
            continue
        for text in texts:
            if (limit.distribution or "").split("-")[0] not in text.lower():
                continue
            wanted = demand(text, markers)
            if wanted is not None and wanted.name == limit.distribution and not _reaches(wanted.specifier, leaf[0]):
                return True
    return False
