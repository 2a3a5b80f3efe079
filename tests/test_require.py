"""``import doctor; doctor.require()``: the guard at the top of a training script."""

import os
import subprocess
import sys
import textwrap

from conftest import ROOT


def run(program, folder, **environment):
    (folder / "train.py").write_text(textwrap.dedent(program), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "train.py"],
        cwd=str(folder),
        env=dict(os.environ, PYTHONPATH=str(ROOT), PYTHONIOENCODING="utf-8", **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=60,
    )


def test_it_stops_a_script_whose_torch_is_missing(tmp_path):
    ran = run("import doctor\ndoctor.require()\nimport torch\nprint('trained')\n", tmp_path)
    assert ran.returncode == 1
    assert ran.stdout == b""
    assert b"torch-missing" in ran.stderr
    assert b"Traceback" not in ran.stderr


def test_it_speaks_chinese(tmp_path):
    ran = run("import doctor\ndoctor.require()\nimport torch\n", tmp_path, DOCTOR_LANG="zh")
    assert ran.returncode == 1
    assert "没有安装 torch" in ran.stderr.decode("utf-8")


def test_it_lets_a_healthy_script_go_on(tmp_path):
    ran = run("import doctor\ndoctor.require()\nprint('trained')\n", tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == b"trained"
    assert ran.stderr == b""


def test_a_doctor_that_cannot_work_stops_nobody(tmp_path):
    ran = run("import os, doctor\nos.getcwd = None\ndoctor.require()\nprint('trained')\n", tmp_path)
    assert ran.returncode == 0
    assert ran.stdout.strip() == b"trained"
    assert ran.stderr.startswith(b"doctor.require(): ") and b"Traceback" not in ran.stderr


def test_importing_the_package_loads_nothing_else(tmp_path):
    program = """
        import sys
        before = set(sys.modules)
        import doctor
        print(sorted(set(sys.modules) - before))
    """
    assert run(program, tmp_path).stdout.decode().strip() == "['doctor', 'doctor.version']"
