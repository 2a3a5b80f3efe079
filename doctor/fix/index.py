"""What the package index itself says of a project, asked with the user's own pip settings.

pip reports "from versions: none" when an index only answered 503, so its word alone is no proof that a file is missing.
"""

import os
import re
from html import unescape
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from ..probes.run import run
from . import installer

#: settings that belong to ``pip install`` and matter as much for a download
SHARED_WITH_INSTALL = (
    "index-url extra-index-url find-links no-index trusted-host proxy cert client-cert timeout retries constraint"
).split()
TIMEOUT_S = 20.0


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

    def for_requests(self) -> Dict[str, Any]:
        """Return the arguments with which requests reaches the network as pip would."""
        arguments: Dict[str, Any] = {}
        if self.get("proxy"):
            arguments["proxies"] = {"http": self.get("proxy"), "https": self.get("proxy")}
        if self.get("cert") and not os.environ.get("REQUESTS_CA_BUNDLE"):
            arguments["verify"] = self.get("cert")
        if self.get("client-cert"):
            arguments["cert"] = self.get("client-cert")
        return arguments


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


def _indexes(pip: "installer.Installer", settings: Settings) -> List[str]:
    """Return the addresses that pip asks; its own default where the user names none."""
    first = settings.get("index-url") or _default_index(pip)
    return [url for url in [first, *settings.get("extra-index-url").split()] if url]


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
    from packaging.utils import canonicalize_name

    settings = pip_settings(pip)
    wanted = Requirement(requirement)
    name = canonicalize_name(wanted.name)
    reached, detail, first = False, "", ""
    versions: List[str] = []
    has_project = False
    for index in _indexes(pip, settings):
        url = index.rstrip("/") + "/" + name + "/"
        first = first or without_secrets(index)
        status, text = page(url, settings)
        if status == 200:
            reached = has_project = True
            versions.extend(version for version in versions_of(text, name) if version not in versions)
        elif status == 404:
            reached = True
        else:
            first, detail = without_secrets(index), text
            reached = False
            break  # an index that cannot be asked may be the very one that has it
    versions = _sorted(versions)
    fits = any(wanted.specifier.contains(version, prereleases=True) for version in versions)
    return Answer(first, reached, has_project, fits, tuple(versions), detail)


def page(url: str, settings: Settings) -> Tuple[int, str]:
    """Return status and text of an index page; status 0 and the reason when it cannot be had."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _local_page(unquote(parts.path))
    import requests

    headers = {"Accept": "text/html, application/vnd.pypi.simple.v1+html;q=0.9", "Cache-Control": "max-age=0"}
    try:
        with requests.Session() as session:
            answer = session.get(url, headers=headers, timeout=TIMEOUT_S, **settings.for_requests())
    except (requests.exceptions.RequestException, OSError, ValueError) as error:
        return 0, re.sub(r"//[^/@\s]*@", "//", str(error))[:300]
    if answer.status_code in (200, 404):
        return answer.status_code, answer.text
    return 0, "%d %s" % (answer.status_code, answer.reason)


def _local_page(path: str) -> Tuple[int, str]:
    try:
        if os.path.isdir(path):
            inside = os.path.join(path, "index.html")
            if not os.path.exists(inside):
                return 200, "".join('<a href="%s">%s</a>' % (name, name) for name in sorted(os.listdir(path)))
            path = inside
        with open(path, encoding="utf-8", errors="replace") as file:
            return 200, file.read()
    except FileNotFoundError:
        return 404, ""
    except OSError as error:
        return 0, error.strerror or str(error)


def links(text: str, base: str) -> List[Tuple[str, str]]:
    """Return (file name, address with its fragment) of every link of an index page."""
    found = []
    for href in re.findall(r"<a\s[^>]*?href\s*=\s*[\"']?([^\"'\s>]+)", text, re.I):
        url = urljoin(base, unescape(href))
        name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
        if name:
            found.append((name, url))
    return found


def versions_of(text: str, name: str) -> Sequence[str]:
    """Return the versions of a project that an index page lists files of."""
    found = []
    stem = re.sub(r"[-_.]+", "[-_.]+", re.escape(name).replace(r"\-", "-"))
    for filename, _ in links(text, "https://index.example.org/"):
        match = re.match(stem + r"-(\d[^-]*?)(?:-.*\.whl|\.tar\.gz|\.zip|\.tar\.bz2)$", filename, re.I)
        if match and match.group(1) not in found:
            found.append(match.group(1))
    return found


def _sorted(versions: Sequence[str]) -> List[str]:
    from packaging.version import InvalidVersion, Version

    def order(text: str) -> Any:
        try:
            return (1, Version(text))
        except InvalidVersion:
            return (0, Version("0"))

    return sorted(versions, key=order)


def without_secrets(url: str) -> str:
    """Return an address without user name, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = "[%s]" % host
    return urlunsplit((parts.scheme, host + (":%d" % parts.port if parts.port else ""), parts.path, "", ""))
