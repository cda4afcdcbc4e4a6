"""nova-iac destroy"""

from __future__ import annotations

from typing import Any

import click

from nova_iac.cli.options import format_option, planning_options, shared_options


@click.command("destroy")
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
    """Archive everything that the lockfile records. Archiving can't be undone.

    \b
    Examples:
      nova-iac destroy
      nova-iac destroy --target customer.demo
    """
    from nova_iac.cli.perform import perform

    return perform(ctx, destroy=True, planfile=None, digest=None, **options)
