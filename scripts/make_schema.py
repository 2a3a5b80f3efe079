"""Writes docs/schema/bundle.schema.json from the records of doctor/facts.py; ``--check`` only compares."""

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any, Dict, Tuple, Union, get_type_hints

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from doctor import facts  # noqa: E402
from doctor.record import fields, is_record  # noqa: E402

TARGET = ROOT / "docs" / "schema" / "bundle.schema.json"
SIMPLE = {str: "string", bool: "boolean", int: "integer", float: "number"}


def schema_of(kind: Any, definitions: Dict[str, Any]) -> Dict[str, Any]:
    """Return the JSON schema of a type that a section uses."""
    origin = getattr(kind, "__origin__", None)
    if kind is Any:
        return {}
    if kind is facts.Unknown:
        return {"$ref": "#/definitions/Unknown"}
    if kind in SIMPLE:
        return {"type": SIMPLE[kind]}
    if origin is Union:
        parts = [{"type": "null"} if part is type(None) else schema_of(part, definitions) for part in kind.__args__]
        simple = [part["type"] for part in parts if set(part) == {"type"}]
        return {"type": simple} if len(simple) == len(parts) else {"anyOf": parts}
    if origin in (tuple, Tuple):
        return {"type": "array", "items": schema_of(kind.__args__[0], definitions)}
    if origin is not None:
        return {"type": "object", "additionalProperties": schema_of(kind.__args__[1], definitions)}
    if is_record(kind):
        define(kind, definitions)
        return {"$ref": "#/definitions/" + kind.__name__}
    raise TypeError("no schema for %r" % (kind,))


def define(cls: type, definitions: Dict[str, Any]) -> None:
    """Add the schema of a record to the definitions."""
    if cls.__name__ in definitions:
        return
    definitions[cls.__name__] = {}
    hints, comments = get_type_hints(cls), comments_of(cls)
    properties = {}
    for name in fields(cls):
        schema = schema_of(hints[name], definitions)
        if name in facts.NUMBERED.get(cls, {}):
            schema = dict(schema, pattern="^" + facts.NUMBERED[cls][name])
        properties[name] = dict(schema, description=comments[name]) if name in comments else schema
    definition = {"type": "object", "properties": properties}
    doc = (cls.__doc__ or "").strip()
    if doc:
        definition["description"] = " ".join(doc.split())
    optional = {name for name, _ in cls.record_defaults}
    required = [name for name in fields(cls) if name not in optional]
    if required:
        definition["required"] = required
    definitions[cls.__name__] = definition


def comments_of(cls: type) -> Dict[str, str]:
    """Return the ``#:`` comments above the fields of a record."""
    found, lines = {}, []
    for line in inspect.getsource(cls).splitlines():
        comment = re.match(r"\s+#: ?(.*)", line)
        field = re.match(r"\s+(\w+):", line)
        if comment:
            lines.append(comment.group(1).strip())
        else:
            if field and lines:
                found[field.group(1)] = " ".join(lines)
            lines = []
    return found


def build() -> Dict[str, Any]:
    """Return the schema of a bundle."""
    definitions: Dict[str, Any] = {}
    definitions["Unknown"] = {
        "type": "object",
        "description": facts.Unknown.__doc__,
        "properties": {"unknown": {"type": "string"}},
        "required": ["unknown"],
    }
    sections = {}
    for name, cls in facts.SECTIONS.items():
        define(cls, definitions)
        choices = [{"$ref": "#/definitions/" + cls.__name__}, {"type": "null"}, {"$ref": "#/definitions/Unknown"}]
        sections[name] = {"anyOf": choices}
    definitions["sections"] = {"type": "object", "properties": sections}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Facts about one machine, as `doctor check --save` writes them",
        "description": (
            'A section is an object, null (known to be absent) or {"unknown": reason}. A section that is not there '
            "was not looked at. Sections and members that a reader does not know are to be passed over."
        ),
        "type": "object",
        "allOf": [{"$ref": "#/definitions/sections"}],
        "properties": {
            "schema": {"const": facts.SCHEMA, "description": "raised when an older doctor could misread the file"},
            "doctor": {"type": "string", "description": "version of the doctor that wrote it"},
        },
        "required": ["schema", "doctor"],
        "definitions": definitions,
    }


def text() -> str:
    return json.dumps(build(), ensure_ascii=False, indent=1) + "\n"


def main() -> int:
    if "--check" in sys.argv[1:]:
        same = TARGET.exists() and TARGET.read_text(encoding="utf-8") == text()
        print("%s is %s" % (TARGET.relative_to(ROOT), "up to date" if same else "old: run scripts/make_schema.py"))
        return 0 if same else 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
