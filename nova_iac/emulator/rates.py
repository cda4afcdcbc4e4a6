"""Rates (§7.2, §7.3): time-ordered segments per (card, product, group values, billing frequency).

A rate has no id and is never deleted: the same start again replaces it, a later start supersedes it.
"""

from __future__ import annotations

from typing import Any

from nova_iac.emulator import codec, credit_types, invoices, pages, product_store, rate_cards, rate_store, selectors, times
from nova_iac.emulator.errors import BadRequest, NotEmulated
from nova_iac.emulator.rate_store import Segment
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store, Stored
from nova_iac.emulator.wire import Reader

RATE_TYPES = ("FLAT", "PERCENTAGE", "SUBSCRIPTION", "TIERED", "TIERED_PERCENTAGE", "CUSTOM")
FREQUENCIES = ("MONTHLY", "QUARTERLY", "ANNUAL", "WEEKLY")
FOR_PRODUCTS = {
    "USAGE": ("FLAT", "TIERED"),
    "SUBSCRIPTION": ("FLAT", "SUBSCRIPTION"),
    "COMPOSITE": ("PERCENTAGE", "TIERED_PERCENTAGE"),
}
SHARES = ("PERCENTAGE", "TIERED_PERCENTAGE")


def add(request: Request, store: Store) -> Any:
    reader = request.reader()
    card_id, rate = reader.uuid("rate_card_id"), _read(reader)
    reader.finish()
    card = store.get(rate_cards.KIND, card_id)
    invoices.freeze_card(store, card_id, request.now, since=times.parse(rate.starting_at))
    _put(store, card, rate)
    return {"data": rate_store.rate(rate.body, rate.group_values, store) | rate_store.commit_rate(rate.body)}


def add_many(request: Request, store: Store) -> Any:
    """All or none; no limit of the number of rates is documented (§7.2)."""
    reader = request.reader()
    card_id, rates = reader.uuid("rate_card_id"), [_read(each) for each in reader.objects("rates")]
    reader.finish()
    card = store.get(rate_cards.KIND, card_id)
    if rates:
        first = min(rate.starting_at for rate in rates)
        invoices.freeze_card(store, card_id, request.now, since=times.parse(first))
    for rate in rates:
        _put(store, card, rate)
    return {"data": {"id": card_id}}


def in_force(request: Request, store: Store) -> Any:
    """getRates: the rates in force at an instant, entitled or not."""
    page, reader = pages.by_query(request), request.reader()
    card_id, at = reader.uuid("rate_card_id"), reader.instant("at")
    chosen = selectors.read(reader, tags=True)
    reader.finish()
    rows = rate_store.segments_at(store, _card(store, card_id), times.text(at), page.last)
    return rate_store.answer(page, store, rows, chosen, request.now)


def schedule(request: Request, store: Store) -> Any:
    """getRateSchedule: the segments that overlap the range, the one running at its start included."""
    page, reader = pages.by_query(request), request.reader()
    card_id = reader.uuid("rate_card_id")
    begin, end = reader.instant("starting_at"), reader.maybe_instant("ending_before")
    chosen = selectors.read(reader, tags=False)
    reader.finish()
    last = None if end is None else times.text(end)
    rows = rate_store.segments_within(store, _card(store, card_id), times.text(begin), last, page.last)
    return rate_store.answer(page, store, rows, chosen, request.now)


def _card(store: Store, card_id: str) -> str:
    return store.get(rate_cards.KIND, card_id).id


def _read(reader: Reader) -> Segment:
    begin, end = reader.instant("starting_at", hour=True), reader.maybe_instant("ending_before", hour=True)
    if end is not None and not begin < end:
        reader.wrong("ending_before", "must be after starting_at")
    kind = reader.enum("rate_type", RATE_TYPES)
    if kind == "CUSTOM":
        raise NotEmulated("rate_type CUSTOM")
    body: dict[str, Any] = {"entitled": reader.flag("entitled"), **_price(reader, kind)}
    unit = reader.maybe_uuid("credit_type_id")
    if kind not in SHARES:
        body["credit_type_id"] = unit or credit_types.USD
    elif unit is not None:
        reader.wrong("credit_type_id", "may not be set for percentages: they are of the units of other rates")
    if kind == "SUBSCRIPTION":
        body["quantity"] = reader.number("quantity", least=0)
        body["is_prorated"] = reader.flag("is_prorated")
        if not body["is_prorated"]:
            reader.wrong("is_prorated", "must be true")
    else:
        for name in ("quantity", "is_prorated"):
            if reader.given(name):
                reader.wrong(name, "may only be set for rate_type SUBSCRIPTION")
    reader.refuse(("custom_rate", "minimum_config", "subscription_rate"))
    commit = reader.maybe_object("commit_rate")
    if commit is not None:
        body["commit_rate"] = _price(commit, commit.enum("rate_type", RATE_TYPES))
    return Segment(
        product_id=reader.uuid("product_id"),
        values_text=codec.dumps(reader.maybe_values("pricing_group_values") or {}, canonical=True),
        billing_frequency=reader.maybe_enum("billing_frequency", FREQUENCIES),
        starting_at=times.text(begin),
        ending_before=None if end is None else times.text(end),
        text=codec.dumps(body),
    )


def _price(reader: Reader, kind: str) -> dict[str, Any]:
    """Price or tiers, as the rate type has them; the last tier alone has no size (§7.2)."""
    most = 1 if kind in SHARES else None
    if not kind.startswith("TIERED"):
        if reader.given("tiers"):
            reader.wrong("tiers", "may only be set for tiered rate types")
        return {"rate_type": kind, "price": reader.number("price", least=0, most=most)}
    if reader.given("price"):
        reader.wrong("price", "must not be set for tiered rate types")
    tiers = []
    readers = reader.objects("tiers", least=1)
    for place, each in enumerate(readers, 1):
        tier = {"price": each.number("price", least=0, most=most)}
        size = each.maybe_number("size", nullable=True)
        if place == len(readers):
            if size is not None:
                each.wrong("size", "must be absent in the last tier")
        elif size is None or not size > 0:
            each.wrong("size", "must be greater than 0 in every tier but the last")
        else:
            tier["size"] = size
        tiers.append(tier)
    return {"rate_type": kind, "tiers": tiers}


def _put(store: Store, card: Stored, rate: Segment) -> None:
    product = store.get(product_store.KIND, rate.product_id, BadRequest(f"No such product: {rate.product_id}"))
    _check(product, rate)
    _check_unit(store, card, rate)
    store.run(
        "INSERT OR REPLACE INTO rate VALUES (?, ?, ?, ?, ?, ?, ?)",
        card.id,
        rate.product_id,
        rate.values_text,
        rate.billing_frequency or "",
        rate.starting_at,
        rate.ending_before,
        rate.text,
    )


def _check(product: Stored, rate: Segment) -> None:
    kind, body = product.body["type"], rate.body
    rate_type = body["rate_type"]
    if product.archived_at:
        raise BadRequest(f"The product {product.id} is archived and not usable for new rates")
    if rate_type not in FOR_PRODUCTS.get(kind, ()):
        raise BadRequest(f"rate_type {rate_type} is not available for {kind} products")
    if kind == "SUBSCRIPTION" and rate.billing_frequency is None and rate_type == "FLAT":
        raise BadRequest("billing_frequency is required for SUBSCRIPTION products")
    if kind != "SUBSCRIPTION" and rate.billing_frequency is not None:
        raise BadRequest("billing_frequency is available for SUBSCRIPTION products only")
    if kind != "USAGE" and "commit_rate" in body:
        raise BadRequest("commit_rate is available for USAGE products only")
    if "commit_rate" in body and body["commit_rate"]["rate_type"] not in FOR_PRODUCTS["USAGE"]:
        raise BadRequest("commit_rate must be FLAT or TIERED")
    if frozenset(rate.group_values) not in product_store.pricing_keys(product):
        raise BadRequest(f"pricing_group_values {sorted(rate.group_values)} must name the product's whole pricing_group_key")


def _check_unit(store: Store, card: Stored, rate: Segment) -> None:
    """The price's unit is the card's fiat or one that it converts, and stays the product's only one there (§7.2)."""
    unit = rate.body.get("credit_type_id")
    if unit is None:
        return
    if unit != card.body["fiat_credit_type_id"] and unit not in card.body["credit_type_conversions"]:
        raise BadRequest(f"The rate card has no conversion for the credit type {unit}")
    used = store.row("SELECT body FROM rate WHERE card_id = ? AND product_id = ? LIMIT 1", card.id, rate.product_id)
    if used is not None and codec.loads(used[0]).get("credit_type_id") != unit:
        raise BadRequest("The pricing unit of a product can't be changed once it has a rate on the rate card")
