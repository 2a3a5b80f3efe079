"""The least change that mends a torch set, and any other distribution, from recorded facts."""

import pytest

from doctor.facts import (
    Distribution,
    Distributions,
    Facts,
    Gpu,
    Host,
    Line,
    NativeModule,
    NativeModules,
    Nvidia,
    Project,
    ProjectRequirement,
    Python,
    Torch,
    Torchaudio,
    Torchvision,
    Unknown,
)
from doctor.registry import all_checks, diagnose
from doctor.wheels.matrix import load
from doctor.wheels.repair import mend, pick

MATRIX = load()


def dist(name, version, *requires, **more):
    return Distribution(name=name, version=version, location="/v/site", folder=name, requires=requires, **more)


def card(driver, *names):
    return Nvidia(driver=driver, gpus=tuple(Gpu(name) for name in names))


def facts(dists=(), torch=None, vision=None, audio=None, nvidia=None, python="3.11.7", platform="linux_x86_64", **more):
    linux = platform.startswith("linux")
    abi = "cp" + "".join(python.split(".")[:2])
    system = "linux" if linux else "macos" if platform.startswith("mac") else "windows"
    sections = {
        Host: Host(
            system=system, machine="x86_64", libc="glibc" if linux else None, libc_version="2.36" if linux else None
        ),
        Python: Python(
            executable="/v/bin/python",
            version=python,
            abi=abi,
            platform=platform,
            libc="glibc" if linux else None,
            libc_version="2.36" if linux else None,
        ),
        Distributions: Distributions(tuple(dists)),
        Torch: torch,
        Torchvision: vision,
        Torchaudio: audio,
        Nvidia: nvidia,
        Project: None,
        NativeModules: NativeModules(),
    }
    sections.update(more.get("sections", {}))
    return Facts(sections)


def project(*texts):
    found = tuple(
        ProjectRequirement(text.split("=")[0].split("<")[0].split(">")[0], text, Line("r.txt", 1)) for text in texts
    )
    return {Project: Project(root="/p", requirements=found)}


def moved(mended):
    return [(wheel.name, wheel.version, wheel.url is None) for wheel in mended.wheels]


#: the environments of the first issue, as they were read
W = facts(
    [dist("torch", "1.12.1"), dist("torchvision", "0.14.1", "torch (==1.13.1)"), dist("numpy", "1.26.4")],
    Torch("1.12.1+cu102", "1.12.1", "10.2"),
    Torchvision("0.14.1+cu117", "0.14.1", "11.7", requires_torch="torch (==1.13.1)"),
    python="3.10.13",
)
CPU_TORCH = Torch("2.13.0+cpu", "2.13.0+cpu", None)
M1 = facts(
    [dist("torch", "2.13.0+cpu"), dist("torchvision", "0.29.1", "torch (>=2.14.0)"), dist("numpy", "2.4.6")],
    CPU_TORCH,
    Torchvision("0.29.1+cu130", "0.29.1", "13.0", abi="stable"),
)
M2 = facts(
    [dist("torch", "2.13.0+cpu"), dist("torchvision", "0.28.0", "torch (==2.13.0)"), dist("numpy", "2.4.6")],
    CPU_TORCH,
    Torchvision("0.28.0+cu130", "0.28.0", "13.0"),
)


def test_w_takes_torchvision_from_where_torch_came():
    mended = mend(MATRIX, W, False)
    (wheel,) = mended.wheels
    assert (wheel.name, wheel.version, wheel.url, wheel.source) == ("torchvision", "0.13.1", None, "package index")
    assert wheel.filename == "torchvision-0.13.1-cp310-cp310-manylinux1_x86_64.whl"
    for lang in ("en", "zh"):
        assert "0.13.1" in mended.reason.render(lang, mended.params)


@pytest.mark.parametrize("case", [M1, M2])
def test_m1_and_m2_take_the_cpu_file(case):
    (wheel,) = mend(MATRIX, case, False).wheels
    assert wheel.filename == "torchvision-0.28.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    assert wheel.url == (
        "https://download.pytorch.org/whl/cpu/torchvision-0.28.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    )


@pytest.mark.parametrize("python", [None, Python(executable="", version="3.10.11", abi="cp310", platform="")])
def test_the_pair_is_named_where_the_system_is_unknown(python):
    said = Facts({Python: python, Torch: Torch("2.1.0+cu121", None, "12.1"), Torchvision: Unknown("not in the text")})
    mended = mend(MATRIX, said, False)
    assert mended.wheels == ()
    (left,) = mended.not_done
    assert left.params["pairs"] == "torchvision==0.16.0"
    assert left.params["folder"] == "https://download.pytorch.org/whl/cu121"


@pytest.mark.parametrize("torch, cuda", [(Torch("2.1.0", None, Unknown("not in the text")), False), (None, False)])
def test_no_pair_is_made_up(torch, cuda):
    (left,) = mend(MATRIX, Facts({Python: None, Torch: torch}), cuda).not_done
    assert "doctor fix" in left.reason.render("en", left.params)
    (left,) = mend(MATRIX, Facts({Python: None, Torch: Torch("2.1.0+cu121", None, "12.1")}), True).not_done
    assert not left.params  # torch itself may have to move


def test_a_set_that_fits_is_left_alone():
    a4 = facts(
        [dist("torch", "2.14.1"), dist("torchvision", "0.29.0")],
        Torch("2.14.1+cu130", "2.14.1", "13.0"),
        Torchvision("0.29.0+cu130", "0.29.0", "13.0", abi="stable"),
    )
    assert mend(MATRIX, a4, False).wheels == ()


def seeds(vision="0.16.0+cpu", nvidia=None):
    return facts(
        [dist("torch", "2.1.0+cu121"), dist("torchvision", vision), dist("numpy", "1.26.4")],
        Torch("2.1.0+cu121", "2.1.0+cu121", "12.1"),
        Torchvision(vision, vision, None),
        nvidia=nvidia or card("552.22", "NVIDIA GeForce MX330"),
        python="3.10.11",
        platform="win_amd64",
    )


@pytest.mark.parametrize("cuda", [False, True])
def test_the_machine_of_the_seeds(cuda):
    (wheel,) = mend(MATRIX, seeds(), cuda).wheels
    assert wheel.filename == "torchvision-0.16.0+cu121-cp310-cp310-win_amd64.whl"
    assert wheel.url.endswith("/whl/cu121/torchvision-0.16.0%2Bcu121-cp310-cp310-win_amd64.whl")


def torch_set(version, vision, cuda, plain=True, nvidia=None, **more):
    tag = "cpu" if cuda is None else "cu" + cuda.replace(".", "")
    shown = [version, vision] if plain else [version + "+" + tag, vision + "+" + tag]
    return facts(
        [dist("torch", shown[0]), dist("torchvision", shown[1]), *more.pop("dists", ())],
        Torch("%s+%s" % (version, tag), shown[0], cuda),
        Torchvision("%s+%s" % (vision, tag), shown[1], cuda),
        nvidia=nvidia,
        **more,
    )


@pytest.mark.parametrize(
    "case, expected",
    [
        # a CPU build beside a card: the same release, built for CUDA
        (torch_set("2.13.0", "0.28.0", None, False, card("580.95.05", "RTX 3060")), ["2.13.0+cu130", "0.28.0+cu130"]),
        (
            torch_set("2.13.0", "0.28.0", None, False, card("552.22", "MX330"), platform="win_amd64"),
            ["2.13.0+cu126", "0.28.0+cu126"],
        ),
        # a driver too old for it
        (torch_set("2.2.1", "0.17.1", "12.1", nvidia=card("470.57.02", "RTX 3060")), ["2.2.1+cu118", "0.17.1+cu118"]),
        (
            torch_set("2.9.1", "0.24.1", "13.0", False, card("531.68", "RTX 3060"), platform="win_amd64"),
            ["2.9.1+cu128", "0.24.1+cu128"],
        ),
        # no build of that release has code for the card: step down to one that has
        (torch_set("2.9.1", "0.24.1", "13.0", False, card("580.95.05", "GTX 1060")), ["2.9.1+cu126", "0.24.1+cu126"]),
        (torch_set("2.14.1", "0.29.1", "13.0", nvidia=card("580.95.05", "GTX 1060")), ["2.14.1+cu126", "0.29.1+cu126"]),
        (torch_set("2.9.1", "0.24.1", "13.0", False, card("470.57.02", "Tesla K80")), ["2.5.1+cu118", "0.20.1+cu118"]),
    ],
)
def test_torch_moves_no_farther_than_it_must(case, expected):
    mended = mend(MATRIX, case, True)
    assert [wheel.version for wheel in mended.wheels][:2] == expected
    assert all(wheel.url for wheel in mended.wheels if wheel.name != "numpy")


def test_a_file_without_its_build_in_the_name_is_known_by_its_folder():
    old = facts(
        [dist("torch", "1.8.0+cpu"), dist("numpy", "1.21.6")],
        Torch("1.8.0+cpu", "1.8.0+cpu", None),
        nvidia=card("452.39", "Tesla V100-SXM2-16GB"),
        python="3.7.9",
        platform="win_amd64",
    )
    (wheel,) = mend(MATRIX, old, True).wheels
    assert (wheel.version, wheel.url.split("/")[-2]) == ("1.8.0", "cu102")
    grace = facts(
        [dist("torch", "2.6.0+cu126"), dist("torchvision", "0.21.0", "torch (==2.6.0)"), dist("numpy", "2.2.6")],
        Torch("2.6.0+cu126", "2.6.0+cu126", "12.6"),
        Torchvision("0.21.0", "0.21.0", None, requires_torch="torch (==2.6.0)"),
        nvidia=card("570.26", "NVIDIA GH200 480GB"),
        platform="linux_aarch64",
    )
    (wheel,) = mend(MATRIX, grace, True).wheels
    assert (wheel.name, wheel.version, wheel.url.split("/")[-2]) == ("torchvision", "0.21.0", "cu126")


def test_torch_comes_from_the_index_when_it_has_this_build():
    case = torch_set("2.14.1", "0.29.1", "12.6", nvidia=card("580.95.05", "RTX 4090"))
    assert mend(MATRIX, case, True).wheels == ()  # cu126 runs there: nothing to do
    windows = torch_set("2.9.1", "0.24.1", "12.8", nvidia=card("470.57.02", "RTX 3060"))
    assert all(wheel.url for wheel in mend(MATRIX, windows, True).wheels)


def test_a_torchaudio_that_names_no_torch_follows_the_build():
    case = facts(
        [dist("torch", "2.14.1"), dist("torchvision", "0.29.1"), dist("torchaudio", "2.11.0")],
        Torch("2.14.1+cu130", "2.14.1", "13.0"),
        Torchvision("0.29.1+cu130", "0.29.1", "13.0"),
        Torchaudio("2.11.0+cu130", "2.11.0", "13.0"),
        card("580.95.05", "GTX 1060"),
    )
    versions = [wheel.version for wheel in mend(MATRIX, case, True).wheels]
    assert versions == ["2.14.1+cu126", "0.29.1+cu126", "2.11.0+cu126"]


def test_a_torchaudio_without_a_partner_is_not_done_and_says_why():
    case = facts(
        [dist("torch", "2.13.0"), dist("torchaudio", "2.9.0", "torch==2.9.0")],
        Torch("2.13.0+cu130", "2.13.0", "13.0"),
        None,
        Torchaudio("2.9.0+cu128", "2.9.0", "12.8"),
    )
    mended = mend(MATRIX, case, False)
    assert mended.wheels == () and len(mended.not_done) == 1
    assert "2.11.0" in mended.not_done[0].reason.render("en", mended.not_done[0].params)


def test_numpy_moves_with_torch_only_when_torch_needs_it():
    needs = torch_set(
        "2.9.1", "0.24.1", "13.0", False, card("440.100", "Tesla T4"), dists=[dist("numpy", "2.2.6")], python="3.10.2"
    )
    mended = mend(MATRIX, needs, True)
    assert [wheel.name for wheel in mended.wheels] == ["torch", "torchvision", "numpy"]
    assert mended.wheels[2].version == "1.26.4"
    kept = torch_set(
        "2.9.1", "0.24.1", "13.0", False, card("440.100", "Tesla T4"), dists=[dist("numpy", "1.25.0")], python="3.10.2"
    )
    assert [wheel.name for wheel in mend(MATRIX, kept, True).wheels] == ["torch", "torchvision"]


def test_what_others_require_decides_the_version():
    case = torch_set(
        "2.13.0",
        "0.28.0",
        None,
        False,
        card("470.57.02", "RTX 3060"),
        dists=[dist("some-model", "1.0", "torch<2.3", "torch>=2.1")],
    )
    assert mend(MATRIX, case, True).wheels[0].version == "2.2.2+cu118"


def test_the_projects_pins_decide_and_the_loser_is_named():
    fits = torch_set("2.13.0", "0.28.0", None, False, card("470.57.02", "RTX 3060"), sections=project("torch<2.2"))
    assert mend(MATRIX, fits, True).wheels[0].version == "2.1.2+cu118"
    loses = torch_set("2.13.0", "0.28.0", None, False, card("470.57.02", "RTX 3060"), sections=project("torch>=2.13"))
    mended = mend(MATRIX, loses, True)
    assert mended.wheels[0].version == "2.5.1+cu118"
    assert "torch>=2.13" in mended.reason.render("en", mended.params)


def test_a_pin_on_torchvision_that_cannot_hold_is_named():
    mended = mend(MATRIX, facts_of(M1, project("torchvision==0.29.1")), False)
    assert moved(mended) == [("torchvision", "0.28.0+cpu", False)]
    assert "0.29.1" in mended.reason.render("zh", mended.params)


def facts_of(case, sections):
    return Facts(dict(case, **{}) if not sections else {**dict(case), **sections})


def test_what_comes_beside_a_new_torch_suits_the_same_numpy():
    empty = facts([], sections=project("torch==2.1.0", "torchvision"))
    mended = mend(MATRIX, empty, False, ("torchvision", "numpy", "opencv-python", "tensorflow"))
    versions = {wheel.name: wheel.version for wheel in mended.wheels}
    assert versions == {
        "torch": "2.1.0+cpu",
        "torchvision": "0.16.0+cpu",
        "opencv-python": "4.11.0.86",
        "numpy": "1.26.4",
    }


def test_the_reason_names_what_is_replaced_by_what():
    mended = mend(MATRIX, M2, False)
    assert mended.params["old"] == "0.28.0+cu130" and mended.params["new"] == "0.28.0+cpu"
    changed = pick(MATRIX, facts([dist("numpy", "2.3.5")]), "numpy", "<2")
    assert (changed.params["old"], changed.params["new"]) == ("2.3.5", "1.26.4")
    assert pick(MATRIX, facts(), "setuptools", "<81").reason.render("zh", {"moved": "setuptools<81"})


def test_a_damaged_torch_is_installed_again_from_where_it_came():
    case = facts([dist("torch", "2.1.0", health="files-missing")], Torch("2.1.0+cu121", "2.1.0", "12.1"))
    (wheel,) = mend(MATRIX, case, False).wheels
    assert (wheel.version, wheel.url) == ("2.1.0", None)
    case = facts([dist("torch", "2.1.0+cu118", health="files-missing")], Torch("2.1.0+cu118", "2.1.0+cu118", "11.8"))
    (wheel,) = mend(MATRIX, case, False).wheels
    assert wheel.url.endswith("cu118/torch-2.1.0%2Bcu118-cp311-cp311-linux_x86_64.whl")


def test_a_missing_torch_is_the_set_that_fits_the_machine():
    assert mend(MATRIX, facts(), False, ("torch",)).wheels[0].version == "2.15.0+cpu"
    with_card = facts(nvidia=card("580.95.05", "RTX 4090"))
    assert [w.version for w in mend(MATRIX, with_card, True, ("torch", "torchvision")).wheels][:2] == [
        "2.14.1+cu130",
        "0.29.1+cu130",
    ]


def test_what_cannot_be_told_is_not_done_with_the_alternatives():
    case = torch_set("2.13.0", "0.28.0", None, False, Unknown("NVML did not answer"))
    mended = mend(MATRIX, case, True)
    assert mended.wheels == () and mended.alternatives
    for lang in ("en", "zh"):
        assert mended.not_done[0].reason.render(lang, mended.not_done[0].params)


def test_a_torch_that_the_matrix_does_not_know_is_not_guessed():
    case = facts(
        [dist("torch", "2.99.0"), dist("torchvision", "0.28.0")],
        Torch("2.99.0+cu130", "2.99.0", "13.0"),
        Torchvision("0.28.0+cu130", "0.28.0", "13.0"),
    )
    mended = mend(MATRIX, case, False)
    assert mended.wheels == () and mended.not_done[0].params["torch"].startswith("2.99.0")


def test_mending_twice_changes_nothing_more():
    for case in (W, M1, M2, seeds()):
        mended = mend(MATRIX, case, False)
        (wheel,) = mended.wheels
        torch = case.need(Torch)
        after = facts_of(
            case,
            {
                Torchvision: Torchvision(
                    wheel.version if "+" in wheel.version else wheel.version + "+" + torch.version.split("+")[1],
                    wheel.version,
                    torch.cuda,
                ),
                Distributions: Distributions(
                    tuple(
                        dist("torchvision", wheel.version) if item.name == "torchvision" else item
                        for item in case.need(Distributions).items
                    )
                ),
            },
        )
        assert mend(MATRIX, after, False).wheels == ()


def after(case, wheels):
    """The facts as they will be when the wheels are installed."""
    moved_to = {wheel.name: wheel for wheel in wheels}
    items = [
        dist(item.name, moved_to[item.name].version) if item.name in moved_to else item
        for item in case.need(Distributions).items
    ]
    sections = {Distributions: Distributions(tuple(items))}
    for name, cls in (("torch", Torch), ("torchvision", Torchvision), ("torchaudio", Torchaudio)):
        if name not in moved_to:
            continue
        version = moved_to[name].version
        variant = version.partition("+")[2]
        if not variant:
            release = version if name == "torch" else MATRIX.torch_for(name, version)[0]
            cuda = MATRIX.index_cuda(release, case.need(Python).platform)
            variant = "cpu" if cuda == "cpu" else "cu" + cuda.replace(".", "")
        cuda = None if variant == "cpu" else variant[2:-1] + "." + variant[-1]
        sections[cls] = cls(version.partition("+")[0] + "+" + variant, version, cuda)
    return facts_of(case, sections)


@pytest.mark.parametrize(
    "case, cuda",
    [(W, False), (M1, False), (M2, False), (seeds(), True)]
    + [
        (torch_set("2.13.0", "0.28.0", None, False, card("580.95.05", "NVIDIA GeForce RTX 3060")), True),
        (torch_set("2.2.1", "0.17.1", "12.1", nvidia=card("470.57.02", "NVIDIA GeForce RTX 3060")), True),
        (torch_set("2.9.1", "0.24.1", "13.0", nvidia=card("580.95.05", "NVIDIA GeForce GTX 1060 6GB")), True),
        (torch_set("2.14.1", "0.29.1", "13.0", nvidia=card("580.95.05", "NVIDIA GeForce GTX 1060 6GB")), True),
        (torch_set("2.9.1", "0.24.1", "13.0", nvidia=card("531.68", "RTX 3060"), platform="win_amd64"), True),
        (torch_set("2.1.0", "0.16.0", None, nvidia=card("552.22", "NVIDIA GeForce MX330"), platform="win_amd64"), True),
    ],
)
def test_the_checks_find_something_before_and_nothing_after(case, cuda):
    codes = {check.code: check for check in all_checks() if check.run and check.family in ("torch", "gpu")}
    for code in ("gpu-memory-busy", "container-no-gpu"):
        codes.pop(code, None)

    def errors(facts):
        _, findings = diagnose(codes.values(), facts, MATRIX)
        return sorted(finding.code for finding in findings if finding.severity == "error")

    assert errors(case), "nothing was wrong"
    mended = mend(MATRIX, case, cuda)
    assert mended.wheels and errors(after(case, mended.wheels)) == []


# ---------------------------------------------------------------- any other distribution


ABI = facts(
    [
        dist("torch", "2.1.0"),
        dist("numpy", "2.3.5"),
        dist(
            "opencv-python", "4.12.0.88", 'numpy<2.3.0,>=2; python_version >= "3.9"', 'numpy<2; python_version < "3.9"'
        ),
        dist("scipy", "1.14.0", "numpy<2.3,>=1.23.5"),
    ],
    Torch("2.1.0+cu121", "2.1.0", "12.1"),
)


def test_numpy_meets_as_many_demands_as_possible_and_names_the_rest():
    mended = pick(MATRIX, ABI, "numpy", "<2")
    assert moved(mended) == [("numpy", "1.26.4", True)]
    text = mended.reason.render("en", mended.params)
    assert "opencv-python" in text and "scipy" not in text and "torch" not in text


def test_compiled_code_of_unknown_packages_counts():
    case = facts(
        [dist("numpy", "2.3.5"), dist("odd", "1.0")],
        sections={NativeModules: NativeModules(items=(NativeModule("odd", "/v/odd.so", "1"),))},
    )
    assert moved(pick(MATRIX, case, "numpy")) == [("numpy", "1.26.4", True)]


def test_the_leaf_fits_the_numpy_that_is_there():
    case = facts([dist("numpy", "1.26.4"), dist("opencv-python", "4.12.0.88")])
    assert moved(pick(MATRIX, case, "opencv-python")) == [("opencv-python", "4.11.0.86", True)]
    newer = facts([dist("numpy", "2.3.5"), dist("opencv-python", "4.9.0.80")])
    assert moved(pick(MATRIX, newer, "opencv-python", ">=4.10.0.84"))[0][1] == "5.0.0.93"


def test_the_leaf_fits_the_numpy_that_will_come():
    case = facts([dist("torch", "2.1.0")], Torch("2.1.0+cu121", "2.1.0", "12.1"))
    assert moved(pick(MATRIX, case, "opencv-python")) == [("opencv-python", "4.11.0.86", True)]


def test_the_projects_pin_on_another_distribution():
    case = facts([dist("numpy", "2.3.5")], sections=project("numpy<2.2"))
    assert moved(pick(MATRIX, case, "numpy")) == [("numpy", "2.1.3", True)]


def test_the_same_version_again():
    tags = ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",)
    case = facts([dist("numpy", "1.26.0", tags=tags), dist("torch", "2.1.0")], Torch("2.1.0+cu121", "2.1.0", "12.1"))
    (wheel,) = pick(MATRIX, case, "numpy", "==1.26.0").wheels
    assert wheel.filename == "numpy-1.26.0-" + tags[0] + ".whl" and wheel.url is None
    (wheel,) = pick(MATRIX, case, "torch", "==2.1.0").wheels
    assert wheel.filename == "torch-2.1.0-cp311-cp311-manylinux1_x86_64.whl" and wheel.url is None


def test_what_the_matrix_does_not_know_keeps_its_range():
    assert moved(pick(MATRIX, facts(), "Pillow", "==9.5.0")) == [("pillow", "9.5.0", True)]
    assert moved(pick(MATRIX, facts(), "setuptools", "<81")) == [("setuptools", "<81", True)]
    assert moved(pick(MATRIX, facts(), "filelock")) == [("filelock", "", True)]


def test_a_version_that_no_file_has_is_not_done():
    mended = pick(MATRIX, facts(), "numpy", ">=9")
    assert mended.wheels == () and "numpy>=9" in mended.not_done[0].params["wanted"]


def test_a_range_that_nobody_can_read_asks_nothing():
    installed = [dist("numpy", "1.26.4"), dist("old", "1.0", "numpy (>=1.14.5.*)", "torch (>=1.*)")]
    odd = facts(installed, sections=project("numpy==1.0-custom+", "torch==unknown"))
    assert moved(pick(MATRIX, odd, "numpy", "==2.1.0+")) == [("numpy", "2.4.6", True)]
    assert mend(MATRIX, odd, False, ["torch==nan"]).wheels[0].version == "2.15.0+cpu"


def test_without_a_python_nothing_is_planned():
    empty = Facts({})
    assert mend(MATRIX, empty, False).wheels == ()
    assert pick(MATRIX, empty, "pillow", "==9.5.0").wheels


@pytest.mark.parametrize(
    "name, specifier, python",
    [
        ("onnxruntime", "==1.8.0", "3.13.1"),
        ("numpy", "==1.19.2", "3.13.1"),
        ("opencv-python", "==4.5.1", "3.8.18"),
        ("tflite-runtime", "", "3.12.1"),
    ],
)
def test_what_has_no_wheel_here_is_refused_before_pip_tries(name, specifier, python):
    mended = pick(MATRIX, facts(python=python), name, specifier)
    assert mended.wheels == ()
    (reason,) = mended.not_done
    assert reason.params == {
        "wanted": name + specifier,
        "python": python.rpartition(".")[0],
        "platform": "linux_x86_64",
    }


def test_what_is_installed_was_to_be_had_once_and_is_installed_again():
    (wheel,) = pick(MATRIX, facts([dist("numpy", "1.19.2")], python="3.13.1"), "numpy", "==1.19.2").wheels
    assert wheel.version == "1.19.2"
