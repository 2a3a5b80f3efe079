"""Error text -> diagnoses: the patterns of the checks, and the checks themselves over the facts that the text tells.

Pure: nothing here looks at this machine. ``here`` brings in its facts only when the user asked for that (``--here``).

Confidence says what the text alone carries: **high** = this message has one cause; **medium** = its usual cause, or a
fault that follows from the versions in the text; **low** = possible, worth a look, no proof.
"""

import re
import time
from typing import (
    IO,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Match,
    NamedTuple,
    Optional,
    Pattern,
    Set,
    Tuple,
    Union,
)

from . import dumps, source_text
from .facts import Facts, Host, Nvidia, Torch, Torchvision
from .model import ERROR, NOTE, SEVERITIES, Finding, Remedy, milder
from .record import replace
from .registry import Check, Signature, all_checks, diagnose
from .text import Text

HIGH, MEDIUM, LOW = "high", "medium", "low"
CONFIDENCES = (HIGH, MEDIUM, LOW)

#: Seconds after which no further block of text is begun.
BUDGET_S = 0.6
#: Diagnoses shown at most.
SHOWN = 6
_BLOCK = 1 << 16
_OVERLAP = 3000
#: A text of this length is not searched as a whole but around the words that a pattern needs.
_NEAR = 4000
#: A text in which nothing was found is read once more without its quotes when it is shorter.
_SHORT = 20_000
_BEFORE, _AFTER = 700, 2500


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
    hits = _hits(text, checks)
    facts = _merged(told, here)
    found = _judged(checks, told if here is None else facts, matrix)
    diagnoses = tuple(_diagnoses(text, checks, hits, found)[:SHOWN])
    if not diagnoses and len(text.text) < _SHORT:
        diagnoses = _without_quotes(text, checks)
    return Explained(diagnoses, _implied(facts, diagnoses, matrix) if matrix is not None else facts)


# ---------------------------------------------------------------- patterns


#: Words that must all stand in a text (lower case), each given by its spellings; the longest word comes first.
Need = Tuple[Tuple[str, ...], ...]


class _Ready:
    """A pattern, compiled when the words without which it cannot match stand in the text."""

    __slots__ = ("pattern", "needs", "_search")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.needs = needs(pattern)
        self._search: Optional[Callable] = None

    def find(self, text: str, low: str) -> Optional[Match]:
        """Return the first match in ``text``, of which ``low`` is the lower case; long texts are tried near anchors."""
        possible = [need for need in self.needs if all(any(word in low for word in words) for words in need)]
        if not possible:
            return None
        if self._search is None:
            self._search = compiled(self.pattern).search
        if len(text) < _NEAR or len(text) != len(low) or not all(possible):
            return self._search(text)
        for start, end in _windows(low, [word for need in possible for word in need[0]]):
            match = self._search(text, start, end)
            if match:
                return match
        return None


def _windows(low: str, words: List[str]) -> Iterable[Tuple[int, int]]:
    """Yield the surroundings of the words, in order and without overlap."""
    places: List[int] = []
    for word in words:
        at = low.find(word)
        while at >= 0 and len(places) < 400:
            places.append(at)
            at = low.find(word, at + _BEFORE)
    start = end = -1
    for at in sorted(places):
        if end >= 0 and at - _BEFORE > end:
            yield start, end
            end = -1
        if end < 0:
            start = max(0, at - _BEFORE)
        end = min(len(low), at + _AFTER)
    if end >= 0:
        yield start, end


#: how many of its first letters decide whether a word is looked for
_START = 4


class _Index:
    """The signatures of some checks, by a word that each needs."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self._entries: List[Tuple[str, Signature, _Ready]] = []
        #: word -> the numbers of its entries
        self._by_word: Dict[str, List[int]] = {}
        for check in checks:
            for signature in check.signatures:
                entry = (check.code, signature, ready(signature.pattern))
                for word in {word for need in entry[2].needs for words in need[:1] for word in words}:
                    self._by_word.setdefault(word, []).append(len(self._entries))
                self._entries.append(entry)
        #: the words by their first letters: which of these a text has is known after one walk through it
        self._by_start: Dict[Tuple[str, ...], List[str]] = {}
        for word in self._by_word:
            self._by_start.setdefault(tuple(word[:_START]), []).append(word)
        self._short = [word for word in self._by_word if len(word) < _START]

    def possible(self, low: str) -> Iterable[Tuple[str, Signature, _Ready]]:
        """Return the signatures of which a first word stands in ``low``."""
        starts = self._by_start.keys() & set(zip(*(low[at:] for at in range(_START))))
        words = self._short + [word for start in starts for word in self._by_start[start]]
        numbers = {number for word in words if word in low for number in self._by_word[word]}
        return [self._entries[number] for number in sorted(numbers)]


_indexes: Dict[Tuple[int, ...], _Index] = {}


def _index(checks: List[Check]) -> _Index:
    key = tuple(map(id, checks))
    if key not in _indexes:
        if len(_indexes) > 3:
            _indexes.clear()
        _indexes[key] = _Index(checks)
    return _indexes[key]


class _Hit(NamedTuple):
    signature: Signature
    start: int
    groups: Mapping[str, str]


_ready: Dict[str, _Ready] = {}


def ready(pattern: str) -> _Ready:
    """Return the pattern with its anchors."""
    known = _ready.get(pattern)
    if known is None:
        known = _ready[pattern] = _Ready(pattern)
    return known


def compiled(pattern: str) -> Pattern:
    """Return the regular expression: a space is any white space, ``+`` and ``*`` end, case does not matter."""
    parts: List[str] = []
    tokens = _tokens(pattern)
    behind = 0
    for at, token in enumerate(tokens):
        if token.startswith("("):
            behind += bool(behind) or token.startswith("(?<")
        elif token == ")":
            behind -= bool(behind)
        if token == " " and not behind:
            token = r"\s"
            if at + 1 == len(tokens) or tokens[at + 1] not in "?*+{":
                token = r"\s{1,60}"
        elif token in "?*+" and parts and parts[-1] == r"\s" and tokens[at - 1] == " ":
            token = "{1,60}" if token == "+" else "{0,60}"
        elif token in "*+" and tokens[at - 1] not in ")":
            token = "{1,160}" if token == "+" else "{0,160}"
        parts.append(token)
    return re.compile("".join(parts), re.IGNORECASE | re.MULTILINE)


_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[a-zA-Z-]*:|\(\?P<\w+>|\(\?<?[=!]|.", re.S)
_REPEAT = re.compile(r"[*?]|\+|\{(\d*)(?:,\d*)?\}")


def needs(pattern: str) -> Tuple[Need, ...]:
    """Return the ways in which ``pattern`` can match, each as the words that it needs."""
    return _needs(_tokens(pattern), 0)[0]


def anchors(pattern: str) -> Tuple[str, ...]:
    """Return words (lower case) of which every match of ``pattern`` holds at least one; empty when there are none."""
    ways = needs(pattern)
    return tuple(word for need in ways for word in need[0]) if all(ways) else ()


def _tokens(pattern: str) -> List[str]:
    return _TOKEN.findall(pattern)


def _needs(tokens: List[str], at: int) -> Tuple[Tuple[Need, ...], int]:
    """Return the ways of the group that begins at ``at``, and where it ends."""
    ways: List[Need] = []
    clauses: List[Tuple[str, ...]] = []
    run = ""

    def end_run() -> None:
        nonlocal run
        if len(run.encode("utf-8")) >= 3:
            clauses.append((run.lower(),))
        run = ""

    def end_way() -> None:
        end_run()
        ways.append(tuple(sorted(clauses, key=lambda words: -min(len(word.encode("utf-8")) for word in words))))
        clauses.clear()

    while at < len(tokens) and tokens[at] != ")":
        token = tokens[at]
        at += 1
        if token == "|":
            end_way()
            continue
        inner: Tuple[Need, ...] = ()
        literal = ""
        if token.startswith("("):
            inner, at = _needs(tokens, at)
            at += 1
            if token in ("(?!", "(?<!"):
                inner = ()
        elif len(token) == 2 and token[0] == "\\":
            literal = token[1] if not token[1].isalnum() else ""
        elif token not in (".", "^", "$", " ") and not token.startswith("["):
            literal = token
        repeat = _REPEAT.match("".join(tokens[at : at + 8]))
        optional = False
        if repeat:
            optional = repeat.group()[0] in "*?" or repeat.group(1) in ("", "0")
            passed = len(repeat.group())
            while passed > 0:
                passed -= len(tokens[at])
                at += 1
            if at < len(tokens) and tokens[at] == "?":
                at += 1
        if literal and not optional:
            run += literal
            if repeat:
                end_run()
            continue
        end_run()
        if inner and not optional:
            if len(inner) == 1:
                clauses.extend(inner[0])
            elif all(inner):
                clauses.append(tuple(word for way in inner for word in way[0]))
    end_way()
    return tuple(ways), at


def _hits(source: source_text.Source, checks: List[Check]) -> Dict[str, List[_Hit]]:
    """Return the signatures that match, by code; those whose conditions fail are left out."""
    deadline = time.monotonic() + BUDGET_S
    index = _index(checks)
    # One message may stand in several signatures of a check, each with conditions of its own.
    found: Dict[Tuple[str, Signature], _Hit] = {}
    text = source.text
    for start, end in _blocks(text):
        low = text[start:end].lower()
        block = text if (start, end) == (0, len(text)) else text[start:end]
        for code, signature, pattern in index.possible(low):
            match = pattern.find(block, low)
            if match:
                groups = {key: value for key, value in match.groupdict().items() if value is not None}
                at = start + match.start()
                known = found.get((code, signature))
                if known is None or at < known.start:
                    found[code, signature] = _Hit(signature, at, groups)
        if time.monotonic() > deadline:
            break
    whole = _Whole(text, deadline + 0.2)
    hits: Dict[str, List[_Hit]] = {}
    for (code, _), hit in found.items():
        if all(map(whole.has, hit.signature.requires)) and not any(map(whole.has, hit.signature.unless)):
            hits.setdefault(code, []).append(hit)
    return hits


_QUOTES = "'\"`"
_QUOTE_TOKEN = re.compile(r"\\?['\"`]|\[(?:\\?['\"`])+\]")
_plain: Dict[str, str] = {}
#: the checks as they were given (kept, so that their ids stay theirs), and the same without quotes
_plain_checks: Dict[Tuple[int, ...], Tuple[List[Check], List[Check]]] = {}


def unquoted(pattern: str) -> str:
    """Return the pattern for a text of which the quotes are gone: where one stood a word begins or ends."""
    known = _plain.get(pattern)
    if known is None:
        tokens, parts, at = _tokens(pattern), [], 0
        while at < len(tokens):
            token = tokens[at]
            at += 1
            if not _QUOTE_TOKEN.fullmatch(token):
                parts.append(token)
                continue
            repeat = _REPEAT.match("".join(tokens[at : at + 8]))
            passed = len(repeat.group()) if repeat else 0
            while passed > 0:
                passed -= len(tokens[at])
                at += 1
            if not repeat:
                parts.append(r"\b")
        known = _plain[pattern] = "".join(parts)
    return known


def _unquoted_check(check: Check) -> Check:
    return check._replace(
        signatures=tuple(
            signature._replace(
                pattern=unquoted(signature.pattern),
                requires=tuple(map(unquoted, signature.requires)),
                unless=tuple(map(unquoted, signature.unless)),
            )
            for signature in check.signatures
        )
    )


def _without_quotes(source: source_text.Source, checks: List[Check]) -> Tuple[Diagnosis, ...]:
    """Return the diagnoses of a message that was retyped, as titles and search lines are: guesses, all of them."""
    key = tuple(map(id, checks))
    if key not in _plain_checks:
        _plain_checks.clear()
        _plain_checks[key] = checks, [_unquoted_check(check) for check in checks]
    lines = [line.translate(dict.fromkeys(map(ord, _QUOTES))) for line in source.text.split("\n")]
    starts = [0]
    for line in lines[:-1]:
        starts.append(starts[-1] + len(line) + 1)
    plain = source_text.Source("\n".join(lines), tuple(starts), source.numbers)
    hits = _hits(plain, _plain_checks[key][1])
    return tuple(item._replace(confidence=LOW) for item in _diagnoses(plain, checks, hits, [])[:SHOWN])


def _blocks(text: str) -> Iterable[Tuple[int, int]]:
    """Yield overlapping blocks of the text: the first, then from the end backwards."""
    if len(text) <= 2 * _BLOCK:
        return [(0, len(text))]
    blocks = []
    start = 0
    while start < len(text):
        end = text.find("\n", min(len(text), start + _BLOCK))
        end = len(text) if end < 0 else end
        blocks.append((max(0, start - _OVERLAP), end))
        start = end + 1
    return blocks[:1] + blocks[:0:-1]


class _Whole:
    """Answers whether a pattern stands anywhere in the text, each once."""

    def __init__(self, text: str, deadline: float) -> None:
        self._text = text
        self._low: Optional[str] = None
        self._deadline = deadline
        self._known: Dict[str, bool] = {}

    def has(self, pattern: str) -> bool:
        if pattern not in self._known:
            if self._low is None:
                self._low = self._text.lower()
            late = time.monotonic() > self._deadline
            self._known[pattern] = not late and ready(pattern).find(self._text, self._low) is not None
        return self._known[pattern]


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
        self.hits: List[_Hit] = []
        self.finding: Optional[Finding] = None

    @property
    def start(self) -> int:
        return min((hit.start for hit in self.hits), default=1 << 60)


def _diagnoses(
    source: source_text.Source, checks: List[Check], hits: Dict[str, List[_Hit]], found: List[Finding]
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
    ordered = sorted(cases.values(), key=lambda case: (CONFIDENCES.index(case.confidence), not case.hits, case.start))
    return [_diagnosis(source, case) for case in ordered]


def _outranked(hits: Dict[str, List[_Hit]]) -> Set[str]:
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
