"""A folder that must be written to lies on a read-only file system.

## What it checks
Looks at how the file systems of the environment, the project and the temporary folder are mounted.

## Why it matters
Linux remounts a disk read-only when it finds errors on it: a worn SD card or a failing disk. Everything then fails in
odd ways: `OSError: [Errno 30] Read-only file system`, pip cannot install, checkpoints are not written. Some systems
are read-only on purpose (a cluster's shared software, a container started with `--read-only`); that is told apart.

## Example
A Raspberry Pi whose SD card had write errors: `/` is mounted `ro`, and nothing can be installed.

## Fix
Save your data and look at `dmesg` for errors of the disk. After a check of the file system
`sudo mount -o remount,rw /` brings it back; an SD card that does this should be replaced. On a shared system make
your own environment in your home folder.
"""

from typing import Iterator

from doctor.facts import Facts, Host, Place, Storage
from doctor.model import ERROR, NOTE, WARNING, Finding, Manual
from doctor.registry import Signature, check
from doctor.text import Text

EXPLAIN_ZH = """必须写入的目录在只读文件系统上。

## 检查什么
查看环境、项目和临时目录所在文件系统的挂载方式。

## 为什么重要
Linux 发现磁盘出错时会把它重新挂载为只读：SD 卡磨损或硬盘将坏。之后各种操作都会以奇怪的方式失败：
`OSError: [Errno 30] Read-only file system`、pip 装不了包、checkpoint 写不进去。
有些系统是有意只读的（集群的公共软件目录、用 `--read-only` 启动的容器），这里会区分开。

## 示例
树莓派的 SD 卡出现写错误：`/` 被挂载为 `ro`，什么都装不上。

## 修复
先备份数据，用 `dmesg` 看磁盘错误。检查文件系统后用 `sudo mount -o remount,rw /` 恢复；反复这样的 SD 卡应当更换。
公共系统上请在 自己的主目录里建环境。
"""

#: made to be written to: read-only here means that something went wrong
WRITABLE = ("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "vfat", "exfat", "ntfs", "ntfs3", "fuseblk", "apfs", "hfs")

PURPOSES = ("environment", "project", "tmp", "root")

FAILING = Text(
    en=(
        "{path} lies on a disk that was mounted read-only. On {filesystem} that mostly means errors on the disk or "
        "card."
    ),
    zh="{path} 所在磁盘被挂载为只读。对 {filesystem} 来说，这多半意味着磁盘或存储卡出错。",
)


SIGNATURES = (
    Signature(
        r"\[Errno 30\]|Read[- ]only file ?system|[Rr]emounting filesystem read-only|只读文件系统|唯讀檔案系統|"
        r"読み込み専用ファイルシステム|읽기 전용 파일 ?시스템|Dateisystem ist nur lesbar|"
        r"Système de fichiers accessible en lecture seul|[Ss]istema de (?:ficheros|archivos) de (?:sólo|solo) lectura|"
        r"Sistema de arquivos somente leitura|File system in sola lettura|только для чтения"
    ),
    # told in words
    Signature(
        r"(?:file ?system|SD card|disk|partition|drive|volume)\b.{0,30}\bread[- ]only|"
        r"变成只读|变为只读|只读挂载",
        "low",
    ),
    Signature(r"(?:stored|folder|directory|input|path)\b.{0,40}\bread-only", "low"),
)


@check(
    code="storage-read-only",
    severity=ERROR,
    summary=Text(
        en="A folder that must be written to lies on a read-only file system.",
        zh="必须写入的目录在只读文件系统上。",
    ),
    message=Text(
        en="{path} is on a read-only file system ({filesystem}).",
        zh="{path} 在只读文件系统（{filesystem}）上。",
    ),
    cause=Text(
        en="{path} cannot be written to: the {filesystem} file system is mounted read-only on purpose.",
        zh="{path} 不能写入：{filesystem} 文件系统是有意只读挂载的。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Storage, Host),
    signatures=SIGNATURES,
)
def storage_read_only(facts: Facts, matrix) -> Iterator[Finding]:
    host, storage = facts.maybe(Host), facts.need(Storage)
    reported = set()
    for purpose in PURPOSES:
        place = next((one for one in storage.places if one.purpose == purpose), None)
        if place is None or not place.read_only:
            continue
        disk = place.mount or place.path
        failing = place.filesystem in WRITABLE and not (host and host.container)
        if disk in reported or (purpose == "root" and not failing):
            continue
        reported.add(disk)
        yield Finding(
            params={"path": place.path, "purpose": purpose, "filesystem": place.filesystem},
            evidence=("%s: %s, ro" % (place.mount or place.path, place.filesystem),),
            severity=_severity(purpose, failing),
            cause=FAILING if failing else None,
            remedies=(_remedy(place, failing),),
        )
    for purpose in PURPOSES if not reported else ():
        storage.place(purpose)  # of a disk that does not answer it cannot be said


def _severity(purpose: str, failing: bool) -> str:
    if failing or purpose == "tmp":
        return ERROR  # without a temporary folder neither pip nor DataLoader workers start
    return NOTE if purpose == "environment" else WARNING


def _remedy(place: Place, failing: bool) -> Manual:
    if failing:
        return Manual(
            Text(
                en=(
                    "Save your data and look at `dmesg`; after checking the file system run "
                    "`sudo mount -o remount,rw MOUNT`."
                ),
                zh="先备份数据并查看 `dmesg`；检查文件系统后执行 `sudo mount -o remount,rw 挂载点`。",
            )
        )
    if place.purpose == "tmp":
        return Manual(
            Text(
                en="Set TMPDIR to a folder that can be written to, or mount a tmpfs at {path}.",
                zh="把 TMPDIR 设为可写的目录，或在 {path} 挂载 tmpfs。",
            )
        )
    return Manual(
        Text(
            en=(
                "Make your own environment in your home folder: python3 -m venv ~/ml; keep projects and "
                "checkpoints there too."
            ),
            zh="在主目录里建自己的环境：python3 -m venv ~/ml；项目和 checkpoint 也放在那里。",
        )
    )
