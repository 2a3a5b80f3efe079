"""A plan as a pinned requirements file that pip and uv read."""

from ..model import Plan, Wheel
from ..plan import requirement_of, typed
from ..text import Text

_HEAD = Text(
    "Pinned by doctor. Install with: python -m pip install --no-deps -r FILE",
    "由 doctor 固定版本。安装：python -m pip install --no-deps -r FILE",
)
_FIRST = Text("First: python -m pip uninstall {names}", "请先执行：python -m pip uninstall {names}")
_SAVE = Text("Save {url} under the name in the next line.", "请把 {url} 保存为下一行的文件名。")


def render_plan(plan: Plan, lang: str) -> str:
    """Return the plan's wheels, one a line: ``name @ URL#sha256=…``, or ``name==version`` for the package index."""
    lines = ["# " + _HEAD.render(lang)]
    for step in plan.steps:
        if step.removes:
            lines.append("# " + _FIRST.render(lang, {"names": " ".join(step.removes)}))
        for wheel in step.wheels:
            if wheel.url and typed(wheel) != wheel.url:
                lines.append("# " + _SAVE.render(lang, {"url": wheel.url}))
            lines.append(_line(wheel))
    return "\n".join(lines) + "\n"


def _line(wheel: Wheel) -> str:
    if not wheel.url:
        return requirement_of(wheel)
    if typed(wheel) != wheel.url:
        return "./" + wheel.filename
    return "%s @ %s%s" % (wheel.name, wheel.url, "#sha256=" + wheel.sha256 if wheel.sha256 else "")
