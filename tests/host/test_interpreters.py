"""Other Pythons are found on disk and never started; what they hold is read from their folders."""

import os

import pytest
from trees import write

from doctor.facts import Python
from doctor.probes import interpreters
from doctor.probes.interpreters import probe_interpreters
from doctor.record import replace

pytestmark = pytest.mark.skipif(os.name != "posix", reason="not on Windows: the trees are those of Linux")


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch):
    """A busy machine must not cut a search short; the test of the limit sets its own."""
    monkeypatch.setattr(interpreters, "SECONDS", 60.0)


CV2 = {"cv2/__init__.py": "", "opencv_python-4.5.5.62.dist-info/METADATA": ""}


def place(site, files):
    return {site + "/" + path: text for path, text in files.items()}


def target(tmp_path, **more):
    site = str(tmp_path / "ml/lib/python3.9/site-packages")
    python = Python("x", "3.9.2", prefix=str(tmp_path / "ml"), site_packages=(site,), sys_path=(site,))
    return replace(python, **more)


def look(tmp_path, python=None, environ=None, modules=(), project=None):
    return probe_interpreters(
        python or target(tmp_path),
        modules,
        project=project or str(tmp_path / "empty"),
        environ=environ or {},
        home=str(tmp_path / "home"),
    )


def ours(found, tmp_path):
    """Only what the test made: this machine has Pythons of its own."""
    return [item for item in found.items if item.executable.startswith(str(tmp_path))]


def venv(folder, version="3.9.2", system=False, files=None):
    made = {
        folder + "/pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = %s\nversion = %s\n"
        % (str(system).lower(), version),
        folder + "/bin/python3": "#!no program\n",
    }
    minor = ".".join(version.split(".")[:2])
    made.update(place("%s/lib/python%s/site-packages" % (folder, minor), files or {}))
    return made


def test_environments_of_the_project_pyenv_conda_and_home(tmp_path):
    write(tmp_path, venv("project/.env-gpu", "3.10.4", files=CV2))
    write(tmp_path, venv("home/ml-old", "3.7.3", files={"torch/__init__.py": ""}))
    write(tmp_path, place("home/.pyenv/versions/3.8.18/lib/python3.8/site-packages", CV2))
    write(tmp_path, {"home/.pyenv/versions/3.8.18/bin/python3": ""})
    write(
        tmp_path,
        {"home/miniconda3/envs/yolo/bin/python3": "-> python3.11", "home/miniconda3/envs/yolo/bin/python3.11": ""},
    )
    write(tmp_path, {"home/miniconda3/envs/yolo/conda-meta/history": ""})
    write(tmp_path, {"elsewhere/conda/bin/python": "", "elsewhere/conda/lib/python3.6/os.py": ""})
    write(tmp_path, {"home/.conda/environments.txt": str(tmp_path / "elsewhere/conda") + "\n/gone\n"})
    found = ours(look(tmp_path, project=str(tmp_path / "project")), tmp_path)
    seen = {
        os.path.relpath(item.executable, str(tmp_path)): (item.version, item.kind, dict(item.modules)) for item in found
    }
    assert seen == {
        "project/.env-gpu/bin/python3": ("3.10.4", "venv", {"cv2": "4.5.5.62"}),
        "home/.pyenv/versions/3.8.18/bin/python3": ("3.8.18", "pyenv", {"cv2": "4.5.5.62"}),
        "home/miniconda3/envs/yolo/bin/python3": ("3.11", "conda", {}),
        "elsewhere/conda/bin/python": ("3.6", "conda", {}),
        "home/ml-old/bin/python3": ("3.7.3", "venv", {"torch": ""}),
    }


def test_the_target_is_not_another_python(tmp_path):
    write(tmp_path, venv("ml", files=CV2))
    found = look(tmp_path, environ={"VIRTUAL_ENV": str(tmp_path / "ml"), "PATH": str(tmp_path / "ml/bin")})
    assert ours(found, tmp_path) == []
    assert found.target == {"cv2": "4.5.5.62"}


def test_several_versions_on_one_prefix(tmp_path):
    for minor in ("3.9", "3.11"):
        write(tmp_path, {"sys/bin/python" + minor: "", "sys/lib/python%s/os.py" % minor: ""})
    write(tmp_path, place("sys/lib/python3.11/site-packages", CV2))
    write(tmp_path, {"sys/bin/python3": "-> python3.11"})
    found = ours(look(tmp_path, environ={"PATH": str(tmp_path / "sys/bin")}), tmp_path)
    assert sorted((item.version, tuple(item.modules)) for item in found) == [("3.11", ("cv2",)), ("3.9", ())]


def test_apts_packages_of_the_system(tmp_path):
    root = write(
        tmp_path / "root",
        {
            "usr/bin/python3": "-> python3.7",
            "usr/bin/python3.7": "",
            "usr/lib/python3/dist-packages/cv2.cpython-37m-arm-linux-gnueabihf.so": "",
            "usr/local/lib/python3.7/dist-packages/onnxruntime/__init__.py": "",
            "usr/local/lib/python3.7/dist-packages/onnxruntime-1.8.1.dist-info/METADATA": "",
        },
    )
    found = probe_interpreters(target(tmp_path), root=root, project="/x", environ={"PATH": "/usr/bin"}, home="/h")
    assert [(item.executable, item.version, item.kind) for item in found.items] == [
        ("/usr/bin/python3", "3.7", "system")
    ]
    assert found.items[0].modules == {"cv2": "", "onnxruntime": "1.8.1"}


def test_the_users_own_folder_that_the_target_does_not_see(tmp_path):
    write(tmp_path, place("home/.local/lib/python3.9/site-packages", CV2))
    found = ours(look(tmp_path), tmp_path)
    assert [(item.kind, dict(item.modules)) for item in found] == [("user", {"cv2": "4.5.5.62"})]
    assert ours(look(tmp_path, target(tmp_path, user_site_enabled=True)), tmp_path) == []


@pytest.mark.parametrize(
    "files, held",
    [
        ({"cv2/__init__.py": ""}, True),
        ({"cv2.abi3.so": b""}, True),
        ({"cv2.py": ""}, True),
        ({"cv2/python-3.9/cv2.cpython-39.so": "", "cv2/__init__.pyc": ""}, True),
        ({"cv2/qt/fonts/DejaVuSans.ttf": ""}, False),  # what uninstalling one of two OpenCVs leaves
        ({"cv2_helper/__init__.py": "", "~v2/__init__.py": ""}, False),
        ({"opencv_python-4.5.5.62.dist-info/METADATA": ""}, False),
    ],
)
def test_what_counts_as_a_module(tmp_path, files, held):
    write(tmp_path, venv("home/a", files=files))
    (found,) = ours(look(tmp_path), tmp_path)
    assert ("cv2" in found.modules) is held


def test_modules_that_were_asked_for(tmp_path):
    write(
        tmp_path,
        venv(
            "home/a",
            files={"skimage/__init__.py": "", "scikit_image-0.22.0.dist-info/METADATA": "", "onnx/__init__.py": ""},
        ),
    )
    (found,) = ours(look(tmp_path, modules=("scikit-image", "onnx", "numpy")), tmp_path)
    assert found.modules == {"skimage": "0.22.0", "onnx": ""}
    assert "skimage" in look(tmp_path, modules=("scikit-image",)).wanted


def test_number_and_time_are_bounded(tmp_path, monkeypatch):
    for number in range(30):
        write(tmp_path, venv("home/e%02d" % number))
    monkeypatch.setattr(interpreters, "MOST", 10)
    assert len(look(tmp_path).items) <= 11
    monkeypatch.setattr(interpreters, "SECONDS", -1.0)
    assert [item for item in look(tmp_path).items if item.kind != "user"] == []


def test_odd_trees_are_no_harm(tmp_path):
    write(
        tmp_path,
        {"home/a/pyvenv.cfg": b"\xff\xfe\x00", "home/a/bin/python3": "", "home/b/pyvenv.cfg": "version = soon\n"},
    )
    write(tmp_path, {"home/c/pyvenv.cfg/x": "", "home/.pyenv/versions": "a file"})
    os.symlink("loop", str(tmp_path / "home" / "loop"))
    assert ours(look(tmp_path, environ={"PATH": "/nowhere:%s:" % (tmp_path / "home/loop")}), tmp_path) == []


@pytest.mark.parametrize("named", ["${workspaceFolder}/../gpu/bin/python3", "~/../gpu/bin/python3"])
def test_the_python_that_vs_code_uses(tmp_path, named):
    write(tmp_path, venv("gpu", "3.10.4", files=CV2))
    settings = '{\n  // chosen by hand\n  "python.defaultInterpreterPath": "%s",\n}' % named
    write(tmp_path, {"project/.vscode/settings.json": settings, "home/keep": ""})
    (found,) = ours(look(tmp_path, project=str(tmp_path / "project")), tmp_path)
    assert (found.kind, found.version, dict(found.modules)) == ("venv", "3.10.4", {"cv2": "4.5.5.62"})


def test_the_pythons_that_pycharm_knows(tmp_path):
    write(tmp_path, venv("jobs/lanes", "3.11.7", files={"torch/__init__.py": ""}))
    table = '<jdk><homePath value="$USER_HOME$/../jobs/lanes/bin/python3" /></jdk><homePath value="/gone/bin/python" />'
    write(tmp_path, {"home/.config/JetBrains/PyCharmCE2024.1/options/jdk.table.xml": table})
    (found,) = ours(look(tmp_path), tmp_path)
    assert (found.version, dict(found.modules)) == ("3.11.7", {"torch": ""})


@pytest.mark.parametrize("folder", [".local/share/virtualenvs", ".cache/pypoetry/virtualenvs", ".virtualenvs"])
def test_environments_that_tools_keep_in_the_home_folder(tmp_path, folder):
    write(tmp_path, venv("home/%s/yolo-x1y2" % folder, "3.9.2", files=CV2))
    (found,) = ours(look(tmp_path), tmp_path)
    assert found.kind == "venv" and found.modules == {"cv2": "4.5.5.62"}
