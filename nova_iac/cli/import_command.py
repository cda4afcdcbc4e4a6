"""nova-iac import"""

from __future__ import annotations

import click

from nova_iac.cli.options import shared_options


@click.command("import")
@click.argument("address", metavar="ADDRESS")
@click.argument("ident", metavar="ID")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, address: str, ident: str) -> None:
    """Take one existing object under code: record it, and declare it where the spec doesn't.

    A rate card brings its prices along. If the address is declared already, only the lockfile is written, and what the object
    has otherwise is a change of the next plan.

    \b
    Examples:
      nova-iac import customer.acme 8deed800-1b7a-495d-a207-6c52bac54dc9
      nova-iac import contract.acme.fy26 d7abd0cd-4ae9-4db7-8676-e986a4ebd8dc
    """
    from nova_iac.cli.importing import import_object

    import_object(ctx, address, ident)
