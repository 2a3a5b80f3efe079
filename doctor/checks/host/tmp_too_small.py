"""The temporary folder is too small for pip to unpack large wheels.

## What it checks
Compares the free space of the temporary folder with what pip needs there, when that folder is a file system of its
own (mostly a RAM disk).

## Why it matters
pip downloads and unpacks into the temporary folder first. On many systems `/tmp` is a RAM disk of a few hundred
megabytes: the installation of torch then stops with `No space left on device`, while the disk itself has plenty.

## Example
A Raspberry Pi with `tmpfs /tmp 214M`: `pip install opencv-python` fails with errno 28.

## Fix
Point `TMPDIR` to a folder on the disk for that command: `mkdir -p ~/tmp && TMPDIR=~/tmp pip install …`. Safe: nothing
on the system changes.
"""

from typing import Iterator

from doctor.facts import Facts, Host, Nvidia, Storage, Torch
from doctor.model import NOTE, WARNING, Finding, Manual
from doctor.registry import check
from doctor.text import Text
from doctor.units import GIB, MIB, size

EXPLAIN_ZH = """临时目录太小，pip 解压不了大的 wheel。

## 检查什么
当临时目录是单独的文件系统（多半是内存盘）时，比较它的剩余空间和 pip 的需要。

## 为什么重要
pip 会先在临时目录里下载和解压。很多系统的 `/tmp` 是只有几百 MB 的内存盘：安装 torch 时会报
`No space left on device`，而硬盘其实还很空。

## 示例
树莓派上 `tmpfs /tmp 214M`：`pip install opencv-python` 报 errno 28。

## 修复
执行这条命令时把 `TMPDIR` 指到硬盘上的目录：`mkdir -p ~/tmp && TMPDIR=~/tmp pip install …`。不会改动系统。
"""

#: not even the wheels of numpy and OpenCV fit
TINY = 256 * MIB


def _needed(facts: Facts) -> int:
    """Return the bytes that installing torch takes in the temporary folder on such a machine."""
    host = facts.maybe(Host)
    if host and host.machine.lower().startswith(("armv6", "armv7", "armv8l")):
        return GIB // 2
    # a CUDA build brings about 2.5 GB of nvidia-* wheels, all of them held until the installation begins
    return 4 * GIB if facts.maybe(Nvidia) else GIB


@check(
    code="tmp-too-small",
    severity=WARNING,
    summary=Text(
        en="The temporary folder is too small for pip to unpack large wheels.",
        zh="临时目录太小，pip 解压不了大的 wheel。",
    ),
    message=Text(
        en="The temporary folder {path} has only {free} free; installing torch needs about {needed} there.",
        zh="临时目录 {path} 只剩 {free}，安装 torch 大约需要 {needed}。",
    ),
    cause=Text(
        en=(
            "{path} is a {filesystem} of its own ({total}). pip unpacks there and reports a full disk although the "
            "disk is not full."
        ),
        zh="{path} 是单独的 {filesystem}（共 {total}）。pip 在这里解压，空间不够就报磁盘已满，而硬盘其实没满。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Storage, Host, Nvidia, Torch),
)
def tmp_too_small(facts: Facts, matrix) -> Iterator[Finding]:
    storage = facts.need(Storage)
    place = storage.place("tmp")
    environment = storage.place("environment") if "environment" not in storage.silent else None
    if place is None or place.total_bytes <= 0 or place.read_only or _same_disk(place, environment):
        return
    needed = _needed(facts)
    if place.free_bytes >= needed:
        return
    urgent = place.free_bytes < TINY or facts.state(Torch) is None
    yield Finding(
        params={
            "path": place.path,
            "filesystem": place.filesystem,
            "total": size(place.total_bytes),
            "free": size(place.free_bytes),
            "free_bytes": place.free_bytes,
            "needed": size(needed),
            "needed_bytes": needed,
        },
        evidence=(
            "%s: %s, %s free of %s" % (place.path, place.filesystem, size(place.free_bytes), size(place.total_bytes)),
        ),
        severity=None if urgent else NOTE,
        remedies=(
            Manual(
                Text(
                    en="Give pip another temporary folder: mkdir -p ~/tmp && TMPDIR=~/tmp python -m pip install …",
                    zh="给 pip 换一个临时目录：mkdir -p ~/tmp && TMPDIR=~/tmp python -m pip install …",
                )
            ),
        ),
    )


def _same_disk(place, environment) -> bool:
    """A folder on the disk of the environment is disk-full's business."""
    if place.filesystem in ("tmpfs", "ramfs") or environment is None:
        return False
    if place.mount and environment.mount:
        return place.mount == environment.mount
    return (place.total_bytes, place.filesystem) == (environment.total_bytes, environment.filesystem)
