"""Which files a distribution owns and which a wheel will write; RECORD is foreign text and is never believed."""

import csv
import os
import re
import zipfile
from typing import Any, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..facts import Distribution, Python
from ..model import DoctorError
from ..text import Text


class Layout(NamedTuple):
    """The folders of one environment, links resolved."""

    prefix: str
    #: where pip installs: purelib first, then platlib when it differs
    site_packages: Tuple[str, ...]
    scripts: str
    #: 3.10
    minor: str

    @classmethod
    def of(cls, python: Python) -> "Layout":
        prefix = os.path.realpath(python.prefix)
        scripts = python.scripts or os.path.join(prefix, "Scripts" if os.name == "nt" else "bin")
        return cls(prefix, tuple(map(os.path.realpath, python.site_packages)), os.path.realpath(scripts), python.minor)

    def inside(self, path: str) -> bool:
        """Return whether a resolved path lies in the environment."""
        return path != self.prefix and (path + os.sep).startswith(self.prefix + os.sep)

    def resolve(self, path: str) -> Optional[str]:
        """Return a path with the links of its folder resolved, or None when it then lies outside the environment.

        The last part is not followed: a link that a distribution owns is itself what gets removed.
        """
        full = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        return full if os.path.basename(path) not in ("", ".", "..") and self.inside(full) else None

    def owns(self, distribution: Distribution) -> bool:
        """Return whether a distribution lies in a folder that pip installs to here."""
        return os.path.realpath(distribution.location) in self.site_packages


def files_of(distribution: Distribution, layout: Layout) -> List[str]:
    """Return what pip would remove with a distribution: its recorded files, their bytecode, its scripts, its metadata.

    Raises DoctorError when RECORD names something outside the environment, or when the distribution is one that pip
    cannot take away cleanly. Paths may not exist.
    """
    metadata = os.path.join(os.path.realpath(distribution.location), distribution.folder)
    if distribution.editable:
        raise DoctorError(EDITABLE, EDITABLE_HINT, name=distribution.name)
    if not os.path.isdir(metadata) or os.path.islink(metadata):
        raise DoctorError(LEGACY, name=distribution.name, path=metadata)
    paths: Set[str] = set(_below(metadata))
    for relative in recorded(metadata):
        path = layout.resolve(os.path.join(os.path.dirname(metadata), relative))
        if path is None:
            raise DoctorError(OUTSIDE, OUTSIDE_HINT, name=distribution.name, path=relative)
        paths.add(path)
        paths.update(bytecode_of(path))
    paths.update(_scripts(_entry_points(metadata), layout))
    return sorted(paths)


def recorded(metadata: str) -> List[str]:
    """Return the paths that a metadata folder records, as written: RECORD, else installed-files.txt, else none."""
    try:
        with open(os.path.join(metadata, "RECORD"), encoding="utf-8", errors="surrogateescape", newline="") as file:
            return [row[0] for row in csv.reader(file) if row and row[0]]
    except (OSError, csv.Error):
        pass
    try:
        with open(os.path.join(metadata, "installed-files.txt"), encoding="utf-8", errors="surrogateescape") as file:
            return [os.path.join(os.path.basename(metadata), line.strip()) for line in file if line.strip()]
    except OSError:
        return []


def bytecode_of(path: str) -> List[str]:
    """Return the bytecode files that exist for a source file, of whatever Python and optimisation."""
    if not path.endswith(".py"):
        return []
    folder, name = os.path.split(path)
    cache = os.path.join(folder, "__pycache__")
    try:
        names = os.listdir(cache)
    except OSError:
        return []
    return [os.path.join(cache, found) for found in names if found.startswith(name[:-2])]


def _below(folder: str) -> Iterator[str]:
    """Yield every file and link below a folder, links not followed."""
    for root, folders, names in os.walk(folder):
        for name in names + [name for name in folders if os.path.islink(os.path.join(root, name))]:
            yield os.path.join(root, name)


def _entry_points(metadata: str) -> str:
    try:
        with open(os.path.join(metadata, "entry_points.txt"), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _scripts(entry_points: str, layout: Layout) -> Iterator[str]:
    """Yield the paths of the scripts that an entry_points.txt asks for."""
    wanted = False
    for line in entry_points.splitlines():
        line = line.strip()
        if line.startswith("["):
            wanted = line.strip("[] ") in ("console_scripts", "gui_scripts")
        elif wanted and "=" in line and not line.startswith(("#", ";")):
            name = line.partition("=")[0].strip()
            if re.match(r"[\w.-]+$", name) and name not in (".", ".."):
                for ending in ("", ".exe", ".exe.manifest", "-script.py", "-script.pyw"):
                    yield os.path.join(layout.scripts, name + ending)


class Contents(NamedTuple):
    """What a wheel will put into an environment."""

    #: normalised name and version, from its METADATA
    name: str
    version: str
    requires: Tuple[str, ...]
    #: files by their resolved place
    paths: Tuple[str, ...]
    #: its metadata folder
    metadata: str
    size_bytes: int


def contents_of(wheel: str, layout: Layout, file: Any = None) -> Contents:
    """Return what a wheel holds: the file of that path, or an open one of that name.

    Raises DoctorError when it is no wheel, or when one of its names would land outside the environment.
    """
    try:
        with zipfile.ZipFile(file or wheel) as archive:
            infos = [info for info in archive.infolist() if not info.filename.endswith("/")]
            metadata = _metadata_folder(info.filename for info in infos)
            head = archive.read(metadata + "/METADATA").decode("utf-8", "replace")
            kind = archive.read(metadata + "/WHEEL").decode("utf-8", "replace")
            points = metadata + "/entry_points.txt"
            entry_points = archive.read(points).decode("utf-8", "replace") if points in archive.namelist() else ""
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DoctorError(NO_WHEEL, path=wheel, detail=str(error))
    pure = re.search(r"^Root-Is-Purelib:\s*true", kind, re.I | re.M) is not None
    base = layout.site_packages[0 if pure else -1]
    name, version, requires = _read_metadata(head)
    paths: Set[str] = set()
    for info in infos:
        path = layout.resolve(_place(info.filename, base, name, layout))
        if path is None:
            raise DoctorError(OUTSIDE, OUTSIDE_HINT, name=os.path.basename(wheel), path=info.filename)
        paths.add(path)
    paths.update(_scripts(entry_points, layout))
    folder = os.path.join(base, metadata)
    paths.update(os.path.join(folder, name) for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"))
    size = sum(info.file_size for info in infos)
    return Contents(name, version, requires, tuple(sorted(paths)), folder, size)


def _metadata_folder(names: Iterable[str]) -> str:
    found = {name.split("/")[0] for name in names if re.match(r"[^/]+\.dist-info/WHEEL$", name)}
    if len(found) != 1:
        raise ValueError("%d .dist-info folders" % len(found))
    return found.pop()


def _place(name: str, base: str, project: str, layout: Layout) -> str:
    """Return where an archive member is installed: below ``X.data/<scheme>/`` in that scheme's folder."""
    parts = name.replace("\\", "/").split("/")
    if not parts[0].endswith(".data") or len(parts) < 3:
        return os.path.join(base, *parts)
    schemes = {
        "purelib": layout.site_packages[0],
        "platlib": layout.site_packages[-1],
        "scripts": layout.scripts,
        "data": layout.prefix,
        "headers": os.path.join(layout.prefix, "include", "site", "python" + layout.minor, project),
    }
    return os.path.join(schemes.get(parts[1], base), *parts[2:])


def _read_metadata(text: str) -> Tuple[str, str, Tuple[str, ...]]:
    from email.parser import HeaderParser

    from packaging.utils import canonicalize_name

    message = HeaderParser().parsestr(text)
    requires = tuple(str(value) for value in message.get_all("Requires-Dist") or ())
    return canonicalize_name(str(message["Name"])), str(message["Version"]), requires


def exclusive_folders(tops: Iterable[str], others: Sequence[Distribution], layout: Layout) -> List[str]:
    """Return those folders that none of the other distributions records a file in."""
    folders = {top for top in tops if os.path.isdir(top) and not os.path.islink(top)}
    for other in others:
        location = os.path.realpath(other.location)
        for relative in recorded(os.path.join(location, other.folder)):
            path = os.path.normpath(os.path.join(location, relative))
            folders = {folder for folder in folders if not path.startswith(folder + os.sep)}
        if not folders:
            break
    return sorted(folders)


EDITABLE = Text(
    "{name} is an editable install: it runs from your own source folder, which doctor does not replace.",
    "{name} 是可编辑安装，直接使用你自己的源码目录，doctor 不会替换它。",
)
EDITABLE_HINT = Text(
    "`pip uninstall {name}` first if the published build is what you want.",
    "如果想改用发布版，请先执行 `pip uninstall {name}`。",
)
LEGACY = Text(
    "{name} was installed in an old way ({path}) that does not say which files it owns.",
    "{name} 是用旧方式安装的（{path}），没有记录它拥有哪些文件。",
)
OUTSIDE = Text(
    "{name} lists a file outside this environment ({path}); doctor does not touch it.",
    "{name} 的清单里有环境之外的文件（{path}），doctor 不会动它。",
)
OUTSIDE_HINT = Text(
    "Look at its RECORD file; a new virtual environment is the safe way out: `doctor fix --venv DIR`.",
    "请检查它的 RECORD 文件；最稳妥的办法是新建虚拟环境：`doctor fix --venv 目录`。",
)
NO_WHEEL = Text("{path} is not a usable wheel: {detail}.", "{path} 不是可用的 wheel 文件：{detail}。")
