"""A report as Markdown, made to be pasted into a bug report: long parts folded, private data out."""

from typing import Any, List

from .. import facts as f
from ..model import SKIPPED
from ..plan import step_ids
from ..session import Report
from ..text import Text
from ..version import __version__
from . import words
from .chain import links
from .console import choice_heading, is_root, shell_line, typed

_MARKS = {"ok": "✅", "warning": "⚠️", "broken": "❌", "unknown": "❔", "none": "–"}
_SEVERITY = {"error": "❌", "warning": "⚠️", "note": "ℹ️"}
_FACTS = Text("Facts", "收集到的信息")


def render_report(report: Report, lang: str) -> str:
    """Return the report as Markdown; home folders, user names and credentials are left out."""
    from ..bundle import document, hider

    def say(text: Text, **params: Any) -> str:
        return text.render(lang, params)

    hide = hider()
    python = report.facts.maybe(f.Python)
    lines: List[str] = ["### doctor %s %s" % (__version__, report.command), ""]
    if python is not None:
        lines += ["%s: Python %s `%s`" % (say(words.TARGET), python.version, hide(python.executable)), ""]
    made = links(report.facts, report.findings, lang)
    lines += [
        "| " + " | ".join("%s %s" % (_MARKS[link.state], say(link.name)) for link in made) + " |",
        "|" + " --- |" * len(made),
        "| " + " | ".join(_cell("%s %s" % (link.value, link.detail)) for link in made) + " |",
        "",
    ]
    for finding in report.findings:
        title = finding.title.render(lang, finding.params) if finding.title else ""
        lines += ["#### %s %s `%s`" % (_SEVERITY[str(finding.severity)], escape(hide(title)), finding.code), ""]
        if finding.cause:
            lines += [escape(hide(finding.cause.render(lang, finding.params))), ""]
        if finding.evidence:
            lines += _fold(say(words.SEEN), [hide(line) for line in finding.evidence])
        for number in step_ids(report.plan, finding):
            step = next(item for item in report.plan.steps if item.id == number)
            lines.append("- %s: %s" % (say(words.FIX), escape(hide(step.text.render(lang, step.params)))))
            for command in typed(step, is_root(report)):
                lines.append("  `%s`" % hide(command))
            for wheel in step.wheels:
                lines.append("  %s" % (wheel.url or "`%s`" % wheel.filename))
        for item in report.plan.not_done:
            if item.code == finding.code:
                lines.append("- %s: %s" % (say(words.FIX), escape(hide(item.reason.render(lang, item.params)))))
        lines.append("")
    if not report.findings:
        lines += [say(words.HEALTHY), ""]
    skipped = [outcome for outcome in report.outcomes if outcome.status == SKIPPED]
    if skipped:
        lines += _fold(say(words.SKIPPED_HEADING), ["%s: %s" % (item.code, hide(str(item.reason))) for item in skipped])
    from .json import dump

    lines += _fold(say(_FACTS), dump(document(report.facts)).splitlines())
    return "\n".join(lines)


def render_choice(choice: Any, lang: str) -> str:
    """Return the answer of ``doctor wheels`` as Markdown; what was rejected is folded."""
    from ..wheels.command import commands
    from ..wheels.reasons import joined

    said = choice.to_json(lang)
    index = words.INDEX.render(lang)
    lines = ["### %s" % escape(choice_heading(choice).render(lang)), ""]
    if said["wheels"]:
        lines += ["| | | sha256 |", "| --- | --- | --- |"]
        for wheel in said["wheels"]:
            file = "[%s](%s)" % (escape(wheel["filename"]), wheel["url"]) if wheel["url"] else escape(wheel["filename"])
            cells = (
                "%s %s" % (wheel["name"], wheel["version"]),
                file,
                wheel["sha256"] or (wheel["url"] and "?" or index),
            )
            lines.append("| %s | %s | %s |" % cells)
        lines.append("")
    label = words.RULE if choice.wheels else words.WHY
    lines += ["%s: %s" % (label.render(lang), escape(said["rule"])), ""]
    made = commands(choice)
    if made:
        lines += ["```sh"] + [shell_line(command) for command in made] + ["```", ""]
    lines += ["- ⚠️ " + escape(warning) for warning in said["warnings"]] + [""] * bool(said["warnings"])
    if said["alternatives"]:
        lines += ["#### " + words.ALTERNATIVES.render(lang), ""]
        for other in said["alternatives"]:
            wheels = ", ".join("%s %s" % (wheel["name"], wheel["version"]) for wheel in other["wheels"])
            lines.append("- %s: %s" % (escape(other["when"]), wheels))
        lines.append("")
    if said["rejected"]:
        rejected = ["%s: %s" % (item["build"], joined(item["reasons"], lang)) for item in said["rejected"]]
        lines += _fold(words.REJECTED.render(lang), rejected)
    return "\n".join(lines)


def _fold(title: str, content: List[str]) -> List[str]:
    """Return a folded block; its fence is longer than any run of backticks inside it."""
    fence = "`" * max(3, _longest_run("\n".join(content)) + 1)
    return ["<details><summary>%s</summary>" % title, "", fence] + content + [fence, "", "</details>", ""]


def _longest_run(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest


def escape(text: str) -> str:
    """Return foreign text that Markdown shows as it is."""
    for char in ("\\", "`", "*", "_", "<", "[", "|"):
        text = text.replace(char, "\\" + char)
    return text


def _cell(text: str) -> str:
    return escape(text.strip()) or " "
