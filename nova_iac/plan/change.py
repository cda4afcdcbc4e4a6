"""The values of a plan. They say everything, decide nothing, and are read by whoever shows or carries out the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nova_iac.errors import Diagnostic, Location
from nova_iac.kinds.base import Call
from nova_iac.resource import Action, Address, Value
from nova_iac.state.journal import Effect


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One attribute's change. before is what is live (recorded, where the account wasn't read); None is absent.

    note is for people: why this field forces a replacement, that it can't be read back.
    """

    path: str
    before: Value
    after: Value
    note: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource. reason is for people only: nothing may branch on it.

    effective_at is a canonical instant or ``apply+1h``. unchanged counts attributes that stay. live_digest is of the object that
    was read, None where it wasn't.
    """

    address: Address
    action: Action
    reason: str
    id: str | None = None
    fields: tuple[FieldChange, ...] = ()
    effective_at: str | None = None
    live_digest: str | None = None
    unchanged: int = 0
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """live ≠ recorded: somebody changed it outside. Apart from changes: repairing it is a change of its own."""

    address: Address
    what: str
    """``changed``, ``archived`` or ``gone``."""
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class GuardHit:
    """A danger in this plan. blocking: apply stops before its first call unless ``--allow`` names it."""

    code: str
    address: str
    message: str
    blocking: bool = True
    allowable: bool = True


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call with its place in the order. needs are indexes of calls that must be done before.

    effects is what stands recorded once it is done. probe: sent before everything else; a conflict stops the run.
    """

    call: Call
    path: str
    needs: tuple[int, ...]
    effects: Mapping[Address, Effect]
    probe: bool = False


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The planning options; part of a plan's digest."""

    refresh: bool = True
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    effective_at: str | None = None
    adopt: bool = False
    destroy: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that apply would do. Made by ``planner.make_plan``; pure data.

    changes holds no-ops too. records are entries that change without a call: moved, forgotten, adopted, or in place already.
    moves: resources that only follow a replaced one, with the digest of what was read of them.
    """

    environment: str
    base_url: str
    lineage: str
    serial: int
    spec_digest: str
    spec_file: str
    options: PlanOptions
    changes: tuple[Change, ...]
    calls: tuple[PlannedCall, ...]
    drift: tuple[Drift, ...] = ()
    guards: tuple[GuardHit, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    records: Mapping[Address, Effect] = field(default_factory=dict)
    moves: Mapping[Address, str | None] = field(default_factory=dict)

    @property
    def doing(self) -> tuple[Change, ...]:
        """The changes that do something."""
        return tuple(change for change in self.changes if change.action is not Action.NOOP)

    def summary(self) -> dict[str, int]:
        """How many changes of each action; all actions but no-op are named, also those that don't occur."""
        counts = dict.fromkeys((action.word for action in Action if action is not Action.NOOP), 0)
        for change in self.doing:
            counts[change.action.word] += 1
        return counts

    def blocking(self, allowed: tuple[str, ...]) -> tuple[GuardHit, ...]:
        """The guards that stop an apply, those allowed by ``CODE`` or ``CODE:ADDRESS`` left out."""
        return tuple(
            hit
            for hit in self.guards
            if hit.blocking and not (hit.allowable and (hit.code in allowed or f"{hit.code}:{hit.address}" in allowed))
        )
