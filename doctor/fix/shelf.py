"""Where a wheel with an address may come from: a folder of the user's, an earlier download, its host, or a mirror."""

import glob
import hashlib
import os
import shutil
from typing import Any, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import urljoin, urlsplit

from ..model import DoctorError, Wheel
from ..text import Text
from ..wheels import mirrors
from ..wheels.matrix import cache_folder
from .index import Settings, without_secrets
from .record import Layout, contents_of
from .snapshot import sha256_of

#: seconds to connect, and between two pieces of data
TIMEOUTS_S = (10.0, 60.0)
#: hosts that github.com hands downloads on to
HANDED_TO = ("githubusercontent.com", "download-r2.pytorch.org")


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


class Shelf:
    """Finds the files of one fix, and opens only addresses that may be trusted with it."""

    def __init__(self, matrix: Any, mirror: Optional[str], layout: Layout, settings: Settings) -> None:
        self.matrix = matrix
        self.mirror = mirrors.find(matrix, mirror) if mirror else None
        self.layout = layout
        self._session = settings.session()
        self._hosts: Optional[List[str]] = None

    def addresses(self, wheel: Wheel) -> List[str]:
        """Return the addresses to try for a wheel, best first."""
        return mirrors.addresses(self.matrix, str(wheel.url), self.mirror)

    def at_hand(self, wheel: Wheel) -> Optional[str]:
        """Return the wheel's file if it is on this machine already."""
        name = os.path.basename(wheel.filename)
        if not name:
            return None
        paths = [os.path.join(drop_in_folder(), name)]
        paths += [kept_file(url, name) for url in self.addresses(wheel)] if wheel.url else []
        return next((path for path in paths if os.path.isfile(path) and self.fits(path, wheel)), None)

    def fits(self, path: str, wheel: Wheel) -> bool:
        """Return whether a file is the wheel it is called: by sha256, else by the name and version it carries."""
        if wheel.sha256:
            return sha256_of(path) == wheel.sha256
        try:
            contents = contents_of(path, self.layout)
        except DoctorError:
            return False
        from packaging.version import InvalidVersion, Version

        try:
            same = not wheel.version or Version(contents.version) == Version(wheel.version)
        except InvalidVersion:
            same = contents.version == wheel.version
        return contents.name == wheel.name and same

    def check(self, url: str, handed: bool = False) -> None:
        """Raise DoctorError unless the matrix or the user named this host, and the way there is safe."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self._hosts is None:
            own = urlsplit(self.mirror.wheels or "").hostname if self.mirror is not None else None
            self._hosts = [*trusted_hosts(self.matrix), *([own] if own else [])]
        named = host in self._hosts or any(host == one or host.endswith("." + one) for one in HANDED_TO if handed)
        if named and (parts.scheme == "https" or (parts.scheme == "http" and host in mirrors.LOOPBACK)):
            return
        raise DoctorError(NOT_ALLOWED, url=without_secrets(url))

    def open(self, url: str, headers: Mapping[str, str], timeouts_s: Tuple[float, float] = TIMEOUTS_S) -> Any:
        """Return the streamed answer of a GET, or None after too many redirects; every address is checked first."""
        self.check(url)
        for _ in range(6):
            answer = self._session.get(url, headers=headers, stream=True, timeout=timeouts_s, allow_redirects=False)
            if answer.status_code not in (301, 302, 303, 307, 308):
                return answer
            url = urljoin(url, answer.headers.get("Location", ""))
            answer.close()
            self.check(url, handed=True)
        return None


def trusted_hosts(matrix: Any) -> Sequence[str]:
    """Return the hosts that the matrix names for wheels, mirrors among them."""
    urls = [matrix.table("torch.files.base"), "https://download.pytorch.org/"]
    urls.extend(file.url for package in matrix.packages for file in matrix.files(package) if file.url)
    urls.extend(row.get("url") for row in matrix.table("mirrors.pytorch_wheels") or ())
    return sorted({urlsplit(url).hostname or "" for url in urls if url})


NOT_ALLOWED = Text(
    "{url} is not used: only https, on the hosts that the wheel matrix names or the mirror you chose.",
    "不使用 {url}：只接受 https，且必须是 wheel 表中列出的主机或你选择的镜像。",
)
