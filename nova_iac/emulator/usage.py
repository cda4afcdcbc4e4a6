"""Usage queries (§13.3): a metric's value per window, by group; each window from its own events alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from nova_iac import rating
from nova_iac.emulator import billable_metrics, customers, event_store, metrics, pages, times
from nova_iac.emulator.errors import BadRequest, NotEmulated
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store, Stored
from nova_iac.emulator.wire import Reader

WINDOW_SIZES = ("HOUR", "DAY", "NONE")
MOST_VALUES = 200
LENGTHS = {"HOUR": timedelta(hours=1), "DAY": timedelta(days=1)}
MOST_WINDOWS = 20_000
_ROWS_OF_ONE = 1 << 24
"""Positions: customers stand this far apart, their rows in between."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One metric of a usage query; ``values`` None takes every value of the key."""

    metric: Stored
    key: str | None = None
    values: list[str] | None = None


def usage(request: Request, store: Store) -> Any:
    """POST /v1/usage: a row per customer, metric and window with usage; archived customers and metrics only by id."""
    page, reader = pages.by_query(request, limit=False), request.reader()
    windows = _windows(reader, required=True)
    readers = reader.maybe_objects("billable_metrics")
    wishes = None if readers is None else [_wish(each) for each in readers]
    ids = reader.maybe_uuids("customer_ids")
    reader.finish()
    asked = _asked(store, wishes)
    first = page.after // _ROWS_OF_ONE
    rows: list[tuple[int, Any]] = []
    for customer in _customers(store, ids, first):
        found = enumerate(_rows(store, customer, asked, windows), customer.seq * _ROWS_OF_ONE + 1)
        rows += [row for row in found if row[0] > page.after]
        if len(rows) > page.limit:
            break
    return page.answer(rows[: page.limit + 1])


def groups(request: Request, store: Store) -> Any:
    """POST /v1/usage/groups: one customer, one metric, by a whole group key (a compound one never in part)."""
    page, reader = pages.by_query(request), request.reader()
    customer_id, metric_id = reader.uuid("customer_id"), reader.uuid("billable_metric_id")
    windows = _windows(reader, required=not reader.maybe_flag("current_period"))
    keys, filters = _group_key(reader)
    reader.finish()
    if reader.maybe_flag("current_period"):
        raise BadRequest("current_period needs an active plan, and the customer has none")
    customer = store.get(customers.KIND, customer_id)
    metric = store.get(billable_metrics.KIND, metric_id)
    meter = rating.WindowMeter(_streaming(metric, keys), windows, by=keys, where=filters)
    meter.add_all(event_store.stream(store, customer.id, rating.Span(windows[0].start, windows[-1].end)))
    return page.answer_keyed(meter.rows(), _group_row_key, lambda row: _group_row(row, keys))


def _group_row_key(row: rating.WindowUsage) -> pages.Key:
    return times.text(row.window.start), *(value for _, value in row.group)


def _group_row(row: rating.WindowUsage, keys: list[str]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "starting_on": times.text(row.window.start),
        "ending_before": times.text(row.window.end),
        "value": row.value,
    }
    if keys:
        answer["group"] = dict(row.group)
    # The older single-key members; null where nothing, or a compound key, is grouped by.
    only = row.group[0] if len(row.group) == 1 else (None, None)
    return answer | {"group_key": only[0], "group_value": only[1]}


def _windows(reader: Reader, *, required: bool) -> tuple[rating.Span, ...]:
    """The windows of the range, which runs from UTC midnight to UTC midnight (§3.7)."""
    size = reader.enum("window_size", WINDOW_SIZES)
    begin = reader.maybe_instant("starting_on", required=required)
    end = reader.maybe_instant("ending_before", required=required)
    if not required and (begin or end):
        reader.wrong("current_period", "can't be combined with starting_on and ending_before")
    for name, instant in (("starting_on", begin), ("ending_before", end)):
        if instant is not None and not times.at_midnight(instant):
            reader.wrong(name, "must be aligned to UTC midnight")
    if begin is None or end is None:
        return ()
    if end - begin < timedelta(days=1):
        reader.wrong("ending_before", "must be at least one day after starting_on")
        return ()
    length = LENGTHS.get(size)
    if length is not None and (end - begin) / length > MOST_WINDOWS:
        reader.wrong("ending_before", f"must be at most {MOST_WINDOWS} windows of one {size} after starting_on")
        return ()
    return rating.windows(rating.Span(begin, end), rating.WindowSize(size)) if size else ()


def _wish(reader: Reader) -> tuple[str, str | None, list[str] | None]:
    group = reader.maybe_object("group_by")
    if group is None:
        return reader.uuid("id"), None, None
    return reader.uuid("id"), group.text("key", least=1), group.maybe_texts("values", least=1, most=MOST_VALUES)


def _asked(store: Store, wishes: list[tuple[str, str | None, list[str] | None]] | None) -> list[Asked]:
    if wishes is None:
        return [Asked(each) for each in store.all(billable_metrics.KIND, archived=False) if "sql" not in each.body]
    asked = [Asked(store.get(billable_metrics.KIND, id), key, values) for id, key, values in wishes]
    for each in asked:
        _streaming(each.metric, [each.key] if each.key else [])
    return asked


def _streaming(metric: Stored, keys: list[str]) -> rating.Metric:
    """The metric, if it can be counted by these keys."""
    if "sql" in metric.body:
        raise NotEmulated("usage of SQL billable metrics")
    found = metrics.streaming(metric)
    if keys and frozenset(keys) not in found.group_keys:
        raise BadRequest(f"{keys} is not a group key of the billable metric: a compound key must be given whole")
    return found


def _customers(store: Store, ids: list[str] | None, first: int) -> Iterator[Stored]:
    if ids is None:
        found = [each for _, each in store.page(customers.KIND, after=first - 1, archived=False)]
    else:
        found = [store.get(customers.KIND, id) for id in dict.fromkeys(ids)]
    yield from sorted((each for each in found if each.seq >= first), key=lambda each: each.seq)


def _rows(store: Store, customer: Stored, asked: list[Asked], windows: tuple[rating.Span, ...]) -> Iterator[dict[str, Any]]:
    """The customer's rows: its events are read once for all metrics."""
    meters = [
        (each, rating.WindowMeter(metrics.streaming(each.metric), windows, by=[each.key] if each.key else [])) for each in asked
    ]
    for event in event_store.stream(store, customer.id, rating.Span(windows[0].start, windows[-1].end)):
        for _, meter in meters:
            meter.add(event)
    for each, meter in meters:
        by_window: dict[rating.Span, list[rating.WindowUsage]] = {}
        for row in meter.rows():
            by_window.setdefault(row.window, []).append(row)
        for window, found in by_window.items():
            answer = {
                "customer_id": customer.id,
                "billable_metric_id": each.metric.id,
                "billable_metric_name": each.metric.body["name"],
                "start_timestamp": times.text(window.start),
                "end_timestamp": times.text(window.end),
            }
            yield answer | ({"value": found[0].value} if each.key is None else _grouped(each, found))


def _grouped(asked: Asked, rows: list[rating.WindowUsage]) -> dict[str, Any]:
    """At most 200 values; one that was asked for and has no usage is null."""
    values = {row.group[0][1]: row.value for row in rows}
    wanted = sorted(values)[:MOST_VALUES] if asked.values is None else asked.values
    return {"value": None, "groups": {value: values.get(value) for value in wanted}}


def _group_key(reader: Reader) -> tuple[list[str], list[rating.GroupFilter]]:
    """``group_key`` with ``group_filters``, or the older ``group_by``."""
    keys = reader.maybe_texts("group_key", least=1)
    older = reader.maybe_object("group_by")
    if older is not None:
        if keys is not None or reader.given("group_filters"):
            reader.wrong("group_by", "can't be combined with group_key and group_filters")
        key, values = older.text("key", least=1), older.maybe_texts("values", most=MOST_VALUES)
        return [key], [] if not values else [rating.GroupFilter(key, frozenset(values))]
    filters = reader.maybe_object("group_filters")
    wanted: dict[str, list[str]] = {}
    for key in filters.value if filters is not None else ():
        wanted[key] = filters.maybe_texts(key) or [] if filters is not None else []
        if key not in (keys or ()):
            reader.wrong("group_filters", f"has the key {key}, which is not in group_key")
    if sum(map(len, wanted.values())) > MOST_VALUES:
        reader.wrong("group_filters", f"must have at most {MOST_VALUES} values in all")
    return sorted(set(keys or ())), [rating.GroupFilter(key, frozenset(values)) for key, values in wanted.items() if values]
