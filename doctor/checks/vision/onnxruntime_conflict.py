"""Several ONNX Runtime packages are installed; they own the same files, and the GPU one may have lost.

## What it checks
`onnxruntime`, `onnxruntime-gpu` and their relatives all install the folder `onnxruntime`. Looks for several of them and
compares the files on disk with each one's RECORD: the one whose files were overwritten is not the one that imports.

## Why it matters
There is no error. The CPU package written over the GPU one leaves
`['AzureExecutionProvider', 'CPUExecutionProvider']`, and inference quietly runs on the CPU. Uninstalling either one
breaks the other.

## Example
`pip install onnxruntime-gpu`, then a package that depends on `onnxruntime`: the CUDA provider is gone.

## Fix
Removes all of them, then installs one: the GPU package where this machine has an NVIDIA GPU, else the CPU package.
"""

from typing import Iterator

from ...facts import Distributions, Facts, Host, NativeModules, Nvidia, Project, Python, Trials
from ...model import ERROR, WARNING, Finding, KeepOne
from ...registry import check
from ...text import Text
from ._shared import ONNXRUNTIME, installed, lines, ownership

EXPLAIN_ZH = """同时安装了多个 ONNX Runtime 包，它们的文件互相覆盖，GPU 版可能已经失效。

## 检查什么
`onnxruntime`、`onnxruntime-gpu` 等包都安装到 `onnxruntime` 目录。检查是否同时装了多个，并把磁盘上的文件与各自的
RECORD 对比：文件被覆盖的那个，实际上已经不起作用。

## 为什么重要
不会有任何报错。CPU 版覆盖 GPU 版之后，可用的只剩 `['AzureExecutionProvider', 'CPUExecutionProvider']`，推理悄悄跑在
CPU 上；卸载任何一个都会破坏另一个。

## 示例
先 `pip install onnxruntime-gpu`，又装了一个依赖 `onnxruntime` 的包：CUDA provider 消失了。

## 修复
全部卸载，再装一个：有 NVIDIA GPU 的机器装 GPU 版，否则装 CPU 版。
"""


@check(
    code="onnxruntime-conflict",
    severity=ERROR,
    summary=Text(
        "Several ONNX Runtime packages overwrite each other.",
        "多个 ONNX Runtime 包互相覆盖。",
    ),
    message=Text(
        "{packages} share one folder; only one of them may be installed.",
        "{packages} 共用同一个目录，只能安装其中一个。",
    ),
    cause=Text(
        "All of them install the folder onnxruntime, and the last one installed wins: {winner}. Keep {keep}.",
        "它们都安装到 onnxruntime 目录，后装的覆盖先装的，目前生效的是 {winner}。保留 {keep}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Distributions, NativeModules, Nvidia, Project, Python, Host, Trials),
)
def onnxruntime_conflict(facts: Facts, matrix) -> Iterator[Finding]:
    found = installed(facts, ONNXRUNTIME)
    if len(found) < 2:
        return
    owned = ownership(facts, "onnxruntime")
    changed = [item.distribution for item in owned.values() if item.changed or item.missing]
    whole = [item.distribution for item in owned.values() if not item.changed and not item.missing]
    versions = sorted({item.version or "?" for item in found})
    trials = facts.maybe(Trials)
    stage = trials.stage("onnxruntime") if trials else None
    failed = stage is not None and stage.status in ("failed", "crashed")
    nvidia = facts.maybe(Nvidia)
    gpu = nvidia is not None and bool(nvidia.driver or nvidia.gpus)
    names = [item.name for item in found]
    keep = found[0]
    for item in found:
        if gpu and item.name == "onnxruntime-gpu":
            keep = item
        elif not gpu and item.name == "onnxruntime" and not set(names) - {"onnxruntime", "onnxruntime-gpu"}:
            keep = item
        elif item.name not in ("onnxruntime", "onnxruntime-gpu") and "onnxruntime-gpu" not in names:
            keep = item  # a build for special hardware was installed on purpose
    harmful = failed or len(versions) > 1 or bool(changed)
    yield Finding(
        params={
            "packages": ", ".join("%s %s" % (item.name, item.version) for item in found),
            "distributions": names,
            "versions": versions,
            "keep": "%s==%s" % (keep.name, keep.version) if keep.version else keep.name,
            "winner": ", ".join(whole) or "?",
            "overwritten": sorted(changed),
        },
        evidence=tuple("%s: onnxruntime/" % item.folder for item in found) + lines(owned),
        severity=ERROR if harmful else WARNING,
        remedies=(KeepOne(tuple(names), "%s==%s" % (keep.name, keep.version) if keep.version else keep.name),),
    )
