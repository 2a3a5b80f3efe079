"""Online confirmation and mirrors: what an index says, and every way in which it can fail to say it."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from doctor.model import DoctorError, Wheel
from doctor.wheels import index, mirrors
from doctor.wheels.choose import choose
from doctor.wheels.command import commands, requirements_file, run, through
from doctor.wheels.matrix import load
from doctor.wheels.target import Target

MATRIX = load()
NAME = "torchvision-0.28.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
DIGEST = hashlib.sha256(b"wheel").hexdigest()
HTML = (
    '<!DOCTYPE html><html><body><h1>Links</h1>\n<a href="/whl/cpu/torchvision-0.28.0%%2Bcpu-cp311-cp311-'
    'manylinux_2_28_x86_64.whl#sha256=%s" data-dist-info-metadata="sha256=1" '
    'data-requires-python="&gt;=3.10">x</a><br/>\n'
    "</body></html>\n<!--TIMESTAMP 1-->" % DIGEST
)


def as_json(**more):
    file = {"filename": NAME, "url": "../" + NAME, "hashes": {"sha256": DIGEST}, "core-metadata": True}
    return json.dumps({"meta": {"api-version": "1.0"}, "name": "torchvision", "files": [dict(file, **more)]})


class Server:
    """A loopback index that answers as a test wants."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append(self.path)
                status, kind, body, length = outer.answers.get(self.path, (404, "text/html", b"no", None))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                self.send_header("Connection", "close")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)
                self.close_connection = True

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/whl" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def says(self, path, body, status=200, kind="text/html", length=None):
        self.answers[path] = (status, kind, body.encode("utf-8") if isinstance(body, str) else body, length)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = Server()
    yield made
    made.close()


def wheel(sha256=None):
    url = "https://download.pytorch.org/whl/cpu/" + NAME.replace("+", "%2B")
    return Wheel("torchvision", "0.28.0+cpu", NAME, url, sha256, "download.pytorch.org")


def ask(server, sha256=None):
    mirror = mirrors.find(MATRIX, server.url)
    found, said, answers = index.confirm(MATRIX, [wheel(sha256)], mirror)
    return found[0], [item.render("en") for item in said], answers["torchvision"]


PAGE = "/whl/cpu/torchvision/"


@pytest.mark.parametrize(
    "body, kind", [(HTML, "text/html"), (as_json(), "application/vnd.pypi.simple.v1+json"), (as_json(), "text/html")]
)
def test_a_page_in_either_form_confirms_the_file(server, body, kind):
    server.says(PAGE, body, kind=kind)
    found, said, answer = ask(server)
    assert (answer.status, found.sha256, said) == (index.EXISTS, DIGEST, [])
    assert answer.listed.metadata and found.url.startswith("http://127.0.0.1")
    assert len(server.asked) == 1


def test_another_sha256_than_the_matrix_has_is_said(server):
    server.says(PAGE, HTML)
    found, said, _ = ask(server, "0" * 64)
    assert found.sha256 == DIGEST and DIGEST in said[0] and "0" * 64 in said[0]


@pytest.mark.parametrize("status", [403, 404])
def test_403_and_404_mean_no_such_file(server, status):
    server.says(PAGE, "no", status)
    server.says("/cpu/torchvision/", "no", status)
    found, said, answer = ask(server)
    assert answer.status == index.MISSING and NAME in said[0] and found == wheel()


def test_a_page_without_the_file(server):
    server.says(PAGE, HTML.replace("0.28.0", "0.27.0"))
    assert ask(server)[2].kind == "not-listed" or ask(server)[2].status == index.MISSING


LOGIN = "<html><head><title>Welcome</title></head><body><form action=/login><input name=room></form></body></html>"


@pytest.mark.parametrize(
    "kind, answer",
    [
        ("server-error", ("no", 503, "text/html", None)),
        ("captive-portal", (LOGIN, 200, "text/html", None)),
        ("captive-portal", ("{}", 200, "application/json", None)),
        ("captive-portal", ("login", 511, "text/html", None)),
        ("truncated", (HTML[: HTML.index("</body>") - 20], 200, "text/html", None)),
        ("truncated", (HTML, 200, "text/html", 99999)),
        ("truncated", (as_json()[:-5], 200, "application/json", None)),
        ("refused", ("?", 418, "text/html", None)),
    ],
)
def test_every_other_trouble_is_told_apart_and_the_matrix_stands(server, kind, answer):
    for page in (PAGE, "/cpu/torchvision/"):
        server.says(page, *answer[:1], **dict(zip(("status", "kind", "length"), answer[1:])))
    found, said, told = ask(server, "0" * 64)
    assert (told.status, told.kind) == (index.UNREACHABLE, kind), told
    assert found == wheel("0" * 64) and kind in said[0]


def test_a_slow_index_is_given_up(server, monkeypatch):
    monkeypatch.setattr(index, "READ_S", 0.2)
    release = threading.Event()
    handler = server.server.RequestHandlerClass
    monkeypatch.setattr(handler, "do_GET", lambda self: release.wait(5))
    try:
        assert ask(server)[2].kind == "slow"
    finally:
        release.set()


def test_nobody_there():
    mirror = mirrors.find(MATRIX, "http://127.0.0.1:9/whl")
    _, said, answers = index.confirm(MATRIX, [wheel()], mirror)
    assert answers["torchvision"].kind == "connect"
    assert said[0].params["where"] == "127.0.0.1" and said[0].params["detail"] == "Connection refused"


def test_a_redirect_to_plain_http_elsewhere_is_not_followed_to_its_end():
    assert (
        not index.safe("http://example.org/whl/")
        and index.safe("https://example.org/")
        and index.safe("http://localhost:1/")
    )
    assert not index.safe("file:///etc/passwd") and not index.safe("ftp://127.0.0.1/")


def test_a_missing_file_makes_the_set_not_fit(server):
    target = Target.described("linux_x86_64", MATRIX, "3.11", no_gpu=True)
    choice = choose(MATRIX, ["torch==2.13.0"], target)
    confirmed = index.confirmed(MATRIX, choice, mirrors.find(MATRIX, server.url))
    assert choice.fits and not confirmed.fits and confirmed.exit == 1
    assert all(item.url is None for item in confirmed.wheels if item.name == "numpy")


def test_metadata_can_be_read_without_the_file(server):
    server.says(PAGE, HTML)
    _, _, answer = ask(server)
    server.says(
        "/whl/cpu/torchvision-0.28.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl.metadata",
        "Metadata-Version: 2.1\nName: torchvision\nRequires-Dist: numpy\nRequires-Dist: torch==2.13.0\n\nText: no\n",
    )
    metadata = index.metadata_of(answer.listed)
    assert metadata["requires-dist"] == ["numpy", "torch==2.13.0"] and "text" not in metadata


def test_a_page_with_a_base_and_yanked_files():
    page = (
        '<html><head><base href="https://files.example.org/a/"></head><body>'
        '<a href="b-1.0-py3-none-any.whl" data-yanked="broken">b</a></body></html>'
    )
    (listed,) = index.parse_page(page, "text/html", "https://index.example.org/simple/b/")
    assert (
        listed.url == "https://files.example.org/a/b-1.0-py3-none-any.whl" and listed.yanked and listed.sha256 is None
    )


# ---------------------------------------------------------------- mirrors


@pytest.mark.parametrize(
    "name, root",
    [
        ("sjtu", "https://mirror.sjtu.edu.cn/pytorch-wheels"),
        ("SJTUG", "https://mirror.sjtu.edu.cn/pytorch-wheels"),
        ("aliyun", "https://mirrors.aliyun.com/pytorch-wheels"),
        ("nju", "https://mirror.nju.edu.cn/pytorch/whl"),
        ("tuna", None),
        ("ustc", None),
        ("https://wheels.example.org/pytorch/", "https://wheels.example.org/pytorch"),
        ("http://127.0.0.1:8000/whl", "http://127.0.0.1:8000/whl"),
        ("http://localhost/whl/", "http://localhost/whl"),
    ],
)
def test_a_mirror_by_name_or_address(name, root):
    assert mirrors.find(MATRIX, name).wheels == root


@pytest.mark.parametrize(
    "name",
    [
        "tunaa",
        "upstream",
        "http://example.org/whl",
        "ftp://example.org",
        "file:///tmp",
        "https://",
        "http://127.0.0.1.example.org/",
    ],
)
def test_what_is_no_mirror_is_exit_2(name):
    with pytest.raises(DoctorError) as error:
        mirrors.find(MATRIX, name)
    assert error.value.exit == 2
    assert error.value.message.render("zh", error.value.params)


def test_a_password_in_a_bad_address_is_not_repeated():
    with pytest.raises(DoctorError) as error:
        mirrors.find(MATRIX, "http://me:secret@example.org/whl")
    assert "secret" not in str(error.value.params) + str(error.value)


def test_addresses_are_rewritten_and_what_is_not_carried_is_said():
    target = Target.described("linux_x86_64", MATRIX, "3.11", no_gpu=True)
    choice = choose(MATRIX, ["torch==2.13.0"], target)
    moved = through(MATRIX, choice, mirrors.find(MATRIX, "nju"))
    place = "cpu/torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    assert moved.wheel("torch").url == "https://mirror.nju.edu.cn/pytorch/whl/" + place
    tuna = through(MATRIX, choice, mirrors.find(MATRIX, "tuna"))
    assert tuna.wheel("torch") == choice.wheel("torch")
    text = " ".join(said.render("en") for said in tuna.warnings)
    assert "does not carry" in text and "pypi.tuna.tsinghua.edu.cn" in text
    rocm = Target.described("linux_x86_64", MATRIX, "3.12")
    ordered = through(MATRIX, choose(MATRIX, ["torch==2.9.1+rocm6.4"], rocm), mirrors.find(MATRIX, "aliyun"))
    assert any("cuXXX" in said.render("en") for said in ordered.warnings)


def test_both_hosts_of_pytorch_are_one_and_others_are_not_mirrored():
    mirror = mirrors.find(MATRIX, "https://wheels.example.org/pt")
    url = "https://download-r2.pytorch.org/whl/cu128/torch-2.11.0%2Bcu128-cp310-cp310-manylinux_2_28_x86_64.whl"
    tried = mirrors.addresses(MATRIX, url, mirror)
    assert tried[0] == "https://wheels.example.org/pt/cu128/" + url.rsplit("/", 1)[1] and "/pt/whl/cu128/" in tried[1]
    github = "https://github.com/PINTO0309/x/releases/download/v1/x-1-cp37-none-linux_armv7l.whl"
    assert mirrors.addresses(MATRIX, github, mirror) == [github]


# ---------------------------------------------------------------- the command's other answers


def test_requirements_with_hashes_when_every_hash_is_known(tmp_path):
    choice = run(["torch==2.9.1+cpu"], platform="linux_x86_64", python_version="3.11", no_gpu=True, matrix=MATRIX)
    text = requirements_file(choice)
    known = choice.wheel("torch").sha256
    assert known and "torch @ https://download.pytorch.org/whl/cpu/torch-2.9.1%2Bcpu" in text
    assert "#sha256=" + known in text and "--hash" not in text  # numpy's is not known
    only = type(choice)(**dict(vars(choice), wheels=choice.wheels[:1]))
    assert " --hash=sha256:" + known in requirements_file(only)


def test_the_ready_command():
    choice = run(["torch==2.13.0"], platform="linux_x86_64", python_version="3.11", no_gpu=True, matrix=MATRIX)
    (command,) = commands(choice)
    assert command[:4] == ("python", "-m", "pip", "install") and command[-1] == "numpy==2.4.6"
    pi = run(["onnxruntime==1.9.1"], platform="linux_armv7l", python_version="3.7", glibc="2.28", matrix=MATRIX)
    fetch, install = commands(pi)[0], commands(pi)[-1]
    assert fetch[3] == "onnxruntime-1.9.1-cp37-none-linux_armv7l.whl" and "_np1195" in fetch[4]
    assert "./onnxruntime-1.9.1-cp37-none-linux_armv7l.whl" in install


def test_an_old_matrix_says_so():
    old = type(MATRIX)(dict(MATRIX.data, date="2020-01-01"))
    words = {"platform": "win_amd64", "python_version": "3.11", "no_gpu": True}
    assert any("2020-01-01" in said.render("en") for said in run(["torch"], matrix=old, **words).warnings)


def test_online_and_offline_contradict_each_other():
    with pytest.raises(DoctorError) as error:
        run(["torch"], platform="win_amd64", python_version="3.11", online=True, offline=True, matrix=MATRIX)
    assert error.value.exit == 2
