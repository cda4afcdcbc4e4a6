"""Makes a lockfile again: what is left of the old one, what the account has, what is told, and the new file."""

from __future__ import annotations

import re
from dataclasses import replace

import click

from nova_iac import moment
from nova_iac.adopt.rebuild import Rebuilt, rebuild
from nova_iac.cli.care import show_ways_back
from nova_iac.cli.recording import Recording, ask
from nova_iac.cli.session import now, open_session
from nova_iac.errors import LockfileError, NewerFormat, WrongAccount
from nova_iac.kinds import KINDS
from nova_iac.resource import Address
from nova_iac.state.lockfile import Lockfile

_SHOWN = 8  # addresses of a list that are shown


class _Rebuilding(Recording):
    """Takes what an old lockfile still tells: all of it, or the lineage and serial of a broken one.

    Calls whose outcome isn't known need no settling here: what they made is found like everything else.
    """

    @property
    def is_there(self) -> bool:
        """Whether there is anything to replace."""
        return self.session.paths.lockfile.exists() or self.session.paths.journal.exists()

    def _read(self) -> None:
        try:
            folded = self.session.folded()
        except (NewerFormat, WrongAccount):
            raise
        except LockfileError:
            self.lockfile = self._salvaged()
            click.echo(
                f"{self.session.paths.lockfile} or its journal is broken; only its lineage and serial are taken over.", err=True
            )
            return
        if folded is not None:
            # What a journal tells is not in the file yet; and its keys must not be used again.
            self.lockfile, self.is_whole = folded.lockfile, self.session.paths.lockfile.exists() and folded.run is None

    def _salvaged(self) -> Lockfile:
        """The lineage, where the broken files agree on one, and a serial above any that they name: no key is used again."""
        raw = "".join(
            path.read_bytes().decode("utf-8", "replace")
            for path in (self.session.paths.lockfile, self.session.paths.journal)
            if path.exists()
        )
        lineages = set(re.findall(r'"lineage":\s*"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"', raw))
        serial = max(map(int, re.findall(r'"serial":\s*(\d{1,15})', raw)), default=0)
        lineage = lineages.pop() if len(lineages) == 1 else None
        fresh = Lockfile.fresh(self.session.environment.name, self.session.base_url, lineage)
        return replace(fresh, serial=serial + 1)


def rebuild_lockfile(ctx: click.Context, *, yes: bool) -> int:
    """Find what is declared, tell what came of it, write the lockfile. Returns the exit code.

    :raises UsageProblem: it wasn't confirmed.
    """
    session = open_session(ctx)
    graph = session.graph(destroy=False)
    with _Rebuilding(session, "state rebuild") as recording, session.client() as client:
        before = recording.lockfile.resources
        built = rebuild(graph, before, KINDS, client, moment.text(now()))
        _tell(built, len(graph.resources))
        if recording.is_whole and built.entries == before:
            click.echo(f"{session.paths.lockfile} is as it would be; it was left as it is.")
            return 1 if built.doubts else 0
        if not built.entries and not recording.is_there:
            click.echo("Nothing that is declared was found, so there is nothing to record.")
            return 1 if built.doubts else 0
        if recording.is_there:
            lost = {a: e for a, e in before.items() if a not in built.entries or built.entries[a].id != e.id}
            if lost:
                click.echo("Dropped from the record, while the objects live on. What brings each one back:")
                show_ways_back(lost)
            click.echo(f"This replaces {session.paths.lockfile}.")
            ask(session, yes)
        recording.save(built.entries)
        session.paths.journal.unlink(missing_ok=True)
    lockfile = recording.lockfile
    click.echo(f"Wrote {session.paths.lockfile}: lineage {lockfile.lineage}, serial {lockfile.serial}.")
    return 1 if built.doubts else 0


def _tell(built: Rebuilt, declared: int) -> None:
    click.echo(f"Found {len(built.entries)} of {declared} declared resources in the account.")
    if built.missing:
        click.echo(f"Not there, so the next apply makes them ({len(built.missing)}): {_names(built.missing)}.")
    for address, names in sorted(built.trusted.items()):
        click.echo(f"{address}: {', '.join(names)} can't be read back, taken as declared.")
    if built.doubts:
        click.echo(
            f"Undecided ({len(built.doubts)}). Take the right one of each before the next apply, which would make another:"
        )
        for doubt in built.doubts:
            click.echo(f"  {doubt.address}: {doubt.why}")
            for ident in doubt.ids:
                click.echo(f"    nova-iac import {doubt.address} {ident}")
    if built.waiting:
        click.echo(f"Not looked for, because of that ({len(built.waiting)}): {_names(built.waiting)}. Then rebuild again.")


def _names(addresses: list[Address]) -> str:
    heads = list(dict.fromkeys(address.head for address in addresses))
    more = f" and {len(heads) - _SHOWN} more" if len(heads) > _SHOWN else ""
    return ", ".join(heads[:_SHOWN]) + more
