"""Download, snapshot, install, verify, put back: the only part of the doctor that changes anything.

The functions here are the whole interface; what they need is imported when they are called.
"""

from typing import Any, Callable, List, Optional, Sequence, Tuple

from ..facts import Facts
from ..model import Finding, Plan
from .options import REFUSED, FixResult, Options, Past  # noqa: F401 (all of it is part of the interface)


def interrupted(prefix: str) -> Optional[str]:
    """Return the id of a fix that was cut short in this environment, or None; costs one look at the disk."""
    from .state import interrupted as look

    return look(prefix)


def preview(plan: Plan, facts: Facts, options: Options, matrix: Any) -> Tuple[Plan, List[Any], Any]:
    """Return the plan as ``apply`` would carry it out, with sizes and all that new wheels need.

    Also what could not be learnt (texts with their parameters), and the DoctorError that ``apply`` would end in, or
    None. Asks the network unless ``options.offline``; that it cannot be reached is one of those texts.
    """
    from .transaction import preview as run

    return run(plan, facts, options, matrix)


def planned(plan: Plan, findings: Sequence[Finding], facts: Optional[Facts] = None, refusal: Any = None) -> FixResult:
    """Return the result of a dry run; with ``facts`` also the diff of its source steps."""
    from .transaction import planned as run

    return run(plan, findings, facts, refusal)


def apply(
    plan: Plan,
    facts: Facts,
    options: Options,
    check_again: Callable,
    progress: Any = None,
    findings: Sequence[Finding] = (),
    matrix: Any = None,
) -> FixResult:
    """Carry the plan out as one transaction; ``check_again`` returns fresh ``(facts, findings)``.

    ``findings`` are those that the plan was made from, ``matrix`` names the hosts that wheels may come from
    (None = the one that comes with the doctor).
    """
    from .transaction import apply as run

    return run(plan, facts, options, check_again, progress, findings, matrix)


def undo(prefix: str, progress: Any = None) -> FixResult:
    """Put back what an interrupted fix, else the last successful one, changed in the environment at ``prefix``."""
    from .reversal import undo as run

    return run(prefix, progress)


def history(prefix: str) -> List[Past]:
    """Return the fixes made in the environment at ``prefix``, oldest first."""
    from .reversal import history as run

    return run(prefix)


def forget(prefix: str) -> int:
    """Delete the snapshots of finished fixes; return the bytes that became free."""
    from .reversal import forget as run

    return run(prefix)


def make_venv(facts: Facts, folder: str, system_site_packages: bool = False) -> str:
    """Make a virtual environment with the target Python and return its interpreter; raises DoctorError."""
    from .venv import make

    return make(facts, folder, system_site_packages)
