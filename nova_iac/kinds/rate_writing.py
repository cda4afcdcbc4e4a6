"""From timelines, one per combination of group values, to entries as people write them: the inverse of ``rate_entries``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from nova_iac import timeline
from nova_iac.resource import Address, Value

_FREQUENCY: Final = "billing_frequency"
_RESERVED: Final = frozenset(("price", "tiers", "percent", "entitled", "commit_rate", "values"))


@dataclass(frozen=True, slots=True)
class _Piece:
    """One price from one instant on, for one combination of group values."""

    dates: tuple[tuple[str, str], ...]
    frequency: str | None
    values: Mapping[str, str]
    value: Mapping[str, Value]

    @property
    def entry(self) -> tuple[tuple[tuple[str, str], ...], str, bool]:
        """What pieces must have in common to stand in one entry; sorts as entries do."""
        return self.dates, self.frequency or "", self.value.get("entitled") is False


def write_entries(timelines: Mapping[Address, Sequence[timeline.Entry]], group_keys: Sequence[str]) -> list[dict[str, Value]]:
    """The shortest entries that expand to these timelines, in order of time; equal timelines give equal entries.

    :param timelines: of one product on one card, by address.
    :param group_keys: the product's pricing group keys.
    """
    pieces = [piece for address, entries in timelines.items() for piece in _pieces(address, entries)]
    pieces.sort(key=lambda piece: (piece.entry, [piece.values.get(key, "") for key in group_keys], sorted(piece.values.items())))
    found: list[dict[str, Value]] = []
    last: tuple[object, ...] | None = None
    for piece in pieces:
        entry: dict[str, Value] = dict(piece.dates) | ({_FREQUENCY: piece.frequency} if piece.frequency else {})
        if not piece.values:
            found.append({**entry, **piece.value})
            continue
        if last != piece.entry:
            prices: Value = {} if len(group_keys) == 1 else []
            found.append(entry | ({"entitled": False} if piece.entry[2] else {}) | {"prices": prices})
            last = piece.entry
        form = {name: part for name, part in piece.value.items() if name != "entitled"}
        _add(found[-1]["prices"], piece.values, form)
    return found


def _pieces(address: Address, entries: Sequence[timeline.Entry]) -> Iterator[_Piece]:
    selector = address.selector
    frequency = selector.pop(_FREQUENCY, None)
    steps = timeline.steps(entries)
    before: timeline.StepValue | None = None
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if step.value is not None:
            dates = [("starting_at", step.starting_at)]
            if following is not None and following.value is None:
                dates.append(("ending_before", following.starting_at))
            value = step.value
            if not selector and before is not None and value == {**before, "entitled": False}:
                value = {"entitled": False}
            yield _Piece(tuple(dates), frequency, selector, value)
        before = step.value


def _add(prices: Value, values: Mapping[str, str], form: Mapping[str, Value]) -> None:
    if isinstance(prices, list):
        prices.append({"values": dict(values), **form} if _RESERVED & values.keys() else {**values, **form})
    else:
        prices[next(iter(values.values()))] = form["price"] if form.keys() == {"price"} else dict(form)
