"""Really broken environments, built once from the package index and kept between runs.

They live in the folder that DOCTOR_TEST_CACHE names, else in the user's cache folder; never in the repository. A kept
environment is only read: a test that changes one takes a copy.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, NamedTuple, Tuple

from conftest import need_python


class Recipe(NamedTuple):
    """What is installed, in this order; what starts with ``--no-deps`` goes in without its requirements."""

    python: str
    installs: Tuple[Tuple[str, ...], ...]


RECIPES: Dict[str, Recipe] = {
    # torchvision of the next release: imports, and nms says "Couldn't load custom C++ ops"
    "W": Recipe("3.10", (("torch==1.12.1", "numpy<2", "pillow", "requests"), ("--no-deps", "torchvision==0.14.1"))),
    "W37": Recipe("3.7", (("torch==1.12.1", "numpy<2", "pillow", "requests"), ("--no-deps", "torchvision==0.14.1"))),
    # torchvision of the next release beside a CPU build: "operator torchvision::nms does not exist"
    "M1": Recipe("3.11", (("torch==2.13.0", "numpy", "pillow"), ("--no-deps", "torchvision==0.29.1"))),
    # the right release, built for CUDA, beside a CPU build: pip check is content, the import dies
    "M2": Recipe("3.11", (("torch==2.13.0", "numpy", "pillow"), ("--no-deps", "torchvision==0.28.0"))),
    # pip check complains, and all works: the stable ABI
    "A4": Recipe("3.11", (("torch==2.14.1", "numpy", "pillow"), ("--no-deps", "torchvision==0.29.0"))),
    # OpenCV compiled for numpy 1, numpy 2: pip check is content, import cv2 fails
    "numpy2-cv": Recipe("3.11", (("numpy==2.1.3", "opencv-python==4.9.0.80"),)),
    # two builds of OpenCV, the later one written over the earlier
    "cv-both": Recipe("3.11", (("numpy==1.26.4", "opencv-python==4.10.0.84"), ("opencv-python-headless==4.9.0.80",))),
    # the build of OpenCV with windows: it needs libGL from the system
    "cv-gui": Recipe("3.11", (("numpy==1.26.4", "opencv-python==4.10.0.84"),)),
    # the CPU build of ONNX Runtime written over the GPU build: no error, and no CUDA provider
    "ort-both": Recipe("3.11", (("numpy", "onnxruntime-gpu==1.31.1"), ("onnxruntime==1.31.1",))),
    "numpy-1.24": Recipe("3.11", (("numpy==1.24.4", "pillow==10.4.0", "requests"),)),
    "openmp": Recipe("3.11", (("numpy==1.26.4", "intel-openmp", "scikit-learn==1.5.2"),)),
}


def cache() -> Path:
    """Return the folder that keeps the environments."""
    named = os.environ.get("DOCTOR_TEST_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "torch-doctor-tests"


def environment(name: str) -> Path:
    """Return the Python of a kept environment; builds it when it is not there or its recipe has changed."""
    recipe = RECIPES[name]
    folder = cache() / name
    done = folder / "recipe.json"
    wanted = json.dumps(recipe)
    python = folder / "bin" / "python"
    lock = cache() / (name + ".lock")
    cache().mkdir(parents=True, exist_ok=True)
    import fcntl  # the recipes are for Linux

    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # another run may be building it; a run that died holds nothing
        if not (done.is_file() and done.read_text() == wanted and python.exists()):
            _build(recipe, folder)
            done.write_text(wanted)
    return python


def _build(recipe: Recipe, folder: Path) -> None:
    base = need_python(recipe.python)
    shutil.rmtree(str(folder), ignore_errors=True)
    subprocess.run([base, "-m", "venv", str(folder)], check=True)
    for packages in recipe.installs:
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        ran = subprocess.run(
            command + list(packages), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
        )
        if ran.returncode != 0:
            shutil.rmtree(str(folder), ignore_errors=True)
            raise RuntimeError("%s cannot be built:\n%s" % (folder.name, ran.stdout[-3000:]))


def copy(name: str, folder: Path) -> Path:
    """Copy a kept environment into a folder that does not exist yet; return the copy's Python.

    Its scripts keep the old first line: use ``python -m pip``.
    """
    source = environment(name).parent.parent
    if sys.platform.startswith("linux"):
        subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(folder)], check=True)
    else:
        shutil.copytree(str(source), str(folder), symlinks=True)
    (folder / "recipe.json").unlink()
    return folder / "bin" / "python"
