"""nova-iac apply"""

from __future__ import annotations

from typing import Any

import click

from nova_iac.cli.options import format_option, planning_options, shared_options


@click.command("apply")
@click.argument("planfile", required=False, type=click.Path())
@click.option("--digest", metavar="D", help="Go on only if the plan has this digest: the one that was reviewed.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option(
    "--parallelism", type=click.IntRange(1, 64), default=8, metavar="N", show_default=True, help="Calls at the same time."
)
@click.option("--allow", multiple=True, metavar="CODE[:ADDRESS]", help="Let a guard through by name.")
@format_option("text", "json")
@planning_options
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:
    """Plan, show, ask, and do it. Run again after a failure: it goes on where it stopped.

    \b
    Examples:
      nova-iac apply
      nova-iac apply --yes --allow NV402:customer.acme
      nova-iac apply plan.json
    """
    from nova_iac.cli.perform import perform

    return perform(ctx, destroy=False, **options)
