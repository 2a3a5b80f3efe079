"""What the checks of packages that share one folder have in common: who is there, and what is left of whose files."""

from typing import Any, Dict, List, Optional, Tuple

from ...demands import below, demand, environment, name_of
from ...facts import Distribution, Distributions, Facts, Host, NativeModules, Ownership, Project, Python

OPENCV = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
    "opencv-python-rolling",
    "opencv-python-headless-rolling",
    "opencv-contrib-python-rolling",
    "opencv-contrib-python-headless-rolling",
)
ONNXRUNTIME = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-rocm",
    "onnxruntime-migraphx",
    "onnxruntime-qnn",
    "onnxruntime-silicon",
    "onnxruntime-training",
    "ort-nightly",
    "ort-nightly-gpu",
)


def installed(facts: Facts, family: Tuple[str, ...]) -> List[Distribution]:
    """Return the installed distributions of a family, in the order of the family."""
    distributions = facts.need(Distributions)
    found = (distributions.find(name) for name in family)
    return [item for item in found if item is not None]


def ownership(facts: Facts, package: str) -> Dict[str, Ownership]:
    """Return what each distribution still has of its files in ``package``; empty when nobody looked."""
    native = facts.maybe(NativeModules)
    return {item.distribution: item for item in (native.ownership if native else ()) if item.package == package}


def asked_for(facts: Facts, family: Tuple[str, ...]) -> Dict[str, str]:
    """Return which of the family the project and the installed distributions name: name -> who asks."""
    found: Dict[str, str] = {}
    markers = environment(facts.maybe(Python), facts.maybe(Host))
    project, distributions = facts.maybe(Project), facts.need(Distributions)
    for requirement in project.requirements if project else ():
        if requirement.name in family and not requirement.optional:
            found.setdefault(requirement.name, "%s:%d" % (requirement.where.file, requirement.where.line))
    for item in distributions.items:
        if item.name in family:
            continue
        for text in item.requires:
            name = name_of(text)
            if name in family and name not in found and demand(text, markers) is not None:
                found[name] = item.name
    return found


def newest(items: List[Distribution]) -> Optional[str]:
    """Return the highest version among distributions, or None."""
    best: Optional[str] = None
    for item in items:
        if item.version and (best is None or below(best, item.version)):
            best = item.version
    return best


def uses(facts: Facts, prefix: str) -> Tuple[Any, ...]:
    """Return the project's uses of names that start with ``prefix``."""
    project = facts.maybe(Project)
    return tuple(use for use in (project.uses if project else ()) if use.name.startswith(prefix))


def lines(names: Dict[str, Ownership]) -> Tuple[str, ...]:
    """Return what is left of whose files, as evidence."""
    found = []
    for item in names.values():
        if item.changed:
            found.append(
                "%s: %d of its %d files were overwritten, e.g. %s"
                % (item.distribution, len(item.changed), item.files, item.changed[0])
            )
        if item.missing:
            found.append(
                "%s: %d of its %d files are gone, e.g. %s"
                % (item.distribution, len(item.missing), item.files, item.missing[0])
            )
    return tuple(found)
