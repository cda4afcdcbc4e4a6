"""Step 1, which events count: events, billable metrics and their filters (§6.1).

The customer is not part of this: the caller hands in one customer's events, each transaction id once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from nova_iac.rating.exact import RatingError, number_of, text_of
from nova_iac.rating.policy import DEFAULT, NonNumeric, RatingPolicy

Group: TypeAlias = tuple[tuple[str, str], ...]
"""The values of some group keys: (key, value) pairs sorted by key; ``()`` where nothing is grouped."""


def group(values: Mapping[str, str]) -> Group:
    """The group of these values."""
    return tuple(sorted(values.items()))


@dataclass(frozen=True, slots=True)
class Event:
    """One usage event. Property values are what JSON has, with numbers as ``int`` or ``Decimal``, never ``float``."""

    transaction_id: str
    timestamp: datetime
    event_type: str
    properties: Mapping[str, object]
    received_at: datetime | None = None
    """When it was ingested; only compared with :attr:`Metric.counts_from`."""


class Aggregation(StrEnum):
    """How a metric turns events into one number."""

    COUNT = "COUNT"
    SUM = "SUM"
    MAX = "MAX"
    LATEST = "LATEST"
    """The value of the event with the latest timestamp; of several, the one with the greatest transaction id."""
    UNIQUE = "UNIQUE"
    """How many different values there are; compared as texts."""


@dataclass(frozen=True, slots=True)
class ValueFilter:
    """Which texts pass: those in ``in_values`` (None: all) that are not in ``not_in_values``."""

    in_values: frozenset[str] | None = None
    not_in_values: frozenset[str] = frozenset()

    def allows(self, text: str) -> bool:
        """Whether this text passes."""
        return (self.in_values is None or text in self.in_values) and text not in self.not_in_values


@dataclass(frozen=True, slots=True)
class PropertyFilter:
    """A rule on one property.

    ``exists`` True: it must be there; False: it must not; None: it may be missing, unless ``values`` has ``in_values``, which
    nothing missing is in. A property that is null, a list or an object is missing: it has no text to filter or to group by.
    """

    name: str
    exists: bool | None = None
    values: ValueFilter = ValueFilter()

    def allows(self, value: object) -> bool:
        """Whether an event with this value of the property (None: it has none) passes."""
        text = text_of(value)
        if text is None:
            return self.exists is not True and self.values.in_values is None
        return self.exists is not False and self.values.allows(text)


@dataclass(frozen=True, slots=True)
class Metric:
    """A streaming billable metric: which events count, and how they become a number."""

    aggregation: Aggregation
    key: str | None = None
    """The property that is aggregated. A COUNT needs none; a SUM without one is always 0 (§6.1)."""
    event_types: ValueFilter = ValueFilter()
    filters: tuple[PropertyFilter, ...] = ()
    group_keys: tuple[frozenset[str], ...] = ()
    """The (compound) keys by which it can be grouped; an event must have the properties of all of them."""
    counts_from: datetime | None = None
    """Events received before this do not count: a new metric does not see older usage (§6.1)."""

    def __post_init__(self) -> None:
        if self.key is None and self.aggregation not in (Aggregation.COUNT, Aggregation.SUM):
            raise RatingError(f"a {self.aggregation} metric needs the property that it aggregates")


@dataclass(frozen=True, slots=True)
class SqlMetric:
    """A metric defined by a query. It is named where it stands, and never rated."""

    query: str = ""


@dataclass(frozen=True, slots=True)
class GroupFilter:
    """Only events whose property has one of these values: a contract's usage filter, or the group filter of a query."""

    key: str
    values: frozenset[str]


class Rule(StrEnum):
    """The rules of step 1, as names for what an event failed."""

    EVENT_TYPE = "event type"
    PROPERTY_FILTER = "property filter"
    GROUP_KEY = "group key"
    AGGREGATION_KEY = "aggregation key"
    NOT_A_NUMBER = "not a number"
    USAGE_FILTER = "usage filter"
    RECEIVED = "received before the metric counts"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why an event does not count: the rule, and the property or field that it is about."""

    rule: Rule
    name: str


Check: TypeAlias = tuple[Callable[[Event], bool], Mismatch]


def checks(
    metric: Metric, by: Iterable[str] = (), where: Iterable[GroupFilter] = (), policy: RatingPolicy = DEFAULT
) -> list[Check]:
    """What an event has to pass to count for a metric, cheapest first, each with what it means to fail it."""
    found: list[Check] = []
    if metric.event_types != ValueFilter():
        found.append((_type_check(metric.event_types), Mismatch(Rule.EVENT_TYPE, "event_type")))
    found.extend((_value_check(one.name, one.allows), Mismatch(Rule.PROPERTY_FILTER, one.name)) for one in metric.filters)
    required = {key for keys in metric.group_keys for key in keys} | set(by)
    found.extend((_value_check(key, _has_text), Mismatch(Rule.GROUP_KEY, key)) for key in sorted(required))
    if metric.key is not None and metric.aggregation is not Aggregation.COUNT:
        found.append((_value_check(metric.key, _has_text), Mismatch(Rule.AGGREGATION_KEY, metric.key)))
        if metric.aggregation is not Aggregation.UNIQUE and policy.non_numeric is NonNumeric.IGNORE:
            found.append((_value_check(metric.key, _is_number), Mismatch(Rule.NOT_A_NUMBER, metric.key)))
    for one in where:
        wanted = PropertyFilter(one.key, values=ValueFilter(in_values=one.values))
        found.append((_value_check(one.key, wanted.allows), Mismatch(Rule.USAGE_FILTER, one.key)))
    if metric.counts_from is not None:
        found.append((_received_check(metric.counts_from), Mismatch(Rule.RECEIVED, "received_at")))
    return found


def mismatch(
    metric: Metric,
    event: Event,
    *,
    by: Iterable[str] = (),
    where: Iterable[GroupFilter] = (),
    policy: RatingPolicy = DEFAULT,
) -> Mismatch | None:
    """Why this event does not count for the metric; None if it does (grouped by ``by``, within ``where``)."""
    return next((failed for passes, failed in checks(metric, by, where, policy) if not passes(event)), None)


def _is_number(value: object) -> bool:
    return number_of(value) is not None


def _has_text(value: object) -> bool:
    return text_of(value) is not None


def _type_check(types: ValueFilter) -> Callable[[Event], bool]:
    return lambda event: types.allows(event.event_type)


def _value_check(name: str, allows: Callable[[object], bool]) -> Callable[[Event], bool]:
    return lambda event: allows(event.properties.get(name))


def _received_check(since: datetime) -> Callable[[Event], bool]:
    return lambda event: event.received_at is None or event.received_at >= since
