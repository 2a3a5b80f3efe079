"""The least change that mends an environment: which wheels to move, and which to leave where they are. Pure."""

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypeVar

from ..demands import Demand, demand, demands_on, environment, normalise
from ..facts import (
    Distribution,
    Distributions,
    Facts,
    Host,
    NativeModules,
    Project,
    Python,
    Torch,
    Torchaudio,
    Torchvision,
    Unknown,
)
from ..model import DoctorError, NotDone, Wheel
from ..text import Text
from .answer import Alternative, Choice, Said
from .choose import choose
from .matrix import PACKAGE_INDEX, PARTNERS, TRIO, Build, IndexFile, Matrix
from .offers import lack
from .tags import variant_of
from .target import KNOWN, Target
from .versions import is_prerelease, is_range, is_version, key, local, matches, public

Found = TypeVar("Found")


class Mended(NamedTuple):
    """What to move so that a set fits: data for one step of a plan."""

    wheels: Tuple[Wheel, ...] = ()
    #: distributions to take away because no release of them goes with the rest
    removes: Tuple[str, ...] = ()
    reason: Text = Text("", "")
    params: Mapping[str, Any] = {}
    #: other sets, and when they would be right
    alternatives: Tuple[Alternative, ...] = ()
    #: what stays broken, and why; the code is for the caller to fill in
    not_done: Tuple[NotDone, ...] = ()


class _Member(NamedTuple):
    """One installed distribution of the torch set."""

    name: str
    version: str
    #: cpu, cu121, rocm6.4; None when unknown
    variant: Optional[str]
    #: it came from the package index: its METADATA has no local version
    plain: bool
    #: its files are as they were installed
    healthy: bool = True
    #: uses only the stable ABI of torch
    stable: bool = False


KEPT = Text("Keep torch {torch}; install {moved}, made for it.", "保持 torch {torch} 不变；安装与它配套的 {moved}。")
KEPT_ONE = Text(
    "Keep torch {torch}; replace {name} {old} with {new}, the build made for it.",
    "保持 torch {torch} 不变；把 {name} {old} 换成与它配套的 {new}。",
)
SAME_RELEASE = Text(
    "Install {moved}: torch stays at {torch}, in the build that fits here ({build}).",
    "安装 {moved}：torch 仍是 {torch}，换成适合本机的构建（{build}）。",
)
NEW_SET = Text("Install {moved}, the newest set that fits here.", "安装适合本机的最新一组：{moved}。")
AGAIN = Text("Install {moved} again.", "重新安装 {moved}。")
NEW = Text("Install {moved}.", "安装 {moved}。")
CHANGE = Text("Replace {name} {old} with {new}.", "把 {name} {old} 换成 {new}。")
LOSES = Text(
    "Install {moved}, the best there is; it does not meet {losers}.",
    "安装 {moved}：这是现有的最佳选择，但不满足 {losers}。",
)

NO_PARTNER = Text(
    "No release of {name} goes with torch {torch}; torchaudio ends at {last}.",
    "没有与 torch {torch} 配套的 {name} 版本；torchaudio 止于 {last}。",
)
NOT_IN_MATRIX = Text(
    "torch {torch} is not in the matrix of {date}: which {name} belongs to it is not known.",
    "{date} 的 wheel 表里没有 torch {torch}，不知道与它配套的 {name}。",
)
NOTHING_FITS = Text("No set fits: {why}.", "没有合适的组合：{why}。")
NO_TARGET = Text(
    "Which wheels these are depends on the Python and the system, which are not known here: `doctor fix` on the "
    "machine where it happened names them.",
    "具体是哪个 wheel 取决于 Python 和系统，而这里不知道：请在出错的机器上运行 `doctor fix`，它会给出准确的文件。",
)
BY_NAME = Text(
    "For torch {torch}: `python -m pip install --no-deps {pairs} --index-url {folder}` (which file that is depends on "
    "the system, which is not known here).",
    "与 torch {torch} 配套：`python -m pip install --no-deps {pairs} --index-url {folder}`"
    "（系统未知，所以无法给出具体文件）。",
)
NO_WHEEL = Text(
    "{wanted} has no wheel for Python {python} on {platform}.",
    "{wanted} 没有适合 Python {python}（{platform}）的 wheel。",
)
NO_VERSION = Text(
    "No version of {name} meets all that is asked: {wanted}.", "没有一个 {name} 版本能满足全部要求：{wanted}。"
)


def mend(matrix: Matrix, facts: Facts, cuda: bool, pins: Sequence[str] = ()) -> Mended:
    """Return the least change after which torch, torchvision and torchaudio fit each other and this machine.

    ``cuda``: the set must be able to use the NVIDIA GPU. ``pins``: requirements that the result must meet as well.
    """
    try:
        target = Target.from_facts(facts, matrix)
    except DoctorError:
        target = None
    if target is None or not target.platform:
        return Mended(not_done=(NotDone("", NO_TARGET) if cuda else _by_name(matrix, facts),))
    return _Mender(matrix, facts, target, cuda, pins).mended()


def _by_name(matrix: Matrix, facts: Facts) -> NotDone:
    """Return what belongs to the torch of a machine of which too little is known to name files."""
    members = {member.name: member for member in _members(facts, facts.maybe(Distributions) or Distributions())}
    torch = members.get("torch")
    partners = matrix.partners(torch.version) if torch is not None else None
    if torch is None or partners is None or torch.variant is None:
        return NotDone("", NO_TARGET)
    pairs = [
        "%s==%s" % (name, getattr(partners, name)[-1])
        for name in PARTNERS
        if getattr(partners, name) and (name in members or name == "torchvision")
    ]
    folder = "https://download.pytorch.org/whl/" + torch.variant
    return NotDone("", BY_NAME, {"torch": torch.version, "pairs": " ".join(pairs), "folder": folder})


class _Limits(NamedTuple):
    """Ranges that a distribution must lie in, by who asks."""

    #: who -> range; what a finding needs
    findings: str
    #: distribution -> range
    installed: Dict[str, str]
    #: the project's own requirements
    project: str

    def parts(self) -> List[Tuple[str, str]]:
        """Return (who, range), the most binding first."""
        found = [("", self.findings)] if self.findings else []
        found.extend((name, wanted) for name, wanted in sorted(self.installed.items()) if wanted)
        if self.project:
            found.append(("project", self.project))
        return found


class _Mender:
    def __init__(self, matrix: Matrix, facts: Facts, target: Target, cuda: bool, pins: Sequence[str]) -> None:
        self.matrix = matrix
        self.facts = facts
        self.target = target
        self.cuda = cuda
        self.markers = environment(facts.maybe(Python), facts.maybe(Host))
        self.distributions = facts.maybe(Distributions) or Distributions()
        self.pins = [found for found in (demand(pin, self.markers) for pin in pins) if found is not None]
        self.members = {member.name: member for member in _members(facts, self.distributions)}
        self.wanted = [name for name in PARTNERS if name in self.members or any(pin.name == name for pin in self.pins)]
        #: what comes beside a torch that moves, and has to suit the same numpy
        self.new = [
            pin.name
            for pin in self.pins
            if pin.name not in TRIO
            and self.distributions.find(pin.name) is None
            and matrix.files(pin.name, target.python_tag, target.platform)
        ]

    def mended(self) -> Mended:
        torch = self.members.get("torch")
        if torch is not None and torch.healthy and self._works(torch) and self._allowed("torch", torch.version):
            return self._around(torch)
        if torch is not None and not torch.healthy and self._works(torch) and self._allowed("torch", torch.version):
            return self._again(torch)
        return self._moved(torch)

    # ------------------------------------------------------------ limits

    def _limits(self, name: str) -> _Limits:
        return _limits(name, self.facts, self.distributions, self.markers, self.pins, leave_out=TRIO)

    def _allowed(self, name: str, version: str) -> bool:
        return all(matches(wanted, public(version)) for _, wanted in self._limits(name).parts())

    # ------------------------------------------------------------ torch stays

    def _build(self, torch: _Member) -> Optional[Build]:
        if torch.variant is None:
            return None
        found = self.matrix.builds(public(torch.version), self.target.platform)
        return next((build for build in found if build.variant == torch.variant), None)

    def _works(self, torch: _Member) -> bool:
        """Return whether the installed torch can do here what is asked of it."""
        if not self.cuda:
            return True
        if torch.variant is None or not torch.variant.startswith("cu"):
            return False
        cards = self.target.gpus or ()
        if self.target.driver_state != KNOWN or not cards:
            return False
        build = self._build(torch)
        if build is None or build.cuda is None:
            return False
        how = self.matrix.runs(self.target.driver or "", build.cuda, self.target.driver_system)
        return how is not None and all(
            card.cc is not None and self.matrix.serves(build, card.cc, how == "direct").answer is not False
            for card in cards
        )

    def _around(self, torch: _Member) -> Mended:
        """Move only the partners that do not belong to the torch that stays."""
        wheels: List[Wheel] = []
        not_done: List[NotDone] = []
        losers: List[str] = []
        for name in self.wanted:
            member = self.members.get(name)
            if member is not None and self._belongs(torch, member) and self._allowed(name, member.version):
                continue
            wheel, why = self._partner(torch, name, losers)
            if wheel is not None and member is not None and self._same(member, wheel):
                continue
            if wheel is not None:
                wheels.append(wheel)
            elif why is not None:
                not_done.append(why)
        params: Dict[str, Any] = {"torch": torch.version, "moved": _words(wheels)}
        reason = KEPT
        old = self.members.get(wheels[0].name) if len(wheels) == 1 else None
        if old is not None:
            reason = KEPT_ONE
            params.update(name=old.name, old=old.version, new=wheels[0].version)
        if losers:
            reason, params["losers"] = LOSES, "; ".join(losers)
        return Mended(tuple(wheels), (), reason, params, (), tuple(not_done))

    def _belongs(self, torch: _Member, member: _Member) -> bool:
        if not member.healthy:
            return False
        goes = self.matrix.goes_with(torch.version, member.name, member.version)
        if goes is False and not (member.stable and key(public(torch.version)) >= key("2.14")):
            return False
        if torch.variant is None or member.variant is None or torch.variant == member.variant:
            return True
        # builds of one CUDA major run beside each other when the partner uses the stable ABI only
        return (
            member.stable
            and torch.variant.startswith("cu")
            and member.variant.startswith("cu")
            and torch.variant[:4] == member.variant[:4]
        )

    def _same(self, member: _Member, wheel: Wheel) -> bool:
        """Return whether the wheel is what is installed already, so that moving it would change nothing."""
        variant = self._wheel_variant(wheel)
        return member.healthy and public(member.version) == public(wheel.version) and member.variant == variant

    def _wheel_variant(self, wheel: Wheel) -> Optional[str]:
        """Return cpu or cu121: of PyTorch's own files the folder says it too, where the version does not."""
        folder = re.search(r"/(cpu|xpu|cu\d+|rocm[\d.]+)/[^/]+$", wheel.url or "")
        return local(wheel.version) or (folder.group(1) if folder else self._index_variant(wheel))

    def _index_variant(self, wheel: Wheel) -> Optional[str]:
        torches = self.matrix.torch_for(wheel.name, wheel.version) if wheel.name in PARTNERS else (wheel.version,)
        cuda = self.matrix.index_cuda(torches[0], self.target.platform) if torches else None
        return None if cuda is None else variant_of(None if cuda == "cpu" else cuda)

    def _partner(self, torch: _Member, name: str, losers: List[str]) -> Tuple[Optional[Wheel], Optional[NotDone]]:
        """Return the file of a partner for the torch that stays: same build, same source."""
        partners = self.matrix.partners(torch.version)
        if partners is None:
            params = {"torch": torch.version, "name": name, "date": self.matrix.date}
            return None, NotDone("", NOT_IN_MATRIX, params)
        listed = getattr(partners, name)
        last = self.matrix.table("torch.last_torchaudio.version")
        if not listed and name == "torchaudio":
            return None, NotDone("", NO_PARTNER, {"torch": torch.version, "name": name, "last": last})
        limits = self._limits(name).parts()
        found = [
            (version, wheel)
            for version, wheel in ((version, self._file(torch, name, version)) for version in reversed(listed))
            if wheel is not None
        ]
        if not found:
            return None, NotDone("", NO_VERSION, {"name": name, "wanted": self.target.platform})
        version, wheel = _most_agreeable(found, limits)
        losers.extend(_unmet(name, version, limits))
        return wheel, None

    def _file(self, torch: _Member, name: str, version: str) -> Optional[Wheel]:
        python, platform = self.target.python_tag, self.target.platform
        release = public(torch.version)
        index_cuda = self.matrix.index_cuda(release, platform)
        same_as_index = index_cuda is not None and torch.variant == variant_of(
            None if index_cuda == "cpu" else index_cuda
        )
        if torch.plain and (same_as_index or torch.variant is None):
            found = self.matrix.index_file(name, version, platform, python)
            if found is not None:
                return found
        if torch.variant is None:
            return None
        found = self.matrix.file(name, version, torch.variant, platform, python)
        return (
            found if found is not None or not same_as_index else self.matrix.index_file(name, version, platform, python)
        )

    # ------------------------------------------------------------ torch itself

    def _again(self, torch: _Member) -> Mended:
        """The same torch once more: its files are damaged."""
        wheel = self._file(torch, "torch", public(torch.version))
        if wheel is None:
            wheel = _plain_wheel("torch", torch.version, self.distributions)
        around = self._around(torch)
        wheels = (wheel,) + around.wheels
        return around._replace(wheels=wheels, reason=AGAIN, params={"torch": torch.version, "moved": _words(wheels)})

    def _moved(self, torch: Optional[_Member]) -> Mended:
        """Torch has to move: to another build of its release when one fits, else to the newest set that fits."""
        if torch is not None:
            release = public(torch.version)
            unbound = [n for n in self.wanted if self.matrix.partners(release) and not self._listed(release, n)]
            kept = self._choose("==" + release, without=unbound)
            if kept is not None and kept.fits:
                return self._with_unbound(self._set(kept, torch, SAME_RELEASE), unbound)
        newest = self._choose("")
        if newest is not None and newest.wheels:
            return self._set(newest, torch, NEW_SET)
        without_project = self._choose("", project=False)
        if without_project is not None and without_project.wheels:
            return self._set(without_project, torch, NEW_SET, losers=self._project_limits())
        shown = newest or without_project
        why = shown.rule if shown is not None else Said(NO_TARGET)
        params = {"why": why.render("en")}
        text = Text(
            NOTHING_FITS.en.replace("{why}", _filled(why, "en")), NOTHING_FITS.zh.replace("{why}", _filled(why, "zh"))
        )
        return Mended(
            not_done=(NotDone("", text, params),), alternatives=shown.alternatives if shown is not None else ()
        )

    def _listed(self, torch: str, name: str) -> Tuple[str, ...]:
        partners = self.matrix.partners(torch)
        return tuple(getattr(partners, name)) if partners is not None else ()

    def _with_unbound(self, mended: Mended, names: Sequence[str]) -> Mended:
        """Add partners that name no torch (torchaudio after its last release) in the new build, where there is one."""
        wheels = list(mended.wheels)
        new = next((wheel for wheel in wheels if wheel.name == "torch"), None)
        for name in names:
            member = self.members.get(name)
            variant = self._wheel_variant(new) if new is not None else None
            if member is None or variant is None or member.variant == variant:
                continue
            homes = self.matrix.torch_for(name, member.version)
            builds = self.matrix.builds(homes[0], self.target.platform) if homes else ()
            if any(build.variant == variant for build in builds):
                python = self.target.python_tag
                file = self.matrix.file(name, public(member.version), variant, self.target.platform, python)
                wheels.extend([file] if file is not None else [])
        return mended._replace(wheels=tuple(wheels), params=dict(mended.params, moved=_words(wheels)))

    def _project_limits(self) -> List[str]:
        return ["%s (project)" % (name + self._limits(name).project) for name in TRIO if self._limits(name).project]

    def _choose(self, torch_range: str, project: bool = True, without: Sequence[str] = ()) -> Optional[Choice]:
        """Return the best set inside the limits; None when a wish cannot be read."""
        wishes = []
        for name in ["torch"] + [name for name in self.wanted if name not in without] + self.new:
            limits = self._limits(name)
            parts = [wanted for who, wanted in limits.parts() if project or who != "project"]
            if name == "torch" and torch_range:
                parts.append(torch_range)
            wishes.append(name + ",".join(parts))
        numpy = self.distributions.find("numpy")
        installed = {"numpy": numpy.version} if numpy is not None and numpy.version else {}
        try:
            choice = choose(self.matrix, wishes, self.target, installed)
            if self.new and not choice.wheels:  # without them: each has its own step then
                choice = choose(self.matrix, wishes[: -len(self.new)], self.target, installed)
            return choice
        except DoctorError:
            return None

    def _set(self, choice: Choice, torch: Optional[_Member], reason: Text, losers: Sequence[str] = ()) -> Mended:
        wheels: List[Wheel] = []
        for wheel in choice.wheels:
            if wheel.name == "numpy" and not self._numpy_must_move(choice):
                continue
            member = self.members.get(wheel.name)
            if member is not None and self._same(member, wheel):
                continue
            wheels.append(self._from_index(torch, wheel) or wheel)
        new = choice.wheel("torch")
        params: Dict[str, Any] = {
            "torch": public(torch.version) if torch is not None else "",
            "build": (self._wheel_variant(new) or new.version) if new is not None else "",
            "moved": _words(wheels),
        }
        if losers:
            reason, params["losers"] = LOSES, "; ".join(losers)
        return Mended(tuple(wheels), (), reason, params, choice.alternatives)

    def _from_index(self, torch: Optional[_Member], wheel: Wheel) -> Optional[Wheel]:
        """Return the index's own file when the installed torch came from there and the index has this very build."""
        if torch is None or not torch.plain or wheel.name not in TRIO or wheel.url is None:
            return None
        plain = self.matrix.index_file(wheel.name, public(wheel.version), self.target.platform, self.target.python_tag)
        if plain is None or self._index_variant(plain) != self._wheel_variant(wheel):
            return None
        return plain

    def _numpy_must_move(self, choice: Choice) -> bool:
        installed = self.distributions.find("numpy")
        if installed is None and self.new:
            return True
        if installed is None or installed.version is None or not is_version(installed.version):
            return False
        new = choice.wheel("torch")
        limit = self.matrix.numpy_limit("torch", public(new.version), self.target.system) if new is not None else None
        return limit is not None and not matches(limit, installed.version)


# ---------------------------------------------------------------- any other distribution


def pick(matrix: Matrix, facts: Facts, name: str, specifier: str = "") -> Mended:
    """Return one distribution's wheel that satisfies the range, every installed Requires-Dist and the project's pins.

    ``not_done`` says which demands no version meets. What the matrix does not know comes from the package index: with
    the version when ``==`` names it, else with the range in ``Wheel.version``.
    """
    name = normalise(name)
    specifier = specifier if is_range(specifier) else ""
    markers = environment(facts.maybe(Python), facts.maybe(Host))
    distributions = facts.maybe(Distributions) or Distributions()
    try:
        target: Optional[Target] = Target.from_facts(facts, matrix)
    except DoctorError:
        target = None
    if name in TRIO and not (target is not None and target.arch.startswith("armv")):  # PyTorch has no files for these
        return _pick_member(matrix, facts, name, specifier, distributions, target)
    pins = [Demand(name, specifier)] if specifier else []
    limits = _limits(name, facts, distributions, markers, pins, leave_out=(name,))
    if name == "numpy" and target is not None:
        limits.installed.update(_compiled_limits(matrix, facts, distributions, target, limits.installed))
    exact = _exact(specifier)
    files: Tuple[IndexFile, ...] = ()
    if target is not None and target.implementation == "cpython" and matrix.knows(name):
        files = _files(matrix, name, target, exact, distributions)
    parts = limits.parts()
    numpy = distributions.find("numpy")
    beside = numpy.version if numpy is not None and name != "numpy" else None
    board = target is not None and target.arch.startswith("armv")
    if numpy is None and name != "numpy" and any(file.numpy for file in files):
        to_come = _joint_numpy(matrix, facts, name + specifier, markers) if board else None
        beside = to_come or next((wheel.version for wheel in pick(matrix, facts, "numpy").wheels), None)
    wheel: Optional[Wheel] = None
    fitting = [(file.version, file) for file in files if matches(specifier, file.version)]
    if fitting and board and name == "numpy" and numpy is None:
        joint = _joint_numpy(matrix, facts, name + specifier, markers)
        fitting = [item for item in fitting if item[0] == joint] or fitting
    if fitting:
        agreeing = [item for item in fitting if beside is None or _accepts_numpy(item[1], beside)]
        wheel = _most_agreeable(agreeing or fitting, parts)[1].wheel()
    elif target is not None and not _here(distributions, name, exact) and lack(matrix, name, specifier, target):
        lacks = {"wanted": name + specifier, "python": target.python, "platform": target.platform}
        return Mended(not_done=(NotDone("", NO_WHEEL, lacks),))
    elif exact is not None:
        wheel = _plain_wheel(name, exact, distributions, files)
    elif not files:
        joined = ",".join(dict.fromkeys(clause for _, wanted in parts for clause in wanted.split(",")))
        wheel = Wheel(name, joined, "", None, None, PACKAGE_INDEX)
        return Mended((wheel,), (), NEW, {"moved": name + joined})
    if wheel is None:
        wanted = "; ".join("%s%s%s" % (name, part, " (%s)" % who if who else "") for who, part in parts)
        return Mended(not_done=(NotDone("", NO_VERSION, {"name": name, "wanted": wanted or name}),))
    losers = _unmet(name, wheel.version, parts)
    params: Dict[str, Any] = {"moved": _words([wheel])}
    if losers:
        return Mended((wheel,), (), LOSES, dict(params, losers="; ".join(losers)))
    installed = distributions.find(name)
    if installed is None or installed.version is None:
        return Mended((wheel,), (), NEW, params)
    if installed.version == wheel.version:
        return Mended((wheel,), (), AGAIN, params)
    return Mended((wheel,), (), CHANGE, dict(params, name=name, old=installed.version, new=wheel.version))


def _joint_numpy(matrix: Matrix, facts: Facts, request: str, markers: Dict[str, str]) -> Optional[str]:
    """Return the numpy of the one set that this request and all that the project still lacks have on a 32-bit board.

    Community builds are made for a numpy each: choosing them one by one would not end in a set.
    """
    from .pi.boards import target_of_facts
    from .pi.sets import solve

    distributions, project = facts.maybe(Distributions) or Distributions(), facts.maybe(Project)
    requests = [request]
    for requirement in project.requirements if project is not None else ():
        wanted = None if requirement.optional else demand(requirement.text, markers)
        if wanted is not None and matrix.knows(wanted.name) and distributions.find(wanted.name) is None:
            requests.append(wanted.name + wanted.specifier)
    chosen = solve(matrix, target_of_facts(facts), requests).chosen
    return next((build.version for build in chosen if build.name == "numpy"), None)


def _pick_member(
    matrix: Matrix,
    facts: Facts,
    name: str,
    specifier: str,
    distributions: Distributions,
    target: Optional[Target],
) -> Mended:
    """Return one of the torch set: the same version again from where it came, or the set mended around the range."""
    exact = _exact(specifier)
    member = next((item for item in _members(facts, distributions) if item.name == name), None)
    if exact is not None and target is not None and (member is None or public(exact) == public(member.version)):
        variant = local(exact) or (member.variant if member is not None else None)
        python, platform = target.python_tag, target.platform
        wheel = None
        if local(exact) is None and (member is None or member.plain):
            wheel = matrix.index_file(name, public(exact), platform, python)
        if wheel is None and variant is not None:
            wheel = matrix.file(name, public(exact), variant, platform, python)
        if wheel is None:
            wheel = _plain_wheel(name, exact, distributions)
        return Mended((wheel,), (), AGAIN, {"moved": _words([wheel])})
    return mend(matrix, facts, False, (name + specifier,))


def _files(
    matrix: Matrix, name: str, target: Target, exact: Optional[str], distributions: Distributions
) -> Tuple[IndexFile, ...]:
    """Return the files of a distribution that can be installed here, best first."""
    if target.arm_board:
        from .pi.sets import preferred_files

        numpy = distributions.find("numpy")
        return preferred_files(matrix, name, target, numpy.version if numpy is not None else None, exact)
    files = matrix.files(name, target.python_tag, target.platform)
    return tuple(file for file in files if _installs(file, target, exact))


def _installs(file: IndexFile, target: Target, exact: Optional[str]) -> bool:
    return (
        any(target.accepts_platform(tag) for tag in file.platforms)
        and target.accepts_glibc(file.glibc) is not False
        and (not file.yanked or file.version == exact)
        and (file.broken is None or file.version == exact)
        and (not is_prerelease(file.version) or file.version == exact)
    )


def _here(distributions: Distributions, name: str, version: Optional[str]) -> bool:
    """Tell whether this version is installed: wherever it came from, it was to be had once."""
    installed = distributions.find(name)
    return installed is not None and installed.version == version


def _accepts_numpy(file: IndexFile, numpy: str) -> bool:
    return not is_version(numpy) or matches(file.numpy, numpy)


def _most_agreeable(found: Sequence[Tuple[str, Found]], limits: Sequence[Tuple[str, str]]) -> Tuple[str, Found]:
    """Return the (version, thing) that meets most ranges, the first of equals; what a finding needs weighs most."""
    return max(found, key=lambda item: sum(_weight(who) for who, part in limits if matches(part, public(item[0]))))


def _weight(who: str) -> int:
    return 1000 if not who else 10 if who != "project" else 11


def _unmet(name: str, version: str, limits: Sequence[Tuple[str, str]]) -> List[str]:
    return [
        "%s%s%s" % (name, part, " (%s)" % who if who else "")
        for who, part in limits
        if not matches(part, public(version))
    ]


def _compiled_limits(
    matrix: Matrix, facts: Facts, distributions: Distributions, target: Target, known: Mapping[str, str]
) -> Dict[str, str]:
    """Return the range of numpy that the compiled code of each installed distribution runs with."""
    found: Dict[str, str] = {}
    modules = facts.maybe(NativeModules)
    for module in modules.items if modules is not None else ():
        if module.numpy_abi == "1" and module.distribution != "numpy":
            found[module.distribution] = "<2"
    for item in distributions.items:
        if item.version is None or not is_version(item.version) or item.name in found:
            continue
        limit = matrix.numpy_limit(item.name, public(item.version), target.system)
        if limit:
            found[item.name] = limit
    return {name: ",".join(part for part in (known.get(name, ""), limit) if part) for name, limit in found.items()}


# ---------------------------------------------------------------- reading the facts


def _members(facts: Facts, distributions: Distributions) -> List[_Member]:
    found = []
    for name, cls in zip(TRIO, (Torch, Torchvision, Torchaudio)):
        state = facts.state(cls)
        dist = distributions.find(name)
        if state is None and dist is None:
            continue
        value: Any = None if isinstance(state, Unknown) else state
        version = (value.version if value is not None else None) or (dist.version if dist is not None else None)
        if version is None or not is_version(version):
            continue
        metadata = (value.metadata_version if value is not None else None) or (
            dist.version if dist is not None else None
        )
        found.append(
            _Member(
                name,
                version,
                _variant(value, version),
                "+" not in (metadata or version),
                dist is None or dist.health in ("ok", "no-record", "empty-record"),
                getattr(value, "abi", None) == "stable",
            )
        )
    return found


def _variant(value: Any, version: str) -> Optional[str]:
    own = local(version)
    if own is not None and own.startswith(("cu", "cpu", "rocm", "xpu")):
        return own
    if value is None or isinstance(value.cuda, Unknown):
        return None
    if getattr(value, "rocm", None):
        return "rocm" + str(value.rocm)
    return variant_of(value.cuda)


def _limits(
    name: str,
    facts: Facts,
    distributions: Distributions,
    markers: Dict[str, str],
    pins: Sequence[Demand],
    leave_out: Sequence[str],
) -> _Limits:
    """Return what is asked of a distribution; a range that nobody can read asks nothing."""
    findings = ",".join(dict.fromkeys(pin.specifier for pin in pins if pin.name == name and _binds(pin.specifier)))
    asking = demands_on(name, distributions, markers, list(leave_out))
    installed = {who: wanted for who, wanted in asking.items() if _binds(wanted)}
    project = facts.maybe(Project)
    asked = []
    for requirement in project.requirements if project is not None else ():
        if requirement.name == name:
            found = demand(requirement.text, markers)
            if found is not None and _binds(found.specifier) and found.url is None:
                asked.append(found.specifier)
    return _Limits(findings, installed, ",".join(dict.fromkeys(asked)))


def _binds(specifier: str) -> bool:
    return bool(specifier) and is_range(specifier)


def _exact(specifier: str) -> Optional[str]:
    """Return the version that a range of a single ``==`` names, or None."""
    for clause in specifier.split(","):
        clause = clause.strip()
        if clause.startswith("==") and not clause.endswith("*"):
            return clause.lstrip("=").strip()
    return None


def _plain_wheel(name: str, version: str, distributions: Distributions, files: Sequence[IndexFile] = ()) -> Wheel:
    """Return a wheel of the package index by its version; the file's name is a guess that only a reader sees."""
    installed: Optional[Distribution] = distributions.find(name)
    tags = ""
    if installed is not None and installed.version == version and installed.tags:
        tags = installed.tags[0]
    elif files:
        near = [file for file in files if key(file.version)[0][:2] == key(version)[0][:2]]
        if near:
            tags = near[0].filename[:-4].split("-", 2)[2]
    filename = "%s-%s-%s.whl" % (name.replace("-", "_"), version, tags) if tags else ""
    return Wheel(name, version, filename, None, None, PACKAGE_INDEX)


def _words(wheels: Sequence[Wheel]) -> str:
    return ", ".join("%s %s" % (wheel.name, wheel.version) for wheel in wheels)


def _filled(said: Said, lang: str) -> str:
    return said.render(lang).replace("{", "{{").replace("}", "}}")
