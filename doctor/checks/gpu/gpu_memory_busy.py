"""Most of a GPU's memory is taken by other programs.

## What it checks
Memory in use on every card, before training starts. Half of it or more is worth a warning.

## Why it matters
Training stops with "CUDA out of memory" at a batch size that fitted yesterday; often a stopped run left a process
behind.

## Example
10.1 of 12.0 GiB in use by `python` from a notebook that was closed.

## Fix
End the program that holds the memory (`nvidia-smi` shows its process id), or choose another card with
`CUDA_VISIBLE_DEVICES`.
"""

from typing import Iterator

from ...facts import Facts, Nvidia
from ...model import Finding, Manual
from ...registry import check
from ...text import Text

EXPLAIN_ZH = """显卡的大部分显存已被其他程序占用。

## 检查什么
查看训练开始之前每块显卡已用的显存，占用一半及以上时给出警告。

## 为什么重要
昨天还能用的 batch size 今天就会报 “CUDA out of memory”。常见原因是上次训练中断后残留的进程。

## 示例
12.0 GiB 显存已用 10.1 GiB，占用者是已关闭的 notebook 留下的 `python`。

## 修复
结束占用显存的程序（`nvidia-smi` 会显示进程号），或用 `CUDA_VISIBLE_DEVICES` 选择另一块显卡。
"""

GIB = float(1 << 30)

END = Text(
    "Look at `nvidia-smi`, end the program that holds the memory if it is not needed, or choose another card with "
    "CUDA_VISIBLE_DEVICES.",
    "用 `nvidia-smi` 查看占用者，结束不需要的程序，或用 CUDA_VISIBLE_DEVICES 选择另一块显卡。",
)


@check(
    code="gpu-memory-busy",
    severity="warning",
    summary=Text("Most of a GPU's memory is in use", "显存大部分已被占用"),
    message=Text(
        "{used_gib} of {total_gib} GiB on {gpu} are in use.",
        "{gpu} 的 {total_gib} GiB 显存已占用 {used_gib} GiB。",
    ),
    cause=Text(
        "Other programs hold the memory ({processes}); training will run out of it early.",
        "其他程序占用了显存（{processes}），训练很快会显存不足。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Nvidia,),
    remedies=(Manual(END),),
)
def gpu_memory_busy(facts: Facts, matrix) -> Iterator[Finding]:
    nvidia = facts.need(Nvidia)
    for index, gpu in enumerate(nvidia.gpus):
        total, used = gpu.memory_total_bytes, gpu.memory_used_bytes
        if not total or used is None or used * 2 < total:
            continue
        yield Finding(
            params={
                "gpu": gpu.name,
                "index": index,
                "used_gib": "%.1f" % (used / GIB),
                "total_gib": "%.1f" % (total / GIB),
                "free_gib": "%.1f" % ((total - used) / GIB),
                "processes": ", ".join(gpu.processes) or "-",
            },
            evidence=tuple("GPU %d: %s" % (index, name) for name in gpu.processes),
            remedies=(Manual(END),),
        )
