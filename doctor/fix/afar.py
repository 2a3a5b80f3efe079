"""A wheel looked into where it lies: its metadata and the size of its files, by a few ranges instead of the whole."""

import io
import re
from typing import Any, Callable, List, Mapping, Optional, Tuple

from ..wheels.index import innermost

#: how much of a file's end is read at once: most wheels keep their metadata and their list of files there
TAIL_BYTES = 1 << 18
#: how much is read elsewhere at least
READ_BYTES = 1 << 16
#: a file that its server only gives whole is read up to this size
WHOLE_BYTES = 4 << 20

#: sends a request with these headers and returns the open answer
Get = Callable[[Mapping[str, str]], Any]


class TooFar(Exception):
    """The file is there, and its size may be known, but its server gives no parts of it."""


class Refused(Exception):
    """The file cannot be had: the server's status, or what the network said."""


class Afar(io.RawIOBase):
    """A remote file that zipfile can read; ``size`` is None when the server does not say."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self._place = 0
        #: what has been read so far: where it begins, and its bytes
        self._pieces: List[Tuple[int, bytes]] = []
        self.size: Optional[int] = None
        self._open("bytes=-%d" % TAIL_BYTES)

    def _open(self, wanted: str) -> None:
        with self._ask(wanted) as answer:
            part = re.match(r"bytes (\d+)-\d+/(\d+)$", answer.headers.get("Content-Range", ""))
            if answer.status_code == 206 and part:
                self.size = int(part.group(2))
                self._pieces = [(int(part.group(1)), _content(answer))]
                return
            length = answer.headers.get("Content-Length", "")
            self.size = int(length) if length.isdigit() else None
            if self.size is not None and self.size <= WHOLE_BYTES:
                self._pieces = [(0, _content(answer))]
                return
        if self.size is not None and wanted.startswith("bytes=-"):
            # some servers know ranges, but not the kind that counts from the end
            self._open("bytes=%d-" % (self.size - TAIL_BYTES))

    def _ask(self, wanted: str) -> Any:
        import requests

        try:
            answer = self._get({"Accept-Encoding": "identity", "Range": wanted})
        except requests.exceptions.RequestException as error:
            raise Refused(innermost(error))
        if answer is None:
            raise Refused("too many redirects")
        if answer.status_code not in (200, 206):
            answer.close()
            raise Refused("%d %s" % (answer.status_code, answer.reason))
        return answer

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size or 0}[whence]
        self._place = base + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        if not self._pieces or self.size is None:
            raise TooFar()
        stop = min(self._place + len(buffer), self.size)
        if not 0 <= self._place < stop:
            return 0
        piece = self._piece(self._place) or self._fetch(self._place, max(stop, self._place + READ_BYTES))
        start, data = piece
        found = data[self._place - start : stop - start]
        buffer[: len(found)] = found
        self._place += len(found)
        return len(found)

    def _piece(self, place: int) -> Optional[Tuple[int, bytes]]:
        return next((piece for piece in self._pieces if piece[0] <= place < piece[0] + len(piece[1])), None)

    def _fetch(self, start: int, stop: int) -> Tuple[int, bytes]:
        """Read a piece that is not known yet."""
        known = [first for first, _ in self._pieces if first > start]
        stop = min([stop, int(self.size or 0), *known])
        with self._ask("bytes=%d-%d" % (start, stop - 1)) as answer:
            data = _content(answer) if answer.status_code == 206 else b""
        if len(data) != stop - start:
            raise TooFar()
        self._pieces.append((start, data))
        return start, data


def _content(answer: Any) -> bytes:
    import requests

    try:
        return answer.content
    except requests.exceptions.RequestException as error:
        raise Refused(innermost(error))
