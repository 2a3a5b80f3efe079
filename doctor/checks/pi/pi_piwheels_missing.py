"""pip on a 32-bit Raspberry Pi gets nothing of use from piwheels, the only index with wheels for it.

## What it checks
Merges pip's settings as pip does (every file, then the environment) and looks for piwheels.org in `index-url` and
`extra-index-url`, when the target Python is 32-bit ARM. And whether the target is the Python that the release ships:
piwheels builds for that one only, on that release.

## Why it matters
The package index has next to no wheels for armv7l: without piwheels, pip takes the source of numpy or opencv-python
and compiles for hours. Raspberry Pi OS names piwheels in `/etc/pip.conf`; an `extra-index-url` in one's own file,
or an edit of that one, replaces it. No mirror of the package index carries the files of piwheels.

A Python from pyenv, conda or elsewhere is worse off: its files at piwheels, if there are any, were built on the release
that ships this Python. On an older system they fail with `GLIBC_2.34' not found`, on a newer one for want of libraries
that it no longer has; and what apt installs, such as picamera2, is invisible to it.

## Example
`/etc/pip.conf` rewritten with two mirrors, as many guides say; `pip3 install opencv-python` then builds and dies.
Or Python 3.11 from pyenv on buster, whose own is 3.7: piwheels has files for 3.11, made on bookworm.

## Fix
Keep the mirror as `index-url` and give piwheels as the extra index:
`extra-index-url = https://www.piwheels.org/simple`. Instead of another Python take the system's own:
`/usr/bin/python3 -m venv --system-site-packages ~/ml`.
"""

from typing import Iterator, List, Set

from ...facts import Board, Facts, Host, PipConfig, Python
from ...model import Finding, Manual
from ...pi_os import RELEASES, Release, release
from ...registry import check
from ...text import Text
from ._board import raspberry_pi

EXPLAIN_ZH = """32 位树莓派上的 pip 用不上 piwheels，而只有它提供适用的 wheel。

## 检查什么
目标 Python 是 32 位 ARM 时，按 pip 的方式合并所有配置文件和环境变量，查看 `index-url` 和 `extra-index-url` 中是否有
piwheels.org。并查看目标是否是系统自带的 Python：piwheels 只在各个系统版本上为它自带的 Python 构建。

## 为什么重要
包索引几乎没有 armv7l 的 wheel：没有 piwheels，pip 会下载 numpy 或 opencv-python 的源码编译几个小时。树莓派系统在
`/etc/pip.conf` 中写好了 piwheels，而自己文件里的 `extra-index-url`，或对该文件的修改，会把它替换掉。任何包索引镜像
都不含 piwheels 的文件。

用 pyenv、conda 等装的另一个 Python 更麻烦：piwheels 上即使有它的文件，也是在自带该 Python 的系统版本上构建的。在更旧
的系统上会报 `GLIBC_2.34' not found`，在更新的系统上会缺少已被移除的库；apt 安装的包（例如 picamera2）它也看不到。

## 示例
按很多教程把 `/etc/pip.conf` 改成两个镜像后，`pip3 install opencv-python` 就会编译并失败。又如在自带 Python 3.7 的
buster 上用 pyenv 装 3.11：piwheels 上 3.11 的文件是在 bookworm 上构建的。

## 修复
镜像用作 `index-url`，piwheels 用作额外索引：`extra-index-url = https://www.piwheels.org/simple`。不要另装 Python，
使用系统自带的：`/usr/bin/python3 -m venv --system-site-packages ~/ml`。
"""

PIWHEELS = "https://www.piwheels.org/simple"

OTHER_PYTHON = Text(
    "piwheels builds for Python {system_python} of {codename}; this is Python {python}.",
    "piwheels 为 {codename} 自带的 Python {system_python} 构建；而这是 Python {python}。",
)
NO_FILES = Text(
    "For {tag} it has no files at all, so pip compiles numpy and OpenCV from source.",
    "它完全没有 {tag} 的文件，pip 会从源码编译 numpy 和 OpenCV。",
)
BUILT_NEWER = Text(
    "Its files for {tag} were built on {built_on} (glibc {built_glibc}); on {codename} (glibc {glibc}) they fail with "
    "GLIBC_… not found.",
    "它的 {tag} 文件是在 {built_on}（glibc {built_glibc}）上构建的，"
    "在 {codename}（glibc {glibc}）上会报 GLIBC_… not found。",
)
BUILT_OLDER = Text(
    "Its files for {tag} were built on {built_on} and load that release's libraries; {codename} lacks some of them.",
    "它的 {tag} 文件是在 {built_on} 上构建的，会加载该版本的库，而 {codename} 已不再提供其中一些。",
)
SYSTEM_PYTHON = Text(
    "Use the Python that {codename} ships: /usr/bin/python3 -m venv --system-site-packages ~/ml, then ~/ml/bin/python "
    "-m pip install …",
    "使用 {codename} 自带的 Python：/usr/bin/python3 -m venv --system-site-packages ~/ml，然后 "
    "~/ml/bin/python -m pip install …",
)


@check(
    code="pi-piwheels-missing",
    severity="warning",
    summary=Text(
        "pip gets no wheels from piwheels on a 32-bit Pi: not asked, or another Python",
        "32 位树莓派上的 pip 用不上 piwheels：没有使用它，或不是系统自带的 Python",
    ),
    message=Text(
        "pip does not ask piwheels, the only index with {platform} wheels.",
        "pip 没有使用 piwheels，而只有它提供 {platform} 的 wheel。",
    ),
    cause=Text(
        "No extra-index-url names piwheels.org, so pip compiles numpy and OpenCV from source.",
        "没有 extra-index-url 指向 piwheels.org，pip 会从源码编译 numpy 和 OpenCV。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Board, Host, Python, PipConfig),
)
def pi_piwheels_missing(facts: Facts, matrix) -> Iterator[Finding]:
    raspberry_pi(facts)
    python = facts.need(Python)
    if python.platform not in ("linux_armv7l", "linux_armv6l"):
        return
    host = facts.maybe(Host)
    known = release(host.codename) if host is not None else None
    if host is not None and known is None:
        return  # its files are built for Raspberry Pi OS; on another system they are no loss
    if known is not None and python.minor != _minor(known):
        yield _other_python(python, known)
        return
    config = facts.find(PipConfig)
    settings = config.settings if config else ()
    index = config.get("index-url") if config else None
    extra = config.get("extra-index-url") if config else None
    if any(item is not None and "piwheels.org" in item.value for item in (index, extra)):
        return
    dropped = [item for item in settings if item.name.endswith("extra-index-url") and "piwheels.org" in item.value]
    place = extra.source if extra else (index.source if index else "/etc/pip.conf")
    # A second mirror of the whole index adds requests but no files: it makes room for piwheels.
    mirrors = _mirror_hosts(matrix)
    others: List[str] = [address for address in (extra.value.split() if extra else []) if _host(address) not in mirrors]
    line = "extra-index-url = %s" % "\n                  ".join(others + [PIWHEELS])
    params = {
        "platform": python.platform,
        "file": place,
        "dropped": dropped[0].source if dropped else None,
        "line": line,
        "piwheels": PIWHEELS,
    }
    evidence = [
        "%s: %s = %s" % (item.source, item.name, " ".join(item.value.split())) for item in (index, extra) if item
    ]
    cause = None
    if dropped:
        evidence.insert(0, "%s: %s = %s" % (dropped[0].source, dropped[0].name, " ".join(dropped[0].value.split())))
        cause = Text(
            "extra-index-url in {file} replaces the one in {dropped} that names piwheels; pip does not add them up.",
            "{file} 中的 extra-index-url 覆盖了 {dropped} 中指向 piwheels 的设置；pip 不会把它们相加。",
        )
    remedy = Text("In {file}, under [global], write:\n{line}", "在 {file} 的 [global] 下写入：\n{line}")
    if place.startswith("environment "):
        remedy = Text(
            "Unset the variable ({file}), or add {piwheels} to it.", "取消该变量（{file}），或在其中加上 {piwheels}。"
        )
    yield Finding(params=params, evidence=tuple(evidence), cause=cause, remedies=(Manual(remedy),))


def _other_python(python: Python, known: Release) -> Finding:
    """Return the finding for a Python that is not the release's own."""
    built = next((item for item in RELEASES.values() if _minor(item) == python.minor), None)
    params = {
        "platform": python.platform,
        "python": python.version,
        "tag": "cp" + python.minor.replace(".", ""),
        "executable": python.executable,
        "codename": known.codename,
        "glibc": known.glibc,
        "system_python": known.python,
        "built_on": built.codename if built else None,
        "built_glibc": built.glibc if built else None,
    }
    cause = NO_FILES if built is None else BUILT_NEWER if built.debian > known.debian else BUILT_OLDER
    return Finding(
        params=params,
        title=OTHER_PYTHON,
        cause=cause,
        evidence=("%s: Python %s" % (python.executable, python.version),),
        remedies=(Manual(SYSTEM_PYTHON),),
    )


def _minor(known: Release) -> str:
    """Return the release's Python as 3.11."""
    return known.python.rpartition(".")[0]


def _mirror_hosts(matrix) -> Set[str]:
    """Return the hosts of known mirrors of the package index."""
    rows = matrix.table("mirrors.pip_indexes") or () if matrix is not None else ()
    return {_host(row[key]) for row in rows for key in ("url", "alt", "old") if row.get(key)}


def _host(address: str) -> str:
    return address.partition("://")[2].partition("/")[0].partition(":")[0].lower()
