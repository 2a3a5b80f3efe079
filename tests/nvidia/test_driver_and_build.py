"""The whole program against the stub NVML and the files of a torch build: driver, card and build judged together."""

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT
from lab.site import Site
from lab.stubs import compile_stubs

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only on Linux: the stub is an ELF library"
)

PASCAL = {"FAKE_NAMES": "NVIDIA GeForce GTX 1060 6GB", "FAKE_CC": "6.1"}


@pytest.fixture(scope="module")
def stub(tmp_path_factory):
    return compile_stubs(tmp_path_factory.mktemp("nvml"), "nvml_stub.c")


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """A virtual environment whose site-packages can be filled; its Python and its site-packages."""
    folder = tmp_path_factory.mktemp("target") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    return folder / "bin" / "python", Site(site)


@pytest.fixture
def check(stub, target, tmp_path):
    python, site = target

    def go(build, cuda, **env):
        libraries = ("libtorch_cpu.so", "libtorch_cuda.so") if cuda else ("libtorch_cpu.so",)
        site.torch("__version__ = %r\ncuda = %r\n" % (build, cuda), build.split("+")[0], libraries)
        command = [sys.executable, "-m", "doctor", "check", "--quick", "--python", str(python), "--json"]
        ran = subprocess.run(
            command,
            cwd=str(tmp_path),
            env=dict(os.environ, PYTHONPATH=str(ROOT), LD_LIBRARY_PATH=str(stub), PATH=str(tmp_path), **env),
            stdout=subprocess.PIPE,
            universal_newlines=True,
            timeout=60,
        )
        report = json.loads(ran.stdout)
        found = {item["code"]: item for item in report["findings"]}
        return ran.returncode, found, {item["code"]: item for item in report["outcomes"]}

    yield go
    for entry in site.folder.glob("torch*"):
        subprocess.run(["rm", "-r", str(entry)], check=True)


def test_pascal_beside_cuda_13(check):
    status, found, _ = check("2.9.1+cu130", "13.0", FAKE_DRIVER="580.95.05", FAKE_CUDA="13000", **PASCAL)
    assert status == 1
    assert found["gpu-arch-unsupported"]["severity"] == "error"
    params = found["gpu-arch-unsupported"]["params"]
    assert (params["compute_capability"], params["torch"]) == ("6.1", "2.9.1+cu130")
    assert "driver-too-old" not in found


def test_a_driver_below_cuda_13(check):
    status, found, _ = check("2.9.1+cu130", "13.0", FAKE_DRIVER="531.68", FAKE_CUDA="12010")
    assert status == 1
    params = found["driver-too-old"]["params"]
    assert (params["driver"], params["minimum"], params["torch"]) == ("531.68", "580", "2.9.1+cu130")


def test_module_and_library_differ(check):
    status, found, _ = check("2.9.1+cu130", "13.0", FAKE_NVML_RC_nvmlInit="18")
    assert status == 1
    assert found["driver-library-mismatch"]["severity"] == "error"
    assert "no-gpu" not in found


def test_a_cpu_torch_beside_a_card(check):
    status, found, _ = check("2.9.1+cpu", None, FAKE_DRIVER="580.95.05", FAKE_CUDA="13000")
    assert status == 1
    assert found["torch-cpu-build"]["params"]["gpu"] == "NVIDIA GeForce RTX 4090"
    assert "no-gpu" not in found


def test_all_fits(check):
    status, found, _ = check("2.9.1+cu130", "13.0", FAKE_DRIVER="580.95.05", FAKE_CUDA="13000")
    assert [code for code, item in found.items() if item["severity"] == "error"] == []
    assert status == 0


def test_a_full_card(check):
    env = {"FAKE_USED_MIB": "20000", "FAKE_PID": "4711", "FAKE_DRIVER": "580.95.05", "FAKE_CUDA": "13000"}
    status, found, _ = check("2.9.1+cu130", "13.0", **env)
    assert status == 0
    assert found["gpu-memory-busy"]["severity"] == "warning"
    assert found["gpu-memory-busy"]["params"]["processes"] == "python3 (4711)"


def test_a_driver_that_crashes_is_skipped_visibly(check):
    status, found, outcomes = check("2.9.1+cu130", "13.0", FAKE_NVML_CRASH_nvmlInit="1")
    assert status == 0
    for code in ("no-gpu", "driver-too-old", "gpu-arch-unsupported", "driver-missing"):
        assert outcomes[code]["status"] == "skipped"
        assert "crashed" in outcomes[code]["reason"]
