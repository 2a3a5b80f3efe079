"""The recorded machines: which codes each finds and which wheels it is given, as its own ``about`` states."""

import json
from pathlib import Path

import pytest

from doctor import bundle
from doctor.facts import Board, Host
from doctor.registry import all_checks, diagnose
from doctor.wheels.pi.told import pi_set

FOLDER = Path(__file__).parent.parent / "machines"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json") if path.stem.startswith(("pi", "zero")))
CHECKS = all_checks()
#: codes that are judged exactly; the other families have tests of their own
OURS = {check.code for check in CHECKS if check.family == "pi"} | {"swap-too-small", "illegal-instruction"}

each = pytest.mark.parametrize("name", NAMES)


def about(name):
    return json.loads((FOLDER / (name + ".json")).read_text(encoding="utf-8"))["about"]


def facts(name):
    return bundle.load(str(FOLDER / (name + ".json")))


def test_the_machines_of_the_issue_are_there():
    assert len(NAMES) >= 6


@each
def test_a_machine_says_what_is_recorded_and_what_is_made_up(name):
    said = about(name)
    assert said["what"] and said["recorded"] and said["constructed"]


@each
def test_what_is_found(name, matrix):
    outcomes, findings = diagnose(CHECKS, facts(name), matrix)
    assert [outcome for outcome in outcomes if outcome.status == "crashed"] == []
    found = {finding.code: finding.severity for finding in findings}
    expected = about(name)["expect"]
    assert {code: severity for code, severity in found.items() if code in OURS} == expected["codes"]
    assert set(expected["also"]) <= set(found)
    for finding in findings:
        for lang in ("en", "zh"):
            assert finding.title.render(lang, finding.params)
            assert finding.cause.render(lang, finding.params)


@each
def test_the_wheels(name, matrix):
    choice = pi_set(matrix, facts(name))
    given = {wheel.name: wheel.version.partition("+")[0] for wheel in choice.wheels}
    assert given == about(name)["expect"]["wheels"]
    release = facts(name).need(Host).codename
    assert release
    for wheel in choice.wheels:
        assert "cu1" not in wheel.version
        assert wheel.url is None or wheel.url.startswith("https://")


@each
def test_the_board_is_told_from_its_revision_code(name):
    from doctor.probes.board import parse_revision

    board = facts(name).need(Board)
    said = parse_revision(board.revision)
    assert (said.name, said.soc, said.memory_mb) == (board.name, board.soc, board.memory_mb)
