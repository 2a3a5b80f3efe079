"""Versions and version ranges, quickly: most are plain numbers, and ``packaging`` costs every start 15 ms."""

import re
from functools import lru_cache
from typing import Any, Optional, Tuple

from ..patterns import lazy

_VERSION = lazy(
    r"v?(?:0!)?(\d+(?:\.\d+)*)"
    r"(?:[._-]?(a|alpha|b|beta|c|rc|pre|preview)[._-]?(\d*))?"
    r"(?:[._-]?post[._-]?(\d*)|-(\d+))?"
    r"(?:[._-]?dev[._-]?(\d*))?"
    r"(?:\+([a-z0-9]+(?:[._-][a-z0-9]+)*))?$",
    re.IGNORECASE,
)
_PHASES = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}

Key = Tuple[Tuple[int, ...], Tuple[int, int], int, float]


@lru_cache(maxsize=4096)
def key(version: str) -> Key:
    """Return what orders versions as PEP 440 does, without their local part; raises ValueError for anything else."""
    match = _VERSION.match(version.strip())
    if match is None:
        raise ValueError("not a version: %r" % version)
    release = tuple(int(part) for part in match.group(1).split("."))
    while len(release) > 1 and release[-1] == 0:
        release = release[:-1]
    phase, number, post, post_dash, dev = match.group(2, 3, 4, 5, 6)
    before = (_PHASES[phase.lower()], int(number or 0)) if phase else (3, 0)
    if dev is not None and not phase and post is None and post_dash is None:
        before = (-1, 0)
    after = int((post if post is not None else post_dash) or 0) if (post is not None or post_dash) else -1
    return release, before, after, float("inf") if dev is None else float(dev or 0)


def is_version(text: str) -> bool:
    return _VERSION.match(text.strip()) is not None


def readable(version: Optional[str]) -> Optional[str]:
    """Return the version when it can be compared with others; None for any other text, as when there is none."""
    return version if version and is_version(version) else None


def is_range(text: str) -> bool:
    """Return whether this is a PEP 440 range; ``>=1.14.5.*`` of an old METADATA is none."""
    try:
        matches(text, "0")
    except ValueError:
        return False
    return True


def at_least(version: str, floor: str) -> bool:
    return key(version) >= key(floor)


def public(version: str) -> str:
    """Return the version without its local part: 2.1.0 for 2.1.0+cu121."""
    return version.partition("+")[0]


def local(version: str) -> Optional[str]:
    """Return the local part, ``cu121`` of 2.1.0+cu121, or None."""
    return version.partition("+")[2] or None


def is_prerelease(version: str) -> bool:
    """Return whether this is an alpha, beta, candidate or development version."""
    _, before, _, dev = key(version)
    return before[0] < 3 or dev != float("inf")


@lru_cache(maxsize=256)
def _range(text: str) -> Any:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(text)


_CLAUSE = lazy(r"\s*(==|!=|<=|>=|<|>|~=)\s*(\d+(?:\.\d+)*)(\.\*)?\s*$")


@lru_cache(maxsize=1024)
def _clauses(text: str) -> Optional[Tuple[Tuple[str, Key, Key], ...]]:
    """Return the clauses of a plain range (numbers only, wildcards allowed), or None.

    ``==1.2.*`` and ``~=1.2.3`` become spans (first version, first one after it).
    """
    found = []
    for part in text.split(","):
        match = _CLAUSE.match(part)
        if match is None:
            return None
        operator, number, wild = match.groups()
        if wild and operator in ("==", "!="):
            found.append((operator + "*", key(number), key(_next(number))))
        elif operator == "~=" and not wild and "." in number:
            found.append(("==*", key(number), key(_next(number.rpartition(".")[0]))))
        elif wild or operator == "~=":
            return None
        else:
            found.append((operator, key(number), key(number)))
    return tuple(found)


def _next(number: str) -> str:
    """Return the release after all that start with this one: 1.3 for 1.2."""
    head, _, last = number.rpartition(".")
    return "%s%s%d" % (head, "." if head else "", int(last) + 1)


_COMPARE = {
    "==": lambda this, other, _: this == other,
    "!=": lambda this, other, _: this != other,
    "<=": lambda this, other, _: this <= other,
    ">=": lambda this, other, _: this >= other,
    "<": lambda this, other, _: this < other,
    ">": lambda this, other, _: this > other,
    "==*": lambda this, first, after: first <= this < after,
    "!=*": lambda this, first, after: not first <= this < after,
}


def matches(specifier: str, version: str) -> bool:
    """Return whether a version lies in a PEP 440 range; an empty range holds every version, pre-releases too.

    The local part of the version counts only where the range names one. Raises ValueError for a malformed range.
    """
    if not specifier.strip():
        return True
    clauses = _clauses(specifier)
    this = key(version)
    # ``<`` and ``>`` treat pre- and post-releases in their own way: those go to packaging
    if clauses is not None and this[1] == (3, 0) and this[2] == -1 and this[3] == float("inf"):
        return all(_COMPARE[operator](this, first, after) for operator, first, after in clauses)
    return bool(_range(specifier).contains(version, prereleases=True))
