"""Error text -> diagnoses: the patterns of the checks, and the checks themselves over the facts that the text tells.

Pure: nothing here looks at this machine. ``here`` brings in its facts only when the user asked for that (``--here``).

Confidence says what the text alone carries: **high** = this message has one cause; **medium** = its usual cause, or a
fault that follows from the versions in the text; **low** = possible, worth a look, no proof.
"""

import re
from typing import (
    IO,
    Any,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Set,
    Tuple,
    Union,
)

from . import dumps, signatures, source_text
from .facts import Facts, Host, Nvidia, Torch, Torchvision
from .model import ERROR, NOTE, SEVERITIES, Finding, Remedy, milder
from .record import replace
from .registry import Check, all_checks, diagnose
from .text import Text

HIGH, MEDIUM, LOW = "high", "medium", "low"
CONFIDENCES = (HIGH, MEDIUM, LOW)

#: Diagnoses shown at most.
SHOWN = 6
#: A text in which nothing was found is read once more without its quotes when it is shorter.
_SHORT = 20_000


class Diagnosis(NamedTuple):
    """One cause that the text speaks of."""

    code: str
    confidence: str
    severity: str
    #: (line number in the input, text of that line); number 0: told by the versions in the text, not by one line
    evidence: Tuple[Tuple[int, str], ...]
    params: Mapping[str, Any]
    title: Text
    cause: Text
    remedies: Tuple[Remedy, ...]

    def finding(self) -> Finding:
        """Return this diagnosis as a finding, for :func:`doctor.plan.build`."""
        return Finding(
            code=self.code,
            severity=self.severity,
            params=self.params,
            evidence=tuple("line %d: %s" % pair if pair[0] else pair[1] for pair in self.evidence),
            remedies=self.remedies,
            title=self.title,
            cause=self.cause,
        )


class Explained(NamedTuple):
    """What the text says: diagnoses, best first (empty = no environment cause recognised), and facts read from it."""

    diagnoses: Tuple[Diagnosis, ...]
    facts: Facts


def explain(
    source: Union[str, bytes, IO],
    matrix: Any = None,
    here: Optional[Facts] = None,
    checks: Optional[Iterable[Check]] = None,
) -> Explained:
    """Return the diagnoses of an error text, a log or a dump; the facts of ``here`` fill in what it leaves open."""
    checks = list(all_checks() if checks is None else checks)
    text = source_text.read(source)
    told = dumps.read(text.text, matrix)
    hits = signatures.hits(text, checks)
    facts = _merged(told, here)
    found = _judged(checks, told if here is None else facts, matrix)
    diagnoses = tuple(_diagnoses(text, checks, hits, found)[:SHOWN])
    if not diagnoses and len(text.text) < _SHORT:
        diagnoses = _without_quotes(text, checks)
    return Explained(diagnoses, _implied(facts, diagnoses, matrix) if matrix is not None else facts)


def _without_quotes(source: source_text.Source, checks: List[Check]) -> Tuple[Diagnosis, ...]:
    """Return the diagnoses of a message that was retyped, as titles and search lines are: guesses, all of them."""
    plain, hits = signatures.without_quotes(source, checks)
    return tuple(item._replace(confidence=LOW) for item in _diagnoses(plain, checks, hits, [])[:SHOWN])


# ---------------------------------------------------------------- facts


def _merged(told: Facts, here: Optional[Facts]) -> Facts:
    if here is None:
        return told
    sections = dict(here)
    sections.update(dict(told))
    return Facts(sections)


def _judged(checks: List[Check], facts: Facts, matrix: Any) -> List[Finding]:
    """Return what the ordinary checks find in the facts that the text tells."""
    known = {cls for cls, _ in facts}
    if len(known - {dumps.Host, dumps.Python, dumps.Trials}) < 2:
        return []
    able = [check for check in checks if check.run is not None and known.intersection(check.needs)]
    denied = dumps.contradicted(facts)
    return [finding for finding in diagnose(able, facts, matrix)[1] if finding.code not in denied]


def _implied(facts: Facts, diagnoses: Iterable[Diagnosis], matrix: Any) -> Facts:
    """Return the facts with what the sure diagnoses add to them, so that a plan can name exact wheels."""
    torch = facts.maybe(Torch)
    if torch is None:
        return facts
    sure = {item.code for item in diagnoses if item.confidence == HIGH}
    if "torchvision-cpu-build" in sure:
        partners = matrix.partners(torch.version.partition("+")[0])
        known = facts.maybe(Torchvision)
        versions = (known.version,) if known is not None else partners.torchvision[-1:] if partners is not None else ()
        if versions:
            facts = facts.replace(Torchvision(versions[0], versions[0], cuda=None, abi="exact"))
    if "torch-cpu-build" in sure and "+" not in torch.version:
        facts = facts.replace(replace(torch, cuda=None))
    nvidia, host = facts.maybe(Nvidia), facts.maybe(Host)
    if nvidia is not None and not nvidia.driver and dumps.contradicted(facts) and isinstance(torch.cuda, str):
        # torch reached the GPU: the driver is at least the oldest that runs this build.
        system = "windows" if host is not None and host.system == "windows" else "linux"
        facts = facts.replace(replace(nvidia, driver=matrix.minimum_driver(torch.cuda, system)))
    return facts


# ---------------------------------------------------------------- verdict


def _weaker(confidence: str) -> str:
    return LOW if confidence == LOW else CONFIDENCES[CONFIDENCES.index(confidence) + 1]


def _better(one: str, other: str) -> str:
    return min(one, other, key=CONFIDENCES.index)


#: Codes that versions in a text prove well enough on their own. The rest may well have worked: a torchaudio that nobody
#: imports, an extension built for the torch before. They are listed with low confidence.
_PLAIN_FROM_VERSIONS = (
    "driver-too-old",
    "gpu-arch-unsupported",
    "torch-cpu-build",
    "torchvision-cpu-build",
    "torchvision-build-mismatch",
    "torchvision-version-mismatch",
    "numpy2-abi",
)


class _Case:
    """Everything that speaks for one code."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.confidence = LOW
        self.hits: List[signatures.Hit] = []
        self.finding: Optional[Finding] = None

    @property
    def start(self) -> int:
        return min((hit.start for hit in self.hits), default=1 << 60)


def _diagnoses(
    source: source_text.Source, checks: List[Check], hits: Dict[str, List[signatures.Hit]], found: List[Finding]
) -> List[Diagnosis]:
    by_code = {check.code: check for check in checks}
    cases: Dict[str, _Case] = {}
    silenced = _outranked(hits)
    ended_by = _last_error(source.text)
    errors = [hit for code in hits if code not in silenced for hit in hits[code] if not hit.signature.warning]
    for code in hits:
        if code in silenced:
            continue
        case = cases[code] = _Case(by_code[code])
        case.hits = sorted(hits[code], key=lambda hit: (CONFIDENCES.index(hit.signature.confidence), hit.start))
        for hit in case.hits:
            confidence = hit.signature.confidence
            if hit.signature.warning and (ended_by > hit.start or any(other.start != hit.start for other in errors)):
                confidence = LOW
            case.confidence = _better(case.confidence, confidence)
    for finding in found:
        if finding.code in silenced or (finding.severity == NOTE and finding.code not in cases):
            continue
        case = cases.setdefault(finding.code, _Case(by_code[finding.code]))
        if case.finding is None or SEVERITIES.index(finding.severity) < SEVERITIES.index(case.finding.severity):
            case.finding = finding
        plain = finding.severity == ERROR and finding.code in _PLAIN_FROM_VERSIONS and ended_by < 0
        case.confidence = _better(case.confidence, MEDIUM if plain else LOW)
    for case in cases.values():
        for other in case.check.after:
            if other in cases and not case.hits:
                case.confidence = LOW

    def rank(case: _Case) -> Tuple[int, bool, bool, int]:
        warned = ended_by > case.start and all("Warning: " in source.line(hit.start) for hit in case.hits)
        sure = case.confidence if not warned or case.confidence == LOW else MEDIUM
        return CONFIDENCES.index(sure), not case.hits, warned, case.start

    return [_diagnosis(source, case) for case in sorted(cases.values(), key=rank)]


def _outranked(hits: Dict[str, List[signatures.Hit]]) -> Set[str]:
    """Return the codes that another one explains away; a low guess explains nothing."""
    explains: Dict[str, Set[str]] = {}
    for code, code_hits in hits.items():
        named = [hit.signature.outranks for hit in code_hits if hit.signature.confidence != LOW]
        explains[code] = {other for others in named for other in others if other != code and other in hits}
    # Of two that explain each other the one that stands first in the text is the cause.
    first = {code: min(hit.start for hit in code_hits) for code, code_hits in hits.items()}
    return {
        other
        for code, others in explains.items()
        for other in others
        if code not in explains[other] or first[code] < first[other]
    }


_ERROR_LINE = re.compile(
    r"^(?:\[rank\d+\]: |E {1,8}|[\w .:,/\[\]()-]{0,120}\] )?(?:[a-z_]\w{0,60}\.){0,8}"
    r"[A-Z]\w{0,60}(?:Error|Exception|Interrupt|Exit)\b(?::|$)",
    re.M,
)


def _last_error(text: str) -> int:
    """Return the offset of the last exception line of a Python traceback, or -1."""
    at = text.rfind("Traceback (most recent call last)")
    if at < 0:
        return -1
    last = -1
    for match in _ERROR_LINE.finditer(text, at):
        last = match.start()
    return last


def _diagnosis(source: source_text.Source, case: _Case) -> Diagnosis:
    check = case.check
    params: Dict[str, Any] = {}
    evidence: List[Tuple[int, str]] = []
    cause, title = None, None
    remedies: Tuple[Remedy, ...] = ()
    severity = check.severity
    for hit in case.hits:
        for key, value in hit.groups.items():
            params.setdefault(key, value.strip())
        pair = (source.line_number(hit.start), source.line(hit.start).strip()[:400])
        if pair not in evidence and len(evidence) < 5:
            evidence.append(pair)
        cause = cause or hit.signature.cause
        remedies = remedies or hit.signature.remedies
    if case.hits and case.hits[0].signature.severity:
        severity = milder(severity, case.hits[0].signature.severity)
    if case.finding is not None:
        for key, value in case.finding.params.items():
            params[key] = value
        evidence.extend((0, text) for text in case.finding.evidence[:5])
        cause, title = case.finding.cause, case.finding.title
        remedies = case.finding.remedies or remedies
        severity = severity if case.hits or not case.finding.severity else case.finding.severity
    return Diagnosis(
        code=check.code,
        confidence=case.confidence,
        severity=severity,
        evidence=tuple(evidence),
        params=params,
        title=_first_that_fills((title, check.message, check.summary), params),
        cause=_first_that_fills((cause, check.cause, _why(check)), params),
        remedies=remedies or check.remedies,
    )


def _why(check: Check) -> Text:
    """Return the first paragraph of "Why it matters" on the check's page: true whatever the text leaves open."""

    def paragraph(page: str) -> str:
        parts = re.split(r"^## .*\n", page, maxsplit=3, flags=re.MULTILINE)
        words = parts[2].strip().split("\n\n")[0] if len(parts) > 2 else page
        # Chinese lines are put together without a space.
        joined = re.sub(r"(?<=[^\x00-\x7f])\n(?=[^\x00-\x7f])", "", words)
        return " ".join(joined.split()).replace("{", "{{").replace("}", "}}")

    return Text(paragraph(check.explain.en), paragraph(check.explain.zh))


def _first_that_fills(texts: Iterable[Optional[Text]], params: Mapping[str, Any]) -> Text:
    """Return the first text whose placeholders all have a value in ``params``."""
    for text in texts:
        if text is not None:
            try:
                text.render("en", params), text.render("zh", params)
            except (KeyError, IndexError, ValueError):
                continue
            return text
    raise ValueError("a check's summary has no placeholders")
