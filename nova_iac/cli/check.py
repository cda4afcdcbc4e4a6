"""nova-iac check"""

from __future__ import annotations

import click

from nova_iac.cli.options import format_option, shared_options


@click.command("check")
@format_option("text", "json")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, output: str) -> int:
    """Is the token good? Asks the account for its first customer, changes nothing.

    \b
    Examples:
      nova-iac check
      nova-iac check -e production --format json
    """
    from nova_iac.cli.checking import check

    return check(ctx, output)
