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
from nova_iac.errors import Diagnostic, Location
from nova_iac.kinds.base import Call, EffectiveAt, FiatId
from nova_iac.money import plain
from nova_iac.plan.change import Change, Drift, FieldChange, GuardHit, Plan, PlannedCall, PlanOptions
from nova_iac.plan.verdict import canonical_json
from nova_iac.remote import Endpoint
from nova_iac.resource import Action, Address, Ref

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
        "unchanged": change.unchanged,
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
        "creates": planned.call.creates,
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


def call_identity(planned: PlannedCall) -> dict[str, Any]:
    """A call without ids that became known since: what a resumed run compares its calls by."""
    return call_data(planned) | {"path": planned.call.endpoint.path_for(shown(planned.call.params))}


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


def plan_from_data(data: Mapping[str, Any], spec_file: str) -> Plan:
    """A plan to be looked at, from its document. It can't be carried out: that takes a new plan with the same digest.

    :raises KeyError, TypeError, ValueError: the document is none.
    """
    options = data["options"]
    return Plan(
        environment=data["environment"],
        base_url="",
        lineage=data["lineage"] or "",
        serial=data["serial"],
        spec_digest=data["spec_digest"],
        spec_file=spec_file,
        options=options_from_data(options),
        changes=tuple(_change_from(change) for change in data["changes"]),
        calls=tuple(_call_from(call) for call in data["calls"]),
        drift=tuple(
            Drift(Address(one["address"]), one["what"], tuple(_field_from(part) for part in one["fields"]))
            for one in data["drift"]
        ),
        guards=tuple(GuardHit(hit["code"], hit["address"], hit["message"], hit["blocking"]) for hit in data["guards"]),
        notes=tuple(data.get("notes", ())),
    )


def options_from_data(options: Mapping[str, Any]) -> PlanOptions:
    """The inverse of options_data."""
    return PlanOptions(
        options["refresh"],
        tuple(options["target"]),
        tuple(options["exclude"]),
        options["effective_at"],
        options["adopt"],
        options["destroy"],
    )


def _change_from(data: Mapping[str, Any]) -> Change:
    place = data["location"]
    return Change(
        Address(data["address"]),
        Action[data["action"].upper()],
        data["reason"],
        data["id"],
        tuple(_field_from(part) for part in data["fields"]),
        data["effective_at"],
        data["live_digest"],
        data.get("unchanged", 0),
        location=None if place is None else Location(place["file"], place["line"], place["column"]),
    )


def _field_from(data: Mapping[str, Any]) -> FieldChange:
    return FieldChange(data["path"], data["before"], data["after"], data.get("note", ""))


def _call_from(data: Mapping[str, Any]) -> PlannedCall:
    covers = tuple(Address(address) for address in data["covers"])
    endpoint = Endpoint(data["method"], data["path"], "")
    creates = Address(data["creates"]) if data.get("creates") else None
    return PlannedCall(Call(endpoint, data.get("body", {}), covers, creates), data["path"], (), {})
