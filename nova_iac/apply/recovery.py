"""Settles what an interrupted run left open: calls that were about to be made and whose outcome nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from nova_iac import moment
from nova_iac.apply.executor import created_id
from nova_iac.errors import ApplyError, Conflict, NotFound, Refused, RemoteError, Unavailable
from nova_iac.kinds.base import Kind, Names, Wanted
from nova_iac.remote import Client, Endpoint
from nova_iac.resource import Address, RemoteObject
from nova_iac.state.journal import Intent, Journal, apply_effects
from nova_iac.state.lockfile import LockEntry

REPLAYED_FOR: Final = timedelta(hours=24)
"""How long the API is known to replay a stored answer for an Idempotency-Key (§3.4)."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """How one intent was settled. id is the object's, where the call made one."""

    intent: Intent
    took_effect: bool
    how: str
    id: str | None = None


def recover(
    intents: Sequence[Intent],
    entries: dict[Address, LockEntry],
    client: Client,
    journal: Journal,
    kinds: Mapping[str, Kind],
    now: Callable[[], datetime],
) -> Iterator[Recovered]:
    """Settle every intent, in the order in which they were sent, writing each outcome down.

    The same call under the same key while that can be replayed; otherwise, and where the stored answer is a fault, a look-up
    by the uniqueness key, or by natural identity where the API has no such key. entries is brought up to date.

    :raises ApplyError: identity can't decide; the message has the ids and the command that settles it.
    :raises Unavailable: Metronome can't be reached.
    """
    for intent in intents:
        settled = _settle(intent, entries, client, kinds, now())
        if settled.took_effect:
            journal.done(intent.number, settled.id)
            apply_effects(entries, intent.effects, settled.id)
        else:
            journal.refused(intent.number, settled.how)
        yield settled


def _settle(
    intent: Intent, entries: Mapping[Address, LockEntry], client: Client, kinds: Mapping[str, Kind], now: datetime
) -> Recovered:
    if now - moment.parse(intent.sent_at) < REPLAYED_FOR:
        endpoint = Endpoint(intent.method, intent.path, intent.sdk)
        try:
            answer = client.send(endpoint, intent.params, key=intent.key)
            return Recovered(intent, True, "sent again under its key", created_id(answer, endpoint) if intent.creates else None)
        except (Refused, NotFound) as problem:
            return Recovered(intent, False, str(problem))
        except (Conflict, Unavailable) as problem:  # or the stored answer is a fault: this key will never say more
            if problem.status is None or problem.status == 429:
                raise
    if intent.creates is None:
        # What it would have changed is read by the plan that follows, which sends it again if it is still needed.
        return Recovered(intent, False, "left to the next plan, which reads what holds")
    return _look_up(intent, intent.creates, entries, client, kinds)


def _look_up(
    intent: Intent, address: Address, entries: Mapping[Address, LockEntry], client: Client, kinds: Mapping[str, Kind]
) -> Recovered:
    kind = kinds[address.kind]
    names = Names({other: entry.id for other, entry in entries.items() if entry.id})
    wanted = Wanted(address, None, None, intent.effects[address].set)
    key = intent.params.get("uniqueness_key")
    try:
        if key is not None:
            made = kind.made_under(key, intent.params, client)
            return Recovered(intent, made is not None, f"{'found' if made else 'not found'} under its uniqueness key", made)
        found = kind.find([wanted], client, names).get(address, ())
    except RemoteError as problem:
        raise Unavailable(f"whether {address} was created can't be looked up: {problem}") from None
    ours = set(names.ids)
    candidates = [one for one in found if one.id not in ours and _alike(kind, one, wanted)]
    if len(candidates) == 1:
        return Recovered(intent, True, f"found by {kind.identity}", candidates[0].id)
    if not candidates:
        return Recovered(intent, False, "not found in the account, so it never took effect")
    ids = ", ".join(sorted(str(one.id) for one in candidates))
    raise ApplyError(
        f"{address} may have been created by an interrupted run, and {len(candidates)} live objects fit: {ids}. "
        f"Nothing was sent. Say which one it is with `nova-iac import {address} ID`.",
        None,
    )


def _alike(kind: Kind, found: RemoteObject, wanted: Wanted) -> bool:
    """Equal in every declared field that can be read; identity is enough where two can't share it."""
    if kind.exclusive:
        return True
    desired = wanted.desired or {}
    return all(
        not kind.fields[name].readable or kind.project(name, found.attributes.get(name), value, value) == value
        for name, value in desired.items()
    )
