"""Validation of what the doctor writes as JSON against the schemas that it states in docs/schema."""

import copy
import functools
import json

import jsonschema
from conftest import ROOT

FOLDER = ROOT / "docs" / "schema"


def validate(document, strict=True):
    """Assert that a report of ``--json`` has the stated form; ``strict`` refuses members that are not stated."""
    schema = _report(strict)
    del schema["oneOf"]
    # the one form that it claims to have: messages about the others would hide what is wrong
    _assert(document, dict(schema, allOf=[{"$ref": "#/definitions/" + _kind(document)}]))


def validate_bundle(document, strict=True):
    """Assert that a bundle has the stated form."""
    _assert(document, _load("bundle", strict))


def _kind(document):
    """Return which of the forms a document claims to have."""
    if "error" in document:
        return "error"
    if "history" in document:
        return "past"
    command = document.get("command")
    return command if command in ("explain", "wheels", "checks") else "check"


def _assert(document, schema):
    errors = list(jsonschema.Draft7Validator(schema).iter_errors(document))
    said = ["%s: %s" % ("/".join(map(str, error.absolute_path)) or "(top)", error.message[:300]) for error in errors]
    assert not said, "\n".join(said[:10])


@functools.lru_cache(maxsize=None)
def _load(name, strict):
    schema = json.loads((FOLDER / (name + ".schema.json")).read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    return _closed(schema) if strict else schema


def _report(strict):
    """Return the schema of reports with that of bundles inside, so that nothing has to be looked up elsewhere."""
    report, bundle = copy.deepcopy(_load("report", strict)), _load("bundle", strict)
    report["definitions"].update(bundle["definitions"])
    text = json.dumps(report).replace("bundle.schema.json#", "#")
    return json.loads(text)


def _closed(schema):
    """Return the schema with every object that lists its members closed to others."""
    schema = copy.deepcopy(schema)
    for name, definition in schema["definitions"].items():
        if name == "sections":  # a bundle has two members more than the facts of a report
            definition["propertyNames"] = {"enum": list(definition["properties"]) + ["schema", "doctor"]}
        else:
            _close(definition)
    return schema


def _close(part):
    if isinstance(part, dict):
        if part.get("type") == "object" and "properties" in part and "additionalProperties" not in part:
            part["additionalProperties"] = False
        for value in part.values():
            _close(value)
    elif isinstance(part, list):
        for value in part:
            _close(value)
