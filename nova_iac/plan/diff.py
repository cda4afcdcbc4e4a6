"""Which fields of a resource differ, and how: ``!=`` first, and a closer look only where something differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nova_iac import timeline
from nova_iac.plan.change import FieldChange
from nova_iac.resource import Attributes, Value


def field_changes(name: str, before: Value, after: Value, note: str = "") -> list[FieldChange]:
    """The changes inside one field; a nested value is taken apart, so that only what differs is named."""
    if isinstance(before, dict) and isinstance(after, dict) and before and after:
        return _nested(name, before, after, note)
    if _are_named(before) and _are_named(after):
        return _nested(name, before, after, note)
    return [FieldChange(name, before, after, note)]


def all_fields(attributes: Attributes, *, created: bool) -> list[FieldChange]:
    """Every field of a resource that is made, or that goes."""
    return [FieldChange(name, None, value) if created else FieldChange(name, value, None) for name, value in attributes.items()]


def timeline_changes(desired: Sequence[timeline.Entry], live: Sequence[timeline.Entry]) -> list[FieldChange]:
    """Where two timelines differ, from the first desired entry on: a change per instant and per part of the price."""
    if not desired:
        return []
    first = min(entry["starting_at"] for entry in desired)
    found: list[FieldChange] = []
    last: tuple[Any, Any] | None = None
    begun = first
    for instant in sorted({first} | timeline.breakpoints(desired) | timeline.breakpoints(live)):
        if instant < first:
            continue
        wanted, now = timeline.value_at(desired, instant), timeline.value_at(live, instant)
        if timeline.equal(wanted, now):
            if last is not None and last[0] is not None and timeline.is_none(last[1]) and wanted is None:
                # Both are nothing again: that the new price ends here shows nowhere else.
                found.append(FieldChange(f"entries[{begun}].ending_before", None, instant))
            last = None
            continue
        if (wanted, now) == last:
            continue
        last, begun = (wanted, now), instant
        found += _price_changes(f"entries[{instant}]", now, wanted)
    return found


def _price_changes(path: str, before: Mapping[str, Value] | None, after: Mapping[str, Value] | None) -> Iterable[FieldChange]:
    if after is None:
        yield from (FieldChange(f"{path}.{name}", value, None) for name, value in sorted((before or {}).items()))
        return
    old = before or {}
    for name in sorted(old.keys() | after.keys()):
        if old.get(name) != after.get(name):
            if name == "entitled":
                yield FieldChange(f"{path}.entitled", old.get(name, True) if before else None, after.get(name, True))
            else:
                yield FieldChange(f"{path}.{name}", old.get(name), after.get(name))


class _Name(str):
    """The name by which a row of a set is found again, wherever it stands."""

    __slots__ = ()


def _by_name(before: Value, after: Value) -> tuple[Value, Value]:
    """Two values with rows that have names as mappings, so that a row is compared with its namesake and not its neighbour."""
    if isinstance(before, dict) and isinstance(after, dict):
        pairs = {name: _by_name(before[name], after[name]) for name in before.keys() & after.keys()}
        return (
            before | {name: pair[0] for name, pair in pairs.items()},
            after | {name: pair[1] for name, pair in pairs.items()},
        )
    if _are_named(before) and _are_named(after):
        return _by_name(_mapped(before), _mapped(after))
    return before, after


def _are_named(value: Value) -> bool:
    rows = value if isinstance(value, list) and value and all(isinstance(row, dict) for row in value) else []
    return bool(rows) and len({row.get("name") for row in rows} - {None}) == len(rows)


def _mapped(rows: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    return {_Name(row["name"]): {name: part for name, part in row.items() if name != "name"} for row in rows}


def _nested(name: str, before: Value, after: Value, note: str) -> list[FieldChange]:
    from deepdiff import DeepDiff
    from deepdiff.helper import NotPresent

    tree = DeepDiff(*_by_name(before, after), view="tree", ignore_order=False, threshold_to_diff_deeper=0)
    found: dict[str, FieldChange] = {}
    for level in (level for levels in tree.values() for level in levels):
        # A list is one value: which of its members moved where says nothing.
        whole = level.up if level.up is not None and isinstance(level.up.t1, list) else level
        path = name
        for part in whole.path(output_format="list"):
            path += f"[{part}]" if isinstance(part, _Name) else f".{part}"
        old = None if isinstance(whole.t1, NotPresent) else whole.t1
        new = None if isinstance(whole.t2, NotPresent) else whole.t2
        found[path] = FieldChange(path, old, new, note)
    return [found[path] for path in sorted(found)]
