"""What a contract is between calls (§10): its terms as created, and every edit since; reads fold the two.

Answer shapes: v1 in ``contracts``, v2 in ``contracts_v2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from nova_iac import rating
from nova_iac.emulator import pages, times
from nova_iac.emulator.errors import ApiError, BadRequest, NotFound
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store, Stored
from nova_iac.emulator.wire import Reader

KIND = "contract"
ENTITY = "contract"
DEFAULT_SCHEDULE = {"frequency": "MONTHLY", "day": "FIRST_OF_MONTH"}
EDITABLE = {
    "update_contract_name": "name",
    "update_contract_end_date": "ending_before",
    "update_net_payment_terms_days": "net_payment_terms_days",
}
"""Edit verb → the term that it sets; null clears."""


@dataclass(frozen=True, slots=True)
class UsageFilter:
    group_key: str
    group_values: list[str]
    starting_at: str
    ending_before: str | None

    def shown(self) -> dict[str, Any]:
        answer = {"group_key": self.group_key, "group_values": self.group_values, "starting_at": self.starting_at}
        return answer | ({"ending_before": self.ending_before} if self.ending_before else {})


def find(store: Store, contract_id: str, customer_id: str) -> Stored:
    """The customer's contract, archived or not; 404 otherwise (v1)."""
    return _find(store, contract_id, customer_id, NotFound(f"Contract not found: {contract_id}"))


def find_v2(store: Store, contract_id: str, customer_id: str) -> Stored:
    """The same for v2, which documents 400 with a code for both ids (§3.3)."""
    store.get("customer", customer_id, BadRequest(f"Customer not found: {customer_id}", "CustomerNotFound"))
    refusal = BadRequest(f"Contract not found: {contract_id}", "ContractNotFound")
    return _find(store, contract_id, customer_id, refusal)


def _find(store: Store, contract_id: str, customer_id: str, refusal: ApiError) -> Stored:
    contract = store.get(KIND, contract_id, refusal)
    if contract.parent != customer_id:
        raise refusal
    return contract


def refuse_archived(contract: Stored, code: str | None = None) -> None:
    """An archived contract is ended for good (§2.2)."""
    if contract.archived_at:
        raise BadRequest("Contract is archived", code)


def terms(contract: Stored, until: datetime | None = None) -> dict[str, Any]:
    """The terms after all edits, or after those made up to an instant; terms that aren't set are absent."""
    state = dict(contract.body["initial"])
    for edit in edits(contract, until):
        for verb, term in EDITABLE.items():
            if verb in edit:
                state[term] = edit[verb]
    return {name: value for name, value in state.items() if value is not None}


def edits(contract: Stored, until: datetime | None = None) -> list[dict[str, Any]]:
    last = None if until is None else times.text(until)
    return [edit for edit in contract.body["edits"] if last is None or edit["timestamp"] <= last]


def record(store: Store, contract: Stored, edit: dict[str, Any], request: Request) -> str:
    """Appends an edit; its id."""
    edit = {"id": request.new_id(), "timestamp": times.text(request.now), **edit}
    store.replace(contract.id, {**contract.body, "edits": [*contract.body["edits"], edit]}, request.now)
    return str(edit["id"])


def check_term(starting_at: str, ending_before: datetime | None) -> None:
    if ending_before is not None and times.text(ending_before) <= starting_at:
        raise BadRequest("The contract's end date must be after its start date")


def archive(store: Store, contract: Stored, now: datetime, *, void: bool) -> None:
    """Ends it with its drafts; ``void`` voids what was final by then (§2.2)."""
    store.replace(contract.id, {**contract.body, "void": void}, now)
    store.archive(contract.id, now)
    if void:
        store.run("UPDATE invoice SET status = 'VOID' WHERE contract_id = ?", contract.id)


def usage_filters(contract: Stored, until: datetime | None = None) -> list[UsageFilter]:
    """The filter's schedule: each segment ends where the next begins; equal starts, the one set last wins."""
    initial = contract.body["initial"].get("usage_filter")
    set_later = [each for edit in edits(contract, until) for each in edit.get("add_usage_filters", [])]
    by_start = {each["starting_at"]: each for each in ([initial] if initial else []) + set_later}
    starts = sorted(by_start)
    return [
        UsageFilter(by_start[start]["group_key"], by_start[start]["group_values"], start, end)
        for start, end in zip(starts, [*starts[1:], None], strict=False)
    ]


def calendar(contract: Stored) -> rating.Calendar:
    """The contract's billing periods."""
    state = terms(contract)
    end = state.get("ending_before")
    return rating.Calendar(_schedule(contract), times.parse(state["starting_at"]), None if end is None else times.parse(end))


def statement_schedule(contract: Stored) -> dict[str, Any]:
    """Frequency and resolved anchor; ``day`` is never read back (§10.8)."""
    schedule = _schedule(contract)
    given = contract.body["initial"]["usage_statement_schedule"].get("billing_anchor_date")
    resolved = schedule.anchor_date(times.parse(contract.body["initial"]["starting_at"]))
    return {
        "frequency": schedule.frequency.value,
        "billing_anchor_date": given or times.text(datetime.combine(resolved, time(), UTC)),
    }


def _schedule(contract: Stored) -> rating.Schedule:
    schedule = contract.body["initial"]["usage_statement_schedule"]
    custom = schedule.get("billing_anchor_date")
    return rating.Schedule(
        rating.Frequency(schedule["frequency"]),
        rating.Anchor(schedule["day"]),
        None if custom is None else times.parse(custom).date(),
    )


def read_list(reader: Reader) -> tuple[str, dict[str, Any]]:
    """Customer and filters of a list call, v1 and v2 alike."""
    read_included(reader)
    return reader.uuid("customer_id"), {
        "covering_date": reader.maybe_instant("covering_date"),
        "starting_at": reader.maybe_instant("starting_at"),
        "include_archived": reader.maybe_flag("include_archived"),
    }


def read_included(reader: Reader) -> bool:
    """The wishes for balances and ledgers, which contracts without commits and credits have none of; whether for ledgers."""
    reader.maybe_flag("include_balance")
    return bool(reader.maybe_flag("include_ledgers"))


def covering(store: Store, customer_id: str, filters: dict[str, Any]) -> list[Stored]:
    """The customer's contracts by the filters that both list calls have (§10.8)."""
    covering_date, starting_at = filters["covering_date"], filters["starting_at"]
    if covering_date is not None and starting_at is not None:
        raise BadRequest("covering_date and starting_at can't be combined")
    found = store.all(KIND, archived=None if filters["include_archived"] else False, parent=customer_id)
    if starting_at is not None:
        found = [each for each in found if each.body["initial"]["starting_at"] >= times.text(starting_at)]
    if covering_date is not None:
        moment = times.text(covering_date)
        found = [each for each in found if _covers(terms(each), moment)]
    return found


def list_key(contract: Stored) -> pages.Key:
    """The place of a contract in lists, which are chronological (§10.8)."""
    return contract.body["initial"]["starting_at"], contract.seq


def _covers(state: dict[str, Any], moment: str) -> bool:
    end = state.get("ending_before")
    return bool(state["starting_at"] <= moment and (end is None or moment < end))
