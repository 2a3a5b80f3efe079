"""The commonest failures on a Raspberry Pi, each on a recorded machine that has it: what is found, and what to type."""

import json
import re
from pathlib import Path

import pytest

from doctor.explain import explain
from doctor.facts import from_json
from doctor.model import Install
from doctor.plan import build
from doctor.registry import all_checks, diagnose
from doctor.render.console import typed
from doctor.wheels.pi.told import pi_set

MACHINES = Path(__file__).parent.parent / "machines"
CHECKS = all_checks()
BUSTER, BULLSEYE, BOOKWORM = "pi4-buster-py37", "pi4-bullseye-32on64", "pi3-bookworm-aarch64"
TRIXIE, ZERO_W, ZERO_2W = "pi5-trixie-aarch64", "zero-w-bookworm-armv6", "zero2w-trixie-32on64"
MIB = 1 << 20


def requires(bundle, *texts):
    """Give the machine a project with these requirements."""
    rows = [
        {
            "name": re.match(r"[\w-]+", text).group(),
            "text": text,
            "where": {"file": "requirements.txt", "line": number, "text": text},
        }
        for number, text in enumerate(texts, 1)
    ]
    bundle["project"] = {"root": "/home/pi/p", "chosen": True, "requirements": rows, "files": 1}


def imports(bundle, *modules):
    bundle["project"]["imports"] = {
        module: {"file": "detect.py", "line": 1, "text": "import " + module} for module in modules
    }


def installed(bundle, name, version, **given):
    folder = "%s-%s.dist-info" % (name.replace("-", "_"), version)
    place = bundle["python"]["site_packages"][0]
    bundle["distributions"]["items"].append(
        dict({"name": name, "version": version, "location": place, "folder": folder, "installer": "pip"}, **given)
    )


def lacks(bundle, name, *libraries):
    bundle["native"] = {
        "items": [{"distribution": name, "path": "/x/%s.so" % name, "missing_libraries": list(libraries)}]
    }


def in_venv(bundle):
    bundle["python"].update(
        executable="/home/pi/ml/bin/python", prefix="/home/pi/ml", venv=True, externally_managed=False
    )


def other_python(bundle, version, home):
    minor = version.rpartition(".")[0]
    bundle["python"].update(
        executable=home + "/bin/python", prefix=home, base_prefix=home, version=version, venv=False, pip="24.0",
        externally_managed=False, abi="cp" + minor.replace(".", ""),
        site_packages=["%s/lib/python%s/site-packages" % (home, minor)],
    )  # fmt: skip
    bundle["distributions"] = {"items": []}


def piwheels(bundle):
    bundle["pip"] = {
        "settings": [{"name": "extra-index-url", "value": "https://www.piwheels.org/simple", "source": "/etc/pip.conf"}]
    }


def no_wheel_32(bundle):
    requires(bundle, "torch", "onnxruntime", "ai-edge-litert")


def pinned_without_a_file(bundle):
    requires(bundle, "opencv-python==4.8.0.74")


def little_memory(bundle):
    bundle["memory"]["total_bytes"] = 448 * MIB
    bundle["swap"] = {"total_bytes": 100 * MIB, "provider": "dphys-swapfile", "settings": {"CONF_SWAPSIZE": "100"}}


def no_blas(bundle):
    installed(bundle, "numpy", "1.24.2")
    lacks(bundle, "numpy", "libcblas.so.3", "libf77blas.so.3")


def no_blas_trixie(bundle):
    installed(bundle, "numpy", "2.3.5")
    lacks(bundle, "numpy", "libopenblas.so.0")


def no_cv2_libraries(bundle):
    installed(bundle, "opencv-python", "4.5.5.62")
    lacks(bundle, "opencv-python", "libIlmImf-2_2.so.23", "libavcodec.so.58", "libgtk-3.so.0", "libtiff.so.5")


def no_cv2_libraries_trixie(bundle):
    installed(bundle, "opencv-python", "4.12.0.88")
    lacks(bundle, "opencv-python", "libavcodec.so.61", "libgtk-3.so.0", "libtiff.so.6")


def bad_torch(bundle):
    in_venv(bundle)
    installed(bundle, "torch", "2.10.0")
    bundle["torch"] = {"version": "2.10.0", "cuda": None, "path": "/home/pi/ml/lib/python3.11/site-packages/torch"}


def bad_onnxruntime(bundle):
    in_venv(bundle)
    installed(bundle, "onnxruntime", "1.21.0")


def newer_libc(bundle):
    bundle["native"] = {"items": [{"distribution": "onnxruntime", "path": "/x/onnxruntime.so", "glibc": "2.31"}]}


def shipped_sources(bundle):
    bundle["apt"] = {
        "sources": [
            {"uri": "http://raspbian.raspberrypi.org/raspbian/", "suite": "buster", "source": "/etc/apt/sources.list:1"}
        ]
    }


def capped_swap(bundle):
    bundle["swap"] = {"total_bytes": 2047 * MIB, "provider": "dphys-swapfile", "settings": {"CONF_SWAPSIZE": "4096"}}


def numpy2_beside_tflite(bundle):
    in_venv(bundle)
    installed(bundle, "numpy", "2.4.6")
    installed(bundle, "tflite-runtime", "2.14.0")


def full_card(bundle):
    for place in bundle["storage"]["places"]:
        place["free_bytes"] = 20 * MIB


def read_only_card(bundle):
    for place in bundle["storage"]["places"]:
        place["read_only"] = True


def hot(bundle):
    bundle["board"].update(throttled=0x80008, temperature_c=82.0)


def old_clock(bundle):
    bundle["clock"] = {"now_s": 1600000000, "synchronised": False}


def pyenv_on_buster(bundle):
    other_python(bundle, "3.11.9", "/home/pi/.pyenv/versions/3.11.9")
    piwheels(bundle)


def conda_on_bookworm(bundle):
    other_python(bundle, "3.12.4", "/home/pi/miniforge3")
    requires(bundle, "opencv-python")
    imports(bundle, "picamera2")
    bundle["interpreters"] = {
        "items": [
            {
                "executable": "/usr/bin/python3",
                "version": "3.11.2",
                "kind": "system",
                "modules": {"picamera2": "0.3.12"},
            }
        ],
        "wanted": ["picamera2"],
        "target": {},
    }


def recorded(bundle):
    """The machine has it as it was recorded."""


#: number in the list of failures, machine, what is made of it, code, severity, what the user reads to do
FAILURES = [
    (1, ZERO_2W, no_wheel_32, "no-matching-distribution", "error", "64-bit"),
    (1, BULLSEYE, no_wheel_32, "no-matching-distribution", "error", "torch-1.8.1-cp39-cp39-linux_armv7l.whl"),
    (1, BULLSEYE, no_wheel_32, "pi-wheel-available", "note", "pip install https://github.com/nknytk/"),
    (2, BOOKWORM, recorded, "externally-managed", "note", "-m venv --system-site-packages .venv"),
    (3, BULLSEYE, pinned_without_a_file, "pi-wheel-available", "note", "--only-binary=:all: 'opencv-python==4.8.0.74'"),
    (3, BUSTER, recorded, "pi-piwheels-missing", "warning", "extra-index-url = https://www.piwheels.org/simple"),
    (4, BULLSEYE, little_memory, "swap-too-small", "warning", "sudo dphys-swapfile setup"),
    (6, BULLSEYE, no_blas, "system-lib-missing", "error", "sudo apt-get install -y libatlas3-base"),
    (6, ZERO_2W, no_blas_trixie, "system-lib-missing", "error", "sudo apt-get install -y libopenblas0-pthread"),
    (7, BUSTER, no_cv2_libraries, "opencv-libgl", "error", "libgtk-3-0 "),
    (7, ZERO_2W, no_cv2_libraries_trixie, "opencv-libgl", "error", "libgtk-3-0t64"),
    (9, BULLSEYE, recorded, "pi-32bit-userland", "note", "Choose files tagged linux_armv7l"),
    (10, BOOKWORM, bad_torch, "illegal-instruction", "error", "pip install torch==2.9.1"),
    (10, BOOKWORM, bad_onnxruntime, "illegal-instruction", "error", "onnxruntime==1.31.1"),
    (11, BUSTER, recorded, "pip-too-old", "warning", "'pip>=19.3,<=24.0'"),
    (12, BUSTER, newer_libc, "glibc-too-old", "error", "onnxruntime-1.9.1-cp37-none-linux_armv7l.whl"),
    (13, BUSTER, recorded, "module-in-other-env", "error", "opencv_python-4.7.0.72-cp37-cp37m-linux_armv7l.whl"),
    (14, BUSTER, shipped_sources, "pi-apt-source-broken", "error", "#http://legacy.raspbian.org/raspbian/#"),
    (14, BULLSEYE, recorded, "pi-apt-source-broken", "warning", "sudo apt-get update --allow-releaseinfo-change"),
    (15, BUSTER, recorded, "pip-index-insecure", "warning", "https://mirrors.aliyun.com/pypi/simple/"),
    (15, ZERO_2W, recorded, "pi-piwheels-missing", "warning", "/home/pi/.config/pip/pip.conf"),
    (17, BULLSEYE, recorded, "pi-swap-capped", "warning", "CONF_MAXSWAP=4096"),
    (17, BUSTER, capped_swap, "pi-swap-capped", "warning", "CONF_MAXSWAP=4096"),
    (17, ZERO_2W, recorded, "pi-swap-capped", "warning", "/etc/rpi/swap.conf.d/80-doctor.conf"),
    (18, BOOKWORM, numpy2_beside_tflite, "numpy2-abi", "warning", "numpy==1.26.4"),
    (19, ZERO_2W, recorded, "tmp-too-small", "warning", "TMPDIR=~/tmp"),
    (20, BOOKWORM, full_card, "disk-full", "error", "pip cache purge"),
    (20, BOOKWORM, read_only_card, "storage-read-only", "error", "mount -o remount,rw"),
    (21, BULLSEYE, recorded, "pi-undervoltage", "warning", "vcgencmd get_throttled"),
    (21, BOOKWORM, hot, "pi-undervoltage", "warning", "vcgencmd measure_temp"),
    (22, BOOKWORM, old_clock, "clock-wrong", "error", "sudo timedatectl set-ntp true"),
    (23, TRIXIE, recorded, "pi-gpu-torch", "error", "pip install torch==2.10.0"),
    (25, ZERO_W, recorded, "pi-armv6", "warning", "sudo apt install python3-numpy python3-opencv"),
    (25, BUSTER, pyenv_on_buster, "pi-piwheels-missing", "warning", "/usr/bin/python3 -m venv"),
    (25, BOOKWORM, conda_on_bookworm, "module-in-other-env", "warning", "/usr/bin/python3 -m venv"),
]


def judged(name, change, matrix):
    bundle = json.loads((MACHINES / (name + ".json")).read_text(encoding="utf-8"))
    change(bundle)
    facts = from_json(bundle)
    outcomes, findings = diagnose(CHECKS, facts, matrix)
    assert [outcome for outcome in outcomes if outcome.status == "crashed"] == []
    return findings, build(findings, facts, matrix)


def to_do(plan, code):
    """Return what the user reads and types for a code."""
    steps = [step for step in plan.steps if code in step.fixes]
    lines = [step.text.render("en", step.params) for step in steps]
    return "\n".join(lines + [line for step in steps for line in typed(step, root=False)])


@pytest.mark.parametrize(
    "name, change, code, severity, said",
    [pytest.param(*row[1:], id="%02d-%s-%s" % (row[0], row[3], row[1])) for row in FAILURES],
)
def test_a_failure_is_found_and_says_what_to_do(name, change, code, severity, said, matrix):
    findings, plan = judged(name, change, matrix)
    assert severity in [finding.severity for finding in findings if finding.code == code]
    assert said in to_do(plan, code)


@pytest.mark.parametrize(
    "name, change", [(BUSTER, no_cv2_libraries), (ZERO_2W, no_cv2_libraries_trixie)], ids=["buster", "trixie"]
)
def test_no_headless_build_is_advised_where_piwheels_builds(name, change, matrix):
    _, plan = judged(name, change, matrix)
    assert "headless" not in to_do(plan, "opencv-libgl")


def test_what_has_no_wheel_is_no_step_that_cannot_work(matrix):
    _, plan = judged(ZERO_2W, no_wheel_32, matrix)
    assert [step for step in plan.steps if step.kind == "pip" and "requirement-unmet" in step.fixes] == []
    assert {item.code for item in plan.not_done} >= {"requirement-unmet"}


#: the error text of a failure, as pip, apt and Python print it: code, and what the first way out says
TEXTS = {
    "01-no-wheel": ("ERROR: No matching distribution found for torch", "no-matching-distribution", ""),
    "02-pep-668": (
        "error: externally-managed-environment\n\n× This environment is externally managed\n"
        "    For more information visit http://rptl.io/venv",
        "externally-managed",
        "",
    ),
    "03-source": (
        "  Building wheel for opencv-python (PEP 517) ... error\n  ERROR: Failed building wheel for opencv-python",
        "no-matching-distribution",
        "--only-binary=:all:",
    ),
    "03-skbuild": (
        "    ModuleNotFoundError: No module named 'skbuild'\n"
        'Command "python setup.py egg_info" failed with error code 1 in /tmp/pip-install-x/opencv-python/',
        "no-matching-distribution",
        "install -U pip",
    ),
    "04-memory": (
        "c++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.",
        "out-of-memory-host",
        "swap",
    ),
    "05-tag": (
        "onnxruntime-1.9.1-cp37-none-linux_armv71.whl is not a supported wheel on this platform.",
        "wheel-not-supported",
        "",
    ),
    "05-suffix": (
        "  ERROR: Cannot unpack file /tmp/pip-unpack-893/onnxruntime-1.9.1-cp37-none-linux_armv7l.whl_np1195 "
        "(downloaded from /tmp/pip-req-build-c, content-type: application/octet-stream); cannot detect archive format",
        "wheel-not-supported",
        "curl -L -o onnxruntime-1.9.1-cp37-none-linux_armv7l.whl ADDRESS",
    ),
    "05-suffix-path": (
        "ERROR: Invalid requirement: './onnxruntime-1.9.1-cp37-none-linux_armv7l.whl_np1195'",
        "wheel-not-supported",
        "pip install ./onnxruntime-1.9.1-cp37-none-linux_armv7l.whl",
    ),
    "06-blas": ("ImportError: libcblas.so.3: cannot open shared object file: No such file", "system-lib-missing", ""),
    "07-cv2": (
        "    from .cv2 import *\nImportError: libIlmImf-2_2.so.23: cannot open shared object file: No such file",
        "system-lib-missing",
        "",
    ),
    "08-numpy-api": (
        "RuntimeError: module compiled against API version 0xe but this version of numpy is 0xd\n"
        "ImportError: numpy.core.multiarray failed to import",
        "numpy2-abi",
        "0xe 1.20 and 1.21",
    ),
    "10-illegal": ("Illegal instruction", "illegal-instruction", ""),
    "12-glibc": ("/lib/arm-linux-gnueabihf/libc.so.6: version `GLIBC_2.34' not found", "glibc-too-old", ""),
    "14-suite": (
        "E: Repository 'http://raspbian.raspberrypi.org/raspbian buster InRelease' changed its 'Suite' value from "
        "'stable' to 'oldstable'",
        "pi-apt-source-broken",
        "Accept the new name",
    ),
    "14-archived": (
        "E: The repository 'http://raspbian.raspberrypi.org/raspbian buster Release' does not have a Release file.",
        "pi-apt-source-broken",
        "legacy.raspbian.org",
    ),
    "15-http": (
        "WARNING: The repository located at mirrors.aliyun.com is not a trusted or secure host and is being ignored.",
        "no-matching-distribution",
        "https instead of http for mirrors.aliyun.com",
    ),
    "16-hash": (
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
        "pip-hash-mismatch",
        "piwheels",
    ),
    "18-numpy-2": ("AttributeError: _ARRAY_API not found", "numpy2-abi", "numpy<2"),
    "20-read-only": ("OSError: [Errno 30] Read-only file system: '/home/pi/ml/lib'", "storage-read-only", ""),
    "22-clock": ("certificate verify failed: certificate is not yet valid (_ssl.c:1056)", "clock-wrong", ""),
    "24-tutorial": ("E: Package 'libqtgui4' has no installation candidate", "old-tutorial-package", "libqtgui4"),
}


@pytest.mark.parametrize("text, code, said", list(TEXTS.values()), ids=list(TEXTS))
def test_its_error_text_is_recognised(text, code, said, matrix):
    first = explain(text, matrix).diagnoses[0]
    assert first.code == code
    ways = [getattr(remedy, "text", None) for remedy in first.remedies]
    lines = [way.render("en", first.params) for way in ways if way is not None]
    lines += [remedy.name + remedy.specifier for remedy in first.remedies if isinstance(remedy, Install)]
    assert said in "\n".join(lines)


@pytest.mark.parametrize(
    "texts",
    [
        ("opencv-python", "onnxruntime", "numpy"),
        ("onnxruntime==1.9.1", "numpy>=1.20"),
        ("opencv-python==4.5.5.62", "tflite-runtime", "onnxruntime", "numpy"),
    ],
)
def test_a_fix_installs_the_set_that_doctor_pi_names(texts, matrix):
    """Community builds are made for a numpy each: chosen one by one they would not go together."""

    def fresh(bundle):
        requires(bundle, *texts)
        bundle["distributions"] = {"items": []}
        bundle["interpreters"] = {"items": [], "wanted": [], "target": {}}

    bundle = json.loads((MACHINES / (BUSTER + ".json")).read_text(encoding="utf-8"))
    fresh(bundle)
    named = pi_set(matrix, from_json(bundle), texts)
    assert named.fits
    _, plan = judged(BUSTER, fresh, matrix)
    planned = [wheel for step in plan.steps if "requirement-unmet" in step.fixes for wheel in step.wheels]
    assert {wheel.url or wheel.filename for wheel in planned} == {w.url or w.filename for w in named.wheels}
