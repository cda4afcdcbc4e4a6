"""A run that writes: the lock, recovery, the journal, interrupts, and the lockfile at the end, whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import FrameType
from typing import Any, Final

import click

from nova_iac import moment
from nova_iac.apply.executor import ApplyEvent, ApplyResult, Executor
from nova_iac.apply.recovery import Recovered, recover
from nova_iac.cli.session import Session, now
from nova_iac.errors import LockfileError
from nova_iac.kinds import KINDS
from nova_iac.plan.change import Plan
from nova_iac.plan.document import call_identity, plan_digest
from nova_iac.remote import Client
from nova_iac.resource import Address
from nova_iac.state.folding import Folded
from nova_iac.state.journal import Journal, Run
from nova_iac.state.lockfile import LockEntry, Lockfile
from nova_iac.state.mutex import Mutex

_INTERRUPTS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Running:
    """One apply or destroy, from taking the lock to giving it back.

    Use as a context manager. On the way out the lockfile is saved if anything changed, and the journal removed if nothing is
    left open; if the lockfile can't be saved, the new ids are printed.
    """

    def __init__(self, session: Session, operation: str) -> None:
        self.session = session
        self._mutex = Mutex(session.paths.mutex, operation, now())
        self._journal: Journal | None = None
        self._sent = False
        self._lockfile: Lockfile | None = None
        self._on_disk: Lockfile | None = None
        self.folded: Folded | None = None
        self.signal = signal.SIGINT
        """The signal that interrupted the run."""
        self.resumes = False
        """This run finishes an unfinished one under that one's reviewed plan."""
        self._unfinished = False

    def __enter__(self) -> Running:
        self._mutex.__enter__()
        try:
            self.folded = self.session.folded()
        except BaseException:
            self._mutex.__exit__(None, None, None)
            raise
        if self.folded is not None:
            self._lockfile = self._on_disk = self.folded.lockfile
            # An early end (a guard, a "no") leaves the plan of an unfinished run to be resumed.
            self._unfinished = self.folded.run is not None
        return self

    def __exit__(self, *details: object) -> None:
        try:
            self._save()
        finally:
            self._mutex.__exit__(None, None, None)

    @property
    def open(self) -> bool:
        """Whether an interrupted run left calls whose outcome isn't known."""
        return self.folded is not None and bool(self.folded.unresolved)

    def recover(self, client: Client, plan: Plan) -> None:
        """Settle what an interrupted run left open, telling each outcome.

        :param plan: what was planned beside it, allowed and agreed to: none of its creates is sent again that isn't in it.
        :raises SystemExit: it was interrupted; what is left open stays in the journal.
        """
        if self.folded is None or not self.folded.unresolved or self._lockfile is None:
            return
        journal = self._begin(None)
        entries = dict(self._lockfile.resources)
        stop = threading.Event()
        try:
            with self._interruptible(stop):
                for settled in recover(self.folded.unresolved, plan.calls, entries, client, journal, KINDS, now):
                    self._sent = True
                    _tell(settled)
                    if stop.is_set():
                        raise SystemExit(128 + self.signal)
        finally:
            self._lockfile = self._lockfile.with_resources(entries)
        self.folded = replace(self.folded, lockfile=self._lockfile, unresolved=())

    def execute(self, plan: Plan, client: Client, show: Callable[[ApplyEvent], None], *, parallelism: int) -> ApplyResult:
        """Carry out a plan, telling each step."""
        lockfile = self._lockfile
        if lockfile is None:
            # On disk before the first call: a run that is lost later has the same keys when it is made again.
            lockfile = Lockfile.fresh(self.session.environment.name, self.session.base_url)
            lockfile.save(self.session.paths.lockfile)
            self._on_disk = lockfile
        self._lockfile = lockfile
        journal = self._begin(plan)
        stop = threading.Event()
        executor = Executor(
            plan, lockfile, client, journal,
            now=now, stop=stop, parallelism=parallelism, kinds=KINDS, keys=self._kept_keys,
        )  # fmt: skip
        try:
            with self._interruptible(stop):
                for event in executor.run():
                    show(event)
        finally:
            self._sent = self._sent or executor.result.attempted
            self._lockfile = lockfile.with_resources(executor.result.entries)
            self._unfinished = not executor.result.complete
        return executor.result

    def record(self, plan: Plan) -> None:
        """Write down what a plan without calls changes of the record: there is nothing left to do."""
        self._unfinished = False
        if plan.records and self._lockfile is not None:
            from nova_iac.state.journal import apply_effects

            entries = dict(self._lockfile.resources)
            apply_effects(entries, plan.records, None)
            self._lockfile = self._lockfile.with_resources(entries)

    def _begin(self, plan: Plan | None) -> Journal:
        assert self._lockfile is not None
        run = Run(
            self._lockfile.lineage,
            self._lockfile.serial,
            self._lockfile.environment,
            self._lockfile.base_url,
            moment.text(now()),
            *self._reviewed(plan),
            self._kept_keys if plan is None else self._keys(plan),
        )
        if self._journal is None:
            if self._differs_on_disk(self._lockfile):
                self._lockfile.save(self.session.paths.lockfile)
            self._journal = Journal(self.session.paths.journal, run, () if self.folded is None else self.folded.unresolved)
        else:
            self._journal.begin(run)
        return self._journal

    def _reviewed(self, plan: Plan | None) -> tuple[str, bool, tuple[Mapping[str, Any], ...]]:
        """Digest, kind and calls of the plan that is carried out; those of the unfinished one where that is resumed."""
        if (self.resumes or plan is None) and self.folded is not None and self.folded.run is not None:
            run = self.folded.run
            return run.plan_digest, run.destroy, run.calls
        if plan is None:
            return "", False, ()
        return plan_digest(plan), plan.options.destroy, tuple(call_identity(call) for call in plan.calls)

    @property
    def _kept_keys(self) -> Mapping[Address, int]:
        return {} if self.folded is None else self.folded.keys

    def _keys(self, plan: Plan) -> Mapping[Address, int]:
        """The serials that the keys of a plan's creates are made with."""
        assert self._lockfile is not None
        created = (planned.call.creates for planned in plan.calls)
        return {address: self._kept_keys.get(address, self._lockfile.serial) for address in created if address}

    @contextlib.contextmanager
    def _interruptible(self, stop: threading.Event) -> Iterator[None]:
        """The first Ctrl-C, SIGTERM or hangup finishes the calls in flight; a second one leaves at once."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals come to the main thread alone; a server there waits for the run to end
            return

        def handle(number: int, _frame: FrameType | None) -> None:
            if stop.is_set():
                if number == signal.SIGHUP:
                    return  # a shell passes on what the terminal has sent already
                _shout(b"\nLeaving at once. The journal has everything; the next apply settles what is open.\n")
                os._exit(128 + number)
            self.signal = signal.Signals(number)
            stop.set()
            _shout(b"\nInterrupted. Finishing the calls in flight; once more to leave at once.\n")

        numbers = [one for one in _INTERRUPTS if signal.getsignal(one) is not signal.SIG_IGN]
        before = {number: signal.signal(number, handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _differs_on_disk(self, lockfile: Lockfile) -> bool:
        """Whether a journal was folded in that the file doesn't have yet."""
        if self.folded is None or self.folded.run is None:
            return False
        path = self.session.paths.lockfile
        return not path.exists() or path.read_text(encoding="utf-8") != lockfile.text()

    def _save(self) -> None:
        lockfile, journal = self._lockfile, self._journal
        if journal is not None:
            journal.__exit__(None, None, None)
        if lockfile is None:
            return
        changed = self._on_disk is None or lockfile.resources != self._on_disk.resources
        if self._sent or changed:
            lockfile = replace(lockfile, serial=lockfile.serial + 1)
        if self._sent or changed or self._differs_on_disk(lockfile):
            try:
                lockfile.save(self.session.paths.lockfile)
            except LockfileError as problem:
                _print_ids(lockfile, self._on_disk)
                raise LockfileError(f"{problem} The journal {self.session.paths.journal} has everything, too.") from problem
        if not self._unfinished:
            self.session.paths.journal.unlink(missing_ok=True)


def _tell(settled: Recovered) -> None:
    intent = settled.intent
    outcome = "it took effect" if settled.took_effect else "it took no effect"
    click.echo(f"Recovered {intent.method} {intent.path} for {', '.join(intent.covers)}: {outcome} ({settled.how}).", err=True)


def _shout(message: bytes) -> None:
    """Write past every buffer; where nobody listens any more, that is no reason to stop."""
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), message)


def _print_ids(lockfile: Lockfile, before: Lockfile | None) -> None:
    """New ids as commands that put them back, so that none is lost with the lockfile."""
    known: dict[Address, LockEntry] = {} if before is None else dict(before.resources)
    for address, entry in lockfile.resources.items():
        if entry.id and (address not in known or known[address].id != entry.id):
            click.echo(f"nova-iac import {address} {entry.id}", err=True)
