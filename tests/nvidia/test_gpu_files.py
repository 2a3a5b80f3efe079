"""What files say about NVIDIA hardware and driver: the kernel module, the PCI bus, WSL."""

import os

import pytest

from doctor.facts import Gpu, Nvidia
from doctor.gpu_chips import capability_of_device
from doctor.probes import gpu

CLOSED = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.135  Fri Jan 10 20:00:00 UTC 2025\nGCC version:  gcc 13\n"
OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (dvs-builder@U22-I3-B17-02-5)"
    "  Tue Sep 23 09:55:41 UTC 2025\n"
)
PCI_IDS = (
    "10dd  Before\n10de  NVIDIA Corporation\n\t1d16  GP108M [GeForce MX330]\n\t\t1025 1422  Aspire\n\t2503  GA106\n"
    "10df  After\n\t1d16  Wrong\n"
)
NOT_FOUND = gpu.NvidiaSource("nvml", error="Driver library not found: not found", error_code=12)


def put(root, path, text=""):
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def card(root, address, device, vendor="0x10de", kind="0x030000", module=None):
    base = "sys/bus/pci/devices/%s/" % address
    put(root, base + "vendor", vendor + "\n")
    put(root, base + "device", device + "\n")
    put(root, base + "class", kind + "\n")
    if module:
        os.symlink("../../drivers/" + module, str(root / base / "driver"))


@pytest.mark.parametrize("text, version", [(CLOSED, "550.135"), (OPEN, "580.95.05"), ("", None), ("garbage", None)])
def test_the_module_tells_its_version(text, version):
    assert gpu.parse_module_version(text) == version


def test_cards_on_the_bus(tmp_path):
    card(tmp_path, "0000:01:00.0", "0x1d16", module="nouveau")
    card(tmp_path, "0000:01:00.1", "0x10f1", kind="0x040300")  # its sound device
    card(tmp_path, "0000:02:00.0", "0x2503", kind="0x030200")
    card(tmp_path, "0000:03:00.0", "0x56a0", vendor="0x8086")
    put(tmp_path, "usr/share/misc/pci.ids", PCI_IDS)
    nvidia = gpu.merge([NOT_FOUND], gpu.probe_files(str(tmp_path)))
    assert nvidia.pci == ("NVIDIA GeForce MX330", "NVIDIA GA106")
    assert nvidia.source("sysfs").gpus[0] == Gpu("NVIDIA GeForce MX330", "6.1")
    assert nvidia.kernel_module == "nouveau"
    assert (nvidia.driver, nvidia.gpus) == (None, ())


def test_a_card_without_a_list_of_names(tmp_path):
    card(tmp_path, "0000:01:00.0", "0x1d16")
    assert gpu.merge([], gpu.probe_files(str(tmp_path))).pci == ("10de:1d16",)


def test_nothing_anywhere_is_absent(tmp_path):
    assert gpu.merge([NOT_FOUND], gpu.probe_files(str(tmp_path))) is None


def test_the_library_of_another_version(tmp_path):
    put(tmp_path, "proc/driver/nvidia/version", OPEN)
    put(tmp_path, "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.126.09")
    os.symlink("libnvidia-ml.so.580.126.09", str(tmp_path / "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"))
    source = gpu.probe_files(str(tmp_path)).proc
    assert (source.driver, source.library) == ("580.95.05", "580.126.09")


def test_a_driver_that_could_not_be_loaded_is_known_by_its_library(tmp_path):
    card(tmp_path, "0000:01:00.0", "0x1c03")
    put(tmp_path, "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.590.48.01")
    os.symlink("libnvidia-ml.so.590.48.01", str(tmp_path / "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"))
    refused = gpu.NvidiaSource("nvml", error="Driver Not Loaded", error_code=9)
    nvidia = gpu.merge([refused], gpu.probe_files(str(tmp_path)))
    assert (nvidia.driver, nvidia.source("nvml").library) == (None, "590.48.01")


def test_the_module_shows_the_cards_when_the_tools_are_missing(tmp_path):
    put(tmp_path, "proc/driver/nvidia/version", CLOSED)
    put(tmp_path, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA GeForce RTX 3060\nIRQ: 1\n")
    files = gpu.probe_files(str(tmp_path))
    assert gpu.merge([NOT_FOUND], files).gpus == ()  # a container that shares /proc: no library, no card
    put(tmp_path, "usr/lib/x86_64-linux-gnu/libcuda.so.1")
    nvidia = gpu.merge([NOT_FOUND], gpu.probe_files(str(tmp_path)))
    assert [item.name for item in nvidia.gpus] == ["NVIDIA GeForce RTX 3060"]
    refused = gpu.NvidiaSource("nvml", error="Driver Not Loaded", error_code=9)
    assert gpu.merge([refused], gpu.probe_files(str(tmp_path))).gpus == ()


def test_wsl(tmp_path):
    put(tmp_path, "proc/version", "Linux version 5.15.153.1-microsoft-standard-WSL2 (root@x)\n")
    put(tmp_path, "usr/lib/wsl/lib/libcuda.so.1")
    put(tmp_path, "usr/lib/x86_64-linux-gnu/libcuda.so.1", "another")
    nvidia = gpu.merge([NOT_FOUND], gpu.probe_files(str(tmp_path)))
    assert isinstance(nvidia, Nvidia)
    assert nvidia.dxg is False
    assert [os.path.relpath(path, str(tmp_path)) for path in nvidia.libcuda] == [
        "usr/lib/wsl/lib/libcuda.so.1",
        "usr/lib/x86_64-linux-gnu/libcuda.so.1",
    ]
    put(tmp_path, "dev/dxg")
    assert gpu.probe_files(str(tmp_path)).dxg is True


def test_outside_wsl_there_is_no_such_device(tmp_path):
    assert gpu.probe_files(str(tmp_path)).dxg is None


@pytest.mark.parametrize(
    "device, capability",
    [(0x1D16, "6.1"), (0x1C03, "6.1"), (0x2503, "8.6"), (0x2684, "8.9"), (0x102D, "3.7"), (0x2B85, "12.0")]
    + [(0x0000, None), (0x3000, None), (0xFFFF, None)],
)
def test_capability_by_device_id(device, capability):
    assert capability_of_device(device) == capability
