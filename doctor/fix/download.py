"""Every wheel of a plan on disk before anything is touched: fetched, resumed, checked, and named as it must be.

Files with an address are fetched here; files of the package index by the target's own pip with the user's settings.
"""

import os
import re
import shutil
import time
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..facts import Facts, Python
from ..model import DoctorError, Wheel, total
from ..plan import TRIO, index_pair, requirement_of
from ..record import replace
from ..text import Text
from ..wheels.index import PageError, fetch, innermost, page_of, parse_page
from ..wheels.matrix import PACKAGE_INDEX
from ..wheels.mirrors import path_of
from ..wheels.target import Target
from ..wheels.versions import matches
from . import installer
from .index import Pages, Settings, ask, pip_settings, without_secrets
from .options import Options
from .progress import Progress
from .record import Contents, Layout, contents_of
from .shelf import Shelf, drop_in_folder, kept_file
from .snapshot import sha256_of

#: Times that one file is tried; a connection that cannot be made at all is tried only twice.
TRIES = 6
TRIES_TO_CONNECT = 2
#: times that pip is started for its files; it tries several times itself
TRIES_OF_PIP = 3
#: what pip prints when a file broke off; one that is too short has a wrong hash
BROKEN_OFF = re.compile(r"IncompleteRead|Connection (broken|reset|aborted)|[Rr]ead timed out|DO NOT MATCH THE HASHES")
#: room that is left free on a disk
SPARE_BYTES = 64 << 20


class Fetched(NamedTuple):
    """A wheel that is on disk."""

    wheel: Wheel
    path: str
    sha256: str
    #: the sha256 was known beforehand and fits
    verified: bool
    contents: Contents


class Downloader:
    """Fetches wheels for one target."""

    def __init__(
        self,
        pip: Optional["installer.Installer"],
        facts: Facts,
        matrix: Any,
        options: Options,
        scratch: str,
        progress: Progress,
        inherit: Sequence[int] = (),
    ) -> None:
        self._pip = pip
        self._facts = facts
        self._matrix = matrix
        self._offline = options.offline
        self._scratch = scratch
        self._progress = progress
        self._inherit = inherit
        self._layout = Layout.of(facts.need(Python))
        self._settings = pip_settings(pip) if pip is not None else Settings({})
        self._shelf = Shelf(matrix, options.mirror, self._layout, self._settings)
        self._calls = 0

    def fetch(self, wheels: Sequence[Wheel]) -> List[Fetched]:
        """Return the wheels on disk, in this order.

        Raises DoctorError, saying why and what can be done, when one cannot be had.
        """
        os.makedirs(drop_in_folder(), exist_ok=True)
        found: Dict[int, Fetched] = {}
        missing: List[int] = []
        for number, wheel in enumerate(wheels):
            kept = self._shelf.at_hand(wheel)
            if kept is not None:
                found[number] = self._fetched(wheel, kept)
            elif wheel.url is None:
                missing.append(number)
            else:
                found[number] = self._from_address(wheel)
        if missing:
            wanted = [wheels[number] for number in missing]
            folder = self._pip_download(wanted)
            paths = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".whl"))
            for number, wheel in zip(missing, wanted):
                found[number] = self._match(wheel, paths)
        return [found[number] for number in range(len(wheels))]

    # ------------------------------------------------------------ the package index

    def _match(self, wheel: Wheel, paths: Sequence[str]) -> Fetched:
        """Return the one of pip's files that is this wheel; of another file than foreseen no sha256 is known."""
        for path in paths:
            contents = contents_of(path, self._layout)
            if contents.name == wheel.name:
                name = os.path.basename(path)
                known = wheel.sha256 if wheel.filename in ("", name) else None
                if known and sha256_of(path) != known:
                    os.unlink(path)
                    raise DoctorError(WRONG_HASH, WRONG_HASH_HINT, name=name, place=PACKAGE_INDEX)
                return self._fetched(replace(wheel, filename=name, version=contents.version, sha256=known), path)
        raise DoctorError(NO_FILE, what=wheel.name)

    def _pip_download(self, wheels: Sequence[Wheel]) -> str:
        """Let the target's pip download into a new folder and return that."""
        requirements = [requirement_of(wheel) for wheel in wheels]
        if self._pip is None:
            raise DoctorError(installer.NO_PIP, installer.NO_PIP_HINT, python="Python")
        self._calls += 1
        folder = os.path.join(self._scratch, "download-%d" % self._calls)
        log = folder + ".log"
        temporary = folder + ".tmp"
        os.makedirs(folder)
        os.makedirs(temporary)
        options = ["--no-deps", "--only-binary=:all:", "-d", folder, "--find-links", drop_in_folder()]
        argv = [*self._pip.start, "download", *options, *(["--no-index"] if self._offline else []), *requirements]
        self._progress.say(FETCHING, {"what": ", ".join(requirements)})
        env = installer.own_settings()
        env.update(self._settings.as_environment(), TMPDIR=temporary, TEMP=temporary, TMP=temporary)
        if not self._settings.get("resume-retries"):
            env["PIP_RESUME_RETRIES"] = str(TRIES)  # pip 25.1 goes on in the middle of a file
        whole = total(wheel.download_bytes for wheel in wheels)
        title = wheels[0].name if len(wheels) == 1 else "%s +%d" % (wheels[0].name, len(wheels) - 1)

        def idle() -> None:  # pip's own bar goes to the log: tell how far it is by what lies there
            done = _wheels_below(temporary) + _wheels_below(folder)
            self._progress.download(title, done if whole is None else min(done, whole), whole)

        for number in range(TRIES_OF_PIP):
            if number:
                time.sleep(_pause_s(number))
                os.unlink(log)
            ended = installer.run(argv, log, env, inherit=self._inherit, idle=idle)
            if ended.ok:
                return folder
            if not BROKEN_OFF.search(ended.output):  # else files that arrived whole are in pip's cache
                break
        raise self._why_not(ended, requirements)

    def _why_not(self, ended: "installer.Ended", requirements: Sequence[str]) -> DoctorError:
        """Return what really stopped pip: it says "from versions: none" of an index that only answered 503."""
        what = ", ".join(requirements)
        params: Dict[str, Any] = {"what": what, "log": ended.tail, "folder": drop_in_folder()}
        if self._offline:
            return DoctorError(OFFLINE_INDEX, OFFLINE_INDEX_HINT, **params)
        if re.search(r"No space left on device|Errno 28\b", ended.output):
            return DoctorError(NO_SPACE, NO_SPACE_HINT, place=drop_in_folder(), **params)
        if "DO NOT MATCH THE HASHES" in ended.output:
            return DoctorError(WRONG_HASH, WRONG_HASH_HINT, name=what, place=PACKAGE_INDEX)
        assert self._pip is not None
        for requirement in requirements:
            answer = ask(requirement, self._pip)
            params.update(what=requirement, index=answer.where, detail=answer.detail)
            params["versions"] = ", ".join(answer.versions[-8:]) or "-"
            if not answer.reached:
                return DoctorError(INDEX_AWAY, INDEX_AWAY_HINT, **params)
            if not answer.has_project:
                return DoctorError(NO_PROJECT, INDEX_HINT, **params)
            if not answer.has_version:
                return DoctorError(NO_VERSION, INDEX_HINT, **params)
            if re.search(r"(distribution|satisfies).*\b" + re.escape(requirement), ended.output):
                return DoctorError(NO_TAG, INDEX_HINT, **params)
        return DoctorError(PIP_FAILED, INDEX_HINT, **dict(params, what=what))

    # ------------------------------------------------------------ files with an address

    def _from_address(self, wheel: Wheel) -> Fetched:
        tried = self._shelf.addresses(wheel)
        if self._offline:
            raise self._stuck(OFFLINE, wheel, tried[0])
        for url in tried:
            try:
                return self._fetched(wheel, self._load(url, wheel))
            except NotThere:
                continue
        for url in tried if self._shelf.mirror is not None else ():
            other = self._listed(url, wheel)
            if other is not None:
                return self._fetched(other, self._load(str(other.url), other))
        raise self._stuck(NOT_THERE, wheel, tried[0])

    def _listed(self, url: str, wheel: Wheel) -> Optional[Wheel]:
        """Return the same version under another platform tag, where the mirror's page for the project lists one."""
        try:
            listed = parse_page(*fetch(page_of(url, wheel.name), self._settings.session()))
        except PageError:
            return None
        start, _, wanted = wheel.filename[:-4].rpartition("-")
        for item in listed:
            same, _, platform = item.filename[:-4].rpartition("-")
            if item.filename.endswith(".whl") and same == start and platform_fits(platform, wanted):
                return replace(wheel, filename=item.filename, url=item.url, sha256=wheel.sha256 or item.sha256)
        return None

    def _load(self, url: str, wheel: Wheel) -> str:
        """Fetch one file, going on where an earlier try stopped; return its path."""
        import requests

        self._shelf.check(url)
        place = kept_file(url, os.path.basename(wheel.filename))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        partial, refused, fresh = place + ".part", 0, False
        detail = ""
        for number in range(TRIES):
            if number:
                time.sleep(_pause_s(number))
            try:
                self._one_try(url, partial, wheel)
            except requests.exceptions.ConnectionError as error:
                detail = innermost(error)
                refused += 1
                if refused >= TRIES_TO_CONNECT and not _size(partial):
                    break
                continue
            except (requests.exceptions.RequestException, Interrupted) as error:
                detail = innermost(error)
                continue
            except OSError as error:
                raise _no_space(error, partial)
            problem = self._problem(partial, wheel)
            if problem is None:
                os.replace(partial, place)
                return place
            os.unlink(partial)
            if fresh:
                raise problem
            fresh = True  # an earlier half may have been of another file: once more from the start
        raise self._stuck(CANNOT_REACH, wheel, url, detail=detail)

    def _one_try(self, url: str, partial: str, wheel: Wheel) -> None:
        have = _size(partial)
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = "bytes=%d-" % have
        answer = self._shelf.open(url, headers)
        if answer is None:
            raise Interrupted("too many redirects")
        with answer:
            if answer.status_code in (404, 410):
                raise NotThere()
            if answer.status_code == 416:
                os.unlink(partial)
                raise Interrupted("416 Range Not Satisfiable")
            if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
                wait = answer.headers.get("Retry-After", "")
                time.sleep(min(int(wait), 60) if wait.isdigit() else 0)
                raise Interrupted("%d %s" % (answer.status_code, answer.reason))
            if answer.status_code not in (200, 206):
                raise self._stuck(REFUSED, wheel, url, status=answer.status_code)
            resumed = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(
                "bytes %d-" % have
            )
            start = have if resumed else 0
            length = answer.headers.get("Content-Length", "")
            total = start + int(length) if length.isdigit() else None
            room = shutil.disk_usage(os.path.dirname(partial)).free
            if total is not None and total - start + SPARE_BYTES > room:
                raise OSError(28, "No space left on device")
            done = start
            with open(partial, "ab" if resumed else "wb") as file:
                for block in answer.iter_content(1 << 16):
                    file.write(block)
                    done += len(block)
                    self._progress.download(wheel.filename, done, total)
                file.flush()
                os.fsync(file.fileno())
            if total is not None and done != total:
                raise Interrupted("%d of %d bytes" % (done, total))

    def _problem(self, path: str, wheel: Wheel) -> Optional[DoctorError]:
        import zipfile

        place = without_secrets(str(wheel.url))
        if wheel.sha256:
            if sha256_of(path) != wheel.sha256:
                return DoctorError(WRONG_HASH, WRONG_HASH_HINT, name=wheel.filename, place=place)
            return None
        try:
            with zipfile.ZipFile(path) as archive:
                bad = archive.testzip()
        except (zipfile.BadZipFile, OSError, EOFError, ValueError):
            bad = wheel.filename
        if bad is not None or not self._shelf.fits(path, wheel):
            return DoctorError(NO_SUCH_WHEEL, WRONG_HASH_HINT, name=wheel.filename, place=place)
        return None

    # ------------------------------------------------------------ shared

    def _fetched(self, wheel: Wheel, path: str) -> Fetched:
        digest = wheel.sha256 or sha256_of(path)
        self._progress.say(VERIFIED if wheel.sha256 else RECORDED, {"name": os.path.basename(path), "sha256": digest})
        return Fetched(wheel, path, digest, bool(wheel.sha256), contents_of(path, self._layout))

    def _stuck(self, message: Text, wheel: Wheel, url: str, **params: Any) -> DoctorError:
        """Return the error for a file that cannot be had, with the ways out that there are."""
        ways = []
        if path_of(self._matrix, str(wheel.url)) is not None:
            ways.append(BY_MIRROR)
        ways.append(BY_HAND)
        if wheel.name in TRIO:
            by_index, params["pair"] = self._pair()
            ways += [by_index] if params["pair"] else []
        hint = Text("\n".join(way.en for way in ways), "\n".join(way.zh for way in ways))
        params.update(url=without_secrets(url), original=without_secrets(str(wheel.url)))
        return DoctorError(message, hint, name=wheel.filename, folder=drop_in_folder(), **params)

    def _pair(self) -> Tuple[Text, str]:
        """Return the command for the newest pair that the target's pip can find, or could if it cannot be asked."""
        python = self._facts.need(Python)
        if self._pip is None:
            return BY_INDEX, ""
        pages, tags = Pages(self._pip), Target.from_facts(self._facts, self._matrix).tags()

        def allowed(name: str, version: str) -> bool:
            return matches(pages.constraint(name), version)

        def has(name: str, version: str) -> bool:
            return pages.best(name, "==" + version, tags, python.version) is not None

        text, pair = BY_INDEX_PERHAPS, index_pair(self._facts, self._matrix, allowed)
        if not self._offline:
            try:
                text, pair = BY_INDEX, index_pair(self._facts, self._matrix, has)
            except PageError:
                pass
        return text, "%s -m pip install %s" % (python.executable, pair) if pair else ""


def _pause_s(number: int) -> float:
    """Return how long to wait before the next try, after this many."""
    return float(min(0.5 * 2**number, 15))


class NotThere(Exception):
    """The server answers, but has no such file."""


class Interrupted(Exception):
    """A try that may go better the next time."""


def platform_fits(tag: str, wanted: str) -> bool:
    """Return whether a platform tag runs wherever ``wanted`` does: the same machine, and no newer libc asked for."""
    from ..wheels.tags import glibc_of_tag
    from ..wheels.versions import key

    def machine(text: str) -> str:
        return re.sub(r"^(manylinux(1|2010|2014|_\d+_\d+)|linux)_", "linux_", text.split(".")[0])

    floor, limit = glibc_of_tag(tag), glibc_of_tag(wanted)
    return machine(tag) == machine(wanted) and (floor is None or limit is None or key(floor) <= key(limit))


def _wheels_below(folder: str) -> int:
    """Return the bytes of the wheels, whole or not, that lie in a folder."""
    return sum(_size(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names if ".whl" in name)


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _no_space(error: OSError, path: str) -> DoctorError:
    import errno

    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return DoctorError(NO_SPACE, NO_SPACE_HINT, place=os.path.dirname(path))
    return DoctorError(CANNOT_SAVE, path=path, detail=error.strerror or str(error))


FETCHING = Text("Downloading {what} from the package index.", "正在从包索引下载 {what}。")
VERIFIED = Text("{name}: sha256 as expected.", "{name}：sha256 校验通过。")
RECORDED = Text(
    "{name}: no sha256 was known beforehand; it is {sha256}.", "{name}：事先没有已知的 sha256，实际为 {sha256}。"
)
CANNOT_REACH = Text("Cannot reach {url}: {detail}. Nothing was changed.", "无法访问 {url}：{detail}。没有做任何改动。")
OFFLINE = Text(
    "{name} is not on this machine, and --offline forbids fetching it. Nothing was changed.",
    "本机没有 {name}，而 --offline 禁止下载。没有做任何改动。",
)
NOT_THERE = Text("{url} does not exist on that server. Nothing was changed.", "服务器上没有 {url}。没有做任何改动。")
REFUSED = Text(
    "{url} was refused with status {status}. Nothing was changed.", "{url} 被拒绝（状态 {status}）。没有做任何改动。"
)
BY_MIRROR = Text(
    "A way out: a mirror of download.pytorch.org/whl (`doctor fix --apply --mirror NAME-or-ADDRESS`).",
    "可以改用 download.pytorch.org/whl 的镜像（`doctor fix --apply --mirror 名称或地址`）。",
)
BY_HAND = Text(
    "A way out: download\n{original}\non another machine, save it as\n{folder}/{name}\nand run this again.",
    "可以在另一台机器上下载\n{original}\n保存为\n{folder}/{name}\n后重新运行。",
)
BY_INDEX = Text("A way out: the pair that your package index has:\n{pair}", "可以改用你的包索引中已有的一组：\n{pair}")
BY_INDEX_PERHAPS = Text(
    "A way out, if your package index has it: the pair\n{pair}", "如果你的包索引中有，也可以改用这一组：\n{pair}"
)
OFFLINE_INDEX = Text(
    "{what} is not on this machine, and --offline forbids fetching it. Nothing was changed.",
    "本机没有 {what}，而 --offline 禁止下载。没有做任何改动。",
)
OFFLINE_INDEX_HINT = Text(
    "Run without --offline, or put the wheel into {folder} (another machine: `pip download --no-deps {what}`).",
    "去掉 --offline，或把 wheel 放进 {folder}（可在另一台机器上执行 `pip download --no-deps {what}`）。",
)
INDEX_AWAY = Text(
    "The package index {index} cannot be asked for {what}: {detail}. Nothing was changed.",
    "无法向包索引 {index} 查询 {what}：{detail}。没有做任何改动。",
)
INDEX_AWAY_HINT = Text(
    "Check the network, the proxy and the index address (`pip config list`), or put the wheel into {folder}.",
    "请检查网络、代理和索引地址（`pip config list`），或把 wheel 放进 {folder}。",
)
NO_PROJECT = Text(
    "The package index {index} has no {what}. Nothing was changed.", "包索引 {index} 没有 {what}。没有做任何改动。"
)
NO_VERSION = Text(
    "The package index {index} does not have {what}; it has {versions}. Nothing was changed.",
    "包索引 {index} 没有 {what}，已有的版本：{versions}。没有做任何改动。",
)
NO_TAG = Text(
    "The package index {index} has {what}, but no file of it for this Python and system. Nothing was changed.",
    "包索引 {index} 有 {what}，但没有适合当前 Python 和系统的文件。没有做任何改动。",
)
PIP_FAILED = Text(
    "pip could not download {what}:\n{log}\nNothing was changed.", "pip 无法下载 {what}：\n{log}\n没有做任何改动。"
)
INDEX_HINT = Text(
    "Another index may have it (`pip config list` shows yours); or put the wheel into {folder} and run this again.",
    "其他索引可能有（`pip config list` 可查看当前设置）；也可以把 wheel 放进 {folder} 后重新运行。",
)
WRONG_HASH = Text(
    "{name} from {place} does not have the expected sha256. Nothing was changed.",
    "从 {place} 得到的 {name} 与预期的 sha256 不符。没有做任何改动。",
)
NO_SUCH_WHEEL = Text(
    "What {place} sent is not the wheel {name}. Nothing was changed.", "{place} 返回的内容不是 {name}。没有做任何改动。"
)
WRONG_HASH_HINT = Text(
    "A proxy or mirror may hold a wrong copy; try again later, or with another mirror.",
    "可能是代理或镜像上的副本有误；请稍后重试，或换一个镜像。",
)
NO_SPACE = Text("Not enough free space in {place}. Nothing was changed.", "{place} 的剩余空间不足。没有做任何改动。")
NO_SPACE_HINT = Text(
    "Free some space (`doctor fix --forget` drops old snapshots), then run this again.",
    "请先腾出空间（`doctor fix --forget` 可删除旧快照），再重新运行。",
)
CANNOT_SAVE = Text("Cannot write {path}: {detail}. Nothing was changed.", "无法写入 {path}：{detail}。没有做任何改动。")
NO_FILE = Text(
    "pip downloaded no wheel for {what}. Nothing was changed.", "pip 没有为 {what} 下载到 wheel。没有做任何改动。"
)
