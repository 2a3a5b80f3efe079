"""The matrix: loaded quickly and honestly, wrong files named by line, and its facts as they were read."""

import datetime
import json
import os
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT

from doctor.wheels import matrix as module
from doctor.wheels.matrix import MatrixError, load, parse
from doctor.wheels.tags import glibc_of_tag, platform_of_tag

RAW = (ROOT / "wheel_matrix.yaml").read_bytes()


@pytest.fixture(scope="module")
def matrix():
    return load()


# ---------------------------------------------------------------- loading


def test_the_json_form_is_used_and_kept_by_the_checksum_of_the_yaml(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setattr(module, "cache_folder", lambda: str(tmp_path / "torch-doctor"))
    (tmp_path / "torch-doctor").mkdir()
    (tmp_path / "torch-doctor" / "wheel_matrix-0123.json").write_text("of an older state", encoding="utf-8")
    first = load()
    (kept,) = (tmp_path / "torch-doctor").iterdir()
    monkeypatch.setattr(module, "parse", lambda *_: pytest.fail("parsed again"))
    assert load().data == first.data
    kept.write_text("0" * 64 + "\n{}", encoding="utf-8")
    with pytest.raises(pytest.fail.Exception, match="parsed again"):
        load()


@pytest.mark.parametrize("state", ["a file", "read-only"])
def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch, state):
    place = tmp_path / "cache"
    if state == "a file":
        place.write_text("x", encoding="utf-8")
    else:
        place.mkdir(mode=0o500)
    monkeypatch.setattr(module, "cache_folder", lambda: str(place / "torch-doctor"))
    assert load().date


def test_json_and_yaml_say_the_same():
    data = parse(RAW, "wheel_matrix.yaml")
    assert json.loads(module.json_form(RAW, data).split("\n", 1)[1]) == data


def test_yaml_without_its_c_loader_gives_the_same(monkeypatch):
    small = RAW[: RAW.index(b"\ngpus:")]
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    with pytest.raises(MatrixError) as error:
        parse(small, "small.yaml")
    assert str(error.value) == "small.yaml:7: gpus: is missing"


def test_nothing_heavy_is_imported_to_load_and_choose():
    program = (
        "import sys\nfrom doctor.wheels.matrix import load\nfrom doctor.wheels.target import Target\n"
        "from doctor.wheels.choose import choose\nload()\nm = load()\n"
        "choose(m, ['torch>=2.3,<3', 'torchvision'], Target.described('linux_x86_64', m, '3.11', no_gpu=True))\n"
        "print([n for n in ('yaml', 'packaging', 'requests', 'rich', 'typer', 'asyncio') if n in sys.modules])"
    )
    load()  # fills the cache
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    assert subprocess.check_output([sys.executable, "-c", program], env=env, universal_newlines=True).strip() == "[]"


# ---------------------------------------------------------------- wrong files


def line_of(text):
    return RAW[: RAW.index(text)].count(b"\n") + 1


BROKEN = {
    "a version without quotes": (
        b"cuda: '12.8', update: GA, linux_min: '570.26'",
        b"linux_min: '570.26'",
        b"linux_min: 570.26",
    ),
    "a bad date": (b"date: '2026-11-22'", b"date: '2026-11-22'", b"date: soon"),
    "a bad expression": (b"- {re: CMP 90HX", b"CMP 90HX", b"'CMP (90HX'"),
    "a bad sha256": (b"    cu118/torch-2.0.1+cu118-cp39", b"eb55f29db5744eda", b"XX55f29db5744eda"),
    "a build that has no name": (b"      cu121: {linux: true, windows: true, aarch64: false", b"cu121:", b"cuda121:"),
    "an arch list in numbers": (b"      cu124: {linux: true", b"'5.0', '6.0'", b"5.0x, '6.0'"),
    "a bad interpreter tag": (b"      0.8.1: {macosx_10_9_x86_64: [cp36", b"[cp36,", b"[python36,"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_what_is_wrong_is_named_with_its_line(name):
    where, old, new = BROKEN[name]
    start = RAW.index(where)
    text = RAW[:start] + RAW[start:].replace(old, new, 1)
    with pytest.raises(MatrixError) as error:
        parse(text, "wheel_matrix.yaml")
    assert error.value.file == "wheel_matrix.yaml"
    assert error.value.line == line_of(where), str(error.value)


def test_a_text_that_is_no_yaml_is_named_with_its_line():
    with pytest.raises(MatrixError) as error:
        parse(b"schema: 1\ndate: [\n", "mine.yaml")
    assert error.value.line in (2, 3)


def test_a_missing_file_is_an_error_that_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_find", lambda: str(tmp_path / "wheel_matrix.yaml"))
    with pytest.raises(MatrixError, match="wheel_matrix.yaml:0: cannot be read"):
        load()


# ---------------------------------------------------------------- an overlay


def test_an_overlay_adds_to_the_matrix_and_its_mistakes_name_its_own_lines(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "date: '2027-01-05'\n"
        "torch:\n  releases:\n    '2.16.0':\n"
        "      torchvision: ['0.30.0']\n      torchaudio: []\n      index_cuda: {linux_x86_64: '13.2'}\n"
        "      tags: {manylinux_2_28_x86_64: [cp312]}\n"
        "      variants: {cpu: {linux: true}}\n",
        encoding="utf-8",
    )
    above = load(str(own))
    assert above.torch_releases[0] == "2.16.0" and above.date == "2027-01-05"
    assert above.partners("2.15.0") == load().partners("2.15.0")
    own.write_text("torch:\n  releases:\n    '2.16.0':\n      torchvision: [0.30]\n", encoding="utf-8")
    with pytest.raises(MatrixError) as error:
        load(str(own))
    assert (error.value.file, error.value.line) == (str(own), 4)


# ---------------------------------------------------------------- facts


def test_every_block_says_where_it_is_from_and_when(matrix):
    blocks = [block for block in matrix.data.values() if isinstance(block, dict)]
    assert len(blocks) == 10
    assert all(block["source"] and block["date"] for block in blocks)


def test_43_releases_and_227_builds(matrix):
    assert len(matrix.torch_releases) == 43
    assert matrix.torch_releases[0] == "2.15.0" and matrix.torch_releases[-1] == "1.7.0"
    variants = sum(len(matrix.release(version)["variants"]) for version in matrix.torch_releases)
    assert variants == 227


def test_age(matrix):
    assert matrix.age_days(datetime.date(2026, 11, 23)) == 1
    assert not matrix.stale(datetime.date(2027, 2, 20)) and matrix.stale(datetime.date(2027, 2, 21))


@pytest.mark.parametrize(
    "cuda, system, by_minor, exact",
    [
        ("13.2", "linux", "580", "595.45.04"),
        ("13.0", "windows", "580", "580"),
        ("12.1", "linux", "525.60.13", "530.30.02"),
        ("12.1", "windows", "528.33", "531.14"),
        ("12.8", "linux", "525.60.13", "570.26"),
        ("11.8", "linux", "450.80.02", "520.61.05"),
        ("11.0", "windows", "451.22", "451.48"),
        ("10.2", "linux", "440.33", "440.33"),
        ("9.2", "windows", "397.44", "397.44"),
        ("99.9", "linux", None, None),
    ],
)
def test_minimum_driver(matrix, cuda, system, by_minor, exact):
    assert matrix.minimum_driver(cuda, system) == by_minor
    assert matrix.minimum_driver(cuda, system, minor_compatibility=False) == exact


@pytest.mark.parametrize(
    "driver, system, cuda",
    [
        ("552.22", "windows", "12.4"),
        ("531.68", "windows", "12.1"),
        ("565.57.01", "linux", "12.7"),
        ("580.126.09", "linux", "13.0"),
        ("610.57.04", "linux", "13.3"),
        ("300.1", "linux", None),
        ("nonsense", "linux", None),
    ],
)
def test_driver_cuda(matrix, driver, system, cuda):
    assert matrix.driver_cuda(driver, system) == cuda


@pytest.mark.parametrize(
    "name, cc",
    [
        ("NVIDIA GeForce MX330", "6.1"),
        ("GTX 1060", "6.1"),
        ("rtx3060ti", "8.6"),
        ("GeForce RTX 3050 A Laptop GPU", "8.9"),
        ("NVIDIA GeForce RTX 5090", "12.0"),
        ("NVIDIA A100-SXM4-80GB", "8.0"),
        ("B200", "10.0"),
        ("A10G", "8.6"),
        ("NVIDIA H100 80GB HBM3", "9.0"),
        ("Tesla V100-SXM2-16GB", "7.0"),
        ("Quadro P620", "6.1"),
        ("NVIDIA GB10", "12.1"),
        ("GeForce GTX 670M", "2.1"),
        ("sm_61", "6.1"),
        ("SM_120", "12.0"),
        ("compute_90", "9.0"),
        ("sm_90a", "9.0"),
        ("sm_99", None),
        ("RTX 9999", None),
        ("GeForce GT 1030", None),
        ("Radeon RX 7900", None),
        ("GTX 1060zz", None),
        ("GTX 1060M", "6.1"),
        ("RTX 30900", None),
        ("XRTX 3090", None),
        ("RTX 9090", None),
        ("geforce rtx3060ti", "8.6"),
        ("NVIDIA GeForce GTX 1060 with Max-Q Design", "6.1"),
        ("Tesla V100-SXM2-16GB", "7.0"),
        ("GRID V100DX-4Q", "7.0"),
        ("P106-090", "6.1"),
        ("", None),
    ],
)
def test_compute_capability(matrix, name, cc):
    assert matrix.compute_capability(name) == cc


def test_every_exact_name_has_the_capability_of_its_group(matrix):
    ambiguous = {row["name"].lower() for row in matrix.table("gpus.ambiguous_names")}
    for cc, names in matrix.table("gpus.exact_names_by_cc").items():
        for name in names:
            if name.lower() not in ambiguous:
                assert matrix.compute_capability("NVIDIA " + name) == cc, name


def test_names_for_several_chips_and_near_names(matrix):
    assert matrix.ambiguous_gpu("NVIDIA GeForce GT 1030") == ("3.0", "6.1")
    assert "GeForce RTX 3060" in matrix.nearest_gpus("GeForce RTX 3O60")
    assert matrix.nearest_gpus("RTX 9090")[0] == "GeForce RTX 5090"
    assert matrix.nearest_gpus("GTX 1060zz")[0] == "GeForce GTX 1060"
    assert matrix.nearest_gpus("4070 super")[0] == "GeForce RTX 4070 SUPER"
    assert matrix.nearest_gpus("sm_62")[0] == "sm_62"
    assert matrix.nearest_gpus("zzzzzz") == ()


@pytest.mark.parametrize("cc, branch", [("6.1", 580), ("7.0", 580), ("3.5", 470), ("2.1", 390), ("7.5", None)])
def test_last_driver_branch(matrix, cc, branch):
    assert matrix.last_driver_branch(cc) == branch


@pytest.mark.parametrize(
    "build, system, cc, direct, answer",
    [
        ("2.14.1+cu126", "linux", "6.1", False, True),  # sm_60 serves 6.1
        ("2.9.0+cu130", "linux", "6.1", True, False),
        ("2.9.0+cu130", "linux", "12.1", True, True),
        ("2.1.0+cu121", "linux", "8.9", True, True),  # sm_86 serves 8.9
        ("1.13.1+cu117", "windows", "9.0", True, False),  # 3.7+PTX, but CUDA 11.7 does not know 9.0
        ("2.0.1+cu118", "windows", "10.0", True, False),
        ("1.13.1+cu117", "windows", "3.7", True, True),
        ("1.13.1+cu117", "linux", "3.5", True, False),
        ("2.7.1+cu128", "linux", "6.1", True, False),
        ("2.7.1+cu128", "windows", "6.1", True, True),  # the lists differ by system
        ("2.7.1+cu126", "linux", "6.1", True, None),  # not known
        ("2.15.0+cu132", "linux", "6.1", True, False),  # not known, but CUDA 13 makes no code for Pascal
        ("2.6.0+cu126", "linux", "12.0", True, False),
    ],
)
def test_serves(matrix, build, system, cc, direct, answer):
    assert matrix.serves(matrix.build(build, system), cc, direct).answer is answer


def test_ptx_needs_a_driver_that_supports_the_toolkit_itself(matrix):
    build = matrix.build("2.0.1+cu118", "windows")._replace(sass=("3.7",), ptx=("3.7",))
    assert matrix.serves(build, "7.5", direct=True).how == "ptx"
    assert matrix.serves(build, "7.5", direct=False).answer is False


@pytest.mark.parametrize(
    "cuda, span", [("11.8", "3.5…9.0"), ("12.6", "5.0…9.0"), ("13.0", "7.5…12.1"), ("4.0", "2.0…2.0")]
)
def test_the_most_that_a_toolkit_compiles_for(matrix, cuda, span):
    assert matrix.toolkit_span(cuda) == span


def test_a_build_by_its_cuda_or_its_local_version(matrix):
    assert matrix.build("2.1.0", "linux", cuda="12.1") == matrix.build("2.1.0+cu121", "linux")
    assert matrix.build("2.1.0", "linux") is None
    assert matrix.build("2.1.0+cu999", "linux") is None
    assert matrix.build("2.11.0+cu130", "linux", machine="aarch64").sass == ("8.0", "9.0", "10.0", "11.0", "12.0")


def test_partners(matrix):
    assert matrix.partners("2.1.0+cu121").torchvision == ("0.16.0",)
    assert matrix.partners("2.14.1").torchvision[-1] == "0.29.1"
    assert matrix.partners("2.13.0").torchaudio == ()
    assert matrix.partners("1.6.0") is None
    assert matrix.goes_with("2.14.1", "torchvision", "0.29.2+cu132") is True
    assert matrix.goes_with("2.13.0", "torchvision", "0.29.1") is False
    assert matrix.goes_with("2.13.0", "torchaudio", "2.11.0") is None
    assert matrix.goes_with("9.9.9", "torchvision", "0.28.9") is None


def test_the_torch_that_a_partner_was_built_for_comes_first(matrix):
    assert matrix.torch_for("torchvision", "0.29.1") == ("2.14.1", "2.15.0", "2.14.0")
    assert matrix.torch_for("torchvision", "0.29.2") == ("2.15.0", "2.14.1", "2.14.0")
    assert matrix.torch_for("torchaudio", "2.11.0+cu130") == ("2.11.0",)
    assert matrix.file("torchvision", "0.29.1", "cu126", "linux_x86_64", "cp311")
    assert matrix.file("torchvision", "0.29.2", "cu126", "linux_x86_64", "cp311") is None


def test_what_the_index_serves(matrix):
    assert matrix.index_cuda("1.12.1", "linux_x86_64") == "10.2"
    assert matrix.index_cuda("2.11.0", "linux_aarch64") == "13.0"
    assert matrix.index_cuda("2.10.0", "linux_aarch64") == "cpu"
    assert matrix.index_cuda("2.13.0", "win_amd64") == "cpu"
    assert matrix.index_cuda("1.8.2", "linux_x86_64") is None
    assert matrix.index_cuda("2.3.0", "macosx_x86_64") is None


@pytest.mark.parametrize(
    "package, version, system, limit",
    [
        ("torch", "2.2.2", "linux", "<2"),
        ("torch", "2.3.0", "linux", None),
        ("torch", "2.4.0", "windows", "<2"),
        ("torch", "2.4.1", "windows", None),
        ("opencv-python", "4.10.0.82", "linux", "<2"),
        ("opencv-python-headless", "4.8.1.1", "linux", "<2"),
        ("opencv-python", "4.10.0.84", "linux", None),
        ("onnxruntime", "1.18.1", "linux", "<2"),
        ("onnxruntime-gpu", "1.19.0", "linux", None),
        ("pillow", "9.0", "linux", None),
    ],
)
def test_numpy_limit(matrix, package, version, system, limit):
    assert matrix.numpy_limit(package, version, system) == limit


def test_a_cuda_of_three_numbers_is_judged_by_two(matrix):
    assert matrix.runs("410.48", "10.0.130", "linux") == "direct"
    assert matrix.makes_code("10.0.130", "7.5") and not matrix.makes_code("10.0.130", "8.0")


def test_removed_names(matrix):
    names = matrix.removed_numpy_names()
    assert names["numpy.int"]["removed_in"] == "1.24"
    assert names["numpy.bool"]["returned_in"] == "2.0"


def test_tables_and_what_is_not_there(matrix):
    assert matrix.table("pi_os.releases")[1]["codename"] == "buster"
    assert matrix.table("pi_os.nothing.here") is None
    assert matrix.pins("2.1.0")["pins"]["nvidia-cudnn-cu12"] == "==8.9.2.26"


def test_tags():
    assert platform_of_tag("manylinux_2_17_aarch64.manylinux2014_aarch64") == "linux_aarch64"
    assert platform_of_tag("macosx_14_0_arm64") == "macosx_arm64"
    assert glibc_of_tag("manylinux_2_27_x86_64.manylinux_2_28_x86_64") == "2.27"
    assert glibc_of_tag("manylinux2014_x86_64") == "2.17"
    assert glibc_of_tag("linux_x86_64") is None


def test_the_script_makes_the_same_file_again(tmp_path):
    """Facts are not in the repository; emitting the parsed matrix again must keep every value."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import build_matrix
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    lines = []
    build_matrix.emit(yaml.safe_load(RAW), 0, lines)
    assert yaml.safe_load("\n".join(lines)) == yaml.safe_load(RAW)
