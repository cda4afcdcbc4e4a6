"""Steps 1 to 3, events to usage: fed one by one, in any order; kept as curves of value over time.

Memory grows with the distinct groups times the slices in which each has events (and with the distinct values of a UNIQUE
metric), never with the number of events.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Generic, TypeVar

from nova_iac.rating.aggregation import Accumulator, Windowed, running_accumulator, window_accumulator
from nova_iac.rating.events import Aggregation, Event, Group, GroupFilter, Metric, checks
from nova_iac.rating.exact import EXACT, ZERO, RatingError, text_of
from nova_iac.rating.policy import DEFAULT, MaxBilling, RatingPolicy
from nova_iac.rating.terms import Metering, Terms, change_instants, meterings
from nova_iac.rating.timeline import Span

A = TypeVar("A", bound=Accumulator)


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric's value for one group as time goes by, within one period.

    ``values[i]`` is the value at the end of the slice that starts at ``starts[i]``; before the first it is 0. Only slices with
    events are kept. What a stretch of time bills is the value at its end minus the value at its start (§14.3 step 3).
    """

    starts: tuple[datetime, ...]
    values: tuple[Decimal, ...]

    @classmethod
    def of(cls, increments: Mapping[datetime, Decimal]) -> Curve:
        """The curve of a value that grew by so much in the slices that start at these instants."""
        total, values = ZERO, []
        starts = sorted(increments)
        for start in starts:
            total = EXACT.add(total, increments[start])
            values.append(total)
        return cls(tuple(starts), tuple(values))

    def at(self, instant: datetime) -> Decimal:
        """The value of everything before an instant, which must be an edge of slices."""
        index = bisect_left(self.starts, instant) - 1
        return self.values[index] if index >= 0 else ZERO

    def active(self, span: Span) -> tuple[datetime, ...]:
        """The starts of the slices in a span that have events."""
        return self.starts[bisect_left(self.starts, span.start) : bisect_left(self.starts, span.end)]


class _Slots:
    """The slices of a span, numbered."""

    __slots__ = ("_end", "_from", "_slot", "_to", "starts")

    def __init__(self, span: Span, cuts: Iterable[datetime]) -> None:
        self.starts = tuple(piece.start for piece in span.split(cuts))
        self._end = span.end
        self._slot, self._from, self._to = -1, span.end, span.end

    def find(self, instant: datetime) -> int:
        """The number of the slice that an instant is in; -1 outside the span."""
        if self._from <= instant < self._to:  # streams are mostly in order: look where the last event was
            return self._slot
        slot = bisect_right(self.starts, instant) - 1
        if slot < 0 or instant >= self._end:
            return -1
        self._slot, self._from = slot, self.starts[slot]
        self._to = self.starts[slot + 1] if slot + 1 < len(self.starts) else self._end
        return slot


class _Tally(Generic[A]):
    """One metering: picks the events that count for it and keeps an accumulator per group."""

    __slots__ = ("_by", "_checks", "_groups", "_new")

    def __init__(self, metering: Metering, new: Callable[[], A], policy: RatingPolicy) -> None:
        self._checks = [passes for passes, _ in checks(metering.metric, metering.by, metering.where, policy)]
        self._by = metering.by
        self._new = new
        self._groups: dict[tuple[str, ...], A] = {}

    def count(self, slot: int, event: Event) -> bool:
        """Count an event in a slice, if it passes; whether it did."""
        for passes in self._checks:
            if not passes(event):
                return False
        properties = event.properties
        values = tuple([text_of(properties.get(key)) or "" for key in self._by])
        accumulator = self._groups.get(values)
        if accumulator is None:
            accumulator = self._groups[values] = self._new()
        accumulator.add(slot, event)
        return True

    def groups(self) -> list[tuple[Group, A]]:
        """What was counted, by group."""
        return [(tuple(zip(self._by, values, strict=True)), accumulator) for values, accumulator in self._groups.items()]


@dataclass(frozen=True, slots=True)
class PeriodUsage:
    """What a billing period's events come to: a curve per metering and group, told apart at ``edges``."""

    period: Span
    edges: frozenset[datetime]
    curves: Mapping[Metering, Mapping[Group, Curve]]

    def require(self, instants: Iterable[datetime]) -> None:
        """Check that usage was told apart at these instants, as far as they are inside the period.

        :raises RatingError: it was not, so nothing exact can be said of the time between.
        """
        inside = {instant for instant in instants if self.period.start < instant < self.period.end}
        if missing := sorted(inside - self.edges):
            raise RatingError(f"usage was not metered at {missing[0].isoformat()}: give that instant as a cut")


class PeriodMeter:
    """Counts one contract's usage in one billing period.

    Feed it one customer's events, each transaction id once, in any order; events of other times and events that no product
    of the contract meters don't count.

    :param cuts: further instants at which to tell usage apart: edges of breakdown windows, dates of proposed prices.
    """

    def __init__(self, terms: Terms, period: Span, *, cuts: Iterable[datetime] = (), policy: RatingPolicy = DEFAULT) -> None:
        self._period = period
        self._policy = policy
        self._slots = _Slots(period, {*change_instants(terms, period), *cuts})
        wanted = [
            metering
            for product in terms.usage_products
            for _, _, metering in meterings(product, terms, period)
            if metering is not None
        ]
        self._tallies = {
            metering: _Tally(metering, running_accumulator(metering.metric, policy), policy) for metering in dict.fromkeys(wanted)
        }

    def add(self, event: Event) -> bool:
        """Count an event; whether it counted for anything."""
        slot = self._slots.find(event.timestamp)
        if slot < 0:
            return False
        counted = False
        for tally in self._tallies.values():
            counted |= tally.count(slot, event)
        return counted

    def add_all(self, events: Iterable[Event]) -> int:
        """Count events, read one at a time; how many counted for something."""
        return sum(map(self.add, events))

    def usage(self) -> PeriodUsage:
        """The usage of all events so far. The meter can be fed on."""
        edges = frozenset({*self._slots.starts, self._period.end})
        return PeriodUsage(self._period, edges, {one: self._curves(one) for one in self._tallies})

    def _curves(self, metering: Metering) -> dict[Group, Curve]:
        starts = self._slots.starts
        whole = metering.metric.aggregation is Aggregation.MAX and self._policy.max_billing is MaxBilling.AT_PERIOD_END
        curves = {}
        for values, accumulator in self._tallies[metering].groups():
            running = accumulator.running()
            if whole:
                running = {len(starts) - 1: max(running.values())}
            curves[values] = Curve(tuple(starts[slot] for slot in running), tuple(running.values()))
        return curves


@dataclass(frozen=True, slots=True)
class WindowUsage:
    """The value of a metric for one group in one window, from that window's events alone."""

    window: Span
    group: Group
    value: Decimal


class WindowMeter:
    """Usage as it is queried, not as it is billed: each window by itself (§13.3).

    LATEST gives the last value of the window, MAX its maximum, UNIQUE its distinct values; windows without events of a group
    have no row.

    :param windows: adjoining spans in order, as :func:`~nova_iac.rating.periods.windows` gives them.
    """

    def __init__(
        self,
        metric: Metric,
        windows: Iterable[Span],
        *,
        by: Iterable[str] = (),
        where: Iterable[GroupFilter] = (),
        policy: RatingPolicy = DEFAULT,
    ) -> None:
        self._windows = tuple(windows)
        if not self._windows or any(a.end != b.start for a, b in pairwise(self._windows)):
            raise RatingError("windows adjoin each other, and there is at least one")
        whole = Span(self._windows[0].start, self._windows[-1].end)
        self._slots = _Slots(whole, (window.start for window in self._windows))
        metering = Metering(metric, tuple(sorted(by)), tuple(where))
        self._tally = _Tally[Windowed](metering, window_accumulator(metric, policy), policy)

    def add(self, event: Event) -> bool:
        """Count an event; whether it counted."""
        slot = self._slots.find(event.timestamp)
        return slot >= 0 and self._tally.count(slot, event)

    def add_all(self, events: Iterable[Event]) -> int:
        """Count events, read one at a time; how many counted."""
        return sum(map(self.add, events))

    def rows(self) -> list[WindowUsage]:
        """The usage of all events so far, by window and then by group."""
        found = [
            (slot, values, value) for values, accumulator in self._tally.groups() for slot, value in accumulator.alone().items()
        ]
        return [WindowUsage(self._windows[slot], values, value) for slot, values, value in sorted(found, key=_by_window)]


def _by_window(row: tuple[int, Group, Decimal]) -> tuple[int, Group]:
    return row[:2]
