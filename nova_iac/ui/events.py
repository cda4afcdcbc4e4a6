"""The event that "generate usage" sends: one unit of one tier, as the metric wants to see it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final

from nova_iac.resource import Attributes
from nova_iac.ui.catalog import Offer
from nova_iac.ui.problems import Refusal

_LONGEST_ID: Final = 128
_WITHOUT_KEY: Final = ("COUNT",)


def offer_with_tier(offers: Sequence[Offer], tier: str, product: str | None) -> Offer:
    """The product that has a tier.

    :raises Refusal: none has it, or several have and none is named.
    """
    known = [offer for offer in offers if product in (None, offer.key)]
    found = [offer for offer in known if tier in offer.tiers]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(offer.key for offer in found)
        raise Refusal(422, "which_product", f"Several products have the tier {tier!r}.", f'Add "product": one of {names}.')
    tiers = ", ".join(dict.fromkeys(one for offer in known for one in offer.tiers))
    advice = f"The tiers are {tiers}." if tiers else "No product here has a single pricing group key with prices."
    raise Refusal(422, "unknown_tier", f"There is no tier {tier!r}.", advice)


def event(offer: Offer, tier: str, *, customer_id: str, timestamp: str, transaction_id: str | None) -> dict[str, Any]:
    """One unit of usage. Without a transaction_id it gets one of its own; with one, sending it again changes nothing.

    :raises Refusal: the metric can't be served with a made-up event, or the id is too long.
    """
    if transaction_id is not None and len(transaction_id) > _LONGEST_ID:
        raise Refusal(422, "bad_field", f"transaction_id has over {_LONGEST_ID} characters.", "Give a shorter one.")
    metric = offer.metric.attributes
    return {
        "transaction_id": transaction_id or f"ui-{uuid.uuid4()}",
        "customer_id": customer_id,
        "event_type": _event_type(offer),
        "timestamp": timestamp,
        "properties": _properties(metric, str(offer.tier_key), tier),
    }


def _event_type(offer: Offer) -> str:
    wanted = (offer.metric.attributes.get("event_type_filter") or {}).get("in_values")
    if wanted:
        return str(wanted[0])
    if "sql" in offer.metric.attributes:
        raise Refusal(
            422, "sql_metric", f"{offer.metric.address} is a SQL query: what it counts can't be made up.",
            "Send events of your own to it.",
        )  # fmt: skip
    return offer.metric.address.keys[0]


def _properties(metric: Attributes, tier_key: str, tier: str) -> dict[str, str]:
    """What the metric's filters ask for, one of what it sums, and the tier."""
    found = {}
    for one in metric.get("property_filters") or ():
        if one.get("exists") is not False:
            found[one["name"]] = str((one.get("in_values") or ["1"])[0])
    if metric.get("aggregation_type") not in _WITHOUT_KEY and metric.get("aggregation_key"):
        found[metric["aggregation_key"]] = "1"
    return found | {tier_key: tier}
