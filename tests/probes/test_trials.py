"""Import trials against packages that stand in for torch and its partners and misbehave on purpose."""

import os
import sys

import pytest

from doctor.facts import Unknown
from doctor.probes import trials

TORCH = """
__version__ = "2.1.0+cu121"
class version:
    cuda, hip = None, None
class _C:
    @staticmethod
    def _cuda_getArchFlags():
        return "sm_50 sm_80 compute_80"
class Tensor:
    def __init__(self, kept=None):
        self.kept = kept
    def numpy(self):
        import numpy
        return numpy
    def tolist(self):
        return self.kept
def ones(*shape, **how):
    return Tensor()
def tensor(data, **how):
    return Tensor()
def from_numpy(value):
    return Tensor()
"""
VISION = """
import torch
__version__ = "0.16.0"
class ops:
    @staticmethod
    def nms(boxes, scores, threshold):
        return torch.Tensor([0, 2])
"""
NUMPY = "__version__ = '1.26.4'\n"
CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
HANG = "import time; time.sleep(60)"


@pytest.fixture
def attempt(tmp_path):
    """Try packages made of these sources; name -> source of its __init__."""

    def go(timeout_s=20.0, sitecustomize=None, stages=(), **packages):
        site = tmp_path / "site"
        for name, source in packages.items():
            (site / name).mkdir(parents=True, exist_ok=True)
            (site / name / "__init__.py").write_text(source)
        site.mkdir(exist_ok=True)
        if sitecustomize:
            (site / "sitecustomize.py").write_text(sitecustomize)
        env = dict(os.environ, PYTHONPATH=str(site))
        return trials.finish(trials.start(sys.executable, timeout_s=timeout_s, env=env, stages=stages))

    return go


def outcome(found):
    return {stage.name: stage.status for stage in found.stages}


def test_all_goes_well(attempt):
    found = attempt(torch=TORCH, torchvision=VISION, numpy=NUMPY)
    assert outcome(found) == {
        "torch": "ok",
        "numpy-bridge": "ok",
        "torchvision": "ok",
        "nms-cpu": "ok",
        "cuda-kernel": "skipped",
        "nms-cuda": "skipped",
        "cv2": "skipped",
        "onnxruntime": "skipped",
    }
    data = found.stage("torch").data
    assert (data["version"], data["arch_list"]) == ("2.1.0+cu121", ["sm_50", "sm_80", "compute_80"])
    assert found.stage("numpy-bridge").data == {"numpy": "1.26.4"}


def test_nothing_installed(attempt):
    found = attempt(stages=("torch", "nms-cpu"))
    assert outcome(found) == {"torch": "skipped", "nms-cpu": "skipped"}
    assert found.stage("torch").data == {"installed": False}


def test_an_exception_belongs_to_its_stage(attempt):
    found = attempt(
        torch=TORCH, torchvision="raise RuntimeError('operator torchvision::nms does not exist')", numpy=NUMPY
    )
    stage = found.stage("torchvision")
    assert (stage.status, stage.error) == ("failed", "RuntimeError")
    assert stage.text.endswith("RuntimeError: operator torchvision::nms does not exist")
    assert "trial.py" not in stage.text
    assert outcome(found)["nms-cpu"] == "skipped"
    assert outcome(found)["numpy-bridge"] == "ok"


def test_a_library_that_exits_has_failed(attempt):
    stage = attempt(torch="import sys; sys.exit('no licence')").stage("torch")
    assert (stage.status, stage.error) == ("failed", "SystemExit")


def test_a_wrong_result_is_a_failure(attempt):
    vision = VISION.replace("[0, 2]", "[0, 1, 2]")
    stage = attempt(torch=TORCH, torchvision=vision, numpy=NUMPY).stage("nms-cpu")
    assert (stage.status, stage.error) == ("failed", "WrongResult")


@pytest.mark.skipif(os.name == "nt", reason="only on POSIX: signals")
def test_a_crash_in_torch_leaves_nothing_to_try(attempt):
    found = attempt(torch="print('loading', flush=True)\n" + CRASH, torchvision=VISION, numpy=NUMPY)
    stage = found.stage("torch")
    assert (stage.status, stage.signal) == ("crashed", 11)
    assert stage.text.startswith("loading")
    assert "Fatal Python error: Segmentation fault" in stage.text
    assert set(outcome(found).values()) == {"crashed", "skipped"}


@pytest.mark.skipif(os.name == "nt", reason="only on POSIX: signals")
def test_after_a_crash_only_what_does_not_build_on_it_is_tried_again(attempt):
    bridge = TORCH.replace("import numpy\n", CRASH + "\n")
    found = attempt(torch=bridge, torchvision=VISION, numpy=NUMPY)
    assert outcome(found)["numpy-bridge"] == "crashed"
    assert outcome(found)["torchvision"] == outcome(found)["nms-cpu"] == "ok"
    assert found.stage("torch").status == "ok"


@pytest.mark.skipif(os.name == "nt", reason="only on POSIX: signals")
def test_a_crash_in_torchvision_skips_its_operators(attempt):
    found = attempt(torch=TORCH, torchvision=CRASH, numpy=NUMPY)
    assert outcome(found)["torchvision"] == "crashed"
    assert outcome(found)["nms-cpu"] == "skipped"
    assert found.stage("cuda-kernel").text == "this torch was built without CUDA"  # tried in a new process


def test_a_hang_belongs_to_its_stage(attempt):
    found = attempt(
        timeout_s=2.0, torch=TORCH, torchvision=HANG, numpy=NUMPY, stages=("torch", "torchvision", "nms-cpu")
    )
    stage = found.stage("torchvision")
    assert stage.status == "hung"
    assert stage.seconds >= 1.9
    assert outcome(found)["nms-cpu"] == "skipped"


def test_dying_quietly_is_a_crash(attempt):
    stage = attempt(torch="import os; os._exit(7)").stage("torch")
    assert (stage.status, stage.signal) == ("crashed", 7)


def test_warnings_belong_to_the_stage_that_printed_them(attempt):
    noisy = "import warnings; warnings.warn('Failed to load image Python extension')\n" + VISION
    found = attempt(torch="print('hello from torch')\n" + TORCH, torchvision=noisy, numpy=NUMPY)
    assert found.stage("torch").text == "hello from torch"
    assert "Failed to load image" in found.stage("torchvision").text
    assert found.stage("nms-cpu").text == ""


def test_a_chatty_start_up_does_no_harm(attempt):
    chatty = 'import sys\nprint(\'{"stage": "torch", "status": "ok"}\')\nsys.stderr.write(\'x\' * 200000)\n'
    found = attempt(sitecustomize=chatty, torch="raise ImportError('broken')")
    assert found.stage("torch").status == "failed"


def test_a_python_that_does_not_start_is_unknown(tmp_path):
    found = trials.finish(trials.start(str(tmp_path / "python")))
    assert isinstance(found, Unknown)
    assert "did not start" in found.reason


def test_cv2_and_onnxruntime_have_a_process_of_their_own(attempt):
    cv2 = "__version__ = '4.9.0'\nimread = None\ndef getBuildInformation():\n    return '  GUI:      NONE\\n'\n"
    ort = "__version__ = '1.17.0'\ndef get_available_providers():\n    return ['CPUExecutionProvider']\n"
    found = attempt(torch="raise ImportError('broken')", cv2=cv2, onnxruntime=ort)
    assert found.stage("cv2").data["gui"] == "NONE"
    assert found.stage("onnxruntime").data["providers"] == ["CPUExecutionProvider"]


@pytest.mark.skipif(os.name == "nt", reason="only on POSIX: signals")
def test_a_crash_in_cv2_does_not_hide_onnxruntime(attempt):
    ort = "__version__ = '1.17.0'\ndef get_available_providers():\n    return []\n"
    found = attempt(cv2=CRASH, onnxruntime=ort, stages=("cv2", "onnxruntime"))
    assert outcome(found) == {"cv2": "crashed", "onnxruntime": "ok"}


def test_a_cv2_that_is_only_a_folder_fails(attempt):
    found = attempt(cv2="", stages=("cv2",))
    assert found.stage("cv2").error == "AttributeError"


def test_the_folder_of_the_script_lends_nothing(attempt):
    source = "import sys\ntry:\n    import nvml\nexcept ImportError:\n    raise RuntimeError('good')\n"
    assert attempt(torch=source).stage("torch").text.endswith("RuntimeError: good")


def test_nothing_is_left_behind(attempt, tmp_path, monkeypatch):
    monkeypatch.setattr(trials.tempfile, "tempdir", str(tmp_path))
    attempt(torch=TORCH)
    assert list(tmp_path.glob("doctor-*")) == []
    assert list((tmp_path / "site").rglob("*.pyc")) == []


def test_odd_values_do_not_break_the_report(attempt):
    odd = TORCH.replace("cuda, hip = None, None", "cuda, hip = object(), None")
    assert attempt(torch=odd, stages=("torch",)).stage("torch").status == "ok"
