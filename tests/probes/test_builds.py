"""Builds of torch and its partners, read from files that look as the wheels leave them."""

import pytest
from lab.site import VISION, Site

from doctor.facts import Torch, Torchaudio, Torchvision, Unknown
from doctor.probes import builds

TORCH_212 = "__version__ = '1.12.1+cu102'\ndebug = False\ncuda = '10.2'\ngit_version = '664058f'\nhip = None\n"
TORCH_CPU = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '2.13.0+cpu'
debug = False
cuda: Optional[str] = None
git_version = 'cf30153c4c131c8164ee7798e5022d810682e2cb'
hip: Optional[str] = None
rocm: Optional[str] = None
xpu: Optional[str] = None
"""
TORCH_ROCM = "__version__ = '2.4.0+rocm6.1'\ncuda = None\nhip = '6.1.40091-a8dbc0c19'\n"


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site-packages")


def test_nothing_installed(site):
    site.folder.mkdir()
    assert site.read() == (None, None, None)
    assert builds.probe_builds([str(site.folder / "gone")]) == (None, None, None)


def test_cuda_build_of_the_package_index(site):
    site.torch(TORCH_212, "1.12.1", ("libtorch_cpu.so", "libtorch_cuda.so"))
    torch = site.read()[0]
    assert isinstance(torch, Torch)
    assert (torch.version, torch.metadata_version, torch.cuda) == ("1.12.1+cu102", "1.12.1", "10.2")
    assert (torch.cuda_library, torch.damage, torch.rocm) == (True, None, None)


def test_cpu_build_with_annotations(site):
    site.torch(TORCH_CPU, "2.13.0+cpu")
    torch = site.read()[0]
    assert (torch.version, torch.cuda, torch.cuda_library) == ("2.13.0+cpu", None, None)


def test_rocm_build(site):
    site.torch(TORCH_ROCM, "2.4.0+rocm6.1")
    torch = site.read()[0]
    assert (torch.cuda, torch.rocm) == (None, "6.1")


def test_windows_build(site):
    site.torch("__version__ = '2.1.0+cu121'\ncuda = '12.1'\n", "2.1.0+cu121", ("torch_cpu.dll", "torch_cuda.dll"))
    torch = site.read()[0]
    assert (torch.cuda_library, torch.damage) == (True, None)


def test_the_cuda_library_is_gone(site):
    site.torch(TORCH_212, "1.12.1")
    assert site.read()[0].cuda_library is False


def test_a_cuda_of_three_numbers(site):
    site.torch("__version__ = '1.2.0'\ncuda = '10.0.130'\n", "1.2.0", ("libtorch.so",))
    assert site.read()[0].cuda == "10.0"


def test_conda_keeps_libraries_elsewhere(site):
    site.torch(TORCH_212, "1.12.1", libraries=(), installer="conda")
    torch = site.read()[0]
    assert (torch.cuda_library, torch.damage) == (None, None)


@pytest.mark.parametrize(
    "gone, damage",
    [
        ("torch/__init__.py", "torch/__init__.py is missing"),
        ("torch/version.py", "torch/version.py is missing"),
        ("torch/_C.cpython-310-x86_64-linux-gnu.so", "torch/_C is missing"),
        ("torch/lib/libtorch_cpu.so", "torch/lib/libtorch_cpu is missing"),
    ],
)
def test_damage_is_installed_and_broken(site, gone, damage):
    site.torch(TORCH_CPU, "2.13.0+cpu")
    site.put("torch/lib/libtorch.so")
    (site.folder / gone).unlink()
    torch = site.read()[0]
    assert (torch.version, torch.damage) == ("2.13.0+cpu", damage)


def test_before_1_5_there_was_one_library(site):
    site.torch("__version__ = '1.4.0'\ncuda = '10.1'\n", "1.4.0", ("libtorch.so",))
    assert site.read()[0].damage is None


def test_metadata_without_files(site):
    site.metadata("torch", "2.1.0")
    torch = site.read()[0]
    assert (torch.version, torch.damage) == ("2.1.0", "the torch folder is missing")
    assert isinstance(torch.cuda, Unknown)


def test_an_editable_torch_lies_elsewhere(site):
    site.metadata("torch", "2.1.0a0", more='{"url": "file:///src/pytorch", "dir_info": {"editable": true}}')
    torch = site.read()[0]
    assert torch.damage is None
    assert isinstance(torch.cuda, Unknown)


def test_what_an_uninstall_left_is_no_package(site):
    site.put("torch/__pycache__/x.pyc")
    site.put("torchvision/datasets/data.json")
    assert site.read() == (None, None, None)


def test_unreadable_version_is_unknown_not_cpu(site):
    site.torch("\x00\x00 this is no Python", "2.1.0")
    torch = site.read()[0]
    assert torch.version == "2.1.0"
    assert isinstance(torch.cuda, Unknown)


def test_of_two_metadata_the_one_in_use_counts(site):
    site.put("torchvision/__init__.py")
    site.put("torchvision/version.py", VISION % "0.15.2+cu118")
    site.put("torchvision/_C.so")
    site.metadata("torchvision", "0.15.2", ["torch (==2.0.1)"])
    site.metadata("torchvision", "0.16.0", ["torch (==2.1.0)"])
    vision = site.read()[1]
    assert (vision.metadata_version, vision.requires_torch) == ("0.15.2", "torch (==2.0.1)")


def test_the_first_folder_of_the_path_wins(tmp_path):
    first, second = Site(tmp_path / "a"), Site(tmp_path / "b")
    first.folder.mkdir()
    second.torch(TORCH_212, "1.12.1", ("libtorch_cpu.so", "libtorch_cuda.so"))
    folders = [str(first.folder), str(second.folder)]
    assert builds.probe_torch(folders).version == "1.12.1+cu102"
    first.torch(TORCH_CPU, "2.13.0+cpu")
    assert builds.probe_torch(folders).version == "2.13.0+cpu"


@pytest.mark.parametrize(
    "version, cuda", [("0.14.1+cu117", "11.7"), ("0.28.0+cu130", "13.0"), ("0.9.1+cu92", "9.2"), ("0.16.0+cpu", None)]
)
def test_the_label_of_torchvision_names_its_build(site, version, cuda):
    site.put("torchvision/__init__.py")
    site.put("torchvision/version.py", VISION % version)
    site.put("torchvision/_C.so")
    site.metadata(
        "torchvision", version.split("+")[0], ["numpy", "torch (==1.13.1)", "torch-tb-profiler ; extra == 'x'"]
    )
    vision = site.read()[1]
    assert isinstance(vision, Torchvision)
    assert (vision.version, vision.cuda) == (version, cuda)
    assert (vision.abi, vision.extension, vision.requires_torch) == ("exact", True, "torch (==1.13.1)")


@pytest.mark.parametrize(
    "inside, cuda",
    [
        (b"..libtorch_cpu.so..libc10.so..", None),
        (b"..libtorch_cuda.so..libcudart.so.12..", "12"),
        (b"..libtorch_cuda.so..libcudart.782fcab0.so.11.0..", "11"),
        (b"..libtorch_cuda.so..libcudart-80664282.so.10.2..", "10.2"),
        (b"..torch_cuda.dll..cudart64_110.dll..", "11"),
    ],
)
def test_without_a_label_the_library_tells(site, inside, cuda):
    site.put("torchvision/__init__.py")
    site.put("torchvision/version.py", VISION % "0.15.2")
    site.put("torchvision/_C.so", inside)
    site.metadata("torchvision", "0.15.2")
    assert site.read()[1].cuda == cuda


def test_a_cuda_library_without_a_number_is_unknown(site):
    site.put("torchvision/__init__.py")
    site.put("torchvision/version.py", VISION % "0.15.2")
    site.put("torchvision/_C.so", b"..libtorch_cuda.so..")
    site.metadata("torchvision", "0.15.2")
    assert isinstance(site.read()[1].cuda, Unknown)


def test_the_stable_abi(site):
    site.put("torchvision/__init__.py")
    site.put("torchvision/version.py", VISION % "0.29.0+cu130")
    site.put("torchvision/_C_stable.so")
    site.metadata("torchvision", "0.29.0", ["torch (==2.14.0)"])
    assert site.read()[1].abi == "stable"


def test_torchvision_without_its_library(site):
    site.put("torchvision/__init__.py")
    site.put("torchvision/version.py", VISION % "0.15.2")
    site.metadata("torchvision", "0.15.2")
    vision = site.read()[1]
    assert (vision.extension, vision.abi) == (False, None)
    assert isinstance(vision.cuda, Unknown)


def test_torchaudio(site):
    site.put("torchaudio/__init__.py")
    site.put("torchaudio/version.py", "__version__ = '2.1.0+cu121'\ngit_version = 'a'\n")
    site.metadata("torchaudio", "2.1.0", ["torch (==2.1.0)"])
    audio = site.read()[2]
    assert isinstance(audio, Torchaudio)
    assert (audio.version, audio.cuda, audio.requires_torch) == ("2.1.0+cu121", "12.1", "torch (==2.1.0)")


def test_nothing_is_executed(site, tmp_path):
    marker = tmp_path / "executed"
    site.torch("open(%r, 'w')\n__version__ = '2.1.0'\ncuda = None\n" % str(marker), "2.1.0")
    assert site.read()[0].version == "2.1.0"
    assert not marker.exists()
