"""Settles what an interrupted run left open: calls that were about to be made and whose outcome nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from nova_iac import moment
from nova_iac.apply.executor import created_id
from nova_iac.errors import ApplyError, Conflict, RemoteError, Unavailable
from nova_iac.kinds.base import EffectiveAt, FiatId, Kind, Wanted
from nova_iac.kinds.lookup import Names
from nova_iac.plan.change import PlannedCall
from nova_iac.remote import Client, Endpoint, to_json_number
from nova_iac.resource import Address, Ref, RemoteObject
from nova_iac.state.journal import Intent, Journal, apply_effects
from nova_iac.state.lockfile import LockEntry

REPLAYED_FOR: Final = timedelta(hours=23)
"""How long an answer stored for an Idempotency-Key is relied on: the API replays it for 24 hours (§3.4), by its own clock."""

_NOT_NOW: Final = (401, 403, 408, 429, 502, 503, 504)
"""Answers of somebody who didn't look: whoever asks again later will learn more. None is no answer at all."""

_LEFT: Final = "left to the next plan, which reads what holds"


@dataclass(frozen=True, slots=True)
class Recovered:
    """How one intent was settled. id is the object's, where the call made one."""

    intent: Intent
    took_effect: bool
    how: str
    id: str | None = None


def recover(
    intents: Sequence[Intent],
    wanted: Sequence[PlannedCall],
    entries: dict[Address, LockEntry],
    client: Client,
    journal: Journal,
    kinds: Mapping[str, Kind],
    now: Callable[[], datetime],
) -> Iterator[Recovered]:
    """Settle every intent, in the order in which they were sent, writing each outcome down.

    A call that is still planned is sent again under its key, while that is replayed. Another that creates nothing is left to
    the plan that follows, which reads what holds; what another may have created is looked up, by the uniqueness key, or by
    natural identity where the API has no such key. What is no longer planned is never made. entries is brought up to date.

    :param wanted: the calls of the plan that was shown and allowed.
    :raises ApplyError: identity can't decide; the message has the ids and the command that settles it.
    :raises Unavailable: Metronome can't be reached, or doesn't let us look.
    """
    for intent in intents:
        settled = _settle(intent, wanted, entries, client, kinds, now())
        if settled.took_effect:
            journal.done(intent.number, settled.id)
            apply_effects(entries, intent.effects, settled.id)
        else:
            journal.refused(intent.number, settled.how)
        yield settled


def _settle(
    intent: Intent,
    wanted: Sequence[PlannedCall],
    entries: Mapping[Address, LockEntry],
    client: Client,
    kinds: Mapping[str, Kind],
    now: datetime,
) -> Recovered:
    replayed = timedelta(0) <= now - moment.parse(intent.sent_at) < REPLAYED_FOR
    planned = any(_same_call(one, intent, entries) for one in wanted)
    if intent.creates is None and not (replayed and planned):
        return Recovered(intent, False, _LEFT)
    if intent.creates is not None and not replayed:
        return _look_up(intent, intent.creates, entries, client, kinds)
    if intent.creates is not None and not planned:
        found = _look_up(intent, intent.creates, entries, client, kinds)
        if not found.took_effect or "uniqueness_key" in intent.params:
            return found
        # An equal object may be somebody else's: the key tells, and makes nothing new where it is ours.
    endpoint = Endpoint(intent.method, intent.path, intent.sdk)
    try:
        answer = client.send(endpoint, intent.params, key=intent.key)
        return Recovered(intent, True, "sent again under its key", created_id(answer, endpoint) if intent.creates else None)
    except RemoteError as problem:
        if problem.status is None or problem.status in _NOT_NOW:
            raise Unavailable(
                f"what an interrupted run left open can't be settled now: {problem}", status=problem.status
            ) from None
        refusal = problem
    # A refusal, or a stored fault: this key will never say more.
    if intent.creates is None:
        return Recovered(intent, False, _LEFT)
    if isinstance(refusal, Conflict) and kinds[intent.creates.kind].exclusive:
        return Recovered(intent, False, "what it needs is held by an object that was not made under its key")
    return _look_up(intent, intent.creates, entries, client, kinds, by_identity=False)


def _same_call(planned: PlannedCall, intent: Intent, entries: Mapping[Address, LockEntry]) -> bool:
    """Whether a planned call is the one that was sent."""
    call = planned.call
    if call.creates != intent.creates or call.endpoint.path != intent.path:
        return False
    sent = {name: value for name, value in intent.params.items() if name != "uniqueness_key"}
    return _same_value(call.params, sent, entries)


def _same_value(planned: Any, sent: Any, entries: Mapping[Address, LockEntry]) -> bool:
    match planned:
        case Ref(address):
            return address in entries and entries[address].id == sent
        case EffectiveAt(instant):
            return bool(instant == sent)  # never where it is the next full hour: that was another one
        case FiatId():
            return isinstance(sent, str)
        case Mapping():
            return (
                isinstance(sent, Mapping)
                and planned.keys() == sent.keys()
                and all(_same_value(value, sent[name], entries) for name, value in planned.items())
            )
        case list() | tuple():
            return (
                isinstance(sent, list)
                and len(planned) == len(sent)
                and all(_same_value(one, other, entries) for one, other in zip(planned, sent, strict=True))
            )
        case _:
            return bool(to_json_number(planned) == sent)


def _look_up(
    intent: Intent,
    address: Address,
    entries: Mapping[Address, LockEntry],
    client: Client,
    kinds: Mapping[str, Kind],
    *,
    by_identity: bool = True,
) -> Recovered:
    """What the account has.

    :param by_identity: whether an object that can share its identity with no other is taken though it differs: not where the
        key itself was just refused, which it would not be for an object of ours.
    """
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
    candidates = [one for one in found if one.id not in ours and ((by_identity and kind.exclusive) or _alike(kind, one, wanted))]
    if len(candidates) == 1:
        return Recovered(intent, True, f"found by {kind.identity}", candidates[0].id)
    if not candidates:
        return Recovered(intent, False, "not found in the account, so it never took effect")
    ids = ", ".join(sorted(str(one.id) for one in candidates))
    raise ApplyError(
        f"{address} may have been created by an interrupted run, and {len(candidates)} live objects fit: {ids}. "
        f"Say which one it is with `nova-iac import {address} ID`.",
        None,
    )


def _alike(kind: Kind, found: RemoteObject, wanted: Wanted) -> bool:
    """Equal in every declared field that can be read."""
    desired = wanted.desired or {}
    return all(
        not kind.fields[name].readable or kind.project(name, found.attributes.get(name), value, value) == value
        for name, value in desired.items()
    )
