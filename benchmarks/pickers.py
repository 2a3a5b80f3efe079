"""Asks the doctor, uv and light-the-torch for the same four machines, and times the doctor.

    python benchmarks/pickers.py [--peers FOLDER]

The peers are installed into a virtual environment of their own (in FOLDER, kept for the next run, or in a temporary
one). uv is told the driver with UV_CUDA_DRIVER_VERSION and only asked for a dry run; of light-the-torch only the
function that turns a driver into a backend is called, never its ``install``, which starts downloading. No hardware is
touched: the machines are described. Whether an answer works is judged by the matrix: the driver's floor and the
build's code.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from doctor.wheels.choose import choose  # noqa: E402
from doctor.wheels.matrix import load  # noqa: E402
from doctor.wheels.target import Target  # noqa: E402

#: name, card, driver, platform
MACHINES = (
    ("a", "GeForce MX330", "552.22", "win_amd64"),
    ("b", "GeForce GTX 1060 6GB", "580.95.05", "linux_x86_64"),
    ("c", "GeForce RTX 5090", "570.124.06", "linux_x86_64"),
    ("d", "GeForce RTX 3060", "531.68", "win_amd64"),
)
PYTHON = "3.11"
WISHES = ("torch", "torchvision")

LTT = """
import platform, sys
platform.system = lambda: sys.argv[2]
from light_the_torch import _cb
_cb._detect_nvidia_driver_version = lambda: _cb.Version(sys.argv[1])
print(max(_cb._detect_compatible_cuda_backends()).local_specifier)
"""


def prepare(folder):
    """Return the Python of an environment that holds both peers; makes it when it is not there."""
    place = os.path.join(folder, "peers")
    python = os.path.join(place, "Scripts" if os.name == "nt" else "bin", "python")
    if not os.path.exists(python):
        venv.create(place, with_pip=True)
        wanted = ["--disable-pip-version-check", "--quiet", "uv>=0.9", "light-the-torch"]
        subprocess.run([python, "-m", "pip", "install"] + wanted, check=True)
    return python


def ask_uv(python, driver, platform):
    """Return the newest index that uv tries for a driver."""
    words = {"win_amd64": "x86_64-pc-windows-msvc", "linux_x86_64": "x86_64-unknown-linux-gnu"}
    argv = [python, "-m", "uv", "--verbose", "pip", "install", "--dry-run", "--no-cache", "--python", python]
    argv += ["--torch-backend", "auto", "--python-platform", words[platform], "torch"]
    ran = subprocess.run(
        argv,
        env=dict(os.environ, UV_CUDA_DRIVER_VERSION=driver, UV_HTTP_RETRIES="0", UV_HTTP_TIMEOUT="5"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        timeout=120,
    )
    found = re.findall(r"pytorch\.org/whl/cu(\d+)", ran.stdout)
    return "cu%d" % max(int(number) for number in found) if found else "no answer"


def ask_light_the_torch(python, driver, platform):
    system = "Windows" if platform.startswith("win") else "Linux"
    ran = subprocess.run(
        [python, "-c", LTT, driver, system], stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True
    )
    return ran.stdout.strip() or "no answer"


def works(matrix, variant, card, driver, platform):
    """Return whether some torch release has this build, the driver runs it, and it has code for the card."""
    system = "windows" if platform.startswith("win") else "linux"
    cc = matrix.compute_capability(card)
    found, unsure = False, False
    for version in matrix.torch_releases:
        for build in matrix.builds(version, platform):
            if build.variant != variant:
                continue
            found = True
            how = matrix.runs(driver, build.cuda, system)
            answer = matrix.serves(build, cc, how == "direct").answer if how else False
            if answer:
                return "works"
            unsure = unsure or answer is None
    return "not confirmed" if unsure else "WRONG" if found else "no such build"


def milliseconds(work, times=7):
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="folder that keeps the peers' environment")
    options = parser.parse_args()
    folder = options.peers or tempfile.mkdtemp()
    matrix = load()
    try:
        python = prepare(os.path.abspath(folder))
        print("| machine | doctor | uv, newest index tried | light-the-torch |")
        print("|---|---|---|---|")
        for name, card, driver, platform in MACHINES:
            target = Target.described(platform, matrix, PYTHON, driver=driver, gpus=[card])
            choice = choose(matrix, WISHES, target)
            answers = [choice.wheel("torch").version.partition("+")[2]]
            answers += [ask(python, driver, platform) for ask in (ask_uv, ask_light_the_torch)]
            cells = ["%s %s" % (answer, works(matrix, answer, card, driver, platform)) for answer in answers]
            cells[0] += ", torch " + choice.wheel("torch").version.partition("+")[0]
            print("| %s: %s, driver %s, %s | %s |" % (name, card, driver, platform, " | ".join(cells)))
    finally:
        if not options.peers:
            shutil.rmtree(folder, ignore_errors=True)
    target = Target.described("linux_x86_64", matrix, PYTHON, driver="580.95.05", gpus=["GTX 1060"])
    fresh = "from doctor.wheels.matrix import load; load()"
    env = dict(os.environ, PYTHONPATH=ROOT)
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    whole = [sys.executable, "-m", "doctor", "wheels", "torch", "torchvision", "--offline"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": env}
    subprocess.call(whole, **quiet)
    print()
    print("load the matrix:                  %6.1f ms" % milliseconds(load))
    print("choose, warm:                     %6.1f ms" % milliseconds(lambda: choose(matrix, WISHES, target)))
    print("choose, first time in a process:  %6.1f ms" % milliseconds(lambda: choose(load(), WISHES, target) and None))
    print(
        "python -c 'load()':               %6.1f ms"
        % milliseconds(lambda: subprocess.call([sys.executable, "-c", fresh], **quiet))
    )
    print(
        "doctor wheels torch torchvision:  %6.1f ms (bound 250)" % milliseconds(lambda: subprocess.call(whole, **quiet))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
