"""What the package index itself says of a project, asked with the user's own pip settings.

pip reports "from versions: none" when an index only answered 503, so its word alone is no proof that a file is missing.
"""

import os
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

from ..demands import normalise
from ..plan import join_specifiers
from ..probes.run import run
from ..wheels.index import Listed, PageError, fetch, parse_page
from ..wheels.versions import is_prerelease, is_version, key, matches
from . import installer

#: settings that belong to ``pip install`` and matter as much for a download
SHARED_WITH_INSTALL = (
    "index-url extra-index-url find-links no-index trusted-host proxy cert client-cert timeout retries constraint"
).split()
#: what platform tags begin with -> the first pip that reads them
FIRST_READ_BY = {"manylinux2010_": "19.0", "manylinux2014_": "19.3", "manylinux_": "20.3", "musllinux_": "21.2"}


class Settings(NamedTuple):
    """pip's merged settings; addresses may hold credentials and are never shown as they are."""

    #: section.name -> value, as ``pip config list`` prints them
    values: Mapping[str, str]

    def get(self, name: str) -> str:
        """Return the value that wins: environment, then the command's section, then the general one."""
        for section in (":env:.", "download.", "install.", "global."):
            if section + name in self.values:
                return self.values[section + name]
        return ""

    def as_environment(self) -> Dict[str, str]:
        """Return what the section ``[install]`` says, in a form that ``pip download`` listens to as well."""
        found = {}
        for name in SHARED_WITH_INSTALL:
            if "install." + name in self.values and not any(s + name in self.values for s in (":env:.", "download.")):
                found["PIP_" + name.upper().replace("-", "_")] = self.values["install." + name]
        return found

    def words(self, name: str) -> List[str]:
        """Return a setting that may name several things: addresses, folders, files."""
        return self.get(name).split()

    def session(self) -> Any:
        """Return a session of requests that reaches the network as pip would."""
        import requests

        session = requests.Session()
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or self.get("cert") or True
        if self.get("proxy"):  # then, as with pip, nothing of the environment counts
            session.proxies = {"http": self.get("proxy"), "https": self.get("proxy")}
            session.trust_env = False
        session.cert = self.get("client-cert") or None
        return session


class Answer(NamedTuple):
    """What the indexes said of one project."""

    #: the index that was asked, without credentials
    where: str
    reached: bool
    has_project: bool = False
    has_version: bool = False
    versions: Tuple[str, ...] = ()
    detail: str = ""


_known: Dict[Tuple[str, ...], Settings] = {}


def pip_settings(pip: "installer.Installer") -> Settings:
    """Return the settings of a pip; asked once."""
    if pip.start not in _known:
        env = installer.own_settings()
        listed = run([*pip.start, "config", "list"], 30.0, env=env)
        _known[pip.start] = Settings(parse_settings(listed.stdout))
    return _known[pip.start]


def parse_settings(text: str) -> Dict[str, str]:
    """Return the lines of ``pip config list`` as a mapping."""
    found = {}
    for line in text.splitlines():
        name, mark, value = line.partition("=")
        if mark and re.match(r"[\w:.-]+$", name):
            value = value.strip()
            if value[:1] in "'\"" and value[-1:] == value[:1]:
                value = value[1:-1].replace("\\n", " ")
            found[name.strip().lower().replace("_", "-")] = value
    return found


class Pages:
    """What a pip would find of a project: on its indexes and in its --find-links, within its constraints."""

    def __init__(self, pip: "installer.Installer", links: Sequence[str] = (), offline: bool = False) -> None:
        self._pip = pip
        self.settings = pip_settings(pip)
        self._links = [*links, *self.settings.words("find-links")]
        self._offline = offline
        self._session: Any = None
        self._indexes: Optional[List[str]] = None
        self._read: Dict[str, List[Listed]] = {}
        self._broken: Dict[str, PageError] = {}
        self._constraints: Optional[Dict[str, str]] = None

    def listed(self, name: str) -> List[Listed]:
        """Return the files of a project; empty when no index has it.

        Raises PageError, whose ``where`` names the index, when one cannot be read: it may be the very one that has it.
        """
        name = normalise(name)
        if name not in self._read:
            found: List[Listed] = []
            for place in self.indexes():
                found += self._of_index(place, name)
            for place in self._links:
                try:
                    found += [] if self._offline and is_remote(place) else self._page(place)
                except PageError:
                    continue  # pip goes on without it, too
            self._read[name] = [item for item in found if project_of(item.filename) == name]
        return self._read[name]

    def indexes(self) -> List[str]:
        """Return the addresses that pip asks; its own default where the user names none."""
        if self._indexes is None:
            off = self._offline or self.settings.get("no-index").lower() in ("1", "true", "yes", "on")
            first = [] if off else [self.settings.get("index-url") or _default_index(self._pip)]
            self._indexes = [url for url in first + ([] if off else self.settings.words("extra-index-url")) if url]
        return self._indexes

    def constraint(self, name: str) -> str:
        """Return the range that the constraint files of pip's settings leave to a project; empty = any version."""
        if self._constraints is None:
            self._constraints = {}
            for path in self.settings.words("constraint"):
                for wanted, specifier in _constraints_in(path):
                    self._constraints[wanted] = join_specifiers(self._constraints.get(wanted, ""), specifier)
        return self._constraints.get(normalise(name), "")

    def allowed(self, name: str) -> List[Listed]:
        """Return the files of a project that the constraints leave."""
        limit = self.constraint(name)
        return [item for item in self.listed(name) if _in_range(limit, version_of(item.filename))]

    def best(self, name: str, specifier: str, tags: Sequence[str], python: str) -> Optional[Listed]:
        """Return the wheel that pip would take: the newest in the range that this Python can install, or None."""
        rank = {tag: number for number, tag in enumerate(tags)}
        joined = join_specifiers(specifier, self.constraint(name))
        found = []
        for item in self.listed(name):
            version, fitting = version_of(item.filename), _tags_of(item.filename) & set(rank)
            if not fitting or not is_version(version) or not _in_range(joined, version):
                continue
            if item.requires_python and not _in_range(item.requires_python, python):
                continue
            if (item.yanked or is_prerelease(version)) and not re.match(r"===?[^*,]*$", joined):
                continue
            found.append(((key(version), -min(rank[tag] for tag in fitting)), item))
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def _of_index(self, place: str, name: str) -> List[Listed]:
        try:
            if place in self._broken:
                raise self._broken[place]
            return self._page(place.rstrip("/") + "/" + name + "/")
        except PageError as error:
            if error.kind == "not-found" and "404" in error.detail:
                return []
            error.where = without_secrets(place)
            self._broken[place] = error  # waiting for it once is enough
            raise

    def _page(self, place: str) -> List[Listed]:
        if is_remote(place):
            self._session = self._session or self.settings.session()
            return parse_page(*fetch(place, self._session, trusted=True))
        return list(_local_page(local_path(place)))


def is_remote(place: str) -> bool:
    return urlsplit(place).scheme in ("http", "https")


def local_path(place: str) -> str:
    """Return the path of a ``file:`` address, or of a path that pip would take as one."""
    return url2pathname(urlsplit(place).path) if place.startswith("file:") else os.path.expanduser(place)


def _local_page(path: str) -> Iterator[Listed]:
    """Yield what a folder, or a page on this disk, lists."""
    try:
        inside = os.path.join(path, "index.html")
        if os.path.isdir(path) and not os.path.exists(inside):
            for name in sorted(os.listdir(path)):
                yield Listed(name, Path(path, name).absolute().as_uri())
            return
        page = inside if os.path.isdir(path) else path
        with open(page, encoding="utf-8", errors="replace") as file:
            yield from parse_page(file.read(), "text/html", Path(page).absolute().as_uri())
    except FileNotFoundError:
        raise PageError("not-found", "status 404")
    except OSError as error:
        raise PageError("refused", error.strerror or str(error))


def _constraints_in(path: str) -> Iterator[Tuple[str, str]]:
    """Yield (name, range) of a constraint file's plain lines."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:  # an address, or gone: pip itself will say so
        return
    for line in lines:
        try:
            wanted = Requirement(re.sub(r"(^|\s)#.*", "", line).strip())
        except InvalidRequirement:
            continue
        if wanted.marker is None or wanted.marker.evaluate():
            yield normalise(wanted.name), str(wanted.specifier)


def _default_index(pip: "installer.Installer") -> str:
    env = installer.own_settings()
    program = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    if pip.start[1:] == ("-m", "pip"):
        return run([pip.start[0], "-c", program], 30.0, env=env).stdout.strip()
    archive = os.path.dirname(pip.start[-1])
    return run(
        [pip.start[0], "-c", "import sys; sys.path.insert(0, sys.argv[1]); " + program, archive], 30.0, env=env
    ).stdout.strip()


def ask(requirement: str, pip: "installer.Installer") -> Answer:
    """Return what the configured indexes say of ``name==version`` (or a name with any specifier)."""
    from packaging.requirements import Requirement

    pages, wanted = Pages(pip), Requirement(requirement)
    first = without_secrets((pages.indexes() or ["--find-links"])[0])
    try:
        listed = pages.listed(wanted.name)
    except PageError as error:
        return Answer(error.where, False, detail=error.detail)
    versions = dict.fromkeys(version_of(item.filename) for item in listed)
    known = sorted((version for version in versions if is_version(version)), key=key)
    fits = any(wanted.specifier.contains(version, prereleases=True) for version in known)
    return Answer(first, True, bool(listed), fits, tuple(known))


def project_of(filename: str) -> str:
    """Return the normalised project that a file name begins with."""
    if filename.endswith(".whl"):
        return normalise(filename.split("-")[0])
    match = re.match(r"(.+?)-\d[^-]*$", filename)
    return normalise(match.group(1)) if match else ""


def version_of(filename: str) -> str:
    """Return the version in a file's name; empty when it has none."""
    match = re.match(r"[^-]+-([^-]+)(?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl$", filename)
    match = match or re.match(r".+?-(\d[^-]*?)\.(?:tar\.gz|zip|tar\.bz2|tgz)$", filename)
    return match.group(1) if match else ""


def _tags_of(filename: str) -> "set[str]":
    parts = filename[:-4].split("-")
    if not filename.endswith(".whl") or len(parts) < 5:
        return set()
    pythons, abis, platforms = (part.split(".") for part in parts[-3:])
    return {"%s-%s-%s" % (python, abi, platform) for python in pythons for abi in abis for platform in platforms}


def readable_tags(tags: Sequence[str], pip: Optional[str]) -> List[str]:
    """Return the wheel tags that a pip of this version knows; None = of whatever version."""
    newer = [word for word, first in FIRST_READ_BY.items() if pip is not None and key(pip) < key(first)]
    return [tag for tag in tags if not any("-" + word in tag for word in newer)]


def _in_range(specifier: str, version: str) -> bool:
    try:
        return matches(specifier, version)
    except ValueError:
        return True  # a malformed range of somebody else's; pip passes over it as well


def without_secrets(url: str) -> str:
    """Return an address without user name, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = "[%s]" % host
    return urlunsplit((parts.scheme, host + (":%d" % parts.port if parts.port else ""), parts.path, "", ""))
