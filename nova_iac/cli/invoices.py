"""nova-iac invoices"""

from __future__ import annotations

import click

from nova_iac.cli.options import format_option, shared_options


@click.command("invoices")
@click.argument("customer", metavar="CUSTOMER", envvar="NOVA_CUSTOMER")
@click.option(
    "--status", type=click.Choice(("draft", "finalized", "void")), help="Only these. [drafts, and finalized ones with charges]"
)
@click.option("--all", "everything", is_flag=True, help="Finalized invoices without charges too, and void ones.")
@format_option("text", "json")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, customer: str, status: str | None, everything: bool, output: str) -> None:
    """A customer's draft and finalized invoices, the newest first, with their lines.

    CUSTOMER is a key of the spec, an ingest alias or an id.

    \b
    Examples:
      nova-iac invoices demo
      nova-iac invoices demo --status draft --format json
    """
    from nova_iac.cli.asking import show_invoices

    show_invoices(ctx, customer, status, everything, output)
