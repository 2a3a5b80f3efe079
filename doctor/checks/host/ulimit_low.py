"""A resource limit of this session is too low for training.

## What it checks
Reads the soft limits of the session: open files, processes and address space.

## Why it matters
Every `DataLoader` worker keeps files and shared tensors open and starts threads. With a low limit training stops with
`OSError: [Errno 24] Too many open files`, `received 0 items of ancdata`, `can't start new thread` or
`pthread_create failed`. A limited address space makes CUDA's start-up fail, because it reserves far more than it
uses.

## Example
`ulimit -n` prints 256, the default on macOS: eight workers run out of files in the first epoch.

## Fix
`ulimit -n 65535` in the shell that starts the training, as far as the hard limit allows; above it a line in
`/etc/security/limits.conf`, `LimitNOFILE=` in a service, or `--ulimit nofile=65535` for a container.
"""

from typing import Iterator

from doctor.facts import Facts, Host, Limits, Torch
from doctor.model import WARNING, Finding, Manual
from doctor.registry import check
from doctor.text import Text
from doctor.units import GIB, size

EXPLAIN_ZH = """当前会话的资源限制太低，训练会受影响。

## 检查什么
读取当前会话的软限制：打开文件数、进程数和地址空间。

## 为什么重要
每个 `DataLoader` worker 都要打开文件、共享张量并创建线程。限制太低时训练会报
`OSError: [Errno 24] Too many open files`、`received 0 items of ancdata`、`can't start new thread` 或
`pthread_create failed`。地址空间受限时 CUDA 初始化会失败，因为它预留的 地址远多于实际使用的内存。

## 示例
`ulimit -n` 显示 256（macOS 的默认值）：8 个 worker 第一个 epoch 就会用完。

## 修复
在启动训练的终端里执行 `ulimit -n 65535`（不能超过硬限制）；要超过硬限制，改 `/etc/security/limits.conf`、服务的
`LimitNOFILE=`，容器则加 `--ulimit nofile=65535`。
"""

#: the kernel's own default: common everywhere, and enough for a handful of workers
OPEN_FILES = 1024
PROCESSES = 512
#: CUDA reserves address space for all memory of all cards and of the host
ADDRESS_SPACE = 64 * GIB

OPEN_FILES_TITLE = Text(
    en="Only {limit} files may be open at once; DataLoader workers need more.",
    zh="最多只能同时打开 {limit} 个文件，DataLoader 的 worker 不够用。",
)
PROCESSES_TITLE = Text(
    en="Only {limit} processes and threads may run; torch and its workers need more.",
    zh="最多只能有 {limit} 个进程和线程，torch 和 worker 不够用。",
)
ADDRESS_SPACE_TITLE = Text(
    en="The address space is limited to {limit}; CUDA reserves more than that at start.",
    zh="地址空间限制为 {limit}，CUDA 启动时预留的就比这多。",
)


@check(
    code="ulimit-low",
    severity=WARNING,
    summary=Text(en="A resource limit (ulimit) is too low for training.", zh="资源限制（ulimit）太低，训练会受影响。"),
    message=Text(
        en="The limit ulimit {option} is {limit}; {needed} is advised.",
        zh="ulimit {option} 的限制是 {limit}，建议 {needed}。",
    ),
    cause=Text(
        en="ulimit {option} is {limit} in this session; {needed} or more is advised for training.",
        zh="当前会话的 ulimit {option} 为 {limit}，训练建议不低于 {needed}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Limits, Host, Torch),
)
def ulimit_low(facts: Facts, matrix) -> Iterator[Finding]:
    limits = facts.need(Limits)
    host, torch = facts.maybe(Host), facts.maybe(Torch)
    container = bool(host and host.container)
    if limits.open_files is not None and limits.open_files < OPEN_FILES:
        reachable = limits.hard_open_files is None or limits.hard_open_files >= OPEN_FILES
        yield _finding("-n", limits.open_files, 65535, OPEN_FILES_TITLE, _open_files_remedy(container, reachable))
    if limits.processes is not None and limits.processes < PROCESSES:
        yield _finding("-u", limits.processes, 4096, PROCESSES_TITLE, PROCESSES_REMEDY)
    if limits.address_space_bytes is not None and limits.address_space_bytes < ADDRESS_SPACE and torch and torch.cuda:
        yield _finding("-v", size(limits.address_space_bytes), "unlimited", ADDRESS_SPACE_TITLE, ADDRESS_SPACE_REMEDY)


def _finding(option, limit, needed, title, remedy) -> Finding:
    return Finding(
        params={"option": option, "limit": limit, "needed": needed},
        evidence=("ulimit %s: %s" % (option, limit),),
        title=title,
        remedies=(remedy,),
    )


PROCESSES_REMEDY = Manual(
    Text(
        en="Run `ulimit -u 4096` before training, or have the limit raised (nproc in /etc/security/limits.conf).",
        zh="训练前执行 `ulimit -u 4096`，或请管理员提高上限（/etc/security/limits.conf 的 nproc）。",
    )
)
ADDRESS_SPACE_REMEDY = Manual(
    Text(
        en=(
            "Run `ulimit -v unlimited` before training; on a cluster ask for the job's memory instead of limiting "
            "it with ulimit."
        ),
        zh="训练前执行 `ulimit -v unlimited`；在集群上应向作业系统申请内存，而不是用 ulimit 限制。",
    )
)


def _open_files_remedy(container: bool, reachable: bool) -> Manual:
    if reachable:
        return Manual(
            Text(
                en="Run `ulimit -n 65535` (or `ulimit -n hard`) in the shell that starts the training.",
                zh="在启动训练的终端里执行 `ulimit -n 65535`（或 `ulimit -n hard`）。",
            )
        )
    if container:
        return Manual(
            Text(
                en="Start the container with --ulimit nofile=65535:65535.",
                zh="启动容器时加 --ulimit nofile=65535:65535。",
            )
        )
    return Manual(
        Text(
            en="Add `* - nofile 65535` to /etc/security/limits.conf and log in again.",
            zh="在 /etc/security/limits.conf 加一行 `* - nofile 65535`，然后重新登录。",
        )
    )
