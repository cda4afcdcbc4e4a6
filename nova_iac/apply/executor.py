"""Carries out a plan: its calls and no others, each written down before and after.

Independent calls run side by side; what a failed call blocks is named and left. Whatever happens, the journal on disk says what
was done and what may have been.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from nova_iac import moment
from nova_iac.errors import Conflict, NotFound, NovaError, Refused, RemoteError, Unavailable
from nova_iac.kinds.base import EffectiveAt, FiatId, Kind, Wanted
from nova_iac.kinds.lookup import Names
from nova_iac.plan.change import Change, Plan, PlannedCall
from nova_iac.plan.verdict import canonical_json
from nova_iac.remote import Client, Endpoint, to_json_number
from nova_iac.resource import Address, Ref
from nova_iac.state.journal import Intent, Journal, apply_effects
from nova_iac.state.lockfile import LockEntry, Lockfile

_TAKEN: Final = "uniqueness key"
"""In what Metronome says of a uniqueness key that was used (§2.3); an Idempotency-Key gets a 409 of another kind."""

_NOT_OURS: Final = (
    "the object that holds it is equal, but was not made under this lockfile's key: take it over with --adopt or "
    "`nova-iac import {} ID`, or change the spec"
)

_ARCHIVED: Final = "already archived"
"""In what Metronome says of an object that is archived twice (§2.2)."""

_ARCHIVED_SINCE: Final = "another clone made {} under the key of the attempt before, and it is archived by now: apply again"

_UNHEARD: Final = 401
"""The answer of a door-keeper: the call was not looked at, and nothing is stored for its key (§3.4)."""


class Progress(StrEnum):
    """What happened to a call."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class ApplyEvent:
    """One step of an apply. blocked_by are the addresses whose failure keeps this call from being made."""

    progress: Progress
    index: int
    call: PlannedCall
    seconds: float = 0.0
    error: NovaError | None = None
    new_id: str | None = None
    blocked_by: tuple[Address, ...] = ()


@dataclass(slots=True)
class ApplyResult:
    """What an apply came to. calls counts those that succeeded; entries is the record after it."""

    entries: dict[Address, LockEntry]
    done: list[Change] = field(default_factory=list)
    undone: list[Change] = field(default_factory=list)
    calls: int = 0
    failed: list[ApplyEvent] = field(default_factory=list)
    blocked: list[ApplyEvent] = field(default_factory=list)
    interrupted: bool = False
    attempted: bool = False

    @property
    def complete(self) -> bool:
        """Whether everything that was planned is done."""
        return not self.undone and not self.failed and not self.blocked and not self.interrupted


def created_id(answer: Any, endpoint: Endpoint) -> str:
    """The id of a created object.

    :raises Unavailable: the answer has none: whether the object was made isn't known.
    """
    match answer:
        case {"data": {"id": str(made)}} if made:
            return made
    raise Unavailable(f"{endpoint.method} {endpoint.path}: the answer has no id")


class Executor:
    """One apply of one plan.

    :param stop: once set, calls in flight are finished and no other is made.
    :param now: the clock, for effective dates that are fixed as a call is sent.
    :param keys: the serial that goes into the key of a create which an unfinished run has planned and not sent, by what it
        creates; the others take the lockfile's.
    """

    def __init__(
        self,
        plan: Plan,
        lockfile: Lockfile,
        client: Client,
        journal: Journal,
        *,
        now: Callable[[], datetime],
        stop: threading.Event,
        parallelism: int,
        kinds: Mapping[str, Kind],
        keys: Mapping[Address, int],
    ) -> None:
        self.plan, self.client, self.journal = plan, client, journal
        self._now, self._stop, self._parallelism = now, stop, parallelism
        self._lineage, self._serial = lockfile.lineage, lockfile.serial
        self._kinds = kinds
        self._keys = {address: serial for address, serial in keys.items() if serial != lockfile.serial}
        self._lock = threading.Lock()
        self.result = ApplyResult(dict(lockfile.resources))

    def run(self) -> Iterator[ApplyEvent]:
        """Do it, telling each step. The result stands in ``result`` afterwards, also after an error."""
        states: dict[int, Progress] = {}
        try:
            yield from self._run_probes(states)
            if self.plan.records and not self._stop.is_set():
                self.journal.record(self.plan.records)
                apply_effects(self.result.entries, self.plan.records, None)
            yield from self._run_rest(states)
            yield from self._read_back(states)
        finally:
            self._settle(states)

    def _run_probes(self, states: dict[int, Progress]) -> Iterator[ApplyEvent]:
        """The creates whose answer tells whether a live holder is ours; a conflict ends the run before anything else."""
        for index, planned in enumerate(self.plan.calls):
            if planned.probe:
                yield ApplyEvent(Progress.STARTED, index, planned)
                event = self._carry_out(index, planned)
                states[index] = event.progress
                self._note(event)
                yield event
                if event.progress is Progress.FAILED:
                    self._stop.set()
                    return

    def _run_rest(self, states: dict[int, Progress]) -> Iterator[ApplyEvent]:
        calls = self.plan.calls
        followers: dict[int, list[int]] = {}
        waiting: dict[int, int] = {}
        for index, planned in enumerate(calls):
            if index in states:
                continue
            open_needs = [need for need in planned.needs if states.get(need) is not Progress.DONE]
            waiting[index] = len(open_needs)
            for need in open_needs:
                followers.setdefault(need, []).append(index)
        ready = [index for index in waiting if not waiting[index]]
        ready.reverse()
        flying: dict[Future[ApplyEvent], int] = {}
        with ThreadPoolExecutor(self._parallelism, thread_name_prefix="apply") as pool:
            while flying or (ready and not self._stop.is_set()):
                while ready and len(flying) < self._parallelism and not self._stop.is_set():
                    index = ready.pop()
                    yield ApplyEvent(Progress.STARTED, index, calls[index])
                    flying[pool.submit(self._carry_out, index, calls[index])] = index
                finished, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in sorted(finished, key=lambda one: flying[one]):
                    index = flying.pop(future)
                    event = future.result()
                    states[index] = event.progress
                    self._note(event)
                    yield event
                    if event.progress is Progress.DONE:
                        for follower in followers.get(index, ()):
                            waiting[follower] -= 1
                            if not waiting[follower]:
                                ready.append(follower)
                    else:
                        yield from self._block(index, followers, states)

    def _read_back(self, states: dict[int, Progress]) -> Iterator[ApplyEvent]:
        """Read what was made under the key of an earlier attempt: another clone may have made it, and somebody archived it since.

        Such an answer is told as a failure; the next plan sees what holds.
        """
        created = {one.call.creates: index for index, one in enumerate(self.plan.calls) if states.get(index) is Progress.DONE}
        made = {address: created[address] for address in self._keys if address in created}
        entries = self.result.entries
        names = Names({address: entry.id for address, entry in entries.items() if entry.id})
        for kind in self._kinds.values():
            kept = [address for address in made if address.kind == kind.name]
            if not kept or self._stop.is_set():
                continue
            wanted = [Wanted(address, entries[address].id, entries[address].attributes, None) for address in kept]
            unread: RemoteError | None = None
            try:
                live = kind.read(wanted, self.client, names)
                gone = [address for address in kept if address not in live or live[address].archived]
            except RemoteError as problem:
                gone, unread = kept, problem
            for address in gone:
                states[made[address]] = Progress.FAILED
                error = unread or Refused(_ARCHIVED_SINCE.format(entries[address].id))
                event = ApplyEvent(Progress.FAILED, made[address], self.plan.calls[made[address]], error=error)
                self._note(event)
                yield event

    def _block(self, failed: int, followers: Mapping[int, list[int]], states: dict[int, Progress]) -> Iterator[ApplyEvent]:
        work = list(followers.get(failed, ()))
        while work:
            index = work.pop()
            if index in states:
                continue
            states[index] = Progress.BLOCKED
            event = ApplyEvent(Progress.BLOCKED, index, self.plan.calls[index], blocked_by=self.plan.calls[failed].call.covers)
            self._note(event)
            yield event
            work += followers.get(index, ())

    def _carry_out(self, index: int, planned: PlannedCall) -> ApplyEvent:
        """One call: intent, call, outcome. Runs on a worker thread."""
        began = time.monotonic()
        number: int | None = None
        try:
            params = self._resolved(planned.call.params)
            key = self._key(planned, params)
            if planned.call.unique:
                params["uniqueness_key"] = key
            intent = self._intent(planned, params, key)
            number = intent.number
            self.journal.intend(intent)
            self.result.attempted = True
            new_id = self._send(planned, params, key)
            with self._lock:  # before the journal, which may be full: the id is known from here on
                apply_effects(self.result.entries, planned.effects, new_id)
            self.journal.done(number, new_id)
        except (Refused, NotFound) as error:
            if number is not None:
                self.journal.refused(number, str(error), unheard=error.status == _UNHEARD)
            return ApplyEvent(Progress.FAILED, index, planned, time.monotonic() - began, error)
        except NovaError as error:  # also a Conflict: who else holds the key may be this very call, made before
            return ApplyEvent(Progress.FAILED, index, planned, time.monotonic() - began, error)
        return ApplyEvent(Progress.DONE, index, planned, time.monotonic() - began, new_id=new_id)

    def _send(self, planned: PlannedCall, params: Mapping[str, Any], key: str) -> str | None:
        """Make the call; the id of what it created, if it creates."""
        call = planned.call
        try:
            answer = self.client.send(call.endpoint, params, key=key)
        except Refused as refusal:
            if _ARCHIVED in str(refusal) and any(effect.archived for effect in planned.effects.values()):
                return None  # by a run that is lost, or by hand: the record is all that is behind
            raise
        except Conflict as conflict:
            if planned.probe:
                raise Conflict(f"{conflict}; {_NOT_OURS.format(call.creates)}", status=conflict.status) from None
            if not call.unique or _TAKEN not in str(conflict):
                raise
            # The uniqueness key is of this very write: it was made before, by a run that is lost.
            if call.creates is None:
                return None
            try:
                claimed = self._kinds[call.creates.kind].made_under(key, params, self.client)
            except RemoteError as problem:
                raise Unavailable(f"whether {call.creates} was made can't be looked up: {problem}") from None
            if claimed is None:
                raise
            return claimed
        return created_id(answer, call.endpoint) if call.creates else None

    def _intent(self, planned: PlannedCall, params: Mapping[str, Any], key: str) -> Intent:
        call = planned.call
        return Intent(
            self.journal.next_number(),
            key,
            call.endpoint.method,
            call.endpoint.path,
            call.endpoint.sdk,
            to_json_number(params),
            moment.text(self._now()),
            call.covers,
            call.creates,
            planned.effects,
        )

    def _key(self, planned: PlannedCall, params: Mapping[str, Any]) -> str:
        """The same for the same write from the same lockfile, whoever makes it; another after every run that made it."""
        endpoint = planned.call.endpoint
        created = planned.call.creates
        serial = self._serial if created is None else self._keys.get(created, self._serial)
        parts = [self._lineage, serial, planned.call.covers, endpoint.method, endpoint.path, params]
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()

    def _resolved(self, value: Any) -> Any:
        """Parameters with ids, credit types and dates put in."""
        match value:
            case Ref(address):
                with self._lock:
                    entry = self.result.entries.get(address)
                if entry is None or entry.id is None:
                    raise Refused(f"{address} has no id in the lockfile; apply it first.")
                return entry.id
            case FiatId(code):
                return self.client.fiat_id(code)
            case EffectiveAt(moment.NEXT_HOUR):
                return moment.text(moment.next_full_hour(self._now()))
            case EffectiveAt(instant):
                return instant
            case Mapping():
                return {name: self._resolved(part) for name, part in value.items()}
            case list() | tuple():
                return [self._resolved(part) for part in value]
            case _:
                return value

    def _note(self, event: ApplyEvent) -> None:
        if event.progress is Progress.DONE:
            self.result.calls += 1
        elif event.progress is Progress.FAILED:
            self.result.failed.append(event)
        elif event.progress is Progress.BLOCKED:
            self.result.blocked.append(event)

    def _settle(self, states: Mapping[int, Progress]) -> None:
        """A change is done when every call that covers it is."""
        open_addresses = {
            address
            for index, planned in enumerate(self.plan.calls)
            if states.get(index) is not Progress.DONE
            for address in planned.call.covers
        }
        for change in self.plan.doing:
            (self.result.undone if change.address in open_addresses else self.result.done).append(change)
        never_tried = any(index not in states for index in range(len(self.plan.calls)))
        self.result.interrupted = never_tried and self._stop.is_set() and not self.result.failed
