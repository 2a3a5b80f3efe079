"""Every case of ``tests/cases/<code>.json``: facts in, findings out."""

import json
from pathlib import Path

import pytest

from doctor import facts as facts_module
from doctor.registry import all_checks, diagnose

CASES = Path(__file__).parent / "cases"
CHECKS = {check.code: check for check in all_checks()}


def _cases():
    for path in sorted(CASES.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            yield pytest.param(path.stem, case, id="%s: %s" % (path.stem, case["name"]))


each = pytest.mark.parametrize("stem, case", list(_cases()))


def includes(wanted, given):
    """Whether ``given`` holds all of ``wanted``: mappings by key, everything else by equality."""
    if isinstance(wanted, dict):
        return isinstance(given, dict) and all(k in given and includes(v, given[k]) for k, v in wanted.items())
    return wanted == given


@each
def test_case(stem, case, matrix):
    code = stem.replace("_", "-")
    facts = facts_module.from_json(case["facts"])
    unknown = set(case["facts"]) - set(facts_module.SECTIONS)
    assert not unknown, "no such section: %s" % ", ".join(sorted(unknown))
    (outcome,), findings = diagnose([CHECKS[code]], facts, matrix)
    assert outcome.status == case["expect"], outcome.reason
    wanted = case.get("findings", [])
    if case["expect"] != "found":
        assert not wanted, "a case that expects %s lists no findings" % case["expect"]
        return
    assert wanted, "a case that finds says what it finds"
    given = [facts_module.encode({"severity": f.severity, "params": f.params}) for f in findings]
    assert len(given) == len(wanted), given
    for one in wanted:
        assert set(one) <= {"severity", "params"}, one
        assert any(includes(one, other) for other in given), "%s is not in %s" % (one, given)
    for finding in findings:
        for lang in ("en", "zh"):
            assert finding.title.render(lang, finding.params)
            assert finding.cause.render(lang, finding.params)


@each
def test_facts_of_a_case_have_the_real_form(stem, case):
    """A misspelt field would be left out silently and the case would prove nothing."""
    decoded = facts_module.to_json(facts_module.from_json(case["facts"]))
    for name, value in case["facts"].items():
        lost = list(_lost(value, decoded[name], name))
        assert not lost, "fields that %s does not have: %s" % (name, ", ".join(lost))


def _lost(given, kept, where):
    if isinstance(given, dict):
        for key, value in given.items():
            if not isinstance(kept, dict) or key not in kept:
                yield "%s.%s" % (where, key)
            else:
                for path in _lost(value, kept[key], "%s.%s" % (where, key)):
                    yield path
    elif isinstance(given, list):
        for index, value in enumerate(given):
            for path in _lost(value, kept[index], "%s[%d]" % (where, index)):
                yield path
