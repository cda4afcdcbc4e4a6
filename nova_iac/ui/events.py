"""The event that "generate usage" sends: one unit of one tier, made up as ``emit --generate`` does."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from nova_iac.ui.catalog import Offer
from nova_iac.ui.problems import Refusal
from nova_iac.usage.agreed import Agreed
from nova_iac.usage.generate import Generated

_LONGEST_ID: Final = 128


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


def event(
    offer: Offer, tier: str, agreed: Agreed, *, customer_id: str, now: datetime, transaction_id: str | None
) -> dict[str, Any]:
    """One unit of usage. Without a transaction_id it gets one of its own; with one, sending it again changes nothing.

    :raises Refusal: the metric can't be served with a made-up event, or the id is too long.
    """
    if transaction_id is not None and len(transaction_id) > _LONGEST_ID:
        raise Refusal(422, "bad_field", f"transaction_id has over {_LONGEST_ID} characters.", "Give a shorter one.")
    fixed = {str(offer.tier_key): tier}
    rows = Generated(agreed, _event_type(offer), customer_id, count=1, seed=0, fixed=fixed, until=now, since=None)
    made = next(iter(rows)).event
    assert made is not None
    return {
        "transaction_id": transaction_id or f"ui-{uuid.uuid4()}",
        "customer_id": customer_id,
        "event_type": made.event_type,
        "timestamp": made.timestamp,
        "properties": dict(made.properties),
    }


def _event_type(offer: Offer) -> str:
    metric = offer.metric
    if "sql" in metric.attributes:
        message = f"{metric.address} is a SQL query: what it counts can't be made up."
        raise Refusal(422, "sql_metric", message, "Send events of your own with `nova-iac emit`.")
    wanted = (metric.attributes.get("event_type_filter") or {}).get("in_values")
    return str(wanted[0]) if wanted else metric.address.keys[0]
