"""A contract's terms between a spec and the API: instants, filters, schedules (API facts §10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nova_iac import moment
from nova_iac.kinds.base import EffectiveAt
from nova_iac.kinds.wire import ref_or_id, without_empty
from nova_iac.resource import Value

INSTANTS: Final = ("starting_at", "ending_before")
"""Fields that are instants."""


def last_filter(filters: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """The filter that will hold in the end, with the start from which it holds without a break."""
    same = ("group_key", "group_values")
    last = {name: sorted(filters[-1][name]) if name == "group_values" else filters[-1][name] for name in same}
    start = start_of(filters[-1])
    for part in reversed(filters):
        if part["group_key"] != last["group_key"] or sorted(part["group_values"]) != last["group_values"]:
            break
        start = start_of(part)
    return last | ({"starting_at": start} if start else {})


def start_of(part: Mapping[str, Value]) -> str:
    """From when a filter holds; empty for from the contract's start on."""
    start: str = part.get("starting_at", "")
    return start


def with_instant(part: Mapping[str, Any], name: str) -> dict[str, Value]:
    """What the API says of a term, with the instant of that name in its canonical form."""
    kept = without_empty(part)
    return kept | {name: moment.canonical(kept[name])} if name in kept else kept


def as_instant(name: str, value: Value) -> Value:
    """A field on its way to the API: an instant may stand for the next full hour."""
    return EffectiveAt(value) if name in INSTANTS and value is not None else value


def to_wire(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """A contract's fields as the API has them."""
    params: dict[str, Value] = {}
    for name, value in attributes.items():
        match name:
            case "rate_card":
                params["rate_card_id"] = ref_or_id(value)
            case "usage_statement_schedule" if "billing_anchor_date" in value:
                params[name] = value | {"billing_anchor_date": EffectiveAt(value["billing_anchor_date"])}
            case "usage_filter" if "starting_at" in value:
                params[name] = value | {"starting_at": EffectiveAt(value["starting_at"])}
            case _:
                params[name] = as_instant(name, value)
    return params
