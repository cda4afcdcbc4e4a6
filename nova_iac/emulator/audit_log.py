"""The audit log (§12.3): one row per write that took effect, usage events aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nova_iac.emulator import codec, pages, times
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.request import AUTHOR, Request
from nova_iac.emulator.store import Store

ACTOR = {"id": "00000000-0000-4000-8000-000000000000", "name": AUTHOR}


@dataclass(frozen=True, slots=True)
class Caller:
    """What the log keeps of the HTTP request."""

    ip: str | None
    user_agent: str | None


def record(store: Store, request: Request, action: str, answer: Any, caller: Caller) -> None:
    """``action`` is "resource_type.verb" out of the route table."""
    resource_type, _, verb = action.partition(".")
    store.run(
        "INSERT INTO audit_log (id, at, action, resource_type, resource_id, request_id, ip, user_agent)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *(request.new_id(), times.text(request.now), verb, resource_type, _resource(request, resource_type, answer)),
        *(request.new_id(), caller.ip, caller.user_agent),
    )


def list_all(request: Request, store: Store) -> Any:
    """Always answers a cursor, also when there is nothing (yet), so that it can be polled."""
    query = request.query
    asked = {name: query.text(name) for name in ("resource_type", "resource_id")}
    begin, end, sort = query.instant("starting_on"), query.instant("ending_before"), query.enum("sort", _SORTS, lower=True)
    page = pages.by_query(request)
    if None in asked.values() and any(asked.values()):
        raise BadRequest("resource_type and resource_id must be given together")
    if query.text("next_page") and (begin or end):
        raise BadRequest("starting_on and ending_before can't be combined with next_page")
    span = {"starting_on": begin and times.text(begin), "ending_before": end and times.text(end)}
    if page.state:
        kept = codec.loads(page.state)
        span, sort = kept["span"], sort or kept["sort"]
    rising = sort != "date_desc"
    where, values = ["1"], []
    for condition, value in (
        ("at >= ?", span["starting_on"]),
        ("at < ?", span["ending_before"]),
        ("resource_type = ?", asked["resource_type"]),
        ("resource_id = ?", asked["resource_id"]),
        ("seq > ?" if rising else "seq < ?", page.after or None),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    found = store.rows(
        "SELECT seq, id, at, action, resource_type, resource_id, request_id, ip, user_agent FROM audit_log"
        f" WHERE {' AND '.join(where)} ORDER BY seq {'' if rising else 'DESC'} LIMIT ?",
        *(*values, page.limit),
    )
    position = found[-1][0] if found else page.after
    state = codec.dumps({"span": span, "sort": sort})
    return {"data": [_row(*row[1:]) for row in found], "next_page": page.cursor(position, state)}


_SORTS = ("date_asc", "date_desc")


def _row(
    id: str, at: str, verb: str, kind: str, resource: str | None, request_id: str, ip: str | None, agent: str | None
) -> dict[str, Any]:
    request = {"id": request_id, "ip": ip, "user_agent": agent}
    return {
        "id": id,
        "timestamp": at,
        "actor": ACTOR,
        "action": verb,
        "resource_type": kind,
        "resource_id": resource,
        "status": "success",
        "request": {name: value for name, value in request.items() if value is not None},
    }


def _resource(request: Request, resource_type: str, answer: Any) -> str | None:
    """The id of what was written: in the answer of most calls, in the path or the body of the others."""
    data = answer.get("data") if isinstance(answer, dict) else None
    body = request.body if isinstance(request.body, dict) else {}
    for place in (body.get(f"{resource_type}_id"), body.get("entity_id"), data, *request.path.values()):
        id = place.get("id") if isinstance(place, dict) else place
        if isinstance(id, str):
            return id
    return None
