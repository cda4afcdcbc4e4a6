"""A plan as the comment of a pull request: what a reviewer must know first, and never longer than a comment may be.

Status, counts and environment stand first, then guards, then what can't be undone, then prices as a table, then the other
changes, riskiest first. What does not fit is left out in whole pieces and counted at the top; guards and summary always stay.
A hidden marker names spec and environment, so that a comment is replaced and not added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from nova_iac.errors import Diagnostic
from nova_iac.plan.change import Change, Drift, FieldChange, GuardHit, Plan, PlannedCall
from nova_iac.plan.document import plan_digest
from nova_iac.render.guards import guard_lines
from nova_iac.render.markup import BUDGET, Section, code, fenced, fit, marker, prose, raw_code, row, size
from nova_iac.render.words import (
    calls_made,
    field_words,
    growth,
    many,
    name_of,
    option_words,
    price_path,
    short_moment,
    summary_words,
    tier_text,
    value_text,
    what_happens,
)
from nova_iac.resource import Action, Value

_WARNING_ROOM: Final = 500
_UNFOLDED_LINES: Final = 12
_DIFF_WIDTH: Final = 100  # letters that GitHub shows without scrolling
_FINAL: Final = (Action.ARCHIVE, Action.REPLACE)
_DIFF_SIGNS: Final = {Action.CREATE: "+", Action.ADOPT: "+", Action.ARCHIVE: "-", Action.FORGET: "-"}
_NOTHING: Final = "\N{EN DASH}"
_PRICE_COLUMNS: Final = "| action | price | from (UTC) | before | after | change |\n|---|---|---|--:|--:|--:|"
_NEW_PRICE_COLUMNS: Final = "| price | from (UTC) | new |\n|---|---|--:|"
DRIFT_COLUMNS: Final = (
    "| resource | field | recorded | live |\n|---|---|---|---|",
    "| resource | field | recorded | live | last written (UTC) |\n|---|---|---|---|---|",
)
"""The head of a table of drift, without and with who wrote last."""


def plan_markdown(plan: Plan, *, allowed: tuple[str, ...] = (), budget: int = BUDGET, spec_path: str | None = None) -> str:
    """The comment for a plan; one line when nothing would be done and nothing has drifted.

    :param spec_path: the spec in its repository, for the marker; its file's name where there is none.
    """
    mark = marker("plan", plan.environment, spec_path or plan.spec_file)
    part = f" ({code(words)})" if (words := option_words(plan.options)) else ""
    if not (plan.doing or plan.drift or plan.guards or plan.notes):
        return f"{mark}\n✅ nova-iac: no changes in {code(plan.environment)}; the account matches {code(plan.spec_file)}{part}.\n"
    blocking = plan.blocking(allowed)
    top = [mark, f"### {_status(plan, blocking)}"]
    head = ["", _summary(plan) + (f" Planned with {code(words)}." if words else "")]
    tail = f"\n<sub>digest `{plan_digest(plan)}` · lockfile serial {plan.serial}</sub>\n"
    room = budget - size("\n".join([*top, *head])) - size(tail) - _WARNING_ROOM
    guards, left = guard_lines(plan.guards, blocking, room)
    lines, more = fit(list(_sections(plan)), room - sum(size(line) + 1 for line in guards))
    return "\n".join([*top, *_left_out([*left, *more]), *head, *guards, *lines]) + "\n" + tail


def _sections(plan: Plan) -> Iterable[Section]:
    priced = [change for change in plan.doing if change.fields and all(price_path(part.path) for part in change.fields)]
    known = {change.address for change in priced if change.action is not Action.FORGET}
    others = [change for change in plan.doing if change.address not in known]
    final = [change for change in others if change.action in _FINAL]
    yield Section("", [f"- {prose(note)}" for note in plan.notes], "notes", 5)
    yield Section("#### Archived or replaced", _blocks([_change(one) for one in final]), "archived or replaced resources", 25)
    new = [change for change in priced if change.action is Action.CREATE]
    moved = [change for change in priced if change.address in known and change.action is not Action.CREATE]
    yield Section("#### Prices", _price_rows(moved), "price changes", 30, _PRICE_COLUMNS)
    yield Section("#### Changes", _blocks([_change(one) for one in others if one.action not in _FINAL]), "changes", 20)
    yield drift_section(plan.drift)
    rows = [_new_price(change, part) for change in new for part in change.fields]
    yield _part("New prices", many(len(rows), "new price"), rows, "new prices", 5, _NEW_PRICE_COLUMNS)
    yield _part("Warnings", many(len(plan.warnings), "warning"), [_warning(one) for one in plan.warnings], "warnings", 5)
    yield _folded(f"{many(len(plan.calls), 'call')}, in this order", _calls(plan.calls), "calls", 0)


def _part(title: str, count: str, items: Sequence[str], noun: str, share: int, head: str = "") -> Section:
    """A section with a title; a long one is folded, and says how long it is."""
    if len(items) <= _UNFOLDED_LINES:
        return Section(f"#### {title}", items, noun, share, head)
    return _folded(count, items, noun, share, head)


def _folded(title: str, items: Sequence[str], noun: str, share: int, head: str = "") -> Section:
    return Section(f"<details><summary>{title}</summary>", items, noun, share, head, "</details>")


def _blocks(items: Sequence[str]) -> list[str]:
    """Items with a blank line between them."""
    return [item if not number else f"\n{item}" for number, item in enumerate(items)]


def _left_out(left: Sequence[str]) -> list[str]:
    """What was left out, if anything was."""
    if not left:
        return []
    return ["", "> [!WARNING]", f"> Left out to fit into a comment: {', '.join(left)}. The saved plan has everything."]


def _status(plan: Plan, blocking: Sequence[GuardHit]) -> str:
    what = f"nova-iac {'destroy plan' if plan.options.destroy else 'plan'} for {code(plan.environment)}"
    if blocking:
        return f"🛑 {what}: {many(len(blocking), 'guard')} {'blocks' if len(blocking) == 1 else 'block'} it"
    if not plan.doing:
        return f"⚠️ {what}: the account was changed outside" if plan.drift else f"📝 {what}"
    return f"{'🗑️' if plan.options.destroy else '📝'} {what}"


def _summary(plan: Plan) -> str:
    if not plan.doing:
        return f"**No changes.** The account matches {code(plan.spec_file)}."
    return f"**{', '.join(summary_words(plan, zeros=False))}.** {calls_made(len(plan.calls))}"


def _price_rows(changes: Iterable[Change]) -> list[str]:
    return [_price_row(change, part) for change in changes for part in change.fields]


def _new_price(change: Change, part: FieldChange) -> str:
    instant, what = _priced(change, part)
    return row(what, instant, _value(part, part.after))


def _price_row(change: Change, part: FieldChange) -> str:
    instant, what = _priced(change, part)
    after = "ends" if part.after is None else _value(part, part.after)
    action = "end" if change.action is Action.ARCHIVE else change.action.word
    return row(action, what, instant, _value(part, part.before), after, growth(part.before, part.after).replace(", ", "<br>"))


def _priced(change: Change, part: FieldChange) -> tuple[str, str]:
    """From when a price is, and what of which rate it is."""
    found = price_path(part.path)
    assert found is not None
    instant, name = found
    words = {"price": "", "tiers": "", "ending_before": " ends"}.get(name, f" {code(name)}")
    return short_moment(instant), f"{code(change.address)}{words}"


def _value(part: FieldChange, value: Value) -> str:
    """A value in a cell; of a price, tiers on lines of their own."""
    price = price_path(part.path)
    if value is None:
        return _NOTHING
    if price and price[1] == "ending_before":
        return short_moment(str(value))
    match value:
        case {"price": one} | {"tiers": one} if price and len(value) == 1:
            return _value(part, one)
        case [*tiers] if price:
            return "<br>".join(code(tier_text(tier)) for tier in tiers if isinstance(tier, dict))
    return code(value_text(value))


def _change(change: Change) -> str:
    """A change with its fields; folded where it is new or long."""
    sign = _DIFF_SIGNS.get(change.action)
    goes = change.action in (Action.ARCHIVE, Action.FORGET) and not change.effective_at
    fields = [] if goes else [line for part in change.fields for line in _diff_lines(part, sign)]
    body = "\n\n" + fenced("\n".join(fields), "diff") if fields else ""
    if len(fields) > _UNFOLDED_LINES or change.action is Action.CREATE:
        title = (
            f"{raw_code(change.action.value)} {raw_code(change.address)} {what_happens(change)}: {prose(change.reason, raw_code)}"
        )
        return f"<details><summary>{title}</summary>{body}\n\n</details>"
    known = change.id if change.action is Action.ADOPT else name_of(change) if goes else None
    name = f" ({code(known)})" if known else ""
    return f"{code(change.action.value)} {code(change.address)}{name} **{what_happens(change)}**: {prose(change.reason)}{body}"


def _diff_lines(part: FieldChange, sign: str | None) -> list[str]:
    """A field, from what it was to what it will be; where that is long, a line for each."""
    words, note = field_words(part), f"  # {part.note}" if part.note else ""
    before, after = (f"{words}: {value_text(value)}" for value in (part.before, part.after))
    if part.before is None:
        return [f"{sign or '+'} {after}{note}"]
    if part.after is None:
        return [f"- {before}{note}"]
    rise = growth(part.before, part.after)
    more = (f" ({rise})" if rise else "") + note
    whole = f"! {before} -> {value_text(part.after)}{more}"
    return [whole] if len(whole) <= _DIFF_WIDTH else [f"- {before}", f"+ {after}{more}"]


def drift_section(drift: Sequence[Drift]) -> Section:
    """What somebody changed outside, as a table."""
    rows = ["\n".join(drift_rows(one)) for one in drift]
    return Section("#### Changed outside nova-iac", rows, "drifted resources", 10, DRIFT_COLUMNS[0])


def drift_rows(one: Drift, *more: str) -> list[str]:
    """The rows of one drifted resource, a field each; more are cells of the first one."""
    if one.what != "changed":
        state = "**gone**" if one.what == "gone" else "**archived**"
        return [row(code(one.address), "", "in the account", state, *more)]
    rows = []
    for number, part in enumerate(one.fields):
        recorded, live = (_value(part, value) for value in (part.before, part.after))
        rise = growth(part.before, part.after)
        first = (code(one.address), *more) if not number else ("", *("" for _ in more))
        rows.append(row(first[0], _field(part), recorded, live + (f" ({rise})" if rise else ""), *first[1:]))
    return rows


def _field(part: FieldChange) -> str:
    found = price_path(part.path)
    return f"{code(found[1])} from {short_moment(found[0])}" if found else code(field_words(part))


def _warning(one: Diagnostic) -> str:
    place = f"{code(str(one.location))} " if one.location else ""
    detail = one.detail.removeprefix(f"{one.address}: ")
    about = f" ({code(one.address)})" if one.address else ""
    return f"- {place}{one.code} {one.summary}{about}: {prose(detail)}"


def _calls(calls: Sequence[PlannedCall]) -> list[str]:
    items = []
    for number, planned in enumerate(calls, start=1):
        covers = planned.call.covers
        names = ", ".join(code(one) for one in covers[:3]) + (f" and {len(covers) - 3} more" if len(covers) > 3 else "")
        items.append(f"{number}. {code(f'{planned.call.endpoint.method} {planned.path}')} {names}")
    return items
