"""Wheels on a Raspberry Pi: the seeds' machine, each release of the system, and the truth where there is none."""

import pytest

from doctor.facts import Facts, from_json
from doctor.model import DoctorError
from doctor.wheels import choose as choosing
from doctor.wheels.command import commands
from doctor.wheels.pi import boards, catalogue, fitting, sets, told
from doctor.wheels.target import Target

SEEDS_OPENCV = "opencv_python-4.5.5.62-cp37-cp37m-linux_armv7l.whl"
SEEDS_ONNXRUNTIME = "onnxruntime-1.9.1-cp37-none-linux_armv7l.whl"
RELEASE = "https://github.com/PINTO0309/onnxruntime4raspberrypi/releases/download/v1.9.1/" + SEEDS_ONNXRUNTIME


def described(python, platform, glibc):
    return boards.of_target(Target.described(platform, None, python, glibc=glibc))._replace(pi=True)


BUSTER = described("3.7", "linux_armv7l", "2.28")
BULLSEYE = described("3.9", "linux_armv7l", "2.31")
BOOKWORM = described("3.11", "linux_armv7l", "2.36")
TRIXIE = described("3.13", "linux_armv7l", "2.41")
ARM64 = described("3.11", "linux_aarch64", "2.36")
TRIXIE64 = described("3.13", "linux_aarch64", "2.41")
ZERO = described("3.11", "linux_armv6l", "2.36")


def files(solved):
    return {build.name: build.file.filename for build in solved.chosen}


def versions(solved):
    return {build.name: build.version for build in solved.chosen}


def why(solved, name, version):
    """Return the reasons for which a version lost."""
    return [
        r for lost in solved.rejected if (lost.build.name, lost.build.version) == (name, version) for r in lost.reasons
    ]


# ---------------------------------------------------------------- the seeds' machine


def test_the_seeds_opencv(matrix):
    solved = sets.solve(matrix, BUSTER, ["opencv-python==4.5.5.62"])
    assert solved.fits
    assert files(solved)["opencv-python"] == SEEDS_OPENCV
    choice = told.pi_set(
        matrix, Target.described("linux_armv7l", matrix, "3.7", glibc="2.28"), ["opencv-python==4.5.5.62"]
    )
    withdrawn = [said for said in choice.warnings if said.text == told.WITHDRAWN_FOR]
    assert [said.params["other"] for said in withdrawn] == ["4.5.5.64"]
    assert choice.wheel("opencv-python").url == "https://www.piwheels.org/simple/opencv-python/" + SEEDS_OPENCV


def test_a_withdrawn_version_is_taken_only_when_pinned(matrix):
    solved = sets.solve(matrix, BUSTER, ["opencv-python>=4.5,<4.6"])
    assert versions(solved)["opencv-python"] == "4.5.3.56"
    assert any(reason.startswith("withdrawn") for reason in why(solved, "opencv-python", "4.5.5.62"))


@pytest.mark.parametrize(
    "requests, installed, suffix",
    [
        (["onnxruntime==1.9.1"], None, "_np1195"),
        (["onnxruntime==1.9.1"], "1.16.2", "_np1195"),
        (["onnxruntime==1.9.1"], "1.19.5", "_np1195"),
        (["onnxruntime==1.9.1"], "1.20.0", "_np1214"),
        (["onnxruntime==1.9.1"], "1.21.4", "_np1214"),
        (["onnxruntime==1.9.1", "numpy>=1.20"], None, "_np1214"),
        (["onnxruntime==1.9.1", "numpy==1.21.4"], None, "_np1214"),
        (["onnxruntime==1.9.1", "numpy<1.20"], "1.21.4", "_np1195"),
        (["onnxruntime==1.9.1", "numpy==1.19.5"], None, "_np1195"),
    ],
)
def test_which_of_the_two_assets(matrix, requests, installed, suffix):
    solved = sets.solve(matrix, BUSTER._replace(numpy=installed), requests)
    assert solved.fits
    (build,) = [build for build in solved.chosen if build.name == "onnxruntime"]
    assert build.file.url == RELEASE + suffix
    assert build.file.filename == SEEDS_ONNXRUNTIME
    low = suffix == "_np1195"
    numpy = versions(solved).get("numpy", installed)
    assert (tuple(int(part) for part in numpy.split(".")[:2]) < (1, 20)) is low


def test_the_renamed_asset_is_said(matrix):
    choice = told.pi_set(matrix, Target.described("linux_armv7l", matrix, "3.7", glibc="2.28"), ["onnxruntime==1.9.1"])
    (said,) = [said for said in choice.warnings if said.text == told.SAVE_AS]
    assert said.params["asset"] == SEEDS_ONNXRUNTIME + "_np1195"
    assert any(said.text == told.COMMUNITY_UNCHECKED for said in choice.warnings)
    assert "community" in choice.wheel("onnxruntime").source
    assert choice.needs_apt == ("libatlas3-base", "libatomic1", "libgfortran5", "libgomp1")


def test_the_usual_set_of_buster(matrix):
    solved = sets.solve(matrix, BUSTER)
    assert solved.fits
    assert versions(solved) == {
        "torch": "1.8.1",
        "opencv-python": "4.7.0.72",
        "onnxruntime": "1.9.1",
        "tflite-runtime": "2.11.0",
        "numpy": "1.19.5",
    }
    assert solved.absent == ("ncnn",)


def test_the_set_with_known_hashes_is_offered_beside_it(matrix):
    choice = told.pi_set(matrix, Target.described("linux_armv7l", matrix, "3.7", glibc="2.28"))
    (checked,) = [item for item in choice.alternatives if item.when.text == told.CHECKED]
    derived = next(s for s in matrix.table("pi_wheels.derived_sets") if s["name"] == "buster_armv7l_cp37m_hashes_known")
    expected = {row["package"]: row["sha256"] for row in derived["items"] if row["package"] != "torch"}
    assert {wheel.name: wheel.sha256 for wheel in checked.wheels} == expected


def test_a_build_for_a_newer_system_comes_last(matrix):
    judged = [item for item in fitting.candidates(matrix, "onnxruntime", BUSTER) if item.fits]
    assert [item.build.version for item in judged][0] == "1.9.1"
    assert [item.doubt for item in judged] == sorted(item.doubt for item in judged)
    newest = judged[[item.doubt for item in judged].index(2)]
    assert (newest.build.version, newest.build.os) == ("1.14.1", "bullseye")
    pinned = sets.solve(matrix, BUSTER, ["onnxruntime==1.14.1"])
    assert pinned.judged["onnxruntime"].doubt == 2
    passed_over = why(sets.solve(matrix, BUSTER, ["onnxruntime"]), "onnxruntime", "1.14.1")
    assert any(reason.startswith("not measured") for reason in passed_over)


def test_ncnn_needs_a_newer_glibc_than_buster_has(matrix):
    solved = sets.solve(matrix, BUSTER, ["ncnn"])
    assert solved.missing == ("ncnn",)
    assert not solved.fits
    reasons = why(solved, "ncnn", "1.0.20250503")
    assert "glibc: needs 2.31, this system has 2.28" in reasons
    assert "libstdc++: needs GLIBCXX_3.4.26, this system has 3.4.25" in reasons


def test_a_broken_build_is_taken_only_on_order_and_does_not_fit(matrix):
    assert sets.solve(matrix, BUSTER, ["opencv-python>=4.1,<4.2"]).missing == ("opencv-python",)
    solved = sets.solve(matrix, BUSTER, ["opencv-python==4.1.1.26"])
    assert versions(solved)["opencv-python"] == "4.1.1.26"
    assert not solved.fits


# ---------------------------------------------------------------- other releases


def test_bullseye(matrix):
    solved = sets.solve(matrix, BULLSEYE)
    derived = next(s for s in matrix.table("pi_wheels.derived_sets") if s["name"] == "bullseye_armv7l_cp39")
    for row in derived["items"]:
        assert versions(solved)[row["package"]] == row["version"]
    assert versions(solved)["numpy"].startswith("1.")


def test_bookworm_needs_a_numpy_that_the_table_does_not_have(matrix):
    solved = sets.solve(matrix, BOOKWORM)
    assert versions(solved)["onnxruntime"] == "1.16.0"
    assert versions(solved)["tflite-runtime"] == "2.14.0"
    assert "numpy" not in versions(solved)
    assert solved.numpy_unknown
    assert solved.numpy == ">=1.23.5,<2"


def test_an_unaudited_build_is_taken_only_by_name(matrix):
    assert "torch" in sets.solve(matrix, BOOKWORM).absent
    named = sets.solve(matrix, BOOKWORM, ["torch"])
    assert versions(named)["torch"].startswith("2.5.0")
    assert named.judged["torch"].doubt == 1


def test_trixie_32_bit_has_little(matrix):
    solved = sets.solve(matrix, TRIXIE)
    assert set(versions(solved)) == {"ncnn", "numpy"}
    choice = told.pi_set(matrix, Target.described("linux_armv7l", matrix, "3.13", glibc="2.41"), ["onnxruntime"])
    assert not choice.fits
    assert choice.wheels == ()
    assert choice.exit == 1
    assert [said.params["name"] for said in choice.warnings if said.text == told.NO_WHEEL_32] == ["onnxruntime"]


def test_armv6_is_told_the_truth(matrix):
    solved = sets.solve(matrix, ZERO)
    assert set(versions(solved)) == {"numpy"}
    (numpy,) = solved.chosen
    assert numpy.file.filename == "numpy-2.1.2-cp311-cp311-linux_armv6l.whl"
    choice = told.pi_set(matrix, Target.described("linux_armv6l", matrix, "3.11", glibc="2.36"), ["onnxruntime"])
    assert choice.exit == 1
    assert any(said.text == told.ARMV6 for said in choice.warnings)
    assert not any(said.text == told.NO_WHEEL_32 for said in choice.warnings), "a Zero W has no 64-bit system"
    assert any("platform: made for armv7l, this is armv6l" in item.reasons for item in choice.rejected)


# ---------------------------------------------------------------- 64 bit


@pytest.mark.parametrize("lse, torch", [(False, "2.9.1"), (None, "2.9.1"), (True, "2.10.0")])
def test_torch_on_64_bit(matrix, lse, torch):
    """2.11 and newer are CUDA builds; 2.10.0 dies on processors without LSE atomics."""
    solved = sets.solve(matrix, TRIXIE64._replace(lse=lse), ["torch"])
    assert versions(solved)["torch"] == torch
    assert all(build.file.url is None for build in solved.chosen)
    assert any(reason.startswith("cuda:") for reason in why(solved, "torch", "2.11.0"))
    illegal = any(reason.startswith("illegal instruction") for reason in why(solved, "torch", "2.10.0"))
    assert illegal is (not lse)


def test_a_partner_brings_its_torch(matrix):
    solved = sets.solve(matrix, ARM64, ["torchvision"])
    assert (versions(solved)["torch"], versions(solved)["torchvision"]) == ("2.9.1", "0.24.1")
    old = sets.solve(matrix, BUSTER, ["torchvision"])
    assert (versions(old)["torch"], versions(old)["torchvision"]) == ("1.8.1", "0.9.1")


@pytest.mark.parametrize("version", ["1.21.0"])
def test_an_onnxruntime_that_dies_is_avoided(matrix, version):
    assert versions(sets.solve(matrix, ARM64, ["onnxruntime<1.22"]))["onnxruntime"] == "1.20.1"
    ordered = sets.solve(matrix, ARM64, ["onnxruntime==" + version])
    assert versions(ordered)["onnxruntime"] == version
    assert not ordered.fits
    assert sets.solve(matrix, ARM64._replace(lse=True), ["onnxruntime==" + version]).fits


def test_the_numpy_of_an_abi3_file_depends_on_the_python(matrix):
    old = sets.solve(matrix, described("3.7", "linux_aarch64", "2.28"), ["opencv-python"])
    assert versions(old)["numpy"] == "1.21.6"
    new = sets.solve(matrix, ARM64, ["opencv-python"])
    assert versions(new)["numpy"].startswith("2.")


def test_a_newer_cpu_torch_is_named_beside_it(matrix):
    facts = machine("pi5-trixie-aarch64")
    choice = told.pi_set(matrix, facts)
    (other,) = [item for item in choice.alternatives if item.when.text == told.CPU_TORCH]
    assert other.wheels[0].url.startswith("https://download.pytorch.org/whl/cpu/torch-")
    assert "cpu" in other.wheels[0].version


def test_a_musl_system_takes_no_glibc_file(matrix):
    alpine = boards.of_target(Target.described("linux_aarch64", matrix, "3.11"))._replace(pi=True, musl=True)
    judged = fitting.candidates(matrix, "opencv-python", alpine)
    assert judged and not any(item.fits for item in judged)
    assert "libc: made for glibc, this system has musl" in judged[0].reasons
    named = catalogue.Build(judged[0].build.file._replace(platforms=("musllinux_1_2_aarch64",)), "package index")
    assert fitting.judge(named, alpine).fits
    assert fitting.judge(named, ARM64).reasons == ("libc: made for musl, this system has glibc",)


# ---------------------------------------------------------------- what there is instead


def told_of(matrix, python, glibc, *requests, platform="linux_armv7l", numpy=None):
    choice = told.choose_on_arm(
        matrix,
        requests,
        Target.described(platform, matrix, python, glibc=glibc),
        boards.of_target(Target.described(platform, matrix, python, glibc=glibc), numpy)._replace(pi=True),
    )
    return choice, {said.text: said.params for said in choice.warnings}


def test_a_version_without_a_file_names_the_one_that_fits(matrix):
    choice, said = told_of(matrix, "3.7", "2.28", "onnxruntime>=1.15")
    assert (choice.wheels, choice.exit) == ((), 1)
    assert said[told.OTHER_VERSION] == {
        "name": "onnxruntime>=1.15", "python": "cp37", "platform": "linux_armv7l", "other": "onnxruntime",
        "version": "1.9.1",
    }  # fmt: skip


@pytest.mark.parametrize(
    "python, glibc, platform, name, other, version",
    [
        ("3.7", "2.28", "linux_armv7l", "opencv-python-headless", "opencv-python", "4.7.0.72"),
        ("3.13", "2.41", "linux_aarch64", "tflite-runtime", "ai-edge-litert", "2.3.0"),
        ("3.11", "2.36", "linux_armv7l", "ai-edge-litert", "tflite-runtime", "2.14.0"),
    ],
)
def test_a_project_without_a_file_names_what_takes_its_place(matrix, python, glibc, platform, name, other, version):
    choice, said = told_of(matrix, python, glibc, name, platform=platform)
    assert not choice.fits
    assert (said[told.OTHER_PROJECT]["other"], said[told.OTHER_PROJECT]["version"]) == (other, version)


def test_what_a_64_bit_system_has_is_named(matrix):
    _, said = told_of(matrix, "3.13", "2.41", "tflite-runtime")
    assert said[told.NO_WHEEL_32]["other"] == "ai-edge-litert"


@pytest.mark.parametrize(
    "requests, claims",
    [
        (
            ("opencv-python==4.7.0.72", "numpy==1.16.0"),
            "opencv-python 4.7.0.72 needs numpy >=1.17.0,<2; numpy==1.16.0",
        ),
        (
            ("torch==1.8.1", "torchvision==0.8.0"),
            "torch 1.8.1 needs numpy <2; torchvision 0.8.0 needs torch 1.7.0 and numpy <2",
        ),
    ],
)
def test_requests_that_contradict_each_other(matrix, requests, claims):
    choice, said = told_of(matrix, "3.7", "2.28", *requests)
    assert (choice.wheels, choice.exit) == ((), 1)
    assert said == {told.CLASH: {"claims": claims}}


def test_a_set_that_is_not_given_brings_no_words_about_its_files(matrix):
    choice, said = told_of(matrix, "3.7", "2.28", "onnxruntime", "torch==99", numpy="1.19.5")
    assert choice.wheels == ()
    assert set(said) == {told.OTHER_VERSION}
    assert choice.needs_apt == ()


def test_a_numpy_that_is_not_listed_comes_from_apt_where_that_one_fits(matrix):
    _, said = told_of(matrix, "3.11", "2.36", "onnxruntime", "tflite-runtime")
    assert said[told.NUMPY_FROM_APT] == {"range": ">=1.23.2,<2", "version": "1.24.2"}
    _, said = told_of(matrix, "3.11", "2.36", "onnxruntime", "numpy<1.24")
    assert told.NUMPY_FROM_APT not in said


def test_a_numpy_of_which_no_file_is_listed_may_be_asked_for(matrix):
    choice, said = told_of(matrix, "3.7", "2.28", "onnxruntime==1.9.1", "numpy==1.17.3")
    assert not choice.fits
    assert said[told.OTHER_VERSION]["name"] == "numpy==1.17.3"


def test_torch_brings_a_numpy_on_64_bit_too(matrix):
    solved = sets.solve(matrix, ARM64, ["torch", "torchvision"])
    assert set(versions(solved)) == {"torch", "torchvision", "numpy"}
    assert not sets.solve(matrix, ARM64._replace(numpy="2.2.6"), ["torch"]).numpy_unknown


def test_a_build_that_is_ordered_by_its_local_version(matrix):
    choice, _ = told_of(matrix, "3.7", "2.28", "torch==1.9.0a0+gitd69c22d")
    assert choice.wheel("torch").version == "1.9.0a0+gitd69c22d"
    choice, said = told_of(matrix, "3.7", "2.28", "torch==2.1.0+cu121")
    assert said[told.OTHER_VERSION]["name"] == "torch==2.1.0+cu121"
    cpu = told.pi_set(matrix, machine("pi3-bookworm-aarch64"), ["torch==2.9.1+cpu"])
    assert cpu.fits and cpu.wheel("torch").url.startswith("https://download.pytorch.org/whl/cpu/")


def test_a_set_with_known_hashes_may_keep_the_installed_numpy(matrix):
    choice = told.pi_set(matrix, machine("pi4-buster-py37"))
    (checked,) = [item for item in choice.alternatives if item.when.text == told.CHECKED]
    assert all(wheel.sha256 for wheel in checked.wheels)
    assert {wheel.name for wheel in checked.wheels} == {"opencv-python", "onnxruntime", "tflite-runtime"}


def test_an_opencv_that_is_not_listed_may_be_at_piwheels_or_in_apt(matrix):
    _, said = told_of(matrix, "3.13", "2.41", "opencv-python")
    assert said[told.OPENCV_OTHERWISE] == {"name": "opencv-python", "codename": "trixie", "version": "4.10.0"}
    _, said = told_of(matrix, "3.14", "2.41", "opencv-python")
    assert told.OPENCV_OTHERWISE not in said, "apt's is for the system's own Python"


def test_the_command_names_the_target_and_makes_an_environment_where_pip_is_refused(matrix):
    (install,) = commands(told.pi_set(matrix, machine("pi4-buster-py37"), ["opencv-python"]))
    assert install[:4] == ("/home/pi/my_project/venv/bin/python", "-m", "pip", "install")
    venv, install = commands(told.pi_set(matrix, machine("pi3-bookworm-aarch64"), ["onnxruntime"]))
    assert venv == ("/usr/bin/python3", "-m", "venv", "ml")
    assert install[:4] == ("ml/bin/python", "-m", "pip", "install")


def test_the_cpu_set_is_named_with_its_partners(matrix):
    choice = told.pi_set(matrix, machine("pi3-bookworm-aarch64"), ["torch", "torchvision"])
    (other,) = [item for item in choice.alternatives if item.when.text == told.CPU_TORCH]
    assert [wheel.name for wheel in other.wheels] == ["torch", "torchvision", "numpy"]


# ---------------------------------------------------------------- requests, names, pip


@pytest.mark.parametrize(
    "request_",
    ["onnx runtime ==", "torch==", "torch>=>2", "-r", "git+https://example.org/x", "./a.whl", "nonsense", "!!"],
)
def test_a_request_that_is_none(matrix, request_):
    with pytest.raises(DoctorError) as raised:
        told.pi_set(matrix, Target.described("linux_armv7l", matrix, "3.7", glibc="2.28"), [request_])
    assert raised.value.exit == 2


def test_a_pure_project_is_answered_with_what_it_needs(matrix):
    with pytest.raises(DoctorError) as raised:
        told.pi_set(matrix, machine("pi3-bookworm-aarch64"), ["ultralytics"])
    assert raised.value.params["needs"] == "torch torchvision opencv-python"


@pytest.mark.parametrize(
    "name, right",
    [
        ("a-1-cp37-none-linux_armv7l.whl_np1195", "a-1-cp37-none-linux_armv7l.whl"),
        ("a-1-py3-none-any.whl", "a-1-py3-none-any.whl"),
    ],
)
def test_right_name(name, right):
    assert catalogue.right_name(name) == right
    assert len(catalogue.tags_of(name)[2]) == 1


def test_an_old_pip_is_told_what_it_cannot_read(matrix):
    def said(target, *requests):
        solved = sets.solve(matrix, target, requests)
        return told._needs_pip(solved.chosen, target)

    assert said(BUSTER._replace(pip="18.1"), "tflite-runtime") == "19.3"
    assert said(BUSTER._replace(pip="20.3.4"), "tflite-runtime") is None
    assert said(BUSTER._replace(pip="18.1"), "opencv-python", "onnxruntime") is None
    assert said(BULLSEYE._replace(pip="20.0.2"), "ncnn") == "20.3"


def test_doctor_wheels_and_doctor_pi_give_the_same_answer(matrix):
    requests = ["opencv-python", "onnxruntime"]
    described = Target.described("linux_armv7l", matrix, "3.7", glibc="2.28")
    here = told.pi_set(matrix, machine("pi4-buster-py37"), requests)
    there = choosing.choose(matrix, requests, described)
    assert there.wheels == here.wheels
    assert there.fits and here.fits


def machine(name) -> Facts:
    import json
    from pathlib import Path

    path = Path(__file__).parent.parent / "machines" / (name + ".json")
    return from_json(json.loads(path.read_text(encoding="utf-8")))
