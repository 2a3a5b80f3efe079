"""What pip steps will do to an environment's files, known before anything is touched."""

import os
from typing import Dict, Iterator, Mapping, NamedTuple, Sequence, Set

from ..facts import Distribution, Distributions, Facts
from ..model import DoctorError, Step
from ..text import Text
from .journal import checkpoint
from .record import Contents, Layout, exclusive_folders, files_of, recorded
from .refuse import changed_names


class Changes(NamedTuple):
    """What the pip steps will do to the environment's files."""

    paths: Set[str]
    own_folders: Set[str]
    #: what the doctor itself takes away, because pip cannot: damaged or doubled metadata, leftovers
    cleared: Set[str]
    #: size of the new files, unpacked
    unpacked_bytes: int
    #: size of the old files that are copied; the others stay where they are under a second name
    copied_bytes: int

    def clears(self, item: Distribution) -> bool:
        """Return whether the doctor takes away this distribution's metadata itself."""
        folder = os.path.join(os.path.realpath(item.location), item.folder)
        return any(path.startswith(folder + os.sep) for path in self.cleared)


def changes_of(
    steps: Sequence[Step], contents: Mapping[int, Sequence[Contents]], facts: Facts, layout: Layout
) -> Changes:
    """Return what these steps change, given what the wheels of each (by its id) hold.

    Raises DoctorError when a distribution cannot be replaced safely.
    """
    paths: Set[str] = set()
    own_folders: Set[str] = set()
    cleared: Set[str] = set()
    names = changed_names(steps)
    distributions = facts.need(Distributions)
    mine = [item for item in distributions.items if item.name in names and layout.owns(item)]
    others = [item for item in distributions.items if item.name not in names and layout.owns(item)]
    unpacked = 0
    tops: Dict[str, Set[str]] = {}
    for wheel in [wheel for step in steps for wheel in contents.get(step.id, ())]:
        paths.update(wheel.paths)
        own_folders.add(wheel.metadata)
        unpacked += wheel.size_bytes
        tops[wheel.name] = {top for path in wheel.paths for top in _tops(path, layout)}
    for item in mine:
        files = files_of(item, layout)
        paths.update(files)
        metadata = os.path.join(os.path.realpath(item.location), item.folder)
        own_folders.add(metadata)
        doubled = len([other for other in mine if other.name == item.name]) > 1
        unrecorded = not recorded(metadata)
        if unrecorded:
            for folder in exclusive_folders(tops.get(item.name, ()), others, layout):
                below = _tree(folder)
                paths.update(below)
                cleared.update(below)
        if doubled or unrecorded or item.health == "no-metadata":
            cleared.update(files)
    for leftover in [path for step in steps for path in step.removes_paths]:
        full = layout.resolve(leftover)
        if full is None or not os.path.basename(full).startswith("~"):
            raise DoctorError(NO_LEFTOVER, path=leftover)
        below = _tree(full)
        paths.update(below)
        cleared.update(below)
    copied = sum(_size(path) for path in paths if not linkable(path, layout))
    return Changes(paths, own_folders, cleared, unpacked, copied)


def linkable(path: str, layout: Layout) -> bool:
    """Return whether installers only ever replace this file, never write into it."""
    in_packages = any(path.startswith(place + os.sep) for place in layout.site_packages)
    metadata = os.path.basename(os.path.dirname(path)).endswith((".dist-info", ".egg-info"))
    return in_packages and not metadata and not path.endswith((".pth", ".egg-link"))


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _tops(path: str, layout: Layout) -> Iterator[str]:
    """Yield the folder right below site-packages that a file lies in, unless it is a metadata folder."""
    for place in layout.site_packages:
        if path.startswith(place + os.sep):
            parts = path[len(place) + 1 :].split(os.sep)
            if len(parts) > 1 and not parts[0].endswith((".dist-info", ".egg-info", ".data")):
                yield os.path.join(place, parts[0])


def _tree(folder: str) -> Set[str]:
    """Return a folder and everything below it, links not followed."""
    found = {folder}
    for root, folders, names in os.walk(folder) if not os.path.islink(folder) else ():
        found.update(os.path.join(root, name) for name in folders + names)
    return found


def clear(paths: Set[str]) -> None:
    """Take away files of the environment; folders that are empty then go too."""
    folders = set()
    for path in sorted(paths, reverse=True):
        checkpoint("clear")
        if os.path.isdir(path) and not os.path.islink(path):
            folders.add(path)
        elif os.path.lexists(path):
            os.unlink(path)
            folders.add(os.path.dirname(path))
    for folder in sorted(folders, key=len, reverse=True):
        try:
            os.rmdir(folder)
        except OSError:
            pass


NO_LEFTOVER = Text(
    "{path} is not a leftover of pip inside this environment; it is not deleted.",
    "{path} 不是该环境内 pip 的残留，不予删除。",
)
