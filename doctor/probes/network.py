"""Whether the servers that matter can be reached, and through what; asked only with ``--network``."""

import os
import re
import socket
import threading
import time
from email.utils import parsedate_to_datetime
from typing import Any, Iterator, List, NamedTuple, Optional, Set, Tuple, Union
from urllib.parse import urljoin

from ..facts import Board, Facts, Network, PipConfig, Project, Python, Reach
from ..secrets import without_credentials
from ..urls import host_of, scheme_of
from . import downloads, pipconfig

CONNECT_S, READ_S = 5.0, 8.0
#: no answer at all counts after this time, whatever the library says
ALL_S = 25.0
#: enough to tell a slow line from a fast one, and a page from a login form
SAMPLE_BYTES = 1 << 18
SAMPLE_S = 4.0

TORCH_WHEELS = "https://download.pytorch.org/whl/cpu/torchvision/"
GITHUB_ASSET = "https://github.com/ultralytics/assets/releases/download/v0.0.0/Arial.ttf"
PIWHEELS = "https://www.piwheels.org/simple/numpy/"


class Target(NamedTuple):
    """One thing to ask for."""

    purpose: str
    #: with its credentials, which never leave this module
    url: str
    #: page: a list of links is expected; file: anything but a web page
    expect: str = "page"
    proxy: Optional[str] = None
    #: path of a certificate bundle, or False where pip is told not to look at certificates
    verify: Union[bool, str] = True


class Answer(NamedTuple):
    """What asking gave."""

    reach: Reach
    #: first link of a page that names a wheel
    link: Optional[str] = None
    #: this clock minus the server's, in seconds
    ahead_s: Optional[float] = None


def probe_network(facts: Facts, mirror: Optional[str] = None, targets: Optional[List[Target]] = None) -> Network:
    """Return what could be reached; every server is asked at the same time and each within its own limits."""
    python, project = facts.maybe(Python), facts.maybe(Project)
    asked = _targets(facts, mirror) if targets is None else targets
    answers = _ask_all(asked)
    for target, answer in zip(asked, list(answers)):
        # an index may hand out files that lie elsewhere, at a server that is blocked while the index is not
        if target.purpose == "index" and answer.link:
            link = _absolute(target.url, answer.link)
            if host_of(link) != host_of(target.url):
                answers += _ask_all([target._replace(purpose="index-files", url=link, expect="file")])
    ahead = [answer.ahead_s for answer in answers if answer.ahead_s is not None]
    found = downloads.find_downloads(project.root, python.site_packages if python else ()) if project else []
    return Network(
        items=tuple(answer.reach for answer in answers),
        downloads=tuple(found),
        # one server may be wrong; the one that disagrees least with this clock decides
        clock_ahead_s=min(ahead, key=abs) if ahead else None,
    )


def _absolute(base: str, link: str) -> str:
    """Return where a link of a page leads; the page itself for a link that is none."""
    try:
        return urljoin(base, link)
    except ValueError:
        return base


# ---------------------------------------------------------------- what to ask for


def _targets(facts: Facts, mirror: Optional[str]) -> List[Target]:
    python, board = facts.maybe(Python), facts.maybe(Board)
    config = pipconfig.raw(python) if python else PipConfig()
    index, wheels = _mirror(mirror)
    targets = []
    index = index or _configured_index(config, python)
    if index:
        targets.append(_by_pip(Target("index", index.rstrip("/") + "/torchvision/"), config))
    targets.append(Target("torch-wheels", wheels or TORCH_WHEELS))
    targets.append(Target("github-assets", GITHUB_ASSET, "file"))
    if board is not None and board.raspberry_pi:
        targets.append(_by_pip(Target("piwheels", PIWHEELS), config))
    return targets


def _configured_index(config: PipConfig, python: Optional[Python]) -> Optional[str]:
    """Return the index that pip asks, or None when it asks none over the network."""
    no_index = config.get("no-index")
    if no_index and no_index.value.strip().lower() in ("1", "true", "yes", "on"):
        return None
    setting = config.get("index-url") or config.get("pypi-url") or config.get("index")
    words = setting.value.split() if setting else []
    url = words[0] if words else _default_index(python)
    return url if url and scheme_of(url) in ("http", "https") else None


def _default_index(python: Optional[Python]) -> Optional[str]:
    """Return the index that this pip asks when nothing is configured, from its own source."""
    folders = list(python.site_packages) if python else []
    if python:
        folders += [folder for folder in python.sys_path if folder not in folders]
        folders.append(os.path.join(python.base_prefix, "lib", "python" + python.minor, "site-packages"))
    for folder in folders:
        try:
            with open(os.path.join(folder, "pip", "_internal", "models", "index.py"), encoding="utf-8") as stream:
                said = re.search(r"PyPI\s*=\s*PackageIndex\(\s*[\"'](https?://[^\"']+)", stream.read(1 << 14))
        except (OSError, UnicodeDecodeError):
            continue
        if said:
            return urljoin(said.group(1), "simple")
    return None


def _by_pip(target: Target, config: PipConfig) -> Target:
    """Return the target with the proxy, certificates and trust that pip is configured with."""
    proxy, cert = config.get("proxy"), config.get("cert")
    trusted = config.get("trusted-host")
    server = target.url.partition("://")[2].partition("/")[0].rpartition("@")[2].lower()
    names = trusted.value.lower().split() if trusted else []
    if server in names or host_of(target.url) in names:
        target = target._replace(verify=False)
    elif cert and os.path.exists(os.path.expanduser(cert.value)):
        target = target._replace(verify=os.path.expanduser(cert.value))
    return target._replace(proxy=proxy.value.strip()) if proxy and proxy.value.strip() else target


def _mirror(mirror: Optional[str]) -> Tuple[Optional[str], Optional[str]]:
    """Return (index, page of torch wheels) of a mirror given by name or address; None where it has no such thing."""
    if not mirror:
        return None, None
    if "://" in mirror:
        return None, mirror.replace("{cpu,cuXXX}", "cpu").rstrip("/") + "/"
    from ..wheels.matrix import load

    matrix = load()

    def url(table: str) -> Optional[str]:
        for row in matrix.table("mirrors." + table) or []:
            if row.get("url") and str(row.get("id", "")).startswith(mirror):
                return str(row["url"])
        return None

    wheels = url("pytorch_wheels")
    return url("pip_indexes"), wheels.replace("{cpu,cuXXX}", "cpu").rstrip("/") + "/" if wheels else None


# ---------------------------------------------------------------- asking


def _ask_all(targets: List[Target]) -> List[Answer]:
    box: List[Optional[Answer]] = [None] * len(targets)

    def work(number: int) -> None:
        box[number] = _ask(targets[number])

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(len(targets))]
    for thread in threads:
        thread.start()
    until = time.monotonic() + ALL_S
    for thread in threads:
        thread.join(max(until - time.monotonic(), 0))
    late = "no answer within %d s" % ALL_S
    return [answer or Answer(_reach(target, False, "timeout", late)) for target, answer in zip(targets, box)]


def _ask(target: Target) -> Answer:
    try:
        import requests
    except ImportError as error:
        return Answer(_reach(target, False, "http", str(error)))
    proxy = target.proxy
    if target.verify is False:
        requests.packages.urllib3.disable_warnings()  # type: ignore[attr-defined]
    began = time.monotonic()
    try:
        proxy = proxy or _environment_proxy(target.url)
        with requests.Session() as session:
            response = session.get(
                target.url,
                stream=True,
                timeout=(CONNECT_S, READ_S),
                proxies={"http": proxy, "https": proxy} if proxy else None,
                verify=target.verify,
                headers={
                    "User-Agent": "doctor",
                    "Accept-Encoding": "identity",
                    "Range": "bytes=0-%d" % (SAMPLE_BYTES - 1),
                },
            )
            with response:
                return _judge(target, response, proxy, began)
    except requests.RequestException as error:
        seconds = time.monotonic() - began
        sent_to = str((error.request.url if error.request is not None else None) or target.url)
        if host_of(sent_to) != host_of(target.url):
            sent_to = without_credentials(sent_to.partition("?")[0])
            if target.expect == "page":  # an index does not send its callers to a host that fails; a login page does
                return Answer(_reach(target, False, "captive-portal", sent_to, proxy, seconds))
            target = target._replace(url=sent_to)  # that host is the one that is blocked
        return Answer(_reach(target, False, *_fault(error, proxy), proxy=proxy, seconds=seconds))
    except (OSError, ValueError) as error:
        return Answer(_reach(target, False, "http", str(error), proxy=proxy, seconds=time.monotonic() - began))


def _environment_proxy(url: str) -> Optional[str]:
    from requests.utils import get_environ_proxies, select_proxy

    return select_proxy(url, get_environ_proxies(url))


def _judge(target: Target, response: Any, proxy: Optional[str], began: float) -> Answer:
    """Return what an answer means: its status, whether it is what was asked for, and how fast it came."""
    seconds = time.monotonic() - began
    ahead = _ahead(response.headers.get("Date"))
    status = response.status_code
    if status >= 400 and status != 416:
        kinds = {407: "proxy-auth", 401: "forbidden", 403: "forbidden", 451: "forbidden", 511: "captive-portal"}
        detail = "%d %s" % (status, response.reason or "")
        return Answer(_reach(target, False, kinds.get(status, "http"), detail.strip(), proxy, seconds), ahead_s=ahead)
    body, speed = _sample(response)
    page = body[:2048].lstrip().lower()
    web_page = "text/html" in response.headers.get("Content-Type", "").lower() or page.startswith(
        (b"<!doctype", b"<html")
    )
    links = re.findall(rb"href\s*=\s*[\"']([^\"'#]+)", body)
    listing = bool(links) or b'"files"' in body[:SAMPLE_BYTES]
    moved = host_of(response.url) != host_of(target.url)
    if (target.expect == "file" and web_page) or (target.expect == "page" and (not listing or _login(body) and moved)):
        where = without_credentials(response.url.partition("?")[0])
        return Answer(_reach(target, False, "captive-portal", where, proxy, seconds), ahead_s=ahead)
    link = next((word.decode("utf-8", "replace") for word in reversed(links) if word.endswith(b".whl")), None)
    return Answer(_reach(target, True, "", "", proxy, seconds, speed), link, ahead)


def _login(body: bytes) -> bool:
    return bool(re.search(rb"type\s*=\s*[\"']?password|<form", body[: 1 << 16], re.IGNORECASE))


def _sample(response: Any) -> Tuple[bytes, Optional[float]]:
    """Return the first bytes of an answer and their speed in bytes a second; None when too few came to tell."""
    began = time.monotonic()
    parts, count = [], 0
    for part in response.iter_content(1 << 10):
        parts.append(part)
        count += len(part)
        if count >= SAMPLE_BYTES or time.monotonic() - began > SAMPLE_S:
            break
    seconds = time.monotonic() - began
    # what comes with the headers says nothing about the line
    enough = count >= SAMPLE_BYTES // 4 or seconds > 1
    return b"".join(parts), round(count / max(seconds, 1e-3)) if enough else None


def _ahead(date: Optional[str]) -> Optional[float]:
    try:
        return round(time.time() - parsedate_to_datetime(date).timestamp()) if date else None
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _reach(
    target: Target,
    ok: bool,
    kind: str = "",
    detail: str = "",
    proxy: Optional[str] = None,
    seconds: Optional[float] = None,
    speed: Optional[float] = None,
) -> Reach:
    return Reach(
        purpose=target.purpose,
        url=without_credentials(target.url),
        ok=ok,
        detail=without_credentials(detail)[:300],
        kind=kind,
        proxy=_name(proxy),
        seconds=None if seconds is None else round(seconds, 3),
        bytes_per_s=speed,
    )


def _name(proxy: Optional[str]) -> Optional[str]:
    """Return a proxy without user name and password."""
    if not proxy:
        return None
    return without_credentials(proxy if "://" in proxy else "http://" + proxy)


# ---------------------------------------------------------------- what went wrong

_RESOLVE = (
    r"getaddrinfo|name or service not known|name resolution|nodename nor servname|failed to resolve|no address assoc"
)
#: words of the message -> kind, where the exception itself does not say more; the first that matches
_WORDS: Tuple[Tuple[str, str], ...] = (
    (r"tunnel connection failed: 407|proxy authentication required", "proxy-auth"),
    (r"tunnel connection failed: 4\d\d", "forbidden"),
    (_RESOLVE, "dns"),
    (r"connection refused|actively refused|winerror 10061", "refused"),
    (r"network is unreachable|no route to host|winerror 1005[01]|winerror 10065", "unreachable"),
    (r"timed out|timeout|winerror 10060", "timeout"),
    (r"reset by peer|forcibly closed|remote end closed|connection aborted|winerror 10054|eof occurred", "reset"),
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that it carries or was caused by, each once."""
    seen: Set[int] = set()
    todo = [error]
    while todo:
        one = todo.pop(0)
        if id(one) in seen or len(seen) > 20:
            continue
        seen.add(id(one))
        yield one
        carried = list(getattr(one, "args", ())) + [getattr(one, "reason", None), one.__cause__, one.__context__]
        todo += [item for item in carried if isinstance(item, BaseException)]


def _fault(error: BaseException, proxy: Optional[str]) -> Tuple[str, str]:
    """Return (kind, the error's own words) of a request that failed."""
    import requests

    chain = list(_chain(error))
    inner = [one for one in chain if isinstance(one, OSError) and not isinstance(one, requests.RequestException)]
    detail = " ".join(str(inner[-1] if inner else error).split())
    text = " | ".join(str(one) for one in chain).lower()
    kind = next((kind for pattern, kind in _WORDS if re.search(pattern, text)), "http")
    if any(isinstance(one, socket.gaierror) for one in chain):
        kind = "dns"
    if isinstance(error, requests.exceptions.SSLError):
        kind = "reset" if kind == "reset" else "tls"
    if isinstance(error, requests.exceptions.ProxyError) and kind not in ("proxy-auth", "forbidden"):
        kind = "proxy"
    if isinstance(error, requests.Timeout):
        kind = "timeout"
    return kind, detail
