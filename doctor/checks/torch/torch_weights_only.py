"""`torch.load` reads only plain tensors by default since torch 2.6; old checkpoints then fail to load.

## What it checks
Finds calls of `torch.load` without `weights_only` in the project's source, where torch 2.6 or newer is installed.
Calls whose result is used as a whole model (`ckpt['model'].float()`, `.state_dict()` of a loaded object) are
marked: they cannot work.

## Why it matters
The default changed from `weights_only=False` to `True`. A checkpoint that holds a pickled model, as YOLO
repositories save them, stops with `WeightsUnpickler error: Unsupported global` or `Weights only load failed`. Plain
state dicts still load.

## Example
`ckpt = torch.load(weights, map_location=device)` followed by `ckpt['model'].float()`, with torch 2.9.1.

## Fix
Adds `weights_only=False` to the calls that load a whole model, in the source (`doctor fix --apply --source`).
Loading such a file runs code that is stored in it: only for checkpoints that you trust. Saving and loading a
`state_dict` is the lasting cure.
"""

from typing import Any, Dict, Iterator, List

from ...apis import TORCH_LOAD_STRICT
from ...demands import below
from ...facts import ApiUse, Environ, Facts, Project, Torch
from ...model import ERROR, NOTE, WARNING, Edit, Finding, Manual, Rewrite
from ...registry import Signature, check
from ...text import Text

EXPLAIN_ZH = """torch 2.6 起 `torch.load` 默认只读取纯张量，旧的权重文件会加载失败。

## 检查什么
安装了 torch 2.6 及以上时，在项目源码里查找没有写 `weights_only` 的 `torch.load`。如果加载结果被当成整个模型使用
（`ckpt['model'].float()`、对加载出的对象调用 `.state_dict()`），会特别标出：这种写法一定会失败。

## 为什么重要
默认值从 `weights_only=False` 变成了 `True`。YOLO 类仓库保存的是整个模型（pickle），加载时会报
`WeightsUnpickler error: Unsupported global` 或 `Weights only load failed`。只含 state_dict 的文件不受影响。

## 示例
torch 2.9.1 下的 `ckpt = torch.load(weights, map_location=device)`，后面接 `ckpt['model'].float()`。

## 修复
给加载整个模型的调用加上 `weights_only=False`（`doctor fix --apply --source`）。这样加载会执行文件里保存的代码，只用
于可信的权重。长久之计是改为保存和加载 `state_dict`。
"""

REWRITE = Text(
    "Add weights_only=False to the calls that load a whole model; only for checkpoints you trust.",
    "给加载整个模型的调用加上 weights_only=False，只用于可信的权重文件。",
)
TRUST = Text(
    "If a checkpoint of yours fails to load: pass weights_only=False, and only for files you trust.",
    "如果权重文件加载失败：传入 weights_only=False，并且只用于可信的文件。",
)


SIGNATURES = (
    Signature(
        r"Weights only load failed",
        unless=(r"operand (?:118|60|123|10|80|255)\b", r"invalid load key, '[v<{P]'", r"git-lfs"),
        outranks=("old-repo-api", "dataset-problem"),
    ),
    Signature(
        r"Unsupported global: GLOBAL (?P<name>\S{2,120}) was not an allowed global by default",
        outranks=("old-repo-api",),
    ),
    Signature(
        r"WeightsUnpickler error: Unsupported (?:global|class|operand)",
        "medium",
        unless=(r"operand (?:118|60|123|10|80|255)\b", r"git-lfs"),
    ),
    Signature(
        r"changed the default value of the `weights_only` argument",
        "medium",
        unless=(r"operand (?:118|60|123|10|80|255)\b",),
    ),
    Signature(
        r"learn more about types accepted by default with weights_only",
        "medium",
        unless=(r"operand (?:118|60|123|10|80|255)\b", r"git-lfs"),
    ),
    Signature(r"serious vulnerability issue in `?torch\.load", "medium"),
    Signature(
        r"load\(\) got an unexpected keyword argument 'weights_only'|"
        r"'weights_only' is an invalid keyword argument for Unpickler\(\)|"
        r"Unpickler\(\) got an unexpected keyword argument 'weights_only'",
        "medium",
    ),
)


PLAIN = Text(
    "Since torch {since} the default is weights_only=True. Checkpoints of tensors, numbers and lists still load; one "
    "that holds objects of other classes fails.",
    "torch {since} 起默认 weights_only=True。只含张量、数字和列表的 checkpoint 照常加载，含有其他类对象的会失败。",
)


@check(
    code="torch-weights-only",
    severity=ERROR,
    summary=Text(
        "torch.load no longer reads whole pickled models by default.",
        "torch.load 默认不再加载整个 pickle 模型。",
    ),
    message=Text(
        "torch {torch} loads only plain tensors by default; calls of torch.load that say nothing else: {count}.",
        "torch {torch} 默认只加载纯张量，项目中有 {count} 处 torch.load 没有指定 weights_only。",
    ),
    cause=Text(
        "Since torch {since} the default is weights_only=True. {whole} of these calls use the result as a whole "
        "model and will fail.",
        "torch {since} 起默认 weights_only=True。其中 {whole} 处把加载结果当作整个模型使用，会失败。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Project, Torch, Environ),
    signatures=SIGNATURES,
)
def torch_weights_only(facts: Facts, matrix) -> Iterator[Finding]:
    project, torch = facts.need(Project), facts.need(Torch)
    if below(torch.version, TORCH_LOAD_STRICT):
        return
    environ = facts.maybe(Environ)
    if environ is not None and environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD") in ("1", "y", "yes", "true"):
        return
    calls = [
        use
        for use in project.uses
        if use.name == "torch.load" and use.detail.get("weights_only") == "absent" and "guard" not in use.detail
    ]
    if not calls:
        return
    rewritten = [use for use in calls if use.detail.get("whole") and "end_line" in use.detail]
    rest = [use for use in calls if use not in rewritten]
    # two findings, because a rewrite cures only one of them
    if rewritten:
        edits = tuple(
            Edit(
                use.where.file,
                int(use.detail["end_line"]),
                int(use.detail["end_column"]),
                ")",
                use.detail["insert"] + ")",
            )
            for use in rewritten
        )
        yield _finding(project, torch, rewritten, Rewrite(edits, REWRITE))
    if rest:
        yield _finding(project, torch, rest, Manual(TRUST))


def _finding(project: Project, torch: Torch, calls: List[ApiUse], remedy: Any) -> Finding:
    whole = [use for use in calls if use.detail.get("whole")]
    params: Dict[str, Any] = {
        "torch": torch.version,
        "since": TORCH_LOAD_STRICT,
        "count": len(calls),
        "whole": len(whole),
    }
    return Finding(
        params=params,
        evidence=tuple(str(use.where) for use in (whole or calls)[:20]),
        severity=ERROR if whole and project.chosen else WARNING if whole else NOTE,
        cause=None if whole else PLAIN,
        remedies=(remedy,),
    )
