# ruff: noqa: F811 (a fixture has the name of the argument that asks for it)
"""``doctor fix`` as it is typed: exit status, and with --json one document on standard output whatever happens."""

import json
import os
import subprocess
import sys

import pytest
import toy
from conftest import ROOT
from fixtures import env, index, own_folders, server, template  # noqa: F401 (pytest finds them by name)

from doctor.facts import Distributions
from doctor.fix import state


@pytest.fixture
def broken(env):
    """toyvision without its METADATA: metadata-corrupt, mended by the same version again."""
    item = toy.facts_of(env).need(Distributions).find("toyvision")
    os.unlink(os.path.join(item.location, item.folder, "METADATA"))
    os.mkdir(os.path.join(item.location, "~oydep"))
    return env


@pytest.fixture
def run(env, tmp_path):
    """Run ``doctor fix OPTIONS --json``; return its exit status and the document."""
    project = tmp_path / "empty"
    project.mkdir()

    def call(*options, command="fix", **environ):
        argv = [sys.executable, "-m", "doctor", command, "--json", "--project", str(project), *options]
        argv += [] if "--python" in options else ["--python", toy.python_of(env)]
        variables = dict(os.environ, PYTHONPATH=str(ROOT), **environ)
        ran = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables, cwd=str(tmp_path))
        document = json.loads(ran.stdout.decode("utf-8"))
        assert document["schema"] == 1 and document["command"] == command
        if "error" in document:
            assert document["error"]["exit"] == ran.returncode and document["error"]["message"]
        return ran.returncode, document

    return call


def test_planned_applied_undone_and_listed(broken, run):
    before = toy.manifest(broken)
    status, report = run()
    assert (status, report["fix"]["result"]) == (1, "planned")
    steps = report["plan"]["steps"]
    assert [step["fixes"] for step in steps] == [["metadata-corrupt"]] * 2
    assert steps[1]["touches"] == ["toyvision"] and steps[1]["wheels"][0]["url"] is None
    assert 0 < report["plan"]["download_bytes"] < report["plan"]["disk_bytes"]
    assert not os.path.exists(state.folder(broken))

    status, done = run("--apply")
    assert (status, done["fix"]["result"]) == (0, "applied")
    assert done["fix"]["verified"] == ["metadata-corrupt"]
    assert [step["wheels"] for step in done["plan"]["steps"]] == [step["wheels"] for step in steps]
    assert "--undo --python " + toy.python_of(broken) in done["fix"]["hint"]
    assert run()[0] == 0

    status, past = run("--history")
    assert status == 0 and [(item["result"], item["undoable"]) for item in past["history"]] == [("applied", True)]
    assert run("--undo")[1]["fix"]["result"] == "undone"
    assert toy.difference(before, toy.manifest(broken)) == {}
    assert run("--undo")[0] == 0, "nothing to undo is no fault"
    assert run("--apply", "--lang", "zh")[0] == 0
    status, freed = run("--forget")
    assert status == 0 and freed["freed_bytes"] > 0
    assert run("--undo")[1]["fix"]["result"] == "nothing-to-do"


def test_nothing_to_do(env, run):
    status, report = run("--apply")
    assert (status, report["fix"]["result"]) == (0, "nothing-to-do")


@pytest.mark.parametrize(
    "options, expected",
    [
        (("--mirror", "nowhere"), 2),
        (("--only", "no-such-code"), 2),
        (("--installer", "apt"), 2),
        (("--no-such-option",), 2),
        (("--from", "bundle.json", "--apply"), 2),
        (("--python", "/no/such/python"), 3),
    ],
)
def test_wrong_usage_is_one_document_too(run, options, expected):
    status, document = run(*options)
    assert status == expected and "error" in document


def test_refused_is_exit_3(broken, run):
    before = toy.manifest(broken)
    status, report = run("--apply", "--offline")
    assert (status, report["fix"]["result"]) == (3, "refused") and report["fix"]["hint"]
    assert {step["status"] for step in report["fix"]["steps"]} == {"skipped"}
    assert toy.difference(before, toy.manifest(broken)) == {} and not os.path.exists(state.folder(broken))
    status, report = run("--offline")
    assert (status, report["fix"]["result"]) == (1, "planned") and report["plan"]["download_bytes"] is None
    assert report["notices"]


def test_an_interrupted_fix_is_named_by_every_command(broken, run):
    from doctor.fix.journal import Journal

    folder = state.make(state.folder(broken))
    Journal.begin(folder, prefix=os.path.realpath(broken), changes=[], commands=[])
    _, report = run("--quick", command="check")
    assert any("--undo" in notice for notice in report["notices"])
    status, report = run("--apply")
    assert (status, report["fix"]["result"]) == (3, "refused") and "--undo" in report["fix"]["hint"]
    status, report = run("--forget")
    assert status == 3 and "error" in report
    status, report = run("--undo")
    assert (status, report["fix"]["result"]) == (0, "undone")
    assert run("--apply")[0] == 0


def test_a_new_environment_can_be_asked_for(broken, run, tmp_path):
    folder = tmp_path / "new"
    status, report = run("--venv", str(folder))
    assert status == 1 and any(str(folder) in notice for notice in report["notices"]) and not folder.exists()
    status, report = run("--apply", "--venv", str(folder))
    assert status == 0 and report["target"]["python"].startswith(str(folder))
