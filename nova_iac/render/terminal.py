"""A plan and an apply as text for people. Knows the plan's values and nothing else."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from nova_iac import moment
from nova_iac.money import Money, MoneyError, plain
from nova_iac.plan.change import Change, Drift, FieldChange, GuardHit, Plan, PlannedCall
from nova_iac.render.style import Style
from nova_iac.resource import Action, Address, Value

_COLORS: Final = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.SCHEDULE: "cyan",
    Action.ARCHIVE: "red",
    Action.ADOPT: "cyan",
    Action.FORGET: "dim",
}
WORDS: Final = {
    Action.CREATE: "will be created",
    Action.UPDATE: "will be updated",
    Action.REPLACE: "will be replaced",
    Action.SCHEDULE: "will be scheduled",
    Action.ARCHIVE: "will be archived",
    Action.ADOPT: "will be adopted",
    Action.FORGET: "will be forgotten",
}
_LEGEND: Final = {
    Action.CREATE: "create",
    Action.UPDATE: "update",
    Action.REPLACE: "replace",
    Action.SCHEDULE: "schedule",
    Action.ARCHIVE: "archive",
    Action.ADOPT: "adopt",
    Action.FORGET: "forget",
}
_ALWAYS: Final = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.SCHEDULE, Action.ARCHIVE)
_SOMETIMES: Final = (Action.ADOPT, Action.FORGET)
_DONE: Final = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.SCHEDULE: "scheduled",
    Action.ARCHIVE: "archived",
    Action.ADOPT: "adopted",
    Action.FORGET: "forgotten",
}
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z")
_COVERED_SHOWN: Final = 3


def plan_text(plan: Plan, style: Style, *, allowed: tuple[str, ...] = ()) -> str:
    """The whole plan. Ends with its summary line."""
    parts = [f"Environment: {plan.environment}"]
    doing = plan.doing
    if doing:
        used = [action for action in _LEGEND if any(change.action is action for change in doing)]
        parts.append("  ".join(f"{style.paint(action.value, _COLORS[action])} {_LEGEND[action]}" for action in used))
    created = {planned.call.creates for planned in plan.calls}
    parts += [_change(change, style, known_later=change.address in created) for change in doing]
    parts += [_wrapped(f"Note: {note}", style) for note in plan.notes]
    if plan.drift:
        parts.append(_drift(plan.drift, style))
    if plan.guards:
        parts.append(_guards(plan, style, allowed))
    if plan.calls:
        parts.append(_calls(plan.calls, style))
    parts.append(summary_line(plan, style))
    return "\n\n".join(parts) + "\n"


def summary_line(plan: Plan, style: Style) -> str:
    """What a plan comes to; a public interface, frozen by tests."""
    if not plan.doing:
        return style.paint(f"No changes. The account matches {plan.spec_file}.", "bold")
    return style.paint(f"Plan: {', '.join(summary_words(plan))}. {calls_made(len(plan.calls))}", "bold")


def summary_words(plan: Plan) -> list[str]:
    """``8 to create`` and so on, the rare actions only where they occur."""
    counts = plan.summary()
    words = [f"{counts[action.word]} to {action.word}" for action in _ALWAYS]
    return words + [f"{counts[action.word]} to {action.word}" for action in _SOMETIMES if counts[action.word]]


def applied_line(done: Sequence[Change], calls: int, *, destroy: bool, complete: bool) -> str:
    """What an apply came to; a public interface, frozen by tests."""
    counts = dict.fromkeys(Action, 0)
    for change in done:
        counts[change.action] += 1
    if destroy:
        words = [f"{counts[action]} {_DONE[action]}" for action in (Action.ARCHIVE, Action.FORGET)]
        return f"Destroy {'complete' if complete else 'incomplete'}: {', '.join(words)}. {calls_made(calls)}"
    words = [f"{counts[action]} {_DONE[action]}" for action in _ALWAYS]
    words += [f"{counts[action]} {_DONE[action]}" for action in _SOMETIMES if counts[action]]
    return f"Apply {'complete' if complete else 'incomplete'}: {', '.join(words)}. {calls_made(calls)}"


def calls_made(count: int) -> str:
    """``1 call.`` or ``6 calls.``"""
    return f"{count} {'call' if count == 1 else 'calls'}."


def drift_text(drift: Sequence[Drift], style: Style, notes: Mapping[Address, str] | None = None) -> str:
    """Drift alone, for the drift command.

    :param notes: a line for each resource that there is more to say of: who wrote to it last.
    """
    if not drift:
        return style.paint("No drift. The account is as it was recorded.", "bold") + "\n"
    count = len(drift)
    line = f"Drift: {count} {'resource differs' if count == 1 else 'resources differ'} from what was recorded."
    return f"{_drift(drift, style, notes)}\n\n{style.paint(line, 'bold')}\n"


def _change(change: Change, style: Style, *, known_later: bool) -> str:
    color = _COLORS[change.action]
    when = f" from {moment.show(change.effective_at)}" if change.effective_at else ""
    word = WORDS[change.action]
    if change.action is Action.ARCHIVE and change.effective_at:
        word = "will end"
    lines = [style.paint(f"# {change.address} {word}{when}", "bold")]
    lines += textwrap.wrap(
        change.reason, max(20, style.width), initial_indent="#   ", subsequent_indent="#   ", break_on_hyphens=False
    )
    symbol = style.paint(change.action.value, color)
    if change.action in (Action.ARCHIVE, Action.FORGET) and not change.effective_at:
        name = next((part.before for part in change.fields if part.path == "name"), None)
        lines.append(f"  {symbol} {change.address}" + (f" ({value_text(name)})" if name else ""))
        return "\n".join(lines)
    lines += [f"  {_field(part, change, style)}" for part in change.fields]
    if known_later:
        lines.append(f"  {symbol} id: (known after apply)")
    if change.unchanged and change.action not in (Action.CREATE, Action.ARCHIVE):
        noun = "attribute" if change.unchanged == 1 else "attributes"
        lines.append(f"    # ({change.unchanged} unchanged {noun} hidden)")
    return "\n".join(lines)


def _field(part: FieldChange, change: Change, style: Style) -> str:
    path = _INSTANT.sub(lambda match: moment.show(match[0]), part.path)
    note = f"  # {part.note}" if part.note else ""
    if part.before is None:
        symbol = "^" if change.action is Action.SCHEDULE else "+"
        return f"{style.paint(symbol, 'green')} {path}: {value_text(part.after)}{note}"
    if part.after is None:
        return f"{style.paint('-', 'red')} {path}: {value_text(part.before)}{note}"
    symbol = "^" if change.action is Action.SCHEDULE else "~"
    rise = growth(part.before, part.after)
    return f"{style.paint(symbol, 'yellow')} {path}: {value_text(part.before)} -> {value_text(part.after)}{rise}{note}"


def growth(before: Value, after: Value) -> str:
    """By how much a price rises or falls, to a tenth of a per cent."""
    if not isinstance(before, str) or not isinstance(after, str):
        return ""
    try:
        old, new = Money.parse(before), Money.parse(after)
    except MoneyError:
        return ""
    if old.unit != new.unit or not old.amount:
        return ""
    per_cent = (new.amount - old.amount) * 100 / old.amount
    rounded = round(per_cent, 1)
    text = plain(abs(rounded)) if rounded else "<0.1"
    return f" ({'-' if per_cent < 0 else '+'}{text} %)"


def value_text(value: Value) -> str:
    """An attribute's value on one line."""
    match value:
        case None:
            return "(none)"
        case bool():
            return "true" if value else "false"
        case str():
            if _INSTANT.fullmatch(value):
                return moment.show(value)
            return value if re.fullmatch(r"[\w$€£.@/:+-][\w$€£ .,@/:+()-]*", value) else json.dumps(value, ensure_ascii=False)
        case list():
            return "[" + ", ".join(value_text(part) for part in value) + "]"
        case dict():
            first = sorted(value, key=lambda name: name != "name")
            return "{" + ", ".join(f"{name}: {value_text(value[name])}" for name in first) + "}"
        case _:
            return str(value)


def _drift(drift: Iterable[Drift], style: Style, notes: Mapping[Address, str] | None = None) -> str:
    lines = [style.paint("Changed outside nova-iac (recorded -> live):", "bold")]
    for one in drift:
        if one.what != "changed":
            state = "gone from the account" if one.what == "gone" else "archived in the account"
            lines.append(f"  {one.address}: {state}")
        else:
            lines.append(f"  {one.address}")
            for part in one.fields:
                path = _INSTANT.sub(lambda match: moment.show(match[0]), part.path)
                rise = growth(part.before, part.after)
                lines.append(f"    {path}: {value_text(part.before)} -> {value_text(part.after)}{rise}")
        if note := (notes or {}).get(one.address):
            lines.append(f"    {style.paint(note, 'dim')}")
    return "\n".join(lines)


def _guards(plan: Plan, style: Style, allowed: tuple[str, ...]) -> str:
    blocking = set(plan.blocking(allowed))
    lines = [style.paint("Guards:", "bold")]
    for hit in plan.guards:
        state = "blocks apply" if hit in blocking else "allowed" if hit.blocking else "listed"
        head = style.paint(f"{hit.code} {hit.address}", "red" if hit in blocking else "yellow")
        lines.append(f"  {head} ({state})")
        for line in hit.message.splitlines():
            lines += textwrap.wrap(
                line, max(20, style.width), initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
            )
        if hit in blocking:
            lines.append(f"    {_advice(hit)}")
    return "\n".join(lines)


def _advice(hit: GuardHit) -> str:
    return (
        f"To let it through: --allow {shlex.quote(f'{hit.code}:{hit.address}')}"
        if hit.allowable
        else "This guard can't be let through."
    )


def _calls(calls: Sequence[PlannedCall], style: Style) -> str:
    lines = [style.paint("Calls, in this order:", "bold")]
    digits = len(str(len(calls)))
    for number, planned in enumerate(calls, start=1):
        covers = planned.call.covers
        names = ", ".join(covers[:_COVERED_SHOWN])
        if len(covers) > _COVERED_SHOWN:
            names += f" and {len(covers) - _COVERED_SHOWN} more"
        head = f"  {number:>{digits}}. {planned.call.endpoint.method} {planned.path}"
        lines.append(head)
        lines += textwrap.wrap(
            names, max(20, style.width), initial_indent=" " * (digits + 4), subsequent_indent=" " * (digits + 4),
            break_on_hyphens=False, break_long_words=False,
        )  # fmt: skip
    return "\n".join(lines)


def _wrapped(text: str, style: Style) -> str:
    return textwrap.fill(text, max(20, style.width), subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
