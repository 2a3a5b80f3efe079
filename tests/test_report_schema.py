"""What the commands print with --json has the form stated in docs/schema/report.schema.json."""

import json
import os
import subprocess
import sys

import jsonschema
import pytest
from conftest import ROOT
from schema import FOLDER, validate, validate_bundle


def doctor(*arguments, stdin=None, cwd=None):
    environ = dict(os.environ, PYTHONPATH=str(ROOT))
    ran = subprocess.run(
        [sys.executable, "-m", "doctor"] + list(arguments),
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        encoding="utf-8",
        env=environ,
        cwd=cwd,
        timeout=120,
    )
    return ran.returncode, json.loads(ran.stdout)


def named(value):
    return " ".join(value) if isinstance(value, list) else None


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A folder with nothing in it: no project."""
    return str(tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize(
    "arguments, statuses",
    [
        (["check"], (0, 1)),
        (["check", "--quick", "--lang", "zh"], (0, 1)),
        (["check", "--quick", "--only", "no-gpu", "--no-gpu"], (0,)),
        (["check", "--quick", "--assume-gpu", "sm_86", "--assume-driver", "580.95.05"], (0, 1)),
        (["fix"], (0, 1)),
        (["wheels", "torch", "--platform", "linux_x86_64", "--python-version", "3.10"], (0, 1)),
        (["checks"], (0,)),
        (["explain", "-"], (0,)),
    ],
    ids=named,
)
def test_reports(arguments, statuses, empty):
    status, document = doctor(*(arguments + ["--json"]), cwd=empty, stdin="RuntimeError: Numpy is not available\n")
    assert status in statuses
    validate(document)


@pytest.mark.parametrize(
    "arguments, status",
    [
        (["check", "--only", "no-such-code"], 2),
        (["check", "--python", "/no/such/python"], 3),
        (["check", "--from", "/no/such/bundle.json"], 2),
        (["check", "--no-such-option"], 2),
        (["wheels", "torch", "--platform", "linux_x86_64"], 2),
        (["check", "--quick", "--assume-gpu", "GeForce RTX 3061"], 2),
        (["explain", "/no/such/file"], 2),
    ],
    ids=named,
)
def test_errors(arguments, status, empty):
    given, document = doctor(*(arguments + ["--json"]), cwd=empty)
    assert (given, document["error"]["exit"]) == (status, status)
    validate(document)


def test_a_saved_bundle_judged_elsewhere_gives_the_same_findings(empty, tmp_path):
    path = str(tmp_path / "bundle.json")
    status, here = doctor("check", "--quick", "--json", "--save", path, cwd=empty)
    with open(path, encoding="utf-8") as stream:
        validate_bundle(json.load(stream))
    again, there = doctor("check", "--json", "--from", path, cwd=str(tmp_path))
    validate(there)
    assert again == status
    assert [(f["code"], f["severity"]) for f in there["findings"]] == [
        (f["code"], f["severity"]) for f in here["findings"]
    ]
    assert there["outcomes"] == here["outcomes"]


def test_the_schema_is_one_and_refuses_what_is_not_stated():
    schema = json.loads((FOLDER / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    _, document = doctor("checks", "--json")
    document["surprise"] = 1
    with pytest.raises(AssertionError):
        validate(document)
    validate(document, strict=False)  # a newer doctor may add members: readers pass them over
    del document["checks"]
    with pytest.raises(AssertionError):
        validate(document, strict=False)
