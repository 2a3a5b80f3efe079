# ruff: noqa: F811 (a fixture has the name of the argument that asks for it)
"""Getting wheels: resumed, checked, refused; and what is said when an index lies by silence."""

import hashlib
import os
import shutil
import socket
import sys

import pytest
import toy
from fixtures import env, index, own_folders, server, template  # noqa: F401 (pytest finds them by name)
from lab.index import Index

from doctor import fix
from doctor.fix import download, installer, shelf, transaction
from doctor.fix.index import Settings, parse_settings, without_secrets
from doctor.model import DoctorError, Plan

TAG = "py3-none-any"
NAME = "toyvision-2.0+cpu-%s.whl" % TAG


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server that stands for download.pytorch.org/whl and has toyvision 2.0+cpu."""
    made = Index(tmp_path / "mirror")
    path = made.add("toyvision", "2.0+cpu", TAG, below="whl/cpu", files={"toyvision/__init__.py": os.urandom(1000000)})
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    with made.serve() as running:
        with open(path, "rb") as file:
            running.sha256 = hashlib.sha256(file.read()).hexdigest()
        yield running


def apply(env, mirror, sha256=None, name=NAME, url=None, whl="/whl", **options):
    url = url or "https://download.pytorch.org/whl/cpu/" + name.replace("+", "%2B")
    plan = Plan((toy.step(1, [toy.wheel("toyvision", "2.0+cpu", url, sha256, name)]),))
    options = fix.Options(apply=True, mirror=mirror.url + whl if mirror else None, **options)
    check = lambda: (toy.facts_of(env), [])  # noqa: E731
    return toy.apply(env, plan, options, check_again=check)


def wheel_requests(mirror):
    """Return the requests for wheels, without those that only look into one from afar."""
    requests = [(path, given) for path, given in mirror.requests if path.endswith(".whl")]
    return [(path, given) for path, given in requests if given is None or given.endswith("-")]


@pytest.fixture
def no_foresight(monkeypatch):
    """Nothing is looked at beforehand, so that a fault meets the download itself."""
    monkeypatch.setattr(transaction, "foresee", lambda plan, *_: (plan, []))


def untouched(env, before):
    return toy.difference(before, toy.manifest(env)) == {} and not os.path.exists(os.path.join(env, ".doctor"))


def test_a_mirror_stands_for_download_pytorch_org(env, mirror):
    result = apply(env, mirror, mirror.sha256)
    assert (result.result, result.exit) == ("applied", 0), result.to_json()
    assert result.plan.steps[0].wheels[0].sha256 == mirror.sha256
    assert wheel_requests(mirror) == [("/whl/cpu/" + NAME.replace("+", "%2B"), None)]


def test_a_mirror_may_be_named_without_its_whl(env, mirror):
    assert apply(env, mirror, mirror.sha256, whl="").exit == 0


def test_what_is_kept_from_a_mirror_serves_only_that_mirror(env, mirror, monkeypatch):
    assert apply(env, mirror).exit == 0
    fix.undo(env)
    assert apply(env, mirror, offline=True).exit == 0
    assert len(wheel_requests(mirror)) == 1
    fix.undo(env)
    before = toy.manifest(env)
    result = apply(env, None, offline=True)
    assert (result.result, result.exit) == ("refused", 3)
    assert toy.difference(before, toy.manifest(env)) == {}


def test_503_twice_then_fine(env, mirror, no_foresight):
    mirror.fail(".whl", times=2)
    assert apply(env, mirror, mirror.sha256).exit == 0
    assert len(wheel_requests(mirror)) == 3


def test_a_download_cut_off_is_resumed(env, mirror, no_foresight):
    mirror.truncate(".whl", 100000, times=2)
    assert apply(env, mirror, mirror.sha256).exit == 0
    ranges = [given for _, given in wheel_requests(mirror)]
    assert ranges == [None, "bytes=65536-", "bytes=131072-"]  # whole pieces of 64 KiB are kept


def test_a_download_that_is_always_cut_off_is_resumed_by_the_next_run(env, mirror, no_foresight):
    before = toy.manifest(env)
    mirror.truncate(".whl", 70000, times=6)
    result = apply(env, mirror, mirror.sha256)
    assert (result.result, result.exit) == ("refused", 3)
    assert untouched(env, before)
    assert apply(env, mirror, mirror.sha256).exit == 0
    assert wheel_requests(mirror)[-1][1] == "bytes=%d-" % (6 * 65536)


def test_a_half_of_another_file_is_not_trusted(env, mirror):
    url = mirror.url + "/whl/cpu/" + NAME.replace("+", "%2B")
    partial = shelf.kept_file(url, NAME) + ".part"
    os.makedirs(os.path.dirname(partial))
    with open(partial, "wb") as file:
        file.write(b"another file" * 1000)
    for digest in (mirror.sha256, None):
        assert apply(env, mirror, digest).exit == 0
        fix.undo(env)


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_file_is_refused(env, mirror, known):
    before = toy.manifest(env)
    mirror.spoil(".whl")
    result = apply(env, mirror, mirror.sha256 if known else None)
    assert (result.result, result.exit) == ("refused", 3)
    assert untouched(env, before)


def test_a_wrong_sha256_is_refused(env, mirror):
    before = toy.manifest(env)
    result = apply(env, mirror, "0" * 64)
    assert (result.result, result.exit) == ("refused", 3)
    assert untouched(env, before)


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_server_that_says_no(env, mirror, status):
    before = toy.manifest(env)
    mirror.fail("cpu", status=status)
    result = apply(env, mirror)
    assert (result.result, result.exit) == ("refused", 3)
    assert result.hint.render("en", result.params) and result.hint.render("zh", result.params)
    assert NAME in result.params["name"] and untouched(env, before)


def test_a_server_that_is_not_there(env):
    before = toy.manifest(env)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    class Gone:
        url = "http://127.0.0.1:%d" % port

    result = apply(env, Gone)
    assert (result.result, result.exit) == ("refused", 3)
    assert result.params["url"].startswith(Gone.url) and untouched(env, before)


def test_a_file_from_another_machine_is_taken_from_its_folder(env, mirror):
    result = apply(env, None, offline=True)
    place = os.path.join(result.params["folder"], result.params["name"])
    os.makedirs(os.path.dirname(place), exist_ok=True)
    shutil.copy(os.path.join(os.environ["XDG_CACHE_HOME"], "..", "mirror", "whl", "cpu", NAME), place)
    assert apply(env, None, offline=True).exit == 0
    assert mirror.requests == []


def test_another_file_under_the_right_name_is_not_taken(env, index):
    place = os.path.join(shelf.drop_in_folder(), NAME)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    shutil.copy(os.path.join(index.folder, "simple", "toykeep-1.0-py3-none-any.whl"), place)
    assert apply(env, None, offline=True).result == "refused"


def test_a_renamed_asset_is_saved_under_its_right_name(env, mirror, tmp_path):
    folder = tmp_path / "mirror" / "whl" / "cpu"
    os.rename(str(folder / NAME), str(folder / (NAME + "_np1195")))
    url = "https://download.pytorch.org/whl/cpu/" + NAME.replace("+", "%2B") + "_np1195"
    assert apply(env, mirror, url=url).exit == 0


def test_a_mirror_may_name_the_file_by_another_tag(env, tmp_path):
    made = Index(tmp_path / "other")
    made.add("toyvision", "2.0+cpu", "py3-none-manylinux_2_17_x86_64", below="whl/cpu")
    made.add("toyvision", "2.0+cpu", "py3-none-win_amd64", below="whl/cpu")
    with made.serve() as running:
        result = apply(env, running, name="toyvision-2.0+cpu-py3-none-manylinux_2_28_x86_64.whl")
    assert result.exit == (0 if sys.platform.startswith("linux") else 3)
    assert result.plan.steps[0].wheels[0].filename == "toyvision-2.0+cpu-py3-none-manylinux_2_17_x86_64.whl"


@pytest.mark.parametrize(
    "url",
    [
        "http://download.pytorch.org/whl/cpu/x-1-py3-none-any.whl",
        "https://evil.example.org/whl/cpu/x-1-py3-none-any.whl",
        "https://download.pytorch.org.example.org/x-1-py3-none-any.whl",
        "file:///etc/passwd",
        "http://127.0.0.1:1/x-1-py3-none-any.whl",
    ],
)
def test_only_named_hosts_over_https(env, url):
    before = toy.manifest(env)
    result = apply(env, None, url=url)
    assert (result.result, result.exit) == ("refused", 3)
    assert untouched(env, before)


def test_plain_http_on_a_mirror_that_is_not_loopback_is_refused(env):
    class Plain:
        url = "http://mirror.example.org/pytorch"

    with pytest.raises(DoctorError) as caught:
        apply(env, Plain)
    assert caught.value.exit == 2


def test_an_unknown_mirror_is_wrong_usage(env):
    class Unknown:
        url = "nowhere"

    with pytest.raises(DoctorError) as caught:
        apply(env, Unknown, whl="")
    assert caught.value.exit == 2


# ---------------------------------------------------------------- the package index


def refused_by_index(env, plan=None):
    before = toy.manifest(env)
    result = toy.apply(env, plan)
    assert (result.result, result.exit) == ("refused", 3)
    assert untouched(env, before)
    return result


def test_an_index_that_answers_503_is_not_an_index_without_the_file(env, tmp_path, monkeypatch):
    made = toy.make_index(tmp_path / "again")
    with made.serve() as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.url.replace("//", "//user:secret@") + "/simple")
        running.fail("/simple/toyvision")
        result = refused_by_index(env)
        assert "503" in result.params["detail"]
        assert "secret" not in str(result.params) + result.message.render("en", result.params)
        running.fail("nothing")
    assert result.message.en == download.INDEX_AWAY.en


@pytest.mark.parametrize(
    "name, version, tag, text",
    [
        ("toynone", "1.0", None, download.NO_PROJECT),
        ("toyvision", "9.0", None, download.NO_VERSION),
        ("toyother", "1.0", "cp27-cp27m-win32", download.NO_TAG),
    ],
)
def test_what_the_index_really_lacks(env, index, name, version, tag, text):
    if tag:
        index.add(name, version, tag)
    result = refused_by_index(env, Plan((toy.step(1, [toy.wheel(name, version)]),)))
    assert result.message == text
    if text is download.NO_VERSION:
        assert "2.0" in result.params["versions"]


def test_503_then_fine_on_the_index(env, tmp_path, monkeypatch):
    made = toy.make_index(tmp_path / "again")
    monkeypatch.setenv("PIP_RETRIES", "4")
    with made.serve() as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        running.fail("/simple/toyvision", times=1)
        assert toy.apply(env).exit == 0


def test_a_file_of_the_index_that_broke_off_is_fetched_again(env, tmp_path, monkeypatch):
    made = toy.make_index(tmp_path / "again")
    monkeypatch.setattr(transaction, "foresee", lambda plan, *_: (plan, []))  # its look at the file would be cut, too
    with made.serve() as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        running.truncate("toyvision-2.0", 100, times=2)
        assert toy.apply(env).exit == 0
        assert len([path for path, _ in running.requests if "toyvision-2.0" in path]) == 3


def test_a_truncated_file_of_the_index(env, tmp_path, monkeypatch):
    made = toy.make_index(tmp_path / "again")
    with made.serve() as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        running.truncate("toyvision-2.0", 100)
        refused_by_index(env)


def test_a_file_of_the_index_with_another_sha256(env, tmp_path, monkeypatch):
    made = toy.make_index(tmp_path / "again")
    with made.serve() as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        running.spoil("toyvision-2.0")
        assert refused_by_index(env).message == download.WRONG_HASH


def test_offline_takes_what_lies_in_the_folder(env, index):
    plan = Plan((toy.step(1, [toy.wheel("toynew", "1.0")], fixes=["x"]),))
    options = fix.Options(apply=True, offline=True)
    result = toy.apply(env, plan, options)
    assert result.result == "refused"
    os.makedirs(result.params["folder"], exist_ok=True)
    name = "toynew-1.0-py3-none-any.whl"
    shutil.copy(os.path.join(index.folder, "simple", name), os.path.join(result.params["folder"], name))
    check = lambda: (toy.facts_of(env), [])  # noqa: E731
    assert toy.apply(env, plan, options, check_again=check).exit == 0


def test_a_range_takes_the_newest_inside(env):
    plan = Plan((toy.step(1, [toy.wheel("toydep", ">=1.0")], fixes=["x"]),))
    result = toy.apply(env, plan, check_again=lambda: (toy.facts_of(env), []))
    assert result.exit == 0
    assert result.plan.steps[0].wheels[0].version == "2.0"


def test_settings_of_pip_install_are_heard_by_the_download(monkeypatch):
    said = (
        "install.index-url='https://u:p@mirror.example.org/simple'\nglobal.timeout='60'\n:env:.proxy='http://proxy:1'\n"
    )
    found = Settings(parse_settings(said))
    assert found.as_environment() == {"PIP_INDEX_URL": "https://u:p@mirror.example.org/simple"}
    assert found.session().proxies == {"http": "http://proxy:1", "https": "http://proxy:1"}
    assert found.get("timeout") == "60"


def test_addresses_are_shown_without_secrets():
    shown = without_secrets("https://user:pa%40ss@[::1]:8080/simple/?token=x#y")
    assert shown == "https://[::1]:8080/simple/"


def test_users_settings_do_not_reach_the_installation(env, monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PIP_USER", "1")
    found = installer.no_settings(str(tmp_path))
    assert not [name for name in found if name.startswith("PIP_") and name not in ("PIP_CONFIG_FILE", "PIP_NO_INPUT")]
