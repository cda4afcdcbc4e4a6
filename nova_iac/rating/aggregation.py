"""Step 2, aggregation: one running state per group and slice, never the events themselves.

An accumulator is fed the events of one group, each with the number of the slice that it falls in, in any order; what it then
says does not depend on that order. It keeps one value per slice with events; a UNIQUE one keeps each distinct value once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from nova_iac.rating.events import Aggregation, Event, Metric
from nova_iac.rating.exact import EXACT, ONE, ZERO, RatingError, number_of, text_of
from nova_iac.rating.policy import NonNumeric, RatingPolicy


class NotANumber(RatingError):
    """An event's aggregated property is no number, and the policy refuses such events."""


class Accumulator(Protocol):
    """The state of one group of one metric."""

    def add(self, slot: int, event: Event) -> None:
        """Count an event that passed step 1 and falls in slice number ``slot``."""


class Running(Accumulator, Protocol):
    """One that can say how the value grew."""

    def running(self) -> dict[int, Decimal]:
        """The value of everything up to the end of each slice that has events, in the order of slices."""


class Windowed(Accumulator, Protocol):
    """One that can say what each slice comes to by itself."""

    def alone(self) -> dict[int, Decimal]:
        """The value of each slice that has events, from its own events only."""


class _Sum:
    """SUM, and COUNT as the sum of ones."""

    __slots__ = ("_read", "_sums")

    def __init__(self, read: Callable[[Event], Decimal]) -> None:
        self._read = read
        self._sums: dict[int, Decimal] = {}

    def add(self, slot: int, event: Event) -> None:
        self._sums[slot] = EXACT.add(self._sums.get(slot, ZERO), self._read(event))

    def alone(self) -> dict[int, Decimal]:
        return dict(self._sums)

    def running(self) -> dict[int, Decimal]:
        total, result = ZERO, {}
        for slot in sorted(self._sums):
            result[slot] = total = EXACT.add(total, self._sums[slot])
        return result


class _Max:
    """MAX. The maximum so far never falls."""

    __slots__ = ("_maxima", "_read")

    def __init__(self, read: Callable[[Event], Decimal]) -> None:
        self._read = read
        self._maxima: dict[int, Decimal] = {}

    def add(self, slot: int, event: Event) -> None:
        value = self._read(event)
        self._maxima[slot] = max(value, self._maxima.get(slot, value))

    def alone(self) -> dict[int, Decimal]:
        return dict(self._maxima)

    def running(self) -> dict[int, Decimal]:
        highest, result = None, {}
        for slot in sorted(self._maxima):
            here = self._maxima[slot]
            result[slot] = highest = here if highest is None else max(highest, here)
        return result


class _Latest:
    """LATEST: the value at the greatest (timestamp, transaction id)."""

    __slots__ = ("_read", "_seen")

    def __init__(self, read: Callable[[Event], Decimal]) -> None:
        self._read = read
        self._seen: dict[int, tuple[datetime, str, Decimal]] = {}

    def add(self, slot: int, event: Event) -> None:
        here = (event.timestamp, event.transaction_id, self._read(event))
        self._seen[slot] = max(here, self._seen.get(slot, here))

    def alone(self) -> dict[int, Decimal]:
        return {slot: value for slot, (_, _, value) in self._seen.items()}

    def running(self) -> dict[int, Decimal]:
        return dict(sorted(self.alone().items()))


class _Unique:
    """UNIQUE over the whole: each value with the first slice that it is seen in."""

    __slots__ = ("_first", "_key", "_slots")

    def __init__(self, key: str) -> None:
        self._key = key
        self._first: dict[str, int] = {}
        self._slots: set[int] = set()

    def add(self, slot: int, event: Event) -> None:
        value = _text(event, self._key)
        self._first[value] = min(slot, self._first.get(value, slot))
        self._slots.add(slot)

    def running(self) -> dict[int, Decimal]:
        fresh = dict.fromkeys(sorted(self._slots), 0)
        for slot in self._first.values():
            fresh[slot] += 1
        total, result = 0, {}
        for slot, count in fresh.items():
            total += count
            result[slot] = Decimal(total)
        return result


class _UniquePerWindow:
    """UNIQUE where each slice is asked for by itself: one set of values per slice."""

    __slots__ = ("_key", "_values")

    def __init__(self, key: str) -> None:
        self._key = key
        self._values: dict[int, set[str]] = {}

    def add(self, slot: int, event: Event) -> None:
        self._values.setdefault(slot, set()).add(_text(event, self._key))

    def alone(self) -> dict[int, Decimal]:
        return {slot: Decimal(len(values)) for slot, values in self._values.items()}


def running_accumulator(metric: Metric, policy: RatingPolicy) -> Callable[[], Running]:
    """What makes the state of a new group where increments are billed."""
    key = metric.key or ""
    return (lambda: _Unique(key)) if metric.aggregation is Aggregation.UNIQUE else _numeric(metric, policy)


def window_accumulator(metric: Metric, policy: RatingPolicy) -> Callable[[], Windowed]:
    """What makes the state of a new group where each window is reported by itself."""
    key = metric.key or ""
    return (lambda: _UniquePerWindow(key)) if metric.aggregation is Aggregation.UNIQUE else _numeric(metric, policy)


def _numeric(metric: Metric, policy: RatingPolicy) -> Callable[[], _Sum | _Max | _Latest]:
    if metric.aggregation is Aggregation.COUNT:
        return lambda: _Sum(_one)
    if metric.key is None:
        return lambda: _Sum(_zero)
    read = _reader(metric.key, policy.non_numeric)
    kinds: dict[Aggregation, type[_Sum | _Max | _Latest]] = {
        Aggregation.SUM: _Sum,
        Aggregation.MAX: _Max,
        Aggregation.LATEST: _Latest,
    }
    kind = kinds[metric.aggregation]
    return lambda: kind(read)


def _reader(key: str, non_numeric: NonNumeric) -> Callable[[Event], Decimal]:
    def read(event: Event) -> Decimal:
        value = event.properties.get(key)
        number = number_of(value)
        if number is not None:
            return number
        if non_numeric is NonNumeric.REFUSE:
            raise NotANumber(f"event {event.transaction_id}: {key} = {value!r} is no number")
        return ZERO

    return read


def _one(_: Event) -> Decimal:
    return ONE


def _zero(_: Event) -> Decimal:
    return ZERO


def _text(event: Event, key: str) -> str:
    return text_of(event.properties.get(key)) or ""
