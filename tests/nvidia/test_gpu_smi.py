"""`nvidia-smi`: recorded tables, and programs of that name that misbehave."""

import pytest
from lab import nvidia_smi

from doctor.facts import Gpu, Nvidia, Unknown
from doctor.probes import gpu
from doctor.probes.run import Ran

MIB = 1 << 20


def ran(stdout="", stderr="", returncode=0, timed_out=False, error=None, signal=None):
    return Ran(returncode, stdout, stderr, timed_out, error, signal, 0.1)


@pytest.fixture
def ask(monkeypatch, tmp_path):
    """Run a fake `nvidia-smi` beside no NVML and no files."""
    monkeypatch.setattr(gpu, "TIMEOUT_S", 5.0)

    def go(**settings):
        nvidia_smi.make(tmp_path / "bin", **settings)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        return gpu.finish(gpu.start(root=str(tmp_path)))

    return go


def test_wsl_the_driver_is_not_the_tool():
    source = gpu.parse_smi(ran(nvidia_smi.raw("nvidia-smi-wsl-531.txt")))
    assert (source.driver, source.cuda) == ("531.68", "12.1")
    assert source.gpus == (Gpu("NVIDIA GeForce RTX 3070", None, 8192 * MIB, 1029 * MIB),)


def test_since_610_the_labels_are_others():
    source = gpu.parse_smi(ran(nvidia_smi.raw("nvidia-smi-610.txt")))
    assert (source.driver, source.cuda) == ("610.43.02", "13.3")
    assert [card.name for card in source.gpus] == ["NVIDIA GeForce RTX 5090"]


def test_between_the_two_the_driver_label_was_the_old_one():
    banner = "| NVIDIA-SMI 610.57.04   Driver Version: 610.57.04   CUDA UMD Version: 13.3     |"
    source = gpu.parse_smi(ran(banner))
    assert (source.driver, source.cuda) == ("610.57.04", "13.3")


def test_the_query_says_more_than_the_table():
    query = "NVIDIA GeForce RTX 3070, 8.6, 8192, 1029, 531.68\n"
    source = gpu.parse_smi(ran(nvidia_smi.raw("nvidia-smi-wsl-531.txt")), ran(query))
    assert source.gpus == (Gpu("NVIDIA GeForce RTX 3070", "8.6", 8192 * MIB, 1029 * MIB),)


def test_an_old_tool_does_not_know_compute_cap():
    table = nvidia_smi.raw("nvidia-smi-wsl-531.txt")
    query = ran('Field "compute_cap" is not a valid field to query.\n', returncode=2)
    assert [card.name for card in gpu.parse_smi(ran(table), query).gpus] == ["NVIDIA GeForce RTX 3070"]


def test_cells_without_a_value_are_unknown():
    query = "NVIDIA H100 80GB HBM3, [N/A], [N/A], [Not Supported], 550.54.15\n"
    assert gpu.parse_smi_query(query) == (Gpu("NVIDIA H100 80GB HBM3"),)


@pytest.mark.parametrize(
    "text, code",
    [
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that ...", None),
        ("Failed to initialize NVML: Driver/library version mismatch", 18),
        ("Failed to initialize NVML: Unknown Error", None),
        ("No devices were found", None),
        ("Unable to determine the device handle for GPU0000:01:00.0: Unknown Error", None),
    ],
)
def test_its_own_words_are_kept(text, code):
    source = gpu.parse_smi(ran(text + "\nNVML library version: 550.54\n", returncode=9))
    assert (source.error, source.error_code) == (text, code)
    assert (source.driver, source.gpus) == (None, ())


def test_a_noisy_one(ask):
    noise = "import sys; sys.stdout.write('loading site settings, please wait\\n')"
    table = nvidia_smi.raw("nvidia-smi-610.txt")
    nvidia = ask(table=table, query="NVIDIA GeForce RTX 5090, 12.0, 32607, 1, 610.43.02\n", before=noise)
    assert (nvidia.driver, nvidia.cuda) == ("610.43.02", "13.3")
    assert nvidia.gpus == (Gpu("NVIDIA GeForce RTX 5090", "12.0", 32607 * MIB, 1 * MIB),)


def test_a_silent_one(ask):
    source = ask().source("nvidia-smi")
    assert source.error == "its output holds no driver version"


def test_garbage(ask):
    nvidia = ask(table="\x00\xff|||0 %s \x1b[31m" % ("x" * 5000), query=",,,,\n" * 50)
    assert nvidia.gpus == ()
    assert nvidia.source("nvidia-smi").error


def test_a_slow_one_is_not_no_gpu(ask, monkeypatch):
    monkeypatch.setattr(gpu, "TIMEOUT_S", 0.6)
    found = ask(before="time.sleep(60)")
    assert isinstance(found, Unknown)
    assert "nvidia-smi: no answer" in found.reason


def test_a_crashing_one_is_not_no_gpu(ask):
    found = ask(before="os.kill(os.getpid(), 11)")
    assert isinstance(found, Unknown)
    assert "nvidia-smi: crashed with signal 11" in found.reason


def test_a_failing_one_is_kept_as_what_it_said(ask):
    nvidia = ask(stderr="NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", code=9)
    assert isinstance(nvidia, Nvidia)
    assert (nvidia.driver, nvidia.gpus) == (None, ())
    assert "couldn't communicate" in nvidia.source("nvidia-smi").error


def test_sources_that_disagree_are_kept():
    nvml = gpu.NvidiaSource("nvml", driver="550.54.15", cuda="12.4", gpus=(Gpu("A", "8.6"),))
    smi = gpu.NvidiaSource("nvidia-smi", driver="535.161.07", cuda="12.4", gpus=(Gpu("A"), Gpu("B")))
    nvidia = gpu.merge([nvml, smi], gpu.Files(None, None, None, (), None))
    assert nvidia.driver == "550.54.15"
    assert nvidia.disagreements == (
        "driver: nvml says 550.54.15, nvidia-smi says 535.161.07",
        "cards: nvml shows 1, nvidia-smi shows 2",
    )
