"""A plan as the comment of a pull request: what a reviewer must know first, and never longer than a comment may be.

Status, counts and environment stand first, then guards, then prices as a table, then the changes, riskiest first. What does not
fit is left out in whole pieces and counted at the top; guards and summary always stay. A hidden marker names spec and
environment, so that a comment is replaced and not added.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from nova_iac import moment
from nova_iac.plan.change import Change, Drift, FieldChange, GuardHit, Plan, PlannedCall
from nova_iac.plan.document import plan_digest
from nova_iac.render.terminal import WORDS, calls_made, growth, summary_words, value_text
from nova_iac.resource import Action

BUDGET: Final = 65_000
"""Bytes of UTF-8 that a comment may have: GitHub takes 65,536."""

_WARNING_ROOM: Final = 500
_GUARDS_ROOM: Final = 30_000
_UNFOLDED_LINES: Final = 12
_PRICE: Final = re.compile(r"entries\[([^\]]+)\]\.(.+)")
_DIFF_SIGNS: Final = {Action.CREATE: "+", Action.ADOPT: "+", Action.ARCHIVE: "-", Action.FORGET: "-"}


def plan_markdown(plan: Plan, *, allowed: tuple[str, ...] = (), budget: int = BUDGET, spec_file: str | None = None) -> str:
    """The comment for a plan; one line when nothing would be done and nothing has drifted."""
    marker = f"<!-- nova-iac:plan environment={plan.environment} spec={spec_file or plan.spec_file} -->"
    if not plan.doing and not plan.drift and not plan.guards:
        return f"{marker}\n✅ nova-iac: no changes in `{plan.environment}`; the account matches `{plan.spec_file}`.\n"
    blocking = plan.blocking(allowed)
    head = [marker, f"### {_status(plan, blocking)}", "", _summary(plan)]
    if plan.guards:
        head += ["", _guards(plan.guards, set(blocking))]
    head += [f"\n{html.escape(note, quote=False)}" for note in plan.notes]
    tail = f"\n<sub>digest `{plan_digest(plan)}` · lockfile serial {plan.serial}</sub>\n"
    room = budget - _size("\n".join(head)) - _size(tail) - _WARNING_ROOM
    pieces = _Pieces(room)
    for section in (_prices(plan.doing), _changes(plan.doing), _drift(plan.drift), _calls(plan.calls)):
        pieces.add(section)
    warning = pieces.warning()
    return "\n".join([*head[:2], *warning, *head[2:], *pieces.lines]) + "\n" + tail


@dataclass(frozen=True, slots=True)
class _Section:
    """A part that can be cut between its items. opens and closes frame it; noun counts what is left out."""

    opens: str
    items: Sequence[str]
    closes: str
    noun: str


class _Pieces:
    """Takes whole items while there is room, and counts the others."""

    def __init__(self, room: int) -> None:
        self._room = room
        self.lines: list[str] = []
        self._left: list[str] = []

    def add(self, section: _Section) -> None:
        """A section, or as much of it as fits."""
        if not section.items:
            return
        room = self._room - _size(section.opens) - _size(section.closes) - 4
        taken: list[str] = []
        for item in section.items:
            room -= _size(item) + 1
            if room < 0:
                break
            taken.append(item)
        if len(taken) < len(section.items):
            self._left.append(f"{len(section.items) - len(taken)} of {len(section.items)} {section.noun}")
        if taken:
            block = [section.opens, *taken, *([section.closes] if section.closes else [])]
            self.lines += block
            self._room -= sum(_size(line) + 1 for line in block)

    def warning(self) -> list[str]:
        """What was left out, if anything was."""
        if not self._left:
            return []
        return ["", "> [!WARNING]", f"> Left out to fit into a comment: {', '.join(self._left)}. The saved plan has everything."]


def _status(plan: Plan, blocking: Sequence[GuardHit]) -> str:
    where = f"`{plan.environment}`"
    if blocking:
        count = len(blocking)
        return f"🛑 nova-iac plan for {where}: {count} {'guard blocks' if count == 1 else 'guards block'} it"
    if not plan.doing:
        return f"⚠️ nova-iac plan for {where}: no changes, but the account was changed outside"
    return f"📝 nova-iac plan for {where}"


def _summary(plan: Plan) -> str:
    if not plan.doing:
        return f"**No changes.** The account matches `{plan.spec_file}`."
    return f"**{', '.join(summary_words(plan))}.** {calls_made(len(plan.calls))}"


def _guards(guards: Sequence[GuardHit], blocking: set[GuardHit]) -> str:
    """Every guard; with very many, shorter: first without the messages, then as counts."""
    lines = ["| guard | resource | what would happen |", "|---|---|---|"]
    for hit in guards:
        state = "🛑" if hit in blocking else "·"
        lines.append(f"| {state} {hit.code} | {_code(hit.address)} | {_cell(hit.message)} |")
    whole = "\n".join(lines)
    if _size(whole) <= _GUARDS_ROOM:
        return whole
    codes = sorted({hit.code for hit in guards})
    short = "\n".join(f"- **{code}**: {', '.join(_code(hit.address) for hit in guards if hit.code == code)}" for code in codes)
    if _size(short) <= _GUARDS_ROOM:
        return short
    return "\n".join(f"- **{code}**: {sum(hit.code == code for hit in guards)} resources" for code in codes)


def _prices(changes: Iterable[Change]) -> _Section:
    rows = [
        _price_row(change, part, match[1], match[2])
        for change in changes
        if change.action not in (Action.CREATE, Action.FORGET)
        for part in change.fields
        if (match := _PRICE.fullmatch(part.path))
    ]
    opens = "\n#### Prices\n\n| price | from | before | after | change |\n|---|---|--:|--:|--:|"
    return _Section(opens, rows, "", "price changes")


def _price_row(change: Change, part: FieldChange, instant: str, name: str) -> str:
    what = "" if name == "price" else f" {name}"
    before = "ends" if part.path.endswith(".entitled") and part.after is False else value_text(part.before)
    rise = growth(part.before, part.after).strip(" ()")
    after = value_text(part.after)
    return f"| {_code(change.address)}{what} | {moment.show(instant)} | {_cell(before)} | {_cell(after)} | {rise} |"


def _changes(changes: Sequence[Change]) -> _Section:
    return _Section("\n#### Changes", [_change(change) for change in changes], "", "changes")


def _change(change: Change) -> str:
    when = f" from {moment.show(change.effective_at)}" if change.effective_at else ""
    word = "will end" if change.action is Action.ARCHIVE and change.effective_at else WORDS[change.action]
    title = f"<code>{change.action.value}</code> <b>{html.escape(change.address)}</b> {word}{when}"
    sign = _DIFF_SIGNS.get(change.action)
    lines = [f"# {change.reason}"]
    if change.action not in (Action.ARCHIVE, Action.FORGET) or change.effective_at:
        lines += [_diff_line(part, sign) for part in change.fields]
    body = _fenced("\n".join(lines), "diff")
    if len(lines) > _UNFOLDED_LINES or change.action is Action.CREATE:
        return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
    return f"\n{title}\n\n{body}"


def _diff_line(part: FieldChange, sign: str | None) -> str:
    path = _PRICE.sub(lambda match: f"{moment.show(match[1])} {match[2]}", part.path)
    note = f"  # {part.note}" if part.note else ""
    if part.before is None:
        return f"{sign or '+'} {path}: {value_text(part.after)}{note}"
    if part.after is None:
        return f"- {path}: {value_text(part.before)}{note}"
    return f"! {path}: {value_text(part.before)} -> {value_text(part.after)}{growth(part.before, part.after)}{note}"


def _drift(drift: Sequence[Drift]) -> _Section:
    items = []
    for one in drift:
        if one.what != "changed":
            items.append(f"- {_code(one.address)}: {one.what} in the account")
            continue
        parts = (f"{_code(part.path)} {_cell(value_text(part.before))} → {_cell(value_text(part.after))}" for part in one.fields)
        items.append(f"- {_code(one.address)}: {'; '.join(parts)}")
    return _Section("\n#### Changed outside nova-iac (recorded → live)\n", items, "", "drifted resources")


def _calls(calls: Sequence[PlannedCall]) -> _Section:
    items = []
    for number, planned in enumerate(calls, start=1):
        covers = planned.call.covers
        names = ", ".join(covers[:3]) + (f" and {len(covers) - 3} more" if len(covers) > 3 else "")
        items.append(f"{number}. {_code(f'{planned.call.endpoint.method} {planned.path}')} {html.escape(names)}")
    count = len(calls)
    opens = f"\n<details><summary>{count} {'call' if count == 1 else 'calls'}, in this order</summary>\n"
    return _Section(opens, items, "\n</details>", "calls")


def _fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _code(text: str) -> str:
    """Text as code, also in a table, also where it has backticks or bars itself."""
    return f"<code>{_cell(text)}</code>" if re.search(r"[`|\n]", text) else f"`{text}`"


def _cell(text: str) -> str:
    """Text that can't leave its table cell and can't become markup: what Markdown would read stands as character references."""
    escaped = html.escape(text, quote=False)
    special = r"[|\\`*~\[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
    return re.sub(special, lambda match: f"&#{ord(match[0])};", escaped).replace("\n", "<br>")


def _size(text: str) -> int:
    return len(text.encode())
