"""Shared memory is too small for DataLoader workers.

## What it checks
Looks at the size of `/dev/shm` and at what is still free in it, in containers and on ordinary Linux systems.

## Why it matters
The worker processes of a `DataLoader` hand their batches over through `/dev/shm`. A container gets 64 MiB of it
unless it is told otherwise; a batch of 16 images of 640 × 640 takes 19 MiB as bytes and 75 MiB as floats. When the
space runs out the worker dies with `Bus error (core dumped)` or `DataLoader worker … is killed by signal: Bus error`,
often only after minutes.

## Example
`docker run --gpus all IMAGE` without `--shm-size`: `/dev/shm` has 64 MiB and training with `--workers 8` stops.

## Fix
Start the container with `--shm-size=8g` or `--ipc=host` (in Compose `shm_size: 8gb`, in Kubernetes an `emptyDir` with
`medium: Memory` mounted at `/dev/shm`). Where that is not possible, train with `--workers 0`: slower, but it runs.
"""

from typing import Iterator

from doctor.facts import Facts, Host, Memory, Project, Storage, Torch
from doctor.model import ERROR, NOTE, WARNING, Finding, Manual, System
from doctor.registry import Signature, check
from doctor.text import Text
from doctor.units import GIB, MIB, size

EXPLAIN_ZH = """共享内存太小，DataLoader 的 worker 进程不够用。

## 检查什么
查看 `/dev/shm` 的总大小和剩余空间，容器和普通 Linux 系统都查。

## 为什么重要
`DataLoader` 的 worker 进程通过 `/dev/shm` 传递每个 batch。容器默认只有 64 MiB；16 张 640 × 640 的图片按字节存要 19
MiB，按浮点数存要 75 MiB。空间用完时 worker 会以 `Bus error (core dumped)` 或
`DataLoader worker … is killed by signal: Bus error` 退出，而且往往训练了几分钟才出现。

## 示例
`docker run --gpus all IMAGE` 没有加 `--shm-size`：`/dev/shm` 只有 64 MiB，用 `--workers 8` 训练会中断。

## 修复
启动容器时加 `--shm-size=8g` 或 `--ipc=host`（Compose 写 `shm_size: 8gb`；Kubernetes 把 `medium: Memory` 的 `emptyDir`
挂到 `/dev/shm`）。改不了容器参数时用 `--workers 0` 训练：慢一些，但能跑。
"""

#: below this a single batch of ordinary images does not fit
ONE_BATCH = 128 * MIB
#: below this eight workers that prefetch two batches each run out
EIGHT_WORKERS = 512 * MIB

FULL = Text(
    en="/dev/shm is nearly full: {free} free of {total}.",
    zh="/dev/shm 快满了：总共 {total}，只剩 {free}。",
)
FULL_CAUSE = Text(
    en="DataLoader workers pass batches through {path}. Files left there by processes that died take up the space.",
    zh="DataLoader 的 worker 通过 {path} 传递 batch，空间被异常退出的进程留下的文件占住了。",
)


SIGNATURES = (
    Signature(r"killed by signal: Bus error", outranks=("out-of-memory-host",)),
    Signature(r"dataloader'?s workers are out of shared memory|insufficient shared memory \(shm\)"),
    Signature(r"unable to write to file </torch_\w{1,40}>", outranks=("disk-full",)),
    Signature(
        r"unable to (?:open shared memory object|allocate shared memory\(shm\) for file|"
        r"mmap \d+ bytes from(?: file)?) </torch_\w{1,40}>(?!.{0,60}Too many open files)",
        outranks=("disk-full", "out-of-memory-host"),
    ),
    Signature(
        r"(?:Error while creating shared memory segment|Error: failed to extend|"
        r"unable to (?:create|resize)) /dev/shm/\S{2,60}",
        outranks=("disk-full",),
    ),
    Signature(
        r"/dev/shm.{0,120}No space left on device|No space left on device.{0,60}/dev/shm|"
        r"shm_open.{0,80}No space left",
        outranks=("disk-full",),
    ),
    Signature(r"ncclShm(?:Open|Setup|Alloc)", "medium"),
    Signature(
        r"posix_fallocate failed ?: No space left on device|"
        r"Error while creating shared memory segment \S{0,20}nccl-\S{2,60}",
        outranks=("disk-full",),
    ),
    Signature(
        r"received 0 items of ancdata",
        "low",
        cause=Text(
            "Workers share tensors through open files and ran out of them (ulimit -n); the sharing strategy "
            "file_system avoids it.",
            "worker 之间用打开的文件共享张量，而可打开的文件数用完了（ulimit -n）；改用 file_system 共享策略可以避免。",
        ),
    ),
    Signature(
        r"(?:increase|increasing|too small|not enough).{0,40}(?:--shm-size|/dev/shm)|"
        r"--shm-size.{0,60}(?:increase|larger|too small)",
        "medium",
        unless=(r"out of resource: shared memory",),
    ),
    # told in words
    Signature(
        r"(?:add|with|increase|set|use|using|need|加上).{0,40}--shm-size|"
        r"(?:add|with|set|use|using|need|加上).{0,40}--ipc[= ]host",
        "low",
        requires=(r"DataLoader|\bworkers?\b|shared memory|/dev/shm|Bus error|共享内存",),
    ),
    Signature(
        r"increase (?:the )?shared memory|"
        r"(?:out of|insufficient|not enough) shared memory|shared memory limit|"
        r"/dev/shm is (?:only|just|too)|"
        r"共享内存不足|共享内存不够|共享内存太小",
        "low",
        unless=(r"out of resource: shared memory",),
    ),
    Signature(
        r"^(?:\S{0,60}[:#] )?Bus error\b|shared[_ ]memory error|enlarge (?:the )?(?:/dev/shm|shm)",
        "low",
        unless=(r"^zsh: ",),
    ),
)


@check(
    code="shm-too-small",
    severity=ERROR,
    summary=Text(
        en="Shared memory (/dev/shm) is too small for DataLoader workers.",
        zh="共享内存（/dev/shm）太小，DataLoader 的 worker 不够用。",
    ),
    message=Text(
        en="{path} has only {total}: DataLoader workers need more.",
        zh="{path} 只有 {total}，不够 DataLoader 的 worker 使用。",
    ),
    cause=Text(
        en=(
            "Workers pass batches through {path}; when it is full they are killed by a bus error. {needed} is "
            "enough for eight workers."
        ),
        zh="worker 通过 {path} 传递 batch，空间用完就会被 Bus error 杀掉。8 个 worker 需要 {needed}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Storage, Host, Memory, Torch, Project),
    signatures=SIGNATURES,
)
def shm_too_small(facts: Facts, matrix) -> Iterator[Finding]:
    place = facts.need(Storage).place("shm")
    if place is None or place.total_bytes <= 0:
        return
    host, memory, project = facts.maybe(Host), facts.maybe(Memory), facts.maybe(Project)
    container = host.container if host else None
    full = place.total_bytes >= EIGHT_WORKERS and place.free_bytes < ONE_BATCH
    if place.total_bytes >= EIGHT_WORKERS and not full:
        return
    if not full and not container and memory and place.total_bytes >= 0.4 * memory.total_bytes:
        return  # the kernel's own default on a small board: nobody made it small, and memory is the real limit
    severity = ERROR if place.total_bytes < ONE_BATCH else WARNING
    trains = facts.state(Torch) is not None or (project is not None and "torch" in project.imports)
    yield Finding(
        params={
            "path": place.path,
            "total": size(place.total_bytes),
            "free": size(place.free_bytes),
            "total_bytes": place.total_bytes,
            "free_bytes": place.free_bytes,
            "needed": size(EIGHT_WORKERS),
            "container": container,
        },
        evidence=("%s: %s, %s" % (place.path, place.filesystem, size(place.total_bytes)),),
        severity=severity if trains else NOTE,
        title=FULL if full else None,
        cause=FULL_CAUSE if full else None,
        remedies=(_remedy(container, full, memory),),
    )


def _remedy(container, full, memory):
    if full:
        return Manual(
            Text(
                en=(
                    "See what fills it with `ls -l /dev/shm`, and delete files there whose process is gone "
                    "(torch_*, sem.*)."
                ),
                zh="用 `ls -l /dev/shm` 查看占用，删掉进程已不存在的文件（torch_*、sem.*）。",
            )
        )
    if container:
        return Manual(
            Text(
                en="Start the container with --shm-size=8g or --ipc=host; until then train with --workers 0.",
                zh="启动容器时加 --shm-size=8g 或 --ipc=host；在此之前用 --workers 0 训练。",
            )
        )
    half = max(1, (memory.total_bytes // 2 if memory else 2 * GIB) // GIB)
    return System(
        Text(
            en="Enlarge /dev/shm until the next restart, and raise size= in its line of /etc/fstab to keep it.",
            zh="先把 /dev/shm 扩大（重启后失效），要长期生效再改 /etc/fstab 里那一行的 size=。",
        ),
        (("mount", "-o", "remount,size=%dG" % half, "/dev/shm"),),
    )
