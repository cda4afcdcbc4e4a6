"""nova-iac schema"""

from __future__ import annotations

import json

import click

from nova_iac.cli.options import shared_options


@click.command("schema")
@shared_options
def command() -> None:
    """Print the JSON Schema of billing.yaml, all kinds in one.

    \b
    Example:
      nova-iac schema > billing.schema.json
    """
    from nova_iac.spec.schema import bundle

    click.echo(json.dumps(bundle(), indent=2, ensure_ascii=False))
