"""Steps for the operating system: run only as root, each confirmed, the files they change kept before."""

import os
import shlex
from typing import Any, Dict, List, Sequence

from ..model import DoctorError, Step
from ..text import Text
from . import installer, source
from .journal import Journal
from .options import DONE, FAILED, StepResult
from .progress import Progress

#: Longest that one command may take; apt on a slow line needs its time.
TIMEOUT_S = 3600.0


def refuse_unless_root() -> None:
    """Raise DoctorError when the current user may not change the operating system."""
    if os.name != "posix" or os.geteuid() != 0:
        raise DoctorError(NOT_ROOT, NOT_ROOT_HINT)


def confirmed(step: Step, progress: Progress) -> bool:
    """Return whether the user agrees to this step."""
    return progress.confirm(RUN_THIS, {"commands": "\n".join("  " + shown(argv) for argv in step.commands)})


def shown(argv: Sequence[str]) -> str:
    """Return a command as one would type it."""
    return " ".join(shlex.quote(part) for part in argv)


def keep(steps: Sequence[Step], journal: Journal) -> List[Dict[str, Any]]:
    """Copy the files that the steps change into the journal; return their records."""
    paths = dict.fromkeys(path for step in steps for path in step.files)
    return [source.keep(path, journal.folder, None) for path in paths]


def run(step: Step, journal: Journal, progress: Progress) -> StepResult:
    """Run a step's commands until one fails."""
    tail = ""
    for number, argv in enumerate(step.commands):
        log = os.path.join(journal.folder, "system-%d-%d.log" % (step.id, number))
        journal.write("run", step=step.id, argv=list(argv))
        progress.say(RUNNING, {"command": shown(argv)})
        ended = installer.run(argv, log, dict(os.environ, DEBIAN_FRONTEND="noninteractive"), timeout_s=TIMEOUT_S)
        journal.write("ran", step=step.id, returncode=ended.returncode, tail=ended.tail)
        tail = ended.tail
        if not ended.ok:
            return StepResult(step.id, FAILED, tail)
    return StepResult(step.id, DONE, tail)


NOT_ROOT = Text("System steps need root.", "系统级步骤需要 root 权限。")
NOT_ROOT_HINT = Text(
    "Run the printed commands yourself, or `sudo doctor fix --apply --system`.",
    "请自行执行列出的命令，或使用 `sudo doctor fix --apply --system`。",
)
RUN_THIS = Text("Run this as root?\n{commands}\n", "以 root 身份执行以下命令？\n{commands}\n")
RUNNING = Text("Running: {command}", "正在执行：{command}")
