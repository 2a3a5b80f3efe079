"""The package as users get it: built, installed into fresh environments, started from there."""

import json
import os
import re
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT, make_venv, need_python, scripts_of

MEGABYTE = 1000 * 1000


def run(argv, **more):
    environment = dict(os.environ, **more.pop("env", {}))
    return subprocess.run(
        [str(item) for item in argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        env=environment,
        timeout=120,
        **more,
    )


def folder_bytes(folder):
    return sum(
        os.lstat(os.path.join(where, name)).st_size for where, _, names in os.walk(str(folder)) for name in names
    )


@pytest.fixture(scope="module", params=["3.7", "3.11", "3.13"])
def installed(request, built_wheel, tmp_path_factory):
    """A fresh environment that holds the built wheel: (its folder, its Python, what the install added in bytes)."""
    python = need_python(request.param)
    folder = tmp_path_factory.mktemp("venv" + request.param)
    make_venv(python, folder)
    before = folder_bytes(folder)
    target = make_venv(python, folder, built_wheel)
    return folder, target, folder_bytes(folder) - before


def test_the_wheel_holds_the_table_and_every_check(built_wheel):
    with zipfile.ZipFile(str(built_wheel)) as wheel:
        names = set(wheel.namelist())
        assert wheel.read("doctor/wheel_matrix.yaml") == (ROOT / "wheel_matrix.yaml").read_bytes()
    for path in (ROOT / "doctor").rglob("*.py"):
        assert path.relative_to(ROOT).as_posix() in names
    assert not [name for name in names if not re.match(r"doctor/|torch_doctor-[^/]*\.dist-info/", name)]
    assert any(name.endswith("LICENSE") for name in names)


def test_it_adds_at_most_30_mb(installed):
    _, _, added = installed
    assert added <= 30 * MEGABYTE


@pytest.mark.parametrize("script", ["doctor", "torch-doctor", None])
def test_the_program_starts(installed, script, tmp_path):
    folder, python, _ = installed
    program = [scripts_of(folder) / script] if script else [python, "-m", "doctor"]
    shown = run(program + ["--help"], cwd=str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    for command in ("check", "pi", "fix", "wheels", "explain", "run", "checks"):
        assert re.search(r"(?m)^\W*%s\b" % command, shown.stdout), command
    assert run(program + ["--version"], cwd=str(tmp_path)).stdout.strip()


def test_check_of_a_fresh_environment_is_fine(installed, tmp_path):
    folder, python, _ = installed
    ran = run([scripts_of(folder) / "doctor", "check", "--json"], cwd=str(tmp_path))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads(ran.stdout)
    assert report["schema"] == 1
    assert [o for o in report["outcomes"] if o["status"] == "crashed"] == []
    assert os.path.realpath(report["target"]["python"]) == os.path.realpath(str(python))


def test_check_of_this_repository_is_fine(installed):
    """The first command of the README: run from the clone, whose tests and probes name torch without needing it."""
    folder, _, _ = installed
    ran = run([scripts_of(folder) / "doctor", "check", "--json"], cwd=str(ROOT))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert os.path.realpath(json.loads(ran.stdout)["project"]) == str(ROOT)


def test_it_reads_the_packaged_table(installed, tmp_path):
    folder, _, _ = installed
    argv = ["wheels", "torch==2.1.0", "--platform", "win_amd64", "--python-version", "3.10", "--no-gpu", "--json"]
    ran = run([scripts_of(folder) / "doctor"] + argv, cwd=str(tmp_path))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    names = [wheel["filename"] for wheel in json.loads(ran.stdout)["wheels"]]
    assert "torch-2.1.0+cpu-cp310-cp310-win_amd64.whl" in names


def test_help_needs_no_network_and_no_home(installed, tmp_path):
    """Proxies that answer nobody and an empty home: a start that asks anything of the network would be slow or fail."""
    folder, _, _ = installed
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "HOME": str(tmp_path / "none")}
    ran = run([scripts_of(folder) / "doctor", "--help"], cwd=str(tmp_path), env=nowhere)
    assert ran.returncode == 0, ran.stderr
    assert not (tmp_path / "none").exists()


def test_installed_requirements_are_satisfied(installed):
    _, python, _ = installed
    ran = run([python, "-m", "pip", "check"])
    assert ran.returncode == 0, ran.stdout


def test_wheels_resolve_for_314(built_wheel, tmp_path):
    """Every dependency has a wheel that CPython 3.14 can use; nothing would have to be compiled there."""
    argv = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "--python-version", "3.14"]
    argv += ["--implementation", "cp", "--abi", "cp314", "--abi", "abi3", "--abi", "none"]
    ran = run(argv + ["-d", tmp_path, built_wheel])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    names = {path.name.split("-")[0].lower() for path in tmp_path.iterdir()}
    assert {"rich", "typer", "requests", "pyyaml", "packaging", "nvidia_ml_py"} <= names
