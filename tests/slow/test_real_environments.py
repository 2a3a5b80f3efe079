"""The doctor on environments that are really broken, and on one that only looks so."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from lab.environments import copy, environment
from lab.stubs import compile_stubs

from doctor.probes import trials

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux: the recipes are for its wheels"),
]


def doctor(*arguments, prefix=(), **env):
    """Run the doctor of this source tree, behind ``prefix``; return its exit status and its report."""
    command = list(prefix) + [sys.executable, "-m", "doctor"] + [str(part) for part in arguments] + ["--json"]
    ran = subprocess.run(
        command,
        cwd=str(Path(sys.executable).parent),
        env=dict(os.environ, PYTHONPATH=str(ROOT), **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=300,
    )
    return ran.returncode, json.loads(ran.stdout)


def errors(report):
    return {item["code"]: item["params"] for item in report["findings"] if item["severity"] == "error"}


BROKEN = [
    ("W", "torchvision-version-mismatch", {"torch": "1.12.1+cu102", "torchvision": "0.14.1+cu117", "wanted": "0.13.1"}),
    ("W37", "torchvision-version-mismatch", {"torch": "1.12.1+cu102", "torchvision": "0.14.1+cu117"}),
    ("M1", "torchvision-version-mismatch", {"torch": "2.13.0+cpu", "torchvision": "0.29.1+cu130", "wanted": "0.28.0"}),
    ("M2", "torchvision-build-mismatch", {"torch_build": "cpu", "torchvision_build": "cu130"}),
]


@pytest.mark.parametrize("name", ["W", "W37", "M1", "M2", "A4"])
def test_a_pasted_dump_is_judged_as_the_machine_it_came_from(name, tmp_path):
    python = environment(name)
    dump = tmp_path / "dump.txt"
    here = (
        str(Path(str(python)).parent) + os.pathsep + os.environ["PATH"]
    )  # older ones ask the pip3 that is first there
    with open(str(dump), "wb") as stream:
        command = [str(python), "-m", "torch.utils.collect_env"]
        subprocess.run(command, stdout=stream, stderr=subprocess.DEVNULL, env=dict(os.environ, PATH=here), check=True)
    _, live = doctor("check", "--python", python)
    _, pasted = doctor("check", "--from", dump)
    assert list(errors(pasted)) == list(errors(live))


@pytest.mark.parametrize("options", [(), ("--quick",)], ids=["tried", "quick"])
@pytest.mark.parametrize("name, code, params", BROKEN, ids=[name for name, _, _ in BROKEN])
def test_what_is_broken_is_named(name, code, params, options):
    status, report = doctor("check", "--python", environment(name), *options)
    found = errors(report)
    assert status == 1
    assert list(found) == [code]
    assert {key: found[code][key] for key in params} == params


@pytest.mark.parametrize("options", [(), ("--quick",)], ids=["tried", "quick"])
def test_a_pair_on_the_stable_abi_is_no_error(options):
    status, report = doctor("check", "--python", environment("A4"), *options)
    assert errors(report) == {}
    assert status == 0


def test_the_stages_of_a_pair_that_works():
    found = trials.finish(trials.start(str(environment("A4"))))
    assert {stage.name: stage.status for stage in found.stages}["nms-cpu"] == "ok"
    assert found.stage("torch").data["version"] == "2.14.1+cu130"
    assert "sm_75" in found.stage("torch").data["arch_list"]


@pytest.fixture(scope="module")
def stubs(tmp_path_factory):
    """The folder with stand-ins for the driver's NVML and CUDA libraries."""
    return compile_stubs(tmp_path_factory.mktemp("driver"), "nvml_stub.c", "cuda_stub.c")


def test_a_real_torch_and_a_driver_that_is_too_old(stubs):
    driver = {"FAKE_DRIVER": "550.54.15", "FAKE_CUDA": "12040", "LD_LIBRARY_PATH": str(stubs)}
    status, report = doctor("check", "--python", environment("A4"), **driver)
    found = errors(report)
    assert status == 1
    assert found["driver-too-old"]["driver"] == "550.54.15"
    assert found["driver-too-old"]["minimum"] == "580"
    stages = {stage["name"]: stage for stage in report["facts"]["trials"]["stages"]}
    assert "too old (found version 12040)" in stages["cuda-kernel"]["text"]


def test_a_cpu_torch_beside_a_card(stubs):
    driver = {"FAKE_DRIVER": "580.95.05", "FAKE_CUDA": "13000", "LD_LIBRARY_PATH": str(stubs)}
    status, report = doctor("check", "--python", environment("M2"), **driver)
    found = errors(report)
    assert status == 1
    assert found["torch-cpu-build"]["gpu"] == "NVIDIA GeForce RTX 4090"


def test_a_torch_without_its_heart_is_installed_and_broken(tmp_path):
    python = copy("M2", tmp_path / "env")
    (library,) = (tmp_path / "env").glob("lib/python*/site-packages/torch/lib/libtorch_cpu.so")
    library.unlink()
    for options in ((), ("--quick",)):
        status, report = doctor("check", "--python", python, *options)
        assert status == 1
        assert errors(report)["torch-broken"]["torch"] == "2.13.0+cpu"
        assert "torch-missing" not in errors(report)


def test_the_trial_costs_what_a_bare_import_costs():
    """At most 1.15 times; medians of alternating runs, so that other work on the machine weighs on both."""
    python = str(environment("W"))
    bare, tried = [], []
    for _ in range(6):
        began = time.monotonic()
        subprocess.run([python, "-W", "ignore", "-c", "import torch, torchvision"], check=True)
        bare.append(time.monotonic() - began)
        began = time.monotonic()
        trials.finish(trials.start(python))
        tried.append(time.monotonic() - began)
    assert statistics.median(tried[1:]) <= 1.15 * statistics.median(bare[1:])
