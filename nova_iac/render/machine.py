"""Plans and applies as JSON. The forms are a public interface: schemas/ describes them, tests hold them."""

from __future__ import annotations

import json
from typing import Any, Final

from nova_iac.apply.executor import ApplyEvent, ApplyResult
from nova_iac.plan.change import Plan
from nova_iac.plan.document import plan_data
from nova_iac.resource import Action

EVENTS_VERSION: Final = "1.0"
"""Of the events of an apply. Minor: something was added. Major: something a reader relies on has changed."""


def plan_json(plan: Plan) -> str:
    """The plan document, as ``plan --format json`` prints it and a saved plan holds it."""
    return json.dumps(plan_data(plan), indent=2, ensure_ascii=False) + "\n"


def plan_line(plan: Plan) -> str:
    """The plan as the first event of an apply, with the version of all of them."""
    return line({"type": "plan", "format_version": EVENTS_VERSION, "plan": plan_data(plan)})


def event_line(event: ApplyEvent) -> str:
    """One step of an apply."""
    endpoint = event.call.call.endpoint
    data: dict[str, Any] = {
        "type": f"call_{event.progress.value}",
        "call": event.index + 1,
        "method": endpoint.method,
        "path": event.call.path,
        "covers": list(event.call.call.covers),
    }
    if event.new_id:
        data["id"] = event.new_id
    if event.error is not None:
        data["error"] = str(event.error)
    if event.blocked_by:
        data["blocked_by"] = list(event.blocked_by)
    return line(data)


def result_line(result: ApplyResult, *, destroy: bool) -> str:
    """The last event of an apply."""
    counts = dict.fromkeys((action.word for action in Action if action is not Action.NOOP), 0)
    for change in result.done:
        counts[change.action.word] += 1
    return line(
        {
            "type": "result",
            "operation": "destroy" if destroy else "apply",
            "complete": result.complete,
            "interrupted": result.interrupted,
            "done": counts,
            "calls": result.calls,
            "undone": [change.address for change in result.undone],
        }
    )


def line(data: Any) -> str:
    """One JSON document on one line."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"
