"""What a dead network share does to a run: the parts that need it are unknown, nothing hangs."""

import sys
import time

import pytest

from doctor import facts as f
from doctor.model import DoctorError
from doctor.probes import collect, storage, whereabouts


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(collect, "FILE_PROBE_S", 0.2)


def collected(monkeypatch, **wanted):
    sections = frozenset((f.Project, f.Storage))
    return collect.Collector(collect.Wanted(python=sys.executable, quick=True, sections=sections, **wanted)).finish()


def hang(*args, **more):
    time.sleep(1.5)
    return None


def test_a_named_project_that_does_not_answer_ends_the_run(monkeypatch):
    monkeypatch.setattr(whereabouts, "find_project", hang)
    with pytest.raises(DoctorError) as stopped:
        collected(monkeypatch, project="/mnt/nas/yolo")
    assert stopped.value.exit == 2 and stopped.value.params == {"path": "/mnt/nas/yolo"}


def test_a_folder_that_does_not_answer_leaves_the_project_unknown(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(whereabouts, "find_project", hang)
    monkeypatch.setattr(collect, "_project", hang)
    found = collected(monkeypatch)
    assert isinstance(found.state(f.Project), f.Unknown) and "no answer" in found.state(f.Project).reason
    assert found.need(f.Storage).places


def test_a_probe_that_raises_is_a_reason(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def broken(*args, **more):
        raise RuntimeError("odd")

    monkeypatch.setattr(storage, "probe_storage", broken)
    assert collected(monkeypatch).state(f.Storage) == f.Unknown("the probe failed: RuntimeError: odd")


def test_packages_are_looked_through_in_the_targets_own_order():
    pip_installs_here, earlier = "/venv/lib/python3.11/site-packages", "/opt/other/lib/python3.11/site-packages"
    python = f.Python(
        "/venv/bin/python",
        "3.11.7",
        site_packages=(pip_installs_here, "/not/searched", earlier),
        sys_path=(earlier, "/usr/lib/python3.11", pip_installs_here),
    )
    assert collect._in_search_order(python) == (earlier, pip_installs_here, "/not/searched")
