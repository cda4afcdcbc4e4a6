"""How the values of a plan are said to people, the same in a terminal and in a comment."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Final

from nova_iac import moment
from nova_iac.money import Money, MoneyError, plain
from nova_iac.plan.change import Change, FieldChange, Plan, PlanOptions
from nova_iac.render.diagnostics import visible
from nova_iac.resource import Action, Value

WILL: Final = {
    Action.CREATE: "will be created",
    Action.UPDATE: "will be updated",
    Action.REPLACE: "will be replaced",
    Action.SCHEDULE: "will be scheduled",
    Action.ARCHIVE: "will be archived",
    Action.ADOPT: "will be adopted",
    Action.FORGET: "will be forgotten",
}
ALWAYS: Final = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.SCHEDULE, Action.ARCHIVE)
"""Actions that a summary counts even where there are none."""

SOMETIMES: Final = (Action.ADOPT, Action.FORGET)
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z")
_PRICE: Final = re.compile(r"entries\[([^\]]+)\]\.(\w+)")
_BARE: Final = re.compile(r"[\w$€£@/+-](?:[\w$€£ .,@/:+()-]*[\w$€£.,@/:+()-])?")
_NAMED: Final = 10


def summary_words(plan: Plan, *, zeros: bool = True) -> list[str]:
    """``8 to create`` and so on; the rare actions only where they occur, the others too without zeros."""
    counts = plan.summary()
    shown = [action for action in ALWAYS if zeros or counts[action.word]]
    shown += [action for action in SOMETIMES if counts[action.word]]
    return [f"{counts[action.word]} to {action.word}" for action in shown]


def calls_made(count: int) -> str:
    """``1 call.`` or ``6 calls.``"""
    return f"{many(count, 'call')}."


def many(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def what_happens(change: Change) -> str:
    """``will be updated from 2026-03-01 00:00 UTC``"""
    when = f" from {moment.show(change.effective_at)}" if change.effective_at else ""
    ends = change.action is Action.ARCHIVE and change.effective_at
    return f"{'will end' if ends else WILL[change.action]}{when}"


def name_of(change: Change) -> str | None:
    """The name of what goes, as people know it."""
    found = next((part.before for part in change.fields if part.path == "name"), None)
    return None if found is None else value_text(found)


def option_words(options: PlanOptions) -> str:
    """The planning options as they are typed, destroy aside; empty for none."""
    words = []
    for name, patterns in (("--target", options.targets), ("--exclude", options.excludes)):
        words += [f"{name} {shlex.quote(visible(pattern))}" for pattern in patterns[:_NAMED]]
        words += [f"({name} {len(patterns) - _NAMED} more)"] if len(patterns) > _NAMED else []
    words += [f"--effective-at {options.effective_at}"] if options.effective_at else []
    words += ["--adopt"] if options.adopt else []
    words += [] if options.refresh else ["--no-refresh"]
    return " ".join(words)


def price_path(path: str) -> tuple[str, str] | None:
    """The instant and the part of a price that a field's path is of; None for any other field."""
    match = _PRICE.fullmatch(path)
    return (match[1], match[2]) if match else None


def short_moment(instant: str) -> str:
    """An instant for a column that says UTC in its head: midnight is a day."""
    if instant == moment.NEXT_HOUR:
        return "next full hour"
    return moment.show(instant).removesuffix(" UTC").removesuffix(" 00:00")


def tier_text(tier: Mapping[str, Value]) -> str:
    """``$0.02 for 1000`` or ``$0.01 beyond``"""
    price = value_text(tier["price"]) if "price" in tier else f"{tier['percent']} %"
    return f"{price} for {tier['size']}" if "size" in tier else f"{price} beyond"


def field_words(part: FieldChange) -> str:
    """What a field is called: ``name``, ``price from 2026-03-01 00:00 UTC``."""
    price = price_path(part.path)
    if price is None:
        return visible(part.path)
    when = moment.show(price[0])
    return f"price from {when} ends" if price[1] == "ending_before" else f"{price[1]} from {when}"


def growth(before: Value, after: Value) -> str:
    """By how much a price rises or falls, to a tenth of a per cent: ``+20 %``; empty for what is no price or no change.

    Of tiers that keep their sizes, tier by tier.
    """
    match before, after:
        case str(), str():
            return _growth(before, after)
        case {"price": old}, {"price": new} if len(before) == len(after) == 1:
            return growth(old, new)
        case list(), list() if len(before) == len(after) and all(map(_alike, before, after)):
            pairs = enumerate(zip(before, after, strict=True), start=1)
            risen = ((number, growth(old.get("price"), new.get("price"))) for number, (old, new) in pairs)
            return ", ".join(f"tier {number} {text}" for number, text in risen if text)
    return ""


def _alike(one: Value, other: Value) -> bool:
    return isinstance(one, dict) and isinstance(other, dict) and one.get("size") == other.get("size")


def _growth(before: str, after: str) -> str:
    try:
        old, new = Money.parse(before), Money.parse(after)
    except MoneyError:
        return ""
    if old.unit != new.unit or not old.amount or old == new:
        return ""
    per_cent = (new.amount - old.amount) * 100 / old.amount
    rounded = round(per_cent, 1)
    return f"{'-' if per_cent < 0 else '+'}{plain(abs(rounded)) if rounded else '<0.1'} %"


def value_text(value: Value) -> str:
    """An attribute's value on one line, with nothing in it that a terminal or a reader could take for something else."""
    match value:
        case None:
            return "(none)"
        case bool():
            return "true" if value else "false"
        case str():
            if _INSTANT.fullmatch(value):
                return moment.show(value)
            return value if _BARE.fullmatch(value) else visible(json.dumps(value, ensure_ascii=False))
        case list():
            return "[" + ", ".join(value_text(part) for part in value) + "]"
        case dict():
            first = sorted(value, key=lambda name: name != "name")
            return "{" + ", ".join(f"{visible(name)}: {value_text(value[name])}" for name in first) + "}"
        case _:
            return str(value)
