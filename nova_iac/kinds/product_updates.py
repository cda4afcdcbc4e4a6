"""A product's dated updates: what they come to, and which of them a new one has to repeat (API facts §6.2).

``current`` follows the order in which updates were made, not their dates, and what an update omits it takes from the product as
it is by then. So an update repeats what is pending at its date, and what is pending later is sent again behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from nova_iac import moment
from nova_iac.kinds.base import Field, Task
from nova_iac.kinds.wire import without_empty
from nova_iac.resource import Attributes, Value

Wire: TypeAlias = Mapping[str, Any]
"""Fields as the API has them."""


@dataclass(frozen=True, slots=True)
class Update:
    """The fields that a call of its own sets from an instant on, and what is pending by then, to be repeated in it."""

    instant: str
    fields: Mapping[str, Value]
    repeated: Wire


@dataclass(frozen=True, slots=True)
class History:
    """The initial state and the updates in the order in which they were made; and, from each date on, what that comes to."""

    updates: Sequence[tuple[str, Wire]]
    states: Sequence[tuple[str, Attributes]]

    @classmethod
    def read(cls, row: Wire, is_changed: Callable[[str, Any], bool], in_spec_terms: Callable[[Wire], Attributes]) -> History:
        """From a row of the API."""
        updates: list[tuple[str, Wire]] = [("", {**row["initial"], "type": row["type"]})]
        for update in row.get("updates") or ():
            start = update.get("starting_at")
            changed = {name: value for name, value in update.items() if is_changed(name, value)}
            updates.append((moment.canonical(start) if start else "", changed))
        starts = sorted({start for start, _ in updates})
        states = [
            (instant, in_spec_terms(_overlaid(fields for start, fields in updates if start <= instant))) for instant in starts
        ]
        return cls(updates, states)

    @property
    def final(self) -> Attributes:
        """What will hold when all updates have come."""
        return self.states[-1][1]

    def pending(self, now: str) -> list[str]:
        """The dates at which something is still to come."""
        return [start for start, _ in self.states if start > now]

    def updates_for(self, task: Task, reached: str, fields: Mapping[str, Field]) -> Iterable[Update]:
        """The calls that make the changed fields of a task hold from an instant on, in the order of their dates.

        None is made for a date at which they hold already. A reference that follows a replaced object changes only where that
        object is in use: from a pending date on, if it comes into use then.
        """
        begun = False
        for instant in (reached, *self.pending(max(reached, task.now))):
            due = {name for name in task.changed if self._is_due(name, task, instant, fields[name])}
            begun = begun or bool(due)
            if begun:
                sent = {name: task.after[name] for name in task.changed if name in due or not _follows(task, name)}
                yield Update(instant, sent, self._repeated(task.now, instant))

    def _is_due(self, name: str, task: Task, instant: str, field: Field) -> bool:
        then = max((state for state in self.states if state[0] <= instant), key=lambda state: state[0])[1]
        if _follows(task, name):
            return bool(then.get(name) == self.final.get(name))
        held = then.get(name)
        return not field.readable or (field.default if held is None else held) != task.after[name]

    def _repeated(self, now: str, instant: str) -> Wire:
        """What is pending by an instant, as it holds then: an update that was made later may stand above a pending one."""
        pending = {name for start, fields in self.updates if now < start <= instant for name in fields}
        held = _overlaid(fields for start, fields in self.updates if start <= instant)
        return {name: _clean(held[name]) for name in held if name in pending}


def _clean(value: Any) -> Any:
    return without_empty(value) if isinstance(value, dict) else value


def _follows(task: Task, name: str) -> bool:
    """Whether a changed field is a reference to an object that is replaced in the same run."""
    value = task.after[name]
    return any(other in task.covered for other in (value if isinstance(value, list) else [value]))


def _overlaid(changes: Iterable[Wire]) -> dict[str, Any]:
    """Fields laid over each other, the last ones on top."""
    return {name: value for fields in changes for name, value in fields.items()}
