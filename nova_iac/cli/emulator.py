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
@click.option("--port", type=click.IntRange(0, 65535), default=8412, metavar="N", show_default=True, help="0 takes a free port.")
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


@command.command("reset")
@shared_options
@click.pass_context
def reset_command(ctx: click.Context, /) -> None:
    """Wipe an emulator environment.

    Its database goes, and the lockfile, journal and lock that belong to it. Refused for a Metronome account.

    \b
    Example:
      nova-iac emulator reset -e local
    """
    from nova_iac.cli.session import now, open_session
    from nova_iac.errors import UsageProblem
    from nova_iac.state.mutex import Mutex

    session = open_session(ctx)
    name, paths = session.environment.name, session.paths
    if not session.environment.emulator:
        raise UsageProblem(f"environment {name} is a Metronome account, not the emulator; destroy takes it down.")
    with Mutex(paths.mutex, "emulator reset", now()):
        gone = [path for path in (paths.database, paths.lockfile, paths.journal) if path.exists()]
        for path in gone:
            path.unlink()
    click.echo(f"Removed {', '.join(map(str, gone))}." if gone else f"Environment {name} is empty already.")
