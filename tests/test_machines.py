"""The recorded machines with a GPU or a desktop: exactly the errors and warnings that their ``about`` states."""

import json
from pathlib import Path

import pytest

from doctor import bundle
from doctor.model import CRASHED, NOTE
from doctor.registry import all_checks, diagnose

MACHINES = sorted((Path(__file__).parent / "machines").glob("*.json"))
MACHINES = [path for path in MACHINES if path.stem.startswith(("laptop", "linux", "windows", "mac"))]


@pytest.mark.parametrize("path", MACHINES, ids=[path.stem for path in MACHINES])
def test_what_a_recorded_machine_shows(path, matrix):
    about = json.loads(path.read_text(encoding="utf-8"))["about"]
    assert about["what"] and (about["recorded"] or about["constructed"])
    outcomes, findings = diagnose(all_checks(), bundle.load(str(path)), matrix)
    assert [outcome for outcome in outcomes if outcome.status == CRASHED] == []
    found = {finding.code: finding.severity for finding in findings if finding.severity != NOTE}
    assert found == about["expect"]["codes"]
