"""Throw many odd inputs at ``doctor explain`` and report crashes and runs over one second.

python scripts/fuzz_explain.py 100000
"""

import os
import random
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir)
sys.path[:0] = [ROOT, os.path.join(ROOT, "tests", "explain")]

from test_explain_engine import PIECES, mutated  # noqa: E402

from doctor.explain import explain  # noqa: E402
from doctor.registry import all_checks  # noqa: E402
from doctor.wheels import matrix as wheel_matrix  # noqa: E402


def odd_input(seed):
    """Return bytes or text: random bytes, random pieces of messages, or a damaged real text."""
    dice = random.Random(seed)
    kind = seed % 4
    if kind == 0:
        return bytes(dice.randrange(256) for _ in range(dice.randrange(2000)))
    if kind == 1:
        return "".join(dice.choice(PIECES) for _ in range(dice.randrange(400)))
    return mutated(seed)


def main(count=100000, first=0):
    matrix, checks = wheel_matrix.load(), all_checks()
    slowest, crashes, late = 0.0, 0, 0
    started = time.perf_counter()
    for seed in range(first, first + count):
        data = odd_input(seed)
        before = time.perf_counter()
        try:
            for item in explain(data, matrix, checks=checks).diagnoses:
                item.title.render("zh", item.params), item.cause.render("en", item.params)
        except Exception as error:
            crashes += 1
            print("seed %d: %s: %s" % (seed, type(error).__name__, error))
        took = time.perf_counter() - before
        slowest = max(slowest, took)
        if took > 1:
            late += 1
            print("seed %d: %.2f s" % (seed, took))
    print("%d inputs in %.0f s: %d crashes, %d over 1 s, slowest %.3f s" % (
        count, time.perf_counter() - started, crashes, late, slowest))  # fmt: skip
    return 1 if crashes or late else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
