"""The package on a real armv7l and a real aarch64 Python, emulated: installed without a compiler, asked about a board,
and repairing an environment from an index that looks like piwheels and from a renamed release file."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT
from lab import board, qemu
from lab.index import Index

from doctor.wheels import matrix as matrix_module

pytestmark = [
    pytest.mark.armv7l,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux: qemu's user-mode emulation"),
]

BOARDS = {"armv7l": board.PI4, "aarch64": board.PI5}


@pytest.fixture(scope="module", params=sorted(qemu.MACHINES))
def pi(request, tmp_path_factory, built_wheel):
    """A fresh environment of an emulated machine with this package in it, installed by its own pip."""
    made = qemu.emulated(request.param, tmp_path_factory.mktemp(request.param))
    # Without an index: what the package requires on this machine is there, or the installation fails.
    made.must("-m", "pip", "install", "-q", "--no-index", built_wheel)
    return made


@pytest.fixture
def tree(pi, tmp_path):
    return board.write(tmp_path / "root", BOARDS[pi.machine.name])


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_it_is_that_machine_and_needs_no_compiler(pi):
    code = "import platform, struct, sys, yaml; print(platform.machine(), struct.calcsize('P') * 8, sys.prefix)"
    machine, bits, prefix = pi.must("-c", code).split()
    assert (machine, int(bits)) == {"armv7l": ("armv7l", 32), "aarch64": ("aarch64", 64)}[pi.machine.name]
    assert prefix == str(pi.folder)
    absent = pi.run("-c", "import psutil")
    if pi.machine.name == "armv7l":
        assert "ModuleNotFoundError" in absent.stderr


def test_doctor_pi(pi, tree, project):
    ran = pi.run("-m", "doctor", "pi", "--quick", "--json", cwd=str(project), env={"DOCTOR_ROOT": str(tree)})
    report = json.loads(ran.stdout)
    assert [item for item in report["outcomes"] if item["status"] == "crashed"] == []
    found = {item["code"]: item["severity"] for item in report["findings"]}
    assert report["command"] == "pi"
    assert report["target"]["platform"] == "linux_" + pi.machine.name
    assert report["facts"]["board"]["model"] == BOARDS[pi.machine.name]["proc/device-tree/model"].decode().strip("\0")
    if pi.machine.name == "armv7l":
        assert found["pi-undervoltage"] == "warning"
        assert found["pi-swap-capped"] == "warning"
        assert found["pi-piwheels-missing"] == "warning"
        assert found["pi-apt-source-broken"] == "warning"
        assert found["swap-too-small"] == "warning"
        expected = {"opencv-python", "onnxruntime", "tflite-runtime", "ncnn"}
    else:
        assert found["pi-page-size"] == "note"
        assert not {"pi-piwheels-missing", "pi-32bit-userland", "pi-undervoltage"} & set(found)
        expected = {"opencv-python", "onnxruntime", "ai-edge-litert", "ncnn", "torch", "numpy"}
    assert {wheel["name"] for wheel in report["wheels"]["wheels"]} == expected
    assert ran.returncode == (1 if "error" in found.values() else 0)


def test_narrowed_and_without_a_board(pi, tree, project):
    env = {"DOCTOR_ROOT": str(tree)}
    ran = pi.run("-m", "doctor", "pi", "onnxruntime", "--quick", "--json", cwd=str(project), env=env)
    names = [wheel["name"] for wheel in json.loads(ran.stdout)["wheels"]["wheels"]]
    assert "onnxruntime" in names and "opencv-python" not in names
    nowhere = board.write(tree / "elsewhere", {"proc/meminfo": BOARDS["armv7l"]["proc/meminfo"]})
    ran = pi.run("-m", "doctor", "pi", "--quick", cwd=str(project), env={"DOCTOR_ROOT": str(nowhere)})
    assert ran.returncode == 2
    assert "not a Raspberry Pi" in ran.stderr


def with_matrix(pi, change):
    """Let ``change`` edit the matrix of the installed package; its JSON form goes with it."""
    folder = pi.site / "doctor"
    raw = (ROOT / "wheel_matrix.yaml").read_bytes()
    data = matrix_module.parse(raw, "wheel_matrix.yaml")
    change(data)
    # The YAML keeps its bytes, so that the JSON, which is keyed by their sha256, is what is read.
    (folder / "wheel_matrix.yaml").write_bytes(raw)
    (folder / "wheel_matrix.json").write_text(matrix_module.json_form(raw, data), encoding="utf-8")


def test_fix_installs_from_piwheels_and_a_renamed_release_file(pi, tree, project, tmp_path):
    if pi.machine.name == "aarch64":
        pytest.skip("only on 32-bit ARM: piwheels has no aarch64 files")
    index = Index(tmp_path / "www")
    tag = "cp311-cp311-linux_armv7l"
    source = b"__version__ = '4.7.0'\n"
    index.add("opencv-python", "4.7.0.72", tag, files={"cv2/__init__.py": source})
    index.add("numpy", "1.26.4", tag, files={"numpy/__init__.py": b"__version__ = '1.26.4'\n"})
    none = index.add(
        "onnxruntime", "1.17.0", "cp311-none-linux_armv7l", files={"onnxruntime/__init__.py": b""}, below="release"
    )
    renamed = none + "_np1264"
    (tmp_path / "www" / "release").joinpath(none.rsplit("/", 1)[1]).rename(renamed)
    (project / "requirements.txt").write_text("opencv-python==4.7.0.72\nonnxruntime==1.17.0\n")
    with index.serve() as server:

        def change(data):
            wheels = data["pi_wheels"]
            for name, version in (("opencv", "4.7.0.72"), ("numpy", "1.26.4")):
                rows = wheels["opencv"]["armv7l"] if name == "opencv" else wheels["numpy"]["piwheels_armv7l"]
                package = "opencv-python" if name == "opencv" else "numpy"
                file = "%s-%s-%s.whl" % (package.replace("-", "_"), version, tag)
                rows[:] = [
                    {"package": package, "version": version, "file": file, "url": "%s/%s" % (server.simple, file),
                     "sha256": None, "python": "cp311", "abi": "cp311", "platform": "linux_armv7l", "os": "bookworm",
                     "os_glibc": "2.36"}
                ]  # fmt: skip
            name = none.rsplit("/", 1)[1]
            wheels["onnxruntime"]["pinto0309"] = [
                {"package": "onnxruntime", "version": "1.17.0", "url": "%s/release/%s_np1264" % (server.url, name),
                 "save_as": name, "sha256": None, "python": "cp311", "abi": "none", "platform": "linux_armv7l",
                 "os": "bookworm", "os_glibc": "2.36", "built_with_numpy": "1.26.4",
                 "numpy_runtime_min": "1.25 (C-API 0x11)", "needs_apt": ["libatomic1"]}
            ]  # fmt: skip

        with_matrix(pi, change)
        env = {"DOCTOR_ROOT": str(tree)}
        given = {"cwd": str(project), "env": env}
        plan = pi.run("-m", "doctor", "fix", "--json", "--only", "pi-wheel-available", **given)
        step = json.loads(plan.stdout)["plan"]["steps"]
        planned = {wheel["filename"] for item in step for wheel in item["wheels"]}
        assert planned == {none.rsplit("/", 1)[1], "opencv_python-4.7.0.72-%s.whl" % tag, "numpy-1.26.4-%s.whl" % tag}
        ran = pi.run("-m", "doctor", "fix", "--apply", "--json", "--only", "pi-wheel-available", **given)
        report = json.loads(ran.stdout)
        assert report["fix"]["result"] == "applied", ran.stdout[-2000:] + ran.stderr[-2000:]
        assert any("_np1264" in path for path, _ in server.requests)
    assert ran.returncode == 0
    said = pi.must("-c", "import cv2, onnxruntime, numpy; print(cv2.__version__, numpy.__version__)")
    assert said.split() == ["4.7.0", "1.26.4"]
    undone = pi.run("-m", "doctor", "fix", "--undo", "--json", **given)
    assert json.loads(undone.stdout)["fix"]["result"] == "undone", undone.stdout[-2000:]
    assert pi.run("-c", "import cv2").returncode != 0


#: wheels of one project, newest last: which of them pip takes here depends on their tags alone
TAGS = (
    ("1.0", "{py}-{py}-linux_{machine}"),
    ("1.1", "{py}-{py}-manylinux2014_{machine}"),
    ("1.2", "{py}-{py}-manylinux_2_17_{machine}.manylinux2014_{machine}"),
    ("1.3", "{py}-none-manylinux_2_31_{machine}"),
    ("1.4", "{py}-{py}-manylinux_2_36_{machine}"),
    ("1.5", "cp37-abi3-manylinux_2_31_{machine}"),
    ("1.6", "{py}-{py}-manylinux_2_37_{machine}"),
    ("1.7", "cp312-abi3-manylinux_2_31_{machine}"),
    ("1.8", "{py}-{py}-musllinux_1_2_{machine}"),
    ("1.9", "cp310-cp310-manylinux_2_31_{machine}"),
    ("2.0", "{py}-{py}-linux_armv6l"),
    ("2.1", "{py}-{py}-manylinux_2_31_{other}"),
    ("2.2", "{py}-{py}-manylinux_2_31_x86_64"),
)

#: pip decides for manylinux on ARM by the header of its interpreter, which is a script here: it is shown the real one
PIP = """
import sys
sys.executable = sys.argv.pop(1)
from pip._internal.utils.compatibility_tags import get_supported
from pip._internal.models.wheel import Wheel
if sys.argv[1] == "download":
    from pip._internal.cli.main import main
    sys.exit(main(sys.argv[1:]))
tags = get_supported()
print(" ".join(name for name in sys.argv[1:] if Wheel(name).supported(tags)))
"""


#: the files that the doctor finds fitting, on the same machine
FITTING = """
import sys
from doctor.wheels.matrix import load
from doctor.wheels.pi.boards import of_target
from doctor.wheels.pi.fitting import candidates
from doctor.wheels.target import Target
target = of_target(Target.described(sys.argv[1], load(), sys.argv[2], glibc=sys.argv[3]))
print(" ".join(item.build.file.filename for item in candidates(load(), "ncnn", target) if item.fits))
"""


def test_pip_and_the_doctor_take_the_same_tags(pi, tree, project, tmp_path):
    """Of wheels with every kind of tag pip accepts some and downloads the newest: the doctor names that one."""
    other = {"armv7l": "aarch64", "aarch64": "armv7l"}[pi.machine.name]
    index = Index(tmp_path / "www")
    names = {}
    for version, tag in TAGS:
        tag = tag.format(py="cp311", machine=pi.machine.name, other=other)
        index.add("ncnn", version, tag)
        names["ncnn-%s-%s.whl" % (version, tag)] = version
    accepted = pi.must("-c", PIP, pi.binary, *names).split()
    assert [names[name] for name in accepted] == ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"]

    def known(data):
        block = data["pi_wheels"]["ncnn"]
        block.update(measured=[], pypi_first_newest=[], pypi_by_os=[_row(*item) for item in names.items()])
        data["index_files"]["packages"]["ncnn"] = {}

    with_matrix(pi, known)
    given = {"cwd": str(project), "env": {"DOCTOR_ROOT": str(tree)}}
    fitting = pi.must("-c", FITTING, "linux_" + pi.machine.name, qemu.PYTHON, qemu.GLIBC, **given).split()
    assert sorted(fitting) == sorted(accepted)
    ran = pi.run("-m", "doctor", "pi", "ncnn", "--quick", "--json", "--only", "pi-page-size", **given)
    chosen = [wheel for wheel in json.loads(ran.stdout)["wheels"]["wheels"] if wheel["name"] == "ncnn"]
    assert [wheel["version"] for wheel in chosen] == ["1.5"], ran.stdout[-2000:]
    taken = tmp_path / "taken"
    with index.serve() as server:
        options = ["--no-deps", "-q", "--disable-pip-version-check", "--index-url", server.simple, "-d", taken]
        pi.must("-c", PIP, pi.binary, "download", *options, "ncnn")
    assert [path.name for path in taken.iterdir()] == [chosen[0]["filename"]]


def _row(name, version):
    interpreter, abi, platform = name[: -len(".whl")].split("-")[2:]
    return {"package": "ncnn", "version": version, "file": name, "index": "PyPI", "sha256": None,
            "python": interpreter, "abi": abi, "platform": platform}  # fmt: skip


LOAD = """
import ctypes, glob, os, tflite_runtime
(path,) = glob.glob(os.path.join(os.path.dirname(tflite_runtime.__file__), "_pywrap*.so"))
ctypes.PyDLL(path)
print(tflite_runtime.__version__)
"""


def test_a_real_compiled_wheel_is_installed_and_loads(pi, tree, project, tmp_path):
    """tflite-runtime 2.14.0 has real files for both machines; the emulated system's own linker loads the module.

    On armv7l the file comes as a renamed release file: pip there reads the ABI from the header of its interpreter,
    which is a script here, and so takes ``linux_armv7l`` only.
    """
    (project / "requirements.txt").write_text("tflite-runtime==2.14.0\n")
    given = {"cwd": str(project), "env": {"DOCTOR_ROOT": str(tree)}}
    command = ["-m", "doctor", "fix", "--apply", "--json", "--only", "requirement-unmet"]
    if pi.machine.name == "aarch64":
        with_matrix(pi, lambda data: None)
        ran = pi.run(*command, **given)
    else:
        release = tmp_path / "www" / "release"
        download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
        download += ["-d", str(release)]
        download += ["--platform", "manylinux_2_34_armv7l", "--python-version", "3.11", "tflite-runtime==2.14.0"]
        subprocess.run(download, check=True)
        name = "tflite_runtime-2.14.0-cp311-none-linux_armv7l.whl"
        (real,) = release.glob("*.whl")
        real.rename(release / (name + "_np1264"))
        index = Index(tmp_path / "www")
        index.add("numpy", "1.26.4", "cp311-cp311-linux_armv7l")
        with index.serve() as server:
            given["env"]["PIP_EXTRA_INDEX_URL"] = server.simple

            def change(data):
                block = data["pi_wheels"]["tflite"]
                for rows in ("pypi_by_os_tflite_runtime", "pypi_armv7l_all"):
                    block[rows] = []
                data["index_files"]["packages"]["tflite-runtime"] = {}
                block["pinto0309_release"] = [
                    {"version": "2.14.0", "url": "%s/release/%s_np1264" % (server.url, name), "save_as": name,
                     "sha256": None, "python": "cp311", "abi": "none", "arch": "armv7l", "os": "bookworm",
                     "os_glibc": "2.36", "built_with_numpy": "1.26.4"}
                ]  # fmt: skip

            with_matrix(pi, change)
            ran = pi.run(*command, **given)
    report = json.loads(ran.stdout)
    assert report["fix"]["result"] == "applied", ran.stdout[-3000:] + ran.stderr[-2000:]
    assert pi.must("-c", LOAD).strip() == "2.14.0"


def test_the_core_of_the_suite_passes_there(pi):
    if pi.machine.name == "aarch64":
        pytest.skip("only on armv7l: the other machine differs in nothing that these tests touch")
    files = ["tests/test_cases.py", "tests/raspberry/test_board_probe.py", "tests/raspberry/test_swap_probe.py"]
    files += ["tests/raspberry/test_apt_probe.py", "tests/raspberry/test_pi_wheels.py"]
    files += ["tests/raspberry/test_machines.py"]
    ran = pi.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *files, cwd=str(ROOT))
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
    assert " passed" in ran.stdout
