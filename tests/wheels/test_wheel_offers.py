"""What the matrix is sure that a Python cannot install, and where it says nothing."""

import pytest

from doctor.facts import Host, Python
from doctor.wheels import matrix as matrix_module
from doctor.wheels.offers import LIBC, PLATFORM, PYTHON, RELEASE, SYSTEM, lack
from doctor.wheels.target import Target


@pytest.fixture(scope="module")
def matrix():
    return matrix_module.load()


def target(python="3.11", platform="linux_x86_64", libc="glibc", version="2.36", **more):
    system = "windows" if platform.startswith("win") else "macos" if platform.startswith("mac") else "linux"
    if system != "linux":
        libc, version = None, None
    minor = python.rstrip("t")
    free = python.endswith("t")
    about = Python("python", minor + ".1", platform=platform, free_threaded=free, libc=libc, libc_version=version)
    host = Host(system, "x86_64", libc=libc, libc_version=version, distro_version=more.pop("macos", ""))
    return Target.of_python(about, host)


NOTHING = [
    ("torch", "==1.7.1", target("3.10"), PYTHON),
    ("torch", "==1.7.1+cu110", target("3.10"), PYTHON),
    ("torch", ">=2.15", target("3.8"), PYTHON),
    ("torch", "", target("3.11", "linux_armv7l"), PLATFORM),
    ("torch", "==2.5.0", target("3.11", "macosx_11_0_x86_64", macos="14.1"), PLATFORM),
    ("torch", "", target("3.13", "macosx_11_0_x86_64", macos="14.1"), PYTHON),
    ("torch", "", target(libc="musl", version="1.2"), LIBC),
    ("torch", ">=2.7", target(version="2.17"), SYSTEM),
    ("torch", "==2.12.1", target("3.12", "macosx_11_0_arm64", macos="12.6"), SYSTEM),
    ("torch", "==2.1.3", target(), RELEASE),
    ("torchvision", "==0.8.2", target("3.10"), PYTHON),
    ("torchaudio", "<0.13", target("3.11"), PYTHON),
    ("numpy", "==1.19.2", target("3.11"), PYTHON),
    ("numpy", "<2.0", target("3.13"), PYTHON),
    ("numpy", "<2.1", target("3.13t"), PYTHON),
    ("opencv-python", "==4.5.1.48", target("3.10"), PYTHON),
    ("opencv-python", "==4.5.1", target("3.8"), RELEASE),
    ("onnxruntime", "==1.10.0", target("3.11"), PYTHON),
    ("onnxruntime", ">=1.20", target("3.9"), PYTHON),
    ("onnxruntime-gpu", "", target("3.11", "macosx_11_0_arm64", macos="14.1"), PLATFORM),
    ("onnxruntime-gpu", "==1.16.3", target("3.11", "linux_aarch64"), PLATFORM),
    ("tflite-runtime", "", target("3.12"), PYTHON),
]


@pytest.mark.parametrize("name, specifier, here, kind", NOTHING)
def test_nothing_can_be_had(matrix, name, specifier, here, kind):
    found = lack(matrix, name, specifier, here)
    assert found is not None and found.kind == kind


QUIET = [
    ("torch", ">=1.7", target("3.12")),
    ("torch", "==99.0", target()),
    ("torch", ">=2.7", target(version="2.28")),
    ("torch", "==1.8.2", target("3.8")),  # the long-term release is not on the package index
    ("torch", "==2.1.0", target("3.11", "linux_aarch64")),
    ("numpy", "==1.21.2", target("3.10")),  # only the last patch of a minor is listed, and that one has wheels
    ("numpy", ">=1.18,<1.19.4", target("3.9")),  # 1.19.3 has them, and only 1.19.5 is listed
    ("numpy", "==1.19.7", target("3.8")),
    ("numpy", "", target("3.15")),  # a Python younger than the matrix
    ("opencv-python", "<4.5.2", target("3.5")),  # releases before the first that is listed
    ("opencv-python", "==4.1.1.26", target("3.8")),
    ("opencv-python", "==4.5.1", target("3.11", "linux_armv7l")),  # piwheels builds what is not listed
    ("onnxruntime", ">=1.12", target(libc="musl", version="1.2")),  # musl files are not listed
    ("tensorflow", "==2.4.0", target("3.11")),
    ("torch", "==2.1.0a0+41361538.nv23.06", target("3.8", "linux_aarch64")),
    ("torch", "==2.1.0+gitabc", target("3.13")),
    ("torch", "==2.9.0rc1", target("3.11")),
    ("requests", "==0.0.1", target()),
    ("numpy", "==1.19.2", target("3.11", "linux_s390x")),
]


@pytest.mark.parametrize("name, specifier, here", QUIET)
def test_what_can_be_had_or_is_not_known(matrix, name, specifier, here):
    assert lack(matrix, name, specifier, here) is None


def test_what_would_do_instead(matrix):
    found = lack(matrix, "torch", "==1.7.1", target("3.10"))
    assert found.pythons == ("cp36", "cp37", "cp38", "cp39")
    assert found.releases[0] == "1.11.0" and found.community == ""
    assert lack(matrix, "torch", ">=2.7", target(version="2.17")).floor == "2.28"
    assert lack(matrix, "opencv-python", "==4.5.1", target("3.8")).releases == ("4.5.1.48",)
    assert "armv7l" in lack(matrix, "torch", "", target("3.9", "linux_armv7l", version="2.31")).community


def test_another_python_than_cpython_is_not_judged(matrix):
    about = Python("pypy", "3.10.1", implementation="pypy", platform="linux_x86_64")
    assert lack(matrix, "torch", "==1.7.1", Target.of_python(about, None)) is None
