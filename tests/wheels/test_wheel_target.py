"""Targets: described in pip's words, or read from facts; and the tags they accept."""

import pytest

from doctor.facts import Facts, Host, Python
from doctor.wheels.matrix import load
from doctor.wheels.target import Target

MATRIX = load()


def described(platform, python="3.11", **words):
    return Target.described(platform, MATRIX, python, **words)


@pytest.mark.parametrize(
    "word, python, abi, threaded",
    [
        ("3.10", "3.10", "cp310", False),
        ("310", "3.10", "cp310", False),
        ("3.10.13", "3.10", "cp310", False),
        ("cp310", "3.10", "cp310", False),
        ("3.7", "3.7", "cp37m", False),
        ("37", "3.7", "cp37m", False),
        ("3.13t", "3.13", "cp313t", True),
        ("314t", "3.14", "cp314t", True),
    ],
)
def test_pythons(word, python, abi, threaded):
    target = described("linux_x86_64", word)
    assert (target.python, target.abi, target.free_threaded) == (python, abi, threaded)


def test_an_abi_says_the_python_too():
    target = Target.described("linux_x86_64", MATRIX, abi="cp313t")
    assert (target.python, target.abi, target.free_threaded) == ("3.13", "cp313t", True)
    assert Target.described("linux_x86_64", MATRIX, "3.13", abi="cp313t").python_tag == "cp313t"


@pytest.mark.parametrize(
    "word, platform, glibc, macos",
    [
        ("win_amd64", "win_amd64", None, None),
        ("linux-aarch64", "linux_aarch64", None, None),
        ("manylinux2014_x86_64", "linux_x86_64", "2.17", None),
        ("manylinux_2_28_aarch64", "linux_aarch64", "2.28", None),
        ("macosx_14_0_arm64", "macosx_arm64", None, "14.0"),
        ("macosx-14.0-arm64", "macosx_arm64", None, "14.0"),
        ("macosx_x86_64", "macosx_x86_64", None, None),
    ],
)
def test_platforms(word, platform, glibc, macos):
    target = described(word)
    assert (target.platform, target.glibc, target.macos) == (platform, glibc, macos)


@pytest.mark.parametrize(
    "target, has, lacks",
    [
        (
            described("linux_x86_64", glibc="2.28"),
            "cp311-cp311-manylinux_2_28_x86_64",
            "cp311-cp311-manylinux_2_29_x86_64",
        ),
        (described("linux_x86_64", glibc="2.28"), "cp39-abi3-manylinux1_x86_64", "cp312-abi3-manylinux1_x86_64"),
        (described("linux_x86_64"), "cp311-cp311-manylinux_2_41_x86_64", "cp311-cp311-linux_aarch64"),
        (
            described("linux_aarch64", glibc="2.31"),
            "cp311-none-manylinux2014_aarch64",
            "cp311-cp311-manylinux1_aarch64",
        ),
        (described("linux_armv7l", "3.7", glibc="2.28"), "cp37-none-linux_armv7l", "cp37-cp37-linux_armv7l"),
        (described("linux_armv6l"), "cp311-cp311-linux_armv6l", "cp311-cp311-manylinux2014_armv7l"),
        (described("win_amd64"), "py3-none-win_amd64", "cp311-cp311-win32"),
        (described("macosx_12_0_arm64"), "cp311-cp311-macosx_11_0_arm64", "cp311-cp311-macosx_13_0_arm64"),
        (described("linux_x86_64", "3.13t"), "cp313-cp313t-manylinux_2_28_x86_64", "cp37-abi3-manylinux_2_28_x86_64"),
    ],
)
def test_tags(target, has, lacks):
    tags = set(target.tags())
    assert has in tags and lacks not in tags
    for tag in (has, lacks):
        python, abi, platform = tag.split("-")
        assert (target.accepts_python(python, abi) and target.accepts_platform(platform)) is (tag in tags)


def test_the_tags_agree_with_the_judgement_for_every_listed_file():
    for target in (
        described("linux_x86_64", "3.10", glibc="2.27"),
        described("macosx_13_0_arm64", "3.12"),
        described("win_amd64", "3.7"),
    ):
        tags = set(target.tags())
        for package in ("numpy", "onnxruntime", "opencv-python", "tflite-runtime"):
            for file in MATRIX.files(package):
                own = {"%s-%s-%s" % (p, file.abi, tag) for p in file.python.split(".") for tag in file.platforms}
                fits = target.accepts_python(file.python, file.abi) and any(
                    map(target.accepts_platform, file.platforms)
                )
                assert fits is bool(own & tags), file.filename


def machine(**python):
    given = {
        "executable": "/v/python",
        "version": "3.9.2",
        "abi": "cp39",
        "platform": "linux_x86_64",
        "libc": "glibc",
        "libc_version": "2.31",
    }
    given.update(python)
    return Facts({Host: Host(system="linux", machine="aarch64"), Python: Python(**given)})


def test_a_32_bit_python_on_a_64_bit_kernel_is_armv7l():
    assert Target.from_facts(machine(platform="linux_aarch64", pointer_bits=32)).platform == "linux_armv7l"
    assert Target.from_facts(machine(platform="linux_aarch64")).platform == "linux_aarch64"


def test_what_facts_do_not_say_is_unknown():
    target = Target.from_facts(machine(libc=None, libc_version=None), MATRIX)
    assert target.glibc_state == "unknown" and target.gpus is None and target.driver_state == "unknown"
    assert target.accepts_glibc("2.28") is None
    assert Target.from_facts(machine(libc="musl", libc_version="1.2")).accepts_glibc("2.17") is False


def test_a_described_target_asks_nobody(monkeypatch):
    import platform
    import sys
    import sysconfig

    for module, name in (
        (platform, "machine"),
        (platform, "system"),
        (sysconfig, "get_platform"),
        (platform, "mac_ver"),
    ):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("asked this machine"))
    monkeypatch.setattr(sys, "platform", "plan9")
    for word in ("linux_x86_64", "win_amd64", "macosx_14_0_arm64", "linux_armv7l"):
        assert described(word).tags()
