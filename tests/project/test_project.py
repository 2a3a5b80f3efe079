"""Which folder is the project, what is passed over in it, and what comes out of the whole."""

import os
import time
from types import SimpleNamespace

import pytest

from doctor.facts import Facts, Python, encode, from_json, to_json
from doctor.model import DoctorError
from doctor.probes.project import ALWAYS_FILES, Budget, probe_project, walk
from doctor.probes.whereabouts import find_project, is_chosen


def make(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return str(folder)


# ---------------------------------------------------------------- which folder


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": ""},
        {"requirements-train.txt": ""},
        {"pyproject.toml": ""},
        {"setup.py": ""},
        {"environment.yml": ""},
        {"run.py": "import sys\nimport torch\n"},
        {"run.py": "from cv2 import imread\n"},
    ],
)
def test_the_current_folder_is_a_project(tmp_path, files):
    root = make(tmp_path, files)
    assert find_project(None, root) == root


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"notes.txt": "torch"},
        {"run.py": "print('import torch')\n"},
        {"pyvenv.cfg": "", "setup.py": ""},
        {"conda-meta/x": "", "setup.py": ""},
    ],
)
def test_the_current_folder_is_none(tmp_path, files):
    assert find_project(None, make(tmp_path, files)) is None


def test_never_the_root_or_the_home_folder(tmp_path, monkeypatch):
    assert find_project(None, os.path.abspath(os.sep)) is None
    make(tmp_path, {"requirements.txt": "numpy"})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert find_project(None, str(tmp_path)) is None
    assert find_project(str(tmp_path), "/") == str(tmp_path)


def test_an_option_that_is_no_folder(tmp_path):
    with pytest.raises(DoctorError) as caught:
        find_project(str(tmp_path / "none"), str(tmp_path))
    assert caught.value.exit == 2


def test_files_make_the_current_folder_the_project(tmp_path):
    root = make(tmp_path, {"a.py": "x = 1\n"})
    assert find_project(None, root, files=("a.py",)) == root
    with pytest.raises(DoctorError) as caught:
        find_project(None, root, files=("b.py",))
    assert caught.value.exit == 2


def test_whether_it_belongs_to_the_target(tmp_path):
    root = str(tmp_path / "project")
    inside, outside = os.path.join(root, ".venv"), str(tmp_path / "venv")

    def chosen(project, python, prefix):
        return is_chosen(root, project, python, Python(os.path.join(prefix, "bin", "python"), "3.11.7", prefix=prefix))

    assert chosen(None, None, outside)
    assert chosen(root, outside + "/bin/python", outside)
    assert chosen(None, inside + "/bin/python", inside)
    assert not chosen(None, outside + "/bin/python", outside)


# ---------------------------------------------------------------- the section


def test_a_whole_project(tmp_path):
    root = make(
        tmp_path,
        {
            "train.py": "import torch\nimport numpy as np\nfrom utils.general import f\nx = np.int(3)\n"
            "if __name__ == '__main__':\n    pass\n",
            "utils/__init__.py": "",
            "utils/general.py": "import wandb\nfrom PIL import Image\ny = Image.ANTIALIAS\n",
            "random.py": "",
            "tools/torch.py": "",
            "tools/run.py": "if __name__ == '__main__':\n    pass\n",
            "broken.py": "import numpy as np\nprint np.int\n",
            "requirements.txt": "numpy<1.24\ntorch\n",
            "requirements-dev.txt": "pytest\n",
            "pyproject.toml": '[project]\nrequires-python = ">=3.8"\n',
            "nb.ipynb": '{"cells": [{"cell_type": "code", "source": ["import numpy as np\\n", "np.float(1)"]}]}',
        },
    )
    project = probe_project(root)
    assert [(str(use.where), use.name) for use in project.uses] == [
        ("nb.ipynb:1: np.float(1)", "numpy.float"),
        ("train.py:4: x = np.int(3)", "numpy.int"),
        ("utils/general.py:3: y = Image.ANTIALIAS", "PIL.Image.ANTIALIAS"),
    ]
    assert sorted(project.imports) == ["PIL", "numpy", "torch", "wandb"]
    assert project.requires_python == ">=3.8"
    assert [(one.name, one.optional) for one in project.requirements] == [
        ("numpy", False),
        ("torch", False),
        ("pytest", True),
    ]
    assert project.shadowing == ("random.py", "tools/torch.py")
    assert any(text.startswith("broken.py: Python 2") for text in project.skipped)
    facts = Facts({type(project): project})
    assert from_json(to_json(facts)) == facts


def test_files_narrow_the_scan(tmp_path, monkeypatch):
    root = make(
        tmp_path,
        {
            "a.py": "import numpy as np\nnp.int\n",
            "b/c.py": "import numpy as np\nnp.float\n",
            "requirements.txt": "numpy",
        },
    )
    monkeypatch.chdir(root)
    wanted = SimpleNamespace(files=(os.path.join("b", "c.py"), "requirements.txt"), project=None, python=None)
    project = probe_project(root, None, wanted)
    assert [str(use.where) for use in project.uses] == ["b/c.py:2: np.float"]
    assert [one.name for one in project.requirements] == ["numpy"]


def test_other_pythons_and_caches_are_passed_over_by_what_they_are(tmp_path):
    bad = "import numpy as np\nnp.int\n"
    root = make(
        tmp_path,
        {
            "a.py": bad,
            "my-environment/pyvenv.cfg": "",
            "my-environment/lib/python3.11/site-packages/x.py": bad,
            "miniconda/conda-meta/history": "",
            "miniconda/x.py": bad,
            "vendored/site-packages/numpy/core.py": bad,
            "target/six-1.16.dist-info/METADATA": "",
            "target/six.py": bad,
            "py/lib/python3.9/os.py": bad,
            "py/lib/python3.9/site.py": bad,
            "py/lib/python3.9/abc.py": bad,
            "bare.git/HEAD": "",
            "bare.git/objects/x.py": bad,
            "bare.git/refs/x.py": bad,
            ".mypy_cache/CACHEDIR.TAG": "",
            ".mypy_cache/x.py": bad,
            "web/node_modules/x/a.py": bad,
            "a/__pycache__/x.py": bad,
            # a folder that is only called like an environment is source like any other
            "venv/model.py": bad,
        },
    )
    project = probe_project(root)
    assert [use.where.file for use in project.uses] == ["a.py", "venv/model.py"]
    assert len(project.skipped) >= 6


def test_links_that_go_round_end(tmp_path):
    make(tmp_path, {"a.py": "import torch\n"})
    try:
        (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")
    assert probe_project(str(tmp_path)).files == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_does_not_block(tmp_path):
    os.mkfifo(str(tmp_path / "a.py"))
    os.mkfifo(str(tmp_path / "requirements.txt"))
    assert probe_project(str(tmp_path)).files == 0


def test_requirements_in_the_encoding_of_a_windows_shell(tmp_path):
    root = make(tmp_path, {"requirements.txt": "numpy==1.26.4\r\ntorch\r\n".encode("utf-16")})
    assert [one.text for one in probe_project(root).requirements] == ["numpy==1.26.4", "torch"]


def test_a_requirements_link_that_leads_outside_is_not_followed(tmp_path):
    root = tmp_path / "project"
    make(root, {"requirements.txt": "-r secret.txt\nnumpy\n"})
    (tmp_path / "secret").write_text("leaked\n")
    try:
        (root / "secret.txt").symlink_to(tmp_path / "secret")
    except OSError:
        pytest.skip("no symbolic links here")
    assert [one.name for one in probe_project(str(root)).requirements] == ["numpy"]


def test_the_time_is_limited_and_what_is_left_is_named(tmp_path):
    make(tmp_path, {"d%d/a%d.py" % (n % 20, n): "import torch\n" for n in range(ALWAYS_FILES + 50)})
    project = probe_project(str(tmp_path), budget_s=0.0)
    assert project.files == ALWAYS_FILES
    assert any("time" in text for text in project.skipped)


def test_a_project_that_is_a_library_does_not_hide_itself(tmp_path):
    root = make(tmp_path, {"ultralytics/__init__.py": "import torch\n", "pyproject.toml": ""})
    assert probe_project(root).shadowing == ()
    assert probe_project(make(tmp_path / "x", {"numpy/__init__.py": "", "a.py": "import numpy\n"})).shadowing == (
        "numpy/",
    )


@pytest.mark.slow
def test_fifty_thousand_files_and_three_environments(tmp_path):
    """The tree costs less than a second beside the same project without it."""
    for n in range(100):
        folder = tmp_path / ("part%d" % n)
        folder.mkdir()
        for m in range(500):
            kind = (".py", ".txt", ".jpg", ".json", ".png")[m % 5]
            (folder / ("f%d%s" % (m, kind))).write_text(
                "import torch\nx = torch.zeros(%d)\n" % m if kind == ".py" else ""
            )
    for name in ("env1", "env2", "deep/env3"):
        make(tmp_path / name, {"pyvenv.cfg": ""})
        for n in range(3000):
            path = tmp_path / name / "lib" / ("p%d" % (n % 30))
            path.mkdir(parents=True, exist_ok=True)
            (path / ("m%d.py" % n)).write_text("import numpy as np\nnp.int\n")
    make(tmp_path, {"train.py": "import numpy as np\nnp.int\n"})
    began = time.process_time()
    project = probe_project(str(tmp_path))
    spent = time.process_time() - began  # other work on the machine does not count
    assert [use.where.file for use in project.uses] == ["train.py"]
    assert spent < 1.0, "%.2f s" % spent
    assert sum("environment" in text for text in project.skipped) == 3


def test_walk_names_what_it_cannot_enter(tmp_path):
    make(tmp_path, {"closed/a.py": ""})
    closed = tmp_path / "closed"
    closed.chmod(0)
    try:
        if os.access(str(closed), os.R_OK):
            pytest.skip("this user may read everything")
        assert any(text.startswith("closed:") for text in walk(str(tmp_path), Budget()).skipped)
    finally:
        closed.chmod(0o755)


def test_encoding_of_the_section_is_plain(tmp_path):
    encode(probe_project(make(tmp_path, {"a.py": "import torch\ntorch.load('x')\n"})))


def test_setup_py_says_what_is_needed(tmp_path):
    text = "from setuptools import setup\nsetup(python_requires='>=3.8', install_requires=['scipy>1.5', 'yacs'])\n"
    project = probe_project(make(tmp_path, {"setup.py": text, "sub/setup.py": text.replace("yacs", "other")}))
    assert [(one.text, str(one.where.file)) for one in project.requirements] == [
        ("scipy>1.5", "setup.py"),
        ("yacs", "setup.py"),
    ]
    assert project.requires_python == ">=3.8"


OLD_KERNEL = "#include <THC/THC.h>\n"


@pytest.mark.parametrize("builder", ["from torch.utils.cpp_extension import load\n", "import torch.utils.ffi\n"])
def test_cpp_sources_count_where_the_project_compiles_them_for_torch(tmp_path, builder):
    files = {"ops/build.py": builder, "ops/src/roi.cu": OLD_KERNEL, "ops/src/roi.c": OLD_KERNEL}
    project = probe_project(make(tmp_path, files))
    assert sorted(str(use.where) for use in project.uses if use.name == "THC") == [
        "ops/src/roi.c:1: #include <THC/THC.h>",
        "ops/src/roi.cu:1: #include <THC/THC.h>",
    ]
    assert project.builds_cuda


def test_cpp_sources_of_something_else_are_not_read(tmp_path):
    project = probe_project(make(tmp_path, {"train.py": "import torch\n", "ncnn/demo.cu": OLD_KERNEL}))
    assert project.uses == () and not project.builds_cuda


def test_what_only_tests_and_documentation_import_is_not_needed_to_train(tmp_path):
    files = {
        "train.py": "import yaml\n",
        "tests/test_model.py": "import yaml\nimport onnx\n",
        "lib/checks.py": "import pytest\nimport flask\n",
        "docs/conf.py": "import sphinx\n",
        "test.py": "import tqdm\n",  # YOLO's evaluation
        "test_net.py": "import easydict\n",
    }
    project = probe_project(make(tmp_path, files))
    assert project.lazy == ("flask", "onnx", "pytest", "sphinx")
    assert set(project.imports) - set(project.lazy) == {"yaml", "tqdm", "easydict"}
