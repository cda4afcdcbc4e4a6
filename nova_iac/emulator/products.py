"""Products (§6.2): changes are dated updates, kept in the order they came; only ``type`` is for life."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nova_iac.emulator import billable_metrics, custom_fields, invoices, pages, times
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.product_store import ENTITY, KIND, shown
from nova_iac.emulator.request import AUTHOR, Request
from nova_iac.emulator.store import Store
from nova_iac.emulator.wire import Reader

TYPES = ("FIXED", "USAGE", "COMPOSITE", "SUBSCRIPTION", "PROFESSIONAL_SERVICE", "PRO_SERVICE")
ROUNDINGS = ("ROUND_UP", "ROUND_DOWN", "ROUND_HALF_UP")
USAGE_ONLY = (
    *("billable_metric_id", "pricing_group_key", "presentation_group_key", "quantity_conversion", "quantity_rounding"),
    "sql_breakdown_granularity",
)
COMPOSITE_ONLY = ("composite_product_ids", "composite_tags", "exclude_free_usage", "include_composite_spend")


def create(request: Request, store: Store) -> Any:
    reader = request.reader()
    reader.text("name")
    kind = reader.enum("type", TYPES)
    state, fields = _state(reader, kind), custom_fields.read(reader)
    if kind == "USAGE" and not reader.given("billable_metric_id"):
        reader.wrong("billable_metric_id", "is required for USAGE products")
    if kind == "COMPOSITE" and not (state.get("composite_product_ids") or state.get("composite_tags")):
        reader.wrong("composite_product_ids", "or composite_tags is required for COMPOSITE products")
    reader.finish()
    _check_references(store, state, known_metrics=set())
    state = {name: value for name, value in state.items() if value is not None}
    body = {"type": "PRO_SERVICE" if kind == "PROFESSIONAL_SERVICE" else kind, "initial": state, "updates": []}
    product = store.add(KIND, request.new_id(), body, request.now)
    custom_fields.put(store, ENTITY, product.id, fields)
    return {"data": {"id": product.id}}


def get(request: Request, store: Store) -> Any:
    reader = request.reader()
    id = reader.uuid("id")
    reader.finish()
    product = store.get(KIND, id)
    return {"data": shown(product, request.now, custom_fields.of(store, id))}


def list_all(request: Request, store: Store) -> Any:
    page, reader = pages.by_query(request), request.reader()
    archive_filter = reader.maybe_enum("archive_filter", ("ARCHIVED", "NOT_ARCHIVED", "ALL")) or "NOT_ARCHIVED"
    reader.finish()
    archived = {"ARCHIVED": True, "NOT_ARCHIVED": False, "ALL": None}[archive_filter]
    found = store.page(KIND, after=page.after, limit=page.limit, archived=archived)
    fields = custom_fields.of_many(store, [product.id for _, product in found])
    return page.answer([(seq, shown(product, request.now, fields[product.id])) for seq, product in found])


def update(request: Request, store: Store) -> Any:
    reader = request.reader()
    id, starting_at = reader.uuid("product_id"), reader.instant("starting_at")
    reader.finish()
    if not times.on_the_hour(starting_at):
        raise BadRequest("Product update effective at is required to be on an hour boundary")
    product = store.get(KIND, id)
    if "type" in reader:
        raise BadRequest("The type of a product can't be changed")
    changes = _state(reader, product.body["type"])
    reader.finish()
    states = [product.body["initial"], *product.body["updates"]]
    _check_references(store, changes, known_metrics={state.get("billable_metric_id") for state in states})
    invoices.freeze_product(store, id, request.now, since=starting_at)
    stamp = {"created_at": times.text(request.now), "created_by": AUTHOR, "starting_at": times.text(starting_at)}
    body = {**product.body, "updates": [*product.body["updates"], stamp | changes]}
    store.replace(id, body, request.now)
    return {"data": {"id": id}}


def archive(request: Request, store: Store) -> Any:
    reader = request.reader()
    id = reader.uuid("product_id")
    reader.finish()
    if store.get(KIND, id).archived_at:
        raise BadRequest("Product already archived")
    store.archive(id, request.now)
    return {"data": {"id": id}}


def _state(reader: Reader, kind: str) -> dict[str, Any]:
    """The dated fields, those that are given; None where a nullable one is cleared."""
    _refuse_foreign_fields(reader, kind)
    values = {
        "name": reader.maybe_text("name"),
        "billable_metric_id": reader.maybe_uuid("billable_metric_id"),
        "composite_product_ids": reader.maybe_uuids("composite_product_ids"),
        "composite_tags": reader.maybe_texts("composite_tags"),
        "exclude_free_usage": reader.maybe_flag("exclude_free_usage"),
        "include_composite_spend": reader.maybe_flag("include_composite_spend"),
        "is_refundable": reader.maybe_flag("is_refundable"),
        "netsuite_internal_item_id": reader.maybe_text("netsuite_internal_item_id"),
        "netsuite_overage_item_id": reader.maybe_text("netsuite_overage_item_id"),
        "pricing_group_key": reader.maybe_texts("pricing_group_key", shortest=1),
        "presentation_group_key": reader.maybe_texts("presentation_group_key", shortest=1),
        "quantity_conversion": _conversion(reader.maybe_object("quantity_conversion", nullable=True)),
        "quantity_rounding": _rounding(reader.maybe_object("quantity_rounding", nullable=True)),
        "sql_breakdown_granularity": reader.maybe_enum("sql_breakdown_granularity", ("HOUR", "SERVICE_PERIOD")),
        "tags": reader.maybe_texts("tags"),
    }
    return {name: value for name, value in values.items() if name in reader}


def _refuse_foreign_fields(reader: Reader, kind: str) -> None:
    def only_for(names: Iterable[str], kinds: str) -> None:
        for name in names:
            if reader.given(name):
                reader.wrong(name, f"is available for {kinds} products only")

    if kind != "USAGE":
        only_for(USAGE_ONLY, "USAGE")
    if kind != "COMPOSITE":
        only_for(COMPOSITE_ONLY, "COMPOSITE")
    if kind not in ("USAGE", "COMPOSITE"):
        only_for(["netsuite_overage_item_id"], "USAGE and COMPOSITE")


def _conversion(reader: Reader | None) -> dict[str, Any] | None:
    if reader is None:
        return None
    factor = reader.number("conversion_factor")
    if not factor > 0:
        reader.wrong("conversion_factor", "must be greater than 0")
    body: dict[str, Any] = {"conversion_factor": factor, "operation": reader.enum("operation", ("MULTIPLY", "DIVIDE"))}
    name = reader.maybe_text("name")
    return body if name is None else body | {"name": name}


def _rounding(reader: Reader | None) -> dict[str, Any] | None:
    if reader is None:
        return None
    places = reader.whole("decimal_places", least=0, most=28)
    return {"decimal_places": places, "rounding_method": reader.enum("rounding_method", ROUNDINGS)}


def _check_references(store: Store, state: dict[str, Any], known_metrics: set[str | None]) -> None:
    """An archived metric can't be taken up anew (§2.2); one that the product already had stays good."""
    metric_id = state.get("billable_metric_id")
    if metric_id is not None and metric_id not in known_metrics:
        metric = store.get(billable_metrics.KIND, metric_id, BadRequest(f"No such billable metric: {metric_id}"))
        if metric.archived_at:
            raise BadRequest(f"The billable metric {metric_id} is archived and cannot be used by new products")
    for id in state.get("composite_product_ids") or ():
        store.get(KIND, id, BadRequest(f"No such product: {id}"))
