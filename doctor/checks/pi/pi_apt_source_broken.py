"""apt takes packages from an archive that has moved, is for another release, or does not exist at that address.

## What it checks
Each address in `/etc/apt` against the release: archives that were moved away (stretch, buster), a suite of another
release, addresses of mirrors that are spelled wrongly, the 32-bit archive on a 64-bit system and the other way
round, and a stored `Suite` that the archive has changed since.

## Why it matters
`apt update` answers `404` or refuses to go on, and no library that a wheel needs can be installed. An archive of
another release or architecture is worse: it installs packages that do not belong to the system.

## Example
buster with `deb http://raspbian.raspberrypi.org/raspbian/ buster …`: that archive has had no buster since the end
of 2025. `E: Repository … changed its 'Suite' value from 'stable' to 'oldstable'` is only a question and no broken
mirror.

## Fix
For buster: `http://legacy.raspbian.org/raspbian/`. For a changed Suite: `sudo apt-get update
--allow-releaseinfo-change`. Otherwise: correct the address or the suite in the named file.
"""

from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from ...facts import Apt, AptSource, Board, Facts, Host, MissingFact
from ...model import ERROR, WARNING, Finding, Manual, Remedy, System
from ...pi_os import ARCHIVED, LEGACY_RASPBIAN, RELEASES, Release, release
from ...registry import Signature, check
from ...text import Text
from ._board import raspberry_pi

EXPLAIN_ZH = """apt 的软件源已搬走、属于别的系统版本，或地址不存在。

## 检查什么
把 `/etc/apt` 中的每个地址与系统版本对照：已搬走的源（stretch、buster）、别的版本的 suite、写错的镜像地址、64 位系统
使用 32 位源（或相反），以及软件源后来改变了的 `Suite`。

## 为什么重要
`apt update` 报 `404` 或拒绝继续，wheel 需要的系统库就装不上。别的版本或架构的源更糟：会装上不属于这个系统的包。

## 示例
buster 使用 `deb http://raspbian.raspberrypi.org/raspbian/ buster …`：该源自 2025 年底起不再有 buster。
`E: Repository … changed its 'Suite' value from 'stable' to 'oldstable'` 只是一个确认，不是镜像坏了。

## 修复
buster 使用 `http://legacy.raspbian.org/raspbian/`；Suite 改变时执行
`sudo apt-get update --allow-releaseinfo-change`；其他情况在所指文件中改正地址或 suite。
"""


#: Hosts of the raspbian archive itself; every other host that carries it is a mirror.
RASPBIAN = (
    "raspbian.raspberrypi.org",
    "raspbian.raspberrypi.com",
    "mirrordirector.raspbian.org",
    "archive.raspbian.org",
)
LEGACY = ("legacy.raspbian.org", "legacy.raspberrypi.org")
OTHER_CODENAMES = ("wheezy", "jessie", "forky", "sid")
ALIASES = ("stable", "oldstable", "oldoldstable", "testing", "unstable")

#: Mirrors whose path people get wrong: (host ending, wrong path, right path), from the mirrors' own help pages.
PATHS = (
    ("tuna.tsinghua.edu.cn", "raspbian", "raspbian/raspbian"),
    ("tuna.tsinghua.edu.cn", "raspberrypi/debian", "raspberrypi"),
    ("ustc.edu.cn", "raspbian", "raspbian/raspbian"),
    ("ustc.edu.cn", "raspberrypi", "raspberrypi/debian"),
)


class Problem(NamedTuple):
    kind: str
    severity: str
    title: Text
    cause: Text
    #: address that would be right, where one is known
    right: Optional[str] = None


ARCHIVE_MOVED = Text("{uri} has no {suite} any more.", "{uri} 已经没有 {suite}。")
ARCHIVE_MOVED_WHY = Text(
    "The archive of {suite} was moved to {right} at the end of 2025; apt answers 404 here.",
    "{suite} 的源在 2025 年底移到了 {right}，在这里 apt 会报 404。",
)
MIRROR_MAY_BE_GONE = Text("The mirror {uri} may have no {suite} any more.", "镜像 {uri} 可能已经没有 {suite}。")
MIRROR_MAY_BE_GONE_WHY = Text(
    "Mirrors follow the archive, which moved {suite} to {right} at the end of 2025.",
    "镜像跟随主源，而主源在 2025 年底把 {suite} 移到了 {right}。",
)
WRONG_PATH = Text("The address {uri} does not exist on that mirror.", "镜像上没有 {uri} 这个地址。")
WRONG_PATH_WHY = Text("The mirror's own help names {right}.", "镜像的帮助页面给出的地址是 {right}。")
OTHER_RELEASE = Text(
    "{uri} is set to {suite}, but this system is {codename}.", "{uri} 设为 {suite}，而本系统是 {codename}。"
)
OTHER_RELEASE_WHY = Text(
    "Packages of another release do not fit this one's libraries; the next upgrade would mix both.",
    "别的版本的软件包与本系统的库不匹配，下一次升级会把两者混在一起。",
)
MOVING = Text("{uri} is set to '{suite}', which changes its meaning.", "{uri} 设为 '{suite}'，它的含义会变化。")
MOVING_WHY = Text(
    "'{suite}' is another release after every new Debian; name {codename} instead.",
    "每次 Debian 发布新版后 '{suite}' 都会指向另一个版本，请直接写 {codename}。",
)
OTHER_WIDTH = Text("{uri} is not for this system's architecture.", "{uri} 不适用于本系统的架构。")
OTHER_WIDTH_64 = Text(
    "That archive has armhf packages only; 64-bit Raspberry Pi OS takes its packages from Debian.",
    "该源只有 armhf 软件包；64 位树莓派系统使用 Debian 的源。",
)
OTHER_WIDTH_32 = Text(
    "32-bit Raspberry Pi OS is built for ARMv6; Debian's armhf packages are ARMv7 and break a Pi Zero or Pi 1.",
    "32 位树莓派系统是为 ARMv6 构建的；Debian 的 armhf 软件包是 ARMv7，会使 Pi Zero 和 Pi 1 无法运行。",
)
CHANGED = Text(
    "apt will ask about {uri}: its Suite is no longer '{recorded}'.",
    "apt 会就 {uri} 询问：其 Suite 已不再是 '{recorded}'。",
)
CHANGED_WHY = Text(
    "A newer Debian came out, so {suite} is called something else now; this is a question, not a broken mirror.",
    "Debian 发布了新版本，{suite} 现在有了别的称呼；这只是一个确认，不是镜像坏了。",
)


ONLY_A_QUESTION = Text(
    "A newer Debian came out, so this release is called something else now; apt asks whether that is right.",
    "Debian 发布了新版本，本系统版本现在有了别的称呼，apt 要求确认。",
)
ACCEPT = System(
    Text("Accept the new name of the suite.", "确认新的 Suite 名称。"),
    (("apt-get", "update", "--allow-releaseinfo-change"),),
)
ARCHIVED_HERE = Text(
    "On buster and older the archive has moved: write http://legacy.raspbian.org/raspbian/ in place of the raspbian "
    "address in /etc/apt/sources.list, then: sudo apt-get update. On a newer release correct the address or the suite.",
    "buster 及更旧版本的软件源已搬走：在 /etc/apt/sources.list 中把 raspbian 的地址改为 "
    "http://legacy.raspbian.org/raspbian/，再执行：sudo apt-get update。更新的版本请改正地址或 suite。",
)

SIGNATURES = (
    Signature(
        r"The repository '(?P<source>[^']{5,200})' (?:does not have|no longer has) a Release file|"
        r"仓库 ?.{3,120} (?:没有|不再含有) Release ?文件"
    ),
    Signature(
        r"changed its 'Suite' value from|必须在更新之前显式接受|must be accepted explicitly before updates",
        cause=ONLY_A_QUESTION,
        remedies=(ACCEPT,),
    ),
    Signature(r"public key is not available: NO_PUBKEY|NO_PUBKEY [0-9A-F]{8,40}|没有公钥,? ?无法验证"),
    Signature(r"Failed to fetch (?P<source>https?://\S{5,200}) .{0,10}404 +Not Found|E: Failed to fetch .{5,200}404"),
    Signature(
        r"^Err:\d+ (?P<source>https?://\S{5,200}) .{0,120}(?:Release|InRelease|"
        r"Packages) 404 Not Found",
        "high",
    ),
    # apt in Chinese: the same lines as "Err:1 ..." and "E: Failed to fetch ...".
    Signature(
        r"^(?:错误|錯誤) ?[:：] ?\d+ (?P<source>https?://\S{5,200}) .{0,120}404 +Not Found|"
        r"(?:无法下载|無法下載|无法获取) (?P<file>https?://\S{5,300}) .{0,20}404 +Not Found",
        "high",
    ),
    # a key that apt does not accept (Debian 13 asks sqv), a list that does not fit the file, a line that is no source
    Signature(
        r"Sub-process /usr/bin/(?:sqv|gpgv) returned an error code|"
        r"The repository '(?P<source>[^']{5,200})' is not signed|(?:EXPKEYSIG|KEYEXPIRED|REVKEYSIG|"
        r"BADSIG) [0-9A-F]{8,40}|"
        r"signatures? (?:couldn't be verified|were invalid)"
    ),
    Signature(r"(?:Failed to fetch|Err:\d+) (?P<source>https?://\S{5,200}).{0,120} Hash Sum mismatch", "high"),
    Signature(
        r"Malformed entry \d+ in (?:list|sources) file|The list of sources could not be read|"
        r"Type '.{1,40}' is not known on line \d+ in source list|Conflicting values set for option Signed-By"
    ),
    Signature(
        r"Das Depot .{3,120} (?:enthält|hat) keine Release-Datei|Le dépôt .{3,120} de fichier (?:de )?(?:« )?Release|"
        r"El repositorio .{3,120} no (?:tiene|contiene) un (?:fichero|archivo) de Publicación|"
        r"O repositório .{3,120} não tem um arquivo Release"
    ),
    Signature(r"Skipping acquire of configured file .{3,200} as repository", "low", warning=True),
    Signature(
        r"you have held broken packages|dpkg was interrupted, you must manually run|"
        r"Sub-process /usr/bin/dpkg returned an error code",
        "low",
    ),
    Signature(r"Release file for (?P<source>\S{5,200}) is expired", "medium"),
    Signature(
        r"(?:Some index files failed to download|部分索引文件下载失败)",
        "medium",
        unless=(r"Temporary failure resolving|Could not connect|暂时不能解析",),
    ),
    Signature(
        r"At least one invalid signature was encountered|\bGPG error: https?://(?P<repository>\S{3,120})", "high"
    ),
    # told in words
    Signature(
        r"apt(?:-get)? update .{0,20}(?:fail|404|error|broken)|"
        r"moved to legacy\.raspbian",
        "low",
    ),
)


@check(
    code="pi-apt-source-broken",
    severity="error",
    summary=Text("An apt source has moved, or does not belong to this release", "apt 软件源已搬走或不属于本系统版本"),
    message=ARCHIVE_MOVED,
    cause=ARCHIVE_MOVED_WHY,
    explain_zh=EXPLAIN_ZH,
    needs=(Board, Host, Apt),
    signatures=SIGNATURES,
    remedies=(Manual(ARCHIVED_HERE),),
)
def pi_apt_source_broken(facts: Facts, matrix) -> Iterator[Finding]:
    board = raspberry_pi(facts)
    host = facts.need(Host)
    apt = facts.need(Apt)
    if not host.codename:
        raise MissingFact("host", "the release of the system is not known")
    known = release(host.codename)
    if known is None or host.distro not in ("raspbian", "debian"):
        return
    thirty_two = host.distro == "raspbian" or board.userland_bits == 32
    found: Dict[Tuple[str, str, str], Tuple[Problem, List[AptSource]]] = {}
    for source in apt.sources:
        problem = judge(source, known, thirty_two)
        if problem is not None:
            found.setdefault((problem.kind, source.uri, _release_of(source.suite)), (problem, []))[1].append(source)
    for problem, sources in found.values():
        source = sources[0]
        yield Finding(
            params={
                "problem": problem.kind,
                "uri": source.uri,
                "suite": _release_of(source.suite),
                "codename": known.codename,
                "right": problem.right or "",
                "recorded": source.recorded_suite or "",
                "file": source.source,
            },
            evidence=tuple("%s: %s %s" % (item.source, item.uri, item.suite) for item in sources),
            severity=problem.severity,
            title=problem.title,
            cause=problem.cause,
            remedies=(_remedy(problem, source),),
        )


def judge(source: AptSource, known: Release, thirty_two: bool) -> Optional[Problem]:
    """Return what is wrong with one source on this release, the gravest first, or None."""
    host, path = _split(source.uri)
    suite = _release_of(source.suite)
    for ending, wrong, right in PATHS:
        if host.endswith(ending) and path == wrong:
            address = source.uri.split(host)[0] + host + "/" + right + "/"
            return Problem("wrong-path", ERROR, WRONG_PATH, WRONG_PATH_WHY, address)
    raspbian = path.split("/")[-1] == "raspbian"
    debian = path.split("/")[-1] == "debian" and "raspberrypi" not in source.uri
    if raspbian and not thirty_two:
        return Problem("other-architecture", ERROR, OTHER_WIDTH, OTHER_WIDTH_64)
    if debian and thirty_two and known.codename in RELEASES:
        return Problem("other-architecture", WARNING, OTHER_WIDTH, OTHER_WIDTH_32)
    if suite != known.codename and suite in tuple(RELEASES) + OTHER_CODENAMES:
        return Problem("other-release", WARNING, OTHER_RELEASE, OTHER_RELEASE_WHY)
    if suite in ALIASES:
        return Problem("moving-suite", WARNING, MOVING, MOVING_WHY)
    if raspbian and suite in ARCHIVED and host not in LEGACY:
        if host in RASPBIAN:
            return Problem("archived", ERROR, ARCHIVE_MOVED, ARCHIVE_MOVED_WHY, LEGACY_RASPBIAN)
        return Problem("archived", WARNING, MIRROR_MAY_BE_GONE, MIRROR_MAY_BE_GONE_WHY, LEGACY_RASPBIAN)
    if source.recorded_suite in ALIASES and known.alias != source.recorded_suite and _aged(source, known):
        return Problem("changed-suite", WARNING, CHANGED, CHANGED_WHY)
    return None


def _aged(source: AptSource, known: Release) -> bool:
    """Tell whether the stored name is one that this release certainly does not have any more."""
    if known.alias is not None:
        return ALIASES.index(str(source.recorded_suite)) < ALIASES.index(known.alias)
    return source.recorded_suite in ("stable", "oldstable")


def _split(uri: str) -> Tuple[str, str]:
    """Return host and path of an address, the path without slashes at its ends."""
    host, _, path = uri.partition("://")[2].partition("/")
    return host.partition(":")[0].lower(), path.strip("/")


def _release_of(suite: str) -> str:
    """Return the release in a suite: ``bookworm`` of bookworm-updates and of bookworm/updates."""
    return suite.partition("/")[0].partition("-")[0]


def _remedy(problem: Problem, source: AptSource) -> Remedy:
    path = source.source.rpartition(":")[0] or source.source
    if problem.kind == "changed-suite":
        return ACCEPT
    if problem.right and problem.severity == ERROR:
        return System(
            Text("Take the packages from {right}.", "改用 {right}。"),
            (("sed", "-i", "s#%s#%s#" % (source.uri, problem.right), path), ("apt-get", "update")),
            files=(path,),
        )
    if problem.right:
        return Manual(
            Text(
                "If apt-get update answers 404 for it, put {right} in its place in {file}, then: sudo apt-get update",
                "如果 apt-get update 对它报 404，请在 {file} 中改为 {right}，再执行：sudo apt-get update",
            )
        )
    if problem.kind in ("other-release", "moving-suite"):
        return Manual(
            Text(
                "Write {codename} instead of {suite} in {file}, then: sudo apt-get update",
                "在 {file} 中把 {suite} 改为 {codename}，再执行：sudo apt-get update",
            )
        )
    return Manual(
        Text(
            "Take that line out of {file}, then: sudo apt-get update",
            "从 {file} 中删除该行，再执行：sudo apt-get update",
        )
    )
