"""Products of every type: each change holds from a date; the type is for life once a card has a price."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kinds_kit import GONE, Edit, Rich, applied, calls, changed, text

UPDATE = "POST /v1/contract-pricing/products/update"
REPLACE = ("POST /v1/contract-pricing/products/create", "POST /v1/contract-pricing/products/archive")

METRICS: dict[str, Any] = {
    "images": {
        "name": "Images",
        "aggregation_type": "COUNT",
        "group_keys": [["region", "size"], ["region", "size", "user"], ["region", "user"], ["size", "user"], ["user"]],
        "property_filters": [{"name": name, "exists": True} for name in ("region", "size", "user")],
    },
    "pictures": {
        "name": "Pictures",
        "aggregation_type": "COUNT",
        "group_keys": [["region", "size", "user"]],
        "property_filters": [{"name": name, "exists": True} for name in ("region", "size", "user")],
    },
    "seconds": {"name": "Seconds", "sql": "SELECT SUM(properties.seconds) AS value FROM events"},
}
USAGE: dict[str, Any] = {
    "billable_metrics": METRICS,
    "products": {
        "images": {
            "name": "Images",
            "type": "USAGE",
            "billable_metric": "images",
            "is_refundable": False,
            "netsuite_internal_item_id": "100",
            "netsuite_overage_item_id": "101",
            "pricing_group_key": ["size", "region"],
            "presentation_group_key": ["user"],
            "quantity_conversion": {"conversion_factor": "1000", "operation": "DIVIDE", "name": "thousands"},
            "quantity_rounding": {"decimal_places": 2, "rounding_method": "ROUND_UP"},
            "tags": ["image", "ai"],
        }
    },
}
SQL: dict[str, Any] = {
    "billable_metrics": METRICS,
    "products": {
        "compute": {"name": "Compute", "type": "USAGE", "billable_metric": "seconds", "sql_breakdown_granularity": "HOUR"}
    },
}
COMPOSITE: dict[str, Any] = {
    "billable_metrics": METRICS,
    "products": {
        "first": {"name": "First", "type": "USAGE", "billable_metric": "images", "tags": ["ai"]},
        "second": {"name": "Second", "type": "USAGE", "billable_metric": "images"},
        "support": {
            "name": "Support",
            "type": "COMPOSITE",
            "composite_products": ["second", "first"],
            "composite_tags": ["ai", "beta"],
            "exclude_free_usage": True,
            "include_composite_spend": True,
            "netsuite_overage_item_id": "101",
        },
    },
}
SEAT: dict[str, Any] = {"products": {"seat": {"name": "Seat", "type": "SUBSCRIPTION", "tags": ["seat"]}}}
FEE: dict[str, Any] = {"products": {"fee": {"name": "Set-up", "type": "FIXED", "netsuite_internal_item_id": "7"}}}

CONVERSION = {"conversion_factor": "1000", "name": "thousands", "operation": "DIVIDE"}
ROUNDING = {"decimal_places": 2, "rounding_method": "ROUND_UP"}

RICH = [
    Rich(
        "product.images",
        "products.images",
        USAGE,
        [
            Edit("name", "Pictures", calls=(UPDATE,)),
            Edit("name", GONE, refused="NV132"),
            Edit("type", GONE, refused="NV132"),
            Edit("billable_metric", "pictures", calls=(UPDATE,),
                 fields={"billable_metric": ("billable_metric.images", "billable_metric.pictures")}),
            Edit("billable_metric", GONE, refused="NV305"),
            Edit("is_refundable", True, calls=(UPDATE,)),
            Edit("is_refundable", GONE, calls=(UPDATE,)),
            Edit("netsuite_internal_item_id", "200", calls=(UPDATE,)),
            Edit("netsuite_internal_item_id", GONE, refused="NV411"),
            Edit("netsuite_overage_item_id", "201", calls=(UPDATE,)),
            Edit("netsuite_overage_item_id", GONE, refused="NV411"),
            Edit("pricing_group_key", ["size"], calls=(UPDATE,),
                 fields={"pricing_group_key": (["region", "size"], ["size"])}),
            Edit("pricing_group_key", GONE, calls=(UPDATE,), fields={"pricing_group_key": (["region", "size"], [])}),
            Edit("presentation_group_key", ["region", "user"], calls=(UPDATE,)),
            Edit("presentation_group_key", GONE, calls=(UPDATE,)),
            Edit("quantity_conversion", {"conversion_factor": "10", "operation": "DIVIDE"}, calls=(UPDATE,),
                 fields={"quantity_conversion.conversion_factor": ("1000", "10"),
                         "quantity_conversion.name": ("thousands", None)}),
            Edit("quantity_conversion", GONE, calls=(UPDATE,), fields={"quantity_conversion": (CONVERSION, None)}),
            Edit("quantity_rounding", {"decimal_places": 0, "rounding_method": "ROUND_UP"}, calls=(UPDATE,),
                 fields={"quantity_rounding.decimal_places": (2, 0)}),
            Edit("quantity_rounding", GONE, calls=(UPDATE,), fields={"quantity_rounding": (ROUNDING, None)}),
            Edit("tags", ["image"], calls=(UPDATE,), fields={"tags": (["ai", "image"], ["image"])}),
            Edit("tags", GONE, calls=(UPDATE,), fields={"tags": (["ai", "image"], [])}),
        ],
    ),
    Rich(
        "product.compute",
        "products.compute",
        SQL,
        [
            Edit("sql_breakdown_granularity", "SERVICE_PERIOD", calls=(UPDATE,)),
            Edit("sql_breakdown_granularity", GONE, refused="NV411"),
            Edit("billable_metric", "images", calls=(UPDATE,),
                 fields={"billable_metric": ("billable_metric.seconds", "billable_metric.images")}),
        ],
        name="of SQL",
    ),
    Rich(
        "product.support",
        "products.support",
        COMPOSITE,
        [
            Edit("composite_products", ["first"], calls=(UPDATE,),
                 fields={"composite_products": (["product.first", "product.second"], ["product.first"])}),
            Edit("composite_products", GONE, calls=(UPDATE,),
                 fields={"composite_products": (["product.first", "product.second"], [])}),
            Edit("composite_tags", ["ai"], calls=(UPDATE,)),
            Edit("composite_tags", GONE, calls=(UPDATE,)),
            Edit("exclude_free_usage", False, calls=(UPDATE,)),
            Edit("exclude_free_usage", GONE, calls=(UPDATE,)),
            Edit("include_composite_spend", False, calls=(UPDATE,)),
            Edit("include_composite_spend", GONE, calls=(UPDATE,)),
            Edit("netsuite_overage_item_id", "201", calls=(UPDATE,)),
        ],
        name="composite",
    ),
    Rich("product.seat", "products.seat", SEAT, [Edit("tags", GONE, calls=(UPDATE,))], name="subscription"),
    Rich(
        "product.fee",
        "products.fee",
        FEE,
        [
            Edit("name", "Start", calls=(UPDATE,)),
            Edit("type", "SUBSCRIPTION", "replace", REPLACE),
        ],
        name="fixed",
    ),
]  # fmt: skip

PRICED: dict[str, Any] = changed(
    USAGE,
    {
        "rate_cards.standard": {
            "name": "Standard",
            "rates": {"images": [{"starting_at": "2026-01-01", "prices": [{"size": "s", "region": "eu", "price": "$0.01"}]}]},
        }
    },
)


def test_composite_follows_a_product_that_is_replaced(tmp_path: Path) -> None:
    """Create, move the composite to the new product, archive: one change, three calls."""
    spec = changed(COMPOSITE, {"products.third": {"name": "Third", "type": "FIXED"}})
    spec = changed(spec, {"products.support.composite_products": ["first", "third"]})
    project = applied(spec, tmp_path)
    project.write(text(changed(spec, {"products.third.type": "SUBSCRIPTION"})))

    plan = project.plan()
    assert plan["summary"]["replace"] == 1
    assert plan["summary"]["update"] == 0
    assert calls(plan) == (REPLACE[0], UPDATE, REPLACE[1])
    project.apply()
    assert project.actions() == {}


@pytest.mark.parametrize(
    "edits",
    [
        {"products.images.pricing_group_key": ["size"]},
        {"products.images.pricing_group_key": GONE},
    ],
)
def test_group_key_of_a_priced_product_is_fixed(edits: dict[str, Any], tmp_path: Path) -> None:
    """Its rates would lose their meaning: refused, with the way out."""
    project = applied(PRICED, tmp_path)
    spec = changed(PRICED, edits)
    rows = [{"starting_at": "2026-01-01", "price": "$0.01"}]
    if edits["products.images.pricing_group_key"] != GONE:
        rows = [{"starting_at": "2026-01-01", "prices": {"s": "$0.01"}}]
    project.write(text(changed(spec, {"rate_cards.standard.rates.images": rows})))

    refused = project.run("plan")
    assert refused.code == 1
    assert "error[NV410]" in refused.err
    assert "rate.standard.images prices it" in refused.err
    assert "Add a new key" in refused.err


def test_type_of_a_priced_product_is_fixed(tmp_path: Path) -> None:
    """A new product under the old key would take the old one's prices along."""
    spec = {
        **SEAT,
        "rate_cards": {
            "standard": {
                "name": "Standard",
                "rates": {"seat": [{"starting_at": "2026-01-01", "billing_frequency": "MONTHLY", "price": "$10"}]},
            }
        },
    }
    project = applied(spec, tmp_path)
    project.write(text(changed(spec, {"products.seat.type": "FIXED", "rate_cards.standard.rates": GONE})))

    refused = project.run("plan")
    assert refused.code == 1
    assert "error[NV410]" in refused.err


def test_product_archived_by_hand_is_not_made_again(tmp_path: Path) -> None:
    """An error with the ways out; nothing is planned around it."""
    project = applied(FEE, tmp_path)
    with project.account() as account:
        account.v1.contracts.products.archive(product_id=project.id("product.fee"))

    refused = project.run("plan")
    assert refused.code == 1
    assert "error[NV412]" in refused.err


def test_cleared_conversion_that_is_pending_stays_cleared(tmp_path: Path) -> None:
    """A clearing that is still to come is repeated by an update before it, and not undone."""
    project = applied(USAGE, tmp_path)
    project.write(text(changed(USAGE, {"products.images.quantity_conversion": GONE})))
    project.apply("--effective-at", "2027-01-01")
    project.write(text(changed(USAGE, {"products.images.quantity_conversion": GONE, "products.images.name": "Pictures"})))

    plan = project.plan()
    assert [(call["body"].get("name"), call["body"].get("quantity_conversion", "-")) for call in plan["calls"]] == [
        ("Pictures", "-"),
        ("Pictures", None),
    ]
    project.apply()
    assert project.actions() == {}
