"""Two copies of the same OpenMP runtime are installed, and one process will load both.

## What it checks
Looks for copies of `libiomp5` (Intel) and `libomp` (LLVM) in the environment's packages. Two copies of one kind are
evidence; `libgomp` beside `libiomp5` is ordinary and not reported.

## Why it matters
The second copy to start stops the process:
`OMP: Error #15: Initializing libiomp5md.dll, but found libiomp5md.dll already initialized.` It depends on the order
of imports, so one script works and the next does not.

## Example
On Windows: conda's `mkl` with `Library/bin/libiomp5md.dll` beside a pip torch with `torch/lib/libiomp5md.dll`.

## Fix
Let one package bring the runtime: remove the extra package where nothing needs it, else import torch first. The
variable `KMP_DUPLICATE_LIB_OK=TRUE` only hides the message and may give wrong numbers: the last resort, for a test
run.
"""

from typing import Any, Dict, Iterator, List

from ...demands import name_of
from ...facts import Distributions, Environ, Facts, Host, NativeModules, Trials
from ...model import ERROR, NOTE, WARNING, Finding, Manual, Remove
from ...registry import Signature, check
from ...text import Text

EXPLAIN_ZH = """同一种 OpenMP 运行库装了两份，会被同一个进程加载。

## 检查什么
在环境的各个包里查找 `libiomp5`（Intel）和 `libomp`（LLVM）的副本。同一种有两份才算问题；`libgomp` 与 `libiomp5` 并
存是正常的，不报告。

## 为什么重要
后初始化的那份会让进程退出：`OMP: Error #15: Initializing libiomp5md.dll, but found libiomp5md.dll already initialized.`
它与导入顺序有关，所以这个脚本能跑，换一个就不行。

## 示例
Windows 上 conda 的 `mkl` 带 `Library/bin/libiomp5md.dll`，pip 装的 torch 又带 `torch/lib/libiomp5md.dll`。

## 修复
只保留一份：多余的包没有别人依赖时卸载它，否则先 import torch。环境变量 `KMP_DUPLICATE_LIB_OK=TRUE` 只是把报错盖住，
结果可能出错，只能作为最后手段临时试用。
"""

#: kinds of which two copies stop the process; GNU's libgomp does not check for a second copy
STRICT = ("libiomp5", "libomp")

LAST_RESORT = Text(
    "Last resort, for a test run only (results may be wrong): set KMP_DUPLICATE_LIB_OK=TRUE.",
    "最后手段，仅供临时测试（结果可能出错）：设置 KMP_DUPLICATE_LIB_OK=TRUE。",
)
ONE_OWNER = Text(
    "Let one package bring the runtime: reinstall {owners} from one source (all from pip or all from conda), and "
    "import torch first.",
    "只让一个包提供运行库：把 {owners} 统一用 pip 或统一用 conda 重装，并且先 import torch。",
)


SIGNATURES = (
    Signature(r"OMP: Error #15|multiple copies of the OpenMP runtime have been linked"),
    Signature(
        r"Initializing (?P<library>libi?omp\S{1,20}), but found (?P<other>libi?omp\S{1,20}) "
        r"already initialized"
    ),
    Signature(r"MKL_THREADING_LAYER=INTEL is incompatible with libgomp"),
    Signature(
        r"cannot allocate memory in static TLS block", "medium", outranks=("out-of-memory-host", "system-lib-missing")
    ),
    # told in words
    Signature(
        r"KMP_DUPLICATE_LIB_OK|libi?omp5md\S{0,12} .{0,12}already",
        "low",
    ),
)


@check(
    code="openmp-duplicate",
    severity=ERROR,
    summary=Text("Two copies of the same OpenMP runtime are installed.", "同一种 OpenMP 运行库装了两份。"),
    message=Text("{count} copies of {kind} are installed, by {owners}.", "{kind} 装了 {count} 份，来自 {owners}。"),
    cause=Text(
        'A process that loads two copies of {kind} stops with "OMP: Error #15". They come from {owners}.',
        "一个进程加载了两份 {kind} 就会以 “OMP: Error #15” 退出。它们来自 {owners}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(NativeModules, Distributions, Environ, Host, Trials),
    signatures=SIGNATURES,
)
def openmp_duplicate(facts: Facts, matrix) -> Iterator[Finding]:
    native = facts.need(NativeModules)
    trials = facts.maybe(Trials)
    environ, host = facts.maybe(Environ), facts.maybe(Host)
    hidden = environ is not None and (environ.get("KMP_DUPLICATE_LIB_OK") or "").upper() in ("TRUE", "1")
    error = any("Error #15" in stage.text for stage in (trials.stages if trials else ()))
    for kind in STRICT:
        paths = native.openmp.get(kind, ())
        if len(paths) < 2:
            continue
        owners = sorted({_owner(path) for path in paths})
        params: Dict[str, Any] = {
            "kind": kind,
            "count": len(paths),
            "owners": ", ".join(owners),
            "paths": list(paths),
            "hidden": hidden,
        }
        yield Finding(
            params=params,
            evidence=tuple(paths[:6]),
            severity=NOTE if hidden and not error else _severity(error, host),
            remedies=tuple(_remedies(facts, owners)),
        )


def _severity(error: bool, host: Any) -> str:
    # on a Mac torch and scikit-learn both bring libomp and mostly live together
    return WARNING if not error and host is not None and host.system == "macos" else ERROR


def _owner(path: str) -> str:
    """Return the import package or folder of site-packages that holds a file."""
    parts = path.replace("\\", "/").split("/")
    for marker in ("site-packages", "dist-packages"):
        if marker in parts:
            rest = parts[len(parts) - 1 - parts[::-1].index(marker) + 1 :]
            if rest:
                return rest[0][: -len(".libs")] if rest[0].endswith(".libs") else rest[0]
    return "/".join(parts[-3:-1]) or path


def _remedies(facts: Facts, owners: List[str]) -> List[Any]:
    """Return the safe fix first: the runtime's own package goes when nothing installed asks for it."""
    distributions = facts.maybe(Distributions)
    remedies: List[Any] = []
    for name in ("intel-openmp",):
        item = distributions.find(name) if distributions else None
        needed = (
            [one.name for one in distributions.items for text in one.requires if name_of(text) == name]
            if distributions
            else []
        )
        if item is not None and not needed:
            remedies.append(Remove((name,)))
    return (remedies or [Manual(ONE_OWNER)]) + [Manual(LAST_RESORT)]
