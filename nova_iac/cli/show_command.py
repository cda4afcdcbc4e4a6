"""nova-iac show"""

from __future__ import annotations

import click

from nova_iac.cli.options import shared_options


@click.command("show")
@click.argument("what", metavar="PLANFILE|ADDRESS")
@click.option("--no-refresh", is_flag=True, help="Don't read the account.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, what: str, no_refresh: bool) -> None:
    """Show a saved plan, or what is declared, recorded and live of one resource.

    A rate is shown as its timelines: the live one beside the declared one.

    \b
    Examples:
      nova-iac show plan.json
      nova-iac show customer.demo
      nova-iac show 'rate.standard.image_generation[image_type=ultra]'
    """
    from pathlib import Path

    from nova_iac.cli.inspect import show_file, show_resource

    if Path(what).exists():
        show_file(ctx, what)
    else:
        show_resource(ctx, what, refresh=not no_refresh)
