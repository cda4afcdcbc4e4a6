"""What the spec agrees with customers, as the rating library wants it: metrics, products, prices, contracts.

Built from the desired state, not from the account: so events can be judged and priced offline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Final

from nova_iac import moment, rating
from nova_iac.desired.graph import ResourceGraph
from nova_iac.kinds.billable_metric import BillableMetric
from nova_iac.kinds.contract import Contract
from nova_iac.kinds.customer import Customer
from nova_iac.kinds.product import Product
from nova_iac.kinds.rate import Rate
from nova_iac.kinds.rate_card import DEFAULT_FIAT, RateCard
from nova_iac.money import Money
from nova_iac.resource import Address, Attributes, Resource, Value

_ROUNDINGS: Final = {
    "ROUND_UP": rating.RoundingMode.UP,
    "ROUND_DOWN": rating.RoundingMode.DOWN,
    "ROUND_HALF_UP": rating.RoundingMode.HALF_UP,
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """One contract: who it is with, when it bills, and at which prices. Prices are in the units of the wire (cents
    for USD), because the sizes of tiers of spend are too."""

    address: Address
    customer: Address
    terms: rating.Terms
    calendar: rating.Calendar
    unit: str


class Agreed:
    """Everything in a spec that decides what an event bills. Ids of recorded customers are known too, where they are given."""

    def __init__(self, graph: ResourceGraph, ids: Mapping[Address, str]) -> None:
        self._resources = graph.resources
        self._ids = ids

    def _of(self, kind: str) -> Iterator[Resource]:
        return (resource for address, resource in self._resources.items() if address.kind == kind)

    # --- customers -----------------------------------------------------------------------------------------------------

    @cached_property
    def customers(self) -> Mapping[str, Address]:
        """What events may call a customer: each ingest alias, and the id of a recorded one."""
        found: dict[str, Address] = {}
        for resource in self._of(Customer.name):
            found |= dict.fromkeys(resource.attributes.get("ingest_aliases") or (), resource.address)
            if remote := self._ids.get(resource.address):
                found[remote] = resource.address
        return found

    @cached_property
    def customer_keys(self) -> Mapping[str, Address]:
        """The customers by their keys in the spec."""
        return {resource.address.keys[0]: resource.address for resource in self._of(Customer.name)}

    def event_name(self, customer: Address) -> str | None:
        """What an event is to call a customer: an alias if it has one (it holds before the first apply too), else its id."""
        aliases = self._resources[customer].attributes.get("ingest_aliases") or ()
        return aliases[0] if aliases else self._ids.get(customer)

    # --- metrics -------------------------------------------------------------------------------------------------------

    @cached_property
    def metrics(self) -> Mapping[Address, rating.Metric | rating.SqlMetric]:
        """Every metric."""
        return {resource.address: metric_of(resource.attributes) for resource in self._of(BillableMetric.name)}

    def metrics_for(self, event_type: str) -> dict[Address, rating.Metric]:
        """The streaming metrics that take events of a type."""
        return {
            address: metric
            for address, metric in self.metrics.items()
            if isinstance(metric, rating.Metric) and metric.event_types.allows(event_type)
        }

    def in_sql(self, event_type: str) -> bool:
        """Whether a SQL metric seems to be about a type: what it counts can't be known here."""
        queries = (metric.query for metric in self.metrics.values() if isinstance(metric, rating.SqlMetric))
        return any(event_type in query for query in queries)

    @cached_property
    def event_types(self) -> list[str]:
        """The event types that are named by a metric."""
        found = (metric.event_types.in_values or () for metric in self.metrics.values() if isinstance(metric, rating.Metric))
        return sorted({name for names in found for name in names})

    def id(self, address: Address) -> str | None:
        """The id of a recorded resource."""
        return self._ids.get(address)

    def is_applied(self, address: Address) -> bool:
        """Whether a resource is recorded as made."""
        return address in self._ids

    # --- products and prices -------------------------------------------------------------------------------------------

    @cached_property
    def definitions(self) -> Mapping[Address, rating.UsageDefinition]:
        """What each usage product bills."""
        return {
            resource.address: self._definition(resource.attributes)
            for resource in self._of(Product.name)
            if resource.attributes.get("billable_metric") in self.metrics
        }

    @cached_property
    def products_of(self) -> Mapping[Address, tuple[Address, ...]]:
        """The products that bill each metric."""
        found: dict[Address, tuple[Address, ...]] = {}
        for product in self.definitions:
            metric = self._resources[product].attributes["billable_metric"]
            found[metric] = (*found.get(metric, ()), product)
        return found

    @cached_property
    def prices(self) -> Mapping[Address, Mapping[rating.RateKey, rating.Timeline[rating.Rate]]]:
        """The prices of each card, by product and pricing values."""
        found: dict[Address, dict[rating.RateKey, rating.Timeline[rating.Rate]]] = {}
        for resource in self._of(Rate.name):
            card, product = resource.address.keys
            key = (str(Address.of(Product.name, product)), rating.group(resource.address.selector))
            steps = [_step(entry) for entry in resource.attributes["entries"]]
            found.setdefault(Address.of(RateCard.name, card), {})[key] = rating.Timeline.of(steps)
        return found

    @cached_property
    def _sold(self) -> Mapping[Address, frozenset[str]]:
        return {card: frozenset(product for product, _ in rates) for card, rates in self.prices.items()}

    def sells(self, card: Address, product: Address) -> bool:
        """Whether a card has any price of a product."""
        return product in self._sold.get(card, ())

    def unit(self, card: Address) -> str:
        """The currency of a card."""
        return str(self._resources[card].attributes.get("fiat_credit_type") or DEFAULT_FIAT)

    # --- contracts -----------------------------------------------------------------------------------------------------

    def cards_of(self, customer: Address | None) -> tuple[Address, ...]:
        """The cards that a customer's contracts are on; every card for a customer without contracts here, or an unknown one."""
        cards = () if customer is None else tuple(dict.fromkeys(card for _, card in self._contracts.get(customer, ())))
        return cards or tuple(self.prices)

    def agreements(self, customer: Address) -> list[Agreement]:
        """A customer's contracts."""
        return [self._agreement(resource, card) for resource, card in self._contracts.get(customer, ())]

    @cached_property
    def _contracts(self) -> Mapping[Address, list[tuple[Resource, Address]]]:
        found: dict[Address, list[tuple[Resource, Address]]] = {}
        for resource in self._of(Contract.name):
            card = self._card_of(resource.attributes)
            if card is not None:
                found.setdefault(Address.of(Customer.name, resource.address.keys[0]), []).append((resource, card))
        return found

    def _card_of(self, contract: Attributes) -> Address | None:
        """The card that a contract names, or that its alias means when it starts (§7.1)."""
        if named := contract.get("rate_card"):
            return Address(named)
        start = contract["starting_at"]
        for resource in self._of(RateCard.name):
            for alias in resource.attributes.get("aliases") or ():
                held = alias.get("starting_at", "") <= start < alias.get("ending_before", "~")
                if alias["name"] == contract.get("rate_card_alias") and held:
                    return resource.address
        return None

    def _agreement(self, contract: Resource, card: Address) -> Agreement:
        rates = self.prices.get(card, {})
        priced = {key[0] for key in rates}
        products = tuple(
            one for resource in self._of(Product.name) if resource.address in priced and (one := self._product(resource))
        )
        attributes = contract.attributes
        terms = rating.Terms(products, rates, _filter(attributes.get("usage_filter")))
        end = attributes.get("ending_before")
        calendar = rating.Calendar(
            _schedule(attributes.get("usage_statement_schedule")),
            moment.parse(attributes["starting_at"]),
            None if end is None else moment.parse(end),
        )
        customer = Address.of(Customer.name, contract.address.keys[0])
        return Agreement(contract.address, customer, terms, calendar, self.unit(card))

    def _product(self, resource: Resource) -> rating.Product | None:
        attributes = resource.attributes
        tags = rating.Timeline.always(frozenset(attributes.get("tags") or ()))
        if resource.address in self.definitions:
            return rating.UsageProduct(resource.address, rating.Timeline.always(self.definitions[resource.address]), tags)
        if attributes["type"] != "COMPOSITE":
            return None
        composite = rating.CompositeDefinition(
            products=frozenset(str(one) for one in attributes.get("composite_products") or ()),
            tags=frozenset(attributes.get("composite_tags") or ()),
            exclude_free_usage=bool(attributes.get("exclude_free_usage")),
            include_composite_spend=bool(attributes.get("include_composite_spend")),
        )
        return rating.CompositeProduct(resource.address, rating.Timeline.always(composite), tags)

    def _definition(self, product: Attributes) -> rating.UsageDefinition:
        conversion, rounding = product.get("quantity_conversion"), product.get("quantity_rounding")
        return rating.UsageDefinition(
            metric=self.metrics[product["billable_metric"]],
            pricing_keys=frozenset(product.get("pricing_group_key") or ()),
            presentation_keys=frozenset(product.get("presentation_group_key") or ()),
            conversion=conversion
            and rating.Conversion(Decimal(conversion["conversion_factor"]), rating.Operation(conversion["operation"])),
            rounding=rounding and rating.Rounding(int(rounding["decimal_places"]), _ROUNDINGS[rounding["rounding_method"]]),
        )


def metric_of(attributes: Attributes) -> rating.Metric | rating.SqlMetric:
    """A metric of the spec."""
    if "sql" in attributes:
        return rating.SqlMetric(attributes["sql"])
    return rating.Metric(
        aggregation=rating.Aggregation(attributes["aggregation_type"]),
        key=attributes.get("aggregation_key"),
        event_types=_values(attributes.get("event_type_filter") or {}),
        filters=tuple(
            rating.PropertyFilter(one["name"], one.get("exists"), _values(one))
            for one in attributes.get("property_filters") or ()
        ),
        group_keys=tuple(frozenset(keys) for keys in attributes.get("group_keys") or ()),
    )


def _values(filters: Mapping[str, Value]) -> rating.ValueFilter:
    wanted = filters.get("in_values")
    return rating.ValueFilter(None if wanted is None else frozenset(wanted), frozenset(filters.get("not_in_values") or ()))


def _step(entry: Mapping[str, Value]) -> rating.Step[rating.Rate]:
    end = entry.get("ending_before")
    price = rating.Rate(_price(entry), entry.get("entitled", True))
    return rating.Step(moment.parse(entry["starting_at"]), price, None if end is None else moment.parse(end))


def _price(entry: Mapping[str, Value]) -> rating.Price:
    tiers: Iterable[Mapping[str, Value]] = entry.get("tiers") or ()
    if "percent" in entry:
        return rating.Percentage(Decimal(entry["percent"]) / 100)
    if not tiers:
        return rating.Flat(Money.parse(entry["price"]).wire)
    if any("percent" in tier for tier in tiers):
        return rating.TieredPercentage(tuple(rating.Tier(Decimal(tier["percent"]) / 100, _size(tier)) for tier in tiers))
    return rating.Tiered(tuple(rating.Tier(Money.parse(tier["price"]).wire, _size(tier)) for tier in tiers))


def _size(tier: Mapping[str, Value]) -> Decimal | None:
    return Decimal(tier["size"]) if "size" in tier else None


def _filter(value: Mapping[str, Value] | None) -> rating.Timeline[rating.GroupFilter]:
    if not value:
        return rating.NEVER
    found = rating.GroupFilter(value["group_key"], frozenset(value["group_values"]))
    start: datetime = moment.parse(value["starting_at"]) if value.get("starting_at") else rating.BEGINNING
    return rating.Timeline.of([rating.Step(start, found)])


def _schedule(value: Mapping[str, Value] | None) -> rating.Schedule:
    if not value:
        return rating.Schedule()
    anchor = value.get("billing_anchor_date")
    return rating.Schedule(
        rating.Frequency(value["frequency"]),
        rating.Anchor(value.get("day") or rating.Anchor.FIRST_OF_MONTH),
        None if anchor is None else moment.parse(anchor).date(),
    )
