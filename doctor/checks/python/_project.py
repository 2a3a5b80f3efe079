"""What checks of the project say where it is not certain that the target Python is to run it."""

from typing import Tuple

from doctor.facts import Project
from doctor.model import Manual, Remedy
from doctor.text import Text

_SAY_SO = Text(
    "If this Python is to run {project}: `doctor fix --project {project}` plans what it lacks.",
    "如果要用这个 Python 运行 {project}：`doctor fix --project {project}` 会给出补齐的方案。",
)


def cure(project: Project, *remedies: Remedy) -> Tuple[Remedy, ...]:
    """Return the remedies; for a project that was not named and lies elsewhere, what to say to get them.

    The finding's params must hold ``project``. Nobody's environment is filled up for a folder they happen to stand in.
    """
    return remedies if project.chosen else (Manual(_SAY_SO),)
