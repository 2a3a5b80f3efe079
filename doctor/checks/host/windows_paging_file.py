"""The Windows page file is too small for CUDA builds of torch with several workers.

## What it checks
On Windows, adds up memory and page file: what all processes together may promise to use (the commit limit).

## Why it matters
Windows starts every `DataLoader` worker as a new Python that loads the CUDA libraries again, and counts all of their
memory against the commit limit, used or not. When it is reached, training stops with
`OSError: [WinError 1455] The paging file is too small for this operation to complete` or
`Couldn't open shared file mapping: <torch_…>, error code: <1455>`, although the task manager still shows free memory.

## Example
A laptop with 8 GB and a fixed page file of 2 GB: `--workers 8` fails with error 1455, `--workers 0` runs.

## Fix
Train with fewer workers (`--workers 0` or `2`), and let Windows manage the page file or set 16 to 32 GB on the drive
with the most space: System properties → Advanced → Performance → Advanced → Virtual memory, then restart.
"""

from typing import Iterator

from doctor.facts import Facts, Host, Memory, Swap, Torch
from doctor.model import ERROR, NOTE, WARNING, Finding, Manual
from doctor.registry import Signature, check
from doctor.text import Text
from doctor.units import GIB, MIB, size

EXPLAIN_ZH = """Windows 页面文件太小，CUDA 版 torch 开多个 worker 时不够用。

## 检查什么
在 Windows 上把物理内存和页面文件加起来：这是所有进程一共可以提交的内存（提交上限）。

## 为什么重要
Windows 会把每个 `DataLoader` worker 作为新的 Python 进程启动，每个都重新加载 CUDA 的库，而且不管用没用到，
都算进提交上限。到了上限训练就会报 `OSError: [WinError 1455] 页面文件太小，无法完成操作。` 或
`Couldn't open shared file mapping: <torch_…>, error code: <1455>`，而任务管理器里看内存还有剩余。

## 示例
8 GB 内存、页面文件固定为 2 GB 的笔记本：`--workers 8` 报 1455 错误，`--workers 0` 能跑。

## 修复
减少 worker（`--workers 0` 或 `2`），并让系统自动管理页面文件，或在空间最大的盘上设为 16～32 GB：系统属性 → 高级 →
性能 → 高级 → 虚拟内存，改完重启。
"""

#: torch itself, and one worker, with the CUDA libraries loaded
MAIN_PROCESS = 6 * GIB
ONE_WORKER = 2 * GIB
WORKERS = 8


SIGNATURES = (
    Signature(r"WinError 1455", outranks=("windows-dll-load", "torch-broken", "out-of-memory-host")),
    Signature(
        r"paging file is too small for this operation|页面文件太小|分頁檔太小|"
        r"ページング ?ファイルが小さすぎる|페이징 파일이 너무 작|Auslagerungsdatei ist zu klein|"
        r"archivo de paginación es demasiado|fichier de pagination est insuffisant|arquivo de paginação é muito|"
        r"[Фф]айл подкачки слишком мал|虚拟内存不足",
        outranks=("windows-dll-load", "torch-broken"),
    ),
    Signature(r"Couldn'?t open shared file mapping: <?\S{2,60}, error code: <1455>", outranks=("windows-dll-load",)),
    Signature(r"Couldn'?t open shared file mapping", "medium"),
    # told in words
    Signature(
        r"(?:paging|page|swap) ?file.{0,30}(?:bigger|larger)|(?:paging|page) ?file size|"
        r"increase (?:the )?virtual memory|virtual memory to|"
        r"增大虚拟内存|虚拟内存调大|虚拟内存设置|调整虚拟内存",
        "low",
    ),
)


@check(
    code="windows-paging-file",
    severity=ERROR,
    summary=Text(
        en="The Windows page file is too small for training with several workers.",
        zh="Windows 页面文件太小，开多个 worker 训练时不够用。",
    ),
    message=Text(
        en="Memory and page file together are {commit}; training with eight workers needs about {needed}.",
        zh="物理内存加页面文件一共 {commit}，开 8 个 worker 训练大约需要 {needed}。",
    ),
    cause=Text(
        en=(
            "Memory is {memory}, the page file {pagefile}. Every worker loads the CUDA libraries again and counts "
            "in full (WinError 1455)."
        ),
        zh=(
            "物理内存 {memory}，页面文件 {pagefile}。每个 worker 都会重新加载 CUDA "
            "的库并全部计入提交内存（WinError 1455）。"
        ),
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Host, Memory, Swap, Torch),
    signatures=SIGNATURES,
)
def windows_paging_file(facts: Facts, matrix) -> Iterator[Finding]:
    if facts.need(Host).system != "windows":
        return
    memory, swap, torch = facts.need(Memory), facts.find(Swap), facts.need(Torch)
    if torch.cuda is None:
        return  # a CPU build loads a tenth of it
    page_file = max(swap.total_bytes, _largest(swap)) if swap else 0
    commit = memory.total_bytes + page_file
    needed = MAIN_PROCESS + WORKERS * ONE_WORKER
    if commit >= needed:
        return
    grows = bool(swap and swap.settings.get("managed") == "system")
    few_workers = commit >= MAIN_PROCESS + 2 * ONE_WORKER
    if grows:
        severity = NOTE  # Windows enlarges it when asked; only a sudden rise can still fail
    else:
        severity = WARNING if few_workers else ERROR
    yield Finding(
        params={
            "commit": size(commit),
            "commit_bytes": commit,
            "needed": size(needed),
            "memory": size(memory.total_bytes),
            "pagefile": size(page_file),
            "pagefile_bytes": page_file,
            "managed": grows,
        },
        severity=severity,
        remedies=(
            Manual(
                Text(
                    en=(
                        "Train with --workers 0 or 2; set the page file to system managed or 16 to 32 GB (Virtual "
                        "memory) and restart."
                    ),
                    zh="训练时用 --workers 0 或 2；把页面文件设为系统管理，或设为 16～32 GB（虚拟内存），然后重启。",
                )
            ),
        ),
    )


def _largest(swap: Swap) -> int:
    """Return how large a page file of fixed limits may become."""
    said = swap.settings.get("maximum_mib", "")
    return int(said) * MIB if said.isdigit() else 0
