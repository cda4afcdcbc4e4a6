"""A command that changes the lockfile and nothing else: under the lock, atomically, the serial one up."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Self

import click

from nova_iac.cli.session import Session, now
from nova_iac.errors import UsageProblem
from nova_iac.resource import Address
from nova_iac.state.folding import Folded
from nova_iac.state.journal import Intent, Journal
from nova_iac.state.lockfile import LockEntry, Lockfile
from nova_iac.state.mutex import Mutex


class Recording:
    """Holds the lock of a session's lockfile. Use as a context manager.

    lockfile is the recorded state with an interrupted run's journal folded in; empty, of a new lineage, where there is none.
    is_whole: there is a file, and it could be read. open are calls of an interrupted run that may have made one object.

    :param settles: the address whose open calls this command settles.
    """

    def __init__(self, session: Session, operation: str, *, settles: Address | None = None) -> None:
        self.session = session
        self._mutex = Mutex(session.paths.mutex, operation, now())
        self._settles = settles
        self._folded: Folded | None = None
        self.lockfile: Lockfile = Lockfile.fresh(session.environment.name, session.base_url)
        self.is_whole = False
        self.open: list[Intent] = []

    def __enter__(self) -> Self:
        """Take the lock and read the record.

        :raises Locked: another run holds it.
        :raises UsageProblem: an interrupted run left calls whose outcome isn't known; only apply can settle them.
        """
        self._mutex.__enter__()
        try:
            self._read()
        except BaseException:
            self._mutex.__exit__(None, None, None)
            raise
        return self

    def _read(self) -> None:
        folded = self.session.folded()
        if folded is None:
            return
        self._folded = folded
        self.open = [intent for intent in folded.unresolved if intent.creates and intent.creates == self._settles]
        if folded.unresolved and not self.open:
            count = len(folded.unresolved)
            raise UsageProblem(
                f"an interrupted run left {count} {'call' if count == 1 else 'calls'} whose outcome isn't known: run "
                "`nova-iac apply` first, which settles them."
            )
        self.lockfile, self.is_whole = folded.lockfile, self.session.paths.lockfile.exists()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._mutex.__exit__(kind, error, trace)

    def settle(self, ident: str) -> None:
        """Write down which object the open calls made; what else is open stays so."""
        assert self._folded is not None
        assert self._folded.run is not None
        self.lockfile.save(self.session.paths.lockfile)
        run = replace(self._folded.run, serial=self.lockfile.serial, keys=self._folded.keys)
        with Journal(self.session.paths.journal, run, self._folded.unresolved) as journal:
            for intent in self.open:
                journal.done(intent.number, ident)

    def save(self, resources: Mapping[Address, LockEntry]) -> None:
        """Replace the recorded resources. Where nothing is different the file stays as it is."""
        if resources == self.lockfile.resources and self.is_whole:
            return
        self.lockfile = replace(self.lockfile.with_resources(resources), serial=self.lockfile.serial + 1)
        self.lockfile.save(self.session.paths.lockfile)


def ask(session: Session, yes: bool) -> None:
    """Ask before something could be lost.

    :raises UsageProblem: it wasn't confirmed, or there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageProblem("there is no terminal to ask on: give --yes to go on without asking. Nothing was changed.")
    click.echo(f'\nDo you want to do this to the lockfile of environment "{session.environment.name}"?', err=True)
    click.echo("Only 'yes' will be accepted.\n> ", err=True, nl=False)
    if sys.stdin.readline().strip() != "yes":
        raise UsageProblem("not confirmed; nothing was changed.")
