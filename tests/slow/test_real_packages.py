"""The doctor on environments whose packages are really at odds: built from the package index, copied to be damaged."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import absent
from lab.environments import copy, environment
from slow.test_real_environments import doctor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux: the recipes are for its wheels"),
]


def found(report, code):
    return [item for item in report["findings"] if item["code"] == code]


def worst(report):
    return {item["code"] for item in report["findings"] if item["severity"] != "note"}


def site_of(python):
    (folder,) = Path(python).parent.parent.glob("lib/python3.*/site-packages")
    return folder


def run(python, code):
    ran = subprocess.run(
        [str(python), "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )
    return ran.returncode, ran.stdout


@pytest.mark.parametrize("options", [(), ("--quick",)], ids=["tried", "quick"])
def test_opencv_for_numpy_1_beside_numpy_2(options):
    python = environment("numpy2-cv")
    assert run(python, "import cv2")[0] != 0
    status, report = doctor("check", "--python", python, *options)
    assert status == 1 and worst(report) == {"numpy2-abi"}
    (one,) = found(report, "numpy2-abi")
    assert one["params"]["distributions"] == ["opencv-python"] and one["params"]["numpy"] == "2.1.3"
    # one leaf moves; the other way is named
    (step,) = [step for step in report["plan"]["steps"] if step["kind"] == "pip"]
    assert any(part.startswith("opencv-python") for part in step["argv"])
    assert one["params"]["other"] == "numpy 1.26.4"


@pytest.mark.parametrize("options", [(), ("--quick",)], ids=["tried", "quick"])
def test_both_opencvs(options):
    status, report = doctor("check", "--python", environment("cv-both"), *options)
    assert status == 1 and worst(report) == {"opencv-conflict"}
    (one,) = found(report, "opencv-conflict")
    assert one["params"]["versions"] == ["4.10.0.84", "4.9.0.80"]
    assert one["params"]["overwritten"] == ["opencv-python"]
    assert one["params"]["keep"] == "opencv-python==4.10.0.84"


def test_one_opencv_uninstalled_takes_the_others_files_along(tmp_path):
    python = copy("cv-both", tmp_path / "env")
    subprocess.run([str(python), "-m", "pip", "uninstall", "-q", "-y", "opencv-python-headless"], check=True)
    assert run(python, "import cv2; cv2.__version__")[0] != 0
    status, report = doctor("check", "--quick", "--python", python)
    assert status == 1
    (one,) = found(report, "metadata-corrupt")
    assert one["params"]["distributions"] == ["opencv-python"] and one["params"]["health"] == "files-missing"


#: runs a command where the system's libraries lack some, in a namespace of its own that ends with it
WITHOUT = """
set -e
folder=$1; files=$2; upper=$3; shift 3
mount -t tmpfs tmpfs "$upper"
mkdir "$upper/up" "$upper/work"
mount -t overlay overlay -o "lowerdir=$folder,upperdir=$upper/up,workdir=$upper/work" "$folder"
for file in $files; do rm -f "$folder"/$file; done
exec "$@"
"""


def test_opencv_with_windows_where_the_system_has_none(tmp_path):
    python = environment("cv-gui")
    (system,) = {Path(line.split("=> ")[1]).resolve().parent for line in _ldconfig("libGL.so.1")} or {None}
    if system is None:
        absent("libGL.so.1 is not installed")
    upper = tmp_path / "upper"
    upper.mkdir()
    hidden = "libGL.so.1* libgthread-2.0.so.0*"
    prefix = ["unshare", "-m", "--propagation", "private", "sh", "-c", WITHOUT, "sh", str(system), hidden, str(upper)]
    if subprocess.run(prefix + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    ran = subprocess.run(
        prefix + [str(python), "-c", "import cv2"], stderr=subprocess.PIPE, universal_newlines=True, check=False
    )
    assert "libGL.so.1: cannot open shared object file" in ran.stderr
    for options in ((), ("--quick",)):
        status, report = doctor("check", "--python", python, *options, prefix=prefix)
        (one,) = found(report, "opencv-libgl")
        assert status == 1 and one["severity"] == "error"
        assert set(one["params"]["missing"]) == {"libGL.so.1", "libgthread-2.0.so.0"}
        assert one["params"]["headless"] == "opencv-python-headless==4.10.0.84"
    assert run(python, "import cv2")[0] == 0  # the namespace is gone
    assert found(doctor("check", "--quick", "--python", python)[1], "opencv-libgl") == []


def _ldconfig(name):
    listed = subprocess.run(["ldconfig", "-p"], stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[:1] == [name] and "x86-64" in line]


@pytest.mark.parametrize("options", [(), ("--quick",)], ids=["tried", "quick"])
def test_both_onnx_runtimes(options):
    status, report = doctor("check", "--python", environment("ort-both"), *options)
    assert status == 1 and worst(report) == {"onnxruntime-conflict"}
    (one,) = found(report, "onnxruntime-conflict")
    assert one["params"]["winner"] == "onnxruntime" and one["params"]["overwritten"] == ["onnxruntime-gpu"]


def test_old_source(tmp_path):
    (tmp_path / "train.py").write_text(
        "import numpy as np\nfrom PIL import Image\n\nx = np.zeros(3).astype(np.int)\n\n\ndef load(p):\n"
        "    return Image.open(p).resize((1, 2), Image.ANTIALIAS)\n"
    )
    python = environment("numpy-1.24")
    status, text = run(python, (tmp_path / "train.py").read_text())
    assert status != 0 and "module 'numpy' has no attribute 'int'" in text
    status, report = doctor("check", "--quick", "--python", python, "--project", tmp_path)
    assert status == 1 and worst(report) == {"numpy-removed-alias", "old-repo-api"}
    (one,) = found(report, "numpy-removed-alias")
    assert one["evidence"] == ["train.py:4: x = np.zeros(3).astype(np.int)"]
    assert [step["kind"] for step in report["plan"]["steps"]] == ["source"]
    # the same project beside another target, not named: at most warnings
    status, report = doctor("check", "--quick", "--python", environment("ort-both"), "--project", tmp_path)
    assert "numpy-removed-alias" in worst(report)


def test_a_module_that_only_the_systems_python_has(tmp_path):
    system = "/usr/bin/python3"
    if not Path(system).exists() or run(system, "import yaml")[0] != 0:
        absent("the system's Python has no yaml (python3-yaml)")
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text("import yaml\n\nprint(yaml.safe_load('a: 1'))\n")
    (project / "requirements.txt").write_text("pyyaml>=5\n")
    subprocess.run([system, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    python = tmp_path / "env" / "bin" / "python"
    status, text = run(python, (project / "train.py").read_text())
    assert status != 0 and "No module named 'yaml'" in text
    for options in ((), ("--quick",)):
        status, report = doctor("check", "--python", python, "--project", project, *options)
        (one,) = found(report, "module-in-other-env")
        assert status == 1 and one["severity"] == "error"
        assert {key: one["params"][key] for key in ("module", "kind", "where")} == {
            "module": "yaml",
            "kind": "system",
            "where": "train.py:1",
        }
        assert Path(one["params"]["other"]).resolve() == Path(system).resolve()
        assert [step["argv"][-1] for step in report["plan"]["steps"] if one["code"] in step["fixes"]] == ["pyyaml>=5"]
    # the same environment, allowed to see what apt installed
    subprocess.run(
        [system, "-m", "venv", "--without-pip", "--system-site-packages", str(tmp_path / "open")], check=True
    )
    python = tmp_path / "open" / "bin" / "python"
    assert run(python, (project / "train.py").read_text())[0] == 0
    status, report = doctor("check", "--quick", "--python", python, "--project", project)
    assert status == 0 and not {"module-in-other-env", "requirement-unmet"} & worst(report)


def test_damaged_records(tmp_path):
    python = copy("numpy-1.24", tmp_path / "env")
    site = site_of(python)
    shutil.move(str(site / "numpy"), str(site / "~umpy"))
    (requests,) = site.glob("requests-*.dist-info")
    (requests / "METADATA").unlink()
    (idna,) = site.glob("idna-*.dist-info")
    (idna / "RECORD").write_bytes(b"")
    shutil.copytree(str(site / "pillow-10.4.0.dist-info"), str(site / "pillow-10.3.0.dist-info"))
    status, report = doctor("check", "--quick", "--python", python)
    assert status == 1
    by_health = {item["params"]["health"]: item for item in found(report, "metadata-corrupt")}
    assert set(by_health) == {"files-missing, no-metadata", "empty-record", "duplicate", "leftover"}
    assert by_health["files-missing, no-metadata"]["params"]["distributions"] == ["numpy", "requests"]
    assert by_health["empty-record"]["params"]["distributions"] == ["idna"]
    assert by_health["duplicate"]["params"]["packages"] == "pillow"
    assert by_health["leftover"]["params"]["folders"] == "~umpy"


def test_two_copies_of_intels_openmp(tmp_path):
    python = copy("openmp", tmp_path / "env")
    # libgomp of scikit-learn beside Intel's runtime is ordinary
    status, report = doctor("check", "--quick", "--python", python)
    assert found(report, "openmp-duplicate") == [] and status == 0
    second = site_of(python) / "another" / "lib"
    second.mkdir(parents=True)
    shutil.copy(str(tmp_path / "env" / "lib" / "libiomp5.so"), str(second))
    both = "import ctypes; [ctypes.CDLL(p).omp_get_max_threads() for p in (%r, %r)]" % (
        str(tmp_path / "env" / "lib" / "libiomp5.so"),
        str(second / "libiomp5.so"),
    )
    status, text = run(python, both)
    assert status != 0 and "OMP: Error #15" in text
    status, report = doctor("check", "--quick", "--python", python)
    (one,) = found(report, "openmp-duplicate")
    assert status == 1 and one["severity"] == "error" and one["params"]["kind"] == "libiomp5"
    texts = [step["text"] for step in report["plan"]["steps"] if "openmp-duplicate" in step["fixes"]]
    assert "KMP_DUPLICATE_LIB_OK" in texts[-1] and "KMP_DUPLICATE_LIB_OK" not in texts[0]


def test_a_bare_environment_and_this_one_are_fine(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "bare")], check=True)
    for python in (tmp_path / "bare" / "bin" / "python", sys.executable):
        status, report = doctor("check", "--quick", "--python", python)
        assert status == 0 and worst(report) == set(), report["findings"]
