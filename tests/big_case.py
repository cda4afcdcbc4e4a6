"""The spec of the case whose plan is longer than a comment may be, too long to be kept as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

_HEAD = """\
version: 1
environments: {local: {emulator: true}}
billable_metrics:
  tokens:
    name: Tokens
    event_type_filter: {in_values: [completion]}
    aggregation_type: SUM
    aggregation_key: tokens
    group_keys: [[model]]
    property_filters: [{name: model, exists: true}, {name: tokens, exists: true}]
products:
  tokens: {name: Tokens, type: USAGE, billable_metric: tokens, pricing_group_key: [model]}
rate_cards:
  standard:
    name: Standard
    rates:
      tokens:
"""
_MODELS = 260
_CUSTOMERS = range(240)
_LEAVING = range(0, 240, 4)


def _spec(entries: Iterable[str], customers: Mapping[int, str]) -> str:
    lines = [f"        - {entry}" for entry in entries]
    lines += ["customers:", *(f"  c{number:03}: {{name: {name}}}" for number, name in customers.items())]
    return _HEAD + "\n".join(lines) + "\n"


def _prices(cents: int) -> str:
    return ", ".join(f"model-{number:03}: $0.{cents + number:04}" for number in range(_MODELS))


def five_hundred_changes() -> tuple[str, str]:
    """260 prices rise, 180 customers get another name, 60 leave."""
    now = f"{{starting_at: 2026-01-01, prices: {{{_prices(100)}}}}}"
    then = f"{{starting_at: 2027-01-01, prices: {{{_prices(120)}}}}}"
    before = {number: f"Customer {number} of those that are billed" for number in _CUSTOMERS}
    after = {
        number: f"Customer {number} of the two hundred and forty that are billed by the standard card"
        for number in _CUSTOMERS
        if number not in _LEAVING
    }
    return _spec([now], before), _spec([now, then], after)


BIG: Mapping[str, Callable[[], tuple[str, str]]] = {"five_hundred_changes": five_hundred_changes}
