"""Billable metrics: what is counted. Only the name can change; anything else needs a new metric (API facts §6.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nova_iac.errors import Diagnostic, Severity
from nova_iac.kinds.base import Call, Field, Kind, Mutability, Task, Wanted
from nova_iac.kinds.block import Block
from nova_iac.kinds.lookup import Names
from nova_iac.kinds.sighting import Sighting, beyond, whatever
from nova_iac.kinds.wire import get_or_none, read_listed, without_empty
from nova_iac.remote import Client, Endpoint
from nova_iac.resource import Action, Address, Attributes, RemoteObject, Value

CREATE = Endpoint("POST", "/v1/billable-metrics/create", "v1.billable_metrics.create")
RENAME = Endpoint("PUT", "/v1/billable-metrics/{billable_metric_id}", "v1.billable_metrics.update")
ARCHIVE = Endpoint("POST", "/v1/billable-metrics/archive", "v1.billable_metrics.archive")
GET = Endpoint("GET", "/v1/billable-metrics/{billable_metric_id}", "v1.billable_metrics.retrieve")
LIST = Endpoint("GET", "/v1/billable-metrics", "v1.billable_metrics.list", cursor="next_page", limit=100)


class BillableMetric(Kind):
    """A metric of the streaming engine, or a SQL query."""

    name = "billable_metric"
    section = "billable_metrics"
    identity = "all its fields"
    when_archived = "replace"
    fields = {
        "name": Field(Mutability.UPDATE),
        "event_type_filter": Field(Mutability.REPLACE, default=None),
        "aggregation_type": Field(Mutability.REPLACE, default=None),
        "aggregation_key": Field(Mutability.REPLACE, default=None),
        "group_keys": Field(Mutability.REPLACE, default=None),
        "property_filters": Field(Mutability.REPLACE, default=None),
        "sql": Field(Mutability.REPLACE, default=None),
    }

    def check(self, block: Block, blocks: Mapping[Address, Block]) -> Iterable[Diagnostic]:  # noqa: ARG002
        """Aggregation and group keys are property filters (§3.3, §6.1); UNIQUE belongs in SQL."""
        data = block.data
        if "sql" in data or "aggregation_type" not in data:
            return
        filters = {part["name"]: part for part in data.get("property_filters", ()) if isinstance(part, dict) and "name" in part}
        aggregation, key = data["aggregation_type"], data.get("aggregation_key")
        if key is None and aggregation != "COUNT":
            yield block.problem(
                "NV301",
                "Aggregation without a key",
                f"{aggregation} needs aggregation_key: the event property that is aggregated.",
                "aggregation_type",
            )
        if key is not None and key not in filters:
            yield block.problem(
                "NV302",
                "Key is no property filter",
                f"aggregation_key {key!r} must be one of the property_filters: add {{name: {key}, exists: true}}.",
                "aggregation_key",
            )
        seen: list[set[str]] = []
        for outer, group in enumerate(data.get("group_keys", ())):
            if isinstance(group, list) and set(group) in seen:
                yield block.problem(
                    "NV315", "Group key given twice",
                    f"[{', '.join(group)}] stands above already: the order within a group key means nothing.",
                    "group_keys", outer,
                )  # fmt: skip
            seen.append(set(group) if isinstance(group, list) else set())
            for inner, part in enumerate(group if isinstance(group, list) else ()):
                present = filters.get(part)
                if present is None or not (present.get("exists") or present.get("in_values")):
                    yield block.problem(
                        "NV302",
                        "Key is no property filter",
                        f"group key {part!r} must be one of the property_filters, with exists: true or in_values: "
                        f"add {{name: {part}, exists: true}}.",
                        "group_keys",
                        outer,
                        inner,
                    )
        if aggregation == "UNIQUE":
            yield block.problem(
                "NV303",
                "UNIQUE aggregation",
                "Metronome's guides keep distinct counts for SQL metrics; a streaming metric with UNIQUE may not bill.",
                "aggregation_type",
                severity=Severity.WARNING,
            )

    def calls(self, tasks: Sequence[Task]) -> Iterable[Call]:
        """One call each."""
        for task in tasks:
            match task.action:
                case Action.CREATE:
                    params = dict(task.desired)
                    yield Call(CREATE, params, task.covered or (task.address,), task.address, {task.address: tuple(params)})
                case Action.ARCHIVE:
                    yield Call(ARCHIVE, {"id": task.id}, (task.address,))
                case _:
                    params = {"billable_metric_id": task.id, "name": task.after["name"]}
                    yield Call(RENAME, params, (task.address,), sets={task.address: ("name",)})

    def read(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, RemoteObject]:  # noqa: ARG002
        """One list, archived ones included."""
        pages = client.pages(LIST, {"include_archived": True})
        rows = read_listed(
            wanted, pages, lambda id_: get_or_none(client, GET, {"billable_metric_id": id_}), client, complete=True
        )
        return {item.address: self._object(rows[item.id]) for item in wanted if item.id in rows}

    def find(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, Sequence[RemoteObject]]:  # noqa: ARG002
        """Live metrics of the same name."""
        by_name: dict[str, list[RemoteObject]] = {}
        for row in client.rows(LIST, {}):
            by_name.setdefault(row["name"], []).append(self._object(row))
        return {item.address: by_name.get((item.desired or {}).get("name", ""), ()) for item in wanted}

    def survey(self, client: Client, parents: Sequence[str], now: str) -> Iterable[Sighting]:  # noqa: ARG002
        """The list shows live ones only, unless it is asked for more."""
        for row in client.rows(LIST, {}):
            yield Sighting(row["id"], None, whatever(self._object(row)), beyond(row, self.fields))

    def _object(self, row: Mapping[str, Any]) -> RemoteObject:
        return RemoteObject(row["id"], self._attributes(row), bool(row.get("archived_at")), row["name"])

    def _attributes(self, row: Mapping[str, Any]) -> Attributes:
        found: dict[str, Value] = {name: row[name] for name in self.fields if row.get(name) not in (None, [], {})}
        if "event_type_filter" in found:
            found["event_type_filter"] = without_empty(found["event_type_filter"])
        if "property_filters" in found:
            found["property_filters"] = [without_empty(part) for part in found["property_filters"]]
        if "aggregation_type" in found:
            found["aggregation_type"] = found["aggregation_type"].upper()
        return self.canonical(found)
