"""Imports one object: takes it, adds its block to the spec, records it, and tells what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from nova_iac import moment
from nova_iac.adopt.take import Importer, Taken
from nova_iac.cli.recording import Recording
from nova_iac.cli.session import Session, now, open_session
from nova_iac.errors import UsageProblem
from nova_iac.kinds import KINDS
from nova_iac.render.spec_text import block_text
from nova_iac.resource import Address, AddressError, Value
from nova_iac.spec import read_document
from nova_iac.spec.insert import insert
from nova_iac.spec.layout import path_of
from nova_iac.state.lockfile import replace_file


def import_object(ctx: click.Context, what: str, ident: str) -> None:
    """Record the object of an id under an address, and declare it where it isn't.

    :raises UsageProblem: it can't be taken, or put into the files.
    """
    try:
        address = Address.parse(what)
    except AddressError as problem:
        raise UsageProblem(f"{problem}.") from None
    session = open_session(ctx)
    graph = session.graph(destroy=False)
    if address in session.spec.excluded:
        place = session.spec.excluded[address]
        raise UsageProblem(f"{address} is excluded from environment {session.environment.name} at {place}.")
    with Recording(session, "import", settles=address) as recording, session.client() as client:
        lockfile = recording.lockfile
        if recording.open:
            lockfile = lockfile.with_resources({one: entry for one, entry in lockfile.resources.items() if one != address})
        importer = Importer(graph, session.spec.blocks, lockfile, KINDS, client, moment.text(now()))
        taken = importer.take(address, ident)
        if recording.open:
            recording.settle(ident)
            click.echo(f"Recorded {ident} as what the interrupted run made for {address}. `nova-iac apply` goes on from there.")
            return
        written = _declare(session, taken.address, taken.blocks) if taken.blocks else None
        recording.save({**recording.lockfile.resources, **taken.entries})
    _tell(session, taken, written)


def _declare(session: Session, address: Address, blocks: Mapping[Address, Value]) -> Path | None:
    """Add the block to the spec; the file, or None where it can't be added line by line."""
    path = path_of(address)
    assert path is not None
    file = _file_for(session, address)
    before = file.read_bytes().decode("utf-8")
    after = insert(before, path, block_text(address, blocks, KINDS))
    if after is None:
        return None
    try:
        replace_file(file, after)
    except OSError as problem:
        raise UsageProblem(f"{file} can't be written: {problem.strerror or problem}; nothing was imported.") from None
    return file


def _file_for(session: Session, address: Address) -> Path:
    """Where a block belongs: beside its parent, or into the file that alone has its section."""
    kind = KINDS[address.kind]
    if kind.parent is not None:
        parent = session.spec.blocks.get(Address.of(kind.parent, address.keys[0]))
        return session.spec.path if parent is None else Path(parent.location.file)
    document = read_document(session.spec.path)
    if document.header(kind.section) is None:
        others = [tree.file for tree in document.gathered.trees if kind.section in tree.entries]
        if len(others) == 1:
            return Path(others[0])
    return session.spec.path


def _tell(session: Session, taken: Taken, written: Path | None) -> None:
    entry = taken.entries[taken.address]
    name = f" {taken.name!r}" if taken.name else ""
    more = len(taken.entries) - 1
    along = f", with {more} {'price' if more == 1 else 'prices'}" if more else ""
    click.echo(f"Imported {taken.address}{name} ({entry.id}){along}.")
    if written is not None:
        click.echo(f"Declared in {written}; recorded in {session.paths.lockfile}.")
    else:
        click.echo(f"Recorded in {session.paths.lockfile}.")
    for remark in taken.remarks:
        click.echo(f"  {remark}")
    if taken.trusted:
        click.echo(f"  can't be read back, taken as declared: {', '.join(taken.trusted)}")
    if taken.differs:
        click.echo(f"  differs from the spec in {', '.join(taken.differs)}; the next plan shows it")
    if taken.blocks and written is None:
        path = path_of(taken.address)
        assert path is not None
        click.echo(f"Add this under {'.'.join(path[:-1])}: before the next apply, which would archive what isn't declared:\n")
        click.echo("\n".join(f"  {line}".rstrip() for line in block_text(taken.address, taken.blocks, KINDS)))
