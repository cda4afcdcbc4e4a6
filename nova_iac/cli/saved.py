"""Saved plans: written by ``plan --out``, carried out by ``apply FILE`` or by their digest, and by nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nova_iac.errors import StalePlan, UsageProblem
from nova_iac.plan.change import Plan, PlanOptions
from nova_iac.plan.document import FORMAT_VERSION, call_identity, options_from_data, plan_data, plan_digest
from nova_iac.plan.verdict import canonical_json
from nova_iac.render.machine import plan_json
from nova_iac.state.journal import Run


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan that was reviewed. document is None where only its digest is known."""

    digest: str
    environment: str | None = None
    options: PlanOptions | None = None
    document: dict[str, Any] | None = None


def save_plan(plan: Plan, path: str) -> None:
    """Write a plan to a file.

    :raises UsageProblem: it can't be written.
    """
    try:
        Path(path).write_text(plan_json(plan), encoding="utf-8")
    except OSError as problem:
        raise UsageProblem(f"{path} can't be written: {problem.strerror or problem}") from None


def load_plan(path: str) -> SavedPlan:
    """Read a saved plan.

    :raises UsageProblem: it is no plan, or one of a newer major version.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        version = document["format_version"]
        saved = SavedPlan(
            document["plan_digest"],
            document["environment"],
            options_from_data(document["options"]),
            document,
        )
    except OSError as problem:
        raise UsageProblem(f"{path} can't be read: {problem.strerror or problem}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageProblem(f"{path} is not a saved plan: make one with `nova-iac plan --out {path}`.") from None
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise UsageProblem(f"{path} has plan format {version}; this nova-iac knows {FORMAT_VERSION}.")
    return saved


def require_same(saved: SavedPlan, plan: Plan, run: Run | None) -> None:
    """Go on only if the plan is the one that was reviewed, or what is left of it after an unfinished run.

    :param run: the unfinished run, if there is one.
    :raises StalePlan: with what is different now.
    """
    if plan_digest(plan) == saved.digest:
        return
    if run is not None and run.plan_digest == saved.digest:
        reviewed = {canonical_json(call) for call in run.calls}
        others = [call for call in plan.calls if canonical_json(call_identity(call)) not in reviewed]
        if not others:
            return
        calls = "\n".join(f"  {call.call.endpoint.method} {call.path} for {', '.join(call.call.covers)}" for call in others)
        raise StalePlan(f"the unfinished run can't be resumed: these calls are not among those that were reviewed.\n{calls}")
    raise StalePlan("\n".join(["the reviewed plan is stale: it isn't what would be done now.", *_differences(saved, plan)]))


def _differences(saved: SavedPlan, plan: Plan) -> list[str]:
    lines = []
    if saved.document is None:
        lines.append(
            "  With --digest, the planning options of the reviewed plan must be given again; its file tells the difference."
        )
    if saved.document is not None:
        old, new = saved.document, plan_data(plan)
        for name, words in _HEADERS.items():
            if old.get(name) != new[name]:
                lines.append(f"  {words}: {old.get(name)} then, {new[name]} now")
        lines += _changed_actions(old, new)
    return [*lines, "Review the new plan with `nova-iac plan`, save it, and apply that one."]


_HEADERS = {
    "environment": "environment",
    "lineage": "lockfile lineage",
    "serial": "lockfile serial",
    "spec_digest": "spec",
    "options": "options",
}


def _changed_actions(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    before = {change["address"]: change for change in old.get("changes", ()) if change["action"] != "noop"}
    after = {change["address"]: change for change in new["changes"] if change["action"] != "noop"}
    lines = []
    for address in sorted(before.keys() | after.keys()):
        then, now = before.get(address), after.get(address)
        if then is None and now is not None:
            lines.append(f"  {address}: nothing then, {now['action']} now")
        elif now is None and then is not None:
            lines.append(f"  {address}: {then['action']} then, nothing now")
        elif then and now and then["action"] != now["action"]:
            lines.append(f"  {address}: {then['action']} then, {now['action']} now")
        elif then and now and then["live_digest"] != now["live_digest"]:
            lines.append(f"  {address}: the object in the account has changed since")
        elif then and now and (then["fields"], then["effective_at"]) != (now["fields"], now["effective_at"]):
            lines.append(f"  {address}: other fields or another date")
    if old.get("guards") != new["guards"]:
        lines.append("  the guards that it hits")
    if old.get("calls") != new["calls"] and not lines:
        lines.append("  the calls that it makes")
    return lines
