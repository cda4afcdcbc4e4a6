"""Words for the rating tests: short ways to write events, products and prices, and to read lines."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from nova_iac import rating as r

_ids = itertools.count(1)


def at(text: str) -> datetime:
    """``2024-09-15`` or ``2024-09-15 13:30``, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> r.Span:
    return r.Span(at(start), at(end))


SEPTEMBER = span("2024-09-01", "2024-10-01")


def event(when: str | datetime, event_type: str = "use", *, id: str = "", **properties: object) -> r.Event:
    timestamp = when if isinstance(when, datetime) else at(when)
    return r.Event(id or f"e{next(_ids)}", timestamp, event_type, properties)


def metric(aggregation: str = "SUM", key: str | None = "n", *group_keys: str) -> r.Metric:
    """A metric over the events of type ``use``; group keys as ``"a"`` or ``"a b"`` for a compound one."""
    keys = tuple(frozenset(one.split()) for one in group_keys)
    kind = r.Aggregation(aggregation)
    return r.Metric(kind, None if kind is r.Aggregation.COUNT else key, group_keys=keys)


def flat(price: str, *, entitled: bool = True) -> r.Rate:
    return r.Rate(r.Flat(Decimal(price)), entitled)


def tiered(*tiers: tuple[str, str | None]) -> r.Rate:
    """Tiers as (price, size)."""
    return r.Rate(r.Tiered(tuple(r.Tier(Decimal(price), None if size is None else Decimal(size)) for price, size in tiers)))


def percent(fraction: str) -> r.Rate:
    return r.Rate(r.Percentage(Decimal(fraction)))


def dated(*steps: tuple[object, ...]) -> r.Timeline:
    """Steps as (start, value) or (start, value, end)."""
    return r.Timeline.of(r.Step(at(str(one[0])), one[1], at(str(one[2])) if len(one) > 2 else None) for one in steps)


def timeline(value: object) -> r.Timeline:
    """What it is already, or one value for ever."""
    return value if isinstance(value, r.Timeline) else r.Timeline.always(value)


def product(
    id: str = "calls",
    measured: r.Metric | r.SqlMetric | None = None,
    *,
    pricing: str = "",
    presentation: str = "",
    conversion: r.Conversion | None = None,
    rounding: r.Rounding | None = None,
    tags: Iterable[str] = (),
) -> r.UsageProduct:
    """A usage product; keys as ``"a b"``. Without a metric it sums ``n``, grouped by all its keys."""
    keys = f"{pricing} {presentation}".strip()
    measured = measured or (metric("SUM", "n", keys) if keys else metric())
    definition = r.UsageDefinition(measured, frozenset(pricing.split()), frozenset(presentation.split()), conversion, rounding)
    return r.UsageProduct(id, timeline(definition), timeline(frozenset(tags)))


def composite(id: str, products: str = "", *, tags: str = "", own_tags: str = "", **options: bool) -> r.CompositeProduct:
    definition = r.CompositeDefinition(frozenset(products.split()), frozenset(tags.split()), **options)
    return r.CompositeProduct(id, timeline(definition), timeline(frozenset(own_tags.split())))


def terms(*products: r.Product, rates: Mapping[str, object] | object, usage_filter: object = r.NEVER) -> r.Terms:
    """Terms with rates by ``"product"`` or ``"product key=value key=value"``; one lone rate is the only product's."""
    by_name = rates if isinstance(rates, Mapping) else {products[0].id: rates}
    table = {}
    for name, rate in by_name.items():
        id, *values = name.split()
        table[id, r.group(dict(one.split("=") for one in values))] = timeline(rate)
    return r.Terms(products, table, timeline(usage_filter) if usage_filter is not r.NEVER else r.NEVER)


def read(line: r.Line | r.Unbilled, within: r.Span) -> str:
    """``calls zone=eu 5 x 1.5 = 7.5 tier 2 09-10..09-20``: group, tier and dates only where there are any to tell."""
    values = dict([*line.pricing_values, *line.presentation_values])
    words = [line.product, *(f"{key}={value}" for key, value in sorted(values.items()))]
    if isinstance(line, r.Line):
        words.append(f"{r.plain(line.quantity)} x {r.plain(line.unit_price)} = {r.plain(line.total)}")
        if line.tier is not None:
            words.append(f"tier {line.tier.level}")
    elif line.quantity is not None:
        words.append(r.plain(line.quantity))
    if line.span != within:
        words.append(f"{_short(line.span.start)}..{_short(line.span.end)}")
    if isinstance(line, r.Unbilled):
        words.append(f"({line.reason.name})")
    return " ".join(words)


def _short(instant: datetime) -> str:
    return f"{instant:%m-%d}" if (instant.hour, instant.minute) == (0, 0) else f"{instant:%m-%d %H:%M}"


def lines(invoice: r.Invoice) -> list[str]:
    return [read(line, invoice.span) for line in invoice.lines]


def unbilled(invoice: r.Invoice) -> list[str]:
    return [read(one, invoice.span) for one in invoice.unbilled]


def bill(priced: r.Terms, events: Iterable[r.Event], period: r.Span = SEPTEMBER, **options: r.RatingPolicy) -> r.Invoice:
    return r.rate_period(priced, period, events, **options)


def breakdown(
    priced: r.Terms, events: Iterable[r.Event], size: r.WindowSize, period: r.Span = SEPTEMBER, **options: r.RatingPolicy
) -> tuple[r.Invoice, ...]:
    found = r.windows(period, size)
    meter = r.PeriodMeter(priced, period, cuts=[one.start for one in found], **options)
    meter.add_all(events)
    return r.price_windows(priced, meter.usage(), found, **options)
