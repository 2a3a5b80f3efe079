"""What a plan needs besides what it names, and what it costs, found out without downloading a wheel.

The pages of the index and the metadata of the wheels are read first, many at once; then the target's own pip says which
of that it would take (0006).
"""

import io
import os
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from ..facts import Facts, Python
from ..model import DoctorError, Plan, Step, Wheel
from ..plan import TRIO, requirement_of
from ..record import replace
from ..text import Text
from ..wheels.index import Listed, PageError
from ..wheels.matrix import PACKAGE_INDEX
from ..wheels.target import Target
from . import installer
from .afar import Afar, Refused, TooFar
from .changes import changes_of
from .index import Pages, Settings, is_remote, local_path, project_of, readable_tags, version_of, without_secrets
from .options import Options
from .record import Contents, Layout, contents_of
from .requires import completed, with_wheels
from .resolve import can_resolve, resolved
from .shelf import Shelf, drop_in_folder

#: wheels looked into at the same time
AT_ONCE = 8
#: seconds to connect, and between two pieces of data
TIMEOUTS_S = (5.0, 15.0)
#: Longest that all the looking may take.
LIMIT_S = 60.0

#: something to tell the user, and its parameters
Said = Tuple[Text, Mapping[str, Any]]


class Seen(NamedTuple):
    """A wheel as far as it is known without its file."""

    wheel: Wheel
    #: None = it could not be looked into
    contents: Optional[Contents] = None


def foresee(plan: Plan, facts: Facts, options: Options, matrix: Any) -> Tuple[Plan, List[Said]]:
    """Return the plan with the wheels that its own need, and with sizes; and what could not be learnt.

    Raises DoctorError (2) for an unknown mirror only.
    """
    steps = [step for step in plan.safe_steps if step.kind == "pip"]
    if not steps:
        return plan, []
    layout, said = Layout.of(facts.need(Python)), []
    seer = Seer(facts, layout, options, matrix)
    found = completed(steps, facts, seer.see, seer.as_pip_takes_it)
    said += seer.said
    made: Dict[int, Step] = {}
    for step in steps:
        seen = found[step.id]
        known = [item.contents for item in seen if item.contents is not None]
        step = with_wheels(step, [item.wheel for item in seen])
        if step.download_bytes is not None and len(known) == len(seen):
            try:
                changes = changes_of([step], {step.id: known}, facts, layout)
                disk = step.download_bytes + changes.unpacked_bytes + changes.copied_bytes
                step = replace(step, disk_bytes=disk)
            except DoctorError:
                pass  # a reason to refuse, which is told elsewhere
        made[step.id] = step
    return replace(plan, steps=tuple(made.get(step.id, step) for step in plan.steps)), said


class Seer:
    """Looks at wheels from afar; what cannot be seen is said once."""

    def __init__(self, facts: Facts, layout: Layout, options: Options, matrix: Any) -> None:
        python = facts.need(Python)
        self._pip = pip = installer.pip_of(python)
        self._python = python
        self._layout = layout
        self._offline = options.offline
        self._pages = Pages(pip, (drop_in_folder(),), options.offline) if pip is not None else None
        settings = self._pages.settings if self._pages is not None else Settings({})
        self._shelf = Shelf(matrix, options.mirror, layout, settings)
        self._session = settings.session()
        self._tags = readable_tags(Target.from_facts(facts, matrix).tags(), python.pip)
        self._dead: Dict[str, str] = {}
        #: what was seen of an index's files, by their address
        self._known: Dict[str, Seen] = {}
        self._until = time.monotonic() + LIMIT_S
        self.said: List[Said] = []

    def see(self, wheels: Sequence[Wheel]) -> List[Seen]:
        """Return what can be seen of these wheels, in this order; never raises for one that cannot."""
        found = []
        for wheel, seen in zip(wheels, at_once(self._see, wheels, self._until)):
            if seen is None:
                self._say(SLOW, what=wheel.name)
            found.append(seen or Seen(wheel))
        return found

    def as_pip_takes_it(self, own: Sequence[Any], more: List[Any]) -> List[Any]:
        """Return what the target's own pip would take besides the plan's own wheels; ``more`` where it cannot say.

        Both hold Seen, or files that were downloaded; what is in neither is returned as Seen. Raises nothing: what
        keeps pip from answering is said.
        """
        pages, pip = self._pages, self._pip
        if not more or pages is None or pip is None or any(item.contents is None for item in [*own, *more]):
            return more
        if not can_resolve(pip, self._python):
            return more
        chosen = {item.wheel.name: item for item in own}
        known = {item.wheel.filename: item for item in more}

        def listing(name: str) -> Sequence[Listed]:
            if name in chosen:
                return [Listed(chosen[name].wheel.filename, "")]
            return [] if name in TRIO else pages.allowed(name)

        def look(item: Listed) -> Any:
            name = project_of(item.filename)
            there = chosen.get(name) or known.get(item.filename)
            return there or self._listed(Wheel(name, "", "", None, None, PACKAGE_INDEX), item)

        try:
            wanted = ["%s==%s" % (item.wheel.name, item.wheel.version) for item in own]
            left_s = max(1.0, self._until - time.monotonic())
            files = resolved(pip, wanted, listing, lambda item: look(item).contents, left_s)
            return [look(item) for item in files if item.url]
        except DoctorError as error:
            self._say(error.message, **error.params)
        except PageError as error:
            self._say(UNREACHABLE, where=error.where, detail=error.detail, what=more[0].wheel.name)
        return more

    def _see(self, wheel: Wheel) -> Seen:
        try:
            kept = self._shelf.at_hand(wheel)
            if kept is not None:
                return Seen(replace(wheel, download_bytes=0), contents_of(kept, self._layout))
            return self._at_address(wheel) if wheel.url is not None else self._on_index(wheel)
        except DoctorError as error:
            self._say(error.message, **error.params)
        except PageError as error:
            self._say(UNREACHABLE, where=error.where, detail=error.detail, what=wheel.name)
        return Seen(wheel)

    def _at_address(self, wheel: Wheel) -> Seen:
        if self._offline:
            raise DoctorError(OFFLINE, what=wheel.filename)
        problem = None
        for url in self._shelf.addresses(wheel):
            self._shelf.check(url)
            try:
                return self._look(wheel, url, lambda headers, url=url: self._shelf.open(url, headers, TIMEOUTS_S))
            except Refused as error:
                problem = problem or DoctorError(UNREACHABLE, where=host_of(url), detail=str(error), what=wheel.name)
        raise problem or DoctorError(OFFLINE, what=wheel.filename)

    def _on_index(self, wheel: Wheel) -> Seen:
        """Return the wheel that pip would take for this requirement."""
        if self._pages is None:
            raise DoctorError(installer.NO_PIP, python=self._layout.prefix)
        wanted = requirement_of(wheel)
        specifier = wanted[len(wheel.name) :]
        item = self._pages.best(wheel.name, specifier, self._tags, self._python.version)
        if item is None:
            limit = self._pages.constraint(wheel.name)
            if self._offline:
                raise DoctorError(OFFLINE, what=wanted)
            raise DoctorError(CONSTRAINED if limit else NOT_LISTED, what=wanted, limit=wheel.name + limit)
        return self._listed(wheel, item)

    def _listed(self, wheel: Wheel, item: Listed) -> Seen:
        """Return this file of an index as the wheel that was asked for; looked into once."""
        if item.url not in self._known:
            wheel = replace(wheel, version=version_of(item.filename), filename=item.filename, download_bytes=item.size)
            self._known[item.url] = self._inside(replace(wheel, sha256=wheel.sha256 or item.sha256), item)
        return self._known[item.url]

    def _inside(self, wheel: Wheel, item: Listed) -> Seen:
        if not is_remote(item.url):
            path = local_path(item.url)
            wheel = replace(wheel, download_bytes=os.path.getsize(path))
            return Seen(wheel, contents_of(path, self._layout))

        def get(headers: Mapping[str, str]) -> Any:
            return self._session.get(item.url, headers=headers, stream=True, timeout=TIMEOUTS_S)

        try:
            return self._look(wheel, item.url, get)
        except Refused as error:
            self._say(UNREACHABLE, where=host_of(item.url), detail=str(error), what=wheel.name)
            return Seen(wheel)

    def _look(self, wheel: Wheel, url: str, get: Any) -> Seen:
        """Return what is seen of a remote file; raises Refused when it cannot be had."""
        host = host_of(url)
        if host in self._dead:
            raise Refused(self._dead[host])
        try:
            file = Afar(get)
        except Refused as error:
            if not str(error)[:3].isdigit():
                self._dead[host] = str(error)  # waiting for it once is enough
            raise
        wheel = replace(wheel, download_bytes=wheel.download_bytes if file.size is None else file.size)
        try:
            return Seen(wheel, contents_of(wheel.filename, self._layout, io.BufferedReader(file)))
        except TooFar:
            self._say(WHOLE_ONLY, name=wheel.filename)
            return Seen(wheel)

    def _say(self, text: Text, **params: Any) -> None:
        if (text, params) not in self.said:
            self.said.append((text, params))


def at_once(work: Callable[[Any], Any], items: Sequence[Any], until: float) -> List[Any]:
    """Return what ``work`` makes of each item, several at a time; None for those that are not done by then.

    Not by a pool: that would keep Ctrl-C waiting for the slowest server.
    """
    found: List[Any] = [None] * len(items)
    waiting = list(enumerate(items))
    faults: List[Exception] = []

    def take() -> None:
        while waiting:
            try:
                number, item = waiting.pop(0)
            except IndexError:
                return  # another one took the last
            try:
                found[number] = work(item)
            except Exception as error:
                faults.append(error)

    threads = [threading.Thread(target=take, daemon=True) for _ in range(min(AT_ONCE, len(items)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    del waiting[:]
    if faults:
        raise faults[0]
    return list(found)


def host_of(url: str) -> str:
    """Return the host of an address as people know it."""
    return urlsplit(without_secrets(url)).netloc


OFFLINE = Text(
    "The size of {what} and what it needs are not known offline.", "离线时无法得知 {what} 的大小和它需要的其他包。"
)
UNREACHABLE = Text(
    "{where} cannot be asked ({detail}): the size of {what}, and what it needs besides, are not known.",
    "无法查询 {where}（{detail}）：不知道 {what} 的大小，也不知道它还需要哪些包。",
)
NOT_LISTED = Text(
    "Your package index lists no {what} that this Python and its pip can install.",
    "你的包索引中没有当前 Python 和 pip 能安装的 {what}。",
)
CONSTRAINED = Text(
    "{what} cannot be had: pip's settings name a constraint file that allows only {limit}.",
    "无法取得 {what}：pip 设置中的约束文件只允许 {limit}。",
)
SLOW = Text(
    "The size of {what} and what it needs are not known: the answer takes too long.",
    "无法得知 {what} 的大小和它需要的其他包：等待时间过长。",
)
WHOLE_ONLY = Text(
    "The server of {name} gives no parts of files: what it needs is known after the download.",
    "{name} 所在的服务器不支持部分读取：它需要哪些包，要下载之后才知道。",
)
