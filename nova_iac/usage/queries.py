"""A customer's usage by group with its amounts: quantities from the usage endpoints, amounts from invoice breakdowns.

Both come from Metronome; quantity is never multiplied by price here. Where a group has usage and no invoice line, it is free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from nova_iac import moment
from nova_iac.errors import UsageProblem
from nova_iac.kinds.billable_metric import LIST as LIST_METRICS
from nova_iac.kinds.product import LIST as LIST_PRODUCTS
from nova_iac.money import Money, plain
from nova_iac.rating.exact import exact
from nova_iac.remote import Client, Endpoint
from nova_iac.usage import statements
from nova_iac.usage.statements import Invoice

USAGE: Final = Endpoint("POST", "/v1/usage", "v1.usage.list", cursor="next_page")
GROUPS: Final = Endpoint("POST", "/v1/usage/groups", "v1.usage.list_with_groups", cursor="next_page", limit=100)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GroupUsage:
    """One group of a metric. amount None: no invoice line is about it."""

    group: Mapping[str, str]
    quantity: Decimal
    amount: Money | None


@dataclass(frozen=True, slots=True)
class MetricUsage:
    """A metric's usage in a window. by are the keys that rows are told apart by; split False: amounts can't be told by them.

    quantity and amount are of the whole metric.
    """

    id: str
    name: str
    by: tuple[str, ...]
    rows: tuple[GroupUsage, ...]
    quantity: Decimal
    amount: Money | None
    split: bool = True

    def as_data(self) -> dict[str, object]:
        """Plain data; decimals are texts, amounts in major units."""
        return {
            "billable_metric_id": self.id,
            "name": self.name,
            "group_by": list(self.by),
            "groups": [
                {"group": dict(row.group), "quantity": plain(row.quantity), "amount": _amount(row.amount)} for row in self.rows
            ],
            "quantity": plain(self.quantity),
            "amount": _amount(self.amount),
        }


@dataclass(frozen=True, slots=True)
class Usage:
    """A customer's usage from start to end. total is what the days come to on invoices, in each currency.

    finalized: some of those invoices are. Usage that came in after that shows here and is not on them (§13.1).
    """

    start: datetime
    end: datetime
    metrics: tuple[MetricUsage, ...]
    total: Mapping[str, Money]
    finalized: bool = False

    def as_data(self) -> dict[str, object]:
        """Plain data; decimals are texts, amounts in major units."""
        return {
            "starting_on": moment.text(self.start),
            "ending_before": moment.text(self.end),
            "metrics": [metric.as_data() for metric in self.metrics],
            "total": {unit: plain(money.amount) for unit, money in self.total.items()},
            "finalized": self.finalized,
        }


def day_of(instant: datetime) -> tuple[datetime, datetime]:
    """The UTC day that an instant is in."""
    start = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    return start, start + _DAY


def usage(
    client: Client,
    customer_id: str,
    start: datetime,
    end: datetime,
    *,
    metric: str | None = None,
    group_by: Sequence[str] | None = None,
) -> Usage:
    """The usage of a customer in whole UTC days.

    :param metric: only this one, by id or name.
    :param group_by: the keys to tell usage apart by; by default those of the product that bills the metric.
    :raises UsageProblem: there is no such metric, or it has no such group key.
    """
    days = list(statements.breakdowns(client, customer_id, start, end))
    products = _Products(client)
    found = [
        _metric_usage(client, customer_id, start, end, row, days, products, group_by)
        for row in _metrics(client, customer_id, start, end, metric)
    ]
    shown = tuple(one for one in found if one.rows or metric)
    final = any(day.status == "FINALIZED" for day in days)
    return Usage(start, end, shown, _sum_by_unit(day.total for day in days), final)


def _metrics(client: Client, customer_id: str, start: datetime, end: datetime, wanted: str | None) -> Iterable[Mapping[str, Any]]:
    """The metrics to show: the one that is asked for, or those with usage."""
    if wanted is not None:
        rows = list(client.rows(LIST_METRICS, {"include_archived": True}))
        found = [row for row in rows if wanted in (row["id"], row["name"])]
        live = [row for row in found if not row.get("archived_at")]
        if not found:
            names = ", ".join(sorted({row["name"] for row in rows if not row.get("archived_at")})) or "none"
            raise UsageProblem(f"the account has no billable metric {wanted}; it has: {names}.")
        return (live or found)[:1]
    params = {**_window(start, end), "customer_ids": [customer_id]}
    used = {row["billable_metric_id"] for row in client.rows(USAGE, params) if row.get("value") is not None}
    return [row for row in client.rows(LIST_METRICS, {"include_archived": True}) if row["id"] in used] if used else []


def _metric_usage(
    client: Client,
    customer_id: str,
    start: datetime,
    end: datetime,
    metric: Mapping[str, Any],
    days: Sequence[Invoice],
    products: _Products,
    group_by: Sequence[str] | None,
) -> MetricUsage:
    billing = products.of_metric(metric["id"])
    keys = tuple(group_by) if group_by is not None else _keys(metric, billing)
    if keys and set(keys) not in [set(part) for part in metric.get("group_keys") or ()]:
        known = "; ".join(sorted(",".join(sorted(part)) for part in metric.get("group_keys") or ())) or "none"
        raise UsageProblem(f"{metric['name']} can't be grouped by {','.join(keys)}; its group keys are: {known}.")
    params = {**_window(start, end), "customer_id": customer_id, "billable_metric_id": metric["id"]}
    whole = [row["value"] for row in client.rows(GROUPS, params) if row.get("value") is not None]
    lines = [line for day in days for line in day.lines if line.product_id in billing]
    total = _sum_by_unit(line.total for line in lines)
    split = len(total) < 2 and all(set(keys) <= set(line.group) for line in lines)
    amounts = _sum_by_group((tuple(line.group.get(key, "") for key in keys), line.total) for line in lines) if split else {}
    rows = []
    if keys:
        for row in client.rows(GROUPS, {**params, "group_key": list(keys)}):
            if row.get("value") is not None:
                values = row.get("group") or {row["group_key"]: row["group_value"]}
                group = {key: values.get(key) or "" for key in keys}
                rows.append(GroupUsage(group, _decimal(row["value"]), amounts.get(tuple(group.values()))))
    elif whole:
        rows.append(GroupUsage({}, _decimal(whole[0]), amounts.get(())))
    rows.sort(key=lambda row: tuple(row.group.values()))
    quantity = _decimal(whole[0]) if whole else Decimal(0)
    amount = next(iter(total.values())) if len(total) == 1 else None
    return MetricUsage(metric["id"], metric["name"], keys, tuple(rows), quantity, amount, split)


class _Products:
    """The account's products by the metrics that they bill, or once billed: read when first needed."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._rows: list[Mapping[str, Any]] | None = None

    def of_metric(self, metric_id: str) -> dict[str, Mapping[str, Any]]:
        """Their present states by id."""
        if self._rows is None:
            self._rows = list(self._client.rows(LIST_PRODUCTS, {"archive_filter": "ALL"}))
        return {
            row["id"]: row["current"]
            for row in self._rows
            if metric_id in (state.get("billable_metric_id") for state in (row["initial"], *(row.get("updates") or ())))
        }


def _keys(metric: Mapping[str, Any], billing: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """How the metric's product tells usage apart: the values with prices first."""
    known = [set(part) for part in metric.get("group_keys") or ()]
    for product in billing.values():
        keys = tuple(dict.fromkeys([*(product.get("pricing_group_key") or ()), *(product.get("presentation_group_key") or ())]))
        if set(keys) in known:
            return keys
    return ()


def _window(start: datetime, end: datetime) -> dict[str, str]:
    return {"starting_on": moment.text(start), "ending_before": moment.text(end), "window_size": "NONE"}


def _decimal(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


@exact
def _sum_by_group(amounts: Iterable[tuple[tuple[str, ...], Money]]) -> dict[tuple[str, ...], Money]:
    found: dict[tuple[str, ...], Money] = {}
    for group, money in amounts:
        held = found.get(group)
        found[group] = money if held is None else Money(held.amount + money.amount, money.unit)
    return found


@exact
def _sum_by_unit(amounts: Iterable[Money]) -> dict[str, Money]:
    found: dict[str, Money] = {}
    for money in amounts:
        held = found.get(money.unit)
        found[money.unit] = money if held is None else Money(held.amount + money.amount, money.unit)
    return found


def _amount(money: Money | None) -> dict[str, str] | None:
    return None if money is None else {"currency": money.unit, "amount": plain(money.amount)}
