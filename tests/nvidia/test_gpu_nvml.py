"""The NVML child against a stub library in C, loaded by the real pynvml."""

import os
import sys

import pytest
from lab.stubs import compile_stubs

from doctor.facts import Nvidia, Unknown
from doctor.probes import gpu

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only on Linux: the stub is an ELF library"
)


@pytest.fixture(scope="session")
def stub(tmp_path_factory):
    """The folder that holds the compiled stub."""
    return compile_stubs(tmp_path_factory.mktemp("nvml"), "nvml_stub.c")


@pytest.fixture
def ask(stub, monkeypatch, tmp_path):
    """Ask the stub with these settings; nothing of the machine's own NVIDIA software is seen."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(stub))
    monkeypatch.setenv("PATH", str(tmp_path))

    def go(timeout_s=None, **settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, str(value))
        if timeout_s is not None:
            monkeypatch.setattr(gpu, "TIMEOUT_S", timeout_s)
        return gpu.finish(gpu.start(root=str(tmp_path)))

    return go


def test_a_card(ask):
    nvidia = ask()
    (card,) = nvidia.gpus
    assert (nvidia.driver, nvidia.cuda) == ("550.54.15", "12.4")
    assert (card.name, card.compute_capability) == ("NVIDIA GeForce RTX 4090", "8.9")
    assert (card.memory_total_bytes, card.memory_used_bytes) == (24564 << 20, 512 << 20)
    assert nvidia.source("nvml").library == "550.54.15"
    assert nvidia.disagreements == ()


def test_several_cards_and_who_uses_them(ask):
    nvidia = ask(
        FAKE_COUNT=2, FAKE_NAMES="Tesla K80|NVIDIA H100 80GB HBM3", FAKE_CC="3.7|9.0", FAKE_PID=4711, FAKE_USED_MIB=9000
    )
    assert [(card.name, card.compute_capability) for card in nvidia.gpus] == [
        ("Tesla K80", "3.7"),
        ("NVIDIA H100 80GB HBM3", "9.0"),
    ]
    assert nvidia.gpus[0].processes == ("python3 (4711)",)


def test_no_cards(ask):
    nvidia = ask(FAKE_COUNT=0)
    assert (nvidia.driver, nvidia.gpus) == ("550.54.15", ())


@pytest.mark.parametrize("code, words", [(18, "mismatch"), (9, "Not Loaded"), (4, ""), (999, "Unknown")])
def test_errors_keep_their_number(ask, code, words):
    source = ask(FAKE_NVML_RC_nvmlInit=code).source("nvml")
    assert source.error_code == code
    assert words in source.error


def test_one_call_that_is_not_supported_costs_only_its_value(ask):
    (card,) = ask(FAKE_NVML_RC_nvmlDeviceGetCudaComputeCapability=3, FAKE_NVML_RC_nvmlDeviceGetMemoryInfo=3).gpus
    assert (card.name, card.compute_capability) == ("NVIDIA GeForce RTX 4090", None)
    assert (card.memory_total_bytes, card.memory_used_bytes) == (None, None)


def test_a_lost_card_does_not_hide_the_others(ask):
    nvidia = ask(FAKE_COUNT=2, FAKE_NAMES="A|B", FAKE_NVML_RC_nvmlDeviceGetHandleByIndex_0=15)
    assert [card.name for card in nvidia.gpus] == ["B"]
    assert nvidia.source("nvml").error_code == 15


def test_a_driver_that_hangs_is_not_no_driver(ask):
    found = ask(timeout_s=0.7, FAKE_NVML_SLEEP_nvmlInit=20000)
    assert isinstance(found, Unknown)
    assert "no answer" in found.reason


def test_what_was_said_before_a_hang_counts(ask):
    nvidia = ask(timeout_s=1.5, FAKE_NVML_SLEEP_nvmlDeviceGetCount=20000)
    assert nvidia.driver == "550.54.15"
    assert "no answer" in nvidia.source("nvml").error


def test_a_crash_in_the_library_is_not_no_driver(ask):
    found = ask(FAKE_NVML_CRASH_nvmlInit=1)
    assert isinstance(found, Unknown)
    assert "crashed with signal 11" in found.reason


def test_a_file_that_is_no_library_is_no_driver(ask, tmp_path, monkeypatch):
    (tmp_path / "libnvidia-ml.so.1").write_bytes(b"\x7fELF nonsense")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    assert gpu.finish(gpu.start(root=str(tmp_path))) is None


def test_without_a_driver_nothing_is_here(monkeypatch, tmp_path):
    if os.path.exists("/proc/driver/nvidia/version"):
        pytest.skip("not on a machine with an NVIDIA driver")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu.finish(gpu.start(root=str(tmp_path))) is None


def test_the_child_leaves_no_file_behind(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu.tempfile, "tempdir", str(tmp_path))
    assert isinstance(ask(), Nvidia)
    assert list(tmp_path.glob("doctor-*")) == []
