"""Progress on standard error: a bar with speed and remaining time on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Any, Mapping, Optional

from ..fix.progress import Progress as Silent
from ..text import Text
from ..units import size


class Progress(Silent):
    """Shows what a fix is doing; calls cost nothing when standard error is closed."""

    def __init__(self, lang: str, stream: Any = None) -> None:
        self.lang = lang
        self.stream = stream or sys.stderr
        self._bar: Any = None
        self._task: Any = None
        self._last = 0.0

    def say(self, text: Text, params: Optional[Mapping[str, Any]] = None) -> None:
        """Print one line."""
        self._close()
        self._line(text.render(self.lang, params))

    def download(self, name: str, done_bytes: int, total_bytes: Optional[int]) -> None:
        """Show how much of a file has arrived; called often."""
        if self.stream.isatty():
            self._draw(name, done_bytes, total_bytes)
            return
        now = time.monotonic()
        if now - self._last >= 5 or done_bytes == total_bytes:
            self._last = now
            total = " / " + size(total_bytes) if total_bytes else ""
            self._line("%s: %s%s" % (name, size(done_bytes), total))

    def confirm(self, text: Text, params: Optional[Mapping[str, Any]] = None) -> bool:
        """Ask on the terminal; no answer, or no terminal, is no."""
        self._close()
        if not sys.stdin.isatty():
            return False
        self.stream.write(text.render(self.lang, params) + " [y/N] ")
        self.stream.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes", "是")

    def close(self) -> None:
        """Take the bar off the screen."""
        self._close()

    def _draw(self, name: str, done_bytes: int, total_bytes: Optional[int]) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(binary_units=True),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=Console(file=self.stream), transient=True)
            self._bar.start()
        if self._task is None or self._task[0] != name:
            self._task = (name, self._bar.add_task(name, total=total_bytes))
        self._bar.update(self._task[1], completed=done_bytes, total=total_bytes)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None

    def _line(self, line: str) -> None:
        try:
            self.stream.write(line + "\n")
            self.stream.flush()
        except UnicodeEncodeError:
            encoding = self.stream.encoding or "ascii"
            self.stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
        except (OSError, ValueError):
            return
