"""A rate card's prices between calls (§7.2): segments by identity and time, and the order of its products."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nova_iac.emulator import codec, credit_types, custom_fields, pages, product_store, selectors
from nova_iac.emulator.store import Store


@dataclass(frozen=True, slots=True)
class Segment:
    """One price of one identity; ``ending_before`` is where it really ends: its own end or its successor's start."""

    product_id: str
    group_values: dict[str, str]
    billing_frequency: str | None
    starting_at: str
    ending_before: str | None
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """Price and what goes with it; read anew each time, as most segments of a card are only passed over."""
        return dict(codec.loads(self.text))

    def covers(self, moment: str) -> bool:
        return self.starting_at <= moment and (self.ending_before is None or moment < self.ending_before)


def segments_of(store: Store, card_id: str) -> list[Segment]:
    """The card's whole price history and future: by product as the card got them, then group values, then time."""
    found = store.rows(
        "SELECT product_id, group_values, billing_frequency, starting_at, ending_before, rate.body FROM rate"
        " JOIN object ON object.id = product_id WHERE card_id = ?"
        " ORDER BY object.seq, group_values, billing_frequency, starting_at",
        card_id,
    )
    segments = []
    for place, (product_id, values, frequency, begin, end, body) in enumerate(found):
        successor = found[place + 1] if place + 1 < len(found) else None
        if successor and successor[:3] == (product_id, values, frequency) and (end is None or successor[3] < end):
            end = successor[3]
        segments.append(Segment(product_id, codec.loads(values), frequency or None, begin, end, body))
    return segments


def answer(
    page: pages.Page, store: Store, segments: list[Segment], chosen: selectors.Selectors, now: datetime, name: str = "rate"
) -> dict[str, Any]:
    """A page of the segments that the selectors choose; ``name`` is what the rate itself is called in a row."""
    members = _product_members(store, {segment.product_id for segment in segments}, now)
    matching = [each for each in segments if selectors.match(chosen, each, members[each.product_id]["product_tags"])]
    return page.answer_all(matching, lambda each: members[each.product_id] | _row(each, name, store))


def _row(segment: Segment, name: str, store: Store) -> dict[str, Any]:
    body = segment.body
    answer = {
        "entitled": body["entitled"],
        name: rate(body, segment.group_values, store),
        **commit_rate(body),
        "starting_at": segment.starting_at,
    }
    if segment.ending_before is not None:
        answer["ending_before"] = segment.ending_before
    if segment.group_values:
        answer["pricing_group_values"] = segment.group_values
    if segment.billing_frequency:
        answer["billing_frequency"] = segment.billing_frequency
    return answer


def _product_members(store: Store, product_ids: set[str], now: datetime) -> dict[str, dict[str, Any]]:
    """The product_… members of rate rows, by product id."""
    fields = custom_fields.of_many(store, product_ids)
    members = {}
    for id in product_ids:
        state = product_store.state_at(store.get(product_store.KIND, id), now)
        members[id] = {
            "product_id": id,
            "product_name": state["name"],
            "product_tags": state.get("tags", []),
            "product_custom_fields": fields[id],
        }
    return members


def rate(body: dict[str, Any], group_values: dict[str, str], store: Store) -> dict[str, Any]:
    answer: dict[str, Any] = {
        name: body[name] for name in ("rate_type", "price", "tiers", "quantity", "is_prorated") if name in body
    }
    if "credit_type_id" in body:
        answer["credit_type"] = credit_types.named(store, body["credit_type_id"])
    if group_values:
        answer["pricing_group_values"] = group_values
    return answer


def commit_rate(body: dict[str, Any]) -> dict[str, Any]:
    return {"commit_rate": body["commit_rate"]} if "commit_rate" in body else {}


def products_of(store: Store, card_id: str) -> list[str]:
    """The products of the card: ordered ones first, then the others as they were made."""
    found = store.rows(
        "SELECT DISTINCT rate.product_id, place, object.seq FROM rate JOIN object ON object.id = rate.product_id"
        " LEFT JOIN product_order ON product_order.card_id = rate.card_id AND product_order.product_id = rate.product_id"
        " WHERE rate.card_id = ? ORDER BY place IS NULL, place, object.seq",
        card_id,
    )
    return [row[0] for row in found]
