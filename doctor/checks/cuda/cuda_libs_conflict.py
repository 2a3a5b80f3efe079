"""The CUDA libraries beside torch are not the ones it was built with.

## What it checks
Compares the installed `nvidia-*` packages with the versions that the installed torch asks for, and looks for what gets in
front of them: `LD_LIBRARY_PATH` with another CUDA's folder, and a second cuDNN of another major version.

## Why it matters
torch loads `libcudnn`, `libcublas` and `libnvJitLink` from these packages. Another version gives `undefined symbol:
__nvJitLinkComplete_12_4`, `CUDNN_STATUS_VERSION_MISMATCH`, or a crash in the first convolution. pip only prints a line about it.

## Example
`pip install nvidia-cudnn-cu12` after torch 2.5.1 puts cuDNN 9.20 where torch asks for 9.1.0.70.

## Fix
Puts the versions back that torch names. For a stray `LD_LIBRARY_PATH`: start without it.
"""

import re
from typing import Any, Dict, Iterator, List, Tuple

from ...demands import allows, demand, environment
from ...facts import Distributions, Environ, Facts, Host, Python, Torch, Trials, Unknown
from ...model import ERROR, NOTE, WARNING, Finding, Install, Manual
from ...registry import check
from ...text import Text

EXPLAIN_ZH = """torch 旁边的 CUDA 库不是它编译时用的那些。

## 检查什么
把已安装的 `nvidia-*` 包与当前 torch 要求的版本比较，并查找会抢在前面的东西：指向其他 CUDA 目录的 `LD_LIBRARY_PATH`，
以及另一个大版本的 cuDNN。

## 为什么重要
torch 从这些包里加载 `libcudnn`、`libcublas`、`libnvJitLink`。版本不同会报 `undefined symbol: __nvJitLinkComplete_12_4`、
`CUDNN_STATUS_VERSION_MISMATCH`，或者第一次卷积就崩溃。pip 只会打印一行提示。

## 示例
装好 torch 2.5.1 之后又执行 `pip install nvidia-cudnn-cu12`，cuDNN 变成 9.20，而 torch 要求 9.1.0.70。

## 修复
装回 torch 指定的版本。`LD_LIBRARY_PATH` 有问题时，去掉它再启动。
"""

PATH_TITLE = Text(
    "LD_LIBRARY_PATH puts another CUDA in front of torch's own libraries: {path}.",
    "LD_LIBRARY_PATH 让另一套 CUDA 排在 torch 自带的库前面：{path}。",
)
PATH_CAUSE = Text(
    "torch {torch} brings its own CUDA {cuda} libraries; {path} is searched before them and may hold another version.",
    "torch {torch} 自带 CUDA {cuda} 的库，而 {path} 会先被搜索，里面可能是另一个版本。",
)
UNSET = Text(
    "Start without it: unset LD_LIBRARY_PATH (and take the line out of ~/.bashrc if nothing else needs it).",
    "去掉它再启动：unset LD_LIBRARY_PATH（如果没有别的程序需要，把 ~/.bashrc 里的那一行也删掉）。",
)


@check(
    code="cuda-libs-conflict",
    severity=ERROR,
    summary=Text(
        "The CUDA libraries beside torch are not the ones it was built with.",
        "torch 旁边的 CUDA 库不是它编译时用的版本。",
    ),
    message=Text(
        "torch {torch} asks for {wanted}; installed: {installed}.",
        "torch {torch} 要求 {wanted}，实际安装的是 {installed}。",
    ),
    cause=Text(
        "Another installation replaced CUDA libraries of torch {torch} ({installed} instead of {wanted}).",
        "别的安装替换了 torch {torch} 的 CUDA 库（{wanted} 变成了 {installed}）。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Torch, Distributions, Python, Host, Environ, Trials),
)
def cuda_libs_conflict(facts: Facts, matrix) -> Iterator[Finding]:
    torch = facts.need(Torch)
    if torch.cuda is None or isinstance(torch.cuda, Unknown):
        return
    trials = facts.maybe(Trials)
    kernel = trials.stage("cuda-kernel") if trials else None
    works = kernel is not None and kernel.status == "ok"
    failed = trials is not None and any(
        stage.status in ("failed", "crashed") and re.search(r"nvJitLink|cudnn|cublas", stage.text, re.I)
        for stage in trials.stages
    )
    wrong = _wrong(facts)
    if wrong:
        names = [name for name, _, _ in wrong]
        yield Finding(
            params={
                "torch": torch.version,
                "wanted": ", ".join("%s%s" % (name, specifier) for name, specifier, _ in wrong),
                "installed": ", ".join("%s %s" % (name, version) for name, _, version in wrong),
                "distributions": names,
            },
            evidence=tuple(
                "%s %s; torch asks for %s" % (name, version, specifier) for name, specifier, version in wrong
            ),
            severity=ERROR if failed or not works and _grave(wrong) else WARNING,
            remedies=tuple(Install(name, specifier) for name, specifier, _ in wrong),
        )
    yield from _stray_path(facts, torch, failed, works)


def _wrong(facts: Facts) -> List[Tuple[str, str, str]]:
    """Return the NVIDIA packages that are not what torch asks for: name, specifier, installed version."""
    distributions = facts.need(Distributions)
    torch = distributions.find("torch")
    markers = environment(facts.maybe(Python), facts.maybe(Host))
    found = []
    for text in torch.requires if torch else ():
        if not text.lower().startswith("nvidia"):
            continue
        wanted = demand(text, markers)
        item = distributions.find(wanted.name) if wanted is not None else None
        if wanted is not None and item is not None and item.version and not allows(wanted.specifier, item.version):
            found.append((wanted.name, wanted.specifier, item.version))
    return found


def _grave(wrong: List[Tuple[str, str, str]]) -> bool:
    """Tell whether a version is an older or another major one: newer patch releases mostly work."""
    for _, specifier, version in wrong:
        match = re.match(r"==([\d.]+)$", specifier)
        if match is None:
            return True
        pinned, there = _numbers(match.group(1)), _numbers(version)
        if there < pinned or there[:1] != pinned[:1]:
            return True
    return False


def _stray_path(facts: Facts, torch: Any, failed: bool, works: bool) -> Iterator[Finding]:
    environ = facts.maybe(Environ)
    value = (environ.get("LD_LIBRARY_PATH") if environ is not None else None) or ""
    cuda = _numbers(str(torch.cuda))
    stray = []
    for part in value.split(":"):
        match = re.search(r"cuda-(\d+(?:\.\d+)?)", part)
        if match and _numbers(match.group(1))[: len(cuda)] != cuda[: len(_numbers(match.group(1)))]:
            stray.append(part)
    if not stray or works:
        return
    params: Dict[str, Any] = {"path": ":".join(stray), "torch": torch.version, "cuda": torch.cuda}
    yield Finding(
        params=dict(params, wanted="CUDA %s" % torch.cuda, installed=params["path"]),
        evidence=("LD_LIBRARY_PATH=%s" % value,),
        severity=ERROR if failed else NOTE,
        title=PATH_TITLE,
        cause=PATH_CAUSE,
        remedies=(Manual(UNSET),),
    )


def _numbers(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
