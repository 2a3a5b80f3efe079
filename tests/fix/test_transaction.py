# ruff: noqa: F811 (a fixture has the name of the argument that asks for it)
"""A fix on a real environment: done, undone, refused, failed and put back."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import toy
from conftest import absent
from fixtures import doctor, env, index, own_folders, server, template  # noqa: F401 (pytest finds them by name)

from doctor import fix
from doctor.facts import Distribution, Distributions, Facts, Fingerprint
from doctor.fix import installer, state
from doctor.model import DoctorError, Finding, Plan
from doctor.text import Text


def site_packages(env):
    return toy.facts_of(env).need(Distributions).items[0].location


def folder_of(env, name):
    item = toy.facts_of(env).need(Distributions).find(name)
    return os.path.join(item.location, item.folder)


def test_done_undone_and_done_again(env):
    before = toy.manifest(env)
    assert fix.interrupted(env) is None
    result = toy.apply(env)
    assert (result.result, result.exit) == ("applied", 0)
    assert set(result.verified) == {toy.CODE, "opencv-conflict"}
    assert [step.status for step in result.steps] == ["applied"] * 3
    after = toy.manifest(env)
    changed = set(toy.difference(before, after))
    assert changed and all(any(word in path for word in ("toy", "shared", "space")) for path in changed), (
        "files of others were changed"
    )
    assert (
        subprocess.run(
            [
                toy.python_of(env),
                "-c",
                "import toyvision, toydep, shared.h, space.toynew; assert toyvision.VERSION == 2",
            ]
        ).returncode
        == 0
    )
    assert fix.undo(env).result == "undone"
    assert toy.difference(before, toy.manifest(env)) == {}
    assert toy.apply(env).exit == 0
    again = toy.difference(after, toy.manifest(env))
    assert [path for path in again if not path.endswith(".pyc")] == []  # bytecode holds the time of its source
    assert fix.undo(env).result == "undone"
    assert toy.difference(before, toy.manifest(env)) == {}
    again = fix.undo(env)
    assert (again.result, again.exit) == ("nothing-to-do", 0)


def test_dependencies_become_part_of_the_plan_with_their_sha256(env):
    result = toy.apply(env)
    wheels = {wheel.name: wheel for step in result.plan.steps for wheel in step.wheels}
    assert set(wheels) == {"toyvision", "toyheadless", "toydep", "toynew"}
    assert wheels["toydep"].version == "2.0" and all(len(wheel.sha256) == 64 for wheel in wheels.values())


def test_history_and_forget(env):
    assert fix.history(env) == []
    toy.apply(env)
    (past,) = fix.history(env)
    assert past.result == "applied" and past.undoable
    assert "toyvision 1.0 -> 2.0" in past.changes and "toyboth 1.0 -> -" in past.changes
    assert fix.forget(env) > 0
    (past,) = fix.history(env)
    assert not past.undoable
    assert fix.undo(env).result == "nothing-to-do"


def test_state_is_private(env):
    toy.apply(env)
    for folder in (state.folder(env), os.path.join(state.folder(env), "fixes")):
        assert os.stat(folder).st_mode & 0o777 == 0o700


def test_dry_run_says_what_apply_would_do(env):
    facts = toy.facts_of(env)
    before = toy.manifest(env)
    result = fix.planned(toy.full_plan(), toy.judge(facts))
    assert (result.result, result.exit) == ("planned", 1)
    assert fix.planned(Plan(), []).to_json()["result"] == "nothing-to-do"
    assert fix.planned(Plan(), toy.judge(facts)).exit == 1
    assert toy.difference(before, toy.manifest(env)) == {} and not os.path.exists(state.folder(env))


# ---------------------------------------------------------------- failures, put back


@pytest.mark.parametrize("number", [1, 2, 3])
def test_pip_failing_puts_everything_back(env, monkeypatch, number):
    before = toy.manifest(env)
    real, calls = installer.run, []

    def run(argv, *given, **options):
        if "install" in argv or "uninstall" in argv:
            calls.append(argv)
            if len(calls) == number:
                argv = [*argv, "--no-such-option"]
        return real(argv, *given, **options)

    monkeypatch.setattr(installer, "run", run)
    result = toy.apply(env)
    assert (result.result, result.exit) == ("rolled-back", 3)
    assert len(calls) == number
    failed = [step for step in result.steps if step.status == "failed"]
    assert len(failed) == 1 and "no-such-option" in failed[0].log_tail
    assert toy.difference(before, toy.manifest(env)) == {}
    assert fix.interrupted(env) is None


@pytest.mark.parametrize("still", ["same-code", "new-error", "crash"])
def test_verification_that_fails_puts_everything_back(env, still):
    before = toy.manifest(env)

    def look():
        if still == "crash":
            raise DoctorError(Text("The target Python does not start.", "目标 Python 无法启动。"))
        code = toy.CODE if still == "same-code" else "torch-broken"
        return toy.facts_of(env), [Finding(code=code, severity="error", params={"version": "2.0"})]

    result = toy.apply(env, check_again=look)
    assert (result.result, result.exit) == ("rolled-back", 3)
    assert toy.difference(before, toy.manifest(env)) == {}


def test_keep_keeps_what_does_not_verify(env):
    findings = [Finding(code=toy.CODE, severity="error", params={"version": "2.0"})]
    options = fix.Options(apply=True, keep=True)
    result = toy.apply(env, options=options, check_again=lambda: (toy.facts_of(env), findings))
    assert (result.result, result.exit) == ("applied", 1)
    assert toy.facts_of(env).need(Distributions).find("toyvision").version == "2.0"


def test_a_finding_that_no_step_was_to_cure_may_stay(env):
    """The same code, found twice, once for something only hands can mend."""
    facts = toy.facts_of(env)
    by_hand = Finding(code=toy.CODE, severity="error", params={"of": "another"})

    def look():
        again = toy.facts_of(env)
        return again, [*toy.judge(again), by_hand]

    result = toy.apply(env, findings=[*toy.judge(facts), by_hand], check_again=look)
    assert (result.result, result.exit) == ("applied", 1)


def test_a_full_disk_puts_everything_back(template, tmp_path, doctor):
    mounted = tmp_path / "small"
    mounted.mkdir()
    if os.name != "posix" or os.geteuid() != 0:
        absent("only root can mount a small disk")
    megabytes = sum(len(names) for _, _, names in os.walk(template)) // 250 + 24
    ran = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % megabytes, "tmpfs", str(mounted)])
    if ran.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        env = str(mounted / "env")
        shutil.copytree(template, env, symlinks=True)
        before = toy.manifest(env)
        filler = open(str(mounted / "filler"), "wb")
        with filler:
            for left_kib in (900, 300, 180, 60):
                free = shutil.disk_usage(str(mounted)).free
                filler.write(b"\0" * max(0, free - left_kib * 1024))
                filler.flush()
                result = _apply_with_little_room(env)
                assert result.exit in (0, 3)
                if result.exit == 0:
                    assert fix.undo(env).result == "undone"
                assert toy.difference(before, toy.manifest(env)) == {}, left_kib
        assert result.exit == 3
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def _apply_with_little_room(env):
    from doctor.fix import download, refuse

    spare = refuse.SPARE_BYTES, download.SPARE_BYTES
    refuse.SPARE_BYTES = download.SPARE_BYTES = -(1 << 40)  # look away, so that the disk really fills up
    try:
        return toy.apply(env)
    finally:
        refuse.SPARE_BYTES, download.SPARE_BYTES = spare


def test_too_little_space_is_refused_before_anything_is_touched(env, monkeypatch):
    from doctor.fix import refuse

    before = toy.manifest(env)
    monkeypatch.setattr(refuse, "SPARE_BYTES", 1 << 60)
    result = toy.apply(env)
    assert (result.result, result.exit) == ("refused", 3)
    assert toy.difference(before, toy.manifest(env)) == {} and not os.path.exists(state.folder(env))


# ---------------------------------------------------------------- refused


def test_two_doctors_at_once(env):
    folder = state.make(state.folder(env))
    program = (
        "import sys, time; sys.path.insert(0, %r)\nfrom doctor.fix import state\n"
        "with state.Lock(sys.argv[1]):\n    print('held', flush=True)\n    time.sleep(30)\n" % os.getcwd()
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    program = program.replace(repr(os.getcwd()), repr(root))
    other = subprocess.Popen([sys.executable, "-c", program, folder], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline().strip() == b"held"
        before = toy.manifest(env)
        result = toy.apply(env)
        assert (result.result, result.exit) == ("refused", 3)
        with pytest.raises(DoctorError):
            fix.undo(env)
        assert toy.difference(before, toy.manifest(env)) == {}
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    assert toy.apply(env).exit == 0


def test_facts_older_than_the_environment(env, index):
    facts = toy.facts_of(env)
    toy.pip_install(env, index, "toynew==1.0")
    result = fix.apply(toy.full_plan(), facts, fix.Options(apply=True), lambda: (facts, []), None, toy.judge(facts))
    assert (result.result, result.exit) == ("refused", 3)
    unknown = Facts({cls: value for cls, value in toy.facts_of(env) if cls is not Fingerprint})
    result = fix.apply(toy.full_plan(), unknown, fix.Options(apply=True), lambda: (facts, []), None, [])
    assert result.result == "refused"


def replaced(facts, **changes):
    from doctor.facts import Python
    from doctor.record import replace

    return facts.replace(replace(facts.need(Python), **changes))


def test_an_externally_managed_python_is_refused(env):
    facts = replaced(toy.facts_of(env), externally_managed=True, venv=False)
    result = fix.apply(toy.full_plan(), facts, fix.Options(apply=True), lambda: (facts, []), None, [])
    assert result.result == "refused" and "--venv" in result.hint.en


def test_an_environment_of_someone_else_is_refused(env):
    if os.name != "posix" or os.geteuid() != 0:
        absent("only root can give a folder away")
    os.chown(site_packages(env), 12345, 12345)
    result = toy.apply(env)
    assert result.result == "refused" and result.params["owner"] == "12345"


def test_a_read_only_environment_is_refused(env):
    place = site_packages(env)
    if os.geteuid() != 0:
        os.chmod(place, 0o555)
        result = toy.apply(env)
        os.chmod(place, 0o755)
        assert result.result == "refused"
        return
    if subprocess.run(["mount", "--bind", place, place]).returncode:
        pytest.skip("bind mounts do not work here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
        before = toy.manifest(env)
        assert toy.apply(env).result == "refused"
        assert toy.difference(before, toy.manifest(env)) == {}
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_distribution_of_conda_is_refused(env):
    os.mkdir(os.path.join(env, "conda-meta"))
    with open(os.path.join(env, "conda-meta", "toyvision-1.0-py310_0.json"), "w"):
        pass
    with open(os.path.join(folder_of(env, "toyvision"), "INSTALLER"), "w") as file:
        file.write("conda\n")
    result = toy.apply(env)
    assert result.result == "refused" and result.params["name"] == "toyvision"


def test_the_doctors_own_distributions_are_refused_in_its_own_environment(env, monkeypatch):
    facts = toy.facts_of(env)
    monkeypatch.setattr(sys, "prefix", env)
    own = Distribution("torch-doctor", "0.1", site_packages(env), "torch_doctor-0.1.dist-info", requires=("toydep",))
    items = facts.need(Distributions).items + (own,)
    facts = facts.replace(Distributions(items))
    plan = Plan((toy.step(1, [toy.wheel("toydep", "2.0")]),))
    result = fix.apply(plan, facts, fix.Options(apply=True), lambda: (facts, []), None, [])
    assert result.result == "refused" and result.params["names"] == "toydep" and "pipx run" in result.hint.en
    # found out only after the download, when what the new wheels need is known
    plan = Plan((toy.step(1, [toy.wheel("toyvision", "2.0")]),))
    result = fix.apply(plan, facts, fix.Options(apply=True), lambda: (facts, []), None, [])
    assert result.result == "refused" and result.params["names"] == "toydep"
    # anything else is a normal target
    plan = Plan((toy.step(1, [toy.wheel("toynew", "1.0")], fixes=["x"]),))
    assert fix.apply(plan, facts, fix.Options(apply=True), lambda: (facts, []), None, []).exit == 0


# ---------------------------------------------------------------- odd environments


def test_a_record_that_points_outside_is_refused(env, tmp_path):
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    record = os.path.join(folder_of(env, "toyvision"), "RECORD")
    for line in (str(precious), os.path.relpath(str(precious), site_packages(env))):
        with open(record) as file:
            text = file.read()
        with open(record, "w") as file:
            file.write(text + line + ",,\n")
        before = toy.manifest(env)
        result = toy.apply(env)
        assert (result.result, result.exit) == ("refused", 3) and result.params["name"] == "toyvision"
        assert precious.read_text() == "mine"
        assert toy.difference(before, toy.manifest(env)) == {}
        with open(record, "w") as file:
            file.write(text)


def test_a_record_that_leaves_through_a_link_is_refused(env, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.py").write_text("mine")
    os.symlink(str(outside), os.path.join(site_packages(env), "toyvision", "linked"))
    with open(os.path.join(folder_of(env, "toyvision"), "RECORD"), "a") as file:
        file.write("toyvision/linked/precious.py,,\n")
    result = toy.apply(env)
    assert result.result == "refused"
    assert (outside / "precious.py").read_text() == "mine"


def test_a_wheel_that_leaves_the_environment_is_refused(env, index):
    index.add("toyevil", "1.0", files={"../../../../../../evil.py": b"x = 1\n"})
    before = toy.manifest(env)
    result = toy.apply(env, Plan((toy.step(1, [toy.wheel("toyevil", "1.0")]),)))
    assert result.result == "refused"
    assert toy.difference(before, toy.manifest(env)) == {}


def test_links_that_a_distribution_owns_come_back_as_links(env):
    place = site_packages(env)
    os.symlink("_C.so", os.path.join(place, "toyvision", "_C.so.1"))
    with open(os.path.join(folder_of(env, "toyvision"), "RECORD"), "a") as file:
        file.write("toyvision/_C.so.1,,\n")
    before = toy.manifest(env)
    assert toy.apply(env).exit == 0
    assert not os.path.lexists(os.path.join(place, "toyvision", "_C.so.1"))
    fix.undo(env)
    assert toy.difference(before, toy.manifest(env)) == {}


@pytest.mark.parametrize("damage", ["no-record", "empty-record", "no-metadata"])
def test_damaged_metadata_is_mended_and_undone(env, damage):
    folder = folder_of(env, "toyvision")
    if damage == "no-metadata":
        os.unlink(os.path.join(folder, "METADATA"))
    elif damage == "no-record":
        os.unlink(os.path.join(folder, "RECORD"))
    else:
        with open(os.path.join(folder, "RECORD"), "w"):
            pass
    before = toy.manifest(env)
    result = toy.apply(env)
    assert (result.result, result.exit) == ("applied", 0), result.to_json()
    assert not os.path.exists(os.path.join(site_packages(env), "toyvision", "only_old.py"))
    assert toy.apply(env, Plan((toy.step(1, [toy.wheel("toyvision", "2.0")], fixes=["x"]),))).exit == 0
    fix.undo(env)
    fix.undo(env)
    assert toy.difference(before, toy.manifest(env)) == {}


def test_two_metadata_folders_of_one_distribution(env):
    folder = folder_of(env, "toyvision")
    other = folder.replace("-1.0.", "-0.9.")
    shutil.copytree(folder, other)
    with open(os.path.join(other, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\nName: toyvision\nVersion: 0.9\n")
    before = toy.manifest(env)
    result = toy.apply(env)
    assert (result.result, result.exit) == ("applied", 0), result.to_json()
    assert len(toy.facts_of(env).need(Distributions).all("toyvision")) == 1
    fix.undo(env)
    assert toy.difference(before, toy.manifest(env)) == {}


def test_leftovers_of_pip_are_deleted_and_come_back(env):
    left = os.path.join(site_packages(env), "~oyold")
    os.makedirs(os.path.join(left, "deep", "empty"))
    with open(os.path.join(left, "deep", "file.py"), "w") as file:
        file.write("x = 1\n")
    before = toy.manifest(env)
    plan = Plan((toy.step(1, paths=[left], fixes=["metadata-corrupt"]),))
    assert toy.apply(env, plan, check_again=lambda: (toy.facts_of(env), [])).exit == 0
    assert not os.path.exists(left)
    fix.undo(env)
    assert toy.difference(before, toy.manifest(env)) == {}
    for path in (os.path.join(site_packages(env), "toyvision"), "/etc/~x", left + "/../toyvision"):
        assert toy.apply(env, Plan((toy.step(1, paths=[path]),))).result == "refused"


def test_an_editable_install_is_refused(env, tmp_path):
    folder = folder_of(env, "toyvision")
    with open(os.path.join(folder, "direct_url.json"), "w") as file:
        json.dump({"url": tmp_path.as_uri(), "dir_info": {"editable": True}}, file)
    result = toy.apply(env)
    assert result.result == "refused" and result.params["name"] == "toyvision"


def test_an_environment_that_shares_its_files_is_never_written_into(env, tmp_path):
    """uv links an environment's files to its cache and to other environments."""
    sibling = str(tmp_path / "sibling")
    for root, _, names in os.walk(env):
        os.makedirs(os.path.join(sibling, os.path.relpath(root, env)), exist_ok=True)
        for name in names:
            path = os.path.join(root, name)
            if not os.path.islink(path):
                os.link(path, os.path.join(sibling, os.path.relpath(path, env)))
    before, shared = toy.manifest(env), toy.manifest(sibling)
    assert toy.apply(env).exit == 0
    assert toy.difference(shared, toy.manifest(sibling)) == {}
    fix.undo(env)
    assert toy.difference(shared, toy.manifest(sibling)) == {}
    assert toy.difference(before, toy.manifest(env)) == {}


def test_without_hard_links_files_are_copied(env, monkeypatch):
    def no_link(*_):
        raise OSError(1, "Operation not permitted")

    before = toy.manifest(env)
    monkeypatch.setattr(os, "link", no_link)
    assert toy.apply(env).exit == 0
    fix.undo(env)
    assert toy.difference(before, toy.manifest(env)) == {}


# ---------------------------------------------------------------- undo that would lose something


def test_what_the_user_changed_since_is_kept_aside(env):
    before = toy.manifest(env)
    toy.apply(env)
    path = os.path.join(site_packages(env), "toyvision", "new", "__init__.py")
    with open(path, "a") as file:
        file.write("# my own line\n")
    result = fix.undo(env)
    assert result.result == "undone" and "__init__.py" in result.params["files"]
    assert toy.difference(before, toy.manifest(env)) == {}
    kept = []
    for root, _, names in os.walk(os.path.join(state.folder(env), "fixes")):
        kept += [os.path.join(root, name) for name in names if "changed-since" in root]
    assert len(kept) == 1
    with open(kept[0]) as file:
        assert "# my own line" in file.read()


def test_undo_is_refused_when_the_distribution_moved_again(env, index):
    toy.apply(env)
    index.add("toyvision", "3.0")
    toy.pip_install(env, index, "toyvision==3.0")
    before = toy.manifest(env)
    with pytest.raises(DoctorError) as caught:
        fix.undo(env)
    assert caught.value.exit == 3 and caught.value.params["now"] == "3.0"
    assert toy.difference(before, toy.manifest(env)) == {}


def journal_of(env):
    folder = os.path.join(state.folder(env), "fixes")
    return os.path.join(folder, os.listdir(folder)[0])


def forge(env, **changes):
    """Rewrite the manifest of the last fix and make the journal vouch for it."""
    import hashlib

    path = os.path.join(journal_of(env), "manifest.json")
    with open(path) as file:
        data = json.load(file)
    data.update(changes)
    with open(path, "w") as file:
        json.dump(data, file)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    log = os.path.join(journal_of(env), "journal.jsonl")
    with open(log) as file:
        records = [json.loads(line) for line in file]
    with open(log, "w") as file:
        for record in records:
            if record["event"] == "snapshot":
                record["manifest_sha256"] = digest
            file.write(json.dumps(record) + "\n")


@pytest.mark.parametrize("escape", ["../precious", "/tmp/precious", "lib/../../precious", "way-out/precious"])
def test_a_forged_journal_cannot_reach_outside(env, tmp_path, escape):
    (tmp_path / "precious").write_text("mine")
    toy.apply(env)
    os.symlink(str(tmp_path), os.path.join(env, "way-out"))
    for changes in ({"created": [escape]}, {"own_folders": [escape]}, {"renamed_in": [escape]}):
        forge(env, **changes)
        before = toy.manifest(env)
        with pytest.raises(DoctorError):
            fix.undo(env)
        assert toy.difference(before, toy.manifest(env)) == {}
        assert (tmp_path / "precious").read_text() == "mine"
        forge(env, created=[], own_folders=[], renamed_in=[])


def test_a_journal_of_another_environment_is_refused(env, template, tmp_path):
    toy.apply(env)
    moved = str(tmp_path / "moved")
    os.rename(env, moved)
    with pytest.raises(DoctorError):
        fix.undo(moved)


def test_a_journal_that_others_can_write_is_refused(env):
    toy.apply(env)
    os.chmod(os.path.join(journal_of(env), "journal.jsonl"), 0o666)
    with pytest.raises(DoctorError):
        fix.undo(env)


def test_a_journal_of_someone_else_is_refused(env):
    if os.name != "posix" or os.geteuid() != 0:
        absent("only root can give a file away")
    toy.apply(env)
    os.chown(os.path.join(journal_of(env), "journal.jsonl"), 12345, 12345)
    with pytest.raises(DoctorError):
        fix.undo(env)


def test_an_altered_snapshot_changes_nothing(env):
    toy.apply(env)
    store = os.path.join(journal_of(env), "files")
    for name in os.listdir(store):
        path = os.path.join(store, name)
        os.chmod(path, 0o644)
        with open(path, "ab") as file:
            file.write(b"!")
    before = toy.manifest(env)
    with pytest.raises(DoctorError):
        fix.undo(env)
    assert toy.difference(before, toy.manifest(env)) == {}


# ---------------------------------------------------------------- installers


def test_an_environment_without_pip_uses_the_one_of_ensurepip(index, tmp_path):
    env = toy.make_env(tmp_path / "bare", index)
    before = toy.manifest(env)
    assert toy.apply(env).exit == 0
    assert toy.facts_of(env).need(Distributions).find("pip") is None
    fix.undo(env)
    assert toy.difference(before, toy.manifest(env)) == {}


def test_uv(env, monkeypatch, tmp_path):
    uv = shutil.which("uv") or shutil.which("uv", path=os.path.dirname(sys.executable))
    if not uv:
        if sys.version_info < (3, 8):
            pytest.skip("only on 3.8 or newer: uv has no release for 3.7")
        absent("uv is not installed")
    monkeypatch.setenv("PATH", os.path.dirname(uv) + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    before = toy.manifest(env)
    result = toy.apply(env, options=fix.Options(apply=True, installer="uv"))
    assert (result.result, result.exit) == ("applied", 0), result.to_json()
    fix.undo(env)
    assert toy.difference(before, toy.manifest(env)) == {}


def test_no_installer_at_all_is_said_plainly(monkeypatch, env):
    monkeypatch.setattr(installer, "uv_of", lambda python: None)
    result = toy.apply(env, options=fix.Options(apply=True, installer="uv"))
    assert result.result == "refused" and not os.path.exists(state.folder(env))


def test_signals_are_as_before_afterwards(env):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    toy.apply(env)
    fix.undo(env)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
