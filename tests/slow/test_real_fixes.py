"""`doctor fix` on environments that are really broken: mended, undone, mended again; or refused without a trace."""

import sys

import pytest
from fix import toy
from lab.environments import copy
from lab.index import Index
from slow.test_real_environments import doctor
from slow.test_real_packages import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux: the recipes are for its wheels"),
]

NMS = """
import torch, torchvision
torchvision.ops.nms(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([1.0]), 0.5)
print(torchvision.__version__)
"""
#: a torchvision of Python only, which stands for the CPU build that cannot be had here
MADE = {
    "torchvision/__init__.py": b"from .version import __version__\nfrom . import ops\n",
    "torchvision/version.py": b"__version__ = '0.28.0+cpu'\ncuda = None\n",
    "torchvision/ops/__init__.py": (
        b"import torch\n\n\ndef nms(boxes, scores, iou_threshold):\n    return torch.argsort(scores)[:1]\n"
    ),
}


def without_bytecode(env):
    return {path: value for path, value in toy.manifest(env).items() if not path.endswith(".pyc")}


@pytest.mark.parametrize("name", ["W", "W37"])
def test_w_is_mended_undone_and_mended_again(name, tmp_path):
    python = copy(name, tmp_path / "env")
    env = tmp_path / "env"
    before = toy.manifest(env)
    status, report = doctor("fix", "--python", python)
    assert (status, report["fix"]["result"]) == (1, "planned")
    (step,) = report["plan"]["steps"]
    assert [(wheel["name"], wheel["version"]) for wheel in step["wheels"]] == [("torchvision", "0.13.1")]
    assert toy.difference(before, toy.manifest(env)) == {}

    status, report = doctor("fix", "--apply", "--python", python)
    assert (status, report["fix"]["result"]) == (0, "applied")
    assert report["fix"]["verified"] == ["torchvision-version-mismatch"]
    after = without_bytecode(env)
    assert run(python, NMS) == (0, "0.13.1+cu102\n")
    assert [path for path in toy.difference(before, toy.manifest(env)) if "torchvision" not in path] == []

    assert doctor("fix", "--undo", "--python", python)[0] == 0
    assert toy.difference(before, toy.manifest(env)) == {}
    assert doctor("fix", "--apply", "--python", python)[0] == 0
    assert toy.difference(after, without_bytecode(env)) == {}


@pytest.mark.parametrize("name", ["M1", "M2"])
def test_m1_and_m2_from_a_mirror_and_without_one(name, tmp_path):
    python = copy(name, tmp_path / "env")
    env = tmp_path / "env"
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    before = toy.manifest(env)
    status, report = doctor("fix", "--python", python, **own)
    wheels = [wheel for step in report["plan"]["steps"] for wheel in step["wheels"]]
    assert [wheel["version"] for wheel in wheels] == ["0.28.0+cpu"]
    assert wheels[0]["filename"].startswith("torchvision-0.28.0+cpu-cp311-cp311-")

    dead = "http://127.0.0.1:9"
    status, report = doctor("fix", "--apply", "--python", python, "--mirror", dead, **own)
    assert (status, report["fix"]["result"]) == (3, "refused")
    assert dead in report["fix"]["message"] and wheels[0]["filename"] in report["fix"]["hint"]
    assert toy.difference(before, toy.manifest(env)) == {} and not (env / ".doctor").exists()

    made = Index(tmp_path / "mirror")
    tag = wheels[0]["filename"][:-4].split("-", 2)[2]
    made.add("torchvision", "0.28.0+cpu", tag, below="whl/cpu", files=MADE, requires=["torch==2.13.0", "numpy"])
    with made.serve() as server:
        arguments = ("fix", "--apply", "--python", python, "--mirror", server.url)
        status, report = doctor(*arguments, **own)
        assert (status, report["fix"]["result"]) == (0, "applied"), report["fix"]
        assert run(python, NMS) == (0, "0.28.0+cpu\n")
        assert [path for path in toy.difference(before, toy.manifest(env)) if "torchvision" not in path] == []
        assert doctor("fix", "--undo", "--python", python, **own)[0] == 0
        assert toy.difference(before, toy.manifest(env)) == {}
        assert doctor(*arguments, **own)[0] == 0
