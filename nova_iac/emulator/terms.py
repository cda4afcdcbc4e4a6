"""A contract's terms as the rating library wants them: products with their history, prices, usage filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from nova_iac import rating
from nova_iac.emulator import (
    billable_metrics,
    contract_store,
    credit_types,
    metrics,
    product_store,
    rate_cards,
    rate_store,
    times,
)
from nova_iac.emulator.errors import NotEmulated
from nova_iac.emulator.store import Store, Stored

T = TypeVar("T")
ROUNDINGS = {
    "ROUND_UP": rating.RoundingMode.UP,
    "ROUND_DOWN": rating.RoundingMode.DOWN,
    "ROUND_HALF_UP": rating.RoundingMode.HALF_UP,
}


@dataclass(frozen=True, slots=True)
class Card:
    """What a rate card says of prices, for all contracts on it."""

    fiat: str
    products: tuple[rating.Product, ...]
    rates: Mapping[rating.RateKey, rating.Timeline[rating.Rate]]
    foreign: tuple[rate_store.Segment, ...]
    """Prices in custom pricing units, which aren't rated."""

    @classmethod
    def of(cls, store: Store, contract: Stored) -> Card:
        """The card of a contract; one without prices where it has none."""
        card_id = contract.body["initial"].get("rate_card_id")
        if card_id is None:
            return cls(credit_types.USD, (), {}, ())
        fiat = store.get(rate_cards.KIND, card_id).body["fiat_credit_type_id"]
        known = {id: store.get(product_store.KIND, id) for id in rate_store.products_of(store, card_id)}
        usable = {id: _product(each, store) for id, each in known.items() if each.body["type"] in ("USAGE", "COMPOSITE")}
        steps: dict[rating.RateKey, list[rating.Step[rating.Rate]]] = {}
        foreign = []
        for segment in rate_store.segments_of(store, card_id):
            if segment.product_id not in usable:
                continue  # subscriptions are billed by a contract's subscriptions, which aren't emulated
            body = segment.body
            if body.get("credit_type_id", fiat) != fiat:
                foreign.append(segment)
                continue
            step = rating.Step(
                times.parse(segment.starting_at),
                rating.Rate(price(body), body["entitled"]),
                None if segment.ending_before is None else times.parse(segment.ending_before),
            )
            steps.setdefault((segment.product_id, rating.group(segment.group_values)), []).append(step)
        rates = {key: rating.Timeline.of(found) for key, found in steps.items()}
        return cls(fiat, tuple(usable.values()), rates, tuple(foreign))

    def terms(self, contract: Stored, period: rating.Span) -> rating.Terms:
        """What usage of a period costs on a contract of this card.

        :raises NotEmulated: a price in a custom pricing unit is in force in the period.
        """
        begin, end = times.text(period.start), times.text(period.end)
        for segment in self.foreign:
            if segment.starting_at < end and (segment.ending_before is None or segment.ending_before > begin):
                raise NotEmulated("rating of prices in custom pricing units")
        return rating.Terms(self.products, self.rates, _usage_filter(contract))


def _usage_filter(contract: Stored) -> rating.Timeline[rating.GroupFilter]:
    return rating.Timeline.of(
        rating.Step(
            times.parse(each.starting_at),
            rating.GroupFilter(each.group_key, frozenset(each.group_values)),
            None if each.ending_before is None else times.parse(each.ending_before),
        )
        for each in contract_store.usage_filters(contract)
    )


def price(body: dict[str, Any]) -> rating.Price:
    """The price of a stored rate."""
    if "tiers" not in body:
        one = rating.Percentage if body["rate_type"] == "PERCENTAGE" else rating.Flat
        return one(Decimal(body["price"]))
    tiers = tuple(
        rating.Tier(Decimal(tier["price"]), Decimal(tier["size"]) if "size" in tier else None) for tier in body["tiers"]
    )
    return rating.Tiered(tiers) if body["rate_type"] == "TIERED" else rating.TieredPercentage(tiers)


def _product(product: Stored, store: Store) -> rating.Product:
    tags = _timeline(product, lambda state: frozenset(state.get("tags", ())))
    if product.body["type"] == "COMPOSITE":
        return rating.CompositeProduct(product.id, _timeline(product, _composite), tags)
    return rating.UsageProduct(product.id, _timeline(product, lambda state: _usage(state, store)), tags)


def _timeline(product: Stored, build: Callable[[dict[str, Any]], T]) -> rating.Timeline[T]:
    """The product's state over time, by the rule that reads follow too."""
    starts = [rating.BEGINNING, *sorted(times.parse(change["starting_at"]) for change in product.body["updates"])]
    return rating.Timeline.of(rating.Step(start, build(product_store.state_at(product, start))) for start in starts)


def _composite(state: dict[str, Any]) -> rating.CompositeDefinition:
    return rating.CompositeDefinition(
        products=frozenset(state.get("composite_product_ids", ())),
        tags=frozenset(state.get("composite_tags", ())),
        exclude_free_usage=state.get("exclude_free_usage", False),
        include_composite_spend=state.get("include_composite_spend", False),
    )


def _usage(state: dict[str, Any], store: Store) -> rating.UsageDefinition:
    metric, conversion, rounding = state["billable_metric_id"], state.get("quantity_conversion"), state.get("quantity_rounding")
    return rating.UsageDefinition(
        metric=metrics.of(store.get(billable_metrics.KIND, metric)),
        pricing_keys=frozenset(state.get("pricing_group_key", ())),
        presentation_keys=frozenset(state.get("presentation_group_key", ())),
        conversion=conversion
        and rating.Conversion(Decimal(conversion["conversion_factor"]), rating.Operation(conversion["operation"])),
        rounding=rounding and rating.Rounding(rounding["decimal_places"], ROUNDINGS[rounding["rounding_method"]]),
    )
