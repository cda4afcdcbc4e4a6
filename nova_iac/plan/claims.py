"""What only one object of the account can hold at a time: a plan that takes it from nobody would fail half-way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from nova_iac.errors import Diagnostic
from nova_iac.kinds.base import Kind
from nova_iac.plan.change import PlannedCall
from nova_iac.plan.inputs import LiveState
from nova_iac.plan.verdict import Verdict, problem
from nova_iac.resource import Address
from nova_iac.state.lockfile import Lockfile


def held_elsewhere(
    calls: Sequence[PlannedCall],
    verdicts: Mapping[Address, Verdict],
    lockfile: Lockfile,
    live: LiveState,
    kinds: Mapping[str, Kind],
    pending: Collection[Address],
) -> Iterable[Diagnostic]:
    """Why calls that take something would be refused: another object holds it, and no call of the plan frees it.

    An unrecorded holder of what an unrecorded resource wants is a twin, and judged as one.

    :param pending: addresses whose creation is an unresolved intent: what they hold will be theirs once that is settled.
    """
    freed = frozenset(token for planned in calls for token in planned.call.frees)
    holders = _holders(lockfile, live, kinds)
    for planned in calls:
        taker = planned.call.covers[0]
        for token in sorted(planned.call.takes - freed):
            holder = holders.get((taker.kind, token))
            if holder is None or holder == taker:
                continue
            case = verdicts[taker].case
            name, _, member = token.partition(" ")
            if isinstance(holder, Address):
                yield problem(
                    case, "NV413", f"Held by another {case.kind.name}",
                    f"{holder} holds {member!r} of {name} in the account, and this plan doesn't take it from there. Declare "
                    f"{name} of {holder} without it (or plan {holder} too, where it is left out of this plan), or change the "
                    "spec here.",
                )  # fmt: skip
            elif case.entry is not None and not any(address.kind == taker.kind for address in pending):
                yield problem(
                    case, "NV413", f"Held by another {case.kind.name}",
                    f"{holder} holds {member!r} of {name} in the account, outside this lockfile. Take it from there in "
                    "Metronome first, or change the spec here.",
                )  # fmt: skip


def _holders(lockfile: Lockfile, live: LiveState, kinds: Mapping[str, Kind]) -> dict[tuple[str, str], Address | str]:
    """Who holds what: an address of this lockfile, or an id with the name of the object."""
    addresses = {(address.kind, entry.id): address for address, entry in lockfile.resources.items()}
    holders: dict[tuple[str, str], Address | str] = {}
    for wanted, found in live.holders.items():
        for one in found:
            who = addresses.get((wanted.kind, one.id)) or f"{one.name!r} ({one.id})"
            holders |= {(wanted.kind, token): who for token in kinds[wanted.kind].claimed(one.attributes)}
    for address, one in live.objects.items():
        holders |= {(address.kind, token): address for token in kinds[address.kind].claimed(one.attributes)}
    return holders
