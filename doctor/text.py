"""Text in English and Simplified Chinese, and the choice between them."""

import os
from typing import Any, Mapping, NamedTuple, Optional

LANGUAGES = ("en", "zh")


class Text(NamedTuple):
    """One sentence in both languages, with the same ``{placeholders}`` in each."""

    en: str
    zh: str

    def render(self, lang: str, params: Optional[Mapping[str, Any]] = None) -> str:
        """Return the sentence in ``lang`` with its placeholders filled from ``params``.

        Raises KeyError when a placeholder has no value: a half-filled sentence must never reach a user.
        """
        template = self.zh if lang == "zh" else self.en
        return template.format_map(params) if params else template.format()


def plain(value: str) -> Text:
    """Return foreign text (a path, a command, a version) that reads the same in both languages."""
    escaped = value.replace("{", "{{").replace("}", "}}")
    return Text(escaped, escaped)


def choose_language(option: Optional[str] = None, environ: Optional[Mapping[str, str]] = None) -> str:
    """Return ``en`` or ``zh``: the option, then DOCTOR_LANG, then LC_ALL, LC_MESSAGES, LANG; English when none says."""
    environ = os.environ if environ is None else environ
    wishes = [option] + [environ.get(name) for name in ("DOCTOR_LANG", "LC_ALL", "LC_MESSAGES", "LANG")]
    for wish in wishes:
        if wish:
            return "zh" if wish.lower().startswith("zh") else "en"
    return "en"
