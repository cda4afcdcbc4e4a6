"""The resources and what refers to what as a Mermaid flowchart, with what a plan would do marked.

A box is a resource; an arrow leads to what it needs. Prices are arrows of their own, from the card to what it prices, with their
number. Equal graphs give equal texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from nova_iac.kinds.base import Kind
from nova_iac.plan.change import Plan
from nova_iac.render.diagnostics import visible
from nova_iac.resource import Action, Address, Resource

_COLORS: Final = {
    Action.CREATE: ("#dafbe1", "#1a7f37"),
    Action.UPDATE: ("#fff8c5", "#9a6700"),
    Action.REPLACE: ("#fbefff", "#8250df"),
    Action.SCHEDULE: ("#ddf4ff", "#0969da"),
    Action.ARCHIVE: ("#ffebe9", "#cf222e"),
    Action.ADOPT: ("#ddf4ff", "#0969da"),
    Action.FORGET: ("#eaeef2", "#656d76"),
}
"""Fill and line of what each action is done to."""

_LOOK: Final = (
    "  classDef default fill:#ffffff,stroke:#8c959f,color:#1f2328",
    "  classDef section fill:none,stroke:#8c959f",
)
"""Of what nothing is done to, and of the frames: so that only actions have colours, on light pages and dark ones."""

_RISK: Final = (Action.ARCHIVE, Action.REPLACE, Action.UPDATE, Action.SCHEDULE, Action.FORGET, Action.ADOPT, Action.CREATE)


@dataclass(slots=True)
class _Edge:
    """An arrow; actions are those of the prices that it stands for, None for a price that stays."""

    source: Address
    target: Address
    prices: list[Action | None] = field(default_factory=list)


def mermaid(resources: Mapping[Address, Resource], kinds: Mapping[str, Kind], plan: Plan | None = None) -> str:
    """The chart. With a plan, what it does stands before the name and shows in the colour; what it takes down is there, too."""
    actions = {} if plan is None else {change.address: change.action for change in plan.doing}
    gone = [address for address in actions if address not in resources]
    known = [*resources, *gone]
    order = {name: number for number, name in enumerate(kinds)}
    boxes = sorted((one for one in known if not kinds[one.kind].appends), key=lambda one: (-order[one.kind], one))
    ids = {address: f"n{number}" for number, address in enumerate(boxes, start=1)}
    edges = [edge for edge in _edges(known, resources, kinds, actions) if edge.source in ids and edge.target in ids]
    lines = ["flowchart LR"]
    sections = []
    for kind in sorted(kinds.values(), key=lambda one: -order[one.name]):
        held = [address for address in boxes if address.kind == kind.name]
        if held:
            sections.append(kind.section)
            lines.append(f'  subgraph {kind.section}["{kind.section.replace("_", " ")}"]')
            lines += [f"    {ids[address]}{_label(address, resources, kinds, actions)}" for address in held]
            lines.append("  end")
    styled: dict[int, Action] = {}
    for number, edge in enumerate(edges):
        lines.append(f"  {ids[edge.source]} -->{_prices(edge)} {ids[edge.target]}")
        if risky := _riskiest(edge.prices):
            styled[number] = risky
    if boxes:
        lines += [*_LOOK, f"  class {','.join(sections)} section"]
    for action in _RISK:
        marked = [ids[address] for address in boxes if actions.get(address) is action]
        if marked:
            fill, line = _COLORS[action]
            lines.append(f"  classDef {action.word} fill:{fill},stroke:{line},color:#1f2328")
            lines.append(f"  class {','.join(marked)} {action.word}")
    lines += [f"  linkStyle {number} stroke:{_COLORS[action][1]},stroke-width:2px" for number, action in styled.items()]
    return "\n".join(lines) + "\n"


def _edges(
    known: Iterable[Address], resources: Mapping[Address, Resource], kinds: Mapping[str, Kind], actions: Mapping[Address, Action]
) -> list[_Edge]:
    found: dict[tuple[Address, Address], _Edge] = {}
    for address in known:
        kind = kinds[address.kind]
        resource = resources.get(address)
        needs = resource.depends_on if resource else _by_name(address, kind)
        if kind.appends and len(needs) > 1:
            parent, priced = needs[0], needs[1]
            found.setdefault((parent, priced), _Edge(parent, priced)).prices.append(actions.get(address))
        elif not kind.appends:
            for other in needs:
                found.setdefault((address, other), _Edge(address, other))
    return [found[pair] for pair in sorted(found)]


def _by_name(address: Address, kind: Kind) -> tuple[Address, ...]:
    """What a resource that is no longer declared belongs to, as far as its address tells."""
    return (Address.of(kind.parent, address.keys[0]),) if kind.parent else ()


def _label(
    address: Address, resources: Mapping[Address, Resource], kinds: Mapping[str, Kind], actions: Mapping[Address, Action]
) -> str:
    resource = resources.get(address)
    name = kinds[address.kind].describe(resource.attributes) if resource else ""
    # Never at the start of a line: Mermaid would take + and - for a list.
    action = actions.get(address)
    mark = f" ({action.value} {action.word})" if action else ""
    second = f"<br/>{_escaped(name)}" if name and name != address.keys[-1] else ""
    return f'["{_escaped(".".join(address.keys))}{mark}{second}"]'


def _prices(edge: _Edge) -> str:
    if not edge.prices:
        return ""
    count = len(edge.prices)
    words = f"{count} {'price' if count == 1 else 'prices'}"
    done = [f"{action.value} {number}" for action in _RISK if (number := edge.prices.count(action))]
    return f'|"{words} ({", ".join(done)})"|' if done else f'|"{words}"|'


def _riskiest(prices: Iterable[Action | None]) -> Action | None:
    there = set(prices)
    return next((action for action in _RISK if action in there), None)


def _escaped(text: str) -> str:
    """A text inside of quotes; Mermaid writes characters with a meaning as entities."""
    plain = visible(" ".join(text.split()))
    return "".join(f"#{ord(letter)};" if letter in '"#<>&`;\\' else letter for letter in plain)
