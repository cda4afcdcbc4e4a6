"""``GET /api/status``: where everything stands, from one plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nova_iac import moment
from nova_iac.desired.graph import ResourceGraph
from nova_iac.errors import PlanError
from nova_iac.kinds import KINDS
from nova_iac.plan.change import Plan, PlanOptions
from nova_iac.render.diagnostics import as_text
from nova_iac.render.style import Style
from nova_iac.render.terminal import plan_text, summary_line
from nova_iac.resource import Action, Address
from nova_iac.state.folding import Folded
from nova_iac.ui import catalog
from nova_iac.ui.desk import Desk, Session
from nova_iac.ui.record import known, recorded

ABSENT, SYNCED, DRIFTED, CHANGED, LEAVING, FOUND, UNKNOWN = (
    "absent", "synced", "drifted", "changed", "leaving", "found", "unknown",
)  # fmt: skip
LABELS: Final = {
    ABSENT: "Not created",
    SYNCED: "In sync",
    DRIFTED: "Drifted",
    CHANGED: "Change planned",
    LEAVING: "To be removed",
    FOUND: "Found, not recorded",
    UNKNOWN: "Not known",
}
"""The states of a resource, in words."""

_WIDTH: Final = 92
_PLAIN: Final = Style(color=False, width=_WIDTH)


@dataclass(frozen=True, slots=True)
class Planned:
    """The current plan, or why there is none. adopts: it can be made only by taking over live objects of equal identity."""

    plan: Plan | None
    problem: PlanError | None = None
    adopts: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """The files at one moment: what is declared and what is recorded."""

    session: Session
    graph: ResourceGraph
    folded: Folded | None


def look(desk: Desk) -> Look:
    """Read the files."""
    session = desk.session()
    return Look(session, session.graph(destroy=False), session.folded())


def status(desk: Desk, seen: Look, poll_seconds: int) -> dict[str, Any]:
    """The whole document. Reads the account once, changes nothing."""
    graph, folded = seen.graph, seen.folded
    planned = _plan(desk, seen)
    states = _states(planned, graph, folded)
    return {
        **about(seen.session),
        "as_of": moment.text(desk.now().replace(microsecond=0)),
        "poll_seconds": poll_seconds,
        "labels": LABELS,
        "pricing": _step(_pricing(states)),
        "customers": _customers(graph, states),
        "resources": _resources(graph, folded, states, planned.plan),
        "plan": _plan_document(planned),
        "unsettled": [] if folded is None else [f"{one.method} {one.path}" for one in folded.unresolved],
    }


def about(session: Session) -> dict[str, Any]:
    """Environment and account: known without asking the account."""
    environment = session.environment
    return {
        "environment": {"name": environment.name, "protected": environment.protected, "emulator": environment.emulator},
        "account": {
            "name": "Embedded emulator" if environment.emulator else session.base_url.partition("://")[2],
            "base_url": None if environment.emulator else session.base_url,
            "token_env": None if environment.emulator else environment.token_env,
        },
        "spec": session.spec.path.name,
        "writable": not environment.protected,
    }


def _plan(desk: Desk, seen: Look) -> Planned:
    """The plan that ``nova-iac plan`` shows; where only adopting makes one possible, that one."""
    client = desk.client(seen.session)
    try:
        return Planned(seen.session.plan(seen.graph, seen.folded, PlanOptions(), client))
    except PlanError as problem:
        try:
            return Planned(seen.session.plan(seen.graph, seen.folded, PlanOptions(adopt=True), client), problem, adopts=True)
        except PlanError:
            return Planned(None, problem)


def _states(planned: Planned, graph: ResourceGraph, folded: Folded | None) -> dict[Address, str]:
    """By address, in the order of the spec, which stays while states change; what is only recorded comes last."""
    entries, order = recorded(graph, folded), known(graph, folded)
    if planned.plan is None:
        return {address: UNKNOWN if address in entries else ABSENT for address in order}
    drifted = {one.address for one in planned.plan.drift}
    found = {
        change.address: DRIFTED if change.address in drifted else _state(change.action, change.address in entries)
        for change in planned.plan.changes
    }
    return {address: found[address] for address in dict.fromkeys([*order, *found]) if address in found}


def _state(action: Action, is_recorded: bool) -> str:
    match action:
        case Action.NOOP:
            return SYNCED
        case Action.CREATE:
            return CHANGED if is_recorded else ABSENT
        case Action.ADOPT:
            return FOUND
        case Action.ARCHIVE | Action.FORGET:
            return LEAVING
        case _:
            return CHANGED


def _pricing(states: Mapping[Address, str]) -> Iterable[str]:
    patterns = (*catalog.PRICING, catalog.RATES)
    return [state for address, state in states.items() if any(pattern.matches(address) for pattern in patterns)]


def _step(states: Iterable[str]) -> str:
    """What several resources come to: the worst of them, or SYNCED; ABSENT only where none of them is there."""
    present = list(states)
    if not present:
        return ABSENT
    worst = next((state for state in (UNKNOWN, DRIFTED, LEAVING, FOUND, CHANGED) if state in present), SYNCED)
    absent = present.count(ABSENT)
    if absent == len(present):
        return ABSENT
    return CHANGED if absent and worst == SYNCED else worst


def _customers(graph: ResourceGraph, states: Mapping[Address, str]) -> list[dict[str, Any]]:
    contracts = catalog.contracts(graph)
    return [
        {
            "key": key,
            "address": customer.address,
            "name": customer.attributes.get("name", key),
            "aliases": list(customer.attributes.get("ingest_aliases") or ()),
            "state": states.get(customer.address, UNKNOWN),
            "contract": _step(states.get(one.address, UNKNOWN) for one in contracts.get(key, ())),
            "contracts": [one.address for one in contracts.get(key, ())],
        }
        for key, customer in catalog.customers(graph).items()
    ]


def _resources(
    graph: ResourceGraph, folded: Folded | None, states: Mapping[Address, str], plan: Plan | None
) -> list[dict[str, Any]]:
    entries = recorded(graph, folded)
    reasons = {} if plan is None else {change.address: change.reason for change in plan.doing}
    rows = []
    for address, state in states.items():
        kind = KINDS[address.kind]
        entry = entries.get(address)
        resource = graph.resources.get(address)
        attributes = resource.attributes if resource is not None else {} if entry is None else entry.attributes
        rows.append(
            {
                "address": address,
                "kind": kind.name.replace("_", " "),
                "name": kind.describe(attributes) or ", ".join(address.selector.values()) or address.keys[-1],
                "state": state,
                "reason": reasons.get(address),
                "id": None if entry is None else entry.id,
            }
        )
    return rows


def _plan_document(planned: Planned) -> dict[str, Any]:
    plan = planned.plan
    problem = planned.problem
    return {
        "text": None if plan is None else plan_text(plan, _PLAIN),
        "summary": None if plan is None else summary_line(plan, _PLAIN),
        "problem": None if problem is None else f"{problem}.",
        "problem_text": None if problem is None else as_text(problem.diagnostics, color=False),
        "adopts": planned.adopts,
    }
