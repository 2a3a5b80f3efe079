# ruff: noqa: F811 (a fixture has the name of the argument that asks for it)
"""What a dry run knows: dependencies and sizes, from pages and from wheels that are looked into where they lie."""

import io
import json
import os
import shutil
import socket
import subprocess
import time
import zipfile

import pytest
import toy
from fixtures import env, index, own_folders, server, template  # noqa: F401 (pytest finds them by name)
from lab.index import Index, make_wheel

from doctor import fix
from doctor.facts import Distribution, Distributions, Facts, Python
from doctor.fix import afar, download, foresee, requires, resolve, shelf
from doctor.fix import index as indexes
from doctor.fix.index import Pages, Settings, readable_tags, version_of
from doctor.fix.installer import Installer
from doctor.fix.record import Contents
from doctor.model import Plan
from doctor.probes.run import run
from doctor.wheels.index import Listed, PageError
from doctor.wheels.matrix import load
from doctor.wheels.versions import key

TAGS = ["cp311-cp311-manylinux_2_28_x86_64", "cp311-abi3-manylinux_2_17_x86_64", "py3-none-any"]


def preview(env, plan=None, **options):
    """Return the plan of a dry run, and what it says."""
    return fix.preview(plan or toy.full_plan(), toy.facts_of(env), fix.Options(**options), load())[:2]


def rows(plan):
    return [(wheel.name, wheel.version, wheel.filename, wheel.sha256) for step in plan.steps for wheel in step.wheels]


def said(texts):
    return [text for text, _ in texts]


def test_the_dry_run_names_what_apply_installs(env):
    before = toy.manifest(env)
    plan, texts = preview(env)
    assert texts == [] and toy.difference(before, toy.manifest(env)) == {}
    assert [(name, version) for name, version, _, _ in rows(plan)] == [
        ("toyheadless", "1.0"),
        ("toyvision", "2.0"),
        ("toydep", "2.0"),
        ("toynew", "1.0"),
    ]
    assert plan.steps[0].touches == ("toyboth", "toyheadless") and plan.steps[2].touches[0] == "toyvision"
    done = toy.apply(env)
    assert done.exit == 0 and rows(done.plan) == rows(plan)


def test_pip_would_take_the_same(env, tmp_path):
    """The target's pip, where its dry run can report, names the same distributions in the same versions."""
    pip = toy.facts_of(env).need(Python).pip
    if key(pip) < key("22.2"):
        pytest.skip("only on a pip that has --report")
    report = str(tmp_path / "report.json")
    wanted = ["toyvision==2.0", "toyheadless==1.0"]
    command = [toy.python_of(env), "-m", "pip", "install", "-q", "--dry-run", "--report", report, *wanted]
    subprocess.run(command, check=True)
    with open(report) as file:
        found = {(item["metadata"]["name"], item["metadata"]["version"]) for item in json.load(file)["install"]}
    plan, _ = preview(env)
    assert {(name, version) for name, version, _, _ in rows(plan)} == found | {("toyheadless", "1.0")}


def clashing(folder, **base):
    """Make an index on which the newest files of what toyvision needs do not go together."""
    made = toy.make_index(folder)
    made.add("toyvision", "2.0", files={"toyvision/__init__.py": b""}, requires=["toydep>=2", "toynew", "toybase"])
    made.add("toynew", "1.0", files={"toynew.py": b""}, requires=base.get("older", ()))
    made.add("toynew", "2.0", files={"toynew.py": b""}, requires=["toybase<2"])
    made.add("toybase", "1.5", files={"toybase.py": b""})
    made.add("toybase", "2.0", files={"toybase.py": b""}, requires=base.get("newer", ()))
    return made


def besides(plan):
    return {(name, version) for name, version, _, _ in rows(plan)} - {("toyheadless", "1.0"), ("toyvision", "2.0")}


@pytest.fixture
def has_dry_run(env):
    if key(toy.facts_of(env).need(Python).pip) < key(resolve.FIRST_PIP):
        pytest.skip("only on a pip that can say what it would install")


def test_pip_steps_back_to_versions_that_fit_each_other(env, tmp_path, monkeypatch, has_dry_run):
    with clashing(tmp_path / "clashing").serve() as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        plan, texts = preview(env)
        assert texts == []
        found = dict(besides(plan))
        assert found["toydep"] == "2.0" and (found["toynew"], found["toybase"]) in (("2.0", "1.5"), ("1.0", "2.0"))
        sizes = [os.path.getsize(str(tmp_path / "clashing" / "simple" / row[2])) for row in rows(plan)]
        assert plan.download_bytes == sum(sizes)
        done = toy.apply(env)
        assert done.exit == 0 and rows(done.plan) == rows(plan)


def test_what_is_found_out_from_the_files_goes_through_pip_as_well(env, tmp_path, monkeypatch, has_dry_run):
    made = clashing(tmp_path / "clashing")
    heavy = {"toyvision/big.bin": os.urandom(6 << 20), "toyvision/__init__.py": b""}
    made.add("toyvision", "2.0", files=heavy, requires=["toydep>=2", "toynew", "toybase"])
    with made.serve() as running:
        running.ranges = False
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        plan, texts = preview(env)
        assert besides(plan) == set() and said(texts) == [foresee.WHOLE_ONLY]
        done = toy.apply(env)
    found = dict(besides(done.plan))
    assert done.exit == 0 and (found["toynew"], found["toybase"]) in (("2.0", "1.5"), ("1.0", "2.0"))


def test_what_pip_cannot_bring_together_is_said(env, tmp_path, monkeypatch, has_dry_run):
    with clashing(tmp_path / "clashing", older=["toybase<1"]).serve() as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        made = clashing(tmp_path / "clashing", older=["toybase<1"], newer=["toynew<1"])
        made.add(
            "toyvision", "2.0", requires=["toydep>=2", "toynew", "toybase>=2"], files={"toyvision/__init__.py": b""}
        )
        plan, texts = preview(env)
    assert said(texts) == [resolve.NOT_CONFIRMED] and "conflict" in texts[0][1]["detail"]
    assert {name for name, _ in besides(plan)} == {"toydep", "toynew", "toybase"}


def test_an_old_pip_is_not_asked(env, monkeypatch):
    monkeypatch.setattr(foresee, "resolved", lambda *_: pytest.fail("asked"))
    monkeypatch.setattr(resolve, "FIRST_PIP", "999")
    assert dict(besides(preview(env)[0])) == {"toydep": "2.0", "toynew": "1.0"}


def test_a_pip_that_does_not_answer_is_said(env, monkeypatch, has_dry_run):
    monkeypatch.setattr(resolve, "run", lambda argv, timeout_s, env: run([*argv, "--no-such-option"], timeout_s, env))
    plan, texts = preview(env)
    assert said(texts) == [resolve.NOT_CONFIRMED] and "no-such-option" in texts[0][1]["detail"]
    assert dict(besides(plan)) == {"toydep": "2.0", "toynew": "1.0"}


def test_pip_reads_no_setting_of_the_users_but_constraints_hold(env, tmp_path, monkeypatch, has_dry_run):
    made = toy.make_index(tmp_path / "more")
    made.add("toynew", "3.0", files={"toynew.py": b""})
    limits = tmp_path / "constraints.txt"
    limits.write_text("toynew<3")
    monkeypatch.setenv("PIP_CONSTRAINT", str(limits))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr(Pages, "indexes", lambda self: [running.simple])
    monkeypatch.setattr(Settings, "session", lambda self: requests_session())
    with made.serve() as running:
        plan, texts = preview(env)
    assert texts == [] and dict(besides(plan)) == {"toydep": "2.0", "toynew": "1.0"}


def requests_session():
    import requests

    return requests.Session()


def test_what_a_step_removes_and_a_new_wheel_needs_is_brought_whatever_pip_says(env):
    steps = (toy.step(1, [], removes=["toyboth"]), toy.step(2, [toy.wheel("toyvision", "2.0")]))

    def see(wheels):
        needs = {"toyvision": ("toyboth", "toydep")}
        return [foresee.Seen(wheel, contents(wheel.name, *needs.get(wheel.name, ()))) for wheel in wheels]

    facts = installed(env, Distribution("toyboth", "1.0", "/sp", "x"))
    found = requires.completed(
        steps, facts, see, lambda own, more: [item for item in more if item.wheel.name != "toyboth"]
    )
    assert [item.wheel.name for item in found[2]] == ["toyvision", "toydep", "toyboth"]


def test_the_index_for_pip_is_silent_when_pip_hangs_up(capfd):
    with resolve._Index(lambda name: time.sleep(0.2) or [], lambda item: None) as index:
        host, _, port = index.url.split("/")[2].partition(":")
        for _ in range(3):
            with socket.create_connection((host, int(port))) as caller:
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # hang up at once
                caller.sendall(b"GET %s/toy/ HTTP/1.0\r\n" % ("/" + index.url.split("/", 3)[3]).encode())
        time.sleep(0.4)
    assert capfd.readouterr().err == ""


def test_the_index_for_pip_answers_nobody_else():
    listed = Listed("toy-1.0-py3-none-any.whl", "x")
    with resolve._Index(lambda name: [listed], lambda item: contents("toy")) as index:
        session, root = requests_session(), index.url.rsplit("/", 2)[0]
        assert session.get(index.url + "/toy/").json()["files"][0]["filename"] == listed.filename
        assert session.get(root + "/simple/toy/").status_code == 404
        assert session.get(index.url.replace("simple", "files") + "/../secret").status_code == 404
        assert session.get(index.url.replace("simple", "files/7/x")).status_code == 502
    assert isinstance(index.problem, IndexError)


def test_a_hollow_wheel_holds_what_decides():
    needs = ("torch==2.1.0", "numpy>=1.22", "av; extra == 'video'", "not a requirement")
    packed = resolve.hollow("toy_vision-1.0-py3-none-any.whl", contents("toy-vision", *needs))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {"toy_vision-1.0.dist-info"}
        head = archive.read("toy_vision-1.0.dist-info/METADATA").decode()
    assert [line for line in head.splitlines() if line.startswith(("Requires", "Provides"))] == [
        "Requires-Dist: numpy>=1.22",
        "Requires-Dist: av; extra == 'video'",
        "Provides-Extra: video",
    ]


def test_the_sizes_are_those_of_the_files(env, index):
    plan, _ = preview(env)
    step = plan.steps[2]
    files = [os.path.join(index.folder, "simple", wheel.filename) for wheel in step.wheels]
    assert step.download_bytes == sum(os.path.getsize(path) for path in files)
    unpacked = sum(info.file_size for path in files for info in zipfile.ZipFile(path).infolist())
    assert step.disk_bytes >= step.download_bytes + unpacked
    assert plan.steps[0].download_bytes == 0
    assert plan.download_bytes == sum(item.download_bytes for item in plan.steps)
    assert plan.disk_bytes == sum(item.disk_bytes for item in plan.steps)


def test_no_wheel_is_downloaded_for_it(env, tmp_path, monkeypatch):
    made = toy.make_index(tmp_path / "big")
    heavy = {"toyvision/big.bin": os.urandom(6 << 20), "toyvision/__init__.py": b""}
    made.add("toyvision", "2.0", files=heavy, requires=["toydep>=2"])
    sent = []
    with made.serve() as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        real = afar._content
        monkeypatch.setattr(afar, "_content", lambda answer: sent.append(real(answer)) or sent[-1])
        plan, texts = preview(env)
    assert texts == [] and "toydep" in plan.steps[2].touches
    assert plan.steps[2].download_bytes > 6 << 20 > 4 * sum(map(len, sent))


def test_a_server_without_ranges_tells_the_size_of_a_large_file(env, tmp_path, monkeypatch):
    made = toy.make_index(tmp_path / "big")
    made.add("toyvision", "2.0", files={"toyvision/big.bin": os.urandom(6 << 20)}, requires=["toydep>=2"])
    with made.serve() as running:
        running.ranges = False
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        plan, texts = preview(env)
        assert said(texts) == [foresee.WHOLE_ONLY]
        assert plan.steps[2].download_bytes > 6 << 20 and plan.steps[2].disk_bytes is None and plan.disk_bytes is None
        done = toy.apply(env)  # what it needs is found out from the file
    assert done.exit == 0 and {"toydep", "toyvision"} <= set(done.plan.steps[2].touches)


@pytest.mark.parametrize("fault", ["away", "503", "offline"])
def test_what_cannot_be_learnt_is_said_and_stays_unknown(env, fault, tmp_path, monkeypatch):
    if fault == "away":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:%d/simple" % free.getsockname()[1])
    with toy.make_index(tmp_path / "again").serve() as running:
        if fault == "503":
            running.fail("/simple/")
            monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        plan, texts = preview(env, offline=fault == "offline")
    assert said(texts) and set(said(texts)) == {foresee.OFFLINE if fault == "offline" else foresee.UNREACHABLE}
    assert plan.steps[1].download_bytes is None and plan.disk_bytes is None
    for text, params in texts:
        assert "secret" not in text.render("en", params) + text.render("zh", params)
    assert [(w.name, w.version) for step in plan.steps for w in step.wheels] == [
        ("toyheadless", "1.0"),
        ("toyvision", "2.0"),
    ]


def test_offline_what_lies_here_is_looked_into(env, index):
    folder = shelf.drop_in_folder()
    os.makedirs(folder)
    for name in ("toyheadless-1.0", "toyvision-2.0", "toydep-2.0", "toynew-1.0"):
        shutil.copy(os.path.join(index.folder, "simple", name + "-py3-none-any.whl"), folder)
    plan, texts = preview(env, offline=True)
    assert texts == [] and "toynew" in plan.steps[2].touches


def test_what_apply_would_refuse_is_said_beforehand(env, monkeypatch):
    from doctor.fix import refuse

    monkeypatch.setattr(refuse, "SPARE_BYTES", 1 << 60)
    facts = toy.facts_of(env)
    plan, texts, refusal = fix.preview(toy.full_plan(), facts, fix.Options(), load())
    assert texts == [] and refusal.message is refuse.NO_SPACE
    said = fix.planned(plan, toy.judge(facts), facts, refusal)
    assert (said.result, said.exit, said.hint) == ("planned", 1, refuse.NO_SPACE_HINT)
    assert refusal.params["needed"] in said.message.render("en", said.params) + said.message.render("zh", said.params)


def test_a_file_that_is_here_needs_no_download(env, tmp_path):
    made = Index(tmp_path / "mirror")
    made.add("toyvision", "2.0+cpu", below="whl/cpu", files={"toyvision/__init__.py": b""}, requires=["toydep>=2"])
    name = "toyvision-2.0+cpu-py3-none-any.whl"
    url = "https://download.pytorch.org/whl/cpu/" + name.replace("+", "%2B")
    plan = Plan((toy.step(1, [toy.wheel("toyvision", "2.0+cpu", url, None, name)]),))
    with made.serve() as running:
        first, texts = preview(env, plan, mirror=running.url)
        assert texts == [] and first.steps[0].download_bytes > 0 and "toydep" in first.steps[0].touches
        assert all(given for _, given in running.requests), "only parts are asked for"
        check = lambda: (toy.facts_of(env), [])  # noqa: E731
        assert toy.apply(env, plan, fix.Options(apply=True, mirror=running.url), check_again=check).exit == 0
        again, _ = preview(env, plan, mirror=running.url)
        assert again.steps[0].download_bytes == 0


def test_a_server_that_takes_too_long_is_not_waited_for(env, tmp_path, monkeypatch):
    monkeypatch.setattr(foresee, "LIMIT_S", 0.3)
    with toy.make_index(tmp_path / "again").serve() as running:
        running.delay("/simple/", 2.0)
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        plan, texts = preview(env)
    assert set(said(texts)) == {foresee.SLOW} and plan.download_bytes is None


def test_work_at_once():
    until = time.monotonic() + 60
    assert foresee.at_once(lambda item: item * 2, range(50), until) == [item * 2 for item in range(50)]
    assert foresee.at_once(str, [], until) == []
    with pytest.raises(ZeroDivisionError):
        foresee.at_once(lambda item: 1 // item, [1, 0, 2], until)


# ---------------------------------------------------------------- what pip would find


class Listing(Pages):
    """Pages of an index that is made up."""

    def __init__(self, *files, **settings):
        self.settings = Settings({"global." + name.replace("_", "-"): value for name, value in settings.items()})
        self._constraints = None
        self._files = [item if isinstance(item, Listed) else Listed(item, "https://x/" + item) for item in files]

    def listed(self, name):
        return self._files


def best(*files, specifier="", **settings):
    found = Listing(*files, **settings).best("a", specifier, TAGS, "3.11.7")
    return found.filename if found else None


def test_the_newest_that_fits_is_taken():
    any_, other = "a-1.0-py3-none-any.whl", "a-3.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    assert best("a-0.9-py3-none-any.whl", any_, other, "a-2.0.tar.gz") == any_
    assert best(any_, "a-1.0-cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl") != any_
    assert best(any_, specifier=">=2") is None
    assert best(any_, "a-1.1rc1-py3-none-any.whl") == any_
    assert best(any_, "a-1.1rc1-py3-none-any.whl", specifier="==1.1rc1") == "a-1.1rc1-py3-none-any.whl"
    yanked = Listed("a-2.0-py3-none-any.whl", "", yanked=True)
    newer_python = Listed("a-2.1-py3-none-any.whl", "", requires_python=">=3.12")
    assert best(any_, yanked, newer_python) == any_
    assert best(any_, yanked, specifier="==2.0") == yanked.filename


def test_constraints_of_pips_settings_hold(tmp_path):
    path = tmp_path / "constraints.txt"
    path.write_text("# cap\nA<2  # why\nb==1\n-r other.txt\na!=1.5; python_version > '3'\n")
    files = ["a-%s-py3-none-any.whl" % version for version in ("1.0", "1.5", "2.0")]
    assert best(*files, constraint=str(path)) == files[0]
    assert best(*files, constraint=str(tmp_path / "gone.txt")) == files[2]


def test_versions_in_file_names():
    names = {
        "torch-2.1.0+cu121-cp310-cp310-linux_x86_64.whl": "2.1.0+cu121",
        "a-1.0-2-py3-none-any.whl": "1.0",
        "toy-vision-1.1.tar.gz": "1.1",
        "index.html": "",
    }
    assert {name: version_of(name) for name in names} == names
    assert indexes.project_of("Toy_Vision-1.0-py3-none-any.whl") == indexes.project_of("toy.vision-1.0.zip")


def test_an_old_pip_reads_no_new_tags():
    tags = ["cp37-cp37m-manylinux_2_17_armv7l", "cp37-cp37m-manylinux2014_armv7l", "cp37-cp37m-linux_armv7l"]
    assert readable_tags(tags, "18.1") == tags[2:]
    assert readable_tags(tags, "20.0") == tags[1:]
    assert readable_tags(tags, "23.0") == tags and readable_tags(tags, None) == tags


def test_find_links_folders_and_pages_on_this_disk(tmp_path, monkeypatch):
    path = make_wheel(tmp_path / "links", "toylink", "1.0")
    made = Index(tmp_path / "local")
    made.add("toylink", "2.0")
    pip = Installer("pip", ("pip-of-a-test",))
    values = {
        "global.index-url": (tmp_path / "local" / "simple").as_uri(),
        "global.find-links": str(tmp_path / "links"),
    }
    monkeypatch.setitem(indexes._known, pip.start, Settings(values))
    found = {item.filename: item.url for item in Pages(pip).listed("toylink")}
    assert set(found) == {"toylink-1.0-py3-none-any.whl", "toylink-2.0-py3-none-any.whl"}
    assert indexes.local_path(found["toylink-1.0-py3-none-any.whl"]) == path
    offline = Pages(pip, offline=True).listed("toylink")
    assert [item.filename for item in offline] == ["toylink-1.0-py3-none-any.whl"]
    assert Pages(pip).listed("toynothing") == []


def test_an_index_that_is_broken_is_asked_once(monkeypatch):
    pip = Installer("pip", ("another-of-a-test",))
    monkeypatch.setitem(indexes._known, pip.start, Settings({"global.index-url": "https://index.example.org/simple"}))
    asked = []

    def refuse(url, *_, **__):
        asked.append(url)
        raise PageError("connect", "no route")

    monkeypatch.setattr(indexes, "fetch", refuse)
    pages = Pages(pip)
    for name in ("a", "b"):
        with pytest.raises(PageError) as caught:
            pages.listed(name)
        assert caught.value.where == "https://index.example.org/simple"
    assert len(asked) == 1


# ---------------------------------------------------------------- what new wheels need


def contents(name, *needs):
    return Contents(name, "1.0", needs, (), "", 0)


def installed(env, *items):
    return toy.facts_of(env).replace(Distributions(tuple(items)))


def test_extras_are_followed_even_into_what_is_installed(env):
    needs = ("lib-a==1.*; extra == 'a'", "lib-b; extra == 'b'", "lib-never; extra == 'never'")
    toolkit = Distribution("cuda-toolkit", "13.0", "/sp", "x", requires=needs)
    new = contents("newtorch", "cuda-toolkit[a,b]==13.*", "torch==9", "other; extra == 'test'")
    facts = installed(env, toolkit, Distribution("lib-b", "3", "/sp", "y"))
    assert requires.missing([new], [], facts) == {"lib-a": "==1.*"}
    assert set(requires.missing([new], [], installed(env))) == {"cuda-toolkit"}
    found = requires.missing([new, contents("cuda-toolkit", *needs)._replace(version="13.0")], [], installed(env))
    assert set(found) == {"lib-a", "lib-b"}


def test_what_is_there_and_fits_is_not_moved(env):
    there = Distribution("numpy", "1.26.4", "/sp", "x")
    assert requires.missing([contents("a", "numpy<2")], [], installed(env, there)) == {}
    assert requires.missing([contents("a", "numpy<2")], ["numpy"], installed(env, there)) == {"numpy": "<2"}
    assert requires.missing([contents("a", "numpy>=2"), contents("b", "numpy<3")], [], installed(env, there)) == {
        "numpy": ">=2,<3"
    }


# ---------------------------------------------------------------- ranges


class Ranged:
    """Answers with parts of some bytes, in one of the ways that servers have."""

    def __init__(self, data, suffix=True):
        self.data, self.suffix = data, suffix
        self.asked = []

    def __call__(self, headers):
        self.asked.append(headers["Range"])
        first, _, last = headers["Range"][len("bytes=") :].partition("-")
        if not first and not self.suffix:
            return Answer(200, self.data, {"Content-Length": str(len(self.data))})
        start = int(first) if first else max(0, len(self.data) - int(last))
        stop = min(int(last) + 1, len(self.data)) if first and last else len(self.data)
        given = "bytes %d-%d/%d" % (start, stop - 1, len(self.data))
        return Answer(206, self.data[start:stop], {"Content-Range": given})


class Answer:
    reason = "reason"

    def __init__(self, status_code, content, headers):
        self.status_code, self.content, self.headers = status_code, content, headers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        pass


@pytest.mark.parametrize("suffix", [True, False])
@pytest.mark.parametrize("front", [True, False])
def test_a_large_archive_is_read_in_parts(suffix, front):
    whole = io.BytesIO()
    names = ["big", "small", "second"] if not front else ["small", "big", "second"]
    with zipfile.ZipFile(whole, "w") as archive:
        for name in names:
            archive.writestr(name, os.urandom(5 << 20) if name == "big" else name.encode() * 9)
    server = Ranged(whole.getvalue(), suffix)
    file = afar.Afar(server)
    with zipfile.ZipFile(io.BufferedReader(file)) as archive:
        assert archive.read("small") == b"small" * 9 and archive.read("second") == b"second" * 9
        assert archive.getinfo("big").file_size == 5 << 20
    assert file.size == len(server.data) and len(server.asked) <= 4


def test_a_file_that_is_not_there():
    with pytest.raises(afar.Refused):
        afar.Afar(lambda headers: Answer(404, b"", {}))
    with pytest.raises(afar.Refused):
        afar.Afar(lambda headers: None)


# ---------------------------------------------------------------- ways out


def test_the_pair_that_is_named_is_one_that_pip_can_find(env, tmp_path, monkeypatch):
    matrix = load()
    facts = toy.facts_of(env)
    newest = matrix.torch_releases[0]
    older = "2.13.0"
    made = Index(tmp_path / "pairs")
    tag = "py3-none-any"
    for name, version in (("torch", older), ("torchvision", matrix.partners(older).torchvision[-1]), ("torch", newest)):
        made.add(name, version, tag)
    monkeypatch.setattr(matrix, "index_file", lambda *given: given)
    with made.serve() as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        pip = download.installer.pip_of(facts.need(Python))
        given = (pip, facts, matrix, fix.Options(), str(tmp_path), None)
        text, pair = download.Downloader(*given)._pair()
        assert text is download.BY_INDEX and "torch==%s " % older in pair
        indexes._known.clear()
        running.fail("/simple/torch")
        text, pair = download.Downloader(*given)._pair()
    assert text is download.BY_INDEX_PERHAPS and "torch==%s " % newest in pair


def test_a_target_of_which_too_little_is_known_is_planned_for_and_refused(env):
    facts = toy.facts_of(env)
    facts = Facts({cls: value for cls, value in facts if cls is not Distributions})
    plan, texts, refusal = fix.preview(toy.full_plan(), facts, fix.Options(), load())
    assert plan == toy.full_plan() and texts == [] and refusal.params["section"] == "distributions"
