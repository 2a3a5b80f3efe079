"""pip's configuration is read as pip reads it: its own ``pip config list`` is the judge."""

import os
import subprocess
import sys

import pytest
from trees import write

from doctor.facts import PipConfig, Python, Setting, Unknown
from doctor.probes import pipconfig


def python_at(prefix):
    return Python(executable=os.path.join(prefix, "bin", "python"), version="3.10.1", prefix=prefix)


def read(root, environ=None, home="/home/u", prefix="/srv/ml"):
    return pipconfig.probe_pip(python_at(prefix), root, environ or {}, home)


def test_order_of_the_files(tmp_path):
    files = (
        "etc/xdg/pip/pip.conf",
        "etc/pip.conf",
        "home/u/.pip/pip.conf",
        "home/u/.config/pip/pip.conf",
        "srv/ml/pip.conf",
    )
    root = write(
        tmp_path, {path: "[global]\nindex-url = https://%d.example.org/\n" % n for n, path in enumerate(files)}
    )
    found = read(root, {"PIP_INDEX_URL": "https://5.example.org/", "PIP_EMPTY": "", "PIPX_HOME": "x"})
    assert [setting.value[8] for setting in found.settings] == ["0", "1", "2", "3", "4", "5"]
    assert [setting.source for setting in found.settings] == ["/" + path for path in files] + [
        "environment PIP_INDEX_URL"
    ]
    assert found.get("index-url").value == "https://5.example.org/"


def test_a_section_of_install_wins_over_global_and_a_variable_over_both():
    config = PipConfig(
        (
            Setting("install.index-url", "install", "/etc/pip.conf"),
            Setting("index-url", "global", "/home/u/.pip/pip.conf"),
            Setting("download.index-url", "download", "/home/u/.pip/pip.conf"),
        )
    )
    assert config.get("index-url").value == "install"
    assert (
        PipConfig(config.settings + (Setting("index-url", "v", "environment PIP_INDEX_URL"),)).get("index-url").value
        == "v"
    )
    assert config.get("extra-index-url") is None


def test_a_named_file_takes_the_place_of_the_users(tmp_path):
    own = write(tmp_path / "own", {"pip.conf": "[global]\nindex-url=https://own.example.org\n"}) + "/pip.conf"
    where = pipconfig.Where("linux", "/home/u", "/srv/ml", {"PIP_CONFIG_FILE": own})
    assert pipconfig.config_files(where) == ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", "/srv/ml/pip.conf", own]
    missing = pipconfig.Where("linux", "/home/u", "/srv/ml", {"PIP_CONFIG_FILE": "/no/such"})
    assert "/home/u/.config/pip/pip.conf" in pipconfig.config_files(missing)
    assert (
        pipconfig.config_files(pipconfig.Where("linux", "/home/u", "/srv/ml", {"PIP_CONFIG_FILE": "/dev/null"})) == []
    )


def test_files_on_windows():
    where = pipconfig.Where(
        "windows", "C:\\Users\\u", "C:\\ml", {"APPDATA": "C:\\Users\\u\\AppData\\Roaming", "PROGRAMDATA": "D:\\P"}
    )
    assert pipconfig.config_files(where) == [
        "D:\\P\\pip\\pip.ini",
        "C:\\Users\\u\\pip\\pip.ini",
        "C:\\Users\\u\\AppData\\Roaming\\pip\\pip.ini",
        "C:\\ml\\pip.ini",
    ]


CONFIG = """
# a comment
; another
[global]
index_url = https://a.example.org/simple
Timeout: 60
extra-index-url =
    https://b.example.org/simple
    https://c.example.org/simple
  # a comment inside
trusted-host = a.example.org
               b.example.org
[install]
no-cache-dir = yes
find-links=/opt/wheels
[list]
format = columns
"""


def test_forms_of_a_file():
    assert [(setting.name, setting.value) for setting in pipconfig.parse_pip_config(CONFIG.encode(), "f")] == [
        ("index-url", "https://a.example.org/simple"),
        ("timeout", "60"),
        ("extra-index-url", "https://b.example.org/simple\nhttps://c.example.org/simple"),
        ("trusted-host", "a.example.org\nb.example.org"),
        ("install.no-cache-dir", "yes"),
        ("install.find-links", "/opt/wheels"),
        ("list.format", "columns"),
    ]


@pytest.mark.parametrize("data", [b"", b"[global]\n", b"# nothing\n", b"[a]\n[b]\nx =\n"])
def test_a_file_that_says_little(data):
    for setting in pipconfig.parse_pip_config(data, "f"):
        assert setting.name and setting.value == ""


MALFORMED = [
    (b"index-url = https://me:secret@e.example.org/", "line 1: no section"),
    (b"[global]\ntimeout = 3\nsecret", "line 3: neither"),
    (b"[global]\ntimeout = 3\ntimeout = 4", "line 3: a setting"),
    (b"[global]\n\n[global]\n", "line 3: a section"),
    (b"[global\nindex-url", "line 1: no section"),
    (b"\xef\xbb\xbf[global]\nindex-url = x", "line 1: no section"),
    (b"[global]\nuser = \xff\xfe", "byte 16"),
]


@pytest.mark.parametrize("data, problem", MALFORMED)
def test_a_file_at_which_pip_itself_stops(tmp_path, data, problem):
    path = tmp_path / "own.conf"
    path.write_bytes(data)
    environ = {"PIP_CONFIG_FILE": str(path)}
    found = pipconfig.probe_pip(python_at(str(tmp_path)), "/", environ, str(tmp_path))
    assert isinstance(found, Unknown)
    assert found.reason.startswith(str(path) + " is malformed") and problem in found.reason
    assert "secret" not in found.reason
    assert isinstance(pipconfig.raw(python_at(str(tmp_path)), "/", environ, str(tmp_path)), PipConfig)
    ran = subprocess.run([sys.executable, "-m", "pip", "list"], env=dict(os.environ, **environ), stderr=subprocess.PIPE)
    assert ran.returncode != 0
    if b"No module named pip" not in ran.stderr:
        assert b"onfiguration file" in ran.stderr


def test_credentials_are_left_out_of_facts_and_kept_for_asking(tmp_path):
    root = write(
        tmp_path,
        {
            "etc/pip.conf": "[global]\nindex-url = https://me:secret@pkg.example.org/simple\n"
            "extra-index-url = https://a.example.org/\n  https://tok3n@b.example.org/simple\nclient-cert = key.pem\n"
        },
    )
    found = read(root, {"PIP_PROXY": "http://me:secret@proxy.example.org:80"})
    text = repr(found)
    assert "secret" not in text and "tok3n" not in text and "key.pem" not in text
    assert found.get("extra-index-url").value == "https://a.example.org/\nhttps://b.example.org/simple"
    kept = pipconfig.raw(python_at("/srv/ml"), root, {}, "/home/u")
    assert kept.get("index-url").value == "https://me:secret@pkg.example.org/simple"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux: the paths are those of Linux")
def test_pip_itself_reads_the_same(tmp_path):
    """What wins is compared with what pip of this environment says, over all kinds of files at once."""
    home = str(tmp_path / "home")
    write(
        tmp_path,
        {
            "xdg/pip/pip.conf": "[global]\nindex-url = https://xdg.example.org/simple\ntimeout = 1\n",
            "home/.pip/pip.conf": "[global]\nindex-url = https://legacy.example.org/simple\nretries = 2\n",
            "home/.config/pip/pip.conf": CONFIG,
        },
    )
    environ = {
        "HOME": home,
        "XDG_CONFIG_DIRS": str(tmp_path / "xdg"),
        "PIP_RETRIES": "7",
        "PATH": os.environ.get("PATH", ""),
    }
    environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    ran = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        cwd=home,
    )
    if "No module named pip" in ran.stdout:
        pytest.skip("not on an environment without pip")
    said = {}
    for line in ran.stdout.splitlines():
        key, _, value = line.partition("=")
        if "." in key and value:
            said[key.replace("global.", "", 1).replace(":env:.", "env ", 1)] = (
                value.strip("'").replace("\\n", "\n").strip()
            )
    found = {}
    for setting in pipconfig.probe_pip(python_at(sys.prefix), "/", environ, home).settings:
        variable = setting.source.startswith("environment ")
        found[("env " if variable else "") + setting.name] = setting.value
    assert said and found == said
