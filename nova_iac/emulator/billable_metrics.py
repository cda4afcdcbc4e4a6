"""Billable metrics (§6.1): streaming or SQL; frozen but for the name, group and aggregation keys within the filters."""

from __future__ import annotations

from typing import Any

from nova_iac.emulator import custom_fields, pages
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store, Stored
from nova_iac.emulator.wire import Reader

KIND = "billable_metric"
ENTITY = "billable_metric"
AGGREGATIONS = ("COUNT", "LATEST", "MAX", "SUM", "UNIQUE")
STREAMING_FIELDS = ("aggregation_type", "aggregation_key", "event_type_filter", "property_filters", "group_keys")


def create(request: Request, store: Store) -> Any:
    reader = request.reader()
    name, sql, fields = reader.text("name"), reader.maybe_text("sql", least=1), custom_fields.read(reader)
    body: dict[str, Any] = {"name": name}
    if reader.given("sql"):
        for field in STREAMING_FIELDS:
            if reader.given(field):
                reader.wrong(field, "must not be set together with sql")
        body["sql"] = sql
    else:
        body |= _streaming(reader)
    reader.finish()
    if sql is None:
        _check_keys(body)
    metric = store.add(KIND, request.new_id(), body, request.now)
    custom_fields.put(store, ENTITY, metric.id, fields)
    return {"data": {"id": metric.id}}


def get(request: Request, store: Store) -> Any:
    metric = store.get(KIND, request.path_id("billable_metric_id"))
    return {"data": shown(metric, custom_fields.of(store, metric.id))}


def list_all(request: Request, store: Store) -> Any:
    page = pages.by_query(request)
    archived = None if request.query.flag("include_archived") else False
    return answer_page(page, store, archived)


def list_for_customer(request: Request, store: Store) -> Any:
    """All metrics; with ``on_current_plan`` none, as contracts aren't plans."""
    store.get("customer", request.path_id("customer_id"))
    page = pages.by_query(request)
    if request.query.flag("on_current_plan"):
        return page.answer([])
    return answer_page(page, store, None if request.query.flag("include_archived") else False)


def rename(request: Request, store: Store) -> Any:
    reader = request.reader()
    name = reader.text("name")
    reader.finish()
    metric = store.get(KIND, request.path_id("billable_metric_id"))
    store.replace(metric.id, {**metric.body, "name": name}, request.now)
    return {"data": {"id": metric.id}}


def archive(request: Request, store: Store) -> Any:
    reader = request.reader()
    id = reader.uuid("id")
    reader.finish()
    metric = store.get(KIND, id)
    if metric.archived_at:
        raise BadRequest("Billable metric already archived")
    store.archive(id, request.now)
    return {"data": {"id": id}}


def answer_page(page: pages.Page, store: Store, archived: bool | None) -> Any:
    found = store.page(KIND, after=page.after, limit=page.limit, archived=archived)
    fields = custom_fields.of_many(store, [metric.id for _, metric in found])
    return page.answer([(seq, shown(metric, fields[metric.id])) for seq, metric in found])


def shown(metric: Stored, fields: dict[str, str]) -> dict[str, Any]:
    answer = {"id": metric.id, **metric.body, **custom_fields.shown(fields)}
    return answer | ({"archived_at": metric.archived_at} if metric.archived_at else {})


def _streaming(reader: Reader) -> dict[str, Any]:
    kind = reader.enum("aggregation_type", AGGREGATIONS)
    body: dict[str, Any] = {"aggregation_type": kind}
    key = reader.maybe_text("aggregation_key", least=1, required=kind not in ("COUNT", ""))
    if key is not None:
        body["aggregation_key"] = key
    events = reader.maybe_object("event_type_filter")
    if events is not None:
        body["event_type_filter"] = _value_lists(events)
    filters = reader.maybe_objects("property_filters")
    if filters is not None:
        body["property_filters"] = [_property_filter(each) for each in filters]
    group_keys = reader.maybe_text_lists("group_keys")
    if group_keys is not None and not all(group_keys):
        reader.wrong("group_keys", "must not hold an empty key")
    if group_keys is not None:
        body["group_keys"] = group_keys
    return body


def _property_filter(reader: Reader) -> dict[str, Any]:
    body: dict[str, Any] = {"name": reader.text("name", least=1)}
    exists = reader.maybe_flag("exists", nullable=True)
    if exists is not None:
        body["exists"] = exists
    return body | _value_lists(reader)


def _value_lists(reader: Reader) -> dict[str, Any]:
    """``in_values`` and ``not_in_values``; each must not be empty when present."""
    body: dict[str, Any] = {}
    for field in ("in_values", "not_in_values"):
        values = reader.maybe_texts(field, least=1)
        if values is not None:
            body[field] = values
    return body


def _check_keys(body: dict[str, Any]) -> None:
    """The known texts of §3.3; a group key's property must also be one that matching events have (§6.1)."""
    filters = {each["name"]: each for each in body.get("property_filters", [])}
    if body.get("aggregation_key") not in (None, *filters):
        raise BadRequest("The specified aggregation key must be one of the property filter names")
    for key in (key for compound in body.get("group_keys", []) for key in compound):
        if key not in filters:
            raise BadRequest(f"Group key '{key}' does not match one of the property filter names.")
        if not (filters[key].get("exists") or filters[key].get("in_values")):
            raise BadRequest(f"Group key '{key}' needs a property filter with exists or in_values")
