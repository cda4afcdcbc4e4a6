"""Made-up usage: the same events for the same seed, spread evenly over what can be billed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import product as combinations
from random import Random
from typing import Final

from nova_iac import moment, rating
from nova_iac.errors import UsageProblem
from nova_iac.resource import Address
from nova_iac.usage.agreed import Agreed
from nova_iac.usage.event import Event, encode, generated_id
from nova_iac.usage.sources import Position, Row

_MADE_UP: Final = ("a", "b", "c")


class Generated:
    """So many events of one type for one customer.

    The values of group keys take turns, in an order that the seed shuffles anew each round: with three prices, nine events are
    three of each. Aggregated properties are 1. What ``fixed`` says is never made up.

    Their ids hang on all that is asked for but the count and the clock: what is asked for again is the same again, and more of it
    only adds.

    :param since: the events are spread evenly from here to ``until``; None: all are at ``until``.
    :param fixed_until: ``until`` was asked for, and isn't just the time of the run.
    """

    def __init__(
        self,
        agreed: Agreed,
        event_type: str,
        customer_id: str,
        *,
        count: int,
        seed: int,
        fixed: Mapping[str, str],
        until: datetime,
        since: datetime | None,
        fixed_until: bool = False,
    ) -> None:
        self._event_type = event_type
        self._customer_id = customer_id
        self._count = count
        self._seed = seed
        self._given = {
            "properties": dict(fixed),
            "since": None if since is None else moment.text(since),
            "until": moment.text(until) if fixed_until else None,
        }
        self._until = until
        self._step = None if since is None else (until - since) / count
        self._choices = _choices(agreed, event_type, agreed.customers.get(customer_id), fixed, until)
        self._row = 0

    @property
    def position(self) -> Position:
        """How many were made."""
        return Position(self._row, self._row, 0)

    def __iter__(self) -> Iterator[Row]:
        random = Random(self._seed)
        turn: list[Mapping[str, str]] = []
        for index in range(self._count):
            if not turn:
                turn = list(self._choices)
                random.shuffle(turn)
            at = self._until if self._step is None else self._until - self._step * (self._count - 1 - index)
            event = Event(
                generated_id(self._seed, self._customer_id, self._event_type, index, self._given),
                self._customer_id,
                self._event_type,
                moment.text(at),
                dict(turn.pop()),
            )
            self._row += 1
            yield Row(self._row, encode(event), event)


def _choices(
    agreed: Agreed, event_type: str, customer: Address | None, fixed: Mapping[str, str], at: datetime
) -> list[dict[str, str]]:
    """Sets of properties that the metrics of an event type count, one for each combination of values that has a price.

    :raises UsageProblem: no metric counts this type, so nothing sensible can be made up.
    """
    metrics = agreed.metrics_for(event_type)
    if not metrics and not fixed:
        types = ", ".join(agreed.event_types) or "none"
        raise UsageProblem(
            f"no metric counts the event type {event_type!r}, so its properties can't be made up; there are: {types}."
        )
    common: dict[str, str] = {}
    priced: list[dict[str, str]] = []
    for address, metric in metrics.items():
        for one in metric.filters:
            if one.exists is not False:
                wanted = sorted(one.values.in_values or ())
                common.setdefault(one.name, wanted[0] if wanted else _MADE_UP[0])
        for keys in metric.group_keys:
            common |= {name: common.get(name, _MADE_UP[0]) for name in keys}
        if metric.key is not None and metric.aggregation is not rating.Aggregation.UNIQUE:
            common[metric.key] = "1"
        for product in agreed.products_of.get(address, ()):
            priced += _priced(agreed, product, agreed.cards_of(customer), at)
    free = [values for values in priced if all(fixed.get(name, value) == value for name, value in values.items())]
    sets = list(dict.fromkeys(tuple(sorted({**common, **values, **fixed}.items())) for values in free or [{}]))
    shown = _presented(agreed, metrics, fixed, {name for values in priced for name in values})
    if shown and len(sets) == 1:
        names = sorted(shown)
        return [
            {**dict(sets[0]), **dict(zip(names, values, strict=True))} for values in combinations(_MADE_UP, repeat=len(names))
        ]
    return [dict(one) for one in sets]


def _priced(agreed: Agreed, product: Address, cards: tuple[Address, ...], at: datetime) -> Iterator[dict[str, str]]:
    for card in cards:
        for (one, group), timeline in agreed.prices[card].items():
            rate = timeline.at(at)
            if one == product and rate is not None and rate.entitled:
                yield dict(group)


def _presented(agreed: Agreed, metrics: Mapping[Address, rating.Metric], fixed: Mapping[str, str], priced: set[str]) -> set[str]:
    """Keys by which lines are only told apart: they get a few made-up values."""
    found: set[str] = set()
    for address, metric in metrics.items():
        limited = {one.name for one in metric.filters if one.values != rating.ValueFilter()}
        for product in agreed.products_of.get(address, ()):
            found |= agreed.definitions[product].presentation_keys - priced - limited - set(fixed)
    return found
