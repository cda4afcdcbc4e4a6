"""nova-iac usage"""

from __future__ import annotations

import click

from nova_iac.cli.options import format_option, shared_options


@click.command("usage")
@click.argument("customer", metavar="CUSTOMER", envvar="NOVA_CUSTOMER")
@click.option("--from", "since", metavar="DAY", help="First UTC day, as 2026-11-01. [today]")
@click.option("--to", "until", metavar="DAY", help="Last UTC day, inclusive. [today]")
@click.option("--metric", metavar="M", help="Only this metric: its key in the spec, its name or its id.")
@click.option("--group-by", metavar="KEY,…", help="Tell usage apart by this group key. [the one that the product is priced by]")
@format_option("text", "json")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, customer: str, output: str, **window: str | None) -> None:
    """A customer's usage by group, today's by default, with what it adds to invoices.

    CUSTOMER is a key of the spec, an ingest alias or an id. Quantities come from Metronome's usage, amounts from its invoices.

    \b
    Examples:
      nova-iac usage demo
      nova-iac usage jane@nova.com --from 2026-11-01 --to 2026-11-30 --format json
    """
    from nova_iac.cli.asking import show_usage

    show_usage(ctx, customer, output, **window)
