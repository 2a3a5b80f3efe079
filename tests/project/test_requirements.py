"""What a project asks for, in every kind of file."""

import ast

import pytest

from doctor.probes import requirements as r


def reader(**files):
    return lambda path: files.get(path.replace("/", "__").replace(".", "_").replace("-", "_"))


def rows(found):
    return [(one.name, one.text) for one in found]


def test_requirements_file():
    text = """# a comment
numpy>=1.18.5,<1.24.0  # pinned
Pillow
torch @ https://download.pytorch.org/whl/cu121/torch-2.1.0%2Bcu121-cp310-cp310-linux_x86_64.whl
git+https://github.com/facebookresearch/detectron2.git@v0.6#egg=detectron2
https://example.org/a/torchvision-0.16.0-cp310-cp310-linux_x86_64.whl
-e .
-e git+https://example.org/x.git#egg=My_Thing
--extra-index-url https://user:secret@example.org/simple
scipy[all]==1.10.* ; python_version < "3.9"
opencv_python==4.9.0.80 \\
    --hash=sha256:0123
./local/folder

-r more.txt
-c limits.txt
"""
    files = reader(requirements_txt=text, more_txt="tqdm\n-r requirements.txt\n", limits_txt="pandas<2\n")
    found = list(r.parse_requirements("requirements.txt", files))
    assert [one.name for one in found] == [
        "numpy", "pillow", "torch", "detectron2", "torchvision", "my-thing", "scipy", "opencv-python", "tqdm", "pandas",
    ]  # fmt: skip
    assert found[0].text == "numpy>=1.18.5,<1.24.0"
    assert (found[0].where.file, found[0].where.line) == ("requirements.txt", 2)
    assert found[7].text == "opencv_python==4.9.0.80"
    assert [one.constraint for one in found] == [False] * 9 + [True]
    assert (found[8].where.file, found[8].where.line) == ("more.txt", 1)
    assert "secret" not in str(found)


def test_an_include_that_leads_outside_is_left_alone():
    asked = []
    list(
        r.parse_requirements(
            "a/requirements.txt",
            lambda p: asked.append(p) or ("-r ../../etc/passwd\n-r ../b.txt\n-r /etc/x" if len(asked) == 1 else None),
        )
    )
    assert asked == ["a/requirements.txt", "b.txt"]


def test_files_that_include_each_other_end():
    files = reader(a_txt="-r b.txt\nnumpy\n", b_txt="-r a.txt\ntorch\n")
    assert [one.name for one in r.parse_requirements("a.txt", files)] == ["torch", "numpy"]


@pytest.mark.parametrize(
    "names, expected",
    [
        (["requirements.txt", "requirements-dev.txt"], ("requirements.txt",)),
        (["requirements-gpu.txt", "requirements_test.txt"], ()),
        (["requirements/base.txt", "requirements/dev.txt"], ("requirements/base.txt",)),
        (["requirements_train.txt"], ("requirements_train.txt",)),
        ([], ()),
    ],
)
def test_which_list_counts(names, expected):
    assert r.main_files(names) == expected


def test_pyproject():
    text = """
[build-system]
requires = ["hatchling"]

[project]
name = "x"  # the "name"
requires-python = ">=3.8"
dependencies = [
    "numpy>=1.23.5",  # with ] in a comment
    'torch>=1.8; platform_system == "Linux"',
    "pillow[all]>=7",
]

[project.optional-dependencies]
dev = ["pytest", "ruff"]
"""
    found = r.parse_pyproject(text)
    assert found.requires_python == ">=3.8"
    assert [(one.name, one.optional) for one in found.requirements] == [
        ("numpy", False), ("torch", False), ("pillow", False), ("pytest", True), ("ruff", True),
    ]  # fmt: skip
    assert found.requirements[1].text == 'torch>=1.8; platform_system == "Linux"'
    assert found.requirements[0].where.line == 9


def test_poetry():
    text = """
[tool.poetry.dependencies]
python = "^3.8"
torch = "^1.13"
numpy = "~1.23.0"
scipy = "1.9.0"
wandb = {version = ">=0.12", optional = true}
own = {git = "https://example.org/own.git"}
[tool.poetry.group.dev.dependencies]
pytest = "*"
"""
    found = r.parse_pyproject(text)
    assert found.requires_python == ">=3.8,<4"
    assert [(one.text, one.optional) for one in found.requirements] == [
        ("torch>=1.13,<2", False), ("numpy>=1.23.0,<1.24", False), ("scipy==1.9.0", False),
        ("wandb>=0.12", True), ("pytest", True),
    ]  # fmt: skip


def test_setup_cfg():
    text = """[options]
python_requires = >=3.7
install_requires =
    numpy>=1.20
    torch ; sys_platform != "win32"
[options.extras_require]
test = pytest
"""
    found = r.parse_setup_cfg(text)
    assert found.requires_python == ">=3.7"
    assert [(one.name, one.optional) for one in found.requirements] == [
        ("numpy", False),
        ("torch", False),
        ("pytest", True),
    ]
    assert r.parse_setup_cfg("this is [ no ini").requirements == ()


def test_setup_py_is_read_never_run():
    text = """
import os
os.remove("/does/not/matter")
REQ = ["numpy>=1.20", "torch"]
raise SystemExit
setup(name="x", install_requires=REQ, python_requires=">=3.6", extras_require={"all": ["onnx"]})
"""
    found = r.parse_setup_py(ast.parse(text))
    assert found.requires_python == ">=3.6"
    assert [(one.name, one.optional) for one in found.requirements] == [
        ("numpy", False),
        ("torch", False),
        ("onnx", True),
    ]
    assert r.parse_setup_py(ast.parse("setuptools.setup(install_requires=open('r').read().split())")).requirements == ()


def test_environment_yml():
    text = """name: x
channels: [pytorch, conda-forge]
dependencies:
  - python=3.8
  - pytorch::pytorch=1.13.1=py3.8_cuda11.7_cudnn8.5.0_0
  - numpy>=1.20,<1.24
  - cudatoolkit=11.3
  - pip
  - pip:
    - opencv-python==4.5.5.64
    - -r other.txt
"""
    found = r.parse_environment(text)
    assert found.requires_python == "==3.8.*"
    assert [(one.text, one.optional) for one in found.requirements] == [
        ("torch==1.13.1.*", True), ("numpy>=1.20,<1.24", True), ("opencv-python==4.5.5.64", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "- a\n- b", "{", "dependencies: 3", "dependencies: [[1], {pip: null}]", "a: &b [*b]"]
)
def test_odd_environment_files(text):
    assert r.parse_environment(text).requirements == ()
