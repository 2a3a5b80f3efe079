"""Which wheels fit: a table of targets and the set each must get, and why the others lost."""

import json

import pytest

from doctor.facts import Board, Facts, Gpu, Host, Nvidia, Python, Unknown
from doctor.model import DoctorError
from doctor.record import replace
from doctor.wheels.choose import choose
from doctor.wheels.command import run
from doctor.wheels.matrix import load
from doctor.wheels.target import Target

MATRIX = load()
TORCH = ("torch", "torchvision")


def described(platform, python="3.11", **words):
    return Target.described(platform, MATRIX, python, **words)


def pick(target, *wishes, **more):
    return choose(MATRIX, wishes or TORCH, target, **more)


def names(choice):
    return [wheel.filename for wheel in choice.wheels]


def version(choice, name="torch"):
    wheel = choice.wheel(name)
    return wheel.version if wheel else None


def reasons(choice, build):
    return next((" ".join(item.reasons) for item in choice.rejected if item.build == build), None)


# ---------------------------------------------------------------- the table

WIN, LINUX, ARM, MAC = "win_amd64", "linux_x86_64", "linux_aarch64", "macosx_arm64"

#: (platform, python, words) -> (torch, torchvision)
TABLE = [
    # the four machines of the comparison with other tools
    (WIN, "3.11", {"driver": "552.22", "gpus": ["GeForce MX330"]}, ("2.14.1+cu126", "0.29.1+cu126")),
    (LINUX, "3.11", {"driver": "580.95.05", "gpus": ["GTX 1060"]}, ("2.14.1+cu126", "0.29.1+cu126")),
    (LINUX, "3.11", {"driver": "570.124.06", "gpus": ["RTX 5090"]}, ("2.11.0+cu128", "0.26.0+cu128")),
    (WIN, "3.11", {"driver": "531.68", "gpus": ["RTX 3060"]}, ("2.14.1+cu126", "0.29.1+cu126")),
    # direct support before minor-version compatibility, then the highest CUDA
    (LINUX, "3.12", {"driver": "580.95.05", "gpus": ["RTX 4090"]}, ("2.14.1+cu130", "0.29.1+cu130")),
    (LINUX, "3.12", {"driver": "595.71.05", "gpus": ["RTX 4090"]}, ("2.14.1+cu132", "0.29.1+cu132")),
    (LINUX, "3.12", {"driver": "560.35.03", "gpus": ["RTX 4090"]}, ("2.14.1+cu126", "0.29.1+cu126")),
    # a driver too old for CUDA 12
    (LINUX, "3.11", {"driver": "470.57.02", "gpus": ["RTX 3060"]}, ("2.5.1+cu118", "0.20.1+cu118")),
    (LINUX, "3.10", {"driver": "440.100", "gpus": ["Tesla T4"]}, ("1.12.1+cu102", "0.13.1+cu102")),
    # old cards
    (LINUX, "3.11", {"driver": "470.57.02", "gpus": ["Tesla K80"]}, ("2.5.1+cu118", "0.20.1+cu118")),
    (LINUX, "3.11", {"driver": "580.95.05", "gpus": ["Tesla V100-SXM2-16GB"]}, ("2.14.1+cu126", "0.29.1+cu126")),
    (LINUX, "3.11", {"driver": "580.95.05", "gpus": ["RTX 3060", "GTX 1060"]}, ("2.14.1+cu126", "0.29.1+cu126")),
    # libc
    (LINUX, "3.11", {"driver": "580.95.05", "gpus": ["RTX 4090"], "glibc": "2.17"}, ("2.6.0+cu124", "0.21.0+cu124")),
    (LINUX, "3.11", {"no_gpu": True, "glibc": "2.27"}, ("2.6.0+cpu", "0.21.0+cpu")),
    # old and new Pythons
    (LINUX, "3.8", {"no_gpu": True}, ("2.4.1+cpu", "0.19.1+cpu")),
    (WIN, "3.7", {"no_gpu": True}, ("1.13.1+cpu", "0.14.1+cpu")),
    (LINUX, "3.15", {"no_gpu": True}, ("2.15.0+cpu", "0.29.2+cpu")),
    (WIN, "3.11", {"no_gpu": True}, ("2.15.0+cpu", "0.29.2+cpu")),
    # aarch64 and macOS
    (ARM, "3.11", {"no_gpu": True}, ("2.15.0+cpu", "0.29.2+cpu")),
    (ARM, "3.12", {"driver": "580.95.05", "gpus": ["sm_90"]}, ("2.14.1+cu130", "0.29.1+cu130")),
    (MAC, "3.12", {}, ("2.15.0", "0.29.2")),
    ("macosx_13_0_arm64", "3.12", {}, ("2.11.0", "0.26.0")),
    ("macosx_x86_64", "3.11", {}, ("2.2.2", "0.17.2")),
    # free-threaded
    (LINUX, "3.13t", {"no_gpu": True}, ("2.12.0+cpu", "0.27.0+cpu")),
    (LINUX, "3.14t", {"driver": "580.95.05", "gpus": ["RTX 4090"]}, ("2.14.1+cu130", "0.29.1+cu130")),
]


@pytest.mark.parametrize("platform, python, words, expected", TABLE)
def test_the_set_for_a_target(platform, python, words, expected):
    choice = pick(described(platform, python, **words))
    assert choice.fits, choice.rule.render("en")
    assert (version(choice), version(choice, "torchvision")) == expected
    tags = set(Target.described(platform, MATRIX, python, **words).tags())
    for wheel in choice.wheels:
        assert set(tags_of(wheel.filename)) & tags, wheel.filename


def tags_of(filename):
    from packaging.utils import parse_wheel_filename

    return [str(tag) for tag in parse_wheel_filename(filename)[3]]


def test_driver_floors_hold_exactly():
    for driver, fits in (("525.60.12", False), ("525.60.13", True)):
        choice = pick(described(LINUX, driver=driver, gpus=["RTX 3060"]), "torch==2.14.1")
        assert choice.fits is fits
    for driver, fits in (("528.32", False), ("528.33", True)):
        assert pick(described(WIN, driver=driver, gpus=["RTX 3060"]), "torch==2.14.1").fits is fits


# ---------------------------------------------------------------- why the others lost


@pytest.mark.parametrize("platform", ["linux_x86_64", "win_amd64"])
def test_a_bare_branch_supports_what_its_drivers_report(platform):
    assert version(pick(described(platform, driver="580", gpus=["RTX 3060"]), "torch")) == "2.14.1+cu130"
    assert version(pick(described(platform, driver="570", gpus=["RTX 5090"]), "torch==2.8.0")) == "2.8.0+cu128"


def test_every_build_that_lost_says_why():
    choice = pick(described(LINUX, driver="580.95.05", gpus=["GTX 1060"], glibc="2.31"))
    builds = {item.build for item in choice.rejected}
    for release in MATRIX.torch_releases:
        listed = {build.name for build in MATRIX.builds(release, LINUX)}
        assert listed <= builds | {"torch 2.14.1 cu126"} or "torch " + release in builds, release
    assert all(item.reasons for item in choice.rejected)
    assert reasons(choice, "torch 2.9.0 cu130") == "compute-capability: 6.1 not in 7.5…12.0"
    assert "cpu" in reasons(choice, "torch 2.14.1 cpu")
    assert reasons(choice, "torch 2.13.0 cu126") == "order: older than 2.14.1"
    assert reasons(choice, "torch 2.14.1 rocm7.2").startswith("rocm:")
    assert "python" in reasons(choice, "torch 1.12.1")
    driver = pick(described(LINUX, driver="552.22", gpus=["RTX 3060"]))
    assert reasons(driver, "torch 2.14.1 cu130") == "driver: 552.22 < 580"
    libc = pick(described(LINUX, no_gpu=True, glibc="2.27"))
    assert reasons(libc, "torch 2.9.0 cpu") == "glibc: torch needs 2.28, this is 2.27"


def test_an_unknown_arch_list_never_beats_a_known_one_and_is_named():
    choice = pick(described(LINUX, driver="595.71.05", gpus=["RTX 4090"]))
    assert version(choice) == "2.14.1+cu132"
    assert any("2.15.0 cu132" in said.render("en") for said in choice.warnings)


def test_an_unknown_build_is_chosen_only_when_nothing_else_fits_and_that_is_said():
    choice = pick(described(LINUX, driver="580.95.05", gpus=["GTX 1060"]), "torch==2.7.1")
    assert version(choice) == "2.7.1+cu126" and not choice.fits and choice.exit == 1
    assert any("arch-list" in said.render("en") for said in choice.warnings)


def test_several_cards_that_no_build_serves_get_the_best_for_each():
    choice = pick(described(LINUX, driver="580.95.05", gpus=["RTX 5090", "GTX 1060"]))
    assert choice.wheels == () and choice.exit == 1
    found = {item.when.render("en"): item.wheels[0].version for item in choice.alternatives}
    assert found["only RTX 5090 is used"] == "2.14.1+cu130"
    assert found["only GTX 1060 is used"] == "2.14.1+cu126"
    assert found["without an NVIDIA GPU"] == "2.15.0+cpu"


def test_two_cards_of_one_kind_are_judged_as_one():
    words = {"driver": "580.95.05", "gpus": ["sm_90"]}
    alone = pick(described(ARM, "3.10", **words), "torch==2.7.0")
    both = pick(described(ARM, "3.10", **dict(words, gpus=["sm_90", "H100"])), "torch==2.7.0")
    assert version(alone) == version(both) == "2.7.0+cu128"
    assert not alone.fits and not both.fits


def test_windows_had_a_build_for_both():
    choice = pick(described(WIN, driver="580.95", gpus=["RTX 5090", "GTX 1060"]))
    assert version(choice) == "2.8.0+cu128" and choice.fits


def test_no_driver_beside_a_card_is_never_silently_the_cpu():
    facts = machine(Nvidia(gpus=(), pci=("10de:1c03",)))
    choice = pick(Target.from_facts(facts, MATRIX))
    assert choice.wheels == () and choice.exit == 1
    whens = [item.when.render("en") for item in choice.alternatives]
    assert whens[0].startswith("driver ≥ 525.60.13") and whens[-1] == "without an NVIDIA GPU"


def test_a_driver_too_old_for_everything():
    choice = pick(described(LINUX, driver="390.157", gpus=["GTX 1060"]))
    assert choice.wheels == () and "driver: 390.157 < 525.60.13" in reasons(choice, "torch 2.14.1 cu126")


def test_a_driver_newer_than_the_cards_last_branch_changes_nothing_but_is_said():
    choice = pick(described(LINUX, driver="595.71.05", gpus=["GTX 1060"]))
    assert version(choice) == "2.14.1+cu126" and choice.fits
    assert any("580" in said.render("en") for said in choice.warnings)
    inside = pick(described(WIN, driver="582.28", gpus=["GTX 1060"]))
    assert not any("580" in said.render("en") for said in inside.warnings)


def test_a_newer_driver_would_give_more():
    choice = pick(described(LINUX, driver="570.124.06", gpus=["RTX 5090"]))
    found = [(item.when.render("en"), item.wheels[0].version) for item in choice.alternatives]
    assert ("driver ≥ 580.65.06", "2.14.1+cu130") in found


# ---------------------------------------------------------------- what cannot be told


def test_nothing_known_about_the_card_is_no_choice_but_every_set_that_could_be_right():
    choice = pick(described(LINUX))
    assert choice.wheels == () and not choice.fits and choice.exit == 1
    whens = [item.when.render("en") for item in choice.alternatives]
    assert whens[-1] == "without an NVIDIA GPU"
    assert any("7.5…9.0 and driver ≥ 525.60.13" in when for when in whens)
    versions = {wheel.version for item in choice.alternatives for wheel in item.wheels if wheel.name == "torch"}
    assert {"2.14.1+cu130", "2.14.1+cu126", "2.15.0+cpu"} <= versions


def test_a_card_where_no_cuda_build_exists_gets_the_cpu_build_and_is_told():
    choice = pick(described(ARM, "3.7", driver="580.95.05", gpus=["sm_90"]))
    assert version(choice) == "1.13.1"
    assert "no CUDA build" in choice.rule.render("en")
    assert any("unused" in said.render("en") for said in choice.warnings)


def test_a_known_card_with_an_unknown_driver():
    choice = pick(described(LINUX, gpus=["sm_61"]))
    assert choice.wheels == ()
    assert [item.when.render("en") for item in choice.alternatives][0] == "driver ≥ 525.60.13"


def test_a_known_driver_with_an_unknown_card():
    choice = pick(described(LINUX, driver="580.95.05"))
    assert choice.wheels == ()
    assert {item.wheels[0].version for item in choice.alternatives} >= {"2.14.1+cu130", "2.14.1+cu126", "2.15.0+cpu"}


@pytest.mark.parametrize(
    "platform, wish", [(MAC, "torch"), (LINUX, "numpy"), (LINUX, "opencv-python"), (ARM, "torch==2.3.0")]
)
def test_the_card_matters_only_where_there_are_cuda_builds(platform, wish):
    choice = pick(described(platform), wish)
    assert choice.fits and choice.wheels


def test_an_unknown_card_of_this_machine():
    facts = machine(Nvidia(driver="580.95.05", gpus=(Gpu("NVIDIA Something New"),)))
    choice = pick(Target.from_facts(facts, MATRIX))
    assert choice.wheels == () and choice.alternatives
    choice = pick(Target.from_facts(machine(Unknown("NVML did not answer")), MATRIX))
    assert choice.wheels == () and any("NVML did not answer" in said.render("en") for said in choice.warnings)


# ---------------------------------------------------------------- orders


def test_an_order_is_returned_whatever_fits():
    target = described(WIN, "3.10", driver="552.22", gpus=["GeForce MX330"])
    choice = pick(target, "torch==2.9.1+cu130")
    assert version(choice) == "2.9.1+cu130" and not choice.fits and choice.exit == 1
    text = " ".join(said.render("en") for said in choice.warnings)
    assert "driver: 552.22 < 580" in text and "compute-capability: 6.1" in text
    fine = pick(target, "torch==2.1.0+cu121", "torchvision")
    assert fine.fits and fine.exit == 0


def test_the_machine_of_the_seeds():
    choice = pick(described(WIN, "3.10", driver="552.22", gpus=["GeForce MX330"]), "torchvision==0.16.0+cu121")
    wheel = choice.wheel("torchvision")
    assert wheel.filename == "torchvision-0.16.0+cu121-cp310-cp310-win_amd64.whl"
    assert wheel.url == ("https://download.pytorch.org/whl/cu121/torchvision-0.16.0%2Bcu121-cp310-cp310-win_amd64.whl")
    assert version(choice) == "2.1.0+cu121" and version(choice, "numpy") == "1.26.4" and choice.fits


def test_an_order_without_a_driver_and_without_a_card():
    assert pick(described(LINUX), "torch==2.9.1+cu128").exit == 0
    none = pick(described(LINUX, no_gpu=True), "torch==2.9.1+cu128")
    assert version(none) == "2.9.1+cu128" and not none.fits
    cpu = pick(described(LINUX, driver="580.95.05", gpus=["RTX 4090"]), "torch==2.9.1+cpu")
    assert cpu.fits and any("unused" in said.render("en") for said in cpu.warnings)


def test_an_order_that_the_libc_cannot_run_is_returned_as_not_fitting():
    choice = pick(described(LINUX, glibc="2.17"), "torch==2.9.1+cu128")
    assert version(choice) == "2.9.1+cu128" and not choice.fits
    assert any("glibc" in said.render("en") for said in choice.warnings)


@pytest.mark.parametrize(
    "wishes",
    [
        ["torch==2.1.0+cu999"],
        ["torch==2.1.0+cu118", "torchvision==0.16.0+cu121"],
        ["torch==2.1.0+cu121", "torchvision==0.15.2"],
        ["torch==9.9"],
        ["torch==2.1.0", "numpy>=2"],
        ["torch==2.12.0", "torchaudio"],
    ],
)
def test_what_does_not_exist_is_not_made_up(wishes):
    choice = pick(described(LINUX, "3.10", no_gpu=True), *wishes)
    assert choice.wheels == () and choice.exit == 1 and choice.rejected


def test_an_order_for_a_build_that_does_not_exist_names_those_that_do():
    target = described("linux_x86_64", "3.10", driver="531.68", gpus=["RTX 3060"])
    rule = pick(target, "torch==2.1.0+cu999").rule
    assert rule.params["asked"] == "torch==2.1.0+cu999" and "+cu121" in rule.params["others"]
    assert pick(described("macosx_arm64", "3.10"), "torch==2.1.0+cu121").rule.params["others"] == "torch==2.1.0"
    mixed = pick(target, "torch==2.1.0+cu121", "torchvision==0.16.0+cu118").rule.params
    assert set(mixed.values()) == {"cu121", "cu118"}
    # there is such a torch, but not beside that torchvision
    assert "asked" not in pick(target, "torch==2.1.0+cu121", "torchvision==0.17.0").rule.params


def test_an_order_beside_a_numpy_that_it_cannot_use():
    choice = pick(described(WIN, "3.10", no_gpu=True), "torch==2.1.0+cu121", "numpy>=2")
    assert not choice.fits and not choice.wheels
    assert reasons(choice, "torch 2.1.0") == "numpy: torch 2.1.0 needs numpy<2, asked for numpy>=2"
    assert not any("fit: ." in said.render("en") for said in choice.warnings)


def test_a_partner_has_the_builds_of_the_torch_it_was_made_for():
    pascal = described(LINUX, driver="580.95.05", gpus=["GTX 1060"])
    assert version(pick(pascal, "torch==2.14.1", "torchvision"), "torchvision") == "0.29.1+cu126"
    choice = pick(pascal, "torch==2.14.1", "torchvision==0.29.2")  # made for 2.15.0, which has no cu126
    assert not choice.wheels
    assert reasons(choice, "torch 2.14.1 cu126") == "torchvision: 0.29.2 has no +cu126"
    assert not pick(pascal, "torch==2.14.1+cu126", "torchvision==0.29.2").wheels


def test_rocm_can_be_ordered_but_is_not_judged():
    choice = pick(described(LINUX, "3.12"), "torch==2.9.1+rocm6.4")
    assert choice.wheels[0].url.endswith("/whl/rocm6.4/torch-2.9.1%2Brocm6.4-cp312-cp312-manylinux_2_28_x86_64.whl")
    assert not choice.fits


# ---------------------------------------------------------------- the set


def test_a_partner_brings_torch_and_nothing_else():
    choice = pick(described(LINUX, "3.10", no_gpu=True), "torchvision==0.15.2")
    assert [wheel.name for wheel in choice.wheels] == ["torch", "torchvision", "numpy"]
    assert version(choice) == "2.0.1+cpu" and version(choice, "numpy") == "1.26.4"
    assert [wheel.name for wheel in pick(described(LINUX, no_gpu=True), "numpy").wheels] == ["numpy"]


def test_torchaudio_ends_at_2_11():
    choice = pick(described(LINUX, "3.12", no_gpu=True), "torch", "torchaudio")
    assert version(choice) == "2.11.0+cpu" and version(choice, "torchaudio") == "2.11.0+cpu"
    assert any("2.11.0" in said.render("en") for said in choice.warnings)


def test_numpy_follows_torch_and_the_system():
    assert version(pick(described(LINUX, no_gpu=True), "torch==2.2.2"), "numpy") == "1.26.4"
    assert version(pick(described(LINUX, no_gpu=True), "torch==2.4.0"), "numpy") == "2.4.6"
    assert version(pick(described(WIN, no_gpu=True), "torch==2.4.0"), "numpy") == "1.26.4"
    assert version(pick(described(LINUX, no_gpu=True), "torch", "numpy<2"), "numpy") == "1.26.4"


def test_numpy_follows_opencv_too():
    choice = pick(described(LINUX, no_gpu=True), "torch==2.1.0", "opencv-python")
    assert version(choice, "numpy") == "1.26.4" and version(choice, "opencv-python") == "4.11.0.86"
    newest = pick(described(LINUX, no_gpu=True), "opencv-python-headless")
    assert version(newest, "opencv-python-headless") == "5.0.0.93" and version(newest, "numpy") == "2.4.6"


def test_an_installed_numpy_that_fits_is_left_alone():
    target = described(LINUX, no_gpu=True)
    assert version(pick(target, "torch", installed={"numpy": "1.25.0"}), "numpy") is None
    assert version(pick(target, "torch==2.1.0", installed={"numpy": "2.3.5"}), "numpy") == "1.26.4"


def test_files_of_the_index_have_no_address():
    for wheel in pick(described(LINUX, no_gpu=True), "onnxruntime", "numpy").wheels:
        assert wheel.url is None and wheel.source == "package index"
    for wheel in pick(described(LINUX, no_gpu=True)).wheels[:2]:
        assert wheel.url.startswith("https://download.pytorch.org/whl/cpu/")


def test_yanked_only_when_pinned():
    target = described(LINUX, "3.8")
    assert version(pick(target, "opencv-python<4.5.5.64"), "opencv-python") == "4.5.4.60"
    pinned = pick(target, "opencv-python==4.5.5.62")
    assert version(pinned, "opencv-python") == "4.5.5.62"
    assert any("yanked" in said.render("en") for said in pinned.warnings)


@pytest.mark.parametrize(
    "python, wish, why", [("2.7", "numpy", "python: no cp27"), ("3.11", "numpy>=9", "version: none of >=9")]
)
def test_a_package_without_a_file_says_why(python, wish, why):
    choice = pick(described(LINUX, python), wish)
    assert choice.exit == 1 and reasons(choice, "numpy").startswith(why)


@pytest.mark.parametrize(
    "wishes", [["opencv-python", "opencv-python-headless"], ["onnxruntime", "onnxruntime-gpu"]], ids=" ".join
)
def test_two_that_overwrite_each_other_are_no_set_that_fits(wishes):
    choice = pick(described(LINUX, "3.11", driver="552.22", gpus=["RTX 3060"]), *wishes)
    assert not choice.fits and choice.exit == 1
    assert any(", ".join(wishes) in said.render("en") for said in choice.warnings)


@pytest.mark.parametrize(
    "marker, platform, kept",
    [
        ("python_version >= '3.8'", LINUX, True),
        ("python_version < '3.8'", LINUX, False),
        ("sys_platform == 'win32'", WIN, True),
        ("sys_platform == 'darwin' or platform_machine == 'aarch64'", ARM, True),
        ("platform_machine == 'x86_64' and sys_platform != 'linux'", LINUX, False),
        ("platform_system == 'Windows'", MAC, False),
    ],
)
def test_a_marker_is_judged_for_the_target(marker, platform, kept):
    choice = pick(described(platform, no_gpu=True), "torch==2.9.1", "onnxruntime ; " + marker)
    assert [wheel.name for wheel in choice.wheels] == (
        ["torch", "onnxruntime", "numpy"] if kept else ["torch", "numpy"]
    )
    assert choice.fits


@pytest.mark.parametrize("wish", ["torch; python_version < '3'", "torch; nonsense", "torch;"])
def test_a_marker_that_leaves_nothing_or_cannot_be_read_is_exit_2(wish):
    with pytest.raises(DoctorError) as raised:
        pick(described(LINUX), wish)
    assert raised.value.exit == 2


def test_a_release_candidate_is_never_newest():
    assert "rc" not in version(pick(described(LINUX), "onnxruntime"), "onnxruntime")


def test_onnxruntime_gpu_without_a_gpu_does_not_fit():
    none = pick(described(LINUX, no_gpu=True), "onnxruntime-gpu")
    assert none.wheel("onnxruntime-gpu") and not none.fits
    assert pick(described(LINUX, driver="580.95.05", gpus=["RTX 4090"]), "onnxruntime-gpu").fits


def test_musl_gets_no_glibc_file():
    facts = machine(None, libc="musl")
    choice = pick(Target.from_facts(facts, MATRIX))
    assert choice.wheels == () and "musl" in reasons(choice, "torch 2.15.0")


def test_pypy_gets_nothing():
    facts = machine(None, implementation="pypy")
    assert pick(Target.from_facts(facts, MATRIX)).wheels == ()


def test_a_pi_never_gets_a_release_that_dies_there():
    target = described(ARM, "3.11", no_gpu=True)
    plain = pick(target, "torch==2.10.0")
    assert version(plain) == "2.10.0+cpu"
    a72 = replace(target, cpu_flags=("fp", "asimd"))
    choice = pick(a72, "torch>=2.9.1,<2.11")
    assert version(choice) == "2.9.1+cpu" and "174344" in reasons(choice, "torch 2.10.0 cpu")


# ---------------------------------------------------------------- words nobody knows


@pytest.mark.parametrize(
    "wishes, near",
    [(["toch"], "torch"), (["pytorch"], "torch"), (["cv2"], "opencv-python"), (["torchvison"], "torchvision")],
)
def test_an_unknown_package_is_exit_2_with_a_suggestion(wishes, near):
    with pytest.raises(DoctorError) as error:
        pick(described(LINUX), *wishes)
    assert error.value.exit == 2 and near in error.value.params["near"]


@pytest.mark.parametrize("text", ["torch=2.1", "torch==", "==2.1", "", "torch; python_version>", "torch @ https://x"])
def test_a_bad_requirement_is_exit_2(text):
    with pytest.raises(DoctorError) as error:
        pick(described(LINUX), text)
    assert error.value.exit == 2


def test_no_requirement_is_exit_2():
    with pytest.raises(DoctorError) as error:
        choose(MATRIX, [], described(LINUX))
    assert error.value.exit == 2


@pytest.mark.parametrize(
    "words",
    [
        {"platform": "win_arm46"},
        {"platform": LINUX, "python_version": "three"},
        {"platform": LINUX, "python_version": "3"},
        {"platform": LINUX},
        {"platform": LINUX, "python_version": "3.11", "abi": "cp310"},
        {"platform": LINUX, "python_version": "3.11", "abi": "m"},
        {"platform": LINUX, "python_version": "3.13t", "abi": "cp313"},
        {"platform": LINUX, "python_version": "３.11"},
        {"platform": LINUX, "python_version": "3.11", "glibc": "new"},
        {"platform": WIN, "python_version": "3.11", "glibc": "2.31"},
        {"platform": LINUX, "python_version": "3.11", "driver": "new"},
        {"platform": LINUX, "python_version": "3.11", "driver": ""},
        {"platform": LINUX, "python_version": "3.11", "driver": "580.95rc1"},
        {"platform": LINUX, "python_version": "3.11", "gpus": ["GeForce RTX 3O60"]},
        {"platform": LINUX, "python_version": "3.11", "gpus": ["GeForce GT 1030"]},
        {"platform": LINUX, "python_version": "3.11", "gpus": ["sm_99"]},
        {"platform": LINUX, "python_version": "3.11", "gpus": ["RTX 3060"], "no_gpu": True},
    ],
)
def test_a_description_that_makes_no_sense_is_exit_2(words):
    with pytest.raises(DoctorError) as error:
        run(["torch"], matrix=MATRIX, **words)
    assert error.value.exit == 2
    error.value.message.render("zh", error.value.params)
    if error.value.hint:
        error.value.hint.render("zh", error.value.params)


def test_an_unknown_card_names_the_nearest_and_the_way_out():
    with pytest.raises(DoctorError) as error:
        run(["torch"], platform=LINUX, python_version="3.11", gpus=["GeForce RTX 3O60"], matrix=MATRIX)
    assert "GeForce RTX 3060" in error.value.params["near"]
    assert "sm_" in error.value.hint.render("en", error.value.params)


# ---------------------------------------------------------------- this machine


def machine(nvidia, libc="glibc", implementation="cpython", **host):
    return Facts(
        {
            Host: Host(system="linux", machine="x86_64", libc=libc, libc_version="2.36", **host),
            Python: Python(
                executable="/venv/bin/python",
                version="3.11.7",
                implementation=implementation,
                abi="cp311",
                platform="linux_x86_64",
                libc=libc,
                libc_version="2.36" if libc == "glibc" else "1.2",
            ),
            Nvidia: nvidia,
        }
    )


def test_this_machine_without_a_card_gets_the_cpu_build():
    choice = run(TORCH, facts=machine(None), matrix=MATRIX)
    assert choice.fits and version(choice) == "2.15.0+cpu"


JETSON = (
    Host("linux", "aarch64", "5.15.148-tegra"),
    Board("NVIDIA Jetson Orin Nano Developer Kit"),
    Python("/v/bin/python", "3.12.3", abi="cp312", platform=ARM),
)


@pytest.mark.parametrize(
    "nvidia",
    [None, Unknown("nvidia-smi: no answer"), Nvidia(driver="540.4.0", gpus=(Gpu("Orin (nvgpu)", "8.7"),))],
    ids=["no NVML", "unknown", "JetPack 6"],
)
def test_a_jetson_before_jetpack_7_gets_no_build_that_is_made_for_servers(nvidia):
    jetson = Target.from_facts(machine(nvidia).replace(*JETSON), MATRIX)
    choice = pick(jetson, "torch")
    assert not choice.wheels and "Jetson" in choice.rule.render("en")
    assert reasons(choice, "torch 2.14.1 cu130").startswith("board: made for servers")
    assert [item.wheels[0].version for item in choice.alternatives] == ["2.15.0+cpu"]
    ordered = pick(jetson, "torch==2.9.1+cu126")
    assert version(ordered) == "2.9.1+cu126" and not ordered.fits


def test_jetpack_7_shares_its_driver_with_servers():
    thor = machine(Nvidia(driver="580.65.06", gpus=(Gpu("NVIDIA Thor", "11.0"),))).replace(*JETSON)
    choice = pick(Target.from_facts(thor, MATRIX), "torch")
    assert version(choice) == "2.14.1+cu130" and choice.fits


def test_options_replace_single_facts():
    choice = run(TORCH, facts=machine(None), driver="580.95.05", gpus=["GTX 1060"], matrix=MATRIX)
    assert version(choice) == "2.14.1+cu126" and choice.target.executable == "/venv/bin/python"
    choice = run(TORCH, facts=machine(None), python_version="3.12", matrix=MATRIX)
    assert "cp312" in choice.wheel("torch").filename
    with_card = machine(Nvidia(driver="580.95.05", gpus=(Gpu("NVIDIA GeForce RTX 4090", "8.9"),)))
    assert version(run(TORCH, facts=with_card, no_gpu=True, matrix=MATRIX)) == "2.15.0+cpu"
    assert version(run(TORCH, facts=with_card, matrix=MATRIX)) == "2.14.1+cu130"


def test_inside_wsl_the_driver_is_windows_and_the_wheel_is_linux():
    facts = machine(Nvidia(driver="528.33", gpus=(Gpu("NVIDIA GeForce RTX 3060", "8.6"),)), wsl=2)
    choice = run(TORCH, facts=facts, matrix=MATRIX)
    assert choice.wheel("torch").filename.endswith("manylinux_2_28_x86_64.whl") and version(choice) == "2.14.1+cu126"
    older = machine(Nvidia(driver="526.47", gpus=(Gpu("NVIDIA GeForce RTX 3060", "8.6"),)), wsl=2)
    assert "cu118" in version(run(TORCH, facts=older, matrix=MATRIX))


def test_a_described_target_takes_nothing_from_this_machine():
    facts = machine(Nvidia(driver="580.95.05", gpus=(Gpu("NVIDIA GeForce RTX 4090", "8.9"),)))
    choice = run(TORCH, platform=WIN, python_version="3.11", facts=facts, matrix=MATRIX)
    assert choice.wheels == () and choice.target.driver is None and choice.target.gpus is None


# ---------------------------------------------------------------- the JSON


def test_the_json_is_as_designed():
    choice = pick(described(LINUX, driver="570.124.06", gpus=["RTX 5090"]))
    for lang in ("en", "zh"):
        document = json.loads(json.dumps(choice.to_json(lang)))
        assert document["schema"] == 1 and document["command"] == "wheels" and document["fits"] is True
        assert set(document) >= {"target", "wheels", "fits", "rule", "warnings", "alternatives", "rejected"}
        for wheel in document["wheels"]:
            assert list(wheel) == ["name", "version", "filename", "url", "sha256", "source"]
        assert document["alternatives"][0]["when"] and document["alternatives"][0]["wheels"]
        assert document["rejected"][0]["build"] and document["rejected"][0]["reasons"]
        assert isinstance(document["rule"], str) and "{" not in document["rule"]
    assert document["target"]["platform"] == LINUX and document["target"]["gpus"][0]["compute_capability"] == "12.0"


def test_what_is_known_already_rules_out_while_the_rest_is_open():
    by_driver = pick(described(LINUX, driver="570.26"), "torch")
    assert by_driver.undecided and reasons(by_driver, "torch 2.14.1 cu130") == "driver: 570.26 < 580"
    assert reasons(by_driver, "torch 2.14.1 cu126").startswith("unknown:")
    by_card = pick(described(LINUX, gpus=["GTX 1060"]), "torch")
    assert by_card.undecided and reasons(by_card, "torch 2.14.1 cu130").startswith("compute-capability:")
    assert not pick(described(LINUX, no_gpu=True), "torch").undecided


def test_the_answer_as_markdown():
    from doctor.render.markdown import render_choice

    text = render_choice(pick(described(LINUX, driver="580.65.06", gpus=["GTX 1060"]), "torch"), "en")
    assert "2.14.1%2Bcu126-cp311" in text and "```sh" in text and "compute-capability" in text
    assert "无法判断" in render_choice(pick(described(LINUX), "torch"), "zh")


@pytest.mark.parametrize(
    "driver, card, wishes, expected",
    [
        ("580.95.05", "RTX 3060", ["onnxruntime-gpu"], "1.31.1"),
        ("531.68", "RTX 3060", ["onnxruntime-gpu"], "1.26.0"),  # the newest that loads CUDA 12
        ("470.82.01", "RTX 3060", ["onnxruntime-gpu"], "1.18.1"),  # CUDA 11
        ("580.95.05", "GTX 1060", ["onnxruntime-gpu"], "1.26.0"),  # CUDA 13 makes no code for it
        ("440.33", "GTX 1060", ["onnxruntime-gpu"], None),
        ("470.82.01", "RTX 5090", ["onnxruntime-gpu"], None),
        ("580.95.05", "RTX 3060", ["onnxruntime-gpu", "torch==2.7.0"], "1.26.0"),  # the CUDA that torch brings
        ("580.95.05", "RTX 3060", ["onnxruntime-gpu", "torch"], "1.31.1"),
    ],
)
def test_onnxruntime_gpu_loads_a_cuda_that_driver_card_and_torch_have(driver, card, wishes, expected):
    choice = pick(described(LINUX, driver=driver, gpus=[card]), *wishes)
    assert version(choice, "onnxruntime-gpu") == expected and choice.fits is (expected is not None)


def test_an_onnxruntime_gpu_that_was_pinned_is_returned_with_what_speaks_against_it():
    choice = pick(described(LINUX, driver="531.68", gpus=["RTX 3060"]), "onnxruntime-gpu==1.31.1")
    assert version(choice, "onnxruntime-gpu") == "1.31.1" and not choice.fits
    assert any("531.68 < 580" in said.render("en") for said in choice.warnings)
