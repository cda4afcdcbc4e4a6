"""What apply and destroy do, after their options are read."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from typing import Any

import click

from nova_iac.apply.executor import ApplyResult
from nova_iac.cli.output import ProgressLines
from nova_iac.cli.running import Running
from nova_iac.cli.saved import SavedPlan, load_plan, require_same
from nova_iac.cli.session import Session, open_session, options_from
from nova_iac.cli.show import show_plan
from nova_iac.desired.graph import ResourceGraph
from nova_iac.errors import ApplyError, Protected, StalePlan, UnsafePlan, UsageProblem
from nova_iac.plan.change import Plan, PlanOptions
from nova_iac.plan.document import call_identity
from nova_iac.plan.verdict import canonical_json
from nova_iac.remote import Client

_PLANNING = ("no_refresh", "targets", "excludes", "effective_at", "adopt")


def perform(
    ctx: click.Context,
    *,
    destroy: bool,
    planfile: str | None,
    digest: str | None,
    yes: bool,
    parallelism: int,
    allow: tuple[str, ...],
    output: str,
    **planning: Any,
) -> int:
    """Plan, show, ask, do. Returns the exit code; failures are raised."""
    _require_known(allow)
    saved = _saved(planfile, digest, planning)
    options = saved.options if saved and saved.options else options_from(destroy=destroy, **planning)
    session = open_session(ctx)
    if saved and saved.environment not in (None, session.environment.name):
        raise UsageProblem(f"{planfile} was made for environment {saved.environment}: name it with -e {saved.environment}.")
    graph = session.graph(destroy=options.destroy)
    operation = "destroy" if options.destroy else "apply"
    with session.client(parallelism) as client, Running(session, operation) as running:
        reading = client if options.refresh else None
        agreed: frozenset[str] | None = None
        if running.open:
            agreed = _settle_open(session, running, graph, options, client, allow=allow, saved=saved, yes=yes, output=output)
        plan = session.plan(graph, running.folded, options, reading)
        if options.destroy and not plan.doing and output == "text":
            running.record(plan)
            return _nothing(options, output)
        if output == "text":
            show_plan(plan, output, session.settings, allowed=allow)
        else:
            _show_json(plan)
        if saved:
            run = running.folded.run if running.folded else None
            require_same(saved, plan, run)
            running.resumes = run is not None and run.plan_digest == saved.digest
        require_allowed(session, plan, allow, options, saved)
        if not options.refresh:
            _require_recorded(session, plan, graph, running, client)
        if not plan.doing:
            running.record(plan)
            return _nothing(options, output)
        if agreed is None or not _identities(plan) <= agreed:
            _confirm(session, yes, destroy=options.destroy)
        return _carry_out(running, plan, client, options, output, parallelism, session)


def _settle_open(
    session: Session,
    running: Running,
    graph: ResourceGraph,
    options: PlanOptions,
    client: Client,
    *,
    allow: tuple[str, ...],
    saved: SavedPlan | None,
    yes: bool,
    output: str,
) -> frozenset[str] | None:
    """Settle what an interrupted run left open, which may send its creates again: so first comes all that comes before sending.

    :returns: the calls that were agreed to; None where nobody was asked.
    """
    plan = session.plan(graph, running.folded, options, client if options.refresh else None)
    if saved:
        require_same(saved, plan, running.folded.run if running.folded else None)
    require_allowed(session, plan, allow, options, saved, warn=False)
    if not yes:
        if output == "text":
            show_plan(plan, output, session.settings, allowed=allow)
        _confirm(session, yes, destroy=options.destroy)
    running.recover(client, plan)
    return None if yes else _identities(plan)


def _identities(plan: Plan) -> frozenset[str]:
    return frozenset(canonical_json(call_identity(planned)) for planned in plan.calls)


_ALLOWABLE = ("NV401", "NV402", "NV403", "NV404", "NV405", "NV406")


def _require_known(allow: tuple[str, ...]) -> None:
    """A misspelt allowance must not look like one that was given.

    :raises UsageProblem: a code that is no guard, or one that can't be let through.
    """
    for text in allow:
        code = text.partition(":")[0]
        if code == "NV407":
            raise UsageProblem("--allow NV407: a wrong account can't be let through; use the token of the right one.")
        if code not in _ALLOWABLE:
            raise UsageProblem(f"--allow {text}: write CODE or CODE:ADDRESS, the code one of {', '.join(_ALLOWABLE)}.")


def _saved(planfile: str | None, digest: str | None, planning: dict[str, Any]) -> SavedPlan | None:
    if planfile and digest:
        raise UsageProblem("a plan file brings its digest along: give one of the two.")
    if planfile:
        given = [name for name in _PLANNING if planning[name]]
        if given:
            option = {"targets": "target", "excludes": "exclude"}.get(given[0], given[0]).replace("_", "-")
            raise UsageProblem(f"--{option} comes from the plan file and can't be given with it.")
        return load_plan(planfile)
    if digest and not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise UsageProblem(
            f"--digest {digest} is none: it is sha256: and 64 hexadecimal digits, as plan_digest in the plan's JSON."
        )
    return SavedPlan(digest) if digest else None


def require_allowed(
    session: Session, plan: Plan, allow: tuple[str, ...], options: PlanOptions, saved: SavedPlan | None, *, warn: bool = True
) -> None:
    """Guards and protection, before anything is sent.

    :param warn: whether to tell of an allowance that no guard needs.
    """
    if session.environment.protected and saved is None and plan.doing:
        destroy = " --destroy" if options.destroy else ""
        name = session.environment.name
        raise Protected(
            f"environment {name} is protected: only a saved plan is applied there.\n"
            f"  nova-iac plan -e {name}{destroy} --out plan.json\n  nova-iac apply -e {name} plan.json"
        )
    known = {part for hit in plan.guards for part in (hit.code, f"{hit.code}:{hit.address}")}
    for text in allow:
        if warn and text not in known:
            click.echo(f"Warning: --allow {text} matches no guard of this plan.", err=True)
    blocking = plan.blocking(allow)
    if blocking:
        names = " ".join(f"--allow {shlex.quote(f'{hit.code}:{hit.address}')}" for hit in blocking if hit.allowable)
        count = len(blocking)
        message = f"{count} {'guard blocks' if count == 1 else 'guards block'} this plan; nothing was sent."
        raise UnsafePlan(message + (f" Each can be let through by name: {names}" if names else ""))


def _require_recorded(session: Session, plan: Plan, graph: ResourceGraph, running: Running, client: Client) -> None:
    """A plan that read nothing goes on only if what it touches is as it was recorded.

    :raises StalePlan: naming what is not.
    """
    if running.folded is None:
        return
    touched = [change.address for change in plan.doing] + list(plan.moves)
    drifted = session.drift(graph, running.folded.lockfile, client, touched, scheduled=True)
    if drifted:
        states = ", ".join(
            f"{one.address} {'has something scheduled' if one.what == 'scheduled' else 'changed outside'}" for one in drifted
        )
        raise StalePlan(f"this plan was made without reading the account, and {states}: plan again with a refresh.")


def _confirm(session: Session, yes: bool, *, destroy: bool) -> None:
    if yes:
        return
    environment = session.environment
    wanted = environment.name if environment.protected else "yes"
    if not sys.stdin.isatty():
        raise UsageProblem("there is no terminal to ask on: give --yes to go on without asking.")
    click.echo(f'\nDo you want to do this in environment "{environment.name}"?', err=True)
    undo = " Archiving can't be undone." if destroy else ""
    click.echo(f"Only '{wanted}' will be accepted.{undo}", err=True)
    click.echo("> ", err=True, nl=False)
    if sys.stdin.readline().strip() != wanted:
        raise UsageProblem("not confirmed; nothing was sent.")


def _carry_out(
    running: Running, plan: Plan, client: Client, options: PlanOptions, output: str, parallelism: int, session: Session
) -> int:
    from nova_iac.render.machine import event_line, result_line
    from nova_iac.render.terminal import applied_line

    as_json = output == "json"
    lines = contextlib.nullcontext() if as_json else ProgressLines(no_color=session.settings.no_color)
    with lines as progress:
        show = (lambda event: click.echo(event_line(event), nl=False)) if progress is None else progress.show
        result = running.execute(plan, client, show, parallelism=parallelism)
    if as_json:
        click.echo(result_line(result, destroy=options.destroy), nl=False)
    else:
        click.echo(applied_line(result.done, result.calls, destroy=options.destroy, complete=result.complete))
    return _outcome(running, result)


def _outcome(running: Running, result: ApplyResult) -> int:
    if result.complete:
        return 0
    left = ", ".join(change.address for change in result.undone[:5])
    more = f" and {len(result.undone) - 5} more" if len(result.undone) > 5 else ""
    if result.interrupted:
        click.echo(f"Interrupted before {left}{more}; apply again to go on.", err=True)
        return 128 + running.signal
    count = len(result.failed)
    raise ApplyError(
        f"{count} {'call' if count == 1 else 'calls'} failed; not done: {left}{more}. Everything else stands and is recorded; "
        "apply again to go on.",
        result,
    )


def _nothing(options: PlanOptions, output: str) -> int:
    if options.destroy and output == "text":
        click.echo("Destroy complete: 0 archived, 0 forgotten. 0 calls.")
    elif output == "json":
        from nova_iac.render.machine import result_line

        click.echo(result_line(ApplyResult({}), destroy=options.destroy), nl=False)
    return 0


def _show_json(plan: Plan) -> None:
    from nova_iac.render.machine import plan_line

    click.echo(plan_line(plan), nl=False)
