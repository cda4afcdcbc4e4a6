"""Products: what stands on invoice lines. Every change holds from a date (API facts §6.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

from nova_iac import moment
from nova_iac.errors import Diagnostic
from nova_iac.kinds.base import Call, EffectiveAt, Field, Kind, Mutability, Task, Wanted
from nova_iac.kinds.block import Block
from nova_iac.kinds.lookup import Names
from nova_iac.kinds.product_updates import History, Update
from nova_iac.kinds.sighting import Sighting, beyond
from nova_iac.kinds.wire import get_or_none, read_listed, ref_or_id, without_empty
from nova_iac.money import plain
from nova_iac.remote import Client, Endpoint
from nova_iac.resource import Action, Address, Attributes, RemoteObject, Value

CREATE = Endpoint("POST", "/v1/contract-pricing/products/create", "v1.contracts.products.create")
UPDATE = Endpoint("POST", "/v1/contract-pricing/products/update", "v1.contracts.products.update")
ARCHIVE = Endpoint("POST", "/v1/contract-pricing/products/archive", "v1.contracts.products.archive")
GET = Endpoint("POST", "/v1/contract-pricing/products/get", "v1.contracts.products.retrieve")
LIST = Endpoint("POST", "/v1/contract-pricing/products/list", "v1.contracts.products.list", cursor="next_page", limit=100)

_WIRE_NAMES: Final = {"billable_metric": "billable_metric_id", "composite_products": "composite_product_ids"}
_SPEC_NAMES: Final = {wire: spec for spec, wire in _WIRE_NAMES.items()}
_ONLY_FOR: Final[Mapping[str, tuple[str, ...]]] = {
    "billable_metric": ("USAGE",),
    "composite_products": ("COMPOSITE",),
    "composite_tags": ("COMPOSITE",),
    "exclude_free_usage": ("COMPOSITE",),
    "include_composite_spend": ("COMPOSITE",),
    "netsuite_overage_item_id": ("USAGE", "COMPOSITE"),
    "pricing_group_key": ("USAGE",),
    "presentation_group_key": ("USAGE",),
    "quantity_conversion": ("USAGE",),
    "quantity_rounding": ("USAGE",),
    "sql_breakdown_granularity": ("USAGE",),
}
_DATED = Mutability.UPDATE_FROM_DATE


class Product(Kind):
    """A product of the contracts model."""

    name = "product"
    section = "products"
    identity = "all its fields"
    when_archived = "refuse"
    fields = {
        "name": Field(_DATED),
        "type": Field(Mutability.REPLACE),
        "billable_metric": Field(_DATED),
        "composite_products": Field(_DATED, default=[]),
        "composite_tags": Field(_DATED, default=[]),
        "exclude_free_usage": Field(_DATED, default=False),
        "include_composite_spend": Field(_DATED, default=False),
        "is_refundable": Field(_DATED, default=True),
        "netsuite_internal_item_id": Field(_DATED),
        "netsuite_overage_item_id": Field(_DATED),
        "pricing_group_key": Field(_DATED, default=[]),
        "presentation_group_key": Field(_DATED, default=[]),
        "quantity_conversion": Field(_DATED, default=None),
        "quantity_rounding": Field(_DATED, default=None),
        "sql_breakdown_granularity": Field(_DATED, readable=False),
        "tags": Field(_DATED, default=[]),
    }

    def check(self, block: Block, blocks: Mapping[Address, Block]) -> Iterable[Diagnostic]:
        """Fields fit the type; the group keys form one compound group key of the metric (§6.1, §17.2)."""
        data = block.data
        kind = data.get("type")
        if kind is None:
            return
        for name, types in _ONLY_FOR.items():
            if name in data and kind not in types:
                yield block.problem(
                    "NV304",
                    "Field of another product type",
                    f"{name} is for {' and '.join(types)} products; this one is {kind}.",
                    name,
                )
        if kind == "USAGE" and "billable_metric" not in data:
            yield block.problem(
                "NV305",
                "Product without its source",
                "a USAGE product needs billable_metric: without one it never bills.",
            )
        if kind == "COMPOSITE" and not data.get("composite_products") and not data.get("composite_tags"):
            yield block.problem(
                "NV305",
                "Product without its source",
                "a COMPOSITE product needs composite_products or composite_tags: what the percentage is of.",
            )
        yield from self._check_group_keys(block, blocks)

    def _check_group_keys(self, block: Block, blocks: Mapping[Address, Block]) -> Iterable[Diagnostic]:
        data = block.data
        pricing, presentation = data.get("pricing_group_key", []), data.get("presentation_group_key", [])
        together = set(pricing) | set(presentation)
        metric = blocks.get(Address.of("billable_metric", str(data.get("billable_metric"))))
        if not together or metric is None or "sql" in metric.data:
            return
        group_keys = [set(group) for group in metric.data.get("group_keys", ()) if isinstance(group, list)]
        if together not in group_keys:
            wanted = "[" + ", ".join(sorted(together)) + "]"
            yield block.problem(
                "NV306",
                "No compound group key",
                f"pricing and presentation group keys together must be one group key of {metric.address}: "
                f"add {wanted} to its group_keys; without it nothing is billed.",
                "pricing_group_key" if pricing else "presentation_group_key",
            )

    def calls(self, tasks: Sequence[Task]) -> Iterable[Call]:
        """Creates and archives are one call; an update may be followed by the pending ones that it comes before."""
        for task in tasks:
            match task.action:
                case Action.CREATE:
                    params = _to_wire(task.desired)
                    sets = {task.address: tuple(task.desired)}
                    yield Call(CREATE, params, (task.address, *task.covered), task.address, sets)
                case Action.ARCHIVE:
                    yield Call(ARCHIVE, {"product_id": task.id}, (task.address,))
                case _:
                    yield from self._update(task)

    def _update(self, task: Task) -> Iterable[Call]:
        """The update, and behind it the pending ones that it comes before; only it, where the account wasn't read."""
        effective = task.effective or moment.NEXT_HOUR
        next_hour = moment.text(moment.next_full_hour(moment.parse(task.now)))
        reached = next_hour if effective == moment.NEXT_HOUR else effective
        updates: Iterable[Update] = [Update(reached, {name: task.after[name] for name in task.changed}, {})]
        if task.live is not None:
            updates = History(**task.live.extra).updates_for(task, reached, self.fields)
        covers, sets = (task.address, *task.covered), {task.address: task.changed}
        for update in updates:
            start = EffectiveAt(effective if update.instant == reached else update.instant)
            fields = {**update.repeated, **_to_wire(update.fields)}
            yield Call(UPDATE, {"product_id": task.id, "starting_at": start, **fields}, covers, sets=sets)

    def refuses(self, field_name: str, dependants: Sequence[Address]) -> str | None:
        """A product that a card prices keeps its type and its pricing group key: its rates would lose their meaning."""
        priced = next((address for address in dependants if address.kind == "rate"), None)
        if priced and field_name in ("type", "pricing_group_key"):
            return f"{priced.head} prices it"
        return None

    def is_scheduled(self, live: RemoteObject, now: str) -> bool:
        """Dated updates that are still to come (§6.2)."""
        return any(start > now for start, _ in live.extra.get("states", ()))

    def read(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, RemoteObject]:
        """One list, archived ones included."""
        pages = client.pages(LIST, {"archive_filter": "ALL"})
        rows = read_listed(wanted, pages, lambda id_: get_or_none(client, GET, {"id": id_}), client, complete=True)
        return {item.address: self._object(rows[item.id], names) for item in wanted if item.id in rows}

    def find(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, Sequence[RemoteObject]]:
        """Live products that have the name, or will have it."""
        by_name: dict[str, list[RemoteObject]] = {}
        for row in client.rows(LIST, {"archive_filter": "NOT_ARCHIVED"}):
            found = self._object(row, names)
            for name in {row["current"]["name"], found.attributes["name"]}:
                by_name.setdefault(name, []).append(found)
        return {item.address: by_name.get((item.desired or {}).get("name", ""), ()) for item in wanted}

    def survey(self, client: Client, parents: Sequence[str], now: str) -> Iterable[Sighting]:  # noqa: ARG002
        """One list. Updates that are still to come are told, for a spec says only what will hold in the end."""
        for row in client.rows(LIST, {"archive_filter": "NOT_ARCHIVED"}):
            starts = {moment.canonical(part["starting_at"]) for part in row.get("updates") or () if part.get("starting_at")}
            pending = sorted(start for start in starts if start > now)
            told = beyond(row, ("type", "initial", "current", "updates"))
            told += beyond(row["current"], (*_FIELD_NAMES, "starting_at"))
            told += tuple(
                f"that an update comes on {moment.show(start)}: the spec has what holds after the last one" for start in pending
            )
            yield Sighting(row["id"], None, partial(self._object, row), told)

    def _object(self, row: Mapping[str, Any], names: Names) -> RemoteObject:
        """What will hold when all updates have come; the way there is in extra."""
        history = History.read(row, _is_changed, lambda fields: self._attributes(fields, names))
        extra = {"updates": history.updates, "states": history.states}
        return RemoteObject(row["id"], history.final, bool(row.get("archived_at")), row["current"]["name"], extra)

    def _attributes(self, row: Mapping[str, Any], names: Names) -> Attributes:
        found: dict[str, Value] = {}
        for name, value in without_empty(row).items():
            match _SPEC_NAMES.get(name, name):
                case "billable_metric":
                    found["billable_metric"] = names.address(value)
                case "composite_products":
                    found["composite_products"] = [names.address(part) for part in value]
                case "quantity_conversion":
                    found[name] = {**without_empty(value), "conversion_factor": plain(Decimal(value["conversion_factor"]))}
                case "quantity_rounding":
                    found[name] = {**without_empty(value), "decimal_places": int(value["decimal_places"])}
                case spec if spec in self.fields:
                    found[spec] = value
        return self.canonical(found)


_FIELD_NAMES: Final = frozenset(_WIRE_NAMES.get(name, name) for name in Product.fields)
_NULLABLE: Final = frozenset(("quantity_conversion", "quantity_rounding"))
"""Fields that an update clears by null (§6.2); null in any other says nothing."""


def _is_changed(name: str, value: Any) -> bool:
    return name in _FIELD_NAMES and (value is not None or name in _NULLABLE)


def _to_wire(attributes: Attributes) -> dict[str, Value]:
    """Attributes as the API's parameters."""
    params: dict[str, Value] = {}
    for name, value in attributes.items():
        wire = _WIRE_NAMES.get(name, name)
        if name == "quantity_conversion" and value is not None:
            params[wire] = {**value, "conversion_factor": Decimal(value["conversion_factor"])}
        elif isinstance(value, list):
            params[wire] = [ref_or_id(part) for part in value]
        else:
            params[wire] = ref_or_id(value)
    return params
