# ruff: noqa: F811 (a fixture has the name of the argument that asks for it)
"""pip 18.1, the one of Raspberry Pi OS buster, installs, fails and is put back like any other."""

import os
import subprocess
from pathlib import Path

import pytest
import toy
from conftest import need_python
from fixtures import index, own_folders, server  # noqa: F401 (pytest finds them by name)

from doctor import fix
from doctor.facts import Python
from doctor.fix import download, installer
from doctor.fix import index as indexes
from doctor.model import Plan


@pytest.fixture
def env(index, tmp_path):
    """An environment of Python 3.7 with the pip 18.1 that Python 3.6 carries."""
    made = toy.make_env(tmp_path / "env", index, need_python("3.7"), with_pip=True)
    old = Path(toy.bundled_pip(need_python("3.6"))).parent
    assert old.name.startswith("pip-18.1-")
    command = [toy.python_of(made), "-m", "pip", "install", "-q", "--no-index", "--force-reinstall", str(old)]
    subprocess.run(command, check=True)
    return made


def test_done_and_undone(env):
    assert toy.facts_of(env).need(Python).pip == "18.1"
    before = toy.manifest(env)
    result = toy.apply(env)
    assert (result.result, result.exit) == ("applied", 0), result.to_json()
    fix.undo(env)
    assert toy.difference(before, toy.manifest(env)) == {}


def test_failing_and_put_back(env, monkeypatch):
    before = toy.manifest(env)
    real = installer.Installer.install
    monkeypatch.setattr(installer.Installer, "install", lambda self, files: [*real(self, files), "--no-such-option"])
    result = toy.apply(env)
    assert (result.result, result.exit) == ("rolled-back", 3)
    assert toy.difference(before, toy.manifest(env)) == {}


def test_what_the_index_lacks(env, tmp_path, monkeypatch):
    result = toy.apply(env, Plan((toy.step(1, [toy.wheel("toyvision", "9.0")]),)))
    assert result.result == "refused" and result.message == download.NO_VERSION
    made = toy.make_index(tmp_path / "again")
    with made.serve() as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.simple)
        running.fail("/simple/toyvision")
        indexes._known.clear()
        result = toy.apply(env)
    assert result.result == "refused" and result.message == download.INDEX_AWAY
    assert not os.path.exists(os.path.join(env, ".doctor"))
