# ruff: noqa: F811 (a fixture has the name of the argument that asks for it)
"""kill -9 in the middle of a fix: every checkpoint once, then random moments; ``trials.py`` is the long run."""

import json
import os
import random
import shutil

import pytest
import toy
import trials
from fixtures import doctor, env, index, own_folders, server, template  # noqa: F401 (pytest finds them by name)

from doctor import fix
from doctor.fix import state
from doctor.model import DoctorError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(index, server, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:  # nothing may be left behind for the tests of other files
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        yield trials.Lab(tmp_path_factory.mktemp("lab"), server, index)


def test_every_checkpoint_of_a_fix(lab):
    env = lab.copy()
    names = lab.checkpoints("apply", env)
    assert len(names) == 27, "the tests that stop at every one of them have to be told"
    assert {"before begin", "after snapshot", "before run", "installer ended", "before kept", "after finished"} <= set(
        names
    )
    shutil.rmtree(env)
    for number in range(1, len(names) + 1):
        lost, killed = lab.lost_at(number)
        assert killed and lost == {}, names[number - 1]


@pytest.mark.parametrize("number", range(1, 28))
@pytest.mark.parametrize("option", ["--interrupt-at", "--terminate-at"])
def test_stopping_at_every_checkpoint(lab, option, number):
    """Ctrl-C and SIGTERM put everything back by themselves; once it is known to have worked they come too late."""
    env = lab.copy()
    status, said, errors = lab.run("apply", env, option, str(number), "--count")
    result = json.loads(said)
    assert len(result["checkpoints"]) >= number, errors
    too_late = result["checkpoints"][number - 1] in ("before kept", "after kept", "before finished", "after finished")
    assert (status, result["result"]) == ((0, "applied") if too_late else (130, "rolled-back")), errors
    assert fix.interrupted(env) is None
    if too_late:
        assert toy.judge(toy.facts_of(env)) == []
        assert lab.settled(env)[0] == {}
    else:
        assert toy.difference(lab.before, toy.manifest(env)) == {}
        assert [past.result for past in fix.history(env)] in ([], ["rolled-back"])
    shutil.rmtree(env)


def test_checkpoints_of_undoing(lab):
    names = lab.checkpoints("undo", lab.fixed())
    first = {name: number for number, name in reversed(list(enumerate(names, 1)))}
    assert {"before restore", "remove file", "restore file", "restore dir", "before undone", "after finished"} <= set(
        first
    )
    for name, number in first.items():
        lost, killed = lab.lost_in_undo_at(number)
        assert killed and lost == {}, name


@pytest.mark.parametrize("seed", range(20))
def test_random_moments(lab, seed):
    lost, label = lab.lost_at_random(random.Random(seed), 2.5)
    assert lost == {}, label


def test_an_interrupted_fix_is_named_and_blocks_the_next_one(env, doctor):
    before = toy.manifest(env)
    ran = doctor("apply", env, "--kill-at", "8")
    assert ran.returncode == -9
    assert fix.interrupted(env)
    (past,) = fix.history(env)
    assert past.result == "interrupted" and past.undoable
    assert toy.apply(env).result == "refused"
    with pytest.raises(DoctorError):
        fix.forget(env)
    ran = doctor("undo", env)
    assert json.loads(ran.stdout)["result"] == "undone"
    assert fix.interrupted(env) is None
    assert toy.difference(before, toy.manifest(env)) == {}
    assert toy.apply(env).exit == 0


def test_a_record_cut_off_by_a_crash_never_happened(env, doctor):
    before = toy.manifest(env)
    doctor("apply", env, "--kill-at", "8")
    folder = os.path.join(state.folder(env), "fixes")
    log = os.path.join(folder, os.listdir(folder)[0], "journal.jsonl")
    with open(log, "ab") as file:
        file.write(b'{"event": "ran", "ste')
    assert fix.undo(env).result == "undone"
    assert toy.difference(before, toy.manifest(env)) == {}
    assert [past.result for past in fix.history(env)] == ["rolled-back"]
