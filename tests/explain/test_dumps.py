"""What pasted environment reports tell: recorded outputs, the forms of several tools, and what they do not state."""

import io
import json
import os

import pytest

from doctor import dumps
from doctor.explain import explain
from doctor.facts import Cpu, Distributions, Host, Nvidia, Python, Toolkit, Torch, Torchvision, Trials, Unknown
from doctor.registry import all_checks, diagnose
from doctor.wheels import matrix as wheel_matrix

RAW = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "raw")


def raw(name):
    with io.open(os.path.join(RAW, name), encoding="utf-8") as stream:
        return stream.read()


def found(facts):
    outcomes, findings = diagnose(all_checks(), facts, wheel_matrix.load())
    assert not [item for item in outcomes if item.status == "crashed"]
    return {item.code for item in findings if item.severity == "error"}


def test_collect_env_of_torch_1_12():
    facts = dumps.parse(raw("collect-env-torch1.12-vision0.14.txt"))
    assert facts.need(Torch).version == "1.12.1+cu102" and facts.need(Torch).cuda == "10.2"
    assert facts.need(Torchvision).version == "0.14.1"
    assert isinstance(facts.need(Torchvision).cuda, Unknown)
    python = facts.need(Python)
    assert (python.version, python.abi, python.platform) == ("3.10.13", "cp310", "linux_x86_64")
    assert facts.need(Host).libc_version == "2.36"
    assert facts.need(Distributions).find("numpy").version == "1.26.4"
    assert facts.need(Trials).stage("torch").data["cuda_available"] is False
    # "Could not collect" says nothing about a GPU.
    assert isinstance(facts.state(Nvidia), Unknown)
    assert facts.need(Toolkit).nvcc == "13.0"


def test_collect_env_of_torch_2_14_has_the_processor():
    facts = dumps.parse(raw("collect-env-torch2.14-vision0.29.txt"))
    assert "avx2" in facts.need(Cpu).flags and facts.need(Cpu).cores == 2
    assert facts.need(Torch).cuda == "13.0"


LIVE = json.loads(raw("live.json"))


@pytest.mark.parametrize("name", sorted(LIVE))
def test_recorded_dumps_are_judged_as_the_live_machine_was(name):
    assert sorted(found(dumps.parse(raw(name), wheel_matrix.load()))) == LIVE[name]


def test_a_list_without_a_platform_does_not_say_which_build_a_plain_version_is():
    """On Windows the package index has CPU builds; this very list, beside a CPU torch, would be in order there."""
    assert found(dumps.parse(raw("pip-list-torch2.13cpu-vision0.28.txt"), wheel_matrix.load())) == set()


@pytest.mark.parametrize(
    "torch, platform, codes",
    [
        ("2.1.0+cu121", "Windows-10-10.0.19045-SP0", {"torchvision-cpu-build"}),
        ("2.1.0+cpu", "Windows-10-10.0.19045-SP0", set()),
        ("2.1.0+cpu", "Linux-5.15.0-x86_64-with-glibc2.35", {"torchvision-build-mismatch"}),
        ("2.1.0+cu121", "Linux-5.15.0-x86_64-with-glibc2.35", set()),
        ("2.1.0+cu118", "Linux-5.15.0-x86_64-with-glibc2.35", {"torchvision-build-mismatch"}),
        ("2.1.0", "Linux-5.15.0-x86_64-with-glibc2.35", set()),
        ("2.1.0+cpu", "Linux-6.1.0-aarch64-with-glibc2.36", set()),
    ],
)
def test_a_plain_version_beside_a_labelled_torch_is_the_build_of_the_package_index(torch, platform, codes):
    text = (
        "PyTorch version: %s\nPython version: 3.10.11 (64-bit runtime)\nPython platform: %s\nIs CUDA available: %s\n"
        "Nvidia driver version: 535.161.07\nGPU models and configuration: GPU 0: NVIDIA GeForce RTX 3060\n"
        "[pip3] numpy==1.26.4\n[pip3] torch==%s\n[pip3] torchvision==0.16.0\n"
    ) % (torch, platform, "cu" in torch, torch)
    if "cpu" in torch:
        text = text.replace("535.161.07", "Could not collect").replace("GPU 0: NVIDIA GeForce RTX 3060", "No CUDA")
    assert found(dumps.parse(text, wheel_matrix.load())) == codes


def test_a_training_without_a_card_is_no_fault():
    assert explain(raw("yolo-train-8.4-torch2.13-vision0.28.txt"), wheel_matrix.load()).diagnoses == ()
    first = explain(raw("yolo-train-8.4-torch2.13cpu-vision0.28.txt"), wheel_matrix.load()).diagnoses[0]
    assert (first.code, first.confidence) == ("torchvision-version-mismatch", "high")


def test_the_error_of_the_live_machine_gets_the_same_code():
    for name in ("nms-torch1.12-vision0.14.txt", "nms-torch2.13cpu-vision0.29.txt"):
        first = explain(raw(name), wheel_matrix.load()).diagnoses[0]
        assert (first.code, first.confidence) == ("torchvision-version-mismatch", "high")


def test_pip_list():
    facts = dumps.parse(raw("pip-list-torch1.12-vision0.14.txt"))
    assert facts.need(Torch).version == "1.12.1"
    assert facts.need(Torchvision).version == "0.14.1"
    assert "torchvision-version-mismatch" in found(facts)


@pytest.mark.parametrize(
    "name, driver, cuda, gpu",
    [
        ("nvidia-smi-610.txt", "610.43.02", "13.3", "NVIDIA GeForce RTX 5090"),
        ("nvidia-smi-wsl-531.txt", "531.68", "12.1", "NVIDIA GeForce RTX 3070"),
    ],
)
def test_nvidia_smi(name, driver, cuda, gpu):
    nvidia = dumps.parse(raw(name)).need(Nvidia)
    assert (nvidia.driver, nvidia.cuda, nvidia.gpus[0].name) == (driver, cuda, gpu)
    assert nvidia.gpus[0].memory_total_bytes


def test_detectron2_table():
    text = (
        "------------  ----------\n"
        "sys.platform            linux\n"
        "Python                  3.9.12 (main, Apr  5 2022, 06:56:58) [GCC 7.5.0]\n"
        "numpy                   1.23.4\n"
        "PyTorch                 1.13.0+cu116 @/data/venv/lib/python3.9/site-packages/torch\n"
        "GPU available           Yes\n"
        "GPU 0,1                 NVIDIA RTX A6000 (arch=8.6)\n"
        "Driver version          510.47.03\n"
        "CUDA_HOME               /usr/local/cuda\n"
        "torchvision             0.14.0+cu116 @/data/venv/lib/python3.9/site-packages/torchvision\n"
    )
    facts = dumps.parse(text)
    assert facts.need(Torchvision).cuda == "11.6"
    nvidia = facts.need(Nvidia)
    assert nvidia.driver == "510.47.03"
    assert [gpu.compute_capability for gpu in nvidia.gpus] == ["8.6", "8.6"]


def test_sglang_form_and_a_driver_that_should_be_too_old():
    text = (
        "Python: 3.12.7 | packaged by Anaconda, Inc. | (main, Oct  4 2024, 13:27:36) [GCC 11.2.0]\n"
        "CUDA available: True\nGPU 0,1: NVIDIA A100-SXM4-80GB\nGPU 0,1 Compute Capability: 8.0\n"
        "CUDA_HOME: /usr/local/cuda\nNVCC: Cuda compilation tools, release 12.2, V12.2.140\n"
        "CUDA Driver Version: 470.103.01\nPyTorch: 2.5.1+cu121\n"
    )
    facts = dumps.parse(text)
    assert facts.need(Nvidia).driver == "470.103.01" and len(facts.need(Nvidia).gpus) == 2
    # torch reached the GPU there: a forward-compatibility package is installed.
    assert "driver-too-old" in dumps.contradicted(facts)
    assert not [item for item in explain(text, wheel_matrix.load()).diagnoses if item.code == "driver-too-old"]


def test_vllm_form_with_aligned_colons():
    text = (
        "OS                           : Ubuntu 22.04.5 LTS (x86_64)\n"
        "Libc version                 : glibc-2.35\n"
        "PyTorch version              : 2.9.1+cu130\nCUDA used to build PyTorch   : 13.0\n"
        "ROCM used to build PyTorch   : N/A\nPython version               : 3.12.3 "
        "(main) [GCC 13.3.0] (64-bit runtime)\n"
        "Is CUDA available            : True\nGPU models and configuration : GPU 0: NVIDIA GeForce GTX 1060 6GB\n"
        "Nvidia driver version        : 580.95.05\n"
    )
    facts = dumps.parse(text)
    assert facts.need(Nvidia).gpus[0].name == "NVIDIA GeForce GTX 1060 6GB"
    assert facts.need(Python).libc_version == "2.35"
    assert [item.code for item in explain(text, wheel_matrix.load()).diagnoses] == ["gpu-arch-unsupported"]


def test_rocm_is_no_nvidia():
    text = (
        "PyTorch version: 2.7.0a0+git1341794\nCUDA used to build PyTorch: N/A\nROCM used "
        "to build PyTorch: 6.4.43482-0f2d60242\n"
        "GPU models and configuration: AMD Instinct MI100 "
        "(gfx908:sramecc+:xnack-)\nNvidia driver version: Could not collect\n"
    )
    facts = dumps.parse(text)
    assert facts.need(Torch).rocm.startswith("6.4") and facts.need(Torch).cuda is None
    assert isinstance(facts.state(Nvidia), Unknown)


@pytest.mark.parametrize(
    "line, version, gpu",
    [
        ("YOLOv5 🚀 v7.0-0 Python-3.10.12 torch-2.0.1+cpu CPU", "2.0.1+cpu", None),
        ("YOLOv8.2.79 🚀 Python-3.10.14 torch-2.4.0+cu121 CUDA:0 (NVIDIA GeForce RTX 3090, 24253MiB)",
         "2.4.0+cu121", "NVIDIA GeForce RTX 3090"),
        ("YOLOv5 2022-11-7 Python-3.7.13 torch-1.13.0+cu117 CUDA:0 (Tesla T4, 15110MiB)", "1.13.0+cu117", "Tesla T4"),
        ("YOLOR 🚀 v0.1-115-g072f76c torch 1.9.0+cu111 CUDA:0 (GeForce RTX 3080 Ti, 12054MB)", "1.9.0+cu111", None),
    ],
)  # fmt: skip
def test_banners(line, version, gpu):
    facts = dumps.read(line)
    assert facts.need(Torch).version == version
    if gpu:
        assert facts.need(Nvidia).gpus[0].name == gpu
        assert facts.need(Trials).stage("torch").data["cuda_available"] is True


def test_a_cpu_torch_beside_a_cpu_torchvision_on_any_machine_is_no_fault():
    text = (
        "PyTorch version: 2.1.0+cpu\nCUDA used to build PyTorch: Could not "
        "collect\n[pip3] torch==2.1.0+cpu\n[pip3] torchvision==0.16.0+cpu\n"
    )
    assert explain(text, wheel_matrix.load()).diagnoses == ()


def test_a_cpu_torchvision_beside_a_cuda_torch_is_found_in_a_dump():
    text = (
        "Collecting environment information...\nPyTorch version: 2.1.0+cu121\nCUDA used to build PyTorch: 12.1\n"
        "OS: Microsoft Windows 10\nPython version: 3.10.11 (64-bit runtime)\nIs CUDA available: True\n"
        "GPU models and configuration: GPU 0: NVIDIA GeForce RTX 3060\nNvidia driver version: 531.68\n"
        "[pip3] numpy==1.26.4\n[pip3] torch==2.1.0+cu121\n[pip3] torchvision==0.16.0+cpu\n"
    )
    (item,) = explain(text, wheel_matrix.load()).diagnoses
    assert item.code == "torchvision-cpu-build"


def test_conda_list_and_freeze():
    conda = (
        "# packages in environment at /home/u/miniconda3/envs/t:\n#\n# Name              "
        "      Version                   Build  Channel\n"
        "pytorch                   1.12.1          py3.9_cuda11.3_cudnn8.3.2_0    pytorch\n"
        "torchvision               0.13.1               py39_cu113    pytorch\n"
    )
    facts = dumps.parse(conda)
    assert facts.need(Torch).cuda == "11.3" and facts.need(Torchvision).cuda == "11.3"
    freeze = "".join("package%d==1.%d\n" % (at, at) for at in range(9)) + "torch==2.0.1\n"
    assert dumps.parse(freeze).need(Torch).version == "2.0.1"
    assert dumps.parse("torch==2.0.1\nnumpy==1.24\n") is None


def test_python_is_read_from_paths():
    assert dumps.read('File "/home/u/envs/a/lib/python3.9/site-packages/torch/x.py"').need(Python).version == "3.9"
    assert (
        dumps.read("C:\\Users\\a\\AppData\\Local\\Programs\\Python\\Python311\\Lib\\site-packages\\x.py")
        .need(Python)
        .version
        == "3.11"
    )
    assert dumps.parse('File "/home/u/envs/a/lib/python3.9/site-packages/torch/x.py"') is None
