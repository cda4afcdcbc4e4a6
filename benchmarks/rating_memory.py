"""What rating holds in memory while it reads 10,000, 100,000 and 1,000,000 events of one customer and period, then prices them.

    python benchmarks/rating_memory.py [EVENTS ...]

Each figure is the peak of Python's own allocations, in kilobytes, while the events stream by. Groups, days and values are
the same few throughout, so what grows would be kept per event. Below: what a further group takes, and a further value of a
UNIQUE metric. With all counts it runs for some ten minutes.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from nova_iac import rating

PERIOD = rating.Span(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
COUNTS = [10_000, 100_000, 1_000_000]
GROUPS, VALUES = 10, 100


def events(count: int, groups: int = GROUPS, values: int = VALUES) -> Iterator[rating.Event]:
    """Spread over the period, groups and values in turn."""
    step = (PERIOD.end - PERIOD.start) / count
    for number in range(count):
        properties = {"n": str(number % values), "team": f"team {number % groups}"}
        yield rating.Event(f"event {number}", PERIOD.start + number * step, "use", properties)


def metric(aggregation: rating.Aggregation) -> rating.Metric:
    key = None if aggregation is rating.Aggregation.COUNT else "n"
    return rating.Metric(aggregation, key, group_keys=(frozenset({"team"}),))


def invoiced(aggregation: rating.Aggregation, stream: Iterator[rating.Event]) -> int:
    """The number of lines of the draft invoice, with a new price in the middle of the period."""
    definition = rating.UsageDefinition(metric(aggregation), frozenset(), frozenset({"team"}))
    product = rating.UsageProduct("calls", rating.Timeline.always(definition), rating.Timeline.always(frozenset()))
    steps = [
        rating.Step(PERIOD.start + timedelta(days=day), rating.Rate(rating.Flat(Decimal(price))))
        for day, price in ((0, 1), (15, 2))
    ]
    terms = rating.Terms((product,), {("calls", ()): rating.Timeline.of(steps)}, rating.NEVER)
    return len(rating.rate_period(terms, PERIOD, stream).lines)


def queried(aggregation: rating.Aggregation, stream: Iterator[rating.Event]) -> int:
    """The number of rows of a usage query by day and group."""
    meter = rating.WindowMeter(metric(aggregation), rating.windows(PERIOD, rating.WindowSize.DAY), by=["team"])
    meter.add_all(stream)
    return len(meter.rows())


WAYS = {"invoice": invoiced, "usage by day": queried}


def peak(way: str, aggregation: rating.Aggregation, stream: Iterator[rating.Event]) -> int:
    """Bytes."""
    tracemalloc.start()
    try:
        assert WAYS[way](aggregation, stream)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def main(counts: list[int]) -> None:
    """A row for each way and aggregation; then what groups and values take."""
    print(f"{'peak KB':24}" + "".join(f"{count:>12,}" for count in counts) + "   most / least")
    for way in WAYS:
        for aggregation in rating.Aggregation:
            peak(way, aggregation, events(1_000))  # fills caches, which are bounded
            peaks = [peak(way, aggregation, events(count)) for count in counts]
            row = "".join(f"{each / 1024:12.1f}" for each in peaks)
            print(f"{way:13}{aggregation:11}{row}   {max(peaks) / min(peaks):.2f}", flush=True)
    for what, few, many in (
        ("group", {"groups": 1_000}, {"groups": 11_000}),
        ("distinct value", {"groups": 1, "values": 1_000}, {"groups": 1, "values": 11_000}),
    ):
        unique = rating.Aggregation.UNIQUE
        grown = peak("invoice", unique, events(110_000, **many)) - peak("invoice", unique, events(110_000, **few))
        print(f"each further {what} of a UNIQUE metric: {grown / 10_000:.0f} bytes", flush=True)


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or COUNTS)
