"""nova-iac emulator"""

from __future__ import annotations

from pathlib import Path

import click

from nova_iac.cli.options import shared_options


@click.group("emulator")
@shared_options
def command() -> None:
    """The local Metronome, for development and tests."""


@command.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), default=8412, show_default=True, help="0 takes a free port.")
@click.option("--db", type=click.Path(dir_okay=False), metavar="FILE", help="Keep the data in this file; in memory otherwise.")
@click.option("--token", metavar="T", help="Accept only this token; any otherwise.")
@click.option("--clock", metavar="T", help="Start with the clock standing at this instant.")
@shared_options
def serve_command(port: int, db: str | None, token: str | None, clock: str | None) -> None:
    """Serve the emulator over HTTP on this machine, until Ctrl-C.

    \b
    Example:
      nova-iac emulator serve --port 8412 --db metronome.db
    """
    from nova_iac import moment
    from nova_iac.cli.session import now
    from nova_iac.emulator import Emulator
    from nova_iac.emulator.serve import serve
    from nova_iac.errors import UsageProblem

    try:
        fixed = moment.parse(clock) if clock else None
    except moment.MomentError as problem:
        raise UsageProblem(f"--clock: {problem}") from None
    app = Emulator(Path(db) if db else None, clock=(lambda: fixed) if fixed else now, token=token)
    serve(app, port=port, ready=lambda url: click.echo(f"The emulator listens at {url}; Ctrl-C stops it."))
