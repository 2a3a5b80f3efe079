# ruff: noqa: F811 (a fixture has the name of the argument that asks for it)
"""Source and system steps inside the same transaction, and a virtual environment of one's own."""

import os
import sys

import pytest
import toy
from conftest import absent
from fixtures import env, index, own_folders, server, template  # noqa: F401 (pytest finds them by name)

from doctor import fix
from doctor.facts import Interpreters, Line, OtherPython, Project
from doctor.fix import system, venv
from doctor.fix.progress import Progress
from doctor.model import DoctorError, Edit, Finding, Plan, Rewrite, Step, System
from doctor.record import replace
from doctor.text import Text

SAID = Text("x", "x")
SOURCE = "import numpy as np\nx = np.int(1)\ny = f'{np.int(2)}'\n"


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    (root / "train.py").write_text(SOURCE)
    return root


def source_step(id=1):
    edits = (Edit("train.py", 2, 4, "np.int", "int"),)
    return Step(id, "source", "unsafe", None, SAID, edits=edits, files=("train.py",), fixes=("numpy-removed-alias",))


def run(env, project, plan, look=(), progress=None, findings=(), **options):
    facts = toy.facts_of(env).replace(Project(str(project)))
    options = fix.Options(apply=True, **options)
    return fix.apply(plan, facts, options, lambda: (facts, list(look)), progress, list(findings))


def test_source_is_rewritten_only_on_request_and_undone_by_the_same_command(env, project):
    before = toy.manifest(env)
    plan = Plan((source_step(),))
    facts = toy.facts_of(env).replace(Project(str(project)))
    dry = fix.planned(plan, [], facts)
    assert "-x = np.int(1)" in dry.diff and dry.result == "planned"
    unasked = run(env, project, plan)
    assert (unasked.result, unasked.exit) == ("nothing-to-do", 0) and unasked.params["options"] == "--source"
    error = Finding(code="numpy-removed-alias", severity="error")
    assert run(env, project, plan, findings=[error]).exit == 1
    assert (project / "train.py").read_text() == SOURCE
    result = run(env, project, plan, source=True)
    assert (result.result, result.exit) == ("applied", 0)
    assert "+x = int(1)" in result.diff
    assert (project / "train.py").read_text() == SOURCE.replace("x = np.int", "x = int")
    assert fix.undo(env).result == "undone"
    assert (project / "train.py").read_text() == SOURCE
    assert toy.difference(before, toy.manifest(env)) == {}


def test_places_left_to_hands_do_not_take_the_rest_back(env, project):
    left = Finding(code="numpy-removed-alias", severity="error", params={"count": 1})
    seen = Finding(code="numpy-removed-alias", severity="error", params={"count": 2}, remedies=(Rewrite((), SAID),))
    result = run(env, project, Plan((source_step(),)), [left], findings=[seen], source=True)
    assert (result.result, result.exit) == ("applied", 1)


def test_source_goes_back_when_the_environment_does(env, project):
    plan = Plan((toy.step(1, [toy.wheel("toyvision", "2.0")]), source_step(2)))
    before = toy.manifest(env)
    still = Finding(code=toy.CODE, severity="error", params={"new": True})
    result = run(env, project, plan, [still], source=True)
    assert result.result == "rolled-back"
    assert (project / "train.py").read_text() == SOURCE
    assert toy.difference(before, toy.manifest(env)) == {}


def test_without_a_project_nothing_is_rewritten(env):
    facts = toy.facts_of(env)
    result = fix.apply(
        Plan((source_step(),)), facts, fix.Options(apply=True, source=True), lambda: (facts, []), None, []
    )
    assert result.result == "refused"


# ---------------------------------------------------------------- system


def system_step(*commands, files=()):
    return Step(1, "system", "unsafe", None, SAID, commands=commands, files=tuple(files), fixes=("swap-too-small",))


class Agreeing(Progress):
    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def confirm(self, text, params):
        self.asked.append(text.render("en", params))
        return self.answer


def touching(path):
    return (sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write('changed')", str(path))


def test_system_steps_need_root(env, project, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(DoctorError):
        system.refuse_unless_root()


def need_root():
    if os.name != "posix" or os.geteuid() != 0:
        absent("system steps run as root only")


def test_system_steps_are_confirmed_run_and_their_files_put_back(env, project, tmp_path):
    need_root()
    path = tmp_path / "pip.conf"
    path.write_text("before")
    plan = Plan((system_step(touching(path), files=[str(path)]),))
    assert run(env, project, plan).result == "nothing-to-do"
    no = Agreeing(False)
    assert run(env, project, plan, progress=no, system=True).result == "nothing-to-do"
    assert fix.history(env) == []
    assert path.read_text() == "before" and len(no.asked) == 1 and str(path) in no.asked[0]
    yes = Agreeing(True)
    result = run(env, project, plan, progress=yes, system=True)
    assert (result.result, result.exit) == ("applied", 0)
    assert path.read_text() == "beforechanged"
    fix.undo(env)
    assert path.read_text() == "before"
    silent = Agreeing(False)
    assert run(env, project, plan, progress=silent, system=True, yes=True).exit == 0
    assert silent.asked == [] and path.read_text() == "beforechanged"


def test_a_system_command_that_fails_does_not_take_the_environment_back(env, project):
    need_root()
    commands = replace(system_step(("false",), ("true",)), id=2)
    plan = Plan((toy.step(1, [toy.wheel("toynew", "1.0")], fixes=["x"]), commands))
    left = Finding(code="swap-too-small", severity="error", remedies=(System(SAID, (("false",),)),))
    result = run(env, project, plan, [left], findings=[left], system=True, yes=True)
    assert (result.result, result.exit) == ("applied", 1)
    assert [step.status for step in result.steps] == ["applied", "failed"]


# ---------------------------------------------------------------- --venv


def test_a_virtual_environment_is_made_once(env, tmp_path):
    facts = toy.facts_of(env)
    folder = tmp_path / "new"
    python = fix.make_venv(facts, str(folder))
    assert os.path.exists(python) and toy.facts_of(str(folder))
    assert fix.make_venv(facts, str(folder)) == python
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    with pytest.raises(DoctorError):
        fix.make_venv(facts, str(tmp_path / "full"))


def test_system_packages_are_seen_where_only_apt_has_them(env, project, tmp_path):
    held = Interpreters((OtherPython("/usr/bin/python3", "3.11.2", "system", {"picamera2": "0.3", "cv2": ""}),))
    facts = toy.facts_of(env).replace(held)
    assert not venv.wants_system_packages(facts)
    line = Line("a.py", 1)
    assert venv.wants_system_packages(facts.replace(Project("/p", imports={"picamera2": line})))
    assert not venv.wants_system_packages(facts.replace(Project("/p", imports={"cv2": line})))
    made = fix.make_venv(facts.replace(Project("/p", imports={"picamera2": line})), str(tmp_path / "new"))
    with open(os.path.join(os.path.dirname(os.path.dirname(made)), "pyvenv.cfg")) as file:
        assert "include-system-site-packages = true" in file.read()
