"""The last bytes of a stream."""

from collections import deque
from typing import Deque


class Ring:
    """Keeps what was added last, up to a number of bytes; adding costs no copy."""

    def __init__(self, limit_bytes: int = 4 << 20) -> None:
        self._limit_bytes = limit_bytes
        self._chunks: Deque[bytes] = deque()
        self._held_bytes = 0

    def add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._held_bytes += len(chunk)
        while self._held_bytes - len(self._chunks[0]) >= self._limit_bytes:
            self._held_bytes -= len(self._chunks.popleft())

    def content(self) -> bytes:
        """Return the last bytes, at most the limit."""
        return b"".join(self._chunks)[-self._limit_bytes :]
