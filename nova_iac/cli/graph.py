"""nova-iac graph"""

from __future__ import annotations

import contextlib

import click

from nova_iac.cli.options import shared_options


@click.command("graph")
@click.argument("planfile", metavar="[PLANFILE]", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--plan", "planned", is_flag=True, help="Plan, and mark what would be done.")
@click.option("--no-refresh", is_flag=True, help="With --plan: don't read the account.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, planfile: str | None, planned: bool, no_refresh: bool) -> None:
    """Print the resources, and what refers to what, as a Mermaid flowchart: GitHub and GitLab draw it in a ```mermaid block.

    With --plan, or a saved plan, what would be done is marked by the symbols and colours of plan.

    \b
    Examples:
      nova-iac graph
      nova-iac graph --plan > graph.mmd
      nova-iac graph plan.json
    """
    from nova_iac.cli.saved import load_plan
    from nova_iac.cli.session import open_session, options_from
    from nova_iac.errors import UsageProblem
    from nova_iac.kinds import KINDS
    from nova_iac.plan.document import plan_from_data
    from nova_iac.render.graph import mermaid

    if planfile and planned:
        raise UsageProblem("a plan file is a plan: give it, or --plan.")
    session = open_session(ctx)
    graph = session.graph(destroy=False)
    plan = None
    if planfile:
        saved = load_plan(planfile)
        if saved.environment not in (None, session.environment.name):
            raise UsageProblem(f"{planfile} was made for environment {saved.environment}: name it with -e {saved.environment}.")
        plan = plan_from_data(saved.document or {}, session.spec.path.name)
    elif planned:
        options = options_from(no_refresh=no_refresh, targets=(), excludes=(), effective_at=None, adopt=False, destroy=False)
        folded = session.folded()
        with session.client() if options.refresh else contextlib.nullcontext() as client:
            plan = session.plan(graph, folded, options, client)
    click.echo(mermaid(graph.resources, KINDS, plan), nl=False)
