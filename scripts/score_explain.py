"""Score ``doctor explain`` over a folder of cases: accuracy, confusion, false alarms.

    python scripts/score_explain.py FOLDER…

A case is a JSON object with ``text`` and/or ``collect_env``, ``expected`` (a code or ``not-environment``), and perhaps
``also`` (further codes that are right) and ``confirmed`` (how sure the label is). Right = the first diagnosis is
``expected``; for ``not-environment`` an empty list, low confidence only, or ``dataset-problem``.
"""

import argparse
import collections
import glob
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from doctor.explain import LOW, explain  # noqa: E402
from doctor.wheels import matrix as wheel_matrix  # noqa: E402

NOTHING = "not-environment"


def pasted(case):
    """Return the case as one would paste it: the error text, then the dump."""
    return "\n\n".join(part for part in (case.get("text"), case.get("collect_env")) if part)


def judge(case, matrix):
    """Return (right, false alarm, first code, Explained)."""
    explained = explain(pasted(case), matrix)
    loud = [item for item in explained.diagnoses if item.confidence != LOW and item.code != "dataset-problem"]
    first = explained.diagnoses[0].code if explained.diagnoses else NOTHING
    if case["expected"] == NOTHING:
        return not loud, bool(loud), first if loud else NOTHING, explained
    return first == case["expected"], False, first, explained


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every wrong case")
    given = parser.parse_args(arguments)
    matrix = wheel_matrix.load()
    right = sure = sure_right = alarms = negatives = total = 0
    confusion = collections.Counter()
    slowest = (0.0, "")
    for folder in given.folders:
        for path in sorted(glob.glob(os.path.join(folder, "**", "*.json"), recursive=True)):
            with open(path, encoding="utf-8") as stream:
                data = json.load(stream)
            for case in data if isinstance(data, list) else [data]:
                started = time.perf_counter()
                good, alarm, first, explained = judge(case, matrix)
                slowest = max(slowest, (time.perf_counter() - started, case.get("id", path)))
                total += 1
                right += good
                sure += bool(case.get("confirmed"))
                sure_right += good and bool(case.get("confirmed"))
                negatives += case["expected"] == NOTHING
                alarms += alarm
                if not good:
                    confusion[case["expected"], first] += 1
                    if given.verbose:
                        listed = ["%s/%s" % (item.code, item.confidence) for item in explained.diagnoses]
                        print(
                            "%s: wanted %s (also %s), got %s"
                            % (case.get("id", path), case["expected"], case.get("also"), listed)
                        )
    if not total:
        print("no cases found", file=sys.stderr)
        return 2
    print("%d cases: first guess right %d (%.1f %%)" % (total, right, 100.0 * right / total))
    print("confirmed labels: %d of %d right" % (sure_right, sure))
    print("false alarms: %d in %d cases that are no environment fault" % (alarms, negatives))
    for (expected, first), count in confusion.most_common():
        print("%3d  %s taken for %s" % (count, expected, first))
    print("slowest: %.0f ms, %s" % (slowest[0] * 1000, slowest[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
