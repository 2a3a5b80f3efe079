"""pip 18.1 on Python 3.7, which buster ships: this package goes in with it, and a fix installs through it."""

import copy
import os
import subprocess
import sys

import pytest
from conftest import make_venv, need_python
from lab.index import Index

from doctor import fix
from doctor.facts import Distributions, Facts
from doctor.model import SAFE, Finding, Install, Plan, Step, Wheel
from doctor.probes.fingerprint import probe_fingerprint
from doctor.probes.python import Choice, finish, probe_distributions, start
from doctor.text import Text
from doctor.wheels.matrix import Matrix

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="only on Linux: the wheels are tagged linux_x86_64"
    ),
]

NAME = "onnxruntime-1.9.1-cp37-none-linux_x86_64.whl"


@pytest.fixture(scope="module")
def house(built_wheel, tmp_path_factory):
    """What this package requires on Python 3.7, tagged ``linux_x86_64``: files for an old pip, as piwheels has them.

    pip 18.1 reads neither manylinux2014 nor manylinux_x_y.
    """
    folder = tmp_path_factory.mktemp("house")
    python = make_venv(need_python("3.7"), tmp_path_factory.mktemp("newer") / "venv")
    command = [str(python), "-m", "pip", "download", "-q", "--only-binary=:all:", "-d", str(folder), str(built_wheel)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    for path in folder.glob("*-manylinux*.whl"):
        path.rename(folder / ("-".join(path.name.split("-")[:-1]) + "-linux_x86_64.whl"))
    return folder


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """The Python of a venv with pip 18.1."""
    return make_venv(need_python("3.7"), tmp_path_factory.mktemp("buster") / "venv", "pip==18.1")


def run(python, *arguments, **env):
    """Run the old environment's Python without any program on its PATH: no compiler."""
    given = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    given.update(PATH=os.path.dirname(str(python)), PIP_CONFIG_FILE=os.devnull, **env)
    return subprocess.run(
        [str(python)] + [str(argument) for argument in arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        env=given,
    )


def test_this_package_goes_in_without_a_compiler(old, house):
    assert run(old, "-m", "pip", "--version").stdout.startswith("pip 18.1 ")
    ran = run(old, "-m", "pip", "install", "--no-index", "--find-links", house, "torch-doctor")
    assert ran.returncode == 0, ran.stdout[-3000:]
    ran = run(old, "-m", "doctor", "wheels", "--platform", "linux_armv7l", "--python-version", "3.7", "--glibc", "2.28",
              "opencv-python==4.5.5.62", "--json")  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert "opencv_python-4.5.5.62-cp37-cp37m-linux_armv7l.whl" in ran.stdout


def facts_of(python):
    asked = finish(start(Choice(str(python), "--python")))
    values = [asked, probe_distributions(asked.site_packages), probe_fingerprint(asked.site_packages)]
    return Facts({type(value): value for value in values})


def test_a_renamed_release_file_with_the_abi_tag_none(old, matrix, tmp_path, monkeypatch):
    """``cp37-none`` under the name ``….whl_np1195``: saved as pip wants it, installed, kept, and undone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    index = Index(tmp_path / "www")
    index.add("onnxruntime", "1.9.1", "cp37-none-linux_x86_64", below="release", files={"onnxruntime/__init__.py": b""})
    place = tmp_path / "www" / "release"
    (place / NAME).rename(place / (NAME + "_np1195"))
    with index.serve() as server:
        url = "%s/release/%s_np1195" % (server.url, NAME)
        data = copy.deepcopy(dict(matrix.data))
        row = {"package": "onnxruntime", "version": "1.9.1", "url": url, "save_as": NAME, "sha256": None}
        data["pi_wheels"]["onnxruntime"]["pinto0309"] = [row]
        wheel = Wheel("onnxruntime", "1.9.1", NAME, url, None, "a test")
        step = Step(1, "pip", SAFE, ("pip",), Text("A step.", "一步。"), wheels=(wheel,), fixes=("requirement-unmet",))
        finding = Finding(code="requirement-unmet", severity="error", remedies=(Install("onnxruntime", "==1.9.1"),))

        def look():
            again = facts_of(old)
            there = again.need(Distributions).find("onnxruntime")
            return again, [] if there is not None else [finding]

        monkeypatch.setenv("PIP_INDEX_URL", server.simple)
        options = fix.Options(apply=True)
        result = fix.apply(Plan((step,)), facts_of(old), options, look, None, [finding], Matrix(data))
    assert result.result == "applied", result.render("en")
    assert run(old, "-c", "import onnxruntime").returncode == 0
    prefix = os.path.dirname(os.path.dirname(str(old)))
    assert fix.undo(prefix).result == "undone"
    assert run(old, "-c", "import onnxruntime").returncode != 0
