"""Lays files out anew, each whole or not at all, and says which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from nova_iac.cli.failures import show_diagnostics
from nova_iac.cli.options import Settings
from nova_iac.errors import SpecError
from nova_iac.spec import read_document
from nova_iac.spec.format import CantFormat, format_text
from nova_iac.state.lockfile import replace_file


def format_files(ctx: click.Context, names: Sequence[str], *, check: bool) -> int:
    """Format files, or see whether they are formatted. Returns the exit code."""
    paths = [Path(name) for name in names] or _spec_files(Settings.of(ctx).file)
    failed = changed = False
    for path in paths:
        try:
            before = path.read_bytes()
            after = format_text(before, str(path)).encode()
            if after == before:
                continue
            if not check:
                replace_file(path.resolve(), after.decode())
            changed = True
            click.echo(path)
        except SpecError as problem:
            failed = True
            show_diagnostics(problem.diagnostics)
        except CantFormat as problem:
            failed = True
            click.echo(f"Error: {path} is left as it is: {problem}.", err=True)
        except OSError as problem:
            failed = True
            click.echo(f"Error: {path}: {problem.strerror or problem}.", err=True)
    return 1 if failed or (check and changed) else 0


def _spec_files(spec: Path) -> list[Path]:
    """The spec's file and those that it includes, also those that can't be read, so that this is said."""
    gathered = read_document(spec).gathered
    names = [tree.file for tree in gathered.trees]
    names += [one.location.file for one in gathered.diagnostics if one.location is not None]
    return [Path(name) for name in dict.fromkeys(names)]
