"""What new wheels need beyond what is installed; the target's pip picks the files."""

import os
from typing import Dict, List, Mapping, Optional, Sequence

from ..facts import Distributions, Facts, Host, Python
from ..plan import TRIO, accepts, join_specifiers, satisfiable
from .record import Contents


def missing(new: Sequence[Contents], removed: Sequence[str], facts: Facts) -> List[str]:
    """Return requirements of the new wheels that the environment would not satisfy, one per distribution.

    The torch set is left out: whether its members fit was decided when they were chosen.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    versions = {item.name: item.version for item in facts.need(Distributions).items if item.name not in removed}
    versions.update({item.name: item.version for item in new})
    chosen = {item.name for item in new}
    environment = marker_environment(facts)
    wanted: Dict[str, str] = {}
    lacking: List[str] = []
    for item in new:
        for text in item.requires:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            if requirement.marker is not None and not requirement.marker.evaluate(dict(environment, extra="")):
                continue
            name = canonicalize_name(requirement.name)
            if name in TRIO or name in chosen:
                continue
            joined = join_specifiers(wanted.get(name, ""), str(requirement.specifier))
            wanted[name] = joined if satisfiable(joined) else str(requirement.specifier)
            version = versions.get(name)
            if (version is None or not accepts(wanted[name], version)) and name not in lacking:
                lacking.append(name)
    return [name + wanted[name] for name in lacking]


def marker_environment(facts: Facts) -> Mapping[str, str]:
    """Return the values of environment markers in the target Python."""
    from packaging.markers import default_environment

    values: Dict[str, str] = dict(default_environment())  # type: ignore[arg-type]
    python: Optional[Python] = facts.maybe(Python)
    host: Optional[Host] = facts.maybe(Host)
    if python is not None:
        values.update(python_version=python.minor, python_full_version=python.version)
        values.update(implementation_name=python.implementation, implementation_version=python.version)
    if host is not None:
        words = {"linux": ("linux", "Linux"), "windows": ("win32", "Windows"), "macos": ("darwin", "Darwin")}
        sys_platform, platform_system = words.get(host.system, (host.system, host.system))
        values.update(sys_platform=sys_platform, platform_system=platform_system, platform_machine=host.machine)
        values["os_name"] = "nt" if host.system == "windows" else os.name if os.name != "nt" else "posix"
    return values
