"""A package index on the loopback, made of small real wheels, that can misbehave on request. Standard library only.

index = Index(folder)
index.add("toyvision", "1.0", files={"toyvision/__init__.py": b"..."})
with index.serve() as server:
    server.fail("toyvision", times=2)          # 503 twice, then fine
    subprocess.run([..., "--index-url", server.simple])
"""

import base64
import hashlib
import os
import re
import threading
import time
import zipfile
from collections import defaultdict
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote


def make_wheel(
    folder, name, version, tag="py3-none-any", files=None, requires=(), scripts=(), data=None, extra_record=()
):
    """Write a valid wheel into ``folder`` and return its path.

    ``scripts`` are console entry points (``name = module:function``), ``data`` are files below ``X.data/``,
    ``extra_record`` are lines added to RECORD as they are.
    """
    stem = name.replace("-", "_")
    metadata = "%s-%s.dist-info" % (stem, version)
    contents = dict(files if files is not None else {stem + "/__init__.py": ("__version__ = %r\n" % version).encode()})
    for path, text in (data or {}).items():
        contents["%s-%s.data/%s" % (stem, version, path)] = text
    head = ["Metadata-Version: 2.1", "Name: " + name, "Version: " + version]
    head += ["Requires-Dist: " + item for item in requires]
    pure = "true" if tag.endswith("-any") else "false"
    wheel = "Wheel-Version: 1.0\nGenerator: lab\nRoot-Is-Purelib: %s\nTag: %s\n" % (pure, tag)
    contents[metadata + "/METADATA"] = ("\n".join(head) + "\n").encode()
    contents[metadata + "/WHEEL"] = wheel.encode()
    if scripts:
        contents[metadata + "/entry_points.txt"] = ("[console_scripts]\n" + "\n".join(scripts) + "\n").encode()
    lines = ["%s,sha256=%s,%d" % (path, _digest(text), len(text)) for path, text in contents.items()]
    lines.append(metadata + "/RECORD,,")
    contents[metadata + "/RECORD"] = ("\n".join(lines) + "\n").encode()
    os.makedirs(str(folder), exist_ok=True)
    path = os.path.join(str(folder), "%s-%s-%s.whl" % (stem, version, tag))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in contents.items():
            archive.writestr(zipfile.ZipInfo(member, (2024, 1, 1, 0, 0, 0)), text)
    return path


def _digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


class Index:
    """Wheels and pages as an index serves them: ``simple/<project>/`` or ``whl/<variant>/<project>/``."""

    def __init__(self, folder):
        self.folder = str(folder)

    def add(self, name, version, tag="py3-none-any", below="simple", **given):
        """Make a wheel, list it on its project's page and return its path."""
        place = os.path.join(self.folder, *below.split("/"))
        path = make_wheel(place, name, version, tag, **given)
        self._write_page(place, name)
        return path

    def _write_page(self, place, name):
        page = os.path.join(place, name)
        os.makedirs(page, exist_ok=True)
        lines = ["<!DOCTYPE html><html><body><h1>Links for %s</h1>" % name]
        for file in sorted(os.listdir(place)):
            if file.endswith(".whl") and file.split("-")[0] == name.replace("-", "_"):
                with open(os.path.join(place, file), "rb") as wheel:
                    digest = hashlib.sha256(wheel.read()).hexdigest()
                lines.append('<a href="../%s#sha256=%s">%s</a><br/>' % (quote(file), digest, file))
        with open(os.path.join(page, "index.html"), "w") as file:
            file.write("\n".join(lines + ["</body></html>\n"]))

    def serve(self):
        return Server(self.folder)


class Server:
    """The index over HTTP, with ranges; faults are given by a part of the path."""

    def __init__(self, folder):
        self._faults = defaultdict(list)
        #: (path, Range header or None) of every request
        self.requests = []
        #: whether parts of files are given
        self.ranges = True
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def translate_path(self, path):
                return os.path.join(folder, *unquote(path.split("?")[0].split("#")[0]).strip("/").split("/"))

            def do_GET(self):
                outer.requests.append((self.path, self.headers.get("Range")))
                outer._answer(self)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self._http.server_port
        self.simple = self.url + "/simple"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    def fail(self, part, times=10**6, status=503):
        """Answer requests for paths that hold ``part`` with an error, so many times."""
        self._faults[part].append(("status", status, times))

    def truncate(self, part, size, times=10**6):
        """Promise the whole file, send ``size`` bytes of it and hang up, so many times."""
        self._faults[part].append(("truncate", size, times))

    def delay(self, part, seconds, times=10**6):
        self._faults[part].append(("delay", seconds, times))

    def spoil(self, part, times=10**6):
        """Send other bytes than the file's, of the same length."""
        self._faults[part].append(("spoil", 0, times))

    def _fault(self, path):
        for part, faults in self._faults.items():
            if part in path and faults:
                kind, value, times = faults[0]
                faults[0] = (kind, value, times - 1)
                if times <= 1:
                    faults.pop(0)
                return kind, value
        return None, None

    def _answer(self, handler):
        kind, value = self._fault(unquote(handler.path))
        if kind == "delay":
            time.sleep(value)
        if kind == "status":
            handler.send_response(value)
            handler.send_header("Content-Length", "0")
            handler.send_header("Retry-After", "0")
            handler.end_headers()
            return
        path = handler.translate_path(handler.path)
        if not os.path.isfile(path):
            return SimpleHTTPRequestHandler.do_GET(handler)
        with open(path, "rb") as file:
            data = file.read()
        if kind == "spoil":
            data = bytes(byte ^ 0x55 for byte in data)
        start, end = 0, len(data)
        asked = re.match(r"bytes=(\d*)-(\d*)$", handler.headers.get("Range") or "")
        if asked and asked.group(1):
            start, end = int(asked.group(1)), min(int(asked.group(2) or end) + 1, end)
        elif asked:
            start = max(0, end - int(asked.group(2)))
        if asked and start < end and self.ranges:
            handler.send_response(206)
            handler.send_header("Content-Range", "bytes %d-%d/%d" % (start, end - 1, len(data)))
        else:
            start, end = 0, len(data)
            handler.send_response(200)
        body = data[start:end]
        handler.send_header("Content-Type", handler.guess_type(path))
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if kind == "truncate":
            handler.wfile.write(body[:value])
            handler.wfile.flush()
            handler.close_connection = True
            handler.connection.shutdown(2)
            return None
        handler.wfile.write(body)
