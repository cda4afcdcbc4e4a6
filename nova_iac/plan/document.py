"""A plan as plain data: what ``--format json`` prints, what a saved plan holds, and what the digest is taken of.

Decimals are strings, references and unknown ids stand as ``{address}``, dates that are fixed when a call is sent as ``apply+1h``.
Equal inputs give equal data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from nova_iac import __version__
from nova_iac.errors import Diagnostic
from nova_iac.kinds.base import EffectiveAt, FiatId
from nova_iac.money import plain
from nova_iac.plan.change import Change, Drift, FieldChange, GuardHit, Plan, PlannedCall, PlanOptions
from nova_iac.plan.verdict import canonical_json
from nova_iac.resource import Ref

FORMAT_VERSION: Final = "1.0"
"""Minor: something was added. Major: something a reader relies on has changed."""


def plan_data(plan: Plan) -> dict[str, Any]:
    """The whole document."""
    return {
        "format_version": FORMAT_VERSION,
        "tool_version": __version__,
        "environment": plan.environment,
        "options": options_data(plan.options),
        "spec_digest": plan.spec_digest,
        "lineage": plan.lineage or None,
        "serial": plan.serial,
        "plan_digest": plan_digest(plan),
        "changes": [change_data(change) for change in plan.changes],
        "calls": [call_data(call) for call in plan.calls],
        "drift": [drift_data(drift) for drift in plan.drift],
        "guards": [guard_data(hit) for hit in plan.guards],
        "summary": plan.summary(),
        "warnings": [diagnostic_data(warning) for warning in plan.warnings],
        "notes": list(plan.notes),
    }


def plan_digest(plan: Plan) -> str:
    """A fingerprint of everything that a reviewer approves, without where it stands in the file.

    Two plans with one digest do the same from the same state.
    """
    changes = []
    for change in plan.doing:
        data = change_data(change)
        del data["location"]
        changes.append(data)
    data = {
        "environment": plan.environment,
        "lineage": plan.lineage or None,
        "serial": plan.serial,
        "spec_digest": plan.spec_digest,
        "options": options_data(plan.options),
        "changes": changes,
        "moves": dict(plan.moves),
        "calls": [call_data(call) for call in plan.calls],
        "records": {address: effect.as_data() for address, effect in plan.records.items()},
        "guards": [guard_data(hit) for hit in plan.guards],
    }
    return "sha256:" + hashlib.sha256(canonical_json(data).encode()).hexdigest()


def options_data(options: PlanOptions) -> dict[str, Any]:
    """The planning options."""
    return {
        "refresh": options.refresh,
        "target": sorted(options.targets),
        "exclude": sorted(options.excludes),
        "effective_at": options.effective_at,
        "adopt": options.adopt,
        "destroy": options.destroy,
    }


def change_data(change: Change) -> dict[str, Any]:
    """One change."""
    place = change.location
    return {
        "address": change.address,
        "kind": change.address.kind,
        "action": change.action.word,
        "reason": change.reason,
        "id": change.id,
        "fields": [field_data(part) for part in change.fields],
        "effective_at": change.effective_at,
        "live_digest": change.live_digest,
        "location": None if place is None else {"file": place.file, "line": place.line, "column": place.column},
    }


def field_data(part: FieldChange) -> dict[str, Any]:
    """One field's change."""
    data: dict[str, Any] = {"path": part.path, "before": part.before, "after": part.after}
    return data | {"note": part.note} if part.note else data


def call_data(planned: PlannedCall) -> dict[str, Any]:
    """One call. body is what travels besides the path."""
    endpoint = planned.call.endpoint
    return {
        "method": endpoint.method,
        "path": planned.path,
        "covers": list(planned.call.covers),
        "body": shown(endpoint.body_for(planned.call.params)),
    }


def drift_data(drift: Drift) -> dict[str, Any]:
    """One object that was changed outside; before is recorded, after is live."""
    return {"address": drift.address, "what": drift.what, "fields": [field_data(part) for part in drift.fields]}


def guard_data(hit: GuardHit) -> dict[str, Any]:
    """One guard."""
    return {"code": hit.code, "address": hit.address, "message": hit.message, "blocking": hit.blocking}


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, Any]:
    """One warning of the spec or of the account."""
    place = diagnostic.location
    return {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
        "address": diagnostic.address,
        "location": None if place is None else {"file": place.file, "line": place.line, "column": place.column},
    }


def shown(value: Any) -> Any:
    """A parameter of a call as plain data."""
    match value:
        case Ref():
            return str(value)
        case Decimal():
            return plain(value)
        case EffectiveAt(instant):
            return instant
        case FiatId(code):
            return f"{{credit type {code}}}"
        case Mapping():
            return {name: shown(part) for name, part in value.items()}
        case list() | tuple():
            return [shown(part) for part in value]
        case _:
            return value
