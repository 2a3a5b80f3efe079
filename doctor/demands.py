"""Requirement texts (PEP 508) judged against a target Python; pure. ``packaging`` is imported when first needed."""

import re
from typing import Dict, List, NamedTuple, Optional

from .facts import Distributions, Host, Python
from .patterns import lazy
from .wheels.versions import is_version, key, matches

_NAME = lazy(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


class Demand(NamedTuple):
    """What one requirement asks for in this environment."""

    #: normalised name
    name: str
    #: PEP 440 specifiers, ``<2,>=1.23``; empty = any version
    specifier: str
    #: a URL or a path instead of a version
    url: Optional[str] = None


def name_of(text: str) -> Optional[str]:
    """Return the normalised project name that a requirement starts with, or None."""
    match = _NAME.match(text)
    return normalise(match.group(1)) if match else None


def normalise(name: str) -> str:
    """Return the project name in PEP 503 form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def environment(python: Optional[Python], host: Optional[Host]) -> Dict[str, str]:
    """Return the values of environment markers for the target, as far as they are known."""
    values = {"extra": ""}
    platform = python.platform if python else ""
    system = (
        host.system if host else ("windows" if platform.startswith("win") else "macos" if "macos" in platform else "")
    )
    if python is not None:
        values.update(
            python_version=python.minor,
            python_full_version=python.version,
            implementation_version=python.version,
            implementation_name=python.implementation,
            platform_python_implementation={"cpython": "CPython", "pypy": "PyPy"}.get(
                python.implementation, python.implementation
            ),
        )
    if system:
        values.update(
            sys_platform={"windows": "win32", "macos": "darwin"}.get(system, system),
            platform_system={"windows": "Windows", "macos": "Darwin", "linux": "Linux"}.get(system, system),
            os_name="nt" if system == "windows" else "posix",
        )
    machine = _machine(platform) or (host.machine if host else "")
    if machine:
        values["platform_machine"] = machine
    if host is not None:
        values["platform_release"] = host.release
    return values


def _machine(platform: str) -> str:
    for word in ("x86_64", "aarch64", "armv7l", "armv6l", "arm64", "i686", "ppc64le", "s390x"):
        if platform.endswith(word):
            return word
    return {"win_amd64": "AMD64", "win_arm64": "ARM64", "win32": "x86"}.get(platform, "")


_PLAIN = lazy(
    r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^]]*\])?\s*\(?\s*"
    r"((?:(?:===|==|!=|<=|>=|~=|<|>)\s*[\w.*+!-]+\s*,?\s*)*)\)?\s*(?:;\s*(.*))?$"
)
_COMPARISON = lazy(r"\s*(\w+)\s*(==|!=|<=|>=|<|>)\s*[\"']([^\"']*)[\"']\s*$")
_WORD = lazy(r"\s*(\(|\)|and\b|or\b|[\w.]+\s*(?:==|!=|<=|>=|<|>)\s*(?:\"[^\"]*\"|'[^']*'))")


def demand(text: str, markers: Dict[str, str]) -> Optional[Demand]:
    """Return what a requirement asks for here; None when its marker rules it out or it cannot be read."""
    plain = _PLAIN.match(text)
    if plain is not None:
        name, specifier, marker = plain.groups()
        if marker and not applies(marker, markers):
            return None
        return Demand(normalise(name), re.sub(r"\s+", "", specifier).rstrip(","))
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text.strip())
    except InvalidRequirement:
        return None
    if requirement.marker is not None and not applies(str(requirement.marker), markers):
        return None
    return Demand(normalise(requirement.name), str(requirement.specifier), requirement.url)


def applies(marker: str, markers: Dict[str, str]) -> bool:
    """Tell whether a marker holds here. The usual ones are judged at once: ``packaging`` costs a start 25 ms."""
    words = _words(marker)
    answer = _either(words, markers) if words else None
    if answer is not None and not words:
        return answer
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName

    try:
        return bool(Marker(marker).evaluate(dict(markers)))
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName):
        return False


def _words(marker: str) -> List[str]:
    """Return the words of a marker; empty when it has a form beyond comparisons, ``and``, ``or`` and brackets."""
    words, place = [], 0
    while place < len(marker.rstrip()):
        match = _WORD.match(marker, place)
        if match is None:
            return []
        words.append(match.group(1))
        place = match.end()
    return words


def _either(words: List[str], markers: Dict[str, str]) -> Optional[bool]:
    """Take an ``or`` chain off the words and return its truth; None when it cannot be told."""
    answers = [_both(words, markers)]
    while words and words[0] == "or":
        del words[0]
        answers.append(_both(words, markers))
    return True if True in answers else None if None in answers else False


def _both(words: List[str], markers: Dict[str, str]) -> Optional[bool]:
    answers = [_single(words, markers)]
    while words and words[0] == "and":
        del words[0]
        answers.append(_single(words, markers))
    return False if False in answers else None if None in answers else True


def _single(words: List[str], markers: Dict[str, str]) -> Optional[bool]:
    word = words.pop(0) if words else ""
    if word != "(":
        return _holds(word, markers)
    answer = _either(words, markers)
    if words and words[0] == ")":
        del words[0]
        return answer
    return None


def _holds(comparison: str, markers: Dict[str, str]) -> Optional[bool]:
    """Return the truth of one comparison, or None when it is not of the simplest form."""
    match = _COMPARISON.match(comparison.strip())
    if match is None or match.group(1) not in markers:
        return None
    name, operator, value = match.groups()
    here = markers[name]
    if name in ("python_version", "python_full_version"):
        return allows(operator + value, here) if is_version(value) else None
    return here == value if operator == "==" else here != value if operator == "!=" else None


def allows(specifier: str, version: Optional[str]) -> bool:
    """Tell whether a version lies in a PEP 440 range; what cannot be read allows everything."""
    if not specifier or version is None or not is_version(version):
        return True
    try:
        return matches(specifier, version)
    except ValueError:
        return True


def below(a: Optional[str], b: Optional[str]) -> bool:
    """Tell whether version ``a`` comes before ``b``; an unreadable one never does."""
    try:
        return key(a or "") < key(b or "")
    except ValueError:
        return False


def demands_on(
    name: str, distributions: Distributions, markers: Dict[str, str], leave_out: Optional[List[str]] = None
) -> Dict[str, str]:
    """Return what the installed distributions ask of ``name``: distribution -> specifiers."""
    found: Dict[str, str] = {}
    for item in distributions.items:
        if leave_out and item.name in leave_out:
            continue
        for text in item.requires:
            if name_of(text) != name:
                continue
            wanted = demand(text, markers)
            if wanted is not None:
                found[item.name] = ",".join(part for part in (found.get(item.name, ""), wanted.specifier) if part)
    return found
