"""--assume-gpu, --assume-driver, --no-gpu: which facts they replace, and which they leave alone."""

import pytest

from doctor.assume import assume, is_assumed
from doctor.facts import Facts, Gpu, Host, Nvidia, NvidiaSource, Stage, Torch, Trials, Unknown
from doctor.model import DoctorError

HERE = Nvidia(
    driver="552.22",
    cuda="12.4",
    gpus=(Gpu("GeForce MX330", "6.1", 2 << 30),),
    sources=(NvidiaSource("nvml", "552.22", "12.4", (Gpu("GeForce MX330", "6.1"),)),),
    pci=("10de:1d16",),
)


def facts(nvidia=HERE, system="windows", **more):
    return Facts({Host: Host(system, "x86_64", **more), Nvidia: nvidia})


def test_without_wishes_nothing_changes(matrix):
    before = facts()
    assert assume(before, matrix) == before


def test_a_card_by_name_or_by_capability(matrix):
    for name, capability in (("GeForce RTX 3060", "8.6"), ("sm_61", "6.1"), ("NVIDIA H100 80GB HBM3", "9.0")):
        nvidia = assume(facts(), matrix, gpus=[name]).need(Nvidia)
        assert [(gpu.name, gpu.compute_capability) for gpu in nvidia.gpus] == [(name, capability)]
        assert (nvidia.driver, nvidia.pci) == ("552.22", ())  # the driver that is here still counts
        assert is_assumed(nvidia)


def test_several_cards(matrix):
    nvidia = assume(facts(), matrix, gpus=["GeForce RTX 3060", "GeForce MX330"]).need(Nvidia)
    assert [gpu.compute_capability for gpu in nvidia.gpus] == ["8.6", "6.1"]


@pytest.mark.parametrize(
    "system, wsl, driver, cuda",
    [("windows", 0, "531.68", "12.1"), ("linux", 2, "531.68", "12.1"), ("linux", 0, "580.95.05", "13.0")],
)
def test_a_driver_brings_the_cuda_version_it_reports(matrix, system, wsl, driver, cuda):
    nvidia = assume(facts(system=system, wsl=wsl), matrix, driver=driver).need(Nvidia)
    assert (nvidia.driver, nvidia.cuda) == (driver, cuda)
    assert [gpu.name for gpu in nvidia.gpus] == ["GeForce MX330"]
    assert [source.name for source in nvidia.sources] == ["assumed"]


@pytest.mark.parametrize("state", [None, Unknown("nvidia-smi did not answer")])
def test_a_machine_in_its_cheaper_mode_gets_the_card_to_come(matrix, state):
    nvidia = assume(facts(state, "linux"), matrix, driver="580.95.05", gpus=["sm_120"]).need(Nvidia)
    assert (nvidia.driver, nvidia.gpus[0].compute_capability) == ("580.95.05", "12.0")


def test_no_gpu_is_a_known_absence(matrix):
    assert assume(facts(), matrix, no_gpu=True).state(Nvidia) is None
    assert assume(facts(Unknown("timed out")), matrix, no_gpu=True).state(Nvidia) is None


@pytest.mark.parametrize("wish", [{"gpus": ["sm_86"]}, {"driver": "531.68"}])
def test_no_gpu_contradicts_a_card(matrix, wish):
    with pytest.raises(DoctorError) as raised:
        assume(facts(), matrix, no_gpu=True, **wish)
    assert raised.value.exit == 2


def test_an_unknown_card_names_the_nearest_and_the_way_out(matrix):
    with pytest.raises(DoctorError) as raised:
        assume(facts(), matrix, gpus=["GeForce RTX 3061"])
    assert raised.value.exit == 2
    hint = raised.value.hint.render("en", raised.value.params)
    assert "RTX 3060" in hint and "sm_86" in hint


def test_a_driver_that_is_no_version(matrix):
    with pytest.raises(DoctorError) as raised:
        assume(facts(), matrix, driver="newest")
    assert raised.value.exit == 2


def test_trials_on_the_card_of_this_machine_are_set_aside(matrix):
    stages = (
        Stage("torch", "ok", data={"cuda": "12.1", "arch_list": ["sm_61"], "cuda_available": False, "devices": []}),
        Stage("nms-cpu", "ok"),
        Stage("cuda-kernel", "failed", error="RuntimeError", text="no kernel image is available"),
        Stage("nms-cuda", "skipped"),
    )
    before = facts().replace(Trials(stages), Torch("2.1.0+cu121"))
    for wish in ({"gpus": ["sm_86"]}, {"driver": "580.95"}, {"no_gpu": True}):
        after = assume(before, matrix, **wish)
        trials = after.need(Trials)
        assert [stage.name for stage in trials.stages] == ["torch", "nms-cpu"]
        assert trials.stages[0].data == {"cuda": "12.1", "arch_list": ["sm_61"]}
        assert after.need(Torch) == before.need(Torch)


@pytest.mark.parametrize("driver, state", [(None, "unknown"), ("580.95.05", "known")])
def test_a_card_without_a_named_driver_leaves_the_choice_open(matrix, driver, state):
    from doctor.facts import Python
    from doctor.wheels.target import Target

    before = Facts(
        {Host: Host("linux", "x86_64"), Nvidia: None, Python: Python("x", "3.10.1", platform="linux_x86_64")}
    )
    target = Target.from_facts(assume(before, matrix, gpus=["sm_86"], driver=driver), matrix)
    assert target.driver_state == state
    assert [card.cc for card in target.gpus] == ["8.6"]
