"""Text as people paste it, made readable: any encoding, any terminal noise, any size; pure, and never raises.

Progress bars, colours, mail quoting, full-width punctuation and hard-wrapped console lines are undone here, so that
the patterns of the checks can be written as the programs print their messages. Every line keeps its number in the
input. A huge log is read as a stream: its beginning, its first failure and its last 20,000 lines are kept.
"""

import codecs
import re
from bisect import bisect_right
from collections import Counter, deque
from typing import IO, Deque, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

#: Longer lines lose their middle.
LINE_LIMIT = 4000
#: Lines kept from the end of a log that is too long to be read whole.
TAIL_LINES = 20000
#: Characters of a log that is read whole; also the most that is ever looked at.
WHOLE_LIMIT = 6_000_000
_CHUNK = 1 << 20

# Colours, cursor movements and window titles of a terminal.
_ANSI = re.compile(r"\x1b(?:\[[0-9;?:]{0,40}[ -/]?[@-~]|\][^\x07\x1b]{0,400}(?:\x07|\x1b\\)|[@-Z\\^_()=>78][AB012]?)")
_QUOTE = re.compile(r"^(?:[ \t]{0,3}>)+ ?", re.M)
# What CI, docker build, docker compose, torchrun, Ray and vLLM, journald, pip's boxes and Python's logging write before
# a line of a program.
_PREFIX = re.compile(
    r"^(?:\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z |#\d{1,3} \d{1,5}\.\d{1,3} |"
    r"[a-z][\w.-]{1,40}[-_]\d{1,3} {1,20}\| |"
    r"\([\w.: ]{1,40} pid=\d{1,8}(?:, ip=[\d.]{7,15})?\) ?|"
    r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [\w.-]{1,40} [\w./@-]{1,40}(?:\[\d{1,8}\])?: |"
    r"\[(?:rank|default)\d{1,3}\]: ?|std(?:err|out): |[ \t]{0,12}│ {1,3}|"
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d{3} - [\w.]{1,60} - (?:ERROR|CRITICAL) - )",
    re.M,
)
_PREFIXED = ("Z ", "\n#", " | ", " pid=", "]: ", "stderr: ", "stdout: ", "│", " - ERROR - ", " - CRITICAL - ")
# A whole line that is set in Markdown's bold or code type.
_EMPHASIS = re.compile(r"^([ \t]{0,8})(`|\*\*)(?![`*])(.{2,400}?)\2[ \t]{0,4}$", re.M)
_ENTITY = {
    "&quot;": '"',
    "&#34;": '"',
    "&#39;": "'",
    "&#x27;": "'",
    "&apos;": "'",
    "&lt;": "<",
    "&gt;": ">",
    "&amp;": "&",
}
_ENTITIES = re.compile("|".join(_ENTITY))
_FAILURE = ("Traceback (most recent call last)", "Error: ", "Exception: ", "error: ", "ERROR", "Killed", "core dumped")
# Punctuation that Chinese and Japanese input methods, and word processors, put in place of ASCII.
_PUNCTUATION: Dict[int, Optional[str]] = {
    ord(odd): plain
    for odd, plain in zip(
        "：“”‘’「」『』（）【】，；！？、／＝＋－＿＜＞［］｛｝＃％＆＊＠＼｜～　\u00a0\u202f\u2007–—−",
        ":\"\"''''''()[],;!?,/=+-_<>[]{}#%&*@\\|~     ---",
    )
}
#: Text that is longer is thinned out first: an epoch's 20,000 lines say what two of them say.
_MONOTONOUS = 200_000
_NUMBERS = {ord(mark): None for mark in "0123456789.:,=#+-█▏▎▍▌▋▊▉━╸ \t"}
_PUNCTUATION.update({ord(odd): None for odd in "\u200b\u200c\u200d\u2060\ufeff\x00"})
_PUNCTUATION.update({0xFF10 + digit: str(digit) for digit in range(10)})


class Source(NamedTuple):
    """Readable text, and where each of its lines stands in the input."""

    text: str
    #: offset in ``text`` of each line, and that line's number in the input, from 1
    starts: Tuple[int, ...]
    numbers: Tuple[int, ...]

    def line_number(self, offset: int) -> int:
        """Return the input's line number for an offset in ``text``."""
        return self.numbers[bisect_right(self.starts, offset) - 1]

    def line(self, offset: int) -> str:
        """Return the whole line at an offset in ``text``."""
        return self.text[self.text.rfind("\n", 0, offset) + 1 : self._end(offset)]

    def _end(self, offset: int) -> int:
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end


def read(source: Union[str, bytes, IO]) -> Source:
    """Return the readable text of a string, of bytes, or of an open file (text or binary)."""
    if isinstance(source, bytes):
        source = _decoded_whole(source)
    pieces = [(1, source)] if isinstance(source, str) else _kept(source)
    if isinstance(source, str) and len(source) > WHOLE_LIMIT:
        pieces = _keep(source[at : at + _CHUNK] for at in range(0, len(source), _CHUNK))
    return _readable(pieces)


# ---------------------------------------------------------------- bytes to characters


def encoding_of(data: bytes) -> str:
    """Return the name of the encoding that the beginning of a file looks like."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return name
    head = data[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) > 8 and max(even, odd) > len(head) // 5 and min(even, odd) < len(head) // 20:
        return "utf-16-le" if odd > even else "utf-16-be"
    sample = data[: 1 << 16]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
        return "utf-8"
    except UnicodeDecodeError:
        pass
    # A Chinese Windows console writes GBK. Damaged UTF-8 is told apart by how much of it decodes.
    broken_utf8 = sample.decode("utf-8", "replace").count("\ufffd")
    broken_gbk = sample.decode("gb18030", "replace").count("\ufffd")
    return "gb18030" if broken_gbk * 4 < broken_utf8 else "utf-8"


def _decoded_whole(data: bytes) -> str:
    return data.decode(encoding_of(data), "replace")


# ---------------------------------------------------------------- huge input


def _kept(stream: IO) -> List[Tuple[int, str]]:
    return _keep(_chunks(stream))


def _chunks(stream: IO) -> Iterator[str]:
    data = stream.read(_CHUNK)
    if isinstance(data, str):
        while data:
            yield data
            data = stream.read(_CHUNK)
        return
    decoder = codecs.getincrementaldecoder(encoding_of(data or b""))("replace")
    while data:
        yield decoder.decode(data)
        data = stream.read(_CHUNK)
    yield decoder.decode(b"", True)


def _fails(text: str) -> bool:
    return any(mark in text for mark in _FAILURE)


def _keep(chunks: Iterator[str]) -> List[Tuple[int, str]]:
    """Return (number of the first line, text) of the parts that are worth reading, in order and without overlap."""
    first: List[Tuple[int, str]] = []
    failure: List[Tuple[int, str]] = []
    tail: Deque[Tuple[int, str]] = deque()
    lines_in_tail = characters = 0
    number, rest, failures_wanted = 1, "", 2
    for chunk in chunks:
        chunk = rest + chunk
        cut = chunk.rfind("\n") + 1 or (len(chunk) if len(chunk) > _CHUNK else 0)
        chunk, rest = chunk[:cut], chunk[cut:]
        if not chunk:
            continue
        piece = (number, chunk)
        count = chunk.count("\n")
        number += count
        if not first:
            first.append(piece)
        elif failures_wanted and (failure or _fails(chunk)):
            failure.append(piece)
            failures_wanted -= 1
        tail.append(piece)
        lines_in_tail += count
        characters += len(chunk)
        while len(tail) > 1 and (characters > WHOLE_LIMIT or lines_in_tail - tail[0][1].count("\n") > TAIL_LINES):
            gone = tail.popleft()
            lines_in_tail -= gone[1].count("\n")
            characters -= len(gone[1])
    if rest:
        tail.append((number, rest))
    if first and _fails(first[0][1]):
        failure = []
    kept = dict(first + failure)
    kept.update(tail)
    return sorted(kept.items())


# ---------------------------------------------------------------- characters to readable lines


def _readable(pieces: List[Tuple[int, str]]) -> Source:
    lines: List[str] = []
    numbers: List[int] = []
    for number, text in pieces:
        for line in _clean(text).split("\n"):
            if "\r" in line:
                parts = [part for part in line.split("\r") if part and not part.isspace()]
                # Of a progress bar's states only the first and the last can say anything.
                parts = parts if len(parts) <= 8 else parts[:2] + _unlike_progress(parts[2:-2]) + parts[-2:]
            else:
                parts = [line]
            for part in parts or [""]:
                lines.append(part if len(part) <= LINE_LIMIT else part[:3000] + " … " + part[-990:])
                numbers.append(number)
            number += 1
    if sum(map(len, lines)) > _MONOTONOUS:
        lines, numbers = _without_repeats(lines, numbers)
    extra = [*_unwrapped(lines, numbers), *_unwrapped_words(lines, numbers), *_unescaped(lines, numbers)]
    lines.extend(text for _, text in extra)
    numbers.extend(at for at, _ in extra)
    starts, offset = [], 0
    for line in lines:
        starts.append(offset)
        offset += len(line) + 1
    return Source("\n".join(lines), tuple(starts or [0]), tuple(numbers or [1]))


def _without_repeats(lines: List[str], numbers: List[int]) -> Tuple[List[str], List[int]]:
    """Return the lines without the third and later ones that differ only in numbers and progress marks."""
    seen: Dict[str, int] = {}
    kept: List[int] = []
    for at, line in enumerate(lines):
        shape = line.translate(_NUMBERS)
        times = seen[shape] = seen.get(shape, 0) + 1
        if times <= 2:
            kept.append(at)
    return [lines[at] for at in kept], [numbers[at] for at in kept]


def _clean(text: str) -> str:
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\r" in text:
        text = text.replace("\r\r\n", "\n").replace("\r\n", "\n")
        if "\n" not in text:
            text = text.replace("\r", "\n")
    if not text.isascii() or "\x00" in text:
        text = text.translate(_PUNCTUATION)
    if "&" in text:
        text = _ENTITIES.sub(lambda found: _ENTITY[found.group()], text)
    if text.startswith(">") or "\n>" in text or " >" in text:
        text = _QUOTE.sub("", text)
    if text.startswith("#") or any(mark in text for mark in _PREFIXED):
        text = _PREFIX.sub("", text)
    if "`\n" in text or "**\n" in text or text.endswith(("`", "**")):
        text = _EMPHASIS.sub(r"\1\3", text)
    return text


#: Widths at which one broken line is believed.
_CONSOLES = (79, 80, 100, 119, 120)
_PROGRESS = re.compile(r"\d{1,3}%|\d+/\d+|it/s|s/it|[━█▏▎▍▌▋▊▉#=]{4}|\d[kMG]?B/s")


def _unlike_progress(parts: List[str]) -> List[str]:
    return [part for part in parts if not _PROGRESS.search(part)][:200]


def _unescaped(lines: List[str], numbers: List[int]) -> Iterator[Tuple[int, str]]:
    """Yield the lines that JSON put into one, as added text: a backslash before an n may as well be of a path."""
    left = 500
    for number, line in zip(numbers, lines):
        if "\\" in line and left > 0 and (line.count("\\n") > 1 or '\\"' in line):
            for part in line.replace('\\"', '"').split("\\n"):
                left -= 1
                yield number, part


def _unwrapped_words(lines: List[str], numbers: List[int]) -> Iterator[Tuple[int, str]]:
    """Yield the lines of an error that PowerShell wrote to a file, between words where it could, as added text."""
    begin = next((at for at, line in enumerate(lines) if "+ CategoryInfo" in line), None)
    if begin is None:
        return
    block = range(begin, min(len(lines), begin + 2000))
    widths = Counter(len(lines[at]) for at in block)
    width = max((length for length, count in widths.items() if count > 2), default=0)
    if width < 16:
        return
    start, whole = begin, lines[begin]
    for at in block[1:]:
        word = lines[at].split(" ", 1)[0]
        if word and len(lines[at - 1]) + len(word) > width and len(whole) < LINE_LIMIT:
            whole += lines[at]
            continue
        if at - start > 1:
            yield numbers[start], whole
        start, whole = at, lines[at]
    yield numbers[start], whole


def _unwrapped(lines: List[str], numbers: List[int]) -> Iterator[Tuple[int, str]]:
    """Yield lines that a console broke at its width, put together again: added text, nothing is taken away."""
    widths = Counter(len(line) for line in lines if len(line) >= 38)
    for width, count in widths.most_common(3):
        longer = sum(times for other, times in widths.items() if other > width)
        if (count < 2 and width not in _CONSOLES) or longer > count // 2:
            continue
        at = 0
        while at < len(lines) - 1:
            if len(lines[at]) != width or not lines[at].strip("-=_ ~^*#"):
                at += 1
                continue
            start, whole = at, lines[at]
            while at < len(lines) - 1 and len(lines[at]) == width and len(whole) < LINE_LIMIT:
                at += 1
                whole += lines[at]
            yield numbers[start], whole
        return
