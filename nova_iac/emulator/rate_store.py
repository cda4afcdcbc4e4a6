"""A rate card's prices between calls (§7.2): segments by identity and time, and the order of its products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from nova_iac.emulator import codec, credit_types, custom_fields, pages, product_store, selectors
from nova_iac.emulator.store import Store


@dataclass(frozen=True, slots=True)
class Segment:
    """One price of one identity; ``ending_before`` is where it really ends: its own end or its successor's start.

    Values and body are read anew each time from their JSON texts: most segments of a card are only passed over.
    """

    product_id: str
    values_text: str
    billing_frequency: str | None
    starting_at: str
    ending_before: str | None
    text: str
    product_seq: int = 0
    """When the product was made, in relation to others."""

    @property
    def group_values(self) -> dict[str, str]:
        return dict(codec.loads(self.values_text))

    @property
    def body(self) -> dict[str, Any]:
        """Price and what goes with it."""
        return dict(codec.loads(self.text))


_LAST = "~"
"""Stands for an open end: it sorts after every instant."""


def segments_of(store: Store, card_id: str) -> Iterator[Segment]:
    """The card's whole price history and future: by product as they were made, then group values, then time."""
    return _segments(store, card_id, "TRUE")


def segments_at(store: Store, card_id: str, moment: str, after: pages.Key | None, *, entitled: bool = False) -> Iterator[Segment]:
    """Those in force at an instant, behind a key; if asked for only entitled ones."""
    where = "starting_at <= ? AND ends > ?" + (" AND json_extract(price, '$.entitled')" if entitled else "")
    return _segments(store, card_id, where, moment, moment, after=after)


def segments_within(store: Store, card_id: str, first: str, last: str | None, after: pages.Key | None) -> Iterator[Segment]:
    """Those that are in force some time from an instant on, before another one, and stand behind a key."""
    return _segments(store, card_id, "starting_at < ? AND ends > ?", last or _LAST, first, after=after)


def _segments(store: Store, card_id: str, where: str, *values: str, after: pages.Key | None = None) -> Iterator[Segment]:
    if after is not None:
        where += " AND (seq, group_values, billing_frequency, starting_at) > (?, ?, ?, ?)"
    found = store.stream(
        "WITH segment AS (SELECT product_id, group_values, billing_frequency, starting_at, body AS price,"
        " min(coalesce(ending_before, ?), coalesce(lead(starting_at) OVER"
        " (PARTITION BY product_id, group_values, billing_frequency ORDER BY starting_at), ?)) AS ends"
        " FROM rate WHERE card_id = ?)"
        " SELECT product_id, group_values, billing_frequency, starting_at, ends, price, seq FROM segment"
        f" JOIN object ON object.id = product_id WHERE {where}"
        " ORDER BY seq, group_values, billing_frequency, starting_at",
        *(_LAST, _LAST, card_id, *values, *(after or ())),
    )
    for product_id, group_values, frequency, begin, ends, text, seq in found:
        yield Segment(product_id, group_values, frequency or None, begin, None if ends == _LAST else ends, text, seq)


def answer(
    page: pages.Page, store: Store, segments: Iterable[Segment], chosen: selectors.Selectors, now: datetime, name: str = "rate"
) -> dict[str, Any]:
    """A page of the segments that the selectors choose, of those behind ``page.last``.

    :param name: what the rate itself is called in a row.
    """
    members = _Members(store, now)
    matching = (each for each in segments if selectors.match(chosen, each, lambda id: members.of(id)["product_tags"]))
    return page.answer_keyed(
        islice(matching, page.limit + 1), _key, lambda each: members.of(each.product_id) | _row(each, name, store)
    )


class _Members:
    """The product_… members of rate rows, by product id."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._store, self._now = store, now
        self._known: dict[str, dict[str, Any]] = {}

    def of(self, id: str) -> dict[str, Any]:
        if id not in self._known:
            state = product_store.state_at(self._store.get(product_store.KIND, id), self._now)
            self._known[id] = {
                "product_id": id,
                "product_name": state["name"],
                "product_tags": state.get("tags", []),
                "product_custom_fields": custom_fields.of(self._store, id),
            }
        return self._known[id]


def _key(segment: Segment) -> pages.Key:
    return segment.product_seq, segment.values_text, segment.billing_frequency or "", segment.starting_at


def _row(segment: Segment, name: str, store: Store) -> dict[str, Any]:
    body, values = segment.body, segment.group_values
    answer = {
        "entitled": body["entitled"],
        name: rate(body, values, store),
        **commit_rate(body),
        "starting_at": segment.starting_at,
    }
    if segment.ending_before is not None:
        answer["ending_before"] = segment.ending_before
    if values:
        answer["pricing_group_values"] = values
    if segment.billing_frequency:
        answer["billing_frequency"] = segment.billing_frequency
    return answer


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
