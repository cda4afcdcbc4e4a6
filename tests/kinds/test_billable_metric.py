"""Billable metrics: a name that changes, and everything else that takes a new metric."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kinds_kit import GONE, Edit, Rich, applied, calls, changed, text

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
                    "event_type_filter.in_values": (["image", "picture"], ["image"]),
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
            Edit(
                "property_filters", [{"name": "size", "in_values": ["s"]}, *FILTERS[1:4]], "replace", REPLACE,
                {
                    "property_filters[size].exists": (True, None),
                    "property_filters[size].in_values": (None, ["s"]),
                    "property_filters[plan]": ({"not_in_values": ["free", "trial"]}, None),
                },
            ),
            Edit(
                "property_filters", GONE, "replace", REPLACE,
                {
                    "property_filters": (sorted(FILTERS, key=lambda part: json.dumps(part, sort_keys=True)), None),
                    "aggregation_type": ("SUM", "COUNT"),
                    "aggregation_key": ("count", None),
                    "group_keys": ([["region", "size"], ["size"]], None),
                },
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


def test_metric_that_nothing_uses_is_replaced_without_a_switch(tmp_path: Path) -> None:
    """Create and archive: there is nothing to move."""
    alone = {"billable_metrics": STREAMING["billable_metrics"]}
    project = applied(alone, tmp_path)
    project.write(text(changed(alone, {"billable_metrics.images.aggregation_type": "MAX"})))

    assert calls(project.plan()) == (REPLACE[0], REPLACE[2])


def test_two_products_are_switched_to_a_replaced_metric(tmp_path: Path) -> None:
    """One change, and a call for each product; the old metric is archived after both."""
    spec = changed(STREAMING, {"products.more": {"name": "More", "type": "USAGE", "billable_metric": "images"}})
    project = applied(spec, tmp_path)
    project.write(text(changed(spec, {"billable_metrics.images.aggregation_type": "MAX"})))

    plan = project.plan()
    assert calls(plan) == (REPLACE[0], REPLACE[1], REPLACE[1], REPLACE[2])
    assert plan["summary"]["replace"] == 1
    project.apply()
    assert project.actions() == {}


def test_product_that_changes_along_is_a_change_of_its_own(tmp_path: Path) -> None:
    """The switch and the product's own change are one call."""
    project = applied(STREAMING, tmp_path)
    edits = {"billable_metrics.images.aggregation_type": "MAX", "products.images.name": "Pictures"}
    project.write(text(changed(STREAMING, edits)))

    plan = project.plan()
    assert calls(plan) == REPLACE
    assert project.actions() == {"billable_metric.images": "replace", "product.images": "update"}
    project.apply()
    assert project.actions() == {}


def test_metric_archived_by_hand_is_replaced_without_the_archive(tmp_path: Path) -> None:
    """Drift; the product is moved to a new metric."""
    project = applied(STREAMING, tmp_path)
    with project.account() as account:
        account.v1.billable_metrics.archive(id=project.id("billable_metric.images"))

    plan = project.plan()
    assert plan["drift"] == [{"address": "billable_metric.images", "what": "archived", "fields": []}]
    assert calls(plan) == REPLACE[:2]
    project.apply()
    assert project.actions() == {}


def test_group_keys_are_sets_of_sets(tmp_path: Path) -> None:
    """Neither the order of group keys nor that within one means anything."""
    project = applied(STREAMING, tmp_path)
    project.write(text(changed(STREAMING, {"billable_metrics.images.group_keys": [["size", "region"], ["size"]]})))

    assert project.actions() == {}
