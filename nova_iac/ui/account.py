"""The two calls of the account that the view makes on its own: today's usage by group, and one event (API facts §13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from nova_iac import moment
from nova_iac.remote import Client
from nova_iac.usage.queries import GROUPS, day_of
from nova_iac.usage.sender import INGEST


def usage_by_group(
    client: Client, customer_id: str, metric_id: str, keys: Sequence[str], now: datetime
) -> Iterator[tuple[Mapping[str, str], Decimal]]:
    """This UTC day's usage of one metric by the whole of a group key; without keys, one row."""
    start, end = day_of(now)
    params: dict[str, Any] = {
        "customer_id": customer_id,
        "billable_metric_id": metric_id,
        "window_size": "DAY",
        "starting_on": moment.text(start),
        "ending_before": moment.text(end),
    }
    if keys:
        params["group_key"] = list(keys)
    for row in client.rows(GROUPS, params):
        if row.get("value") is not None:
            yield row.get("group") or {}, Decimal(row["value"])


def send_event(client: Client, event: Mapping[str, Any]) -> None:
    """Send one event. Repeated after a fault as it is: its transaction_id keeps it from counting twice (§13.1)."""
    client.read(INGEST, {"usage": [event]})
