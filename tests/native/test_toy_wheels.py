"""Compiled modules that really cannot be imported here: made by gcc, installed as wheels are, judged by the doctor."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, need_tool
from lab.shared_objects import linux
from lab.site import Site

pytestmark = linux

MODULE = """
%(declare)s
extern void *PyModule_Create2(void *, int);
static struct { long head[5]; const char *name; long rest[7]; } made = {{1}, "%(name)s"};
void *PyInit_%(name)s(void) { %(call)s return PyModule_Create2(&made, 1013); }
"""


def module(folder, name, soname="", version="", weak=False):
    """Compile an extension module that needs ``soname``, and of it a symbol of ``version``; return its path.

    With ``weak`` it can do without the symbol.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, options = folder / (name + ".abi3.so"), []
    source = folder / (name + ".c")
    declare, call = "", ""
    if soname:
        declare, call = "void toy_new(void)%s;" % (" __attribute__((weak))" if weak else ""), "if (toy_new) toy_new();"
        stand_in = folder / "stand-in.c"
        stand_in.write_text("void toy_new(void) {}\n")
        script = folder / "stand-in.map"
        script.write_text("%s { global: toy_new; local: *; };\n" % (version or "TOY_1"))
        library = folder / "libstandin.so"
        _gcc("-o", library, stand_in, "-Wl,-soname," + soname, "-Wl,--version-script," + str(script), "-nostdlib")
        options = [library]
    source.write_text(MODULE % {"declare": declare, "call": call, "name": name})
    _gcc("-o", target, source, *options)
    for left in folder.glob("*stand*"):
        left.unlink()
    source.unlink()
    return target


def _gcc(*arguments):
    subprocess.run([need_tool("gcc"), "-shared", "-fPIC"] + [str(part) for part in arguments], check=True)


class Environment:
    def __init__(self, folder):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.python = folder / "bin" / "python"
        (self.folder,) = folder.glob("lib/python3.*/site-packages")
        self.site = Site(self.folder)

    def install(self, name, package, version="1.0"):
        """Write the metadata of a wheel that holds one package."""
        self.site.metadata(name, version)
        folder = "%s-%s.dist-info/" % (name, version)
        self.site.put(folder + "WHEEL", "Wheel-Version: 1.0\nTag: cp37-abi3-linux_x86_64\n")
        files = [path for path in (self.folder / package).rglob("*") if path.is_file()]
        rows = ["%s,," % path.relative_to(self.folder).as_posix() for path in files]
        self.site.put(folder + "RECORD", "\n".join(rows + [folder + "RECORD,,"]) + "\n")

    def imports(self, name):
        ran = subprocess.run(
            [str(self.python), "-c", "import " + name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )
        return ran.returncode, ran.stdout

    def check(self, *options):
        command = [sys.executable, "-m", "doctor", "check", "--json", "--python", str(self.python)] + list(options)
        ran = subprocess.run(
            command,
            cwd=str(Path(sys.executable).parent),
            env=dict(os.environ, PYTHONPATH=str(ROOT)),
            stdout=subprocess.PIPE,
            universal_newlines=True,
            timeout=120,
        )
        import json

        return ran.returncode, json.loads(ran.stdout)


@pytest.fixture
def env(tmp_path):
    return Environment(tmp_path / "env")


def findings(report, code):
    return [item for item in report["findings"] if item["code"] == code]


def test_a_module_for_a_newer_glibc(env):
    module(env.folder / "lanefast", "_ops", "libc.so.6", "GLIBC_2.99")
    env.install("lane_fast", "lanefast")
    status, text = env.imports("lanefast._ops")
    assert status != 0 and "version `GLIBC_2.99' not found" in text
    status, report = env.check()
    (one,) = findings(report, "glibc-too-old")
    assert status == 1 and one["severity"] == "error"
    assert one["params"]["needed"] == "2.99" and one["params"]["distributions"] == ["lane-fast"]
    # nobody knows which release would do: no command is made up
    assert [step["kind"] for step in report["plan"]["steps"] if "glibc-too-old" in step["fixes"]] == ["manual"]


def test_a_module_for_a_newer_libstdcxx(env):
    module(env.folder / "detectron2", "_C", "libstdc++.so.6", "GLIBCXX_3.4.99")
    env.install("detectron2", "detectron2")
    status, text = env.imports("detectron2._C")
    assert status != 0 and "version `GLIBCXX_3.4.99' not found" in text
    status, report = env.check("--quick")
    (one,) = findings(report, "libstdcxx-too-old")
    assert status == 1 and one["params"]["needed"] == "GLIBCXX_3.4.99" and one["params"]["packages"] == "detectron2"


def test_a_library_that_this_system_has_not(env):
    module(env.folder / "lanefast", "_ops", "libhdf5_serial.so.999")
    env.install("lane_fast", "lanefast")
    status, text = env.imports("lanefast._ops")
    assert status != 0 and "libhdf5_serial.so.999: cannot open shared object file" in text
    status, report = env.check()
    (one,) = findings(report, "system-lib-missing")
    assert one["severity"] == "warning" and one["params"]["missing"] == ["libhdf5_serial.so.999"]
    assert one["params"]["packages"] == "lane-fast"


def test_opencv_with_windows_on_a_system_without_them(env):
    module(env.folder / "cv2", "cv2", "libGL.so.999")
    env.site.put("cv2/__init__.py", "from .cv2 import *\n__version__ = '4.9.0'\n")
    env.install("opencv_python", "cv2")
    status, text = env.imports("cv2")
    assert status != 0 and "libGL.so.999: cannot open shared object file" in text
    for options in ((), ("--quick",)):
        status, report = env.check(*options)
        (one,) = findings(report, "opencv-libgl")
        assert status == 1 and one["params"]["missing"] == ["libGL.so.999"]
        assert one["params"]["headless"] == "opencv-python-headless==1.0"


def test_modules_that_load_are_no_finding(env):
    module(env.folder / "lanefast", "_ops")
    module(env.folder / "lanefast", "_more", "libc.so.6", "GLIBC_2.99", weak=True)
    # no module of Python: nobody imports it
    library = module(env.folder / "lanefast", "tf_ops", "libtensorflow_framework.so.999")
    library.rename(library.with_name("tf_ops_gpu.so"))
    env.install("lane_fast", "lanefast")
    assert env.imports("lanefast._ops, lanefast._more") == (0, "")
    status, report = env.check()
    assert status == 0
    for code in ("glibc-too-old", "libstdcxx-too-old", "system-lib-missing"):
        assert findings(report, code) == []


def test_an_extension_for_another_torch(env):
    env.site.torch("__version__ = '2.4.0+cu121'\ncuda = '12.1'\nhip = None\n", "2.4.0")
    module(env.folder / "flash_attn", "_C", "libc10.so", "TORCH_2_2")
    env.install("flash_attn", "flash_attn", "2.5.8+cu122torch2.2cxx11abiFALSE")
    assert env.imports("flash_attn._C")[0] != 0
    status, report = env.check("--quick", "--only", "extension-abi-mismatch")
    (one,) = report["findings"]
    assert status == 1 and one["params"]["package"] == "flash-attn"
    assert one["params"]["built_for"] == "2.2 CUDA 12.2" and one["params"]["torch"] == "2.4.0+cu121"
