"""Findings -> an ordered plan: remedies merged by distribution, conflicts stated, every "no" with its reason; pure.

Pip steps come first because they can be taken back as one transaction, then source, system and manual steps.
"""

from typing import Any, Callable, Collection, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .facts import Distributions, Facts, Python
from .model import (
    MANUAL,
    NOTE,
    SAFE,
    SEVERITIES,
    UNSAFE,
    Edit,
    Finding,
    Install,
    KeepOne,
    Manual,
    MendTorch,
    NotDone,
    Plan,
    Reinstall,
    Remedy,
    Remove,
    Rewrite,
    Step,
    System,
    Wheel,
)
from .record import replace
from .text import Text

#: distributions that must fit each other, so that one is never chosen without the others
TRIO = ("torch", "torchvision", "torchaudio")

#: remedies that change the environment and can be taken back
AUTOMATIC = (MendTorch, Install, Reinstall, KeepOne, Remove)


def automatic(finding: Finding) -> bool:
    """Return whether a finding asks for something that `doctor fix --apply` does by itself."""
    return finding.severity != NOTE and any(isinstance(remedy, AUTOMATIC) for remedy in finding.remedies)


def build(
    findings: Sequence[Finding],
    facts: Facts,
    matrix: Any,
    wanted: Collection[str] = (),
    mend: Optional[Callable] = None,
    pick: Optional[Callable] = None,
) -> Plan:
    """Return the plan for these findings.

    A note is not worth a change of the environment: its remedies are shown as manual steps, unless its code is in
    ``wanted`` (named with --only). ``mend`` and ``pick`` are those of ``wheels.repair``.
    """
    if mend is None or pick is None:
        from .wheels import repair

        mend, pick = mend or repair.mend, pick or repair.pick
    draft = _Draft(facts, matrix, mend, pick)
    for finding in sorted(findings, key=lambda item: SEVERITIES.index(item.severity or NOTE)):
        draft.add(finding, show_only=finding.severity == NOTE and finding.code not in wanted)
    return draft.finish()


def step_ids(plan: Plan, finding: Finding) -> List[int]:
    """Return the ids of the steps that carry out this finding's remedies, not those of another one of its code."""
    steps = [step for step in plan.steps if finding.code in step.fixes]
    own = [step for step in steps if any(_carries_out(step, remedy, finding.params) for remedy in finding.remedies)]
    # a note's remedy is shown as a command that no longer looks like it
    return [step.id for step in own or (steps if finding.remedies else ())]


def _carries_out(step: Step, remedy: Remedy, params: Mapping[str, Any]) -> bool:
    moved = {wheel.name for wheel in step.wheels} | set(step.removes)
    if isinstance(remedy, MendTorch):
        return bool(moved & set(TRIO))
    if isinstance(remedy, (Install, Reinstall)):
        return remedy.name in moved
    if isinstance(remedy, KeepOne):
        return bool(moved & set(remedy.remove + (_name_of(remedy.keep),)))
    if isinstance(remedy, Remove):
        return bool(set(remedy.names) & set(step.removes) or set(remedy.paths) & set(step.removes_paths))
    if isinstance(remedy, Rewrite):
        return bool(set(remedy.edits) & set(step.edits))
    if isinstance(remedy, System):
        return remedy.commands == step.commands
    return step.kind == "manual" and _in_words(remedy.text, params) == _in_words(step.text, step.params)


def _in_words(text: Text, params: Mapping[str, Any]) -> str:
    """Return what a reader sees: one text stands for many situations."""
    return text.render("en", _readable(params))


class _Ask(NamedTuple):
    """A remedy and the finding that asks for it."""

    remedy: Any
    code: str
    params: Mapping[str, Any]


class _Draft:
    """A plan in the making."""

    def __init__(self, facts: Facts, matrix: Any, mend: Callable, pick: Callable) -> None:
        self.facts = facts
        self.matrix = matrix
        self._mend = mend
        self._pick = pick
        self._asks: Dict[type, List[_Ask]] = {}
        self._shown: List[_Ask] = []
        self._steps: List[Step] = []
        self._not_done: List[NotDone] = []

    def add(self, finding: Finding, show_only: bool) -> None:
        if not finding.remedies and finding.severity != NOTE:
            self._refuse(finding.code, NO_REMEDY, {"code": finding.code})
        for remedy in finding.remedies:
            ask = _Ask(remedy, finding.code, finding.params)
            if show_only and isinstance(remedy, AUTOMATIC + (Rewrite,)):
                self._shown.append(ask)
            else:
                self._asks.setdefault(type(remedy), []).append(ask)

    def finish(self) -> Plan:
        self._plan_environment()
        self._plan_rewrites()
        self._plan_system()
        self._plan_manual()
        steps = tuple(replace(step, id=number) for number, step in enumerate(self._steps, 1))
        return Plan(steps, tuple(_unique(self._not_done)))

    # ------------------------------------------------------------ the environment

    def _plan_environment(self) -> None:
        wishes, reinstalls = self._merged_installs(), self._merged_reinstalls()
        newer_pip = wishes.pop("pip", None)
        if newer_pip is not None:  # the files that follow may carry tags that the old pip cannot read
            self._plan_install("pip", newer_pip.specifier, newer_pip.codes)
        keeps = self._merged_keeps()
        self._plan_removes({name for keep, _ in keeps for name in keep.remove})
        for keep, codes in keeps:
            touched = dict.fromkeys(keep.remove + (_name_of(keep.keep),))
            wanted = [wishes.pop(name) for name in touched if name in wishes]
            for name in keep.remove:
                codes.extend(reinstalls.pop(name, (None, []))[1])
            self._plan_keep(keep, codes, wanted)
        moved = self._plan_mend(wishes, reinstalls)
        for name, wish in sorted(wishes.items()):
            version, codes = reinstalls.pop(name, (None, []))
            self._plan_install(name, wish.specifier, wish.codes + codes)
        for name, (version, codes) in sorted(reinstalls.items()):
            if name in moved:
                continue
            self._plan_reinstall(name, version, codes)

    def _merged_installs(self) -> "Dict[str, _Wish]":
        """Return one wish per distribution; a specifier that cannot hold beside a graver one is not done."""
        wishes: Dict[str, _Wish] = {}
        for ask in self._asks.get(Install, []):
            name, specifier = ask.remedy
            wish = wishes.setdefault(name, _Wish("", []))
            joined = join_specifiers(wish.specifier, specifier)
            if not satisfiable(joined):
                self._refuse(ask.code, CONFLICT, {"name": name, "wanted": specifier, "other": wish.specifier})
                continue
            wishes[name] = _Wish(joined, _with(wish.codes, ask.code))
        return wishes

    def _merged_reinstalls(self) -> "_Reinstalls":
        merged: _Reinstalls = {}
        for ask in self._asks.get(Reinstall, []):
            version, codes = merged.get(ask.remedy.name, (None, []))
            merged[ask.remedy.name] = (version or ask.remedy.version, _with(codes, ask.code))
        return merged

    def _merged_keeps(self) -> List[Tuple[KeepOne, List[str]]]:
        """Return the KeepOne remedies with overlapping ones joined; the graver finding says what to keep."""
        merged: List[Tuple[KeepOne, List[str]]] = []
        for ask in self._asks.get(KeepOne, []):
            for number, (keep, codes) in enumerate(merged):
                if set(keep.remove) & set(ask.remedy.remove):
                    names = keep.remove + tuple(name for name in ask.remedy.remove if name not in keep.remove)
                    merged[number] = (KeepOne(names, keep.keep), _with(codes, ask.code))
                    break
            else:
                merged.append((ask.remedy, [ask.code]))
        return merged

    def _plan_removes(self, spoken_for: Collection[str]) -> None:
        names: Dict[str, List[str]] = {}
        paths: Dict[str, List[str]] = {}
        for ask in self._asks.get(Remove, []):
            for name in ask.remedy.names:
                if name not in spoken_for:
                    names[name] = _with(names.get(name, []), ask.code)
            for path in ask.remedy.paths:
                paths[path] = _with(paths.get(path, []), ask.code)
        if names:
            self._uninstall(list(names), _all_of(names))
        if paths:
            words = {"paths": ", ".join(paths)}
            self._step("pip", SAFE, None, DELETE, words, removes_paths=tuple(paths), fixes=tuple(_all_of(paths)))

    def _plan_keep(self, keep: KeepOne, codes: List[str], wanted: "Sequence[_Wish]") -> None:
        name, specifier = _name_of(keep.keep), keep.keep[len(_name_of(keep.keep)) :].strip()
        for wish in wanted:
            joined = join_specifiers(specifier, wish.specifier)
            # The version to keep only says "as it is now"; a version that another finding needs is a better reason.
            specifier = joined if satisfiable(joined) else wish.specifier
            codes = codes + [code for code in wish.codes if code not in codes]
        mended = self._pick(self.matrix, self.facts, name, specifier)
        if not mended.wheels:
            self._nothing_fits(mended, codes, name + specifier)
            return
        installed = self._installed()
        present = [item for item in keep.remove if item in installed] or list(keep.remove)
        self._uninstall(present, codes)
        self._install(mended, codes)

    def _plan_mend(
        self, wishes: "Dict[str, _Wish]", reinstalls: Dict[str, Tuple[Optional[str], List[str]]]
    ) -> List[str]:
        """Plan the torch set as one step, taking over wishes about its members; return the names that it moves."""
        asks = self._asks.get(MendTorch, [])
        members = [name for name in TRIO if name in wishes]
        if not asks and not members:
            return []
        codes: List[str] = []
        for ask in asks:
            codes = _with(codes, ask.code)
        for name in members:
            codes.extend(code for code in wishes[name].codes if code not in codes)
        cuda = any(ask.remedy.cuda for ask in asks)
        pins = tuple(name + wish.specifier for name, wish in sorted(wishes.items()))
        mended = self._mend(self.matrix, self.facts, cuda, pins)
        card = [ask.code for ask in asks if ask.remedy.cuda]
        others = [code for code in codes if code not in card]
        if card and others and not mended.wheels and not mended.removes:
            # No build reaches the card; what does not need it is mended all the same.
            self._nothing_fits(mended, card, "torch")
            codes = others
            mended = self._mend(self.matrix, self.facts, False, pins)
        for name in members:
            del wishes[name]
        if not mended.wheels and not mended.removes:
            self._nothing_fits(mended, codes, " ".join(members) or "torch")
            return []
        moved = [wheel.name for wheel in mended.wheels]
        for wheel in mended.wheels:
            # The set's own numpy serves a finding about numpy too, unless it breaks what that finding needs.
            if wheel.name in wishes and _serves(wheel, wishes[wheel.name].specifier):
                codes.extend(code for code in wishes.pop(wheel.name).codes if code not in codes)
            if wheel.name in reinstalls:
                codes.extend(code for code in reinstalls.pop(wheel.name)[1] if code not in codes)
        if mended.removes:
            self._uninstall(list(mended.removes), codes)
        self._install(mended, codes)
        return moved

    def _plan_install(self, name: str, specifier: str, codes: List[str]) -> None:
        mended = self._pick(self.matrix, self.facts, name, specifier)
        if mended.wheels:
            self._install(mended, codes)
        else:
            self._nothing_fits(mended, codes, name + specifier)

    def _plan_reinstall(self, name: str, version: Optional[str], codes: List[str]) -> None:
        distributions = self.facts.maybe(Distributions)
        installed = distributions.find(name) if distributions else None
        version = version or (installed.version if installed else None)
        self._plan_install(name, "==" + version if version else "", codes)

    def _nothing_fits(self, mended: Any, codes: Iterable[str], what: str) -> None:
        for code in codes:
            self._not_done.extend(replace(item, code=code) for item in mended.not_done)
            if not mended.not_done:
                self._refuse(code, NOTHING_BETTER, {"what": what})

    # ------------------------------------------------------------ the rest

    def _plan_rewrites(self) -> None:
        """Plan all edits as one step, so that columns in a shared line stay right; each place is edited once."""
        edits: Dict[Tuple[str, int, int], Edit] = {}
        codes: List[str] = []
        text: Optional[_Ask] = None
        several = False
        for ask in self._asks.get(Rewrite, []):
            several = several or (text is not None and text.remedy.text != ask.remedy.text)
            text = text or ask
            for edit in ask.remedy.edits:
                first = edits.setdefault((edit.file, edit.line, edit.column), edit)
                if first != edit:
                    place = "%s:%d" % (edit.file, edit.line)
                    self._refuse(ask.code, SAME_PLACE, {"place": place, "new": edit.new, "other": first.new})
            codes = _with(codes, ask.code)
        if text is not None and edits:
            chosen = tuple(edits[key] for key in sorted(edits))
            files = tuple(sorted({edit.file for edit in chosen}))
            params: Mapping[str, Any] = dict(text.params)
            if several:
                text = text._replace(remedy=Rewrite(chosen, REWRITE))
                params = {"count": len(chosen), "files": ", ".join(files)}
            self._step("source", UNSAFE, None, text.remedy.text, params, edits=chosen, files=files, fixes=tuple(codes))

    def _plan_system(self) -> None:
        merged: Dict[Tuple[Tuple[str, ...], ...], Tuple[_Ask, List[str]]] = {}
        for ask in self._asks.get(System, []):
            first, codes = merged.get(ask.remedy.commands, (ask, []))
            merged[ask.remedy.commands] = (first, _with(codes, ask.code))
        for commands, (ask, codes) in merged.items():
            self._step(
                "system",
                UNSAFE,
                commands[0] if len(commands) == 1 else None,
                ask.remedy.text,
                ask.params,
                commands=commands,
                files=ask.remedy.files,
                fixes=tuple(codes),
            )

    def _plan_manual(self) -> None:
        merged: Dict[str, Tuple[Text, Mapping[str, Any], List[str]]] = {}
        for ask in self._asks.get(Manual, []):
            key = _in_words(ask.remedy.text, ask.params)
            text, params, codes = merged.get(key, (ask.remedy.text, ask.params, []))
            merged[key] = (text, params, _with(codes, ask.code))
        for text, params, codes in merged.values():
            self._step("manual", MANUAL, None, text, params, fixes=tuple(codes))
        for ask in self._shown:
            argv, before = self._argv_to_show(ask.remedy), ""
            if argv is not None and isinstance(ask.remedy, Install):
                wheel = self._addressed(ask.remedy)
                if wheel is not None:  # a file that pip does not find by its name
                    argv = self._pip("install", typed(wheel))
                    if typed(wheel) != wheel.url:
                        before = "curl -L -o %s %s && " % (wheel.filename, wheel.url)
            if argv is not None:
                params = {"command": before + " ".join(argv)}
                self._step("manual", MANUAL, argv, IF_WANTED, params, fixes=(ask.code,))

    def _addressed(self, remedy: Install) -> Optional[Wheel]:
        """Return the wheel for a remedy when it lies at an address of its own, not on the package index."""
        wheels = self._pick(self.matrix, self.facts, remedy.name, remedy.specifier).wheels
        return next((wheel for wheel in wheels if wheel.name == remedy.name and wheel.url), None)

    def _argv_to_show(self, remedy: Remedy) -> Optional[Tuple[str, ...]]:
        if isinstance(remedy, Install):
            return self._pip("install", remedy.name + remedy.specifier)
        if isinstance(remedy, Reinstall):
            wanted = remedy.name + ("==" + remedy.version if remedy.version else "")
            return self._pip("install", "--force-reinstall", "--no-deps", wanted)
        if isinstance(remedy, Remove) and remedy.names:
            return self._pip("uninstall", "-y", *remedy.names)
        if isinstance(remedy, MendTorch):
            mended = self._mend(self.matrix, self.facts, remedy.cuda, ())
            return self._pip("install", *[typed(wheel) for wheel in mended.wheels]) if mended.wheels else None
        return None

    # ------------------------------------------------------------ steps

    def _uninstall(self, names: Sequence[str], codes: Iterable[str]) -> None:
        self._step(
            "pip",
            SAFE,
            self._pip("uninstall", "-y", *names),
            UNINSTALL,
            {"names": ", ".join(names)},
            removes=tuple(names),
            fixes=tuple(codes),
        )

    def _install(self, mended: Any, codes: Iterable[str]) -> None:
        codes = tuple(codes)
        self._not_done.extend(replace(item, code=code) for item in mended.not_done for code in codes)
        wheels: Tuple[Wheel, ...] = tuple(mended.wheels)
        if not wheels:
            return
        # what is new, and another torch, need other distributions too: pip adds them
        again = [wheel for wheel in wheels if self._installed().get(wheel.name) == wheel.version]
        alone = all(wheel.name in self._installed() and (wheel.name != "torch" or wheel in again) for wheel in wheels)
        options = ["--force-reinstall"] * bool(again) + ["--no-deps"] * alone  # pip leaves the same version alone
        argv = self._pip("install", *options, *[typed(wheel) for wheel in wheels])
        self._step(
            "pip",
            SAFE,
            argv,
            mended.reason,
            mended.params,
            wheels=wheels,
            fixes=codes,
        )

    def _pip(self, *arguments: str) -> Tuple[str, ...]:
        python = self.facts.maybe(Python)
        return (python.executable if python else "python", "-m", "pip") + arguments

    def _step(self, kind: str, safety: str, argv: Any, text: Text, params: Mapping[str, Any], **given: Any) -> None:
        self._steps.append(Step(0, kind, safety, argv, text, dict(params), **given))

    def _refuse(self, code: str, reason: Text, params: Mapping[str, Any]) -> None:
        self._not_done.append(NotDone(code, reason, dict(params)))

    def _installed(self) -> Mapping[str, Optional[str]]:
        """Return the installed distributions and their versions."""
        distributions = self.facts.maybe(Distributions)
        return {item.name: item.version for item in distributions.items} if distributions else {}


class _Wish(NamedTuple):
    """What all findings together want of one distribution."""

    specifier: str
    codes: List[str]


#: name -> version to put back, if known, and the codes that ask for it
_Reinstalls = Dict[str, Tuple[Optional[str], List[str]]]


def typed(wheel: Wheel) -> str:
    """Return a wheel as a user would give it to pip: its address, name and version, or the file to download first."""
    if wheel.url is None:
        return requirement_of(wheel)
    if not wheel.url.split("#")[0].endswith(".whl"):
        return wheel.filename  # pip does not take a renamed asset (.whl_np1195) by its address
    return wheel.url


def requirement_of(wheel: Wheel) -> str:
    """Return what to ask the package index for; a wheel of unknown version carries a range, or nothing, instead."""
    if not wheel.version or wheel.version[0] in "<>=!~":
        return wheel.name + wheel.version
    return "%s==%s" % (wheel.name, wheel.version)


def index_pair(
    facts: Facts, matrix: Any, has: Callable[[str, str], bool] = lambda name, version: True
) -> Optional[str]:
    """Return the newest torch and torchvision that the package index itself has for this Python, as pip takes them.

    ``has`` says whether the user's own index does have a name in a version.
    """
    from .wheels.target import Target

    target = Target.from_facts(facts, matrix)
    for version in matrix.torch_releases:
        partners = matrix.partners(version)
        for vision in reversed(partners.torchvision if partners else ()):
            files = (("torch", version), ("torchvision", vision))
            known = all(matrix.index_file(name, item, target.platform, target.python_tag) for name, item in files)
            if known and all(has(name, item) for name, item in files):
                return "torch==%s torchvision==%s" % (version, vision)
    return None


def join_specifiers(*parts: str) -> str:
    """Return one specifier that holds when all of them hold, without repetitions."""
    clauses: List[str] = []
    for part in parts:
        clauses.extend(clause.strip() for clause in part.split(",") if clause.strip() and clause.strip() not in clauses)
    return ",".join(clauses)


def _serves(wheel: Wheel, specifier: str) -> bool:
    return bool(wheel.version) and wheel.version[0].isdigit() and accepts(specifier, wheel.version)


def accepts(specifier: str, version: str) -> bool:
    """Return whether a version satisfies a specifier (pre-releases count: they are installed on purpose)."""
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(specifier).contains(version, prereleases=True)


def satisfiable(specifier: str) -> bool:
    """Return whether some version could satisfy a specifier: tried at, just below and just above every bound."""
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    wanted = SpecifierSet(specifier)
    tried = ["0", "999999"]
    for clause in wanted:
        bound = clause.version[:-2] if clause.version.endswith(".*") else clause.version
        if clause.operator == "===":
            tried.append(bound)
            continue
        release = list(Version(bound).release)
        tried.extend([bound, bound.split("+")[0] + ".0.0.0.1" if Version(bound).pre is None else bound])
        for at in range(len(release) - 1, -1, -1):
            if release[at] > 0:
                below = release[:at] + [release[at] - 1, 999999, 999999]
                tried.append(".".join(str(number) for number in below))
                break
    return any(wanted.contains(version, prereleases=True) for version in tried)


def _name_of(requirement: str) -> str:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    return canonicalize_name(Requirement(requirement).name)


def _with(codes: List[str], code: str) -> List[str]:
    return codes if code in codes else codes + [code]


def _all_of(codes: Mapping[str, List[str]]) -> List[str]:
    return list(dict.fromkeys(code for some in codes.values() for code in some))


def _unique(items: Iterable[NotDone]) -> List[NotDone]:
    kept: List[NotDone] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept


class _Blank(dict):
    """Params of a merge key: a placeholder without a value stays as it is."""

    def __missing__(self, key: str) -> str:
        return "{%s}" % key


def _readable(params: Mapping[str, Any]) -> Mapping[str, Any]:
    return _Blank(params, _="")


NO_REMEDY = Text(
    "No automatic repair is known; `doctor explain {code}` says what can be done.",
    "没有已知的自动修复办法；`doctor explain {code}` 说明可以怎么做。",
)
CONFLICT = Text(
    "{name}{wanted} cannot hold together with {name}{other}, which a graver finding needs.",
    "{name}{wanted} 与更严重的问题所需要的 {name}{other} 不能同时满足。",
)
NOTHING_BETTER = Text(
    "Nothing that fits better than what is installed is known for {what}.", "没有已知比现有 {what} 更合适的选择。"
)
SAME_PLACE = Text(
    "{place} would become both {new} and {other}; only the latter is done.",
    "{place} 处有两种改法 {new} 和 {other}，只采用后者。",
)
UNINSTALL = Text("Uninstall {names}.", "卸载 {names}。")
DELETE = Text("Delete leftovers of interrupted installs: {paths}.", "删除安装中断后的残留：{paths}。")
REWRITE = Text("Rewrite {count} place(s) in {files}.", "改写 {files} 中的 {count} 处代码。")
IF_WANTED = Text("If you want it: {command}", "如有需要：{command}")
