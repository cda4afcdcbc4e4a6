"""What a contract charges for and how: its products, their prices, its usage filter. The inputs of rating beside the events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from nova_iac.rating.events import Group, GroupFilter, Metric, SqlMetric
from nova_iac.rating.exact import Rounding
from nova_iac.rating.prices import Rate
from nova_iac.rating.quantity import Conversion
from nova_iac.rating.timeline import NEVER, Span, Timeline


@dataclass(frozen=True, slots=True)
class UsageDefinition:
    """What a usage product is for a stretch of time."""

    metric: Metric | SqlMetric | None
    """None: the product was made without one and never bills (§6.2)."""
    pricing_keys: frozenset[str] = frozenset()
    """Each combination of their values has its own price."""
    presentation_keys: frozenset[str] = frozenset()
    """Each combination of their values has its own lines and its own count of tiers."""
    conversion: Conversion | None = None
    rounding: Rounding | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """All the keys that split this product's usage, sorted."""
        return tuple(sorted(self.pricing_keys | self.presentation_keys))


@dataclass(frozen=True, slots=True)
class CompositeDefinition:
    """What a composite product is for a stretch of time: whose spend it is a percentage of."""

    products: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    """Products with any of these tags are included too."""
    exclude_free_usage: bool = False
    """Leave out what is priced 0."""
    include_composite_spend: bool = False
    """Let the spend of other composite products in."""


@dataclass(frozen=True, slots=True)
class UsageProduct:
    """A product that bills a metric's usage, and how that definition changed over time."""

    id: str
    definition: Timeline[UsageDefinition]
    tags: Timeline[frozenset[str]] = NEVER


@dataclass(frozen=True, slots=True)
class CompositeProduct:
    """A product that bills a percentage of other products' spend."""

    id: str
    definition: Timeline[CompositeDefinition]
    tags: Timeline[frozenset[str]] = NEVER


Product: TypeAlias = UsageProduct | CompositeProduct
RateKey: TypeAlias = tuple[str, Group]
"""A product id and one value for each of its pricing keys (``()`` if it has none)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything that decides what usage costs on one contract."""

    products: tuple[Product, ...]
    """In the order in which their lines are to stand."""
    rates: Mapping[RateKey, Timeline[Rate]] = field(default_factory=dict)
    usage_filter: Timeline[GroupFilter] = NEVER

    @property
    def usage_products(self) -> tuple[UsageProduct, ...]:
        """Those that meter something."""
        return tuple(product for product in self.products if isinstance(product, UsageProduct))

    @property
    def composites(self) -> tuple[CompositeProduct, ...]:
        """Those that are about the spend of others."""
        return tuple(product for product in self.products if isinstance(product, CompositeProduct))

    def rate(self, product: str, values: Group = ()) -> Timeline[Rate]:
        """The price of a product at these pricing values; the empty timeline if it has none."""
        return self.rates.get((product, values), NEVER)


@dataclass(frozen=True, slots=True)
class Metering:
    """One thing to count: a metric, by some keys, for the events that pass a contract's filter.

    Products that need the same are counted once.
    """

    metric: Metric
    by: tuple[str, ...] = ()
    where: tuple[GroupFilter, ...] = ()


def meterings(product: UsageProduct, terms: Terms, period: Span) -> Iterator[tuple[Span, UsageDefinition, Metering | None]]:
    """What has to be counted for a product, piece by piece of a period in which neither it nor the filter changes.

    None where its metric can't be counted (none, SQL) or lacks the group key: pricing keys, presentation keys and the usage
    filter's key must together be one compound key of the metric, or nothing matches (§6.1, §10.1).
    """
    for piece, found in product.definition.pair(terms.usage_filter).pieces(period):
        definition, usage_filter = found or (None, None)
        if definition is None:
            continue
        where = () if usage_filter is None else (usage_filter,)
        needed = frozenset({*definition.keys, *(one.key for one in where)})
        metric = definition.metric
        if isinstance(metric, Metric) and (not needed or needed in metric.group_keys):
            yield piece, definition, Metering(metric, definition.keys, where)
        else:
            yield piece, definition, None


def change_instants(terms: Terms, period: Span) -> tuple[datetime, ...]:
    """Every instant inside a period at which something that decides a price changes: where usage has to be told apart."""
    timelines: list[tuple[datetime, ...]] = [terms.usage_filter.starts]
    for product in terms.products:
        timelines += [product.definition.starts, product.tags.starts]
    ids = {product.id for product in terms.products}
    timelines += [timeline.starts for (product_id, _), timeline in terms.rates.items() if product_id in ids]
    return tuple(sorted({instant for starts in timelines for instant in starts if period.start < instant < period.end}))
