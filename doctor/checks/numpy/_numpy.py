"""Which numpy the environment can live with: what limits it, and the newest release inside all limits."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ...demands import allows, below, demand, demands_on, environment
from ...facts import Distributions, Facts, Host, NativeModules, Project, Python

#: Distributions whose compiled modules are known to matter; their numpy limits stand in the wheel matrix.
OPENCV = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
ONNXRUNTIME = ("onnxruntime", "onnxruntime-gpu")
#: sections that :func:`limits` reads
NEEDS = (Distributions, NativeModules, Project, Python, Host)


class Limit(NamedTuple):
    """One thing that says which numpy may be installed."""

    #: who says so, as a user would name it: ``torch 2.1.0``, ``requirements.txt:3``
    who: str
    specifier: str
    #: normalised name of the distribution; None for the project's own pins
    distribution: Optional[str] = None
    #: ``abi``: its compiled code needs it; ``metadata``: its Requires-Dist says so; ``project``
    kind: str = "abi"


def system_of(facts: Facts) -> str:
    """Return linux, windows or macos."""
    host, python = facts.maybe(Host), facts.maybe(Python)
    if host is not None:
        return host.system
    platform = python.platform if python else ""
    return "windows" if platform.startswith("win") else "macos" if platform.startswith("macos") else "linux"


def abi_limits(facts: Facts, matrix: Any) -> List[Limit]:
    """Return the installed distributions whose compiled code runs with numpy 1 only, with what proves it."""
    distributions = facts.need(Distributions)
    native = facts.maybe(NativeModules)
    system = system_of(facts)
    marked: Dict[str, str] = {}
    for module in native.items if native else ():
        if module.numpy_abi == "1" or module.distribution not in marked:
            marked[module.distribution] = module.numpy_abi or ""
    found: List[Limit] = []
    for item in distributions.items:
        if item.name in ("numpy",) or any(limit.distribution == item.name for limit in found):
            continue
        marker = marked.get(item.name)
        # the compiled module itself knows better than a table: distributors rebuild old releases
        specifier = "<2" if marker == "1" else None
        if not marker and item.version:
            specifier = matrix.numpy_limit(item.name, item.version, system)
        if specifier:
            found.append(Limit("%s %s" % (item.name, item.version or "?"), specifier, item.name))
    return found


def limits(facts: Facts, matrix: Any, leave_out: Tuple[str, ...] = ()) -> List[Limit]:
    """Return everything that limits numpy here, compiled code first; ``leave_out`` are distributions to be moved."""
    distributions = facts.need(Distributions)
    markers = environment(facts.maybe(Python), facts.maybe(Host))
    found = [limit for limit in abi_limits(facts, matrix) if limit.distribution not in leave_out]
    for name, specifier in demands_on("numpy", distributions, markers, list(leave_out)).items():
        if specifier:
            item = distributions.find(name)
            found.append(Limit("%s %s" % (name, item.version if item else ""), specifier, name, "metadata"))
    project = facts.maybe(Project)
    for requirement in project.requirements if project else ():
        if requirement.name == "numpy" and not requirement.optional:
            wanted = demand(requirement.text, markers)
            if wanted is not None and wanted.specifier:
                who = "%s:%d" % (requirement.where.file, requirement.where.line)
                found.append(Limit(who, wanted.specifier, None, "project"))
    return found


def releases(matrix: Any, minor: Optional[str]) -> List[str]:
    """Return the last patch of each numpy minor that has wheels for this Python, newest first."""
    tag = "cp" + minor.replace(".", "") if minor else None
    rows = [row for row in matrix.table("numpy.numpy_python") if tag is None or tag in row["wheels"]]
    return [row["last"] for row in reversed(rows)]


def best(facts: Facts, matrix: Any, given: List[Limit], extra: str = "") -> Optional[str]:
    """Return the newest numpy inside every limit and ``extra``, or None when there is none."""
    python = facts.maybe(Python)
    for release in releases(matrix, python.minor if python else None):
        if allows(extra, release) and all(allows(limit.specifier, release) for limit in given):
            return release
    return None


def clash(given: List[Limit], release: str) -> List[Limit]:
    """Return the limits that this release breaks."""
    return [limit for limit in given if not allows(limit.specifier, release)]


def is_two(version: Optional[str]) -> bool:
    """Tell whether a numpy version is 2.0 or newer (its prereleases included)."""
    return version is not None and not below(version, "2.0.0.dev0")
