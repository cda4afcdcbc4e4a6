"""nova-iac drift"""

from __future__ import annotations

import click

from nova_iac.cli.options import format_option, shared_options


@click.command("drift")
@click.option("--target", "targets", multiple=True, metavar="A", help="Only this address, and what is nested under it.")
@format_option("text", "json", "markdown")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, targets: tuple[str, ...], output: str) -> int:
    """Show what somebody changed outside: the account against what was recorded. Exits 2 where they differ.

    Needs no more than a token that can read, and writes nothing. plan shows the same drift beside what it would change.

    \b
    Examples:
      nova-iac drift -e production
      nova-iac drift --target 'rate_card.*' --format json
      nova-iac drift -e production --format markdown > issue.md
    """
    from nova_iac.cli.drifting import show_drift

    return show_drift(ctx, targets, output)
