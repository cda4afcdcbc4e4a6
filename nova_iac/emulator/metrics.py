"""Stored metrics as the rating library wants them."""

from __future__ import annotations

from typing import Any

from nova_iac import rating
from nova_iac.emulator import times
from nova_iac.emulator.store import Stored


def of(metric: Stored) -> rating.Metric | rating.SqlMetric:
    return rating.SqlMetric(metric.body["sql"]) if "sql" in metric.body else streaming(metric)


def streaming(metric: Stored) -> rating.Metric:
    """A streaming metric; it counts events that came in after it was made (§6.1)."""
    body = metric.body
    return rating.Metric(
        aggregation=rating.Aggregation(body["aggregation_type"]),
        key=body.get("aggregation_key"),
        event_types=_values(body.get("event_type_filter", {})),
        filters=tuple(
            rating.PropertyFilter(each["name"], each.get("exists"), _values(each)) for each in body.get("property_filters", [])
        ),
        group_keys=tuple(frozenset(key) for key in body.get("group_keys", [])),
        counts_from=times.parse(metric.created_at),
    )


def _values(body: dict[str, Any]) -> rating.ValueFilter:
    wanted = body.get("in_values")
    return rating.ValueFilter(None if wanted is None else frozenset(wanted), frozenset(body.get("not_in_values", ())))
