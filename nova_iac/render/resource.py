"""One resource as text: what is declared, recorded and live of it; a price as the timelines that it was and will be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nova_iac import moment, timeline
from nova_iac.plan.verdict import Case
from nova_iac.render.style import Style
from nova_iac.render.words import growth, tier_text, value_text
from nova_iac.resource import Value


def resource_text(case: Case, style: Style) -> str:
    """Its id and state, then field by field what is declared, recorded and live."""
    lines = [style.paint(str(case.address), "bold"), f"  id: {_id(case)}", f"  state: {_state(case)}"]
    if case.kind.appends:
        return "\n".join([*lines, "", *_timelines(case, case.kind.appends)]) + "\n"
    rows = [("field", "declared", "recorded", "live")]
    names = [name for name in case.kind.fields if any(name in part for part in (_declared(case), case.recorded, _live(case)))]
    rows += [(name, _cell(_declared(case).get(name)), _cell(case.recorded.get(name)), _live_cell(case, name)) for name in names]
    return "\n".join([*lines, "", *_table(rows)]) + "\n"


def _declared(case: Case) -> Mapping[str, Value]:
    return {} if case.desired is None else case.desired.attributes


def _live(case: Case) -> Mapping[str, Value]:
    return {} if case.live is None else case.live.attributes


def _id(case: Case) -> str:
    if case.entry is None:
        return "(not recorded)"
    return case.entry.id or "(rates have none)"


def _state(case: Case) -> str:
    if not case.read:
        return "not read"
    if case.live is None:
        return "not in the account"
    return "archived in the account" if case.live.archived else "live"


def _live_cell(case: Case, name: str) -> str:
    if not case.read:
        return "(not read)"
    if not case.kind.fields[name].readable:
        return "(can't be read back)"
    return _cell(_live(case).get(name))


def _cell(value: Value) -> str:
    return "-" if value is None else value_text(value)


def _timelines(case: Case, field: str) -> Sequence[str]:
    """The price at every instant at which the live or the declared one changes."""
    live: Sequence[timeline.Entry] = case.before.get(field, ())
    declared: Sequence[timeline.Entry] = _declared(case).get(field, ())
    instants = sorted(timeline.breakpoints(live) | timeline.breakpoints(declared))
    first = min((entry["starting_at"] for entry in declared), default=None)
    source = "live" if case.read else "recorded"
    rows = [("from", source, "spec")]
    for instant in instants:
        now = timeline.value_at(live, instant)
        if first is None or instant < first:
            rows.append((moment.show(instant), price_text(now), "(left as it is)" if declared else "(not declared)"))
            continue
        wanted = timeline.value_at(declared, instant)
        change = "" if timeline.equal(wanted, now) else f"  ({_rise(now, wanted) or 'differs'})"
        rows.append((moment.show(instant), price_text(now), price_text(wanted) + change))
    return _table(rows)


def _rise(before: timeline.StepValue | None, after: timeline.StepValue | None) -> str:
    names = ("price", "tiers")
    rises = (growth((before or {}).get(name), (after or {}).get(name)) for name in names)
    return next(filter(None, rises), "")


def price_text(value: timeline.StepValue | None) -> str:
    """A step's value on one line."""
    if value is None:
        return "no price"
    parts = [value_text(value[name]) for name in ("price",) if name in value]
    if "percent" in value:
        parts.append(f"{value['percent']} %")
    if "tiers" in value:
        parts.append(", ".join(map(tier_text, value["tiers"])))
    if "commit_rate" in value:
        parts.append(f"(commits: {price_text(value['commit_rate'])})")
    if value.get("entitled") is False:
        parts.append("(not entitled)")
    return " ".join(parts)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
