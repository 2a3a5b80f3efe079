"""Ctrl-C and its like during a fix: they put things back, and never cut that short."""

import signal
import threading
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Sequence

from ..text import Text
from .progress import Progress


class Interrupted(BaseException):
    """The user or the system asked the doctor to stop."""


#: what an exception handler catches to put things back
STOPS = (KeyboardInterrupt, Interrupted)


def stoppable() -> Any:
    """Let SIGTERM and SIGHUP put things back, as Ctrl-C does."""

    def stop(number: int, frame: Any) -> None:
        raise Interrupted(number)

    return _handled(("SIGTERM", "SIGHUP"), stop)


def unstoppable(progress: Progress, why: Text) -> Any:
    """Keep Ctrl-C and the like from cutting this short; who tries is told why."""
    return _handled(("SIGINT", "SIGTERM", "SIGHUP"), lambda number, frame: progress.say(why, {}))


@contextmanager
def _handled(names: Sequence[str], handler: Callable[[int, Any], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread receives signals
        return
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


PUTTING_BACK = Text("Putting everything back, please wait.", "正在恢复原状，请稍候。")
FINISHING = Text("It has worked; just finishing.", "修复已成功，正在收尾。")
