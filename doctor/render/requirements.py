"""A plan as a pinned requirements file that pip and uv read."""

from ..model import Plan
from ..text import Text

_HEAD = Text(
    "Pinned by doctor. Install with: python -m pip install --no-deps -r FILE",
    "由 doctor 固定版本。安装：python -m pip install --no-deps -r FILE",
)


def render_plan(plan: Plan, lang: str) -> str:
    """Return the plan's wheels, one a line: ``name @ URL#sha256=…``, or ``name==version`` for the package index."""
    lines = ["# " + _HEAD.render(lang)]
    for step in plan.steps:
        for wheel in step.wheels:
            if wheel.url:
                digest = "#sha256=" + wheel.sha256 if wheel.sha256 else ""
                lines.append("%s @ %s%s" % (wheel.name, wheel.url, digest))
            else:
                lines.append("%s==%s" % (wheel.name, wheel.version))
    return "\n".join(lines) + "\n"
