"""Does a file exist on its index, and what is its sha256: asked over the network, only when wanted.

Reads the project's page in either form, PEP 503 (HTML) or PEP 691 (JSON). The only module of ``wheels`` that touches
the network.
"""

import re
from html.parser import HTMLParser
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..model import Wheel
from ..record import replace
from ..text import Text
from .answer import Choice, Said
from .matrix import Matrix
from .mirrors import LOOPBACK, Mirror, addresses, path_of

#: seconds to wait for a connection, and for each answer
CONNECT_S, READ_S = 5.0, 15.0
#: a project page is at most a few MB; more is not one
LIMIT_BYTES = 32 * 1024 * 1024
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.9, text/html;q=0.8"

#: What became of one question.
EXISTS, MISSING, UNREACHABLE = "exists", "missing", "unreachable"


class Listed(NamedTuple):
    """One file on a project page."""

    filename: str
    url: str
    sha256: Optional[str] = None
    #: PEP 658: ``<url>.metadata`` can be read
    metadata: bool = False
    requires_python: Optional[str] = None
    yanked: bool = False
    #: in bytes; None = the page does not say
    size: Optional[int] = None


class Answer(NamedTuple):
    status: str
    #: the file as the page lists it, with ``status`` exists
    listed: Optional[Listed]
    #: slow, refused, server-error, truncated, captive-portal, tls, not-found …: why not
    kind: str
    detail: str


class PageError(Exception):
    """A page could not be read: the kind of trouble, and its words."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__("%s: %s" % (kind, detail))
        self.kind = kind
        self.detail = detail
        #: the index that was asked, where several are
        self.where = ""


# ---------------------------------------------------------------- reading a page; pure


def parse_page(text: str, content_type: str, base: str) -> List[Listed]:
    """Return the files of a project page; raises PageError (captive-portal, truncated) when it is none."""
    stripped = text.lstrip()
    if "json" in content_type or stripped.startswith("{"):
        return _parse_json(text, base)
    parser = _Links(base)
    parser.feed(text)
    parser.close()
    # download.pytorch.org ends its pages with a comment
    ended = re.sub(r"(\s*<!--[^>]*-->)*\s*$", "", text)
    if re.search(r"<(a|html|body)\b", text, re.IGNORECASE):
        if not re.search(r"</(body|html)>$|</a>(<br\s*/?>)?$", ended, re.IGNORECASE):
            raise PageError("truncated", "the page ends in the middle")
        if parser.files or not re.search(r"<(form|input|script|meta http-equiv=.?refresh)\b", text, re.IGNORECASE):
            return parser.files
    raise PageError("captive-portal", "the answer is a web page, not an index: a login page of the network?")


def _parse_json(text: str, base: str) -> List[Listed]:
    import json

    try:
        data = json.loads(text)
    except ValueError:
        raise PageError("truncated", "the JSON ends in the middle or is none")
    found = []
    files = data.get("files") if isinstance(data, dict) else None
    if not isinstance(files, list):
        raise PageError("captive-portal", "the JSON is no project page")
    for row in files:
        if not isinstance(row, dict) or not isinstance(row.get("filename"), str) or not isinstance(row.get("url"), str):
            continue
        given = row.get("hashes")
        hashes: Dict[str, Any] = given if isinstance(given, dict) else {}
        metadata = row.get("core-metadata", row.get("dist-info-metadata"))
        found.append(
            Listed(
                row["filename"],
                _joined(base, row["url"]),
                _sha256(hashes.get("sha256")),
                bool(metadata),
                row.get("requires-python"),
                bool(row.get("yanked")),
                row["size"] if isinstance(row.get("size"), int) else None,
            )
        )
    return found


class _Links(HTMLParser):
    """Collects the links of a PEP 503 page."""

    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base = base
        self.files: List[Listed] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "base":
            given = dict(attrs).get("href")
            self.base = _joined(self.base, given) if given else self.base
        if tag != "a":
            return
        values: Dict[str, Optional[str]] = dict(attrs)
        href = values.get("href")
        if not href:
            return
        address, _, fragment = _joined(self.base, href).partition("#")
        from urllib.parse import unquote

        filename = unquote(address.split("?")[0].rsplit("/", 1)[-1])
        match = re.search(r"sha256=([0-9a-fA-F]{64})", fragment)
        metadata = values.get("data-core-metadata", values.get("data-dist-info-metadata"))
        self.files.append(
            Listed(
                filename,
                address,
                match.group(1).lower() if match else None,
                "data-core-metadata" in values or "data-dist-info-metadata" in values and metadata != "false",
                values.get("data-requires-python"),
                "data-yanked" in values,
            )
        )


def _joined(base: str, address: str) -> str:
    from urllib.parse import urljoin

    return urljoin(base, address)


def _sha256(value: Any) -> Optional[str]:
    return value.lower() if isinstance(value, str) and re.match(r"[0-9a-fA-F]{64}$", value) else None


# ---------------------------------------------------------------- asking


def fetch(url: str, session: Any = None, trusted: bool = False) -> Tuple[str, str, str]:
    """Return (text, content type, final address) of a page; raises PageError that tells the kinds of trouble apart.

    ``trusted``: the address is from the user's own settings, so that its scheme is theirs to choose.
    """
    import requests

    if not (trusted or safe(url)):
        raise PageError("unsafe", "only https, or http on this machine")
    try:
        with (session or requests).get(
            url, headers={"Accept": ACCEPT}, timeout=(CONNECT_S, READ_S), stream=True, allow_redirects=True
        ) as answer:
            if not (trusted or safe(answer.url)):
                raise PageError("unsafe", "redirected to an address that is not https")
            if answer.status_code in (403, 404, 410):
                raise PageError("not-found", "status %d" % answer.status_code)
            if answer.status_code in (407, 511):
                raise PageError("captive-portal", "status %d" % answer.status_code)
            if answer.status_code >= 500:
                raise PageError("server-error", "status %d" % answer.status_code)
            if answer.status_code != 200:
                raise PageError("refused", "status %d" % answer.status_code)
            body = _body(answer)
            promised = answer.headers.get("Content-Length", "")
            if promised.isdigit() and not answer.headers.get("Content-Encoding") and len(body) < int(promised):
                raise PageError("truncated", "%d of %s bytes" % (len(body), promised))
            return body.decode("utf-8", "replace"), answer.headers.get("Content-Type", ""), answer.url
    except requests.exceptions.SSLError as error:
        raise PageError("tls", innermost(error))
    except (requests.exceptions.ConnectTimeout, requests.exceptions.ReadTimeout):
        raise PageError("slow", "no answer within %.0f s" % READ_S)
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
        raise PageError("truncated", innermost(error))
    except requests.exceptions.ProxyError as error:
        raise PageError("proxy", innermost(error))
    except requests.exceptions.ConnectionError as error:
        kind = (
            "truncated" if "IncompleteRead" in str(error) else "slow" if "Read timed out" in str(error) else "connect"
        )
        raise PageError(kind, innermost(error))
    except requests.exceptions.RequestException as error:
        raise PageError("refused", innermost(error))


def innermost(error: BaseException) -> str:
    """Return the innermost words of a chain of network errors."""
    text = str(error)
    for pattern in (
        r"\[Errno -?\d+\] ([^')\"]+)",
        r"(timed out|Connection refused|certificate verify failed[^')\"]*|IncompleteRead\([^)]*\))",
    ):
        found = re.search(pattern, text)
        if found:
            return found.group(1).strip()
    return re.sub(r"//[^/@\s]*@", "//", text.splitlines()[0])[:200] if text else type(error).__name__


def _body(answer: Any) -> bytes:
    import time

    parts: List[bytes] = []
    size, until = 0, time.monotonic() + 4 * READ_S
    for part in answer.iter_content(65536):
        parts.append(part)
        size += len(part)
        if size > LIMIT_BYTES:
            raise PageError("refused", "the page is larger than %d MB" % (LIMIT_BYTES // 2**20))
        if time.monotonic() > until:
            raise PageError("slow", "the page took longer than %.0f s" % (4 * READ_S))
    return b"".join(parts)


def safe(url: str) -> bool:
    """Return whether an address is https, or plain http on this very machine."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and (parts.hostname or "") in LOOPBACK)


def page_of(url: str, name: str) -> str:
    """Return the project page beside a file: ``…/whl/cu121/torch-….whl`` -> ``…/whl/cu121/torch/``."""
    return "%s/%s/" % (url.rsplit("/", 1)[0], name)


def confirm(
    matrix: Matrix, wheels: Sequence[Wheel], mirror: Optional[Mirror] = None, session: Any = None
) -> Tuple[Tuple[Wheel, ...], Tuple[Said, ...], Dict[str, Answer]]:
    """Return the wheels with the sha256 that their index gives, what has to be said, and the answer for each name.

    Files of the package index are left to pip, which knows where it is. When an index cannot be read, the matrix
    stands, and that is said.
    """
    pages: Dict[str, Any] = {}
    found: List[Wheel] = []
    said: List[Said] = []
    answers: Dict[str, Answer] = {}
    for wheel in wheels:
        if wheel.url is None:
            found.append(wheel)
            continue
        answer = _ask(matrix, wheel, mirror, session, pages)
        answers[wheel.name] = answer
        where = _host(addresses(matrix, wheel.url, mirror)[0])
        if answer.status == EXISTS and answer.listed is not None:
            if wheel.sha256 and answer.listed.sha256 and wheel.sha256 != answer.listed.sha256:
                said.append(
                    Said(DIFFERENT, {"file": wheel.filename, "here": wheel.sha256, "there": answer.listed.sha256})
                )
            digest = answer.listed.sha256 or wheel.sha256
            found.append(replace(wheel, sha256=digest, url=answer.listed.url))
            continue
        if answer.status == MISSING:
            said.append(Said(NO_SUCH_FILE, {"file": wheel.filename, "where": where, "detail": answer.detail}))
        else:
            params = {"where": where, "kind": answer.kind, "detail": answer.detail}
            if Said(NOT_ASKED, params) not in said:
                said.append(Said(NOT_ASKED, params))
        found.append(wheel)
    return tuple(found), tuple(said), answers


NO_SUCH_FILE = Text("{where} has no {file} ({detail}).", "{where} 上没有 {file}（{detail}）。")
NOT_ASKED = Text(
    "{where} could not be asked ({kind}: {detail}); what is shown comes from the matrix.",
    "无法查询 {where}（{kind}：{detail}）；这里显示的是 wheel 表中的内容。",
)
DIFFERENT = Text(
    "The sha256 of {file} is {there} on its index and {here} in the matrix.",
    "{file} 的 sha256 在索引上是 {there}，在表里是 {here}。",
)


def _ask(matrix: Matrix, wheel: Wheel, mirror: Optional[Mirror], session: Any, pages: Dict[str, Any]) -> Answer:
    assert wheel.url is not None
    worst: Optional[Answer] = None
    for address in addresses(matrix, wheel.url, mirror):
        page = page_of(address, wheel.name)
        if path_of(matrix, wheel.url) is None:
            answer = _head(address, session)
        else:
            answer = _on_page(page, wheel, session, pages)
        if answer.status == EXISTS:
            return answer
        if worst is None or (worst.status == MISSING and answer.status == UNREACHABLE):
            worst = answer
    assert worst is not None
    return worst


def _on_page(page: str, wheel: Wheel, session: Any, pages: Dict[str, Any]) -> Answer:
    if page not in pages:
        try:
            text, kind, final = fetch(page, session)
            pages[page] = parse_page(text, kind, final)
        except PageError as error:
            pages[page] = error
    read = pages[page]
    if isinstance(read, PageError):
        if read.kind == "not-found":
            return Answer(MISSING, None, read.kind, read.detail)
        return Answer(UNREACHABLE, None, read.kind, read.detail)
    for listed in read:
        if listed.filename == wheel.filename:
            return Answer(EXISTS, listed, "", "")
    return Answer(MISSING, None, "not-listed", "%d files, not this one" % len(read))


def _head(url: str, session: Any) -> Answer:
    """Ask for a file that stands on no project page (a release asset), without its bytes."""
    import requests

    if not safe(url):
        return Answer(UNREACHABLE, None, "unsafe", "only https, or http on this machine")
    try:
        answer = (session or requests).head(url, timeout=(CONNECT_S, READ_S), allow_redirects=True)
    except requests.exceptions.RequestException as error:
        return Answer(UNREACHABLE, None, "connect", innermost(error))
    if answer.status_code == 200 and "text/html" not in answer.headers.get("Content-Type", ""):
        return Answer(EXISTS, Listed(url.rsplit("/", 1)[-1], url), "", "")
    if answer.status_code in (403, 404, 410):
        return Answer(MISSING, None, "not-found", "status %d" % answer.status_code)
    kind = "captive-portal" if answer.status_code == 200 else "refused"
    return Answer(UNREACHABLE, None, kind, "status %d" % answer.status_code)


def _host(url: str) -> str:
    from urllib.parse import urlsplit

    return urlsplit(url).hostname or url


def confirmed(matrix: Matrix, choice: Choice, mirror: Optional[Mirror] = None, session: Any = None) -> Choice:
    """Return the choice as its indexes confirm it: sha256 filled in; a file that is not there makes it not fit."""
    wheels, said, answers = confirm(matrix, choice.wheels, mirror, session)
    missing = any(answer.status == MISSING for answer in answers.values())
    return replace(choice, wheels=wheels, warnings=choice.warnings + said, fits=choice.fits and not missing)


def metadata_of(listed: Listed, session: Any = None) -> Optional[Mapping[str, Sequence[str]]]:
    """Return the METADATA of a listed file without downloading it (PEP 658); None when its index has none.

    Raises PageError when it could not be read.
    """
    if not listed.metadata:
        return None
    text, _, _ = fetch(listed.url + ".metadata", session)
    found: Dict[str, List[str]] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if colon and not line.startswith((" ", "\t")):
            found.setdefault(name.strip().lower(), []).append(value.strip())
    return found
