"""The few calls of the account that the view makes beside planning: usage, invoices, and one event (API facts §13, §14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from nova_iac import moment
from nova_iac.remote import Client, Endpoint

USAGE_GROUPS: Final = Endpoint("POST", "/v1/usage/groups", "v1.usage.list_with_groups", cursor="next_page", limit=100)
BREAKDOWNS: Final = Endpoint(
    "GET", "/v1/customers/{customer_id}/invoices/breakdowns", "v1.customers.invoices.list_breakdowns", cursor="next_page"
)
INVOICES: Final = Endpoint("GET", "/v1/customers/{customer_id}/invoices", "v1.customers.invoices.list", cursor="next_page")
INGEST: Final = Endpoint("POST", "/v1/ingest", "v1.usage.ingest")

_MOST_DRAFTS: Final = 10


def utc_day(now: datetime) -> tuple[str, str]:
    """The UTC day that an instant lies in: its midnight and the next one."""
    start = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return moment.text(start), moment.text(start + timedelta(days=1))


def usage_by_group(
    client: Client, customer_id: str, metric_id: str, keys: Sequence[str], day: tuple[str, str]
) -> Iterator[tuple[Mapping[str, str], Decimal]]:
    """A day's usage of one metric by the whole of a group key; without keys, one row."""
    params: dict[str, Any] = {
        "customer_id": customer_id,
        "billable_metric_id": metric_id,
        "window_size": "DAY",
        "starting_on": day[0],
        "ending_before": day[1],
    }
    if keys:
        params["group_key"] = list(keys)
    for row in client.rows(USAGE_GROUPS, params):
        if row.get("value") is not None:
            yield row.get("group") or {}, Decimal(row["value"])


def draft_breakdowns(client: Client, customer_id: str, day: tuple[str, str]) -> list[dict[str, Any]]:
    """What a day added to each draft invoice: invoices with that day's lines and totals."""
    params = {
        "customer_id": customer_id,
        "starting_on": day[0],
        "ending_before": day[1],
        "window_size": "DAY",
        "status": "DRAFT",
        "skip_zero_qty_line_items": True,
    }
    return list(client.rows(BREAKDOWNS, params))


def draft_invoices(client: Client, customer_id: str) -> list[dict[str, Any]]:
    """The newest draft invoices."""
    params = {"customer_id": customer_id, "status": "DRAFT", "sort": "date_desc", "limit": _MOST_DRAFTS}
    found: list[dict[str, Any]] = client.read(INVOICES, params)["data"]
    return found


def send_event(client: Client, event: Mapping[str, Any]) -> None:
    """Send one event. Repeated after a fault as it is: its transaction_id keeps it from counting twice (§13.1)."""
    client.read(INGEST, {"usage": [event]})
