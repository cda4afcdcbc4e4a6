"""Would this event bill? Judged against the spec, before it is sent: Metronome answers 200 to events that nothing counts.

What an event fails is told apart by whose mistake it may be: a name that the spec doesn't have (production has customers that no
spec names), or a value that can't be counted.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from operator import itemgetter
from typing import Final

from nova_iac import moment, rating
from nova_iac.resource import Address
from nova_iac.usage.agreed import Agreed
from nova_iac.usage.event import AHEAD, BEHIND, Event, Exact

_KEPT: Final = timedelta(hours=1)
_MOST_KEPT: Final = 20_000
_MOST_NAMED: Final = 12
_HINTS: Final = 100


class Unknown(StrEnum):
    """What is done with an event that names something that the spec doesn't have."""

    REJECT = "reject"
    WARN = "warn"
    SEND = "send"


class Fault(Enum):
    """What is wrong with an event."""

    TIME = auto()
    """Metronome would refuse it."""
    COUNT = auto()
    """It can't be counted."""
    NAME = auto()
    """It names a customer, an event type or a value that the spec doesn't have."""
    PRICE = auto()
    """It would be counted, and be free."""


SUMMARIES: Final = {
    Fault.TIME: "another timestamp that Metronome refuses",
    Fault.COUNT: "another value that can't be counted",
    Fault.NAME: "another customer, event type or value that the spec doesn't have",
    Fault.PRICE: "another group without a price",
}
"""What is said of a fault where there are too many different ones to name."""

_SENT_UNDER: Final = {
    Fault.TIME: (),
    Fault.COUNT: (Unknown.SEND,),
    Fault.NAME: (Unknown.SEND, Unknown.WARN),
    Fault.PRICE: (Unknown.SEND, Unknown.WARN),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with an event."""

    fault: Fault
    reason: str

    def lets_through(self, unknown: Unknown) -> bool:
        """Whether the event is sent all the same."""
        return unknown in _SENT_UNDER[self.fault]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the events of one type are judged.

    relevant are the properties whose values matter, numbers those that must be numbers whatever they are. verdicts has, by
    customer and relevant values, what is wrong as long as the numbers are numbers and the time is right: in a million events
    there are few different ones.
    """

    known: bool
    relevant: tuple[str, ...]
    numbers: tuple[str, ...]
    metrics: Mapping[Address, rating.Metric]
    pick: Callable[[Mapping[str, object]], object]
    verdicts: dict[tuple[str, object], tuple[Finding, ...]] = field(default_factory=dict)


_Prices = Mapping[rating.RateKey, rating.Timeline[rating.Rate]]


class Judge:
    """Judges events one by one.

    :param now: the clock; read once a batch by :meth:`look_at_clock`.
    """

    def __init__(self, agreed: Agreed, now: datetime) -> None:
        self._agreed = agreed
        self._plans: dict[str, _Plan] = {}
        self._kept_since = now
        self._hints = _HINTS
        self.look_at_clock(now)

    def look_at_clock(self, now: datetime) -> None:
        """Move the window of accepted timestamps."""
        self.now = now
        self._earliest, self._latest = now - BEHIND, now + AHEAD
        if not self._kept_since <= now <= self._kept_since + _KEPT:
            self._kept_since = now
            self._plans.clear()

    def findings(self, event: Event | Exact, at: datetime) -> tuple[Finding, ...]:
        """All that is wrong with an event of proper form, at the instant of its timestamp."""
        plan = self._plans.get(event.event_type) or self._plan(event.event_type)
        properties = event.properties
        try:
            key = (event.customer_id, plan.pick(properties))
            verdict = plan.verdicts.get(key)
            usual = self._earliest <= at <= self._latest
            for name in plan.numbers:
                value = properties[name]
                usual = usual and type(value) is str and value.isdecimal() and value.isascii()
        except (KeyError, TypeError):  # a property that isn't there, or is a list or an object
            return self._judge(event, at, plan)[0]
        if usual and verdict is not None:
            return verdict
        found, lasting = self._judge(event, at, plan)
        if usual and lasting:
            if len(plan.verdicts) >= _MOST_KEPT:
                plan.verdicts.clear()
            plan.verdicts[key] = found
        return found

    def _judge(self, event: Event | Exact, at: datetime, plan: _Plan) -> tuple[tuple[Finding, ...], bool]:
        """The findings, and whether they are the same at any time that is accepted."""
        found: list[Finding] = []
        if not self._earliest <= at <= self._latest:
            found.append(self._out_of_time(at))
        customer = self._agreed.customers.get(event.customer_id)
        if customer is None and self._agreed.customer_keys:
            found.append(Finding(Fault.NAME, self._unknown_customer(event.customer_id)))
        if not plan.known:
            near = _nearest(event.event_type, self._agreed.event_types)
            found.append(Finding(Fault.NAME, f"no metric counts the event type {event.event_type!r}{near}"))
        counted = [address for address, metric in plan.metrics.items() if _counts(metric, event)]
        if plan.metrics and not counted and not self._agreed.in_sql(event.event_type):
            found.append(_why_not_counted(event, plan.metrics))
        found += [
            Finding(Fault.COUNT, f"property {name} = {event.properties[name]!r} is no number: it would count for nothing")
            for name in plan.numbers
            if event.properties.get(name) is not None and rating.number_of(event.properties[name]) is None
        ]
        lasting = True
        window = rating.Span(self._earliest, self._latest + _KEPT)
        for product, values, priced in self._rates(event, counted, customer):
            timelines = [rates.get((product, values), rating.NEVER) for rates in priced]
            if not any(timeline.at(at) for timeline in timelines):
                found.append(Finding(Fault.PRICE, _no_price(values, priced, product)))
            lasting &= all(len({rate is None for _, rate in timeline.pieces(window)}) == 1 for timeline in timelines)
        return tuple(found), lasting

    def _plan(self, event_type: str) -> _Plan:
        metrics = self._agreed.metrics_for(event_type)
        numbers: dict[str, None] = {}
        relevant: dict[str, None] = {}
        for metric in metrics.values():
            counts = metric.aggregation not in (rating.Aggregation.COUNT, rating.Aggregation.UNIQUE)
            if metric.key is not None and counts:
                numbers[metric.key] = None
            for one in metric.filters:
                if one.name != metric.key or not counts or one.values != rating.ValueFilter():
                    relevant[one.name] = None
            relevant |= dict.fromkeys(name for keys in metric.group_keys for name in keys)
        names = tuple(relevant)
        known = bool(metrics) or self._agreed.in_sql(event_type)
        plan = _Plan(known, names, tuple(numbers), metrics, itemgetter(*names) if names else _nothing)
        self._plans[event_type] = plan
        return plan

    def _rates(
        self, event: Event | Exact, counted: Iterable[Address], customer: Address | None
    ) -> Iterator[tuple[str, rating.Group, list[_Prices]]]:
        """The products with prices by group that bill an event: the group, and the prices of each card that has the product."""
        cards = self._agreed.cards_of(customer)
        for metric in counted:
            for product in self._agreed.products_of.get(metric, ()):
                keys = self._agreed.definitions[product].pricing_keys
                priced = [rates for card in cards if (rates := self._agreed.prices[card]) and self._agreed.sells(card, product)]
                if priced and keys:
                    values = {key: rating.text_of(event.properties.get(key)) or "" for key in keys}
                    yield str(product), rating.group(values), priced

    def _unknown_customer(self, name: str) -> str:
        if name in self._agreed.customer_keys:
            right = self._agreed.event_name(self._agreed.customer_keys[name])
            use = f"; events call it {right!r}" if right else ""
            return f"{name!r} is a customer's key in the spec, which Metronome doesn't know{use}"
        self._hints -= 1  # a hint looks through all names: not for each of a million strangers
        return f"no customer of the spec is called {name!r}{_nearest(name, self._agreed.customers) if self._hints >= 0 else ''}"

    def _out_of_time(self, at: datetime) -> Finding:
        rule = "more than 34 days in the past" if at < self._earliest else "more than 24 hours in the future"
        return Finding(
            Fault.TIME, f"timestamp {moment.text(at)} is {rule}, which Metronome refuses (it is {moment.text(self.now)})"
        )


def _counts(metric: rating.Metric, event: Event | Exact) -> bool:
    """Whether the metric takes the event, as far as that doesn't hang on a number."""
    failed = rating.mismatch(metric, _rated(event))
    return failed is None or failed.rule is rating.Rule.NOT_A_NUMBER


def _rated(event: Event | Exact) -> rating.Event:
    return rating.Event(event.transaction_id, rating.BEGINNING, event.event_type, event.properties)


def _why_not_counted(event: Event | Exact, metrics: Mapping[Address, rating.Metric]) -> Finding:
    """The reason of the metric that came nearest: a wrong value before a missing one."""
    failed = [(metric, rating.mismatch(metric, _rated(event))) for metric in metrics.values()]
    wrong = [one for one in failed if one[1] and event.properties.get(one[1].name) is not None]
    metric, why = (wrong or failed)[0]
    assert why is not None
    value = event.properties.get(why.name)
    if value is None:
        what = "aggregates" if why.name == metric.key else "needs"
        near = _nearest(why.name, [name for name in event.properties if name not in _names(metric)])
        return Finding(Fault.COUNT, f"property {why.name} is missing, which the metric {what}: it would count for nothing{near}")
    if isinstance(value, list | dict):
        return Finding(Fault.COUNT, f"property {why.name} is a list or an object: it would count for nothing")
    allowed = next((one.values.in_values for one in metric.filters if one.name == why.name), None)
    return Finding(Fault.NAME, f"no metric takes {why.name} = {value!r}{_choices(str(value), allowed or ())}")


def _names(metric: rating.Metric) -> set[str]:
    return {one.name for one in metric.filters} | {name for keys in metric.group_keys for name in keys}


def _nothing(_: object) -> None:
    return None


def _no_price(values: rating.Group, cards: Iterable[_Prices], product: str) -> str:
    words = ", ".join(f"{name} = {value!r}" for name, value in values)
    if len(values) != 1:
        return f"no price is in force for {words}: it would be free"
    known = {dict(group).get(values[0][0], "") for rates in cards for one, group in rates if one == product}
    return f"no price is in force for {words}: it would be free{_choices(values[0][1], known)}"


def _choices(value: str, known: Iterable[str]) -> str:
    names = sorted(set(known) - {value})
    near = _nearest(value, names)
    return near or (f"; there are {', '.join(names)}" if 0 < len(names) <= _MOST_NAMED else "")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known)[:5_000], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
