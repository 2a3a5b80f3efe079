"""Patterns that weigh a Python against the versions that a message allows (a regex knows no "less than")."""

from typing import Iterator, Tuple

_MINORS = range(5, 17)
_REST = r"[^'\"`)\n]"


def python_first(before: str, between: str, newer: bool) -> str:
    """Return a pattern: ``before``, a Python, ``between``, a requirement that it is too new (or too old) for."""
    ways = [r"3\.%d(?!\d)[\w.+]{0,12}%s%s{0,60}?%s" % (minor, between, _REST, bound) for minor, bound in _beyond(newer)]
    if not newer:
        ways.append(r"2\.\d[\w.+]{0,12}%s%s{0,60}?3\.\d" % (between, _REST))
    told = r"(?=(?P<python>[23]\.[\w.+]{1,12})%s(?P<wanted>%s{1,80}))" % (between, _REST)
    return "%s%s(?:%s)" % (before, told, "|".join(ways))


def bound_first(before: str, between: str, newer: bool) -> str:
    """Return the pattern of a message that names the requirement before the Python."""
    ways = [r"%s%s{0,60}%s3\.%d(?!\d)" % (bound, _REST, between, minor) for minor, bound in _beyond(newer)]
    if not newer:
        ways.append(r"3\.\d{1,2}%s{0,60}%s2\.\d" % (_REST, between))
    told = r"(?=(?P<wanted>%s{1,80}?)%s(?P<python>[23]\.[\d.]{1,8}))" % (_REST, between)
    return r"%s%s%s{0,60}?(?:%s)" % (before, told, _REST, "|".join(ways))


def ignored_version(bound: str) -> str:
    """Return the pattern of pip's list of versions that want another Python, when the wanted one is in it.

    pip puts those of all projects into one list, so the list alone proves nothing of the one that was not found.
    """
    return (
        r"Ignored the following versions that require a different python version: (?:[^;\n]{1,80}; ){0,200}?"
        r"(?P<version>\d[\w.]{0,20}?)(?:\.0)? Requires-Python %s(?:.{0,4000}\n){1,6}?"
        r".{0,300}(?:No matching distribution found for|satisfies the requirement) "
        r"[\w.\[\]-]{1,60}==(?P=version)(?![\w.])" % bound
    )


def _beyond(newer: bool) -> Iterator[Tuple[int, str]]:
    """Yield each minor version of Python 3 with the bounds that it lies above (or below)."""
    for minor in _MINORS:
        less = "|".join(str(other) for other in _MINORS if other < minor)
        more = "|".join(str(other) for other in _MINORS if other > minor)
        if newer and less:
            yield minor, r"(?:<=? ?3\.(?:%s|%d)|(?:==|~=|(?<=\()) ?3\.(?:%s))(?!\d)" % (less, minor, less)
        elif more and not newer:
            yield minor, r"(?:(?:>=?|==|~=|\^|(?<=\()) ?3\.(?:%s)(?!\d)|>=? ?3\.%d\.\d)" % (more, minor)
