"""A plan and an apply as text for people. Knows the plan's values and nothing else."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from nova_iac.plan.change import Change, Drift, FieldChange, GuardHit, Plan, PlannedCall
from nova_iac.render.diagnostics import visible
from nova_iac.render.style import Style
from nova_iac.render.words import (
    ALWAYS,
    SOMETIMES,
    calls_made,
    field_words,
    growth,
    name_of,
    option_words,
    summary_words,
    value_text,
    what_happens,
)
from nova_iac.resource import Action, Address

_COLORS: Final = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.SCHEDULE: "cyan",
    Action.ARCHIVE: "red",
    Action.ADOPT: "cyan",
    Action.FORGET: "dim",
}
_DONE: Final = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.SCHEDULE: "scheduled",
    Action.ARCHIVE: "archived",
    Action.ADOPT: "adopted",
    Action.FORGET: "forgotten",
}
_COVERED_SHOWN: Final = 3
_GROUP: Final = re.compile(r"\{[^{}]*\}")
_GLUE: Final = "\x00"  # no text that is shown has one


def plan_text(plan: Plan, style: Style, *, allowed: tuple[str, ...] = ()) -> str:
    """The whole plan. Ends with its summary line."""
    parts = ["\n".join(_heading(plan, style))]
    doing = plan.doing
    if doing:
        used = [action for action in _COLORS if any(change.action is action for change in doing)]
        parts.append("  ".join(f"{style.paint(action.value, _COLORS[action])} {action.word}" for action in used))
    created = {planned.call.creates for planned in plan.calls}
    parts += [_change(change, style, known_later=change.address in created) for change in doing]
    parts += ["\n".join(_wrapped(f"Note: {note}", style, "", "  ")) for note in plan.notes]
    if plan.drift:
        parts.append(_drift(plan.drift, style))
    if plan.guards:
        parts.append(_guards(plan, style, allowed))
    if plan.calls:
        parts.append(_calls(plan.calls, style))
    parts.append(summary_line(plan, style))
    return "\n\n".join(parts) + "\n"


def _heading(plan: Plan, style: Style) -> list[str]:
    """Where this is, and what of it: a plan of a part must not be taken for one of the whole."""
    words = option_words(plan.options)
    return [f"Environment: {plan.environment}", *(_wrapped(f"Options: {words}", style, "", "  ") if words else [])]


def summary_line(plan: Plan, style: Style) -> str:
    """What a plan comes to; a public interface, frozen by tests."""
    if not plan.doing:
        return style.paint(f"No changes. The account matches {plan.spec_file}.", "bold")
    return style.paint(f"Plan: {', '.join(summary_words(plan))}. {calls_made(len(plan.calls))}", "bold")


def applied_line(done: Sequence[Change], calls: int, *, destroy: bool, complete: bool) -> str:
    """What an apply came to; a public interface, frozen by tests."""
    counts = dict.fromkeys(Action, 0)
    for change in done:
        counts[change.action] += 1
    if destroy:
        words = [f"{counts[action]} {_DONE[action]}" for action in (Action.ARCHIVE, Action.FORGET)]
        return f"Destroy {'complete' if complete else 'incomplete'}: {', '.join(words)}. {calls_made(calls)}"
    words = [f"{counts[action]} {_DONE[action]}" for action in ALWAYS]
    words += [f"{counts[action]} {_DONE[action]}" for action in SOMETIMES if counts[action]]
    return f"Apply {'complete' if complete else 'incomplete'}: {', '.join(words)}. {calls_made(calls)}"


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
    lines = [style.paint(f"# {visible(change.address)} {what_happens(change)}", "bold")]
    lines += _wrapped(change.reason, style, "#   ", "#   ")
    symbol = style.paint(change.action.value, _COLORS[change.action])
    if change.action in (Action.ARCHIVE, Action.FORGET) and not change.effective_at:
        name = name_of(change)
        lines.append(f"  {symbol} {visible(change.address)}" + (f" ({name})" if name else ""))
        return "\n".join(lines)
    for part in change.fields:
        lines += _field(part, change, style)
    if known_later:
        lines.append(f"  {symbol} id: (known after apply)")
    elif change.action is Action.ADOPT and change.id:
        lines.append(f"  {symbol} id: {change.id}")
    if change.unchanged and change.action not in (Action.CREATE, Action.ARCHIVE):
        lines.append(f"    # ({change.unchanged} unchanged {'attribute' if change.unchanged == 1 else 'attributes'} hidden)")
    return "\n".join(lines)


def _field(part: FieldChange, change: Change, style: Style) -> list[str]:
    """One field, from what it was to what it will be; on two lines where it is too long for one."""
    scheduled = change.action is Action.SCHEDULE
    note = f"  # {part.note}" if part.note else ""
    if part.before is None:
        symbol, color, values = "^" if scheduled else "+", "green", [value_text(part.after)]
    elif part.after is None:
        symbol, color, values = "-", "red", [value_text(part.before)]
    else:
        symbol, color, values = "^" if scheduled else "~", "yellow", _before_and_after(part)
    lines = _fitted(f"{field_words(part)}: ", values, note, style, "    ")
    return [f"  {style.paint(symbol, color)} {lines[0].lstrip()}", *lines[1:]]


def _before_and_after(part: FieldChange) -> list[str]:
    rise = growth(part.before, part.after)
    return [value_text(part.before), f"-> {value_text(part.after)}" + (f" ({rise})" if rise else "")]


def _fitted(head: str, values: Sequence[str], note: str, style: Style, indent: str) -> list[str]:
    """A field on one line where that fits, else a line, or more, for each of its values."""
    whole = f"{indent}{head}{' '.join(values)}"
    if len(whole + note) <= style.width:
        return [whole + note]
    if len(whole) <= style.width:
        lines = [whole]
    elif len(values) == 1:
        lines = _wrapped(f"{head}{values[0]}", style, indent, f"{indent}    ")
    else:
        before, after = values
        lines = [f"{indent}{head.rstrip()}", *_wrapped(before, style, f"{indent}     ", f"{indent}      ")]
        lines += _wrapped(after, style, f"{indent}  ", f"{indent}      ")
    return [*lines, f"{indent}{note}"] if note else lines


def _drift(drift: Iterable[Drift], style: Style, notes: Mapping[Address, str] | None = None) -> str:
    lines = [style.paint("Changed outside nova-iac (recorded -> live):", "bold")]
    for one in drift:
        if one.what != "changed":
            state = "gone from the account" if one.what == "gone" else "archived in the account"
            lines.append(f"  {visible(one.address)}: {state}")
        else:
            lines.append(f"  {visible(one.address)}")
            for part in one.fields:
                lines += _fitted(f"{field_words(part)}: ", _before_and_after(part), "", style, "    ")
        if note := (notes or {}).get(one.address):
            lines.append(f"    {style.paint(visible(note), 'dim')}")
    return "\n".join(lines)


def _guards(plan: Plan, style: Style, allowed: tuple[str, ...]) -> str:
    blocking = set(plan.blocking(allowed))
    lines = [style.paint("Guards:", "bold")]
    for hit in plan.guards:
        state = "blocks apply" if hit in blocking else "allowed" if hit.blocking else "listed"
        head = style.paint(f"{hit.code} {visible(hit.address)}", "red" if hit in blocking else "yellow")
        lines.append(f"  {head} ({state})")
        for line in hit.message.splitlines():
            lines += _wrapped(line, style, "    ", "    ")
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
        lines.append(f"  {number:>{digits}}. {planned.call.endpoint.method} {planned.path}")
        lines += _wrapped(names, style, " " * (digits + 4), " " * (digits + 4))
    return "\n".join(lines)


def _wrapped(text: str, style: Style, first: str, later: str) -> list[str]:
    """A text on lines that fit, where blanks allow: words, addresses and what stands in braces stay whole."""
    width = max(20, style.width)
    whole = _GROUP.sub(
        lambda match: match[0].replace(" ", _GLUE) if len(match[0]) < width - len(later) else match[0], visible(text)
    )
    lines = textwrap.wrap(
        whole, width, initial_indent=first, subsequent_indent=later, expand_tabs=False,
        replace_whitespace=False, break_on_hyphens=False, break_long_words=False,
    )  # fmt: skip
    return [line.replace(_GLUE, " ") for line in lines] or [first.rstrip()]
