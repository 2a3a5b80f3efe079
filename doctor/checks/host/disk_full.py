"""A disk that training or pip must write to is full, or nearly so.

## What it checks
Looks at the free bytes and free file entries (inodes) where the environment, the project, pip's cache and the
temporary folder lie.

## Why it matters
A full disk stops pip in the middle of an installation and leaves a broken package behind; a checkpoint that could not
be written costs the epoch. A disk can also be full of small files: `No space left on device` although `df -h` shows
room.

## Example
The environment lies on a partition with 90 MB free: `pip install torch` stops with
`OSError: [Errno 28] No space left on device`.

## Fix
Free space: `pip cache purge`, old environments and checkpoints, `docker system prune`. `df -h` and `df -i` show which
disk it is.
"""

from typing import Any, Dict, Iterator, List, Tuple

from doctor.facts import Facts, Host, Nvidia, Place, Project, Storage, Torch
from doctor.model import ERROR, NOTE, WARNING, Finding, Manual
from doctor.registry import Signature, check
from doctor.text import Text
from doctor.units import GIB, MIB, size

EXPLAIN_ZH = """训练或 pip 要写入的磁盘已满或快满。

## 检查什么
查看环境、项目、pip 缓存和临时目录所在磁盘的剩余空间和剩余 inode。

## 为什么重要
磁盘满会让 pip 装到一半中断，留下损坏的包；checkpoint 写不进去，这个 epoch 就白跑了。小文件太多也会占满磁盘：`df -h`
看着还有 空间，却报 `No space left on device`。

## 示例
环境所在分区只剩 90 MB：`pip install torch` 报 `OSError: [Errno 28] No space left on device`。

## 修复
清理空间：`pip cache purge`、不用的环境和旧的 checkpoint、`docker system prune`。用 `df -h` 和 `df -i` 看是哪块盘。
"""

#: less than this and nearly any write fails soon
FULL = 100 * MIB
#: one set of checkpoints of a small detector, and its logs
PROJECT = GIB
#: what installing torch takes on disk: a CPU build, and a CUDA build with its nvidia-* wheels
CPU_TORCH, CUDA_TORCH = 1 * GIB, 8 * GIB
INODES = 1000

#: what matters most comes first: the finding of a disk is named after it
ORDER = ("environment", "project", "tmp", "cache", "root")

INODES_TITLE = Text(
    en="The disk of {path} has no room for more files: {inodes} file entries (inodes) left.",
    zh="{path} 所在磁盘放不下更多文件：inode 只剩 {inodes} 个。",
)
INODES_CAUSE = Text(
    en="Bytes are free ({free}), but the file system ran out of file entries; writing fails as on a full disk.",
    zh="空间还有 {free}，但文件系统的 inode 用完了，写入时同样报磁盘已满。",
)


#: The full device is /dev/shm (a listing of file systems that merely names it says nothing), or what is full is the
#: kernel's list of watched files.
_NOT_THE_DISK = (
    r"inotify|max_user_watches|file watchers",
    r"</torch_\w{1,40}>|/dev/shm/\w|/dev/shm.{0,80}No space left|No space left on device.{0,60}/dev/shm|nccl-shm-",
)
SIGNATURES = (
    Signature(
        r"\[Errno 28\] (?:No space left on device|设备上没有空间)|\[Errno 122\] Disk quota exceeded",
        unless=_NOT_THE_DISK,
    ),
    Signature(
        r"No space left on dev(?:ice|\w{0,3}$)|Disk quota exceeded|设备上没有空间|磁盘空间不足|"
        r"裝置上已無多餘空間|デバイスに空き領域がありません|장치에 남은 공간이 없|디스크 공간이 부족|"
        r"kein Speicherplatz mehr|Aucun espace disponible sur le périphérique|No queda espacio en el dispositivo|"
        r"Não há espaço disponível no dispositivo|Spazio esaurito sul device|не осталось свободного места",
        "high",
        unless=_NOT_THE_DISK,
    ),
    Signature(r"\[WinError 112\]|There is not enough space on the disk|\(os error (?:112|28)\)"),
    Signature(
        r"NotEnoughDiskSpace\w*|You don'?t have enough free space in /|(?:磁盘|硬盘|"
        r"硬碟)(?:空间)?(?:已满|满了)"
    ),
    Signature(
        r"database or disk is full|\bENOSPC\b|[Nn]ot enough (?:free )?(?:disk )?space (?:on|"
        r"in) (?:the )?(?:disk|device|drive|/)",
        unless=_NOT_THE_DISK,
    ),
    Signature(r"Not enough free disk space to download", "medium", warning=True),
    Signature(r"PytorchStreamWriter failed writing (?:file|central directory)|unexpected pos \d+ vs \d+", "medium"),
    # told in words
    Signature(
        r"\b(?:dis[ck]|drive|partition|SD card) (?:is|was|got|became|gets) (?:almost )?(?:full|saturated)\b",
        "low",
    ),
    Signature(
        r"(?:of|no more|not enough|insufficient) (?:free )?disk space|"
        r"(?-i:[A-Z]盘满了)|"
        r"磁盘空间不足|磁盘空间不够|存储空间不足|"
        r"ディスクの空き容量が不足|ディスク容量不足",
        "low",
    ),
)


@check(
    code="disk-full",
    severity=ERROR,
    summary=Text(en="A disk that training or pip writes to is full.", zh="训练或 pip 要写入的磁盘已满。"),
    message=Text(
        en="The disk of {path} has only {free} free.",
        zh="{path} 所在磁盘只剩 {free}。",
    ),
    cause=Text(
        en="{free} of {total} are free; about {needed} is needed there.",
        zh="总共 {total}，只剩 {free}，大约需要 {needed}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Storage, Host, Nvidia, Torch, Project),
    signatures=SIGNATURES,
)
def disk_full(facts: Facts, matrix) -> Iterator[Finding]:
    storage = facts.need(Storage)
    found = False
    for places in _disks(storage.places):
        first = places[0]
        purposes = [place.purpose for place in places]
        free, inodes = min(place.free_bytes for place in places), first.free_inodes
        needed = max(_needed(purpose, facts) for purpose in purposes)
        out_of_inodes = inodes is not None and inodes < INODES
        if free >= needed and not out_of_inodes:
            continue
        found = True
        yield Finding(
            params={
                "path": first.path,
                "purposes": ", ".join(purposes),
                "free": size(free),
                "free_bytes": free,
                "total": size(first.total_bytes),
                "needed": size(needed),
                "needed_bytes": needed,
                "inodes": inodes,
            },
            evidence=tuple(
                "%s: %s, %s free" % (place.path, place.filesystem, size(place.free_bytes)) for place in places
            ),
            severity=_severity(free, needed, purposes, out_of_inodes),
            title=INODES_TITLE if free >= needed else None,
            cause=INODES_CAUSE if free >= needed else None,
            remedies=(
                Manual(
                    Text(
                        en=(
                            "Free space there: `python -m pip cache purge`, old environments and checkpoints; "
                            "`df -h` and `df -i` show the disks."
                        ),
                        zh=(
                            "清理这块盘：`python -m pip cache purge`、不用的环境和旧 checkpoint；用 `df -h`、"
                            "`df -i` 查看。"
                        ),
                    )
                ),
            ),
        )
    for purpose in ORDER if not found else ():
        storage.place(purpose)  # a disk that does not answer may be full


def _disks(places: Tuple[Place, ...]) -> List[List[Place]]:
    """Return the places that can be full, those of one disk together, the most important first."""
    disks: List[List[Place]] = []
    known: Dict[Any, List[Place]] = {}
    for place in sorted(places, key=lambda item: ORDER.index(item.purpose) if item.purpose in ORDER else len(ORDER)):
        if place.purpose not in ORDER or place.read_only or place.total_bytes <= 0:
            continue
        if place.purpose == "tmp" and place.filesystem in ("tmpfs", "ramfs"):
            continue  # tmp-too-small
        key = place.mount or (place.filesystem, place.total_bytes, place.free_bytes)
        if key not in known:
            known[key] = []
            disks.append(known[key])
        known[key].append(place)
    return disks


def _needed(purpose: str, facts: Facts) -> int:
    """Return the free bytes below which something is worth saying."""
    if purpose == "environment":
        if facts.state(Torch) is not None:
            return 2 * FULL
        return CUDA_TORCH if facts.maybe(Nvidia) else CPU_TORCH
    if purpose == "project":
        return PROJECT if facts.maybe(Project) else FULL
    return FULL


def _severity(free: int, needed: int, purposes: List[str], out_of_inodes: bool) -> str:
    if free < FULL or out_of_inodes:
        # a full cache only makes pip slower, and what else lies on / is not ours to judge
        return ERROR if set(purposes) & {"environment", "project", "tmp"} else WARNING
    return WARNING if free < needed / 2 else NOTE
