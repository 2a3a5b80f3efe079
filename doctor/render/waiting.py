"""A line on the terminal while something takes longer than a second."""

import sys
import threading
from contextlib import contextmanager
from typing import Any, Iterator

from ..text import Text

LOOKING = Text("Looking, with the imports tried out: {seconds} s", "正在检查，并实际尝试导入：{seconds} 秒")
READING = Text("Reading: {seconds} s", "正在读取：{seconds} 秒")
ASKING = Text("Asking the network: {seconds} s", "正在联网查询：{seconds} 秒")


@contextmanager
def waiting(text: Text, lang: str, stream: Any = None) -> Iterator[None]:
    """Say on a terminal what is being done, from the first second on; nothing of it stays on the screen."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield
        return
    done = threading.Event()

    def show() -> None:
        seconds = width = 0
        while not done.wait(1):
            seconds += 1
            line = text.render(lang, {"seconds": seconds})
            width = 2 * len(line)  # a Chinese character is two columns wide
            stream.write("\r" + line)
            stream.flush()
        if width:
            stream.write("\r" + " " * width + "\r")
            stream.flush()

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
