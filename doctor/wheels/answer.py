"""What is answered: the set that was chosen, why it won, and why everything else lost."""

from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ..model import Wheel
from ..record import dataclass
from ..text import Text
from .reasons import joined
from .target import Target


class Said(NamedTuple):
    """A sentence and what fills it."""

    text: Text
    params: Mapping[str, Any] = {}

    def render(self, lang: str) -> str:
        params = self.params
        if "reasons" in params:
            params = dict(params, reasons=joined(params["reasons"], lang))
        return self.text.render(lang, params)


class Alternative(NamedTuple):
    when: Said
    wheels: Tuple[Wheel, ...]


class Rejected(NamedTuple):
    """A build that lost, and why; the reasons start with what decided (driver, python, glibc …)."""

    build: str
    reasons: Tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    target: Target
    rule: Said
    #: the one consistent set; empty when there is none
    wheels: Tuple[Wheel, ...] = ()
    #: the set is known to fit
    fits: bool = False
    warnings: Tuple[Said, ...] = ()
    alternatives: Tuple[Alternative, ...] = ()
    rejected: Tuple[Rejected, ...] = ()
    #: apt packages that the files need
    needs_apt: Tuple[str, ...] = ()
    #: normalised names that were asked for
    asked: Tuple[str, ...] = ()
    #: card or driver are unknown and decide
    undecided: bool = False

    @property
    def exit(self) -> int:
        """Return the exit status of ``doctor wheels``: 0 a set was found and fits, 1 otherwise."""
        return 0 if self.fits and self.wheels else 1

    def wheel(self, name: str) -> Optional[Wheel]:
        return next((wheel for wheel in self.wheels if wheel.name == name), None)

    def to_json(self, lang: str = "en") -> Dict[str, Any]:
        """Return the JSON document of ``doctor wheels``."""
        from ..version import __version__

        return {
            "schema": 1,
            "doctor": __version__,
            "command": "wheels",
            "target": self.target.to_json(),
            "wheels": [wheel.to_json() for wheel in self.wheels],
            "fits": self.fits,
            "rule": self.rule.render(lang),
            "warnings": [said.render(lang) for said in self.warnings],
            "alternatives": [
                {"when": item.when.render(lang), "wheels": [wheel.to_json() for wheel in item.wheels]}
                for item in self.alternatives
            ],
            "rejected": [{"build": item.build, "reasons": list(item.reasons)} for item in self.rejected],
        }
