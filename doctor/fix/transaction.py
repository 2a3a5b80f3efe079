"""A fix as one transaction: lock, refuse early, download, snapshot, journal, install, verify, keep or put back."""

import os
import shutil
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..facts import Distributions, Facts, Python, Unknown
from ..model import ERROR, SAFE, DoctorError, Finding, Plan, Step, System
from ..plan import automatic
from ..record import replace
from ..text import Text, plain
from ..wheels.matrix import load
from . import installer, refuse, snapshot, source, state, system
from .changes import Changes, changes_of, clear, linkable
from .download import Downloader, Fetched
from .foresee import Said, Seer, foresee
from .journal import Journal, all_journals, checkpoint, write_atomically
from .options import (
    APPLIED,
    DONE,
    FAILED,
    NOTHING,
    PLANNED,
    PUT_BACK,
    REFUSED,
    ROLLED_BACK,
    SKIPPED,
    WAITS,
    FixResult,
    Options,
    StepResult,
)
from .progress import Progress
from .record import Layout
from .requires import completed, with_wheels
from .signals import FINISHING, PUTTING_BACK, STOPS, stoppable, unstoppable


def planned(
    plan: Plan,
    findings: Sequence[Finding],
    facts: Optional[Facts] = None,
    refusal: Optional[DoctorError] = None,
) -> FixResult:
    """Return the result of a dry run: exit 1 when safe steps wait, else as a check.

    With ``facts`` the source steps are worked out, without writing, for their diff. ``refusal`` is what ``apply`` would
    answer to the safe steps.
    """
    steps = tuple(StepResult(step.id, WAITS) for step in plan.steps)
    diff = source.preview(plan.steps, facts) if facts is not None else ""
    if plan.safe_steps and refusal is not None:
        why = Text(WOULD_REFUSE.en + refusal.message.en, WOULD_REFUSE.zh + refusal.message.zh)
        return FixResult(PLANNED, 1, why, refusal.params, refusal.hint, steps, diff=diff, plan=plan)
    if plan.safe_steps:
        return FixResult(PLANNED, 1, WOULD_DO, steps=steps, diff=diff, plan=plan)
    errors = any(finding.severity == ERROR for finding in findings)
    message, params = unasked(plan)
    result = PLANNED if params else NOTHING
    return FixResult(result, int(errors), message, params, steps=steps, diff=diff, plan=plan)


def unasked(plan: Plan) -> Said:
    """Return what is to be said of a plan without safe steps; parameters when something could be asked for."""
    kinds = {step.kind for step in plan.steps}
    options = ["--" + kind for kind in ("source", "system") if kind in kinds]
    return (WAITING, {"options": " ".join(options)}) if options else (NOTHING_TO_DO, {})


def preview(plan: Plan, facts: Facts, options: Options, matrix: Any) -> Tuple[Plan, List[Said], Optional[DoctorError]]:
    """Return the plan as ``apply`` would carry it out, what could not be learnt, and why apply would refuse it."""
    said: List[Said] = []
    try:
        layout = Layout.of(known(facts, Python))
        known(facts, Distributions)
        plan, said = foresee(plan, facts, options, matrix)
        steps = [step for step in plan.safe_steps if step.kind == "pip"]
        if steps:
            object_to(steps, facts, layout)
            refuse.too_little_space(layout, needed_bytes(steps))
    except DoctorError as error:
        if error.exit != 3:
            raise
        return plan, said, error
    return plan, said, None


def object_to(steps: Sequence[Step], facts: Facts, layout: Layout) -> None:
    """Raise DoctorError when these pip steps must not be begun, as far as that is known already."""
    refuse.unsuitable_target(facts, layout)
    refuse.unsuitable_distributions(facts, layout, steps)
    refuse.own_environment(facts, layout, refuse.changed_names(steps))
    changes_of(steps, {}, facts, layout)


def needed_bytes(steps: Sequence[Step]) -> int:
    """Return the space that these steps need, as far as it is known before the download."""
    return sum(step.disk_bytes or step.download_bytes or 0 for step in steps)


def apply(
    plan: Plan,
    facts: Facts,
    options: Options,
    check_again: Callable[[], Tuple[Facts, Sequence[Finding]]],
    progress: Optional[Progress] = None,
    findings: Sequence[Finding] = (),
    matrix: Any = None,
) -> FixResult:
    """Carry out the plan's safe steps, and its source and system steps where asked for."""
    try:
        try:
            return _Fix(plan, facts, options, check_again, progress or Progress(), findings, matrix).run()
        except OSError as problem:  # before the journal began; later ones put everything back
            raise DoctorError(CUT_SHORT, detail=problem.strerror or str(problem))
    except DoctorError as error:
        if error.exit != 3:
            raise
        steps = tuple(StepResult(step.id, SKIPPED) for step in plan.steps)
        return FixResult(REFUSED, 3, error.message, error.params, error.hint, steps, plan=plan)


def undo_command(python: Python) -> str:
    """Return what one types to take a fix of this environment back."""
    return system.shown(("doctor", "fix", "--undo", "--python", python.executable))


def known(facts: Facts, section: Any) -> Any:
    """Return a section without which nothing may be changed; raises DoctorError when it is unknown or absent."""
    value = facts.state(section)
    if value is None or isinstance(value, Unknown):
        raise DoctorError(UNKNOWN, section=section.section_name, detail=getattr(value, "reason", "absent"))
    return value


class _Fix:
    """One run of ``fix --apply``."""

    def __init__(
        self,
        plan: Plan,
        facts: Facts,
        options: Options,
        check_again: Callable,
        progress: Progress,
        findings: Sequence[Finding],
        matrix: Any,
    ) -> None:
        self._plan = plan
        self._facts = facts
        self._options = options
        self._check_again = check_again
        self._progress = progress
        self._findings = findings
        self._matrix = matrix or load()
        self._python = known(facts, Python)
        known(facts, Distributions)
        self._layout = Layout.of(self._python)
        self._status: Dict[int, StepResult] = {}
        self._fetched: Dict[int, List[Fetched]] = {}

    def run(self) -> FixResult:
        chosen = [step for step in self._plan.steps if self._wanted(step)]
        if not chosen:
            return self._result(NOTHING, self._left(), *unasked(self._plan))
        pip_steps = [step for step in chosen if step.kind == "pip"]
        if pip_steps:
            object_to(pip_steps, self._facts, self._layout)
        folder = state.folder(self._layout.prefix)
        was_there = os.path.isdir(folder)
        state.make(folder)
        try:
            with state.Lock(folder) as lock, stoppable():
                if state.active(self._layout.prefix):
                    raise DoctorError(UNFINISHED, UNFINISHED_HINT, path=folder, undo=undo_command(self._python))
                refuse.outdated_facts(self._facts, self._layout)
                self._scratch = os.path.join(folder, "scratch")
                shutil.rmtree(self._scratch, ignore_errors=True)
                os.mkdir(self._scratch, 0o700)
                try:
                    return self._locked(folder, lock, chosen)
                except STOPS:
                    return self._result(ROLLED_BACK, 130, STOPPED)
                finally:
                    shutil.rmtree(self._scratch, ignore_errors=True)
                    if not was_there and not all_journals(folder):
                        shutil.rmtree(folder, ignore_errors=True)  # nothing was begun: leave no trace
        except STOPS:
            return self._result(ROLLED_BACK, 130, STOPPED)

    def _wanted(self, step: Step) -> bool:
        asked = {"source": self._options.source, "system": self._options.system}.get(step.kind, False)
        return step.safety == SAFE or asked

    def _left(self) -> int:
        """Return the exit status of a run that changed nothing: whether something at error level needs hands."""
        return int(any(finding.severity == ERROR for finding in self._findings))

    # ------------------------------------------------------------ the sentence

    def _locked(self, folder: str, lock: state.Lock, chosen: Sequence[Step]) -> FixResult:
        pip_steps = [step for step in chosen if step.kind == "pip"]
        commands = [step for step in chosen if step.kind == "system"]
        if commands:
            system.refuse_unless_root()
        tool = installer.choose(self._python, self._options.installer) if pip_steps else None
        if tool is not None:
            pip_steps = self._download(tool, pip_steps, lock)
        contents = {id: [item.contents for item in group] for id, group in self._fetched.items()}
        changes = changes_of(pip_steps, contents, self._facts, self._layout)
        if tool is not None and tool.name == "uv":
            changes.paths.add(os.path.join(self._layout.prefix, ".lock"))  # uv leaves it there
        refuse.too_little_space(self._layout, changes.unpacked_bytes + changes.copied_bytes)
        edits = [source.prepare(step, self._facts) for step in chosen if step.kind == "source"]
        commands = [step for step in commands if self._options.yes or system.confirmed(step, self._progress)]
        if not (pip_steps or edits or commands):
            return self._result(NOTHING, self._left(), DECLINED)
        journal = self._begin(folder, pip_steps)
        try:
            kept = self._keep_files(journal, changes)
            outside = [record for edit in edits for record in edit.keep(journal)] + system.keep(commands, journal)
            journal.write("outside", files=outside)
            problem = self._carry_out(journal, tool, pip_steps, changes, lock)
            for edit in edits if problem is None else ():
                edit.apply()
                left = "\n".join("%s:%d: %s" % (item.file, item.line, why) for item, why in edit.left)
                self._status[edit.step.id] = StepResult(edit.step.id, DONE, left)
            for step in commands if problem is None else ():
                self._status[step.id] = system.run(step, journal, self._progress)
            return self._conclude(journal, kept, pip_steps, chosen, problem, "".join(edit.diff for edit in edits))
        except DoctorError as error:
            return self._put_back(journal, error.message, error.params, error.hint)
        except Exception as error:  # whatever it is, the environment comes first
            detail = getattr(error, "strerror", None) or "%s: %s" % (type(error).__name__, error)
            return self._put_back(journal, CUT_SHORT, {"detail": detail})
        except STOPS:
            return replace(self._put_back(journal, STOPPED, {}), exit=130)

    def _download(self, tool: "installer.Installer", steps: List[Step], lock: state.Lock) -> List[Step]:
        """Fetch every wheel and what it needs; return the steps with all of that in them.

        What can be foreseen is refused before the first byte; the rest is found out from the files.
        """
        self._plan, said = foresee(self._plan, self._facts, self._options, self._matrix)
        for text, params in said:
            self._progress.say(text, params)
        steps = self._current(steps)
        object_to(steps, self._facts, self._layout)
        refuse.too_little_space(self._layout, needed_bytes(steps))
        downloader = Downloader(
            installer.pip_of(self._python) if tool.name == "uv" else tool,
            self._facts,
            self._matrix,
            self._options,
            self._scratch,
            self._progress,
            lock.handles,
        )

        def settle(own: List[Fetched], more: List[Fetched]) -> List[Fetched]:
            seer = Seer(self._facts, self._layout, self._options, self._matrix)
            taken = seer.as_pip_takes_it(own, more)
            for text, params in seer.said:
                self._progress.say(text, params)
            return [item if isinstance(item, Fetched) else downloader.fetch([item.wheel])[0] for item in taken]

        self._fetched = completed(steps, self._facts, downloader.fetch, settle)
        done = {step.id: self._completed(step) for step in steps}
        self._plan = replace(self._plan, steps=tuple(done.get(step.id, step) for step in self._plan.steps))
        steps = self._current(steps)
        object_to(steps, self._facts, self._layout)
        return steps

    def _current(self, steps: Sequence[Step]) -> List[Step]:
        """Return these steps as the plan has them now."""
        ids = {step.id for step in steps}
        return [step for step in self._plan.steps if step.id in ids]

    def _completed(self, step: Step) -> Step:
        """Return the step with the sha256 of its files, and with the files that those need."""
        return with_wheels(step, [replace(item.wheel, sha256=item.sha256) for item in self._fetched[step.id]])

    def _begin(self, folder: str, steps: Sequence[Step]) -> Journal:
        versions = {item.name: item.version for item in self._facts.need(Distributions).items}
        changes = []
        for step in steps:
            for name in step.removes:
                changes.append([name, versions.get(name), None])
            changes.extend([wheel.name, versions.get(wheel.name), wheel.version] for wheel in step.wheels)
        return Journal.begin(
            folder,
            prefix=self._layout.prefix,
            site_packages=list(self._layout.site_packages),
            python=self._python.executable,
            commands=[list(step.argv) for step in self._plan.steps if step.argv and self._wanted(step)],
            changes=changes,
            files={
                fetched.wheel.filename: {"sha256": fetched.sha256, "verified": fetched.verified}
                for group in self._fetched.values()
                for fetched in group
            },
        )

    def _keep_files(self, journal: Journal, changes: Changes) -> snapshot.Snapshot:
        places = {os.path.dirname(path) for path in changes.paths}
        ancestors = {place for path in places for place in self._ancestors(path)}
        kept = snapshot.take(
            journal.folder,
            self._layout.prefix,
            changes.paths,
            own_folders=changes.own_folders,
            renamed_in=ancestors,
            linkable=lambda path: linkable(path, self._layout),
        )
        journal.write("snapshot", manifest_sha256=snapshot.manifest_sha256(journal.folder), files=len(kept.kept))
        return kept

    def _ancestors(self, path: str) -> Iterator[str]:
        """Yield a folder and those above it, up to the environment's own."""
        while self._layout.inside(path):
            yield path
            path = os.path.dirname(path)

    # ------------------------------------------------------------ doing it

    def _carry_out(
        self,
        journal: Journal,
        tool: Optional["installer.Installer"],
        steps: Sequence[Step],
        changes: Changes,
        lock: state.Lock,
    ) -> Optional[Tuple[Text, Mapping[str, Any]]]:
        """Run the pip steps; return what went wrong, or None."""
        if tool is None:
            return None
        if changes.cleared:
            journal.write("clear", count=len(changes.cleared))
            clear(changes.cleared)
        env = installer.no_settings(self._scratch)
        for step in steps:
            for argv in self._commands(tool, step, changes):
                log = os.path.join(journal.folder, "step-%d.log" % step.id)
                journal.write("run", step=step.id, argv=argv)
                self._progress.say(step.text, step.params)
                ended = installer.run(argv, log, env, inherit=lock.handles)
                checkpoint("installer ended")
                journal.write("ran", step=step.id, returncode=ended.returncode, tail=ended.tail)
                if not ended.ok:
                    self._status[step.id] = StepResult(step.id, FAILED, ended.tail)
                    return STEP_FAILED, {"step": step.id, "command": " ".join(argv[:4]), "log": ended.tail}
                self._status[step.id] = StepResult(step.id, DONE, ended.tail)
            self._status.setdefault(step.id, StepResult(step.id, DONE))
        return None

    def _commands(self, tool: "installer.Installer", step: Step, changes: Changes) -> Iterator[List[str]]:
        installed = {item.name: item for item in self._facts.need(Distributions).items if self._layout.owns(item)}
        names = [name for name in step.removes if name in installed and not changes.clears(installed[name])]
        if names:
            yield tool.uninstall(names)
        files = [fetched.path for fetched in self._fetched.get(step.id, ())]
        if files:
            yield tool.install(files)

    # ------------------------------------------------------------ keep or put back

    def _conclude(
        self,
        journal: Journal,
        kept: snapshot.Snapshot,
        steps: Sequence[Step],
        chosen: Sequence[Step],
        problem: Optional[Tuple[Text, Mapping[str, Any]]],
        diff: str,
    ) -> FixResult:
        if problem is not None:
            return self._put_back(journal, *problem)
        journal.write("verify")
        _, findings = self._check_again()
        done = [step for step in chosen if self._status.get(step.id, StepResult(0, SKIPPED)).status == DONE]
        problem = self._unsatisfied(done, findings)
        if problem is not None and not self._options.keep:
            return self._put_back(journal, *problem)
        with unstoppable(self._progress, FINISHING):
            state.settle_all()
            left = snapshot.after(kept)
            write_atomically(os.path.join(journal.folder, "after.json"), snapshot.dumps(left))
            journal.write("kept", after_sha256=snapshot.sha256_of(os.path.join(journal.folder, "after.json")))
            journal.mark_finished()
        quiet = {code for step in done for code in step.fixes} - {finding.code for finding in findings}
        errors = any(finding.severity == ERROR for finding in findings)
        message, params = problem or (DONE_ALL, {})
        if problem is None and errors:
            message = DONE_PART
        result = self._result(APPLIED, 1 if errors or problem is not None else 0, message, params)
        params = dict(result.params, undo=undo_command(self._python))
        return replace(result, params=params, verified=tuple(sorted(quiet)), diff=diff, hint=UNDO_HINT)

    def _unsatisfied(
        self, done: Sequence[Step], findings: Sequence[Finding]
    ) -> Optional[Tuple[Text, Mapping[str, Any]]]:
        """Return why the fresh check is not good enough, or None.

        The codes that moved a step must be quiet, but for findings that nothing was going to cure. A source step may
        leave places to hands (they are named), so its codes may stay.
        """
        cured = {code for step in done if step.kind != "source" for code in step.fixes}
        by_commands = any(step.kind == "system" for step in done)
        beyond = [
            item
            for item in self._findings
            if not automatic(item) and not (by_commands and any(isinstance(r, System) for r in item.remedies))
        ]
        for finding in findings:
            known = any(finding.code == item.code and finding.params == item.params for item in beyond)
            if finding.code in cured and not known:
                return STILL_THERE, {"code": finding.code}
        before = {item.code for item in self._findings if item.severity == ERROR}
        fresh = sorted({item.code for item in findings if item.severity == ERROR} - before)
        return (NEW_ERROR, {"codes": ", ".join(fresh)}) if fresh else None

    def _put_back(
        self, journal: Journal, message: Text, params: Mapping[str, Any], hint: Optional[Text] = None
    ) -> FixResult:
        from .reversal import put_back

        with unstoppable(self._progress, PUTTING_BACK):
            self._progress.say(PUTTING_BACK, {})
            try:
                put_back(journal, ROLLED_BACK)
            except (DoctorError, OSError) as error:
                why = error.message if isinstance(error, DoctorError) else plain(str(error))
                detail = why.render("en", getattr(error, "params", {}))
                return self._result(ROLLED_BACK, 3, NOT_PUT_BACK, {"detail": detail, "path": journal.folder})
        for step_id, result in list(self._status.items()):
            if result.status == DONE:
                self._status[step_id] = replace(result, status=PUT_BACK)
        whole = Text(message.en + " " + IS_BACK.en, message.zh + IS_BACK.zh)
        return replace(self._result(ROLLED_BACK, 3, whole, params), hint=hint)

    def _result(self, result: str, exit: int, message: Text, params: Mapping[str, Any] = {}) -> FixResult:
        steps = tuple(self._status.get(step.id, StepResult(step.id, SKIPPED)) for step in self._plan.steps)
        return FixResult(result, exit, message, dict(params), steps=steps, plan=self._plan)


NOTHING_TO_DO = Text("There is nothing that doctor would change by itself.", "没有 doctor 可以自动修改的内容。")
WOULD_REFUSE = Text("Nothing was changed; --apply would be refused: ", "尚未做任何改动；--apply 会被拒绝：")
WAITING = Text(
    "Nothing was changed. What is left runs only when asked for: doctor fix --apply {options}",
    "没有做任何改动。剩下的步骤要明确要求才会执行：doctor fix --apply {options}",
)
DECLINED = Text("Nothing was changed: no step was agreed to.", "没有做任何改动：没有同意执行任何步骤。")
WOULD_DO = Text(
    "Nothing was changed.",
    "尚未做任何改动。",
)
IS_BACK = Text("Everything is as it was before.", "环境已恢复原状。")
CUT_SHORT = Text("Could not go on: {detail}.", "无法继续：{detail}。")
STOPPED = Text("Stopped on request.", "已按要求停止。")
STEP_FAILED = Text("Step {step} failed ({command} …):\n{log}\n", "步骤 {step} 失败（{command} …）：\n{log}\n")
STILL_THERE = Text("The check afterwards still finds {code}.", "修复后的检查仍然发现 {code}。")
NEW_ERROR = Text("The check afterwards finds something new: {codes}.", "修复后的检查发现新问题：{codes}。")
NOT_PUT_BACK = Text(
    "The environment could not be put back: {detail}. What was kept lies in {path}.",
    "未能恢复环境：{detail}。备份保存在 {path}。",
)
DONE_ALL = Text("Done, and the check afterwards is satisfied.", "修复完成，复查通过。")
DONE_PART = Text("Done and verified; what is left needs your hands.", "自动部分已完成并通过复查，其余需要手动处理。")
UNDO_HINT = Text("`{undo}` takes it back.", "`{undo}` 可以撤销。")
UNKNOWN = Text(
    "Nothing is changed while so little is known of the target ({section}: {detail}).",
    "对目标环境了解不足，不做任何改动（{section}：{detail}）。",
)
UNFINISHED = Text("An earlier fix was interrupted ({path}).", "之前的一次修复被中断（{path}）。")
UNFINISHED_HINT = Text("Put the environment back first: `{undo}`.", "请先恢复环境：`{undo}`。")
