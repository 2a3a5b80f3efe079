"""Reports as JSON (schema 1): one document, nothing else; see docs/json.md."""

import json
from typing import Any, Dict, Mapping, Optional

from .. import facts as f
from ..bundle import document as bundle
from ..facts import encode
from ..model import Finding, Plan, Step
from ..plan import step_ids
from ..session import Report
from ..version import __version__


def render_report(report: Report, lang: str) -> str:
    """Return the report of ``check``, ``pi`` or ``fix`` as one JSON document."""
    return dump(report_document(report, lang))


def dump(document: Mapping[str, Any]) -> str:
    """Return a document as text; params may hold values that JSON does not know, which become their text."""
    return json.dumps(document, ensure_ascii=False, indent=1, default=str)


def report_document(report: Report, lang: str) -> Dict[str, Any]:
    """Return the report as JSON types."""
    document: Dict[str, Any] = {
        "schema": 1,
        "doctor": __version__,
        "command": report.command,
        "status": report.status,
        "target": target(report.facts),
        "project": _project(report.facts),
        "outcomes": [
            {"code": outcome.code, "status": outcome.status, "reason": outcome.reason} for outcome in report.outcomes
        ],
        "findings": [finding_document(finding, report.plan, lang) for finding in report.findings],
        "plan": plan_document(report.plan, lang),
    }
    if report.fix is not None:
        document["fix"] = report.fix.to_json(lang)
    if report.choice is not None:
        document["wheels"] = report.choice.to_json(lang)
    document["notices"] = [text.render(lang, params) for text, params in report.notices]
    document["facts"] = bundle(report.facts)
    document["timings_s"] = report.timings
    return document


def past_document(past: Any, lang: str) -> Dict[str, Any]:
    """Return what ``fix --undo``, ``--history`` or ``--forget`` has to say as JSON types."""
    document: Dict[str, Any] = {"schema": 1, "doctor": __version__, "command": "fix", "prefix": past.prefix}
    if past.fix is not None:
        document["fix"] = past.fix.to_json(lang)
    document["history"] = [dict(item._asdict()) for item in past.history]
    document["freed_bytes"] = past.freed_bytes or 0
    return document


def target(facts: f.Facts) -> Dict[str, Any]:
    """Return the target Python as the report names it."""
    python = facts.maybe(f.Python)
    if python is None:
        return {"python": None, "version": None, "venv": None, "platform": None}
    return {
        "python": python.executable,
        "version": python.version,
        "venv": python.venv,
        "platform": python.platform,
    }


def _project(facts: f.Facts) -> Optional[str]:
    project = facts.maybe(f.Project)
    return project.root if project is not None else None


def finding_document(finding: Finding, plan: Plan, lang: str) -> Dict[str, Any]:
    """Return one finding as JSON types."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "title": finding.title.render(lang, finding.params) if finding.title else "",
        "cause": finding.cause.render(lang, finding.params) if finding.cause else "",
        "evidence": list(finding.evidence),
        "params": encode(finding.params),
        "fix": step_ids(plan, finding),
    }


def plan_document(plan: Plan, lang: str) -> Dict[str, Any]:
    """Return a plan as JSON types."""
    return {
        "steps": [step_document(step, lang) for step in plan.steps],
        "download_bytes": plan.download_bytes,
        "disk_bytes": plan.disk_bytes,
        "not_done": [{"code": item.code, "reason": item.reason.render(lang, item.params)} for item in plan.not_done],
    }


def step_document(step: Step, lang: str) -> Dict[str, Any]:
    """Return one step as JSON types."""
    return {
        "id": step.id,
        "kind": step.kind,
        "safety": step.safety,
        "argv": list(step.argv) if step.argv is not None else None,
        "text": step.text.render(lang, step.params),
        "touches": list(step.touches),
        "wheels": [wheel.to_json() for wheel in step.wheels],
        "fixes": list(step.fixes),
        "download_bytes": step.download_bytes,
        "disk_bytes": step.disk_bytes,
    }
