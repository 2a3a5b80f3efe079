"""Real error texts and dumps: what explain makes of each. A case names its thread, or the program that prints it."""

import glob
import html
import json
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

import score_explain  # noqa: E402

from doctor.explain import LOW  # noqa: E402
from doctor.registry import all_checks  # noqa: E402
from doctor.wheels import matrix as wheel_matrix  # noqa: E402

#: The larger collection lies beside the repository on some machines.
OUTSIDE = os.path.join(os.path.dirname(ROOT), "shared", "cases")


@pytest.fixture(scope="module")
def matrix():
    return wheel_matrix.load()


def cases(folder):
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "**", "*.json"), recursive=True)):
        with open(path, encoding="utf-8") as stream:
            data = json.load(stream)
        found.extend(data if isinstance(data, list) else [data])
    return found


OWN = cases(os.path.join(HERE, "cases"))


@pytest.mark.parametrize("case", OWN, ids=[case["id"] for case in OWN])
def test_own_case(case, matrix):
    right, alarm, first, explained = score_explain.judge(case, matrix)
    assert right and not alarm, [(item.code, item.confidence) for item in explained.diagnoses]
    for code, confidence in case.get("confidence", {}).items():
        assert {item.code: item.confidence for item in explained.diagnoses}.get(code) == confidence
    for name, value in case.get("params", {}).items():
        assert str(explained.diagnoses[0].params.get(name)) == value


#: What other programs write around the lines of a log.
DRESSES = {
    "github-actions": "2024-05-01T10:00:00.1234567Z %s",
    "docker-build": "#13 20.06 %s",
    "docker-compose": "trainer_1  | %s",
    "logging": "2024-12-16 17:10:56,767 - root - ERROR - %s",
    "torchrun": "[rank0]: %s",
    "vllm": "(EngineCore_DP0 pid=1632893) %s",
    "ray": "(WorkerDict pid=2021, ip=10.0.0.7) %s",
    "journald": "Aug 21 12:28:30 raspberrypi web-server[1869]: %s",
    "pip": "  \u2502 %s",
    "mail": "> %s",
}


@pytest.mark.parametrize("dress", sorted(DRESSES))
def test_own_cases_in_the_dress_of(dress, matrix):
    for case in OWN:
        if case.get("text"):
            lines = [DRESSES[dress] % line for line in case["text"].split("\n")]
            assert score_explain.judge(dict(case, text="\n".join(lines)), matrix)[0], case["id"]


def test_own_cases_copied_out_of_html(matrix):
    for case in OWN:
        if case.get("text"):
            assert score_explain.judge(dict(case, text=html.escape(case["text"])), matrix)[0], case["id"]


def test_own_cases_are_well_formed_and_cover_every_text_code():
    codes = {check.code for check in all_checks()}
    assert len({case["id"] for case in OWN}) == len(OWN)
    for case in OWN:
        assert case["source"] and (case["expected"] in codes or case["expected"] == score_explain.NOTHING)
    covered = {case["expected"] for case in OWN}
    with_signatures = {check.code for check in all_checks() if check.signatures}
    assert with_signatures <= covered, sorted(with_signatures - covered)


@pytest.mark.skipif(not os.path.isdir(OUTSIDE), reason="the larger collection of cases is not on this machine")
def test_the_larger_collection(matrix):
    collected = cases(OUTSIDE)
    judged = [(case,) + score_explain.judge(case, matrix) for case in collected]
    assert not [case["id"] for case, right, alarm, first, explained in judged if alarm]
    wrong = [(case["id"], case["expected"], first) for case, right, alarm, first, explained in judged if not right]
    assert len(wrong) <= 0.03 * len(collected), wrong


def test_weak_evidence_is_said_to_be_weak(matrix):
    for text in (
        "not enough values to unpack (expected 3, got 2)",
        "Epoch    GPU_mem   box_loss\n78/99     0G     0.0313    0.03745",
    ):
        explained = score_explain.explain(text, matrix)
        assert [item.confidence for item in explained.diagnoses] == [LOW]
