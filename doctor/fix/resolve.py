"""What the target's own pip would install: its dry run, asked with wheels that hold nothing but their metadata.

From an index without metadata files pip's dry run downloads every wheel whole (0006). So it is given an index on the
loopback interface that lists what the user's own indexes list, and hands out each wheel without its files.
"""

import io
import json
import os
import re
import secrets
import tempfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, List, Optional, Sequence

from ..facts import Python
from ..model import DoctorError
from ..plan import TRIO
from ..probes.run import Ran, run, scratch
from ..text import Text
from ..wheels.index import Listed
from ..wheels.versions import key
from .index import version_of
from .installer import Installer, no_settings
from .record import Contents

#: the first pip with ``--dry-run`` and ``--report``, and the first that reads pages in JSON
FIRST_PIP = "22.2"
PAGE_TYPE = "application/vnd.pypi.simple.v1+json"
#: the path of a page, and that of a file
PAGE, FILE = re.compile(r"/simple/([\w.-]+)/$"), re.compile(r"/files/(\d+)/")


def can_resolve(pip: Optional[Installer], python: Python) -> bool:
    """Return whether this pip can say what it would install."""
    if pip is None:
        return False
    version = python.pip or version_of(os.path.basename(os.path.dirname(pip.start[-1])))
    return bool(version) and key(version) >= key(FIRST_PIP)


def resolved(
    pip: Installer,
    requirements: Sequence[str],
    listing: Callable[[str], Sequence[Listed]],
    look: Callable[[Listed], Optional[Contents]],
    timeout_s: float,
) -> List[Listed]:
    """Return the files that pip would install for these requirements, beside what is installed.

    ``listing`` gives the wheels of a project, ``look`` what one of them holds (None = unknown); what they raise is
    raised here. Raises DoctorError when pip finds no versions that fit each other, or does not answer.
    """
    with _Index(listing, look) as index, tempfile.TemporaryDirectory(dir=scratch()) as folder:
        report = os.path.join(folder, "report.json")
        options = ["--dry-run", "--report", report, "--index-url", index.url, "--retries", "0", "--no-cache-dir"]
        # a distribution's own Python: nothing is installed, and it is refused elsewhere
        env = dict(no_settings(folder), NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", PIP_BREAK_SYSTEM_PACKAGES="1")
        ended = run([*pip.start, "install", "--quiet", *options, *requirements], timeout_s, env=env)
        if index.problem is not None:
            raise index.problem
        try:
            with open(report, encoding="utf-8") as file:
                rows = json.load(file)["install"]
        except (OSError, ValueError):
            raise DoctorError(NOT_CONFIRMED, detail=_why(ended))
        return [index.handed_out(row["download_info"]["url"]) for row in rows]


def _why(ended: Ran) -> str:
    """Return why pip named nothing: the first error that it printed, else its last line."""
    lines = [line for line in ended.stderr.splitlines() if line.strip()]
    errors = [line[len("ERROR: ") :] for line in lines if line.startswith("ERROR: ")]
    return "timeout" if ended.timed_out else (errors or lines[-1:] or [ended.error or "%s" % ended.returncode])[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing: pip was stopped in the middle of an answer."""


class _Index:
    """A package index on the loopback interface, for one pip; a word in its address keeps others out."""

    def __init__(
        self, listing: Callable[[str], Sequence[Listed]], look: Callable[[Listed], Optional[Contents]]
    ) -> None:
        self._listing = listing
        self._look = look
        self._files: List[Listed] = []
        self._lock = threading.Lock()
        self._word = "/" + secrets.token_hex(16)
        #: why the first page or file could not be had
        self.problem: Optional[Exception] = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                outer.answer(self)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d%s/simple" % (self._server.server_port, self._word)

    def __enter__(self) -> "_Index":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def handed_out(self, url: str) -> Listed:
        """Return the file that was listed at this address."""
        match = FILE.search(url)
        if match is None:
            raise DoctorError(NOT_CONFIRMED, detail=url)
        return self._files[int(match.group(1))]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request; the asking thread hears of whatever goes wrong."""
        page, file = PAGE.search(request.path), FILE.search(request.path)
        try:
            if not request.path.startswith(self._word) or not (page or file):
                request.send_error(404)
            elif page:
                _send(request, PAGE_TYPE, json.dumps(self._page(page.group(1))).encode("utf-8"))
            else:
                item = self.handed_out(request.path)
                contents = self._look(item)
                if contents is None:
                    raise DoctorError(NOT_CONFIRMED, detail=item.filename)
                _send(request, "application/zip", hollow(item.filename, contents))
        except ConnectionError:
            pass  # pip has gone
        except Exception as error:
            self.problem = self.problem or error
            request.send_error(502)

    def _page(self, name: str) -> Any:
        rows = []
        for item in self._listing(name):
            if not item.filename.endswith(".whl"):
                continue
            with self._lock:
                number = len(self._files)
                self._files.append(item)
            url = "../../files/%d/%s" % (number, item.filename)
            row = {"filename": item.filename, "url": url, "hashes": {}, "yanked": item.yanked}
            rows.append(dict(row, **{"requires-python": item.requires_python or None}))
        return {"meta": {"api-version": "1.0"}, "name": name, "files": rows}


def _send(request: BaseHTTPRequestHandler, kind: str, body: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def hollow(filename: str, contents: Contents) -> bytes:
    """Return a wheel of this name that holds the metadata alone.

    What it wants of the torch set is left out: that was decided when the set was chosen.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    lines = ["Metadata-Version: 2.1", "Name: " + contents.name, "Version: " + contents.version]
    extras = set()
    for text in contents.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        extras.update(re.findall(r"extra\s*==\s*[\"']([^\"']+)[\"']", text))
        if canonicalize_name(requirement.name) not in TRIO:
            lines.append("Requires-Dist: " + text)
    lines += ["Provides-Extra: " + extra for extra in sorted(extras)]
    folder = "-".join(filename.split("-")[:2]) + ".dist-info/"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(folder + "METADATA", "\n".join(lines) + "\n")
        archive.writestr(folder + "WHEEL", "Wheel-Version: 1.0\nGenerator: doctor\nRoot-Is-Purelib: true\n")
        archive.writestr(folder + "RECORD", "")
    return packed.getvalue()


NOT_CONFIRMED = Text(
    "The target's pip does not confirm that what is needed besides fits together: {detail}",
    "目标环境的 pip 未能确认其他所需的包彼此兼容：{detail}",
)
