"""A command that changes the lockfile and nothing else: under the lock, atomically, the serial one up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType

from nova_iac.cli.session import Session, now
from nova_iac.errors import UsageProblem
from nova_iac.resource import Address
from nova_iac.state.lockfile import LockEntry, Lockfile
from nova_iac.state.mutex import Mutex


class Recording:
    """Holds the lock of a session's lockfile. Use as a context manager.

    lockfile is the recorded state with an interrupted run's journal folded in; empty, of a new lineage, where there is none.
    """

    def __init__(self, session: Session, operation: str) -> None:
        self.session = session
        self._mutex = Mutex(session.paths.mutex, operation, now())
        self.lockfile: Lockfile = Lockfile.fresh(session.environment.name, session.base_url)

    def __enter__(self) -> Recording:
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
        if folded.unresolved:
            count = len(folded.unresolved)
            raise UsageProblem(
                f"an interrupted run left {count} {'call' if count == 1 else 'calls'} whose outcome isn't known: run "
                "`nova-iac apply` first, which settles them."
            )
        self.lockfile = folded.lockfile

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._mutex.__exit__(kind, error, trace)

    def save(self, resources: Mapping[Address, LockEntry]) -> bool:
        """Replace the recorded resources; whether anything was different."""
        if resources == self.lockfile.resources and self.session.paths.lockfile.exists():
            return False
        self.lockfile = replace(self.lockfile.with_resources(resources), serial=self.lockfile.serial + 1)
        self.lockfile.save(self.session.paths.lockfile)
        return True
