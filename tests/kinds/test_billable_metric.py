"""Billable metrics: a name that changes, and everything else that takes a new metric."""

from __future__ import annotations

from typing import Any

from kinds_kit import GONE, Edit, Rich

RENAME = "PUT /v1/billable-metrics/{id}"
REPLACE = (
    "POST /v1/billable-metrics/create",
    "POST /v1/contract-pricing/products/update",
    "POST /v1/billable-metrics/archive",
)

STREAMING: dict[str, Any] = {
    "billable_metrics": {
        "images": {
            "name": "Images",
            "event_type_filter": {"in_values": ["image", "picture"], "not_in_values": ["test", "probe"]},
            "aggregation_type": "SUM",
            "aggregation_key": "count",
            "group_keys": [["size"], ["region", "size"]],
            "property_filters": [
                {"name": "size", "exists": True},
                {"name": "region", "in_values": ["eu", "us"]},
                {"name": "count", "exists": True},
                {"name": "internal", "exists": False},
                {"name": "plan", "not_in_values": ["free", "trial"]},
            ],
        }
    },
    "products": {"images": {"name": "Images", "type": "USAGE", "billable_metric": "images"}},
}
SQL: dict[str, Any] = {
    "billable_metrics": {"users": {"name": "Users", "sql": "SELECT COUNT(DISTINCT properties.user) AS value FROM events"}},
    "products": {"users": {"name": "Users", "type": "USAGE", "billable_metric": "users"}},
}
FILTERS = STREAMING["billable_metrics"]["images"]["property_filters"]

RICH = [
    Rich(
        "billable_metric.images",
        "billable_metrics.images",
        STREAMING,
        [
            Edit("name", "Pictures", calls=(RENAME,)),
            Edit("name", GONE, refused="NV132"),
            Edit(
                "event_type_filter", {"in_values": ["image"]}, "replace", REPLACE,
                {
                    "event_type_filter.in_values[1]": ("picture", None),
                    "event_type_filter.not_in_values": (["probe", "test"], None),
                },
            ),
            Edit(
                "event_type_filter", GONE, "replace", REPLACE,
                {"event_type_filter": ({"in_values": ["image", "picture"], "not_in_values": ["probe", "test"]}, None)},
            ),
            Edit("aggregation_type", "MAX", "replace", REPLACE),
            Edit("aggregation_type", GONE, refused="NV132"),
            Edit("aggregation_key", "size", "replace", REPLACE),
            Edit(
                "aggregation_key", GONE, "replace", REPLACE,
                {"aggregation_type": ("SUM", "COUNT"), "aggregation_key": ("count", None)},
                along={"billable_metrics.images.aggregation_type": "COUNT"},
            ),
            Edit("group_keys", [["size"]], "replace", REPLACE, {"group_keys": ([["region", "size"], ["size"]], [["size"]])}),
            Edit("group_keys", GONE, "replace", REPLACE, {"group_keys": ([["region", "size"], ["size"]], None)}),
            Edit("property_filters", FILTERS[:4], "replace", REPLACE, None),
            Edit(
                "property_filters", GONE, "replace", REPLACE, None,
                along={
                    "billable_metrics.images.aggregation_type": "COUNT",
                    "billable_metrics.images.aggregation_key": GONE,
                    "billable_metrics.images.group_keys": GONE,
                },
            ),
        ],
    ),
    Rich(
        "billable_metric.users",
        "billable_metrics.users",
        SQL,
        [
            Edit("sql", "SELECT COUNT(*) AS value FROM events", "replace", REPLACE),
            Edit(
                "sql", GONE, "replace", REPLACE,
                {"sql": (SQL["billable_metrics"]["users"]["sql"], None), "aggregation_type": (None, "COUNT")},
                along={"billable_metrics.users.aggregation_type": "COUNT"},
            ),
            Edit("name", "People", calls=(RENAME,)),
        ],
        name="sql",
    ),
]  # fmt: skip
