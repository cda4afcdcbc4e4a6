"""What the spec offers to look at: its customers, and what is sold to each by which groups.

A graph is read by its relations and by address patterns, as a person would name things on a command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nova_iac.desired.graph import ResourceGraph
from nova_iac.money import Money, MoneyError
from nova_iac.resource import Address, AddressPattern, Resource

METRICS: Final = AddressPattern("billable_metric.*")
PRODUCTS: Final = AddressPattern("product.*")
CARDS: Final = AddressPattern("rate_card.*")
RATES: Final = AddressPattern("rate.*")
CUSTOMERS: Final = AddressPattern("customer.*")
CONTRACTS: Final = AddressPattern("contract.*")
PRICING: Final = (METRICS, PRODUCTS, CARDS)
"""What "set up pricing" is about; a card's rates come with it."""


@dataclass(frozen=True, slots=True)
class Group:
    """One priced combination of group values. price is the declared one in force, None where it isn't a plain price."""

    values: Mapping[str, str]
    price: str | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A metered product, with the metric behind it and the groups that have a price.

    keys are its pricing and presentation group keys together: what usage is counted by.
    """

    product: Resource
    metric: Resource
    keys: tuple[str, ...]
    groups: tuple[Group, ...]

    @property
    def key(self) -> str:
        """The product's key in the spec."""
        return self.product.address.keys[0]

    @property
    def tier_key(self) -> str | None:
        """The single pricing group key, whose values are called tiers; None for none or several."""
        keys = list(self.product.attributes.get("pricing_group_key") or ())
        return str(keys[0]) if len(keys) == 1 else None

    @property
    def tiers(self) -> tuple[str, ...]:
        """The priced values of the single pricing group key."""
        key = self.tier_key
        return () if key is None else tuple(dict.fromkeys(group.values[key] for group in self.groups if key in group.values))


def customers(graph: ResourceGraph) -> dict[str, Resource]:
    """The customers by key, in the order of the spec."""
    return {address.keys[0]: one for address, one in graph.resources.items() if CUSTOMERS.matches(address)}


def contracts(graph: ResourceGraph) -> dict[str, list[Resource]]:
    """The contracts by the key of their customer."""
    found: dict[str, list[Resource]] = {}
    for address, one in graph.resources.items():
        if CONTRACTS.matches(address):
            found.setdefault(address.keys[0], []).append(one)
    return found


def offers(graph: ResourceGraph, customer: str | None, now: str) -> list[Offer]:
    """The metered products that a customer's contracts price; all that any card prices, where there is no such contract."""
    own = contracts(graph).get(customer or "", ())
    cards = {card for one in own for card in one.depends_on if CARDS.matches(card)}
    rates: dict[Address, list[Resource]] = {}
    for address, rate in graph.resources.items():
        if RATES.matches(address) and (not cards or _first(rate, CARDS) in cards):
            rates.setdefault(_first(rate, PRODUCTS), []).append(rate)
    found = []
    for address, priced in rates.items():
        product = graph.resources[address]
        if any(METRICS.matches(one) for one in product.depends_on):
            metric = graph.resources[_first(product, METRICS)]
            found.append(Offer(product, metric, _group_keys(product), _groups(priced, now)))
    return found


def _first(resource: Resource, pattern: AddressPattern) -> Address:
    """What a resource refers to, by what it is."""
    return next(one for one in resource.depends_on if pattern.matches(one))


def _group_keys(product: Resource) -> tuple[str, ...]:
    names = ("pricing_group_key", "presentation_group_key")
    return tuple(dict.fromkeys(key for name in names for key in product.attributes.get(name) or ()))


def _groups(rates: list[Resource], now: str) -> tuple[Group, ...]:
    """Each combination once: several cards, or billing frequencies, may price it."""
    found: dict[tuple[tuple[str, str], ...], Group] = {}
    for rate in rates:
        values = {name: value for name, value in rate.address.selector.items() if name != "billing_frequency"}
        found.setdefault(tuple(values.items()), Group(values, _price(rate.attributes.get("entries") or (), now)))
    return tuple(found.values())


def _price(entries: Any, now: str) -> str | None:
    """The plain price that a timeline has now; its entries stand in order."""
    past = [entry for entry in entries if entry.get("starting_at", "") <= now < entry.get("ending_before", "~")]
    price = past[-1].get("price") if past else None
    try:
        return Money.parse(price).text if isinstance(price, str) else None
    except MoneyError:
        return None
