"""Every wheel of a plan on disk before anything is touched: fetched, resumed, checked, and named as it must be.

Files with an address are fetched here; files of the package index by the target's own pip with the user's settings.
"""

import glob
import hashlib
import os
import re
import shutil
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence
from urllib.parse import urldefrag, urljoin, urlsplit

from ..model import DoctorError, Wheel
from ..plan import requirement_of
from ..record import replace
from ..text import Text
from ..wheels.index import innermost
from ..wheels.matrix import PACKAGE_INDEX, cache_folder
from . import installer
from .index import Settings, ask, links, page, pip_settings, without_secrets
from .record import Layout, contents_of
from .snapshot import sha256_of

#: Times that one file is tried; a connection that cannot be made at all is tried only twice.
TRIES = 6
TRIES_TO_CONNECT = 2
#: seconds to connect, and between two pieces of data
TIMEOUTS_S = (10.0, 60.0)
#: hosts that github.com hands downloads on to
HANDED_TO = ("githubusercontent.com", "download-r2.pytorch.org")
#: hosts that plain http may reach
LOOPBACK = ("127.0.0.1", "::1", "localhost")
#: room that is left free on a disk
SPARE_BYTES = 64 << 20


class Fetched(NamedTuple):
    """A wheel that is on disk."""

    wheel: Wheel
    path: str
    sha256: str
    #: the sha256 was known beforehand and fits
    verified: bool


def drop_in_folder() -> str:
    """Return the folder of downloaded wheels; a file that the user puts there is taken from there."""
    return os.path.join(cache_folder(), "wheels")


def kept_file(url: str, filename: str) -> str:
    """Return where a file from this address is kept: what a mirror sent never stands in for the original's."""
    return os.path.join(drop_in_folder(), hashlib.sha256(url.encode("utf-8")).hexdigest()[:16], filename)


def forget(filename: str) -> int:
    """Delete every kept copy of a downloaded file; return the bytes that became free."""
    freed = 0
    for folder in glob.glob(os.path.join(glob.escape(drop_in_folder()), "?" * 16)):
        path = os.path.join(folder, os.path.basename(filename))
        if os.path.isfile(path):
            freed += os.path.getsize(path)
            shutil.rmtree(folder)
    return freed


def trusted_hosts(matrix: Any) -> Sequence[str]:
    """Return the hosts that the matrix names for wheels."""
    if matrix is None:
        return ()
    urls = [matrix.table("torch.files.base")]
    urls.extend(file.url for package in matrix.packages for file in matrix.files(package) if file.url)
    return sorted({urlsplit(url).hostname or "" for url in urls if url})


def addresses(url: str, mirror: Optional[str], matrix: Any) -> List[str]:
    """Return the addresses to try for a file: its own, or with a mirror those under the mirror.

    A mirror is an address that stands for download.pytorch.org/whl, or the id of one in the matrix; some keep the
    ``/whl`` and some do not. Files of other hosts are not mirrored. Raises DoctorError for an unknown id.
    """
    base = (matrix.table("torch.files.base") if matrix is not None else None) or "https://download.pytorch.org/whl/"
    if not mirror:
        return [url]
    if "://" not in mirror:
        rows = (matrix.table("mirrors.pytorch_wheels") if matrix is not None else None) or ()
        found = [row["url"] for row in rows if row["id"] == mirror and row.get("url") and row["id"] != "upstream"]
        if not found:
            names = [row["id"] for row in rows if row.get("url") and row["id"] != "upstream"]
            raise DoctorError(NO_MIRROR, NO_MIRROR_HINT, mirror=mirror, names=", ".join(names), exit=2)
        mirror = re.sub(r"/?\{[^}]*\}/?$", "", found[0])
    if not url.startswith(base):
        return [url]
    place, root = url[len(base) :], mirror.rstrip("/")
    if root.endswith("/whl"):
        return [root + "/" + place, root[: -len("/whl")] + "/" + place]
    return [root + "/whl/" + place, root + "/" + place]


class Downloader:
    """Fetches wheels for one target."""

    def __init__(
        self,
        pip: Optional["installer.Installer"],
        layout: Layout,
        matrix: Any,
        mirror: Optional[str],
        offline: bool,
        scratch: str,
        progress: Any,
        inherit: Sequence[int] = (),
        pair: Callable[[], Optional[str]] = lambda: None,
    ) -> None:
        self._pip = pip
        self._layout = layout
        self._matrix = matrix
        self._mirror = mirror
        self._offline = offline
        self._scratch = scratch
        self._progress = progress
        self._inherit = inherit
        #: command for what the package index has instead of files that cannot be reached
        self._pair = pair
        self._settings: Optional[Mapping[str, str]] = None
        self._hosts: Optional[List[str]] = None
        self._calls = 0

    def fetch(self, wheels: Sequence[Wheel]) -> List[Fetched]:
        """Return the wheels on disk, in this order.

        Raises DoctorError, saying why and what can be done, when one cannot be had.
        """
        os.makedirs(drop_in_folder(), exist_ok=True)
        found: Dict[int, Fetched] = {}
        missing: List[int] = []
        for number, wheel in enumerate(wheels):
            name = os.path.basename(wheel.filename)
            kept = os.path.join(drop_in_folder(), name)
            if name and os.path.isfile(kept) and self._fits(kept, wheel):
                found[number] = self._fetched(wheel, kept)
            elif wheel.url is None:
                missing.append(number)
            else:
                found[number] = self._from_address(wheel)
        if missing:
            wanted = [wheels[number] for number in missing]
            paths = self.fetch_requirements([requirement_of(wheel) for wheel in wanted])
            for number, wheel in zip(missing, wanted):
                found[number] = self._match(wheel, paths)
        return [found[number] for number in range(len(wheels))]

    # ------------------------------------------------------------ the package index

    def fetch_requirements(self, requirements: Sequence[str]) -> List[str]:
        """Return the wheels that the target's pip picks for these requirements, without their dependencies."""
        folder = self._pip_download(requirements)
        return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".whl"))

    def _match(self, wheel: Wheel, paths: Sequence[str]) -> Fetched:
        """Return the one of pip's files that is this wheel."""
        for path in paths:
            contents = contents_of(path, self._layout)
            if contents.name == wheel.name:
                if wheel.sha256 and sha256_of(path) != wheel.sha256:
                    os.unlink(path)
                    raise DoctorError(WRONG_HASH, WRONG_HASH_HINT, name=os.path.basename(path), place=PACKAGE_INDEX)
                named = replace(wheel, filename=os.path.basename(path), version=contents.version)
                return self._fetched(named, path)
        raise DoctorError(NO_FILE, what=wheel.name)

    def _pip_download(self, requirements: Sequence[str]) -> str:
        """Let the target's pip download into a new folder and return that."""
        if self._pip is None:
            raise DoctorError(installer.NO_PIP, installer.NO_PIP_HINT, python="Python")
        self._calls += 1
        folder = os.path.join(self._scratch, "download-%d" % self._calls)
        log = folder + ".log"
        os.makedirs(folder)
        options = ["--no-deps", "--only-binary=:all:", "-d", folder, "--find-links", drop_in_folder()]
        argv = [*self._pip.start, "download", *options, *(["--no-index"] if self._offline else []), *requirements]
        self._progress.say(FETCHING, {"what": ", ".join(requirements)})
        env = installer.own_settings()
        env.update(pip_settings(self._pip).as_environment())
        ended = installer.run(argv, log, env, inherit=self._inherit)
        if not ended.ok:
            raise self._why_not(ended, requirements)
        return folder

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
        tried = addresses(str(wheel.url), self._mirror, self._matrix)
        problem: Optional[DoctorError] = None
        for url in tried:
            kept = kept_file(url, os.path.basename(wheel.filename))
            if os.path.isfile(kept) and self._fits(kept, wheel):
                return self._fetched(wheel, kept)
        if self._offline:
            raise DoctorError(OFFLINE, WAYS_OUT, **self._ways_out(wheel, tried[0]))
        for url in tried:
            try:
                return self._fetched(wheel, self._load(url, wheel))
            except NotThere as error:
                problem = problem or error
        for url in tried if self._mirror else ():
            other = self._listed(url, wheel)
            if other is not None:
                return self._fetched(other, self._load(str(other.url), other))
        raise problem or DoctorError(NOT_THERE, WAYS_OUT, **self._ways_out(wheel, tried[0]))

    def _listed(self, url: str, wheel: Wheel) -> Optional[Wheel]:
        """Return the same version under another platform tag, where the mirror's page for the project lists one."""
        from packaging.utils import canonicalize_name

        place = url.rsplit("/", 1)[0] + "/" + wheel.name + "/"
        settings = pip_settings(self._pip) if self._pip is not None else Settings({})
        status, text = page(place, settings)
        python = wheel.filename[:-4].split("-")[2:4]
        for name, address in links(text, place) if status == 200 else ():
            parts = name[:-4].split("-") if name.endswith(".whl") else []
            if len(parts) != 5 or canonicalize_name(parts[0]) != wheel.name or parts[1] != wheel.version:
                continue
            if parts[2:4] == python and platform_fits(parts[4], wheel.filename[:-4].split("-")[-1]):
                address, fragment = urldefrag(address)
                digest = fragment[len("sha256=") :] if fragment.startswith("sha256=") else None
                return replace(wheel, filename=name, url=address, sha256=wheel.sha256 or digest)
        return None

    def _check_address(self, url: str, handed: bool = False) -> None:
        """Raise DoctorError unless the matrix or the user named this host, and the way there is safe."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self._hosts is None:
            own = urlsplit(self._mirror).hostname if self._mirror and "://" in self._mirror else None
            self._hosts = [*trusted_hosts(self._matrix), "download.pytorch.org"] + ([own] if own else [])
            rows = (self._matrix.table("mirrors.pytorch_wheels") if self._matrix is not None else None) or ()
            self._hosts += [urlsplit(row["url"]).hostname or "" for row in rows if row.get("url")]
        named = host in self._hosts or any(host == one or host.endswith("." + one) for one in HANDED_TO if handed)
        if named and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)):
            return
        raise DoctorError(NOT_ALLOWED, url=without_secrets(url))

    def _load(self, url: str, wheel: Wheel) -> str:
        """Fetch one file, going on where an earlier try stopped; return its path."""
        import requests

        self._check_address(url)
        place = kept_file(url, os.path.basename(wheel.filename))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        partial, refused, fresh = place + ".part", 0, False
        settings = pip_settings(self._pip).for_requests() if self._pip is not None else {}
        detail = ""
        for number in range(TRIES):
            if number:
                time.sleep(min(0.5 * 2**number, 15))
            try:
                self._one_try(requests, url, partial, settings, wheel)
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
        raise DoctorError(CANNOT_REACH, WAYS_OUT, detail=detail, **self._ways_out(wheel, url))

    def _one_try(self, requests: Any, url: str, partial: str, settings: Mapping[str, Any], wheel: Wheel) -> None:
        have = _size(partial)
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = "bytes=%d-" % have
        session = requests.Session()
        answer = None
        try:
            answer = self._follow(session, url, headers, settings)
            if answer.status_code in (404, 410):
                raise NotThere(NOT_THERE, WAYS_OUT, **self._ways_out(wheel, url))
            if answer.status_code == 416:
                os.unlink(partial)
                raise Interrupted("416 Range Not Satisfiable")
            if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
                wait = answer.headers.get("Retry-After", "")
                time.sleep(min(int(wait), 60) if wait.isdigit() else 0)
                raise Interrupted("%d %s" % (answer.status_code, answer.reason))
            if answer.status_code not in (200, 206):
                raise DoctorError(REFUSED, WAYS_OUT, status=answer.status_code, **self._ways_out(wheel, url))
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
        finally:
            if answer is not None:
                answer.close()
            session.close()

    def _follow(self, session: Any, url: str, headers: Mapping[str, str], settings: Mapping[str, Any]) -> Any:
        for _ in range(6):
            answer = session.get(
                url, headers=headers, stream=True, timeout=TIMEOUTS_S, allow_redirects=False, **settings
            )
            if answer.status_code not in (301, 302, 303, 307, 308):
                return answer
            url = urljoin(url, answer.headers.get("Location", ""))
            answer.close()
            self._check_address(url, handed=True)
        raise Interrupted("too many redirects")

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
        if bad is not None or not self._fits(path, wheel):
            return DoctorError(NO_SUCH_WHEEL, WRONG_HASH_HINT, name=wheel.filename, place=place)
        return None

    # ------------------------------------------------------------ shared

    def _fits(self, path: str, wheel: Wheel) -> bool:
        """Return whether a file is the wheel it is called: by sha256, else by the name and version it carries."""
        if wheel.sha256:
            return sha256_of(path) == wheel.sha256
        try:
            contents = contents_of(path, self._layout)
        except DoctorError:
            return False
        from packaging.version import InvalidVersion, Version

        try:
            same = not wheel.version or Version(contents.version) == Version(wheel.version)
        except InvalidVersion:
            same = contents.version == wheel.version
        return contents.name == wheel.name and same

    def _fetched(self, wheel: Wheel, path: str) -> Fetched:
        digest = wheel.sha256 or sha256_of(path)
        self._progress.say(VERIFIED if wheel.sha256 else RECORDED, {"name": os.path.basename(path), "sha256": digest})
        return Fetched(wheel, path, digest, bool(wheel.sha256))

    def _ways_out(self, wheel: Wheel, url: str) -> Dict[str, Any]:
        return {
            "url": without_secrets(url),
            "original": without_secrets(str(wheel.url)),
            "name": wheel.filename,
            "folder": drop_in_folder(),
            "pair": self._pair() or "-",
        }


class NotThere(DoctorError):
    """The server answers, but has no such file."""


class Interrupted(Exception):
    """A try that may go better the next time."""


def platform_fits(tag: str, wanted: str) -> bool:
    """Return whether a platform tag runs wherever ``wanted`` does: the same machine, and no newer libc asked for."""
    from ..wheels.matrix import glibc_of_tag
    from ..wheels.versions import key

    def machine(text: str) -> str:
        return re.sub(r"^(manylinux(1|2010|2014|_\d+_\d+)|linux)_", "linux_", text.split(".")[0])

    floor, limit = glibc_of_tag(tag), glibc_of_tag(wanted)
    return machine(tag) == machine(wanted) and (floor is None or limit is None or key(floor) <= key(limit))


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
WAYS_OUT = Text(
    "Ways out: a mirror of download.pytorch.org/whl (`doctor fix --apply --mirror NAME-or-ADDRESS`); or download\n"
    "{original}\non another machine, save it as\n{folder}/{name}\nand run this again; "
    "or the pair that the package index itself has:\n{pair}",
    "可选办法：改用 download.pytorch.org/whl 的镜像（`doctor fix --apply --mirror 名称或地址`）；或在另一台机器上下载\n"
    "{original}\n保存为\n{folder}/{name}\n后重新运行；或改用包索引自带的一组：\n{pair}",
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
NOT_ALLOWED = Text(
    "{url} is not used: only https, on the hosts that the wheel matrix names or the mirror you chose.",
    "不使用 {url}：只接受 https，且必须是 wheel 表中列出的主机或你选择的镜像。",
)
NO_FILE = Text(
    "pip downloaded no wheel for {what}. Nothing was changed.", "pip 没有为 {what} 下载到 wheel。没有做任何改动。"
)
NO_MIRROR = Text("There is no mirror called {mirror}.", "没有名为 {mirror} 的镜像。")
NO_MIRROR_HINT = Text("Known: {names}; or give its address.", "已知的镜像：{names}；也可以直接给出地址。")
