"""The list of checks and the page of one check."""

from typing import Any, List

from ..registry import Check, all_checks
from . import words


def render_checks(format: str, lang: str) -> str:
    """Return every code with its severity and one line, family by family."""
    checks = all_checks()
    if format == "json":
        from .json import dump

        return dump(
            {
                "schema": 1,
                "command": "checks",
                "checks": [
                    {
                        "code": item.code,
                        "family": item.family,
                        "severity": item.severity,
                        "summary": item.summary.render(lang),
                        "facts": item.run is not None,
                        "text": bool(item.signatures),
                    }
                    for item in checks
                ],
            }
        )
    if format == "markdown":
        rows = ["| %s | %s | %s |" % (item.code, item.severity, item.summary.render(lang)) for item in checks]
        return "\n".join(["| code | severity | |", "| --- | --- | --- |"] + rows) + "\n"
    width = max(len(item.code) for item in checks)
    lines: List[str] = []
    family = None
    for item in checks:
        if item.family != family:
            family = item.family
            lines.append(("\n" if lines else "") + family)
        severity = _padded(words.SEVERITY[item.severity].render(lang), 8)
        lines.append("  %s  %s %s" % (item.code.ljust(width), severity, item.summary.render(lang)))
    return "\n".join(lines) + "\n"


def _padded(text: str, width: int) -> str:
    """Return text padded to a width in terminal columns; a Chinese character takes two."""
    import unicodedata

    columns = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
    return text + " " * max(width - columns, 0)


def render_page(item: Check, format: str, lang: str) -> str:
    """Return the page of one check."""
    page = item.explain.zh if lang == "zh" else item.explain.en
    if format == "json":
        from .json import dump

        return dump(
            {
                "schema": 1,
                "command": "explain",
                "code": item.code,
                "severity": item.severity,
                "summary": item.summary.render(lang),
                "page": page,
                "diagnoses": [],
            }
        )
    head = "# %s (%s)\n\n" % (item.code, words.SEVERITY[item.severity].render(lang))
    return head + page + "\n"


def find(code: str) -> Any:
    """Return the check with this code, or None."""
    return next((item for item in all_checks() if item.code == code), None)
