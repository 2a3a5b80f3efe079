"""The nouns between facts and report: findings, remedies, wheels, steps, plans, outcomes."""

from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple, Union

from .record import dataclass, field
from .text import Text

#: How bad a finding is, worst first.
ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)

#: What became of a check.
OK, FOUND, SKIPPED, CRASHED = "ok", "found", "skipped", "crashed"

#: Step safety: undoable in our environment; asked for by a flag; shown and never run.
SAFE, UNSAFE, MANUAL = "safe", "unsafe", "manual"


def worse(a: str, b: str) -> str:
    """Return the graver of two severities."""
    return min(a, b, key=SEVERITIES.index)


def milder(a: str, b: str) -> str:
    """Return the lighter of two severities."""
    return max(a, b, key=SEVERITIES.index)


# ---------------------------------------------------------------- remedies: what a check asks for


class MendTorch(NamedTuple):
    """Bring torch, torchvision and torchaudio to one consistent set that works here, with the least change."""

    #: the set must be able to use the NVIDIA GPU
    cuda: bool = False


class Install(NamedTuple):
    """Install one distribution, or move it to a version that fits; several for one name are merged."""

    #: normalised name
    name: str
    #: PEP 440 specifiers that the version must satisfy, e.g. ``<2``; empty = any that fits
    specifier: str = ""


class Reinstall(NamedTuple):
    """Put the same version of a damaged distribution back."""

    name: str
    version: Optional[str] = None


class KeepOne(NamedTuple):
    """Several distributions own the same files: remove all of them, then install the one to keep."""

    remove: Tuple[str, ...]
    #: requirement to install afterwards, e.g. ``opencv-python==4.9.0.80``
    keep: str


class Remove(NamedTuple):
    """Uninstall distributions, or delete leftovers, that only do harm."""

    names: Tuple[str, ...] = ()
    #: leftover folders inside site-packages
    paths: Tuple[str, ...] = ()


class Edit(NamedTuple):
    """One replacement in a source file: the name at a line and column becomes other text."""

    file: str
    #: from 1
    line: int
    #: from 0, in characters
    column: int
    old: str
    new: str


class Rewrite(NamedTuple):
    """Change the project's own source."""

    edits: Tuple[Edit, ...]
    text: Text


class System(NamedTuple):
    """Commands for the operating system; printed, and run only with ``--apply --system`` as root."""

    text: Text
    commands: Tuple[Tuple[str, ...], ...]
    #: files that the commands change and that are backed up first
    files: Tuple[str, ...] = ()


class Manual(NamedTuple):
    """Something only the user can do; ``text`` may use the finding's params."""

    text: Text


Remedy = Union[MendTorch, Install, Reinstall, KeepOne, Remove, Rewrite, System, Manual]


# ---------------------------------------------------------------- findings and outcomes


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing, with what proves it."""

    #: values for the placeholders of title and cause; they go into the JSON as they are
    params: Mapping[str, Any] = field(default_factory=dict)
    evidence: Tuple[str, ...] = ()
    #: what would cure it, in the order to be carried out
    remedies: Tuple[Remedy, ...] = ()
    #: None = the check's own; a check lowers its severity where a user would, never raises it
    severity: Optional[str] = None
    #: None = the check's own texts; for a check that tells several situations apart
    title: Optional[Text] = None
    cause: Optional[Text] = None
    #: filled in by the registry
    code: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one check: ok, found, skipped or crashed."""

    code: str
    status: str
    reason: Optional[str] = None


# ---------------------------------------------------------------- wheels and plans


@dataclass(frozen=True)
class Wheel:
    #: normalised name
    name: str
    #: the version; for a file that the package index is to pick, the PEP 440 range that it must lie in, or empty
    version: str
    #: the name to save it under; empty when the package index picks the file
    filename: str
    #: None for a file of the package index: its address is whatever pip is configured with
    url: Optional[str]
    sha256: Optional[str]
    #: where this is known from
    source: str
    #: what is still to be fetched of it; None = not known, or nobody looked
    download_bytes: Optional[int] = None

    def to_json(self) -> Dict[str, Optional[str]]:
        """Return the wheel as every report names it."""
        return {key: getattr(self, key) for key in ("name", "version", "filename", "url", "sha256", "source")}


@dataclass(frozen=True)
class Step:
    """One step of a plan, as data: what runs, what it touches and which codes must go quiet."""

    id: int
    #: pip, source, system or manual
    kind: str
    safety: str
    #: the command that a user could type; None where there is none
    argv: Optional[Tuple[str, ...]]
    text: Text
    params: Mapping[str, Any] = field(default_factory=dict)
    wheels: Tuple[Wheel, ...] = ()
    #: distributions that the step uninstalls before it installs ``wheels``
    removes: Tuple[str, ...] = ()
    #: leftover folders that it deletes
    removes_paths: Tuple[str, ...] = ()
    edits: Tuple[Edit, ...] = ()
    #: commands of a system step
    commands: Tuple[Tuple[str, ...], ...] = ()
    #: files outside the environment that are backed up first
    files: Tuple[str, ...] = ()
    fixes: Tuple[str, ...] = ()
    #: what it takes on the disk: files fetched and unpacked, and copies kept of old ones; None = not known
    disk_bytes: Optional[int] = None

    @property
    def download_bytes(self) -> Optional[int]:
        """What the step fetches; None when that is not known."""
        return total(wheel.download_bytes for wheel in self.wheels) if self.kind == "pip" else None

    @property
    def touches(self) -> Tuple[str, ...]:
        """The distributions, leftovers and files that the step changes."""
        names = [*self.removes, *(wheel.name for wheel in self.wheels)]
        return tuple(dict.fromkeys([*names, *self.removes_paths, *self.files]))


@dataclass(frozen=True)
class NotDone:
    code: str
    reason: Text
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    steps: Tuple[Step, ...] = ()
    not_done: Tuple[NotDone, ...] = ()

    @property
    def safe_steps(self) -> Tuple[Step, ...]:
        return tuple(step for step in self.steps if step.safety == SAFE)

    @property
    def download_bytes(self) -> Optional[int]:
        """What the safe steps fetch, together; None when it is not known of one of them."""
        return total(step.download_bytes for step in self.safe_steps)

    @property
    def disk_bytes(self) -> Optional[int]:
        """What the safe steps take on the disk, together; None when it is not known of one of them."""
        return total(step.disk_bytes for step in self.safe_steps)


def total(sizes: Iterable[Optional[int]]) -> Optional[int]:
    """Return the sum, or None when one of them is not known."""
    known = list(sizes)
    return None if None in known else sum(size for size in known if size is not None)


class DoctorError(Exception):
    """The doctor cannot do its job: one clear line, what to do about it, and the exit status."""

    def __init__(self, message: Text, hint: Optional[Text] = None, exit: int = 3, **params: Any) -> None:
        super().__init__(message.en if not params else message.render("en", params))
        self.message = message
        self.hint = hint
        self.exit = exit
        self.params = params
