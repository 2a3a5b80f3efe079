"""Why a build lost, in Chinese too."""

import re

import pytest

from doctor.wheels import matrix as wheel_matrix
from doctor.wheels.command import run
from doctor.wheels.reasons import _CHINESE, joined, said

DESCRIBED = [
    (("torch", "torchvision"), {"platform": "linux_x86_64", "python_version": "3.10", "driver": "470.57.02"}),
    (("torch==2.9.0",), {"platform": "linux_x86_64", "python_version": "3.12", "driver": "580.95.05", "glibc": "2.17"}),
    (("torch", "numpy<1.20"), {"platform": "win_amd64", "python_version": "3.9", "driver": "531.68"}),
    (("torch==2.14.1", "torchvision==0.29.2"), {"platform": "linux_x86_64", "python_version": "3.12", "driver": "580"}),
    (("torch",), {"platform": "linux_aarch64", "python_version": "3.11", "no_gpu": True}),
    (("torch", "torchaudio==0.13"), {"platform": "macosx_arm64", "python_version": "3.13"}),
    (("torch", "torchvision"), {"platform": "linux_x86_64", "python_version": "3.11"}),
    (("onnxruntime", "opencv-python"), {"platform": "linux_armv7l", "python_version": "3.7", "glibc": "2.28"}),
]


@pytest.mark.parametrize("requirements, asked", DESCRIBED)
def test_every_reason_can_be_said_in_chinese(requirements, asked):
    gpus = () if "aarch64" in asked["platform"] or "macosx" in asked["platform"] else ("GeForce GTX 1060",)
    if "driver" not in asked or "armv7l" in asked["platform"]:
        gpus = ()
    choice = run(requirements, gpus=gpus, matrix=wheel_matrix.load(), **asked)
    reasons = {reason for item in choice.to_json("zh")["rejected"] for reason in item["reasons"]}
    assert reasons
    assert [reason for reason in reasons if not re.search("[\u4e00-\u9fff]", said(reason, "zh"))] == []
    assert [reason for reason in reasons if said(reason, "en") != reason] == []


def test_both_forms_have_the_same_holes():
    for english, chinese in _CHINESE:
        given = tuple("v%d" % number for number in range(english.count("{}")))
        filled = said(english.format(*given), "zh")
        assert all(value in filled for value in given), english
        assert filled == chinese.format(*given), english


def test_several_reasons_are_one_line():
    reasons = ("driver: 470.57.02 < 580", "compute-capability: 6.1 not in 7.5…12.0")
    assert joined(reasons, "en") == "driver: 470.57.02 < 580; compute-capability: 6.1 not in 7.5…12.0"
    assert joined(reasons, "zh") == "驱动：470.57.02 < 580；计算能力：6.1 不在 7.5…12.0 之内"


def test_a_warning_says_its_reasons_in_the_readers_language():
    asked = {"platform": "linux_x86_64", "python_version": "3.11", "driver": "580.95.05"}
    choice = run(("torch==2.7.0+cu126",), gpus=("GeForce RTX 5090",), matrix=wheel_matrix.load(), **asked)
    english, chinese = (" ".join(choice.to_json(lang)["warnings"]) for lang in ("en", "zh"))
    assert "CUDA 12.6 makes no code for 12.0" in english
    assert "CUDA 12.6 不能为 12.0 生成代码" in chinese and "makes no code" not in chinese
