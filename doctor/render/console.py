"""Reports as a screen, through rich; foreign text is never read as markup."""

import os
import sys
from contextlib import contextmanager
from typing import Any, Iterator, List, Optional, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Rich

from .. import facts as f
from ..model import CRASHED, ERROR, NOTE, SKIPPED, WARNING, Finding, Plan, Step
from ..plan import step_ids
from ..session import Report
from ..text import Text
from ..units import size
from ..urls import host_of
from ..wheels.command import commands
from ..wheels.reasons import joined
from . import words
from .chain import Link, links

_MARKS = {
    "ok": "✓",
    "warning": "!",
    "broken": "✗",
    "unknown": "?",
    "none": "–",
    "error": "✗",
    "note": "·",
    "arrow": "→",
}
_ASCII = {
    "ok": "+",
    "warning": "!",
    "broken": "X",
    "unknown": "?",
    "none": "-",
    "error": "X",
    "note": "-",
    "arrow": "->",
}
_STYLES = {
    "ok": "green",
    "warning": "yellow",
    "broken": "bold red",
    "unknown": "yellow",
    "none": "dim",
    "error": "bold red",
    "note": "cyan",
}
#: Lines of evidence that a finding shows without -v.
EVIDENCE_LINES = 4
#: parts of the project that were not read, listed with -v
UNREAD = 20


def make_console(file: Any = None, width: Optional[int] = None, record: bool = False) -> Console:
    """Return a console that honours NO_COLOR, FORCE_COLOR and COLUMNS and never interprets foreign text."""
    stream = file or sys.stdout
    if width is None and not stream.isatty() and not os.environ.get("COLUMNS"):
        width = 100
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, record=record)


def print_report(report: Report, lang: str, verbose: bool, console: Optional[Console] = None) -> None:
    """Draw the report of ``check``, ``pi`` or ``fix``."""
    screen = Screen(console or make_console(), lang, verbose, is_root(report))
    with screen.tidy():
        screen.header(report)
        if report.command == "fix":
            screen.plan(report)
        else:
            screen.findings(report)
            if report.choice is not None:
                screen.choice(report.choice)
            screen.footer(report)


def print_past(past: Any, lang: str, console: Optional[Console] = None) -> None:
    """Draw what ``fix --undo``, ``--history`` or ``--forget`` has to say."""
    screen = Screen(console or make_console(), lang, False)
    if past.fix is not None:
        screen.fix_result(past.fix)
    elif past.history:
        for item in past.history:
            screen.past(item)
    elif past.freed_bytes is not None:
        said = words.FREED if past.freed_bytes else words.NOTHING_FREED
        screen.out(said.render(lang, {"size": size(past.freed_bytes)}))
    else:
        screen.out(words.NO_HISTORY.render(lang, {"prefix": past.prefix}))


def print_choice(choice: Any, lang: str, verbose: bool, console: Optional[Console] = None) -> None:
    """Draw the answer of ``doctor wheels``."""
    screen = Screen(console or make_console(), lang, verbose)
    with screen.tidy():
        screen.choice(choice)


class Screen:
    """One report on one console."""

    def __init__(self, console: Console, lang: str, verbose: bool, root: bool = False) -> None:
        self.console = console
        self.lang = lang
        self.verbose = verbose
        self.root = root
        encoding = (console.encoding or "ascii").lower()
        self.unicode = encoding.startswith("utf") or encoding in ("gb18030",)
        self.marks = _MARKS if self.unicode else _ASCII

    @contextmanager
    def tidy(self) -> Iterator[None]:
        """Take the blanks off the ends of lines where the report goes to a file or a pipe."""
        if self.console.is_terminal or self.console.record:
            yield
            return
        with self.console.capture() as captured:
            yield
        for line in captured.get().splitlines():
            self.console.file.write(line.rstrip() + "\n")

    def say(self, text: Text, **params: Any) -> str:
        return text.render(self.lang, params)

    def out(self, content: Any = "", style: Optional[str] = None, indent: int = 0, whole: bool = False) -> None:
        """Print one paragraph; characters that this terminal cannot show become plain ones.

        ``whole`` lines (addresses, commands, logs) are never broken: they are there to be copied.
        """
        if isinstance(content, str):
            content = Rich(self.plain(content), style=style or "")
        if whole:
            for line in content.split("\n"):
                self.console.print(Rich(" " * indent).append_text(line), soft_wrap=True)
            return
        self.console.print(Padding(content, (0, 0, 0, indent), expand=False) if indent else content)

    def beside(self, parts: Sequence[Rich], gap: str = "  ") -> None:
        """Print parts in one line, or as many to a line as the terminal holds; none is broken: they may be paths."""
        known = self.console.is_terminal or self.console.record or bool(os.environ.get("COLUMNS"))
        line = Rich()
        for part in parts:
            if line and known and line.cell_len + len(gap) + part.cell_len > self.console.width:
                self.out(line, whole=True)
                line = Rich()
            line = line.append(gap).append_text(part) if line else Rich().append_text(part)
        if line:
            self.out(line, whole=True)

    def plain(self, text: str) -> str:
        """Return text without control characters, and in what the terminal's encoding holds."""
        text = "".join(char if char == "\n" or char >= " " and char != "\x7f" else "?" for char in text)
        if self.unicode:
            return text
        for char, plain in (("≤", "<="), ("≥", ">="), ("→", "->"), ("×", "x"), ("…", "..."), ("–", "-"), ("’", "'")):
            text = text.replace(char, plain)
        encoding = self.console.encoding or "ascii"
        return text.encode(encoding, "replace").decode(encoding)

    # ------------------------------------------------------------ parts

    def header(self, report: Report) -> None:
        python = report.facts.maybe(f.Python)
        parts = [Rich("doctor %s" % report.command, style="bold")]
        if python is not None:
            parts += [Rich("Python %s" % python.version), Rich(self.plain(python.executable), style="dim")]
        because = self.say(words.THIS_ONE) if report.because == "this one" else report.because
        if because:
            parts.append(Rich(self.plain("(%s)" % because), style="dim"))
        calm = all(item.severity == NOTE for item in report.findings)
        project = report.facts.maybe(f.Project)
        named = [Rich(self.plain("%s %s" % (self.say(words.PROJECT), project.root)), style="dim")] if project else []
        self.beside(parts + (named if calm else []))
        if not calm:
            self.beside(named)
        if report.command == "pi":
            self.out(self._board(report))
        elif calm:
            self.beside(self._row(report), gap=" ")
        else:
            self.out(self._chain(report))
        for text, params in report.notices:
            self.out(Rich.assemble((self.marks["warning"] + " ", "yellow"), self.plain(text.render(self.lang, params))))
        network = report.facts.maybe(f.Network)
        if network is not None:
            self._network(network)

    def _network(self, network: f.Network) -> None:
        """Draw which hosts were reached, how fast and through what, and what the repository fetches when it starts."""
        for item in network.items:
            said = ([] if item.seconds is None else ["%.1f s" % item.seconds]) if item.ok else [item.kind]
            said += [size(item.bytes_per_s) + "/s"] if item.bytes_per_s else []
            said += [self.say(words.THROUGH, proxy=item.proxy)] if item.proxy else []
            mark = self.marks["ok" if item.ok else "broken"]
            self.out(
                Rich(self.plain("%s %s  %s" % (mark, host_of(item.url) or item.url, ", ".join(said))), style="dim")
            )
        for file in network.downloads:
            text = words.FETCHED if file.present else words.FETCHES
            self.out(self.say(text, name=file.name, url=file.url, place=file.put_at), style="dim")

    def _board(self, report: Report) -> Rich:
        """Return the board in one line: model, system, ABI, memory and swap."""
        facts = report.facts
        board, host, python = facts.maybe(f.Board), facts.maybe(f.Host), facts.maybe(f.Python)
        memory, swap = facts.maybe(f.Memory), facts.maybe(f.Swap)
        parts = [board.model if board else ""]
        if host is not None:
            parts.append(" ".join(part for part in (host.codename, host.machine) if part))
            parts.append("%s %s" % (host.libc, host.libc_version) if host.libc_version else "")
        if python is not None:
            parts.append("%s %s" % (python.abi, python.platform))
        if memory is not None:
            parts.append("RAM " + size(memory.total_bytes))
        if swap is not None:
            parts.append("swap " + size(swap.total_bytes))
        return Rich(self.plain(" · ".join(part for part in parts if part)), style="bold")

    def _links(self, report: Report) -> List[Link]:
        """Return the links of the chain; of this machine those that the checks asked for needed (``--only``)."""
        return links(report.facts, report.findings, self.lang, collected_only="--from" not in report.repeat)

    def _row(self, report: Report) -> List[Rich]:
        """Return the links of the chain, for a report without troubles."""
        row: List[Rich] = []
        for link in self._links(report):
            detail = " (%s)" % link.detail if link.detail else ""
            row.append(
                Rich.assemble(
                    (self.marks["arrow"] + " " if row else "", "dim"),
                    (self.marks[link.state] + " ", _STYLES[link.state]),
                    (self.say(link.name) + " ", "dim"),
                    self.plain(link.value),
                    (self.plain(detail), "dim"),
                )
            )
        return row

    def _chain(self, report: Report) -> Any:
        """Return the chain as a picture: three lines side by side, or one link a line on a narrow terminal."""
        made = self._links(report)
        table = Table.grid(padding=(0, 1))
        if self.console.width < 90:
            for link in made:
                value = Rich(self.plain("%s  %s" % (link.value, link.detail)))
                value.style = _STYLES["broken"] if link.state == "broken" else ""
                table.add_row(Rich(self.marks[link.state], style=_STYLES[link.state]), self.say(link.name), value)
            return Padding(table, (1, 0, 0, 1), expand=False)
        cells: List[Any] = []
        for number, link in enumerate(made):
            if number:
                cells.append(Rich("\n" + self.marks["arrow"], style="dim"))
            strong = _STYLES[link.state] if link.state in ("broken", "warning") else ""
            cells.append(
                Rich.assemble(
                    (self.marks[link.state] + " ", _STYLES[link.state]),
                    (self.say(link.name), "dim"),
                    "\n",
                    (self.plain(link.value), strong or "bold"),
                    ("\n" + self.plain(link.detail) if link.detail else "", strong or "dim"),
                )
            )
        table.add_row(*cells)
        return Padding(table, (1, 0, 0, 1), expand=False)

    def findings(self, report: Report) -> None:
        """Draw errors and warnings whole, and notes in a line each (whole with -v)."""
        notes = [finding for finding in report.findings if finding.severity == NOTE and not self.verbose]
        before = None
        for finding in report.findings:
            if finding not in notes:
                self.out("")
                self.finding(finding, report.plan, before)
                before = finding
        if notes and len(notes) < len(report.findings):
            self.out("")
        for finding in notes:
            title = finding.title.render(self.lang, finding.params) if finding.title else ""
            self.title(NOTE, title, finding.code)

    def finding(self, finding: Finding, plan: Plan, before: Optional[Finding] = None) -> None:
        """Draw a finding; what one of the same code has just said is not said again (but with -v)."""
        again = before if before is not None and before.code == finding.code and not self.verbose else None
        title = finding.title.render(self.lang, finding.params) if finding.title else ""
        self.title(str(finding.severity), title, finding.code)
        rows = Table.grid(padding=(0, 1))
        rows.add_column(no_wrap=True, style="dim")
        rows.add_column(overflow="fold")
        if finding.cause and (again is None or again.cause != finding.cause):
            rows.add_row(self.say(words.WHY), self.plain(finding.cause.render(self.lang, finding.params)))
        shown = finding.evidence if self.verbose else finding.evidence[:EVIDENCE_LINES]
        for line in shown:
            rows.add_row(self.say(words.SEEN), Rich(self.plain(line), style="dim"))
        if len(finding.evidence) > len(shown):
            rows.add_row("", Rich("+%d (-v)" % (len(finding.evidence) - len(shown)), style="dim"))
        said = step_ids(plan, again) if again is not None else []
        wanted = [number for number in step_ids(plan, finding) if number not in said]
        steps = [step for number in wanted for step in plan.steps if step.id == number]
        steps.sort(key=lambda step: step.kind == "system")  # their commands, which are never broken, come below
        for step in steps:
            rows.add_row(self.say(words.FIX), self.step_line(step))
            for wheel in step.wheels:
                if wheel.url:  # a file of the package index says no more than its version in the line above
                    rows.add_row("", Rich(self.plain(wheel.filename), style="cyan"))
        for item in plan.not_done if again is None else ():
            if item.code == finding.code:
                rows.add_row(self.say(words.FIX), self.plain(item.reason.render(self.lang, item.params)))
        self.out(rows, indent=2)
        for step in steps:
            for command in typed(step, self.root) if step.kind == "system" else ():
                self.out("$ " + command, indent=4, whole=True)

    def title(self, severity: str, title: str, code: str, remark: str = "") -> None:
        """Draw the first line of a finding or a diagnosis."""
        self.out(
            Rich.assemble(
                (self.marks[severity] + " ", _STYLES[severity]),
                (self.plain(title), "bold" if severity != NOTE else ""),
                ("  " + code, "dim"),
                ("  (%s)" % remark if remark else "", "dim"),
            )
        )

    def step_line(self, step: Step) -> Rich:
        line = Rich(
            self.plain(step.text.render(self.lang, step.params)), style="green" if step.safety == "safe" else ""
        )
        return line

    def footer(self, report: Report) -> None:
        counts = {level: sum(item.severity == level for item in report.findings) for level in (ERROR, WARNING, NOTE)}
        skipped = [outcome for outcome in report.outcomes if outcome.status == SKIPPED]
        crashed = [outcome for outcome in report.outcomes if outcome.status == CRASHED]
        if not report.findings:
            verdict = self.say(words.HEALTHY)
        elif counts[ERROR] == counts[WARNING] == 0:
            verdict = self.say(words.ONLY_NOTES)
        else:
            verdict = self.say(words.SUMMARY, errors=counts[ERROR], warnings=counts[WARNING], notes=counts[NOTE])
        checks = len(report.outcomes)
        tail = [self.say(words.COUNTS if checks != 1 else words.ONE_CHECK, checks=checks)]
        if skipped:
            tail.append(self.say(words.SKIPPED, count=len(skipped)))
        project = report.facts.maybe(f.Project)
        unread = project.skipped if project is not None else ()
        if any(text.endswith(f.TIME_WAS_UP) for text in unread):
            tail.append(self.say(words.CUT))
        if report.ignored:
            tail.append(self.say(words.IGNORED, codes=", ".join(report.ignored)))
        joint = "，" if self.lang == "zh" else ", "
        stop = "。" if self.lang == "zh" else "."
        if report.status != "ok":
            self.out("")
        mark = "ok" if counts[ERROR] == counts[WARNING] == 0 else "error" if counts[ERROR] else "warning"
        self.out(
            Rich.assemble(
                (self.marks[mark] + " ", _STYLES[mark]),
                self.plain(verdict),
                "" if self.lang == "zh" else " ",
                (self.plain(joint.join(tail) + stop), "dim"),
            )
        )
        if report.plan.safe_steps and "--from" not in report.repeat:
            self.next_step(report)
        if crashed:
            self.out(self.say(words.CRASHED_HEADING) + ":", style="yellow")
            for outcome in crashed:
                self.out("%s: %s" % (outcome.code, outcome.reason), indent=2)
        if self.verbose and skipped:
            self.out(self.say(words.SKIPPED_HEADING) + ":", style="dim")
            for outcome in skipped:
                self.out("%s: %s" % (outcome.code, outcome.reason), style="dim", indent=2)
        if self.verbose and unread:
            self.out(self.say(words.UNREAD_HEADING) + ":", style="dim")
            for text in unread[:UNREAD]:
                self.out(text, style="dim", indent=2)
            if len(unread) > UNREAD:
                self.out("+%d" % (len(unread) - UNREAD), style="dim", indent=2)

    def next_step(self, report: Report) -> None:
        """Draw the command that carries the plan out, for the same target."""
        command = shell_line(("doctor", "fix", "--apply") + report.repeat)
        said = (words.NEXT_APPLY, words.UNDO_IT)
        self.beside([Rich(self.plain(self.say(text, command=command)), style="bold") for text in said])

    def plan(self, report: Report) -> None:
        self.out("")
        if not report.plan.steps:
            self.out(self.say(words.NOTHING_TO_DO))
        for step in report.plan.steps:
            self.step(step)
        for item in report.plan.not_done:
            self.out(
                Rich.assemble(
                    (self.marks["none"] + " ", "dim"),
                    (item.code + ": ", "dim"),
                    self.plain(item.reason.render(self.lang, item.params)),
                )
            )
        if report.fix is not None:
            self.fix_result(report.fix)
            waits = report.fix.result == "planned" and report.plan.safe_steps and report.fix.hint is None
            if waits and "--from" not in report.repeat:
                self.next_step(report)

    def step(self, step: Step) -> None:
        self.out(
            Rich.assemble(
                ("%d. " % step.id, "bold"),
                (self.plain(step.text.render(self.lang, step.params)), "bold"),
                ("  (%s)" % self.say(words.STEP_RUNS[step.kind]), "dim"),
            )
        )
        for wheel in step.wheels:
            if wheel.url or wheel.filename:
                where = wheel.url or "%s (%s)" % (wheel.filename, self.say(words.INDEX))
                self.out(where, indent=3, style="cyan", whole=True)
            if wheel.sha256:
                self.out("sha256 " + wheel.sha256, indent=3, style="dim", whole=True)
        for edit in step.edits:
            self.out("%s:%d: %s -> %s" % (edit.file, edit.line, edit.old, edit.new), indent=3, style="dim")
        for command in typed(step, self.root):
            self.out("$ " + command, indent=3, whole=True)
        if step.wheels and step.download_bytes is not None and step.disk_bytes is not None:
            sizes = self.say(words.SIZES, download=size(step.download_bytes), disk=size(step.disk_bytes))
            self.out(sizes, indent=3, style="dim")
        elif step.wheels and step.download_bytes is not None:
            self.out(self.say(words.DOWNLOAD, download=size(step.download_bytes)), indent=3, style="dim")
        if step.fixes:
            self.out(self.marks["arrow"] + " " + ", ".join(step.fixes), indent=3, style="dim")

    def fix_result(self, result: Any) -> None:
        """Draw what became of a fix: the result, why, what to do next, and the installer's last words on failure."""
        self.out("")
        good = result.result in ("applied", "undone", "nothing-to-do", "planned")
        for step in result.steps:
            if step.status == "failed" and step.log_tail:
                self.out(step.log_tail, style="dim", indent=3, whole=True)
        if result.diff:
            self.out(result.diff.replace("\r\n", "\n").rstrip("\n"), whole=True)
        message = result.message.render(self.lang, result.params) or self.say(words.RESULT[result.result])
        mark = "ok" if good else "error"
        line = Rich.assemble((self.marks[mark] + " ", _STYLES[mark]), (self.plain(message), "bold"))
        self.out(line, whole="://" in message)
        for line in result.hint.render(self.lang, result.params).split("\n") if result.hint is not None else ():
            self.out(line, indent=2, whole=_to_copy(line))

    def past(self, item: Any) -> None:
        """Draw one fix of the past."""
        self.out(
            Rich.assemble(
                (item.time + "  ", "dim"),
                (words.PAST[item.result].render(self.lang), "bold"),
                ("  " + item.id, "dim"),
            )
        )
        for change in item.changes:
            self.out(change, indent=2)
        if item.undoable:
            self.out(self.say(words.UNDOABLE, size=size(item.size_bytes)), style="dim", indent=2)

    def choice(self, choice: Any) -> None:
        """Draw a choice of wheels."""
        said = choice.to_json(self.lang)
        self.out("")
        mark = "" if choice.fits or not choice.wheels else self.marks["warning"] + " "
        self.out(Rich.assemble((mark, "yellow"), (self.plain(self.say(choice_heading(choice))), "bold")))
        for wheel in said["wheels"]:
            self._wheel(wheel, 2)
        if said.get("rule"):
            label = words.RULE if choice.wheels else words.WHY
            self.out("%s: %s" % (self.say(label), said["rule"]), style="dim", indent=2)
        for command in commands(choice):
            self.out("$ " + shell_line(command), indent=2, whole=True)
        for warning in said["warnings"]:
            self.out(Rich.assemble((self.marks["warning"] + " ", "yellow"), self.plain(warning)), indent=2)
        if said["alternatives"]:
            self.out(self.say(words.ALTERNATIVES) + ":", indent=2)
            for other in said["alternatives"]:
                self.out(other["when"], indent=4)
                for wheel in other["wheels"]:
                    self.out("%s %s" % (wheel["name"], wheel["version"]), indent=6, style="dim")
        if said["rejected"] and (self.verbose or not (choice.wheels or choice.undecided)):
            self.out(self.say(words.REJECTED) + ":", indent=2)
            shown = said["rejected"] if self.verbose else said["rejected"][:8]
            for item in shown:
                self.out("%s: %s" % (item["build"], joined(item["reasons"], self.lang)), indent=4, style="dim")
            if len(shown) < len(said["rejected"]):
                self.out("+%d (-v)" % (len(said["rejected"]) - len(shown)), indent=4, style="dim")

    def _wheel(self, wheel: Any, indent: int) -> None:
        self.out(Rich.assemble((wheel["name"], "bold"), " ", wheel["version"]), indent=indent)
        where = wheel["url"] or "%s (%s)" % (wheel["filename"], self.say(words.INDEX))
        self.out(where, style="cyan", indent=indent + 2, whole=True)
        if wheel["url"]:
            digest = "sha256 " + wheel["sha256"] if wheel["sha256"] else self.say(words.SHA_UNKNOWN)
            self.out(digest, style="dim", indent=indent + 2, whole=True)


def choice_heading(choice: Any) -> Text:
    """Return the line that stands above a choice of wheels."""
    if choice.wheels:
        return words.WHEELS if choice.fits else words.UNFIT_WHEELS
    return words.CANNOT_TELL if choice.undecided else words.NO_WHEELS


def _to_copy(line: str) -> bool:
    """Tell whether a line is an address, a path or a command, which must not be broken."""
    first = line.split(" ", 1)[0]
    return "://" in first or first.startswith(("/", "\\")) or first[1:3] == ":\\"


def is_root(report: Report) -> bool:
    """Tell whether the doctor ran as root, who types system commands without sudo (and may have none)."""
    host = report.facts.maybe(f.Host)
    return host is not None and host.root


def typed(step: Step, root: bool) -> List[str]:
    """Return the commands of a step as the user types them."""
    before = ("sudo",) if step.kind == "system" and not root else ()
    return [shell_line(before + tuple(command)) for command in step.commands or ((step.argv,) if step.argv else ())]


def shell_line(argv: Any) -> str:
    """Return an argv as a line that a user can type."""
    import shlex

    return " ".join(shlex.quote(part) for part in argv)
