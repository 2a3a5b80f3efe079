"""Requirement texts (PEP 508) judged against a target Python; pure. ``packaging`` is imported when first needed."""

import re
from typing import Any, Dict, List, NamedTuple, Optional

from .facts import Distributions, Host, Python

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


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
    system = host.system if host else ("windows" if platform.startswith("win") else "macos" if "macos" in platform else "")
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


def demand(text: str, markers: Dict[str, str]) -> Optional[Demand]:
    """Return what a requirement asks for here; None when its marker rules it out or it cannot be read."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text.strip())
    except InvalidRequirement:
        return None
    if requirement.marker is not None and not _applies(requirement.marker, markers):
        return None
    return Demand(normalise(requirement.name), str(requirement.specifier), requirement.url)


def _applies(marker: Any, markers: Dict[str, str]) -> bool:
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName

    try:
        return bool(marker.evaluate(dict(markers)))
    except (UndefinedComparison, UndefinedEnvironmentName):
        return False


def version(text: Optional[str]) -> Any:
    """Return a packaging Version, or None when the text is no version."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text or "")
    except InvalidVersion:
        return None


def allows(specifier: str, text: Optional[str]) -> bool:
    """Tell whether a version satisfies the specifiers; local versions count as their public part, unknown ones pass."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if not specifier:
        return True
    found = version(text)
    if found is None:
        return True
    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return True
    return wanted.contains(found, prereleases=True)


def below(a: Optional[str], b: str) -> bool:
    """Tell whether version ``a`` comes before ``b``; an unreadable one never does."""
    left, right = version(a), version(b)
    return left is not None and right is not None and left < right


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
