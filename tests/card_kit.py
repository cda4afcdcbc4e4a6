"""A card with two products, its prices written as entries, and its account seen through the official SDK."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support import NOW, Project, Result

Entry = Mapping[str, Any]

ADD_RATES = ("POST", "/v1/contract-pricing/rate-cards/addRates")
LATER = ("2026-11-22T15:30:00Z", "2026-11-23T14:30:00Z", "2026-12-22T14:30:00Z", "2027-11-22T14:30:00Z", "2036-11-22T14:30:00Z")
"""An hour, a day, a month, a year and ten years after the tests' present."""


def since(starting_at: str, price: str | None = None, **more: Any) -> dict[str, Any]:
    """An entry."""
    return {"starting_at": starting_at, **({} if price is None else {"price": price}), **more}


def sizes(starting_at: str, **prices: str) -> dict[str, Any]:
    """An entry that names sizes."""
    return {"starting_at": starting_at, "prices": prices}


START = since("2026-01-01", "$0.01")

PRODUCTS: dict[str, Any] = {
    "api": {"name": "API calls", "type": "USAGE", "billable_metric": "calls"},
    "images": {"name": "Images", "type": "USAGE", "billable_metric": "images", "pricing_group_key": ["size"]},
}
METRICS: dict[str, Any] = {
    "calls": {"name": "Calls", "event_type_filter": {"in_values": ["call"]}, "aggregation_type": "COUNT"},
    "images": {
        "name": "Images",
        "event_type_filter": {"in_values": ["image"]},
        "aggregation_type": "COUNT",
        "group_keys": [["size"]],
        "property_filters": [{"name": "size", "exists": True}],
    },
}


class Card:
    """A project whose spec is one card. ``api`` has one price, ``images`` one for each size."""

    def __init__(self, folder: Path, *, customers: Entry | None = None, **rates: Sequence[Entry]) -> None:
        self.project = Project(folder, "")
        self.customers = customers
        self.declare(**rates)

    def declare(self, *, card: Entry | None = None, without: Sequence[str] = (), **rates: Sequence[Entry]) -> None:
        """Write the spec anew with these entries; products in without are left out, fields of the card added."""
        spec = {
            "version": 1,
            "environments": {"local": {"emulator": True}},
            "billable_metrics": METRICS,
            "products": {key: product for key, product in PRODUCTS.items() if key not in without},
            "rate_cards": {"standard": {"name": "Standard", **(card or {}), **({"rates": rates} if rates else {})}},
        }
        self.project.write(json.dumps(spec | ({"customers": self.customers} if self.customers else {}), indent=1))

    def apply(self, *arguments: str, **options: Any) -> Result:
        """Apply, with an empty request log before."""
        self.project.forget_requests()
        return self.project.apply(*arguments, **options)

    def segments(self, product: str = "api", **values: str) -> list[str]:
        """The live segments in order of time: ``2026-01-01 $0.01``, an end and a lack of entitlement if there is one."""
        return [_words(row) for row in self.rows(product, **values)]

    def rows(self, product: str = "api", **values: str) -> list[dict[str, Any]]:
        """The live segments as the account has them."""
        params: dict[str, Any] = {"rate_card_id": self.project.id("rate_card.standard"), "starting_at": "1990-01-01T00:00:00Z"}
        ident = self.project.id(f"product.{product}")
        with self.project.account() as account:
            rows: list[dict[str, Any]] = []
            answer = account.v1.contracts.rate_cards.retrieve_rate_schedule(**params, limit=100)
            rows += answer.to_dict(mode="json")["data"]
            while answer.next_page:
                answer = account.v1.contracts.rate_cards.retrieve_rate_schedule(**params, limit=100, next_page=answer.next_page)
                rows += answer.to_dict(mode="json")["data"]
        return [row for row in rows if row["product_id"] == ident and row.get("pricing_group_values", {}) == values]

    def by_hand(self, starting_at: str, cents: float, product: str = "api", *, now: str | None = None, **rate: Any) -> None:
        """Somebody adds a segment in the account."""
        with self.project.account(now) as account:
            account.v1.contracts.rate_cards.rates.add(
                **{"entitled": True, "rate_type": "FLAT", "price": cents, **rate},
                rate_card_id=self.project.id("rate_card.standard"),
                product_id=self.project.id(f"product.{product}"),
                starting_at=instant(starting_at),
            )

    def change(self, address: str = "rate.standard.api", *arguments: str, **options: Any) -> Any:
        """What the plan says of one rate; None if it does nothing."""
        plan = self.project.plan(*arguments, **options)
        found = [change for change in plan["changes"] if change["address"] == address and change["action"] != "noop"]
        return found[0] if found else None

    def guards(self, *arguments: str, **options: Any) -> list[tuple[str, str]]:
        """Code and address of the guards that the plan hits."""
        return [(hit["code"], hit["address"]) for hit in self.project.plan(*arguments, **options)["guards"]]


def settled(card: Card) -> bool:
    """Whether the plan is empty now and stays so as time goes by."""
    return all(card.project.actions(now=now) == {} for now in (NOW, *LATER))


def instant(text: str) -> str:
    """A date or an hour as an instant of the API."""
    return text if "T" in text else f"{text}T00:00:00Z"


def _words(row: Mapping[str, Any]) -> str:
    words = [_short(row["starting_at"]), _price(row["rate"])]
    if end := row.get("ending_before"):
        words.append(f"until {_short(end)}")
    if not row["entitled"]:
        words.append("off")
    return " ".join(words)


def _short(text: str) -> str:
    date, _, time = text.partition("T")
    return date if time.startswith("00:00") else f"{date} {time[:5]}"


def _price(rate: Mapping[str, Any]) -> str:
    if "tiers" in rate:
        return "/".join(_price(tier) for tier in rate["tiers"])
    return f"${rate['price'] / 100:g}"
