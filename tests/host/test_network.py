"""What keeps a server from being reached is told apart; every fault is a real one, on this machine."""

import http.server
import socket
import threading
import time

import pytest
import requests
from trees import write

from doctor.facts import Board, Facts, PipConfig, Project, Python, Setting
from doctor.probes import downloads, network, pipconfig
from doctor.probes.network import Target

PAGE = b"<!doctype html><html><body>" + b"".join(
    b'<a href="torchvision-0.%d-py3-none-any.whl">x</a>' % n for n in range(3)
)
LOGIN = b"<html><form action='/login'><input type='password'></form></html>"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_CONNECT(self):
        status = int(self.server.tunnel)
        self.send_response(status, {407: "Proxy Authentication Required", 403: "Forbidden"}[status])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        kind = self.path.split("?")[0].strip("/").split("/")[-1]
        if kind.isdigit():
            self.answer(int(kind), b"no", "text/html")
        elif kind == "cut":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif kind == "elsewhere-gone":
            self.send_response(302)
            self.send_header("Location", "http://login.no-such-host.invalid/portal?token=secret")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif kind == "mute":
            time.sleep(4)
        elif kind == "slow":
            self.answer(200, PAGE, drip=0.2)
        elif kind == "login":
            self.answer(200, LOGIN, "text/html")
        elif kind == "file":
            self.answer(206, b"\0" * 300000, "application/octet-stream")
        elif kind == "json":
            self.answer(200, b'{"files": [], "meta": {}}', "application/vnd.pypi.simple.v1+json")
        elif kind == "elsewhere":
            self.answer(
                200, PAGE.replace(b"torchvision-", b"http://127.0.0.1:%d/torchvision-" % self.server.server_port)
            )
        else:
            self.answer(200, PAGE)

    def answer(self, status, body, kind="text/html", drip=0.0):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for start in range(0, len(body), 16 if drip else len(body)):
            self.wfile.write(body[start : start + (16 if drip else len(body))])
            self.wfile.flush()
            time.sleep(drip)


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.daemon_threads = True
    one.seen, one.tunnel = [], "407"
    one.url = "http://127.0.0.1:%d/" % one.server_port
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield one
    one.shutdown()
    one.server_close()


def ask(url, expect="page", **more):
    (item,) = network.probe_network(Facts(), targets=[Target("torch-wheels", url, expect, **more)]).items
    return item


@pytest.mark.parametrize(
    "path, expect, ok, kind, detail",
    [
        ("simple/torchvision/", "page", True, "", ""),
        ("json", "page", True, "", ""),
        ("file", "file", True, "", ""),
        ("403", "page", False, "forbidden", "403"),
        ("401", "page", False, "forbidden", "401"),
        ("407", "page", False, "proxy-auth", "407"),
        ("451", "page", False, "forbidden", "451"),
        ("511", "page", False, "captive-portal", "511"),
        ("404", "page", False, "http", "404"),
        ("503", "page", False, "http", "503"),
        ("login", "page", False, "captive-portal", ""),
        ("login", "file", False, "captive-portal", ""),
        ("cut", "page", False, "reset", ""),
    ],
)
def test_what_a_server_answers(server, path, expect, ok, kind, detail):
    item = ask(server.url + path, expect)
    assert (item.ok, item.kind) == (ok, kind), item
    assert detail in item.detail


def test_nobody_listens(server):
    with socket.socket() as deaf:  # bound, so that nobody else takes the port, and never listening
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        item = ask("http://127.0.0.1:%d/" % port)
        assert (item.ok, item.kind) == (False, "refused"), item
        through = ask(server.url, proxy="http://me:secret@127.0.0.1:%d" % port)
    assert (through.kind, through.proxy) == ("proxy", "http://127.0.0.1:%d" % port), through
    assert "secret" not in repr(through)


def test_a_number_in_an_address_is_no_status():
    refused = ConnectionRefusedError(111, "Connection refused")
    cannot = requests.exceptions.ProxyError("HTTPConnectionPool(host='127.0.0.1', port=40757): /407/", refused)
    assert network._fault(cannot, "http://127.0.0.1:407")[0] == "proxy"


def test_a_name_that_does_not_exist(server):
    assert ask("http://no-such-host.invalid/simple/").kind == "dns"


def test_a_redirect_to_a_host_that_fails(server):
    """A login page for who asks an index; the place of the files, which alone is blocked, for who asks for one."""
    page, file = ask(server.url + "elsewhere-gone"), ask(server.url + "elsewhere-gone", "file")
    assert (page.kind, page.url) == ("captive-portal", server.url + "elsewhere-gone")
    assert page.detail == "http://login.no-such-host.invalid/portal"
    assert (file.kind, file.url) == ("dns", "http://login.no-such-host.invalid/portal")


@pytest.mark.parametrize("url", ["http://[/simple/", "http:///", "https://host:port/", "nonsense", ""])
def test_an_address_that_is_none(server, url):
    item = ask(url)
    assert not item.ok and item.detail


def test_no_answer_in_time(server, monkeypatch):
    monkeypatch.setattr(network, "READ_S", 0.2)
    assert ask(server.url + "mute").kind == "timeout"


def test_whatever_the_library_does_there_is_an_end(server, monkeypatch):
    monkeypatch.setattr(network, "ALL_S", 0.2)
    began = time.monotonic()
    item = ask(server.url + "mute")
    assert (item.ok, item.kind) == (False, "timeout")
    assert time.monotonic() - began < 3.5


def test_a_certificate_that_is_none(server):
    """A plain server where TLS is expected stands for every certificate and protocol error."""
    assert ask(server.url.replace("http://", "https://")).kind == "tls"


@pytest.mark.parametrize("tunnel, kind", [("407", "proxy-auth"), ("403", "forbidden")])
def test_a_proxy_that_refuses_the_tunnel(server, tunnel, kind):
    server.tunnel = tunnel
    item = ask("https://pkg.example.org/simple/", proxy="http://me:secret@127.0.0.1:%d" % server.server_port)
    assert (item.ok, item.kind) == (False, kind)
    assert item.proxy == "http://127.0.0.1:%d" % server.server_port
    assert "secret" not in repr(item)


def test_a_proxy_of_the_environment_is_named(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://me:secret@127.0.0.1:%d" % server.server_port)
    item = ask("http://pkg.example.org/simple/")
    assert (item.ok, item.proxy) == (True, "http://127.0.0.1:%d" % server.server_port)


def test_speed(server, monkeypatch):
    monkeypatch.setattr(network, "SAMPLE_S", 1.2)
    slow, fast = ask(server.url + "slow"), ask(server.url + "file", "file")
    assert slow.ok and slow.bytes_per_s < 1000
    assert fast.bytes_per_s > 100000
    assert ask(server.url).bytes_per_s is None  # two hundred bytes say nothing


def test_files_that_lie_at_another_server(server):
    url = server.url.replace("127.0.0.1", "localhost") + "elsewhere"
    found = network.probe_network(Facts(), targets=[Target("index", url)])
    assert [item.purpose for item in found.items] == ["index", "index-files"]
    assert found.items[1].url.startswith(server.url)


def test_the_servers_clock(server):
    assert abs(network.probe_network(Facts(), targets=[Target("index", server.url)]).clock_ahead_s) <= 2


# ---------------------------------------------------------------- what is asked for


def facts_with(tmp_path, settings, **more):
    files = {"pip/_internal/models/index.py": 'PyPI = PackageIndex("https://default.example.org/", file_domain="f")\n'}
    site = write(tmp_path / "site-packages", files)
    python = Python(executable="x", version="3.10.1", prefix=str(tmp_path), base_prefix="", site_packages=(site,))
    text = "".join("%s = %s\n" % pair for pair in settings.items())
    write(tmp_path, {"pip.conf": "[global]\n" + text} if settings else {})
    return Facts(dict({Python: python}, **{}))


@pytest.fixture
def no_pip_settings(monkeypatch, tmp_path):
    """Only the configuration of the target counts here, not that of the developer."""
    real = pipconfig.config_files
    monkeypatch.setattr(
        pipconfig, "config_files", lambda where: [path for path in real(where) if path.startswith(str(tmp_path))]
    )
    monkeypatch.setattr(pipconfig, "parse_pip_environ", lambda environ: [])


@pytest.mark.parametrize(
    "settings, url",
    [
        ({}, "https://default.example.org/simple/torchvision/"),
        (
            {"index-url": "https://me:secret@pkg.example.org/simple/"},
            "https://me:secret@pkg.example.org/simple/torchvision/",
        ),
        ({"no-index": "true"}, None),
        ({"index-url": "file:///opt/simple"}, None),
    ],
)
def test_the_index_is_the_one_that_pip_asks(tmp_path, no_pip_settings, settings, url):
    asked = {target.purpose: target.url for target in network._targets(facts_with(tmp_path, settings), None)}
    assert asked.get("index") == url
    assert {"torch-wheels", "github-assets"} <= set(asked) and "piwheels" not in asked


def test_pips_own_proxy_certificates_and_trust(tmp_path, no_pip_settings):
    cert = str(tmp_path / "ca.pem")
    write(tmp_path, {"ca.pem": ""})
    given = {"index-url": "https://pkg.example.org/simple", "proxy": "http://p.example.org:1", "cert": cert}
    (index, wheels, _) = network._targets(facts_with(tmp_path, given), None)
    assert (index.proxy, index.verify, wheels.proxy, wheels.verify) == ("http://p.example.org:1", cert, None, True)
    (tmp_path / "pip.conf").unlink()
    (index, _, _) = network._targets(
        facts_with(tmp_path, dict(given, **{"trusted-host": "a.example.org pkg.example.org"})), None
    )
    assert index.verify is False


def test_piwheels_on_a_pi_and_mirrors(tmp_path, no_pip_settings):
    facts = facts_with(tmp_path, {}).replace(Board("Raspberry Pi 4 Model B Rev 1.4"))
    assert "piwheels" in [target.purpose for target in network._targets(facts, None)]
    by_name = {target.purpose: target.url for target in network._targets(facts, "nju")}
    assert by_name["index"].startswith("https://mirror.nju.edu.cn/") and "nju" in by_name["torch-wheels"]
    tuna = {target.purpose: target.url for target in network._targets(facts, "tuna")}
    assert "tuna" in tuna["index"] and "download.pytorch.org" in tuna["torch-wheels"]  # it has no torch wheels
    by_url = {target.purpose: target.url for target in network._targets(facts, "https://m.example.org/whl")}
    assert by_url["torch-wheels"] == "https://m.example.org/whl/"


# ---------------------------------------------------------------- what a repository fetches by itself

GENERAL = """
FONT = 'Arial.ttf'  # from somewhere
def user_config_dir(dir='Ultralytics', env_var='YOLOV5_CONFIG_DIR'):
    pass
CONFIG_DIR = user_config_dir()
def check_font(font=FONT, progress=False):
    font = Path(font)
    file = CONFIG_DIR / font.name
    if not font.exists() and not file.exists():
        url = f"https://assets.example.org/fonts/{font.name}"
        torch.hub.download_url_to_file(url, str(file), progress=progress)
"""
DOWNLOADS = """
def attempt_download(file, repo="someone/yolov5", release="v7.0"):
    assets = [f"yolov5{size}{suffix}.pt" for size in "nsmlx" for suffix in ("", "6")]
"""
TRAIN = """
parser.add_argument("--weights", type=str, default=ROOT / "yolov5s.pt", help="initial weights path")
parser.add_argument('--cfg', type=str, default='', help='model.yaml')
"""


def test_a_repository_in_the_manner_of_yolov5(tmp_path):
    files = {"utils/general.py": GENERAL, "utils/downloads.py": DOWNLOADS, "train.py": TRAIN, "utils/train.py": TRAIN}
    root = write(tmp_path / "yolov5", files)
    home = str(tmp_path / "home")
    font, weights = downloads.find_downloads(root, (), {}, home)
    assert (font.name, font.url) == ("Arial.ttf", "https://assets.example.org/fonts/Arial.ttf")
    assert font.put_at.startswith(home) and font.put_at.endswith("Arial.ttf") and not font.present
    assert weights.url == "https://github.com/someone/yolov5/releases/download/v7.0/yolov5s.pt"
    assert weights.put_at == str(tmp_path / "yolov5" / "yolov5s.pt")
    write(tmp_path / "yolov5", {"yolov5s.pt": "", "Arial.ttf": ""})
    assert all(item.present for item in downloads.find_downloads(root, (), {}, home))
    moved = downloads.find_downloads(root, (), {"YOLOV5_CONFIG_DIR": str(tmp_path / "c")}, home)
    assert moved[0].put_at == str(tmp_path / "c" / "Arial.ttf")


def test_only_what_the_release_holds_is_fetched(tmp_path):
    body = "def attempt_download(file, repo='a/yolov7'):\n    assets = ['yolov7.pt', 'yolov7-tiny.pt']\n"
    body += "\ndef other():\n    'b.pt'\n"
    script = "".join(
        "p.add_argument('--weights', default='%s')\n" % name for name in ("yolov7-tiny.pt", "yolo7.pt", "b.pt")
    )
    root = write(tmp_path, {"utils/google_utils.py": body, "train.py": script})
    assert [item.name for item in downloads.find_downloads(root, (), {}, str(tmp_path))] == ["yolov7-tiny.pt"]


def test_older_ways_to_say_it(tmp_path):
    root = write(
        tmp_path,
        {
            "utils/plots.py": "def check_font(font='Arial.ttf'):\n    url = \"https://a.example.org/\" + font.name\n",
            "utils/google_utils.py": "def attempt_download(file, repo='WongKinYiu/yolov7'):\n    pass\n",
            "detect.py": "parser.add_argument('--weights', nargs='+', type=str, default='yolov7.pt', help='x')\n",
            "test.py": "parser.add_argument('--weights', nargs='+', default=['./weights/lite-e.pt'])\n",
        },
    )
    found = {item.name: item for item in downloads.find_downloads(root, (), {}, str(tmp_path / "h"))}
    assert found["Arial.ttf"].url == "https://a.example.org/Arial.ttf"
    assert found["yolov7.pt"].url == "https://github.com/WongKinYiu/yolov7/releases/latest/download/yolov7.pt"
    assert found["lite-e.pt"].put_at == str(tmp_path / "weights" / "lite-e.pt")


def test_ultralytics_says_its_own_release(tmp_path):
    root = write(tmp_path / "p", {"main.py": "from ultralytics import YOLO\nmodel = YOLO('yolov8n.pt')\nYOLO(path)\n"})
    package = (
        "def attempt_download_asset(file: str, repo: str = 'ultralytics/assets', release: str = 'v8.3.0', **kw):\n"
    )
    site = write(tmp_path / "site", {"ultralytics/utils/downloads.py": package})
    (item,) = downloads.find_downloads(root, [site], {}, str(tmp_path))
    assert item.url == "https://github.com/ultralytics/assets/releases/download/v8.3.0/yolov8n.pt"


def test_checkpoints_of_torch_hub(tmp_path):
    text = "state = load_state_dict_from_url('https://w.example.org/m/resnet-ab12.pth?x=1', progress=True)\n"
    root = write(tmp_path / "p", {"models/net.py": text})
    (item,) = downloads.find_downloads(root, (), {"TORCH_HOME": str(tmp_path / "t")}, str(tmp_path))
    assert item.put_at == str(tmp_path / "t" / "hub" / "checkpoints" / "resnet-ab12.pth")


def test_a_repository_that_fetches_nothing(tmp_path):
    root = write(tmp_path, {"train.py": TRAIN, "utils/x.py": b"\xff\xfe\x00garbage", "README.md": GENERAL})
    assert downloads.find_downloads(root, (), {}, str(tmp_path)) == []
    assert downloads.find_downloads(str(tmp_path / "none"), (), {}, str(tmp_path)) == []


def test_what_is_fetched_is_part_of_the_network_facts(tmp_path, server):
    root = write(tmp_path, {"utils/general.py": GENERAL})
    facts = Facts({Project: Project(root=root)})
    found = network.probe_network(facts, targets=[Target("index", server.url)])
    assert [item.name for item in found.downloads] == ["Arial.ttf"]


def test_trusted_hosts_are_not_checked(server):
    config = PipConfig((Setting("trusted-host", "127.0.0.1", "/etc/pip.conf"),))
    assert network._by_pip(Target("index", server.url), config).verify is False
