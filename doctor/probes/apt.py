"""Where apt takes its packages from: sources.list, the one-line files and deb822 files beside it."""

import os
from typing import Dict, Iterator, List, Optional, Tuple, Union

from ..facts import Apt, AptSource, Unknown
from ..secrets import without_credentials


def parse_one_line(text: str, source: str) -> Tuple[AptSource, ...]:
    """Return the binary archives that a sources.list names; ``source`` is the path that evidence will show."""
    found: List[AptSource] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        kind, _, rest = line.partition(" ")
        rest = rest.strip()
        if kind.strip() != "deb":
            continue
        if rest.startswith("["):
            rest = rest.partition("]")[2].strip()
        words = rest.split()
        if len(words) >= 2:
            found.append(_source(words[0], words[1], tuple(words[2:]), "%s:%d" % (source, number)))
    return tuple(found)


def parse_deb822(text: str, source: str) -> Tuple[AptSource, ...]:
    """Return the binary archives that a ``.sources`` file names; each address with each suite is one."""
    found: List[AptSource] = []
    for number, stanza in _stanzas(text):
        if stanza.get("enabled", "yes").strip().lower() in ("no", "false", "0", "off"):
            continue
        if "deb" not in stanza.get("types", "").split():
            continue
        components = tuple(stanza.get("components", "").split())
        for uri in stanza.get("uris", "").split():
            for suite in stanza.get("suites", "").split():
                found.append(_source(uri, suite, components, "%s:%d" % (source, number)))
    return tuple(found)


def _stanzas(text: str) -> Iterator[Tuple[int, Dict[str, str]]]:
    """Yield the first line's number and the fields of each paragraph, names in lower case."""
    fields: Dict[str, str] = {}
    first, last = 0, ""
    for number, line in enumerate(text.splitlines() + [""], 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield first, fields
            fields, last = {}, ""
        elif line[0] in " \t":
            if last:
                fields[last] += " " + line.strip()
        else:
            name, separator, value = line.partition(":")
            if separator:
                if not fields:
                    first = number
                last = name.strip().lower()
                fields[last] = value.strip()


def _source(uri: str, suite: str, components: Tuple[str, ...], source: str) -> AptSource:
    return AptSource(uri=without_credentials(uri), suite=suite, components=components, source=source)


def release_file(source: AptSource) -> str:
    """Return the name under which apt stores the release file of an archive, without its last part."""
    path = source.uri.partition("://")[2].rstrip("/")
    dists = "" if source.suite.endswith("/") else "/dists"
    whole = "%s%s/%s" % (path, dists, source.suite.rstrip("/"))
    return whole.replace("_", "%5f").replace("/", "_")


def parse_release_suite(text: str) -> Optional[str]:
    """Return the Suite field of a Release file, or None."""
    for line in text.splitlines():
        if line.startswith("Suite:"):
            return line[len("Suite:") :].strip() or None
        if line.startswith(("SHA256:", "MD5Sum:", "SHA1:")):
            break
    return None


def probe_apt(root: str = "/") -> Union[Apt, None, Unknown]:
    """Return apt's sources; None on a system without apt."""
    base = os.path.join(root, "etc/apt")
    if not os.path.isdir(base):
        return None
    files = ["etc/apt/sources.list"]
    try:
        files += sorted("etc/apt/sources.list.d/" + name for name in os.listdir(os.path.join(base, "sources.list.d")))
    except OSError:
        pass  # a system without that folder has only the one file
    found: List[AptSource] = []
    unread: List[str] = []
    for name in files:
        if not name.endswith((".list", ".sources")):
            continue
        try:
            with open(os.path.join(root, name), encoding="utf-8", errors="replace") as stream:
                text = stream.read(1 << 18)
        except FileNotFoundError:
            continue
        except OSError as error:
            unread.append("/%s: %s" % (name, error.strerror))
            continue
        parse = parse_deb822 if name.endswith(".sources") else parse_one_line
        found.extend(parse(text, "/" + name))
    if unread and not found:
        return Unknown("; ".join(unread))
    return Apt(tuple(_with_suite(root, source) for source in found))


def _with_suite(root: str, source: AptSource) -> AptSource:
    stem = os.path.join(root, "var/lib/apt/lists", release_file(source))
    for ending in ("_InRelease", "_Release"):
        try:
            with open(stem + ending, encoding="utf-8", errors="replace") as stream:
                suite = parse_release_suite(stream.read(4096))
        except (OSError, ValueError):
            continue
        return AptSource(source.uri, source.suite, source.components, source.source, suite)
    return source
