"""What new wheels need beyond what is installed: found in rounds, because each wheel found may need others."""

from typing import Any, Callable, Dict, List, Sequence, Set, Tuple

from ..demands import environment
from ..facts import Distributions, Facts, Host, Python
from ..model import Step, Wheel
from ..plan import TRIO, accepts, join_specifiers, satisfiable, typed
from ..record import replace
from ..wheels.matrix import PACKAGE_INDEX
from .record import Contents

#: rounds of "and what does that need?"
ROUNDS = 8


#: brings wheels, in some form that has their ``wheel`` and their ``contents``
Fetch = Callable[[Sequence[Wheel]], Sequence[Any]]
#: given the plan's own wheels and what was found besides, in that form: what is to be taken besides
Settle = Callable[[List[Any], List[Any]], List[Any]]


def completed(
    steps: Sequence[Step], facts: Facts, fetch: Fetch, settle: Settle = lambda own, more: more
) -> Dict[int, List[Any]]:
    """Return the wheels of each step (by its id) as ``fetch`` brings them, together with what they need besides.

    That goes to the last step that installs. ``contents`` is None for a wheel that could not be looked into.
    """
    own = list(fetch([wheel for step in steps for wheel in step.wheels]))
    more: List[Any] = []
    found, start = {}, 0
    for step in steps:
        found[step.id] = own[start : start + len(step.wheels)]
        start += len(step.wheels)
    last = next((step.id for step in reversed(steps) if step.wheels), None)
    removed = [name for step in steps for name in step.removes]
    for _ in range(ROUNDS if last is not None else 0):
        wanted = missing([item.contents for item in own + more if item.contents is not None], removed, facts)
        asked = {item.wheel.name for item in own + more}
        new = [Wheel(name, wanted[name], "", None, None, PACKAGE_INDEX) for name in wanted if name not in asked]
        if not new:
            break
        more += fetch(new)
    if last is not None:
        taken = settle(own, more)
        there = {item.wheel.name for item in taken}
        # pip takes what a step removes for still there
        lost = [item for item in more if item.wheel.name in removed and item.wheel.name not in there]
        found[last] += [*taken, *lost]
    return found


def with_wheels(step: Step, wheels: Sequence[Wheel]) -> Step:
    """Return a step with these wheels: its own, in a better known form, and those that they need."""
    argv = step.argv
    if argv is not None and "--no-deps" in argv:
        argv += tuple(typed(wheel) for wheel in wheels[len(step.wheels) :])
    return replace(step, wheels=tuple(wheels), argv=argv)


def missing(new: Sequence[Contents], removed: Sequence[str], facts: Facts) -> Dict[str, str]:
    """Return what the new wheels need and the environment would not have: distribution -> range.

    The torch set is left out: whether its members fit was decided when they were chosen. Extras are followed, into
    distributions that are installed already as well: torch names its CUDA libraries as extras of ``cuda-toolkit``.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    there = {item.name: item for item in facts.need(Distributions).items if item.name not in removed}
    versions = {name: item.version for name, item in there.items()}
    requires = {name: item.requires for name, item in there.items()}
    versions.update({item.name: item.version for item in new})
    requires.update({item.name: item.requires for item in new})
    chosen = {item.name for item in new}
    markers = environment(facts.maybe(Python), facts.maybe(Host))
    wanted: Dict[str, str] = {}
    lacking: Dict[str, str] = {}
    waiting = [(item.name, "") for item in new]
    seen: Set[Tuple[str, str]] = set(waiting)
    while waiting:
        holder, extra = waiting.pop(0)
        for text in requires[holder]:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            if requirement.marker is not None and not requirement.marker.evaluate(dict(markers, extra=extra)):
                continue
            name = canonicalize_name(requirement.name)
            if name in TRIO:
                continue
            joined = join_specifiers(wanted.get(name, ""), str(requirement.specifier))
            wanted[name] = joined if satisfiable(joined) else str(requirement.specifier)
            version = versions.get(name)
            if name not in chosen and (version is None or not accepts(wanted[name], version)):
                lacking[name] = wanted[name]
            more = [(name, str(item)) for item in sorted(requirement.extras) if (name, str(item)) not in seen]
            seen.update(more)
            waiting += [pair for pair in more if name in requires]
    return {name: wanted[name] for name in lacking}
