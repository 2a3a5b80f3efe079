"""The project's code meets a torch that is stricter about something than the one it was written for.

## What it checks
Looks for places whose meaning changed while the name stayed. Known: YOLO's `loss.py`, where integer grid positions
are clamped with a limit taken from a float tensor (`gj.clamp_(0, gain[3] - 1)`): an error since torch 1.12.

## Why it matters
Training stops in the first batch with
`RuntimeError: result type Float can't be cast to the desired output type long int`. It looks like a fault of the
data or the model, and is none.

## Example
YOLOv5-Lite's `utils/loss.py` with torch 1.12.1 or newer.

## Fix
Turns the limit into an integer in the source (`gain[3].long() - 1`), shown as a diff and written with
`doctor fix --apply --source`. The result is the same; older torch accepts it too.
"""

from typing import Any, Dict, Iterator, List

from ...apis import CLAMP_STRICT
from ...demands import below
from ...facts import Facts, Project, Torch
from ...model import ERROR, WARNING, Edit, Finding, Manual, Rewrite
from ...registry import Signature, check
from ...text import Text

EXPLAIN_ZH = """项目代码遇到了更严格的 torch：名字没变，行为变了。

## 检查什么
查找名字不变但含义改变的写法。目前已知的是 YOLO 的 `loss.py`：整数网格坐标用浮点张量里的值做上限
（`gj.clamp_(0, gain[3] - 1)`），从 torch 1.12 起会报错。

## 为什么重要
训练第一个 batch 就停在 `RuntimeError: result type Float can't be cast to the desired output type long int`。
看起来像数据或模型的问题，其实不是。

## 示例
YOLOv5-Lite 的 `utils/loss.py` 搭配 torch 1.12.1 及以上。

## 修复
把源码里的上限转成整数（`gain[3].long() - 1`），`doctor fix` 显示 diff，`doctor fix --apply --source` 写入。结果不变，
旧版 torch 也能用。
"""

REWRITE = Text(
    "Turn the float limit into an integer: {edits}.",
    "把浮点上限转成整数：{edits}。",
)
BY_HAND = Text(
    "Turn the limit into an integer before clamping, for example gain[3].long() - 1.",
    "先把上限转成整数再 clamp，例如 gain[3].long() - 1。",
)


SIGNATURES = (
    # in YOLO's loss it is torch that became stricter; elsewhere it may be the user's own slip
    Signature(
        r"result type (?P<source>\w+) can'?t be cast to the desired output type (?P<target>\w+(?: \w+)?)",
        requires=(r"build_targets|clamp_|loss\.py|yolo",),
    ),
    Signature(
        r"result type (?P<source>\w+) can'?t be cast to the desired output type (?P<target>long int|__int64)",
        "medium",
    ),
    Signature(r"result type (?P<source>\w+) can'?t be cast to the desired output type (?P<target>\w+(?: \w+)?)", "low"),
    Signature(
        r"indices should be either on (?:cpu|the same device).{0,40} (?:or on the same device )?as the indexed tensor",
        requires=(r"build_targets|from_which_layer|matching_matrix|loss\.py|yolo",),
    ),
    Signature(
        r"indices should be either on (?:cpu|the same device).{0,40} (?:or on the same device )?as the indexed tensor",
        "low",
    ),
    Signature(r"'Upsample' object has no attribute 'recompute_scale_factor'", outranks=("old-repo-api",)),
    Signature(
        r"Integer division of tensors using (?:div|/)(?! or / is deprecated)|invalid index of a 0-dim tensor|"
        r"Subtraction, the `-` operator, with a bool tensor is not supported"
    ),
    Signature(r"Legacy autograd function with non-static forward method"),
    Signature(r"stft(?:\(\))? requires (?:the )?return_complex parameter|istft requires a complex-valued input"),
    # torchrun of torch 2 writes a dash; a script that lacks the underscore never took it
    Signature(r"unrecognized arguments: .{0,80}--local-rank"),
    Signature(
        r"module 'torch\.amp' has no attribute '(?P<name>GradScaler|autocast|custom_[fb]wd)'|"
        r"cannot import name '(?P<amp>GradScaler|autocast|custom_[fb]wd)' from 'torch\.amp'",
        outranks=("old-repo-api",),
    ),
    Signature(
        r"__init__\(\) got an unexpected keyword argument 'verbose'",
        requires=(r"lr_scheduler|LRScheduler|ReduceLROnPlateau",),
    ),
    Signature(
        r"a (?:view of a )?leaf [Vv]ariable that requires grad is being used in an in-?place operation",
        "medium",
        requires=(r"yolo|models/",),
    ),
    Signature(
        r"export\(\) got an unexpected keyword argument '(?P<name>example_outputs|"
        r"use_external_data_format|enable_onnx_checker|_retain_param_name)'",
        "high",
    ),
    Signature(r"Expected a '?cuda'? device type for generator but found '?cpu'?", "medium"),
    Signature(
        r"module 'torch(?:\.\w+)?' has no attribute '(?P<name>library|compile|float8_\w+|uint16|"
        r"uint32|uint64|inference_mode|vmap|func|get_default_device|"
        r"set_default_device|compiler|nested|sdpa_kernel|xpu|mps|is_inference_mode_enabled|"
        r"scaled_dot_product_attention|special|fft|get_device_module|accelerator|int1)'",
        "medium",
        cause=Text(
            "The installed torch is older than the code that calls it: it does not have `{name}` yet.",
            "已安装的 torch 比调用它的代码旧，还没有 `{name}`。",
        ),
    ),
    Signature(
        r"(?:autocast|GradScaler)\W{0,40}(?:got an unexpected keyword argument|"
        r"missing 1 required positional argument) ?:? ?'(?P<name>device|device_type|dtype|"
        r"cache_enabled)'",
        "medium",
    ),
    Signature(
        r"gradient_checkpointing.{0,80}use_reentrant parameter should be passed|"
        r"torch\.utils\._pytree\._register_pytree_node.{0,80}",
        "low",
        warning=True,
    ),
    Signature(r"module 'torch\.utils\._pytree' has no attribute '(?P<name>register_pytree_node)'", "high"),
    Signature(
        r"(?P<name>meshgrid\(\) got an unexpected keyword argument 'indexing|"
        r"interpolate\(\) got an unexpected keyword argument 'antialias|"
        r"register_buffer\(\) got an unexpected keyword argument 'persistent|"
        r"scaled_dot_product_attention\(\) got an unexpected keyword argument '(?:scale|enable_gqa)|"
        r"load_state_dict\(\) got an unexpected keyword argument 'assign|"
        r"gelu\(\) got an unexpected keyword argument 'approximate|"
        r"checkpoint\(\) got an unexpected keyword argument 'use_reentrant)'",
        "medium",
        cause=Text(
            "The installed torch is older than the code that calls it: its function does not take this argument yet.",
            "已安装的 torch 比调用它的代码旧，它的函数还没有这个参数。",
        ),
    ),
    # a saved model of a newer torch
    Signature(r"Can't get attribute '(?P<name>\w{2,40})' on <module 'torch\.nn\.\w+", "medium"),
    # a name that some torch has and this one has not; it may also be a slip of the pen
    Signature(r"module 'torch(?:\.\w+){0,3}' has no attribute '(?P<name>\w+)'", "low"),
)


@check(
    code="torch-api-changed",
    severity=ERROR,
    summary=Text(
        "The project's code meets a torch that is stricter than the one it was written for.",
        "项目代码遇到了比编写时更严格的 torch。",
    ),
    message=Text(
        "torch {torch} refuses to clamp integers with a float limit, as the project does (places: {count}).",
        "torch {torch} 不允许用浮点上限 clamp 整数张量，项目中有 {count} 处这样写。",
    ),
    cause=Text(
        "Since torch {since}, {call} with a limit from a float tensor raises "
        '"result type Float can\'t be cast to the desired output type long int".',
        "torch {since} 起，{call} 的上限来自浮点张量时会报 “result type Float can't be cast to the desired output "
        "type long int”。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Project, Torch),
    signatures=SIGNATURES,
)
def torch_api_changed(facts: Facts, matrix) -> Iterator[Finding]:
    project, torch = facts.need(Project), facts.need(Torch)
    if below(torch.version, CLAMP_STRICT):
        return
    found = [use for use in project.uses if use.name == "torch.Tensor.clamp_" and "guard" not in use.detail]
    if not found:
        return
    edits: List[Edit] = []
    for use in found:
        old, column = use.detail.get("source", ""), use.detail.get("column", "")
        if old and column.isdigit():
            edits.append(Edit(use.where.file, use.where.line, int(column), old, old + ".long()"))
    params: Dict[str, Any] = {
        "torch": torch.version,
        "since": CLAMP_STRICT,
        "count": len(found),
        "call": found[0].detail.get("call", "clamp_"),
    }
    words = ", ".join(sorted({"%s → %s" % (edit.old, edit.new) for edit in edits}))
    rewrite = Rewrite(tuple(edits), Text(*(part.replace("{edits}", words) for part in REWRITE)))
    remedies: List[Any] = [rewrite] if edits else [Manual(BY_HAND)]
    yield Finding(
        params=params,
        evidence=tuple(dict.fromkeys(str(use.where) for use in found))[:20],
        severity=ERROR if project.chosen else WARNING,
        remedies=tuple(remedies),
    )
