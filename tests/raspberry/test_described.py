"""``doctor pi --platform``: the wheels for a Pi that is only described, from any machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

MACHINE = str(Path(__file__).parent.parent / "machines" / "pi4-buster-py37.json")
BUSTER = ("--platform", "linux_armv7l", "--python-version", "3.7", "--glibc", "2.28")


def ask(*arguments):
    """Return the exit status and the JSON document of ``doctor``."""
    command = [sys.executable, "-m", "doctor"] + list(arguments) + ["--json"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=str(ROOT))
    return ran.returncode, json.loads(ran.stdout.decode("utf-8"))


@pytest.mark.parametrize("requests", [("opencv-python", "onnxruntime"), ("opencv-python==4.5.5.62", "numpy<1.20")])
def test_the_same_answer_from_a_pc(requests):
    status, here = ask("pi", *requests, *BUSTER)
    assert status == 0
    assert (here["command"], here["findings"], here["plan"]["steps"]) == ("pi", [], [])
    _, there = ask("wheels", *requests, *BUSTER)
    _, recorded = ask("pi", *requests, "--from", MACHINE)
    assert here["wheels"]["wheels"] == there["wheels"] == recorded["wheels"]["wheels"]


def test_without_a_request_the_usual_set():
    status, said = ask("pi", "--platform", "linux_aarch64", "--python-version", "3.11", "--glibc", "2.36")
    assert status == 0
    versions = {wheel["name"]: wheel["version"] for wheel in said["wheels"]["wheels"]}
    assert versions["torch"] == "2.9.1"  # a Pi: no CUDA build, and none that dies on a Cortex-A72
    assert {"opencv-python", "onnxruntime", "ai-edge-litert", "ncnn", "numpy"} < set(versions)


def test_none_fits():
    status, said = ask("pi", "torch", "--platform", "linux_armv7l", "--python-version", "3.13")
    assert (status, said["wheels"]["fits"], said["wheels"]["wheels"]) == (1, False, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--platform", "win_amd64", "--python-version", "3.11"),
        ("--platform", "linux_armv7l"),
        ("--python-version", "3.7"),
        ("--glibc", "2.28"),
        BUSTER + ("--from", MACHINE),
        BUSTER + ("nonsense",),
    ],
)
def test_words_that_describe_no_pi(arguments):
    status, said = ask("pi", *arguments)
    assert (status, said["error"]["exit"]) == (2, 2)
