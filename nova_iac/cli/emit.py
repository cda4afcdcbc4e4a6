"""nova-iac emit"""

from __future__ import annotations

from typing import Any

import click

from nova_iac.cli.options import format_option, shared_options


@click.command("emit")
@click.argument("event_type", required=False, metavar="[EVENT_TYPE]")
@click.option("-c", "--customer", envvar="NOVA_CUSTOMER", metavar="C", help="Key in the spec, alias or id. [NOVA_CUSTOMER]")
@click.option("-p", "--property", "properties", multiple=True, metavar="K=V", help="A property; may be given several times.")
@click.option("--transaction-id", metavar="ID", help="The event's id; the same id is billed once. [random, printed]")
@click.option("--timestamp", metavar="T", help="When it happened, RFC 3339. [now]")
@click.option("--from", "origin", metavar="FILE", help="Send a file's events: NDJSON, CSV or Parquet by its name; - is stdin.")
@click.option(
    "--input", "form", type=click.Choice(("ndjson", "csv", "parquet")), help="The file's format, if its name doesn't tell."
)
@click.option("--map", "mapped", multiple=True, metavar="FIELD=COLUMN", help="Which column a field or a property is in.")
@click.option("--delimiter", metavar="D", help="Between the cells of a CSV file. [a comma; a tab for .tsv]")
@click.option("--generate", "count", type=click.IntRange(min=1), metavar="N", help="Make up N events that a metric counts.")
@click.option(
    "--seed", type=int, default=0, metavar="N", show_default=True, help="Of --generate: the same seed makes the same events."
)
@click.option("--since", metavar="T", help="Of --generate: spread the events evenly from T to now.")
@click.option(
    "--unknown",
    type=click.Choice(("reject", "warn", "send")),
    help="Events with a customer, type or group value that the spec doesn't have. [warn for files, else reject]",
)
@click.option("--rate", type=click.IntRange(min=1), metavar="N", help="At most N events a second.")
@click.option("--concurrency", type=click.IntRange(1, 64), default=8, metavar="N", show_default=True, help="Batches in flight.")
@click.option("--dry-run", is_flag=True, help="Check and price the events at the contracts' prices; send nothing.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted run of this file stopped.")
@click.option("--verify", is_flag=True, help="Look a sample up afterwards: which customer and metric each matched, or why none.")
@click.option("--rejected", metavar="FILE", help="Where the events go that are not sent. [FILE.ENV.rejected.ndjson]")
@format_option("text", "json")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:
    """Send usage events: a single one, a file, or made-up ones.

    Each is checked against the spec first: event type, aggregated property, a price for its group, customer, and a timestamp
    from 34 days ago to 24 hours ahead. Ids are given or derived, so a second run of the same events bills nothing twice.

    \b
    Examples:
      nova-iac emit image_generation -c demo -p image_type=ultra -p num_images=1
      nova-iac emit --from events.ndjson --dry-run
      nova-iac emit --from events.csv --map customer_id=account --resume --verify
      nova-iac emit image_generation -c demo --generate 1000 --seed 7

    \b
    Exit codes: 0 all sent; 3 some were not sent (--resume goes on where it
    stopped); 1 none was, or --verify found one that will not bill.
    """
    from nova_iac.cli.emitting import emit

    return emit(ctx, options)
