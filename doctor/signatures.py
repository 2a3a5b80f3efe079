"""Which signatures of the checks match a text: quickly, and never in exponential time.

A signature is a regular expression. Words without which it cannot match are read off it (``needs``), so that of some
seven hundred signatures only those are compiled and tried whose words stand in the text; in long texts they are tried
around these words only. Pure.
"""

import re
import time
from typing import Callable, Dict, Iterable, List, Mapping, Match, NamedTuple, Optional, Pattern, Tuple

from .registry import Check, Signature
from .source_text import Source

#: Seconds after which no further block of text is begun.
BUDGET_S = 0.6
_BLOCK = 1 << 16
_OVERLAP = 3000
#: A text of this length is not searched as a whole but around the words that a pattern needs.
_NEAR = 4000
_BEFORE, _AFTER = 700, 2500

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


class Hit(NamedTuple):
    """A signature that matched: where, and what its named groups hold."""

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
        if token.startswith("(") and not token.endswith(")"):
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


_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[a-zA-Z-]*:|\(\?P<\w+>|\(\?P=\w+\)|\(\?<?[=!]|.", re.S)
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
        if token.startswith("(?P="):
            pass  # what a group before it holds
        elif token.startswith("("):
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


def hits(source: Source, checks: List[Check]) -> Dict[str, List[Hit]]:
    """Return the signatures that match, by code; those whose conditions fail are left out."""
    deadline = time.monotonic() + BUDGET_S
    index = _index(checks)
    # One message may stand in several signatures of a check, each with conditions of its own.
    found: Dict[Tuple[str, Signature], Hit] = {}
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
                    found[code, signature] = Hit(signature, at, groups)
        if time.monotonic() > deadline:
            break
    whole = _Whole(text, deadline + 0.2)
    by_code: Dict[str, List[Hit]] = {}
    for (code, _), hit in found.items():
        if all(map(whole.has, hit.signature.requires)) and not any(map(whole.has, hit.signature.unless)):
            by_code.setdefault(code, []).append(hit)
    return by_code


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


def without_quotes(source: Source, checks: List[Check]) -> Tuple[Source, Dict[str, List[Hit]]]:
    """Return the text as somebody retypes it, without its quotes, and the signatures that match there."""
    key = tuple(map(id, checks))
    if key not in _plain_checks:
        _plain_checks.clear()
        _plain_checks[key] = checks, [_unquoted_check(check) for check in checks]
    lines = [line.translate(dict.fromkeys(map(ord, _QUOTES))) for line in source.text.split("\n")]
    starts = [0]
    for line in lines[:-1]:
        starts.append(starts[-1] + len(line) + 1)
    plain = Source("\n".join(lines), tuple(starts), source.numbers)
    return plain, hits(plain, _plain_checks[key][1])


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
