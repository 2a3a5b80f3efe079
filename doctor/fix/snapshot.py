"""Every file that a fix may change, kept so that each can be put back as it was.

A file of the environment is never written to: uv shares its contents with its cache and with other environments. What
is put back is a new name for the kept file, moved into place.
"""

import hashlib
import json
import os
import shutil
import stat
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set

from ..model import DoctorError
from ..text import Text
from .journal import checkpoint, write_atomically
from .state import settle

MANIFEST = "manifest.json"
#: name under which a file is put beside its place before it is moved there
TEMPORARY = ".tmp-doctor"
CHUNK = 1 << 20


class Kept(NamedTuple):
    """One file, link or folder as it was before."""

    #: file, link or dir
    kind: str
    mode: int
    mtime_ns: int
    size: int
    sha256: Optional[str] = None
    #: name in the snapshot's ``files`` folder
    store: Optional[str] = None
    #: the kept file is a second name of the original, not a copy
    linked: bool = False
    #: where a link points
    target: Optional[str] = None


class Snapshot(NamedTuple):
    """What was there, and what the fix may have put there; paths are relative to ``root``."""

    root: str
    kept: Mapping[str, Kept]
    #: files that the fix may create and that were not there before
    created: Sequence[str]
    #: folders that belong to the fix as a whole (metadata folders): what was not in them before is taken away
    own_folders: Sequence[str]
    #: folders in which an installer renames what it replaces (``~orch``)
    renamed_in: Sequence[str]
    #: names with ``~`` or ``.tmp`` that lay in those folders before
    renamed_before: Sequence[str]


def sha256_of(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(CHUNK), b""):
            digest.update(block)
    return digest.hexdigest()


def take(
    folder: str,
    root: str,
    paths: Iterable[str],
    own_folders: Iterable[str] = (),
    renamed_in: Iterable[str] = (),
    linkable: Callable[[str], bool] = lambda path: False,
) -> Snapshot:
    """Keep these files in ``folder`` and return the snapshot, whose manifest is then on disk.

    ``linkable`` says which files are only ever replaced, never written in place: those are hard-linked, all others
    copied. Paths that do not exist are those that the fix will create.
    """
    store = os.path.join(folder, "files")
    os.mkdir(store, 0o700)
    kept: Dict[str, Kept] = {}
    created: List[str] = []
    for path in sorted(set(paths)):
        relative = os.path.relpath(path, root)
        _keep_parents(kept, root, relative)
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            created.append(relative)
            continue
        if stat.S_ISLNK(found.st_mode):
            kept[relative] = Kept("link", 0o777, found.st_mtime_ns, 0, target=os.readlink(path))
        elif stat.S_ISREG(found.st_mode):
            name = "%06d" % len(kept)
            linked = linkable(path) and _link(path, os.path.join(store, name))
            digest = sha256_of(path) if linked else _copy(path, os.path.join(store, name), found)
            mode = stat.S_IMODE(found.st_mode)
            kept[relative] = Kept("file", mode, found.st_mtime_ns, found.st_size, digest, name, linked)
        elif stat.S_ISDIR(found.st_mode):
            kept[relative] = Kept("dir", stat.S_IMODE(found.st_mode), found.st_mtime_ns, 0)
        else:
            raise DoctorError(ODD_FILE, path=path)
    places = sorted({os.path.relpath(path, root) for path in renamed_in})
    before = [os.path.join(place, name) for place in places for name in _temporaries(os.path.join(root, place))]
    own = sorted(os.path.relpath(path, root) for path in own_folders)
    snapshot = Snapshot(root, kept, created, own, places, before)
    settle(store)
    write_atomically(os.path.join(folder, MANIFEST), dumps(_plain(snapshot)))
    return snapshot


def _keep_parents(kept: Dict[str, Kept], root: str, relative: str) -> None:
    parent = os.path.dirname(relative)
    while parent and parent not in kept:
        try:
            found = os.lstat(os.path.join(root, parent))
        except (FileNotFoundError, NotADirectoryError):
            pass
        else:
            if stat.S_ISDIR(found.st_mode):
                kept[parent] = Kept("dir", stat.S_IMODE(found.st_mode), found.st_mtime_ns, 0)
        parent = os.path.dirname(parent)


def _link(path: str, place: str) -> bool:
    try:
        os.link(path, place)
    except OSError:  # another file system, one without links, or too many of them
        return False
    return True


def _copy(path: str, place: str, found: os.stat_result) -> str:
    """Copy a file with its mode and time; return its sha256."""
    digest = hashlib.sha256()
    with open(path, "rb") as source, open(place, "xb") as copy:
        for block in iter(lambda: source.read(CHUNK), b""):
            digest.update(block)
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
    os.chmod(place, stat.S_IMODE(found.st_mode))
    os.utime(place, ns=(found.st_mtime_ns, found.st_mtime_ns))
    return digest.hexdigest()


def _temporaries(folder: str) -> List[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith(("~", ".tmp")))
    except OSError:
        return []


def _plain(snapshot: Snapshot) -> Dict[str, Any]:
    data: Dict[str, Any] = dict(snapshot._asdict())
    data["kept"] = {path: list(item) for path, item in snapshot.kept.items()}
    return data


def manifest_sha256(folder: str) -> str:
    return sha256_of(os.path.join(folder, MANIFEST))


def load(folder: str, root: str, sha256: str) -> Snapshot:
    """Read a snapshot back; raises DoctorError when it is not the one that the journal names or leaves ``root``."""
    path = os.path.join(folder, MANIFEST)
    try:
        if sha256_of(path) != sha256:
            raise DoctorError(DAMAGED, path=path)
        with open(path, encoding="ascii") as file:
            data = json.load(file)
        data["kept"] = {path: Kept(*item) for path, item in data["kept"].items()}
        snapshot = Snapshot(**data)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DoctorError(DAMAGED, path=path, detail=str(error))
    if snapshot.root != root:
        raise DoctorError(DAMAGED, path=path)
    for relative in [*snapshot.kept, *snapshot.created, *snapshot.own_folders, *snapshot.renamed_in]:
        within(root, relative, path)
    for item in snapshot.kept.values():
        if item.store is not None and not item.store.isdigit():
            raise DoctorError(DAMAGED, path=path)
    return snapshot


def within(root: str, relative: str, source: str) -> str:
    """Return the full path; raises DoctorError when links or dots lead it out of ``root``."""
    full = os.path.join(root, relative)
    parent = os.path.realpath(os.path.dirname(full))
    if os.path.isabs(relative) or ".." in relative.split(os.sep) or not (parent + os.sep).startswith(root + os.sep):
        raise DoctorError(LEAVES, path=relative, source=source)
    return full


def restore(snapshot: Snapshot, folder: str) -> None:
    """Make every file as it was and take away what the fix created; may be cut short and repeated.

    Raises DoctorError, before anything is changed, when a kept file is no longer what it was.
    """
    store = os.path.join(folder, "files")
    wrong = [
        (path, item) for path, item in snapshot.kept.items() if not _is_as_before(snapshot.root, path, item, store)
    ]
    for path, item in wrong:
        if item.store is not None and not _intact(os.path.join(store, item.store), item):
            raise DoctorError(ALTERED, path=path)
    _take_away(snapshot)
    for path, item in sorted(wrong):
        checkpoint("restore " + item.kind)
        _put_back(snapshot.root, path, item, store)
    for path, item in snapshot.kept.items():
        full = os.path.join(snapshot.root, path)
        if item.kind == "dir" and stat.S_IMODE(os.lstat(full).st_mode) != item.mode:
            os.chmod(full, item.mode)
    for parent in {os.path.dirname(path) for path, _ in wrong}:
        if os.path.isdir(os.path.join(snapshot.root, parent)):
            settle(os.path.join(snapshot.root, parent))


def _is_as_before(root: str, path: str, item: Kept, store: str) -> bool:
    full = os.path.join(root, path)
    try:
        found = os.lstat(full)
    except OSError:
        return False
    if item.kind == "dir":
        return stat.S_ISDIR(found.st_mode)
    if item.kind == "link":
        return stat.S_ISLNK(found.st_mode) and os.readlink(full) == item.target
    same = stat.S_ISREG(found.st_mode) and found.st_size == item.size and stat.S_IMODE(found.st_mode) == item.mode
    if not same or found.st_mtime_ns != item.mtime_ns:
        return False
    if item.linked and os.path.samestat(found, os.lstat(os.path.join(store, str(item.store)))):
        return True
    return sha256_of(full) == item.sha256


def _intact(kept: str, item: Kept) -> bool:
    try:
        return not os.path.islink(kept) and sha256_of(kept) == item.sha256
    except OSError:
        return False


def _take_away(snapshot: Snapshot) -> None:
    """Remove what was not there before."""
    kept = set(snapshot.kept)
    folders = {os.path.dirname(path) for path in snapshot.created} | set(snapshot.own_folders)
    for path in new_files(snapshot):
        checkpoint("remove file")
        _remove(os.path.join(snapshot.root, path))
        folders.add(os.path.dirname(path))
    for path in sorted(folders, key=len, reverse=True):
        _remove_empty(snapshot.root, path, kept)
    for place in snapshot.renamed_in:
        for name in _temporaries(os.path.join(snapshot.root, place)):
            path = os.path.join(place, name)
            if path not in kept and path not in snapshot.renamed_before:
                _remove(os.path.join(snapshot.root, path))
    for place in {os.path.dirname(path) for path in snapshot.kept}:
        _remove(os.path.join(snapshot.root, place, TEMPORARY))


def new_files(snapshot: Snapshot) -> List[str]:
    """Return what the fix created and is there now: files it named, their bytecode, all of its own folders' files."""
    found: Set[str] = {path for path in snapshot.created if os.path.lexists(os.path.join(snapshot.root, path))}
    caches: Dict[str, List[str]] = {}
    for path in [*snapshot.created, *snapshot.kept]:
        if not path.endswith(".py"):
            continue
        parent, name = os.path.split(path)
        cache = os.path.join(parent, "__pycache__")
        if cache not in caches:
            try:
                caches[cache] = os.listdir(os.path.join(snapshot.root, cache))
            except OSError:
                caches[cache] = []
        found.update(os.path.join(cache, item) for item in caches[cache] if item.startswith(name[:-2]))
    for folder in snapshot.own_folders:
        for root, folders, names in os.walk(os.path.join(snapshot.root, folder)):
            links = [name for name in folders if os.path.islink(os.path.join(root, name))]
            found.update(os.path.relpath(os.path.join(root, name), snapshot.root) for name in names + links)
    return sorted(found - set(snapshot.kept))


def _remove(path: str) -> None:
    try:
        if os.path.islink(path) or not os.path.isdir(path):
            os.unlink(path)
        else:
            shutil.rmtree(path)
    except FileNotFoundError:
        pass


def _remove_empty(root: str, path: str, kept: Set[str]) -> None:
    """Remove a folder that was not there before, and those above it, as far as they are empty."""
    while path and path not in kept:
        for folder in (os.path.join(path, "__pycache__"), path):
            if folder in kept:
                return
            try:
                os.rmdir(os.path.join(root, folder))
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError:
                return
        path = os.path.dirname(path)


def _put_back(root: str, path: str, item: Kept, store: str) -> None:
    full = os.path.join(root, path)
    if item.kind == "dir":
        _remove(full)
        os.makedirs(full, exist_ok=True)
        os.chmod(full, item.mode)
        return
    os.makedirs(os.path.dirname(full), exist_ok=True)
    if os.path.isdir(full) and not os.path.islink(full):
        shutil.rmtree(full)
    temporary = os.path.join(os.path.dirname(full), TEMPORARY)
    _remove(temporary)
    if item.kind == "link":
        os.symlink(str(item.target), temporary)
    else:
        _new_name(os.path.join(store, str(item.store)), temporary, item)
    os.replace(temporary, full)


def _new_name(kept: str, temporary: str, item: Kept) -> None:
    """Give a kept file a second name; copy it where it is a copy itself, its mode was changed, or links do not work."""
    found = os.lstat(kept)
    outward = (found.st_mtime_ns, stat.S_IMODE(found.st_mode)) == (item.mtime_ns, item.mode)
    if item.linked and outward and _link(kept, temporary):
        return
    shutil.copyfile(kept, temporary)
    os.chmod(temporary, item.mode)
    os.utime(temporary, ns=(item.mtime_ns, item.mtime_ns))
    with open(temporary, "rb") as copy:
        os.fsync(copy.fileno())


def after(snapshot: Snapshot) -> Dict[str, List[int]]:
    """Return size and time of every file that the fix left: what a later undo may take away without loss."""
    state: Dict[str, List[int]] = {}
    for path in [*snapshot.kept, *new_files(snapshot)]:
        try:
            found = os.lstat(os.path.join(snapshot.root, path))
        except OSError:
            continue
        if not stat.S_ISDIR(found.st_mode):
            state[path] = [found.st_size, found.st_mtime_ns]
    return state


def dumps(value: Any) -> bytes:
    """Return plain data as the bytes of a JSON file."""
    return json.dumps(value, sort_keys=True).encode("ascii")


def set_aside(snapshot: Snapshot, left: Mapping[str, Sequence[int]], folder: str) -> List[str]:
    """Move files that someone changed after the fix into ``folder``; return their paths. Bytecode is not worth it."""
    moved = []
    for path, now in after(snapshot).items():
        if list(left.get(path, ())) == now or path.endswith(".pyc"):
            continue
        item = snapshot.kept.get(path)
        if item is not None and [item.size, item.mtime_ns] == now:
            continue
        place = os.path.join(folder, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.move(os.path.join(snapshot.root, path), place)
        moved.append(path)
    return moved


ODD_FILE = Text("{path} is neither a file nor a link.", "{path} 既不是文件也不是链接。")
DAMAGED = Text("The snapshot {path} is damaged; nothing was changed.", "快照 {path} 已损坏，没有做任何改动。")
LEAVES = Text(
    "{source} names {path}, which lies outside the environment; nothing was changed.",
    "{source} 提到的 {path} 位于环境之外，没有做任何改动。",
)
ALTERED = Text(
    "The kept copy of {path} is no longer what it was; nothing was changed.",
    "{path} 的备份已不是原来的内容，没有做任何改动。",
)
