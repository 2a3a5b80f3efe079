"""Taking a fix back, now or later; listing the fixes; freeing their space."""

import hashlib
import json
import os
import re
import shutil
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..model import DoctorError
from ..text import Text
from . import snapshot, state
from .journal import Journal, all_journals
from .options import APPLIED, NOTHING, ROLLED_BACK, UNDONE, FixResult, Past
from .progress import Progress
from .signals import PUTTING_BACK, unstoppable

#: how a finished fix ended, by its last record
ENDED = {"kept": APPLIED, "rolled-back": ROLLED_BACK, "undone": UNDONE}


def undo(prefix: str, progress: Optional[Progress] = None) -> FixResult:
    """Put back what an interrupted fix, else the last kept one, changed; raises DoctorError when that is not safe."""
    folder = state.folder(prefix)
    if not os.path.isdir(folder):
        return FixResult(NOTHING, 0, NOTHING_TO_UNDO)
    state.trust(folder, directory=True)
    progress = progress or Progress()
    with state.Lock(folder), unstoppable(progress, PUTTING_BACK):
        shutil.rmtree(os.path.join(folder, "scratch"), ignore_errors=True)
        journal = _interrupted(folder, prefix)
        if journal is not None:
            records = journal.read()
            if records and records[-1].get("event") in ENDED:
                journal.mark_finished()  # it had ended; only the mark was left
                if records[-1]["event"] == "kept":
                    return undo_last(folder, prefix)
                drop(journal)
                return FixResult(UNDONE, 0, IS_BACK)
            _same_prefix(records, prefix)
            return _undone(journal, put_back(journal, _goal(records)))
        return undo_last(folder, prefix)


def undo_last(folder: str, prefix: str) -> FixResult:
    """Take back the last fix that was kept and whose snapshot is still there."""
    for journal in reversed(all_journals(folder)):
        records = journal.read()
        if _ending(records) != APPLIED:
            continue
        if not os.path.exists(os.path.join(journal.folder, snapshot.MANIFEST)):
            break
        _same_prefix(records, prefix)
        _still_ours(records)
        journal.write("undo")
        journal.mark_active()
        return _undone(journal, put_back(journal, UNDONE))
    return FixResult(NOTHING, 0, NOTHING_TO_UNDO)


def _undone(journal: Journal, aside: Sequence[str]) -> FixResult:
    if not aside:
        return FixResult(UNDONE, 0, IS_BACK)
    params = {"files": ", ".join(aside), "folder": os.path.join(journal.folder, "changed-since")}
    return FixResult(UNDONE, 0, IS_BACK_ASIDE, params)


def put_back(journal: Journal, goal: str) -> List[str]:
    """Restore the environment of a fix, note it, and drop the snapshot; may be cut short and repeated.

    Returns the files that someone changed after the fix: they are kept aside.
    """
    from . import source

    records = journal.read()
    begin, taken = _first(records, "begin"), _first(records, "snapshot")
    journal.use_reserve()
    outside = _first(records, "outside")
    aside: List[str] = []
    if taken is not None and begin is not None:
        kept = snapshot.load(journal.folder, str(begin["prefix"]), str(taken["manifest_sha256"]))
        journal.write("restore", goal=goal)
        left = _left(journal, records)
        if left is not None:
            aside += snapshot.set_aside(kept, left, os.path.join(journal.folder, "changed-since"))
        snapshot.restore(kept, journal.folder)
    for item in (outside or {}).get("files", ()):
        changed = source.put_back(item, journal.folder)
        aside += [changed] if changed else []
    journal.write({UNDONE: "undone", ROLLED_BACK: "rolled-back"}[goal])
    journal.mark_finished()
    drop(journal)
    return aside


def _goal(records: Sequence[Mapping[str, Any]]) -> str:
    return UNDONE if _first(records, "kept") is not None else ROLLED_BACK


def _left(journal: Journal, records: Sequence[Mapping[str, Any]]) -> Optional[Mapping[str, Sequence[int]]]:
    """Return what a kept fix had left behind, or None for one that was cut short before."""
    kept = _first(records, "kept")
    if kept is None:
        return None
    path = os.path.join(journal.folder, "after.json")
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise DoctorError(snapshot.DAMAGED, path=path, detail=str(error))
    if hashlib.sha256(data).hexdigest() != kept.get("after_sha256"):
        raise DoctorError(snapshot.DAMAGED, path=path)
    return json.loads(data.decode("ascii"))


def _first(records: Sequence[Mapping[str, Any]], event: str) -> Optional[Mapping[str, Any]]:
    return next((record for record in records if record.get("event") == event), None)


def _ending(records: Sequence[Mapping[str, Any]]) -> str:
    """Return how a fix ended; ``interrupted`` when its journal does not say."""
    for record in reversed(records):
        if record.get("event") in ENDED:
            return ENDED[record["event"]]
    return "interrupted"


def _interrupted(folder: str, prefix: str) -> Optional[Journal]:
    id = state.active(prefix)
    if id is None:
        return None
    if not re.match(r"\d{8}-\d{6}(-\d+)?$", id):
        raise DoctorError(state.NOT_OURS, state.NOT_OURS_HINT, path=os.path.join(folder, state.ACTIVE))
    return Journal(folder, id)


def _same_prefix(records: Sequence[Mapping[str, Any]], prefix: str) -> None:
    begin = _first(records, "begin")
    if begin is None or begin.get("prefix") != os.path.realpath(prefix):
        raise DoctorError(OTHER_PREFIX, other=str((begin or {}).get("prefix")), path=prefix)


def _still_ours(records: Sequence[Mapping[str, Any]]) -> None:
    """Raise DoctorError when a distribution that the fix moved has been moved again since."""
    from packaging.utils import canonicalize_name

    begin = _first(records, "begin") or {}
    after = {name: version for name, _, version in begin.get("changes", ())}
    found: Dict[str, List[str]] = {}
    for place in begin.get("site_packages", ()):
        for folder in os.listdir(place) if os.path.isdir(place) else ():
            match = re.match(r"(.+?)-([^-]+)\.(dist-info|egg-info)$", folder)
            if match and canonicalize_name(match.group(1)) in after:
                found.setdefault(canonicalize_name(match.group(1)), []).append(match.group(2))
    for name, version in after.items():
        now = found.get(name, [])
        if now != ([version] if version else []):
            raise DoctorError(
                MOVED_AGAIN, MOVED_AGAIN_HINT, name=name, version=version or "-", now=", ".join(now) or "-"
            )


def drop(journal: Journal) -> int:
    """Delete what a fix kept, but not its journal; return the bytes that became free."""
    freed = 0
    for name in ("files", "outside", snapshot.MANIFEST, "after.json"):
        path = os.path.join(journal.folder, name)
        freed += size_of(path)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.lexists(path):
            os.unlink(path)
    return freed


def size_of(path: str) -> int:
    """Return the bytes that deleting a file or folder frees: files with another name elsewhere free nothing."""
    if not os.path.isdir(path) or os.path.islink(path):
        try:
            found = os.lstat(path)
        except OSError:
            return 0
        return found.st_size if found.st_nlink == 1 else 0
    return sum(size_of(os.path.join(path, name)) for name in os.listdir(path))


def history(prefix: str) -> List[Past]:
    """Return the fixes made in this environment, oldest first; one whose journal cannot be read is left out."""
    past: List[Past] = []
    last = None
    for journal in all_journals(state.folder(prefix)):
        try:
            records = journal.read()
        except DoctorError:
            continue
        begin = _first(records, "begin")
        if begin is None:
            continue
        result = _ending(records)
        snapshot_there = os.path.exists(os.path.join(journal.folder, snapshot.MANIFEST))
        if result == APPLIED and snapshot_there:
            last = len(past)
        commands = tuple(" ".join(argv) for argv in begin.get("commands", ()))
        changes = tuple(
            "%s %s -> %s" % (name, before or "-", after or "-") for name, before, after in begin.get("changes", ())
        )
        interrupted = result == "interrupted" and state.active(prefix) == journal.id
        size = size_of(os.path.join(journal.folder, "files"))
        past.append(Past(journal.id, str(begin["time"]), result, commands, changes, interrupted, size))
    if last is not None and not any(item.undoable for item in past):
        past[last] = past[last]._replace(undoable=True)
    return past


def forget(prefix: str) -> int:
    """Delete the snapshots of finished fixes and what they downloaded; return the bytes that became free.

    Raises DoctorError while a fix is interrupted: its snapshot is the only way back.
    """
    from .shelf import forget as forget_download

    folder = state.folder(prefix)
    if not os.path.isdir(folder):
        return 0
    state.trust(folder, directory=True)
    with state.Lock(folder):
        if state.active(prefix):
            raise DoctorError(STILL_NEEDED, STILL_NEEDED_HINT)
        freed = 0
        for journal in all_journals(folder):
            begin = _first(journal.read(), "begin") or {}
            freed += drop(journal) + sum(forget_download(name) for name in begin.get("files", ()))
        return freed


NOTHING_TO_UNDO = Text("There is no fix to undo here.", "这里没有可以撤销的修复。")
IS_BACK = Text("The environment is as it was before the fix.", "环境已恢复到修复之前的状态。")
IS_BACK_ASIDE = Text(
    "The environment is as it was before the fix. Files that were changed since are kept in {folder}: {files}.",
    "环境已恢复到修复之前的状态。之后改动过的文件保存在 {folder}：{files}。",
)
OTHER_PREFIX = Text(
    "This journal belongs to another environment ({other}), not to {path}; nothing was changed.",
    "该修复日志属于另一个环境（{other}），而不是 {path}，没有做任何改动。",
)
MOVED_AGAIN = Text(
    "{name} was changed after the fix (it left {version}, now there is {now}), so undoing it would mix two versions.",
    "修复之后 {name} 又被改动过（修复后为 {version}，现在是 {now}），此时撤销会混入两个版本。",
)
MOVED_AGAIN_HINT = Text(
    "Install {name} {version} again and undo then, or free the snapshot with `doctor fix --forget`.",
    "可先装回 {name} {version} 再撤销，或用 `doctor fix --forget` 删除快照。",
)
STILL_NEEDED = Text("An interrupted fix still needs its snapshot.", "被中断的修复还需要它的快照。")
STILL_NEEDED_HINT = Text("Put the environment back first: `doctor fix --undo`.", "请先恢复环境：`doctor fix --undo`。")
