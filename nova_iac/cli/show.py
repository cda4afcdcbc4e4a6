"""Shows plans, in every format that a command offers."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import click

from nova_iac.cli.failures import show_diagnostics
from nova_iac.cli.options import Settings
from nova_iac.cli.output import style_for
from nova_iac.errors import UsageProblem
from nova_iac.plan.change import Plan
from nova_iac.state.folding import Folded

_LEAST_BUDGET = 10_000


def show_plan(plan: Plan, output: str, settings: Settings, *, allowed: tuple[str, ...] = ()) -> None:
    """A plan on stdout, its warnings on stderr."""
    if plan.warnings:
        show_diagnostics(plan.warnings)
    if output == "json":
        from nova_iac.render.machine import plan_json

        click.echo(plan_json(plan), nl=False)
        return
    if output == "markdown":
        from nova_iac.render.markdown import plan_markdown

        path, budget = spec_in_repository(settings.file), markdown_budget()
        click.echo(plan_markdown(plan, allowed=allowed, spec_path=path, budget=budget), nl=False)
        return
    from nova_iac.render.terminal import plan_text

    style = style_for(sys.stdout, no_color=settings.no_color)
    click.echo(plan_text(plan, style, allowed=allowed), nl=False, color=True)


def markdown_budget() -> int:
    """Bytes of UTF-8 that a comment or an issue may have: NOVA_MARKDOWN_BUDGET where it is set.

    :raises UsageProblem: it is no number, or one too small for summary and guards.
    """
    from nova_iac.render.markup import BUDGET

    text = os.environ.get("NOVA_MARKDOWN_BUDGET")
    if not text:
        return BUDGET
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) < _LEAST_BUDGET:
        raise UsageProblem(f"NOVA_MARKDOWN_BUDGET must be a number of bytes, {_LEAST_BUDGET} at least; it is {text!r}.")
    return int(text)


def spec_in_repository(file: Path) -> str:
    """A spec's path from the root of its git repository, wherever it is called from; outside of one, as it was given."""
    path = Path(os.path.abspath(file))  # noqa: PTH100 - resolve() would follow links out of the repository
    root = next((folder for folder in path.parents if (folder / ".git").exists()), None)
    return (path.relative_to(root) if root else file).as_posix()


def show_unresolved(folded: Folded | None) -> None:
    """What the next apply will settle first."""
    if folded is None or not folded.unresolved:
        return
    count = len(folded.unresolved)
    click.echo(
        f"An interrupted run left {count} {'call' if count == 1 else 'calls'} whose outcome isn't known; apply settles "
        f"{'it' if count == 1 else 'them'} first:",
        err=True,
    )
    for intent in folded.unresolved:
        click.echo(f"  {intent.method} {intent.path} for {', '.join(intent.covers)}", err=True)
