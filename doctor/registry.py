"""The checks: one file each under ``doctor/checks/<family>/``, found by listing the folders.

A check file registers itself with :func:`check` (it judges facts) or :func:`text_check` (it is only recognised in
error text). Nothing else has to be edited to add one; ``tests/test_contract.py`` walks them all.
"""

import importlib
import os
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from .facts import Facts, MissingFact, NotApplicable
from .model import CRASHED, FOUND, OK, SKIPPED, Finding, Outcome, Remedy, milder
from .record import replace
from .text import Text

FAMILIES = ("gpu", "cuda", "torch", "numpy", "vision", "python", "host", "pi", "repo")


class Signature(NamedTuple):
    """How one kind of failure shows in error text; patterns are compiled only when text is read.

    Patterns ignore case (``(?-i:…)`` where case tells), a space matches any white space, also a line break that a
    console put in, and ``.`` stays inside one line. Each needs a literal word of at least four letters to be found by.
    """

    #: regular expression; named groups become params
    pattern: str
    #: high: this line alone proves it; medium: usual cause; low: possible
    confidence: str = "high"
    #: patterns that must also stand somewhere in the text
    requires: Tuple[str, ...] = ()
    #: patterns that, found anywhere in the text, rule this one out
    unless: Tuple[str, ...] = ()
    #: codes that this signature explains away when both match
    outranks: Tuple[str, ...] = ()
    #: cause in the words of this signature; None = the check's page
    cause: Optional[Text] = None
    remedies: Tuple[Remedy, ...] = ()
    severity: Optional[str] = None
    #: the program goes on after this message: it counts little when another error ends the run
    warning: bool = False


class Check(NamedTuple):
    code: str
    family: str
    severity: str
    #: one line without placeholders, for lists, pages and pasted text
    summary: Text
    #: title of a finding; placeholders are filled from its params
    message: Text
    #: why it is so, for a finding
    cause: Text
    #: the page: markdown with the four headings
    explain: Text
    #: sections that the check reads
    needs: Tuple[type, ...]
    run: Optional[Callable]
    signatures: Tuple[Signature, ...]
    #: the page's "Fix" for pasted text, where no fact says more
    remedies: Tuple[Remedy, ...]
    #: codes whose finding makes this one superfluous (the cause is named there)
    after: Tuple[str, ...]


_checks: Dict[str, Check] = {}


def code_of(module: str) -> str:
    """``doctor.checks.gpu.driver_too_old`` -> ``driver-too-old``."""
    return module.rpartition(".")[2].replace("_", "-")


def _register(module: str, doc: Optional[str], run: Optional[Callable], **given: Any) -> None:
    code = given["code"]
    if code in _checks:
        raise ValueError("two checks called %s" % code)
    family = module.split(".")[-2]
    summary = given.get("summary") or given["message"]
    _checks[code] = Check(
        code=code,
        family=family,
        severity=given["severity"],
        summary=summary,
        message=given.get("message") or summary,
        cause=given["cause"],
        explain=Text((doc or "").strip(), given["explain_zh"].strip()),
        needs=tuple(given.get("needs", ())),
        run=run,
        signatures=tuple(given.get("signatures", ())),
        remedies=tuple(given.get("remedies", ())),
        after=tuple(given.get("after", ())),
    )


def check(
    *,
    code: str,
    severity: str,
    summary: Text,
    message: Text,
    cause: Text,
    explain_zh: str,
    needs: Iterable[type],
    signatures: Iterable[Signature] = (),
    remedies: Iterable[Remedy] = (),
    after: Iterable[str] = (),
) -> Callable[[Callable], Callable]:
    """Register a function ``(facts, matrix) -> Iterator[Finding]`` as the check ``code``.

    ``needs`` lists every section the function may read: ``--only`` runs just those probes. The module's docstring is
    the English page, ``explain_zh`` the Chinese one.
    """

    def register(function: Callable) -> Callable:
        module = importlib.import_module(function.__module__)
        _register(
            function.__module__,
            module.__doc__,
            function,
            code=code,
            severity=severity,
            summary=summary,
            message=message,
            cause=cause,
            explain_zh=explain_zh,
            needs=needs,
            signatures=signatures,
            remedies=remedies,
            after=after,
        )
        return function

    return register


def text_check(
    module: str,
    doc: Optional[str],
    *,
    severity: str,
    summary: Text,
    cause: Text,
    explain_zh: str,
    signatures: Iterable[Signature],
    remedies: Iterable[Remedy] = (),
) -> None:
    """Register a code that only error text can show; called as ``text_check(__name__, __doc__, …)``."""
    _register(
        module,
        doc,
        None,
        code=code_of(module),
        severity=severity,
        summary=summary,
        cause=cause,
        explain_zh=explain_zh,
        signatures=signatures,
        remedies=remedies,
    )


def all_checks() -> List[Check]:
    """Return every check, in the order of the families and then by code; loads their files at the first call."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "checks")
    for family in FAMILIES:
        for name in sorted(os.listdir(os.path.join(folder, family))):
            if name.endswith(".py") and not name.startswith("_"):
                importlib.import_module("doctor.checks.%s.%s" % (family, name[:-3]))
    return sorted(_checks.values(), key=lambda item: (FAMILIES.index(item.family), item.code))


class View(Facts):
    """Facts as one check may see them: only the sections it declared."""

    def __init__(self, facts: Facts, needs: Tuple[type, ...]) -> None:
        super().__init__(dict(facts))
        self._needs = needs

    def state(self, cls: Any) -> Any:
        if cls not in self._needs:
            raise LookupError("the check did not declare that it reads %s" % cls.section_name)
        return super().state(cls)


def diagnose(checks: Iterable[Check], facts: Facts, matrix: Any) -> Tuple[List[Outcome], List[Finding]]:
    """Run the checks over the facts; one that raises becomes a ``crashed`` outcome and the rest go on."""
    outcomes: List[Outcome] = []
    findings: List[Finding] = []
    for item in checks:
        if item.run is None:
            continue
        try:
            found = list(_complete(item, item.run(View(facts, item.needs), matrix)))
        except MissingFact as missing:
            outcomes.append(Outcome(item.code, SKIPPED, "%s: %s" % (missing.section, missing.reason)))
        except NotApplicable:
            outcomes.append(Outcome(item.code, OK))
        except Exception as error:  # a broken check must not cost the user the other sixty
            outcomes.append(Outcome(item.code, CRASHED, "%s: %s" % (type(error).__name__, error)))
        else:
            findings.extend(found)
            outcomes.append(Outcome(item.code, FOUND if found else OK))
    return outcomes, findings


def _complete(item: Check, found: Iterable[Finding]) -> Iterator[Finding]:
    for finding in found:
        severity = milder(item.severity, finding.severity) if finding.severity else item.severity
        yield replace(
            finding,
            code=item.code,
            severity=severity,
            title=finding.title or item.message,
            cause=finding.cause or item.cause,
        )
