"""The records of installed packages are damaged, doubled, or left over from an interrupted install.

## What it checks
Looks into every `dist-info` folder: is METADATA there, is RECORD there and not empty, are the files it lists on
disk; is a package recorded twice in one folder; did an interrupted pip leave `~orch` folders behind.

## Why it matters
pip believes these records. With METADATA gone it shows version `None` and "already satisfied"; with an empty RECORD
it cannot uninstall; with two records it removes one and leaves a mixture. `pip check` and `pip list` do not
complain.

## Example
numpy's folder renamed to `~umpy` by an interrupted upgrade on Windows: `No module named 'numpy'`, while `pip list`
still shows it.

## Fix
Puts the same version of a damaged package back; deletes what an interrupted install left behind.
"""

from typing import Any, Dict, Iterator, List, Tuple

from ...facts import Distribution, Distributions, Facts, NativeModules
from ...model import ERROR, NOTE, WARNING, Finding, Manual, Reinstall, Remove
from ...record import replace
from ...registry import check
from ...text import Text
from ._stack import STACK

EXPLAIN_ZH = """已安装包的记录损坏、重复，或者是安装中断后留下的残余。

## 检查什么
查看每个 `dist-info` 目录：METADATA 在不在，RECORD 在不在、是否为空，列出的文件是否存在；同一个包是否在同一目录里登
记了两次；中断的 pip 是否留下了 `~orch` 之类的目录。

## 为什么重要
pip 只相信这些记录。METADATA 丢了就显示版本 `None` 并声称“已满足”；RECORD 为空就无法卸载；登记两次时只会卸载一份，剩
下混合的文件。 `pip check` 和 `pip list` 都不会报错。

## 示例
Windows 上升级中断，numpy 目录被改名成 `~umpy`：报 `No module named 'numpy'`，而 `pip list` 里仍然有它。

## 修复
重新安装同一版本的损坏包，删除安装中断留下的目录。
"""

LEFT_TITLE = Text(
    "An interrupted install left folders behind: {folders}.",
    "安装中断留下了目录：{folders}。",
)
LEFT_CAUSE = Text(
    "pip renames what it replaces to {folders} and deletes it at the end; it never got there. They take up space and "
    "cause warnings.",
    "pip 会先把要替换的内容改名为 {folders}，最后再删除，但没有执行到那一步。它们占用空间，并导致警告。",
)
TWICE_TITLE = Text("{packages} is recorded twice.", "{packages} 被登记了两次。")
TWICE_CAUSE = Text(
    "{folders} both describe {packages}; which one pip sees is chance, and the files may be a mixture of both.",
    "{folders} 都描述 {packages}；pip 看到哪一份全凭运气，文件也可能是两者的混合。",
)
BY_HAND = Text(
    "{packages}: the version is not known any more; install it again with the version you need.",
    "{packages}：已经无法得知版本，请按需要的版本重新安装。",
)


@check(
    code="metadata-corrupt",
    severity=ERROR,
    summary=Text("Records of installed packages are damaged or doubled.", "已安装包的记录损坏或重复。"),
    message=Text("The installation of {packages} is damaged ({health}).", "{packages} 的安装已损坏（{health}）。"),
    cause=Text(
        "{folders}: {health}. pip trusts these records and can neither see nor mend this by itself.",
        "{folders}：{health}。pip 只相信这些记录，自己看不出也修不好。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Distributions, NativeModules),
)
def metadata_corrupt(facts: Facts, matrix) -> Iterator[Finding]:
    distributions = facts.need(Distributions)
    damaged = [item for item in distributions.items if item.health != "ok" and not item.editable]
    damaged.extend(_robbed(facts, distributions))
    grave = [item for item in damaged if item.health in ("files-missing", "no-metadata")]
    light = [item for item in damaged if item not in grave]
    for items in (grave, light):
        if items:
            yield _damaged(facts, items, ERROR if items is grave and _stops(items) else WARNING)
    for name, twice in _twice(distributions):
        versions = {item.version for item in twice}
        yield Finding(
            params=_params(twice, "duplicate", name),
            evidence=tuple("%s/%s" % (item.location, item.folder) for item in twice),
            severity=ERROR if len(versions) > 1 and name in STACK else WARNING,
            title=TWICE_TITLE,
            cause=TWICE_CAUSE,
            remedies=(_reinstall(twice[-1]),),
        )
    if distributions.leftovers:
        folders = [path.replace("\\", "/").rpartition("/")[2] for path in distributions.leftovers]
        yield Finding(
            params={
                "folders": ", ".join(folders),
                "packages": "",
                "health": "leftover",
                "paths": list(distributions.leftovers),
            },
            evidence=tuple(distributions.leftovers),
            severity=WARNING if len(folders) < 50 else NOTE,
            title=LEFT_TITLE,
            cause=LEFT_CAUSE,
            remedies=(Remove(paths=tuple(distributions.leftovers)),),
        )


def _robbed(facts: Facts, distributions: Distributions) -> Iterator[Distribution]:
    """Yield packages whose files another one's uninstall took along: they shared a folder, and this one is left."""
    native = facts.maybe(NativeModules)
    owners = native.ownership if native is not None else ()
    for owner in owners:
        alone = not any(other.package == owner.package and other is not owner for other in owners)
        item = distributions.find(owner.distribution)
        if alone and owner.missing and item is not None and item.health == "ok":
            yield replace(item, health="files-missing")


def _stops(items: List[Distribution]) -> bool:
    """Tell whether something that training needs is among the damaged."""
    return any(item.name in STACK for item in items) or any(item.health == "files-missing" for item in items)


def _params(items: List[Distribution], health: str, packages: str) -> Dict[str, Any]:
    return {
        "packages": packages,
        "health": health,
        "folders": ", ".join(item.folder for item in items),
        "distributions": sorted({item.name for item in items}),
    }


def _damaged(facts: Facts, items: List[Distribution], severity: str) -> Finding:
    health = ", ".join(sorted({item.health for item in items}))
    packages = ", ".join("%s %s" % (item.name, item.version or "?") for item in items)
    unknown = [item for item in items if item.version is None]
    remedies: List[Any] = [_reinstall(item) for item in items if item not in unknown]
    remedies.extend(Reinstall(item.name, _version_in_folder(item)) for item in unknown if _version_in_folder(item))
    if any(not _version_in_folder(item) for item in unknown):
        remedies.append(Manual(BY_HAND))
    return Finding(
        params=_params(items, health, packages),
        evidence=tuple("%s/%s: %s" % (item.location, item.folder, item.health) for item in items[:20]),
        severity=severity,
        remedies=tuple(remedies),
    )


def _reinstall(item: Distribution) -> Reinstall:
    return Reinstall(item.name, item.version)


def _version_in_folder(item: Distribution) -> Any:
    """Return the version that the folder's name still tells: ``requests-2.31.0.dist-info``."""
    stem = item.folder[: -len(".dist-info")] if item.folder.endswith(".dist-info") else ""
    return stem.rpartition("-")[2] if "-" in stem else None


def _twice(distributions: Distributions) -> Iterator[Tuple[str, List[Distribution]]]:
    seen: Dict[Tuple[str, str], List[Distribution]] = {}
    for item in distributions.items:
        if not item.location.endswith("/lib/python3/dist-packages"):  # apt's folder: some packages ship both kinds
            seen.setdefault((item.location, item.name), []).append(item)
    for (_, name), items in seen.items():
        if len(items) > 1:
            yield name, items
