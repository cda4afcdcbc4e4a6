"""nova-iac plan"""

from __future__ import annotations

import contextlib
import shlex
from typing import Any

import click

from nova_iac.cli.options import format_option, planning_options, shared_options


@click.command("plan")
@click.option("--destroy", is_flag=True, help="What destroy would do.")
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Save the plan, to review it and apply just it.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when something would be done.")
@format_option("text", "json", "markdown")
@planning_options
@shared_options
@click.pass_context
def command(ctx: click.Context, /, destroy: bool, out: str | None, detailed_exitcode: bool, output: str, **planning: Any) -> int:
    """Show what would change and exactly which calls would be made. Changes nothing anywhere.

    \b
    Examples:
      nova-iac plan
      nova-iac plan --target 'customer.acme' --detailed-exitcode
      nova-iac plan -e production --out plan.json
    """
    from nova_iac.cli.saved import save_plan
    from nova_iac.cli.session import open_session, options_from
    from nova_iac.cli.show import markdown_budget, show_plan

    if output == "markdown":
        markdown_budget()  # told before the account is read
    options = options_from(destroy=destroy, **planning)
    session = open_session(ctx)
    graph = session.graph(destroy=destroy)
    folded = session.folded()
    with session.client() if options.refresh else contextlib.nullcontext() as client:
        plan = session.plan(graph, folded, options, client)
    show_plan(plan, output, session.settings)
    if out:
        save_plan(plan, out)
        words = ["nova-iac", "apply", "-f", str(session.settings.file), "-e", session.environment.name, out]
        click.echo(f"Saved the plan to {out}. To do just this: {shlex.join(words)}", err=True)
    return 2 if detailed_exitcode and plan.doing else 0
