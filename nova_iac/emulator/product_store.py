"""What a product is between calls (§6.2): its initial state and the dated updates, in the order they came."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nova_iac.emulator import custom_fields, times
from nova_iac.emulator.request import AUTHOR
from nova_iac.emulator.store import Stored

KIND = "product"
ENTITY = "contract_product"
UNREADABLE = ("sql_breakdown_granularity",)


def state_at(product: Stored, at: datetime) -> dict[str, Any]:
    """The fields in force at an instant: the updates that have begun by then, laid over each other as they were made.

    Creation order wins over date, as it was seen to (§6.2, §17.20).
    """
    state = {"created_at": product.created_at, "created_by": AUTHOR, **product.body["initial"]}
    moment = times.text(at)
    for change in product.body["updates"]:
        if change["starting_at"] <= moment:
            state |= change
    return {name: value for name, value in state.items() if value is not None}


def pricing_keys(product: Stored) -> list[frozenset[str]]:
    """Every pricing group key that the product has had or is going to have."""
    states = [product.body["initial"], *product.body["updates"]]
    keys = [frozenset(state["pricing_group_key"]) for state in states if state.get("pricing_group_key") is not None]
    return keys if "pricing_group_key" in product.body["initial"] else [frozenset(), *keys]


def shown(product: Stored, now: datetime, fields: dict[str, str]) -> dict[str, Any]:
    initial = {"created_at": product.created_at, "created_by": AUTHOR, **product.body["initial"]}
    answer = {
        "id": product.id,
        "type": product.body["type"],
        "initial": _readable(initial),
        "current": _readable(state_at(product, now)),
        "updates": [_readable(change) for change in product.body["updates"]],
        **custom_fields.shown(fields),
    }
    return answer | ({"archived_at": product.archived_at} if product.archived_at else {})


def _readable(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name not in UNREADABLE}
