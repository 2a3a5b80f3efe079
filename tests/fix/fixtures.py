"""Fixtures: a toy environment that every test gets its own copy of, and the index it came from.

Not in a conftest.py: a second module of that name would hide the first from ``import conftest``.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import toy


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    return toy.make_index(tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="session")
def server(index):
    with index.serve() as running:
        yield running


@pytest.fixture(scope="session")
def template(index, tmp_path_factory):
    return toy.make_env(tmp_path_factory.mktemp("template") / "env", index, with_pip=True)


@pytest.fixture
def env(template, tmp_path):
    """The broken environment, a copy of its own."""
    shutil.copytree(template, str(tmp_path / "env"), symlinks=True)
    return str(tmp_path / "env")


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch, server):
    """pip asks the toy index and nothing else; the doctor's cache and state are the test's own."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", server.simple)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    from doctor.fix import index as asked

    asked._known.clear()


@pytest.fixture
def doctor():
    """Run one doctor in a process of its own: ``doctor("apply", env, "--kill-at", "3")``."""

    def run(what, env, *options):
        command = [sys.executable, str(Path(toy.__file__)), what, str(env), os.environ["PIP_INDEX_URL"], *options]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)

    return run
