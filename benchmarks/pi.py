"""How long `doctor pi --quick` takes on an emulated armv7l Python, as a multiple of `python3 -c pass` there.

    python benchmarks/pi.py [--runs 5] [--machine armv7l] [--limit 12] [--profile]

Prints both times, the ratio and (with --profile) the slowest imports; the exit status is 1 above the limit. Needs
qemu-user-static and mmdebstrap, like the tests marked armv7l. Ratios mean something here, milliseconds do not.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]


def median(pi, runs, *arguments, **given):
    """Return the median wall time of some runs in seconds, after one run that fills the caches."""
    times = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        ran = pi.run(*arguments, **given)
        times.append(time.perf_counter() - began)
        if ran.returncode not in (0, 1):
            raise SystemExit("doctor failed:\n" + ran.stdout[-2000:] + ran.stderr[-2000:])
    return statistics.median(times[1:])


def slowest_imports(text, count=25):
    """Return (own microseconds, cumulative, module) of the slowest imports in a ``-X importtime`` log."""
    rows = re.findall(r"^import time:\s+(\d+) \|\s+(\d+) \| (.*)$", text, re.MULTILINE)
    return sorted(((int(own), int(whole), name) for own, whole, name in rows), reverse=True)[:count]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--machine", default="armv7l", choices=("armv7l", "aarch64"))
    parser.add_argument("--limit", type=float, default=12.0)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    from lab import board, qemu

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pi = qemu.emulated(options.machine, folder)
        house = folder / "wheel"
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(house), str(ROOT)]
        subprocess.run(command, check=True)
        pi.must("-m", "pip", "install", "-q", "--no-index", *house.glob("*.whl"))
        pi.must("-m", "compileall", "-q", pi.site, env={"PYTHONDONTWRITEBYTECODE": ""})
        tree = board.write(folder / "root", board.PI4 if options.machine == "armv7l" else board.PI5)
        project = folder / "project"
        project.mkdir()
        given = {"cwd": str(project), "env": {"DOCTOR_ROOT": str(tree)}}
        empty = median(pi, options.runs, "-c", "pass", **given)
        doctor = median(pi, options.runs, "-m", "doctor", "pi", "--quick", "--json", **given)
        ratio = doctor / empty
        print("python3 -c pass          %6.2f s" % empty)
        print("doctor pi --quick --json %6.2f s" % doctor)
        print("ratio                    %6.1f (limit %.0f)" % (ratio, options.limit))
        if options.profile:
            log = pi.run("-X", "importtime", "-m", "doctor", "pi", "--quick", "--json", **given)
            print("\nslowest imports (own ms, cumulative ms)")
            for own, whole, module in slowest_imports(log.stderr):
                print("%8.1f %8.1f  %s" % (own / 1000.0, whole / 1000.0, module))
            timings = re.search(r'"timings_s": (\{[^}]*\})', log.stdout)
            print("\nprobes (s): %s" % (timings.group(1).replace("\n", "") if timings else "?"))
    return 1 if ratio > options.limit else 0


if __name__ == "__main__":
    sys.exit(main())
