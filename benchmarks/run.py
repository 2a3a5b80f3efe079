"""Times the doctor against its yardsticks in one environment and one run, and prints ratios.

    python benchmarks/run.py                  makes an environment with torch, torchvision and the peers (several GB)
    python benchmarks/run.py --venv FOLDER    uses one that holds them already (kept between runs)

Whole processes, started in an empty folder, the commands of a round interleaved so that a busy moment hits all of
them; medians over the rounds, and for the two stand-ins for a training, which take ten seconds each, the fastest of
the first three. Ratios travel between machines, milliseconds do not.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = ("rigsolve==1.0.0", "env-doctor==0.3.5")
LIBRARIES = ("torch", "torchvision")

#: what a user of a log would paste
ERROR_TEXT = """Traceback (most recent call last):
  File "train.py", line 41, in <module>
    keep = torchvision.ops.nms(boxes, scores, 0.5)
NotImplementedError: Could not run 'torchvision::nms' with arguments from the 'CUDA' backend.
"""

#: a stand-in for a training: computes for about ten seconds, prints a progress bar or so many bytes, and writes down
#: how long that took, so that what the quick check before it takes is not counted as a share of ten seconds
TRAINING = """import sys, time
size, took = int(sys.argv[1]), sys.argv[2]
started = time.perf_counter()
for step in range(1000):
    total = sum(number * number % 7 for number in range(200000))
    print("\\rstep %d of 1000: %d" % (step, total), end="", flush=True)
    for line in range(size // 1000 // 80):
        print("x" * 79)
with open(took, "w") as file:
    file.write(str(time.perf_counter() - started))
"""
#: file in which the stand-in writes its seconds
TOOK = "took"
#: rounds in which the trainings are run
LONG_ROUNDS = 6

#: doctor's command, yardstick, the ratio that the design allows (None = nothing is promised)
COMPARISONS = (
    ("check --quick", "rigsolve check", 1.0),
    ("check --quick", "collect_env", 0.1),
    ("check --quick", "pip check", None),
    ("check --quick", "env-doctor check", None),
    ("check", "import torch, torchvision", 1.15),
    ("check", "collect_env", None),
    ("check", "env-doctor check", None),
    ("wheels", "python -c pass", None),
    ("explain", "python -c pass", None),
    ("--help", "python -c pass", None),
    ("require()", "python -c pass", None),
    ("run -- python -c pass", "check --quick", None),
    ("run -- training", "training", 1.02),
    ("run -- training that prints 50 MB", "training that prints 50 MB", 1.02),
)


def commands(python, scripts, folder):
    """Return label -> argv, all for the Python of the one environment."""
    doctor = [python, "-m", "doctor"]
    log = os.path.join(folder, "error.log")
    with open(log, "w") as file:
        file.write(ERROR_TEXT)
    training = os.path.join(folder, "training.py")
    with open(training, "w") as file:
        file.write(TRAINING)
    trainings = {"training": "0", "training that prints 50 MB": "50000000"}
    described = ["--platform", "linux_x86_64", "--python-version", "3.11", "--assume-driver", "580.95.05"]
    found = {
        "check --quick": doctor + ["check", "--quick"],
        "check": doctor + ["check"],
        "wheels": doctor + ["wheels", "torch", "torchvision", "--assume-gpu", "GeForce GTX 1060"] + described,
        "explain": doctor + ["explain", log],
        "--help": doctor + ["--help"],
        "require()": [python, "-c", "import doctor; doctor.require()"],
        "python -c pass": [python, "-c", "pass"],
        "import torch, torchvision": [python, "-c", "import torch, torchvision"],
        "collect_env": [python, "-m", "torch.utils.collect_env"],
        "pip check": [python, "-m", "pip", "check"],
        "rigsolve check": [os.path.join(scripts, "rigsolve"), "check"],
        "env-doctor check": [os.path.join(scripts, "env-doctor"), "check"],
    }
    for label, size in trainings.items():
        found[label] = [python, training, size, os.path.join(folder, TOOK)]
        found["run -- " + label] = doctor + ["run", "--"] + found[label]
    found["run -- python -c pass"] = doctor + ["run", "--"] + found["python -c pass"]
    return found


def prepare(folder):
    """Return the Python of an environment with the libraries, the peers and this doctor; what is there is kept."""
    scripts = os.path.join(folder, "Scripts" if os.name == "nt" else "bin")
    python = os.path.join(scripts, "python")
    if not os.path.exists(os.path.join(folder, "pyvenv.cfg")):
        venv.create(folder, with_pip=True)
        pip(python, "install", *LIBRARIES)
    pip(python, "install", *PEERS)
    pip(python, "install", "--force-reinstall", "--no-deps", ROOT)
    pip(python, "install", ROOT)
    return python, scripts


def pip(python, *arguments):
    subprocess.run([python, "-m", "pip", "--disable-pip-version-check"] + list(arguments) + ["-q"], check=True)


def measure(runs, rounds, folder):
    """Return label -> seconds; one unmeasured round warms the disk cache up, every second one goes backwards."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("VIRTUAL_ENV", "CONDA"))}
    seconds = {label: [] for label in runs}
    for number in range(rounds + 1):
        for label, argv in list(runs.items())[:: -1 if number % 2 else 1]:
            if "training" in label and not 0 < number <= LONG_ROUNDS:
                continue
            # a training is read along in both cases, as a terminal or `tee` would
            out = subprocess.PIPE if "training" in label else subprocess.DEVNULL
            started = time.perf_counter()
            subprocess.run(argv, cwd=folder, env=environment, stdout=out, stderr=subprocess.DEVNULL, timeout=300)
            if "training" in label:
                with open(os.path.join(folder, TOOK)) as file:
                    seconds[label].append(float(file.read()))
            elif number:
                seconds[label].append(time.perf_counter() - started)
        print("round %d of %d" % (number, rounds), file=sys.stderr)
    return {
        label: (min if "training" in label else statistics.median)(values)  # type: ignore[operator]
        for label, values in seconds.items()
    }


def table(seconds):
    """Return the ratios as a markdown table."""
    lines = ["| doctor | against | ratio | allowed |", "|---|---|---|---|"]
    for ours, other, bound in COMPARISONS:
        ratio = seconds[ours] / seconds[other]
        verdict = "" if bound is None else "%.2f%s" % (bound, "" if ratio <= bound else " (missed)")
        lines.append("| `%s` | %s | %s | %s |" % (ours, other, shown(ratio), verdict))
    return "\n".join(lines)


def shown(ratio):
    """Return a ratio with two digits behind the point, three where they matter."""
    return "%.3f" % ratio if 0.9 < ratio < 1.1 else "%.2f" % ratio


def machine():
    cores = os.cpu_count()
    return "%s %s, %s cores, Python %s" % (platform.system(), platform.machine(), cores, platform.python_version())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--venv", help="environment to use, made when it does not exist")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        python, scripts = prepare(os.path.abspath(options.venv or os.path.join(scratch, "venv")))
        folder = os.path.join(scratch, "empty")
        os.mkdir(folder)
        runs = commands(python, scripts, folder)
        seconds = measure(runs, options.rounds, folder)
    print("%s, %s, medians of %d rounds\n" % (time.strftime("%Y-%m-%d"), machine(), options.rounds))
    print(table(seconds))
    missed = [ours for ours, other, bound in COMPARISONS if bound and seconds[ours] > bound * seconds[other]]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
