"""What the user asked of a fix, and what became of it."""

from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ..record import dataclass, field
from ..text import Text

#: What became of a fix.
NOTHING, PLANNED, APPLIED, ROLLED_BACK = "nothing-to-do", "planned", "applied", "rolled-back"
REFUSED, UNDONE = "refused", "undone"

#: What became of a step.
DONE, FAILED, SKIPPED, PUT_BACK, WAITS = "applied", "failed", "skipped", "rolled-back", "planned"


class Options(NamedTuple):
    apply: bool = False
    source: bool = False
    system: bool = False
    yes: bool = False
    keep: bool = False
    #: pip or uv
    installer: str = "pip"
    venv: Optional[str] = None
    #: name of a mirror in the matrix, or its address
    mirror: Optional[str] = None
    offline: bool = False
    lang: str = "en"


@dataclass(frozen=True)
class StepResult:
    id: int
    status: str
    #: last lines of what the installer printed
    log_tail: str = ""


@dataclass(frozen=True)
class FixResult:
    result: str
    exit: int
    message: Text = Text("", "")
    params: Mapping[str, Any] = field(default_factory=dict)
    #: what to do next
    hint: Optional[Text] = None
    steps: Tuple[StepResult, ...] = ()
    #: codes that the check afterwards found quiet
    verified: Tuple[str, ...] = ()
    #: unified diff of the source steps
    diff: str = ""
    #: the plan that was carried out: with the dependencies that the new wheels need
    plan: Any = None

    def to_json(self, lang: str = "en") -> Dict[str, Any]:
        """Return the ``fix`` object of the JSON report."""
        return {
            "result": self.result,
            "steps": [{"id": step.id, "status": step.status, "log_tail": step.log_tail} for step in self.steps],
            "verified": list(self.verified),
            "message": self.message.render(lang, self.params),
            "hint": self.hint.render(lang, self.params) if self.hint else None,
        }


class Past(NamedTuple):
    """A fix that was made earlier."""

    id: str
    #: UTC, ISO 8601
    time: str
    #: applied, rolled-back, undone or interrupted
    result: str
    #: the commands that were run, as one would type them
    commands: Tuple[str, ...]
    #: distributions before -> after, e.g. ``torchvision 0.14.1 -> 0.13.1``
    changes: Tuple[str, ...]
    #: whether --undo can take it back
    undoable: bool
    #: disk space of its snapshot
    size_bytes: int
