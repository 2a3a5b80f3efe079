"""What ``doctor explain`` found, as a screen, JSON or Markdown."""

from typing import Any, Dict, List, Optional, Tuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text as Rich

from ..explain import Diagnosis, Explained
from ..model import NotDone, Plan, Step
from ..text import Text
from . import words
from .console import EVIDENCE_LINES, Screen, make_console, shell_line

NOTHING = Text("No environment cause was recognised.", "没有识别出环境方面的原因。")
WHAT_HELPS = Text(
    "That is an honest answer: the fault may lie in the code or the data. These would say more: the full log from the"
    " first error on (`doctor explain full.log`), and `doctor check` on the machine where it happened.",
    "这是如实的回答：问题可能出在代码或数据上。想进一步判断，可以提供从第一个报错开始的完整日志"
    "（`doctor explain full.log`），或在出错的机器上运行 `doctor check`。",
)
LINE = Text("line {line}", "第 {line} 行")
CONFIDENCE = {
    "high": Text("certain from this text", "由这段文本可以确定"),
    "medium": Text("likely", "很可能"),
    "low": Text("possible", "有可能"),
}


def _where(line: int, lang: str) -> str:
    """Return what names a piece of evidence; line 0 stands for the versions in the whole text."""
    return LINE.render(lang, {"line": line}) if line else words.SEEN.render(lang)


def steps_of(diagnosis: Diagnosis, plan: Plan) -> List[Step]:
    """Return the plan's steps that cure a diagnosis."""
    return [step for step in plan.steps if diagnosis.code in step.fixes]


def not_done_of(diagnosis: Diagnosis, plan: Plan) -> List[NotDone]:
    """Return what the plan says it will not do about a diagnosis."""
    return [item for item in plan.not_done if item.code == diagnosis.code]


def document(explained: Explained, plan: Plan, lang: str) -> Dict[str, Any]:
    """Return the JSON document of ``doctor explain``."""
    from .json import encode, step_document

    return {
        "schema": 1,
        "command": "explain",
        "diagnoses": [
            {
                "code": item.code,
                "confidence": item.confidence,
                "severity": item.severity,
                "title": item.title.render(lang, item.params),
                "cause": item.cause.render(lang, item.params),
                "evidence": [{"line": line, "text": text} for line, text in item.evidence],
                "params": encode(item.params),
                "fix": [step_document(step, lang) for step in steps_of(item, plan)],
            }
            for item in explained.diagnoses
        ],
    }


def print_explained(
    explained: Explained, plan: Plan, lang: str, verbose: bool, file: Any = None, console: Optional[Any] = None
) -> None:
    """Draw the diagnoses, best first."""
    screen = Screen(console or make_console(file=file), lang, verbose)
    if not explained.diagnoses:
        screen.out(NOTHING.render(lang), style="bold")
        screen.out(WHAT_HELPS.render(lang))
        return
    with screen.tidy():
        for number, item in enumerate(explained.diagnoses):
            if number:
                screen.out("")
            _print(screen, item, plan)


def _print(screen: Screen, item: Diagnosis, plan: Plan) -> None:
    lang = screen.lang
    confidence = CONFIDENCE[item.confidence].render(lang)
    screen.title(item.severity, item.title.render(lang, item.params), item.code, confidence)
    shown = item.evidence if screen.verbose else item.evidence[:EVIDENCE_LINES]
    rows: List[Tuple[str, Any]] = [(words.WHY.render(lang), screen.plain(item.cause.render(lang, item.params)))]
    rows += [(_where(line, lang), Rich(screen.plain(text.strip()), style="dim")) for line, text in shown]
    label_width = max(cell_len(label) for label, _ in rows + [(words.FIX.render(lang), "")])

    def draw() -> None:
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True, style="dim", width=label_width)
        table.add_column(overflow="fold")
        for row in rows:
            table.add_row(*row)
        screen.out(table, indent=2)
        rows.clear()

    for step in steps_of(item, plan):
        rows.append((words.FIX.render(lang), screen.step_line(step)))
        draw()
        commands = step.commands or ((step.argv,) if step.argv else ())
        typed = [shell_line(command) for command in commands]
        files = [wheel.url or wheel.filename for wheel in step.wheels]
        for line in [file for file in files if not any(file in line for line in typed)]:
            screen.out(line, style="cyan", indent=label_width + 3, whole=True)
        for line in typed:
            screen.out("$ " + line, indent=label_width + 3, whole=True)
    for left in not_done_of(item, plan):
        rows.append((words.FIX.render(lang), screen.plain(left.reason.render(lang, left.params))))
    if rows:
        draw()


def markdown(explained: Explained, plan: Plan, lang: str) -> str:
    """Return the diagnoses as Markdown."""
    from .markdown import escape

    if not explained.diagnoses:
        return "%s\n\n%s\n" % (NOTHING.render(lang), WHAT_HELPS.render(lang))
    lines: List[str] = []
    for item in explained.diagnoses:
        lines += ["### %s `%s`" % (escape(item.title.render(lang, item.params)), item.code), ""]
        lines += [
            "%s. %s" % (CONFIDENCE[item.confidence].render(lang), escape(item.cause.render(lang, item.params))),
            "",
        ]
        lines += ["> %s: %s" % (_where(line, lang), escape(text.strip())) for line, text in item.evidence]
        for step in steps_of(item, plan):
            lines += ["", "- %s" % escape(step.text.render(lang, step.params))]
            lines += [
                "  `%s`" % shell_line(command) for command in step.commands or ((step.argv,) if step.argv else ())
            ]
            lines += ["  %s" % wheel.url for wheel in step.wheels if wheel.url]
        lines += ["", *("- " + escape(left.reason.render(lang, left.params)) for left in not_done_of(item, plan)), ""]
    return "\n".join(lines) + "\n"
