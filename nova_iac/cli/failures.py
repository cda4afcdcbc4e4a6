"""Failures as people see them: a message and an exit code, never a traceback for bad input."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from nova_iac.errors import (
    ApplyError,
    Diagnostic,
    Locked,
    NovaError,
    PlanError,
    Protected,
    SpecError,
    StalePlan,
    UnsafePlan,
)


def exit_code_of(problem: BaseException) -> int | None:
    """The exit code of a failure that is explained; None for a bug."""
    match problem:
        case UnsafePlan() | Protected():
            return 4
        case StalePlan() | Locked():
            return 5
        case ApplyError() if problem.result is not None and problem.result.done:
            return 3
        case NovaError() | click.ClickException():
            return 1
        case _:
            return None


def report(problem: BaseException) -> None:
    """Tell what went wrong, on stderr."""
    if isinstance(problem, SpecError | PlanError) and problem.diagnostics:
        show_diagnostics(problem.diagnostics)
        if isinstance(problem, PlanError):
            click.echo(f"Error: {problem}", err=True)
        return
    if isinstance(problem, click.UsageError):
        problem.show(sys.stderr)
        return
    message = problem.format_message() if isinstance(problem, click.ClickException) else str(problem)
    from nova_iac.render.diagnostics import visible

    # What Metronome says, and the names in it, come from elsewhere: a terminal must not obey them.
    click.echo("\n".join(map(visible, f"Error: {message}".split("\n"))), err=True)


def show_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    """Diagnostics with their source lines, on stderr."""
    from nova_iac.render.diagnostics import as_text
    from nova_iac.spec import with_sources

    color = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    click.echo(as_text(with_sources(diagnostics), color=color), err=True, nl=False)
