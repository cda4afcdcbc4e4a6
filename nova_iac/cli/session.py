"""What every command that plans has in common: the spec, the environment, the recorded state and the account."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from nova_iac import moment
from nova_iac.cli.options import Settings
from nova_iac.desired.graph import EMPTY, ResourceGraph, build_graph
from nova_iac.errors import UsageProblem
from nova_iac.kinds import KINDS
from nova_iac.plan.change import Drift, Plan, PlanOptions
from nova_iac.plan.inputs import NOT_READ
from nova_iac.plan.planner import make_plan
from nova_iac.remote import Client
from nova_iac.resource import Address
from nova_iac.retry import RetryPolicy
from nova_iac.spec import Environment, Spec, digest, load_spec, read_dotenv
from nova_iac.state.folding import Folded, fold
from nova_iac.state.lockfile import Lockfile, StatePaths, load

EMULATOR_URL = "http://emulator"
"""What stands for the host of the embedded emulator; nothing listens there."""

RETRY = RetryPolicy()
"""How calls are repeated; tests put one without pauses here."""

_SLOW_REFRESH = 60.0  # seconds from which a refresh is announced
IGNORED = ("METRONOME_BASE_URL", "METRONOME_CUSTOM_HEADERS")
"""Variables that the SDK would read and that mean nothing here; told where they are set."""


def now() -> datetime:
    """The clock: NOVA_NOW where it is set, for tests and for looking ahead."""
    fixed = os.environ.get("NOVA_NOW")
    try:
        # Whole seconds: canonical texts of instants sort as instants only where both have no fraction.
        return (moment.parse(fixed) if fixed else datetime.now(UTC)).replace(microsecond=0)
    except moment.MomentError as problem:
        raise UsageProblem(f"NOVA_NOW: {problem}") from None


def settings_of(ctx: click.Context) -> Settings:
    """The shared options of a command."""
    return Settings.of(ctx)


@dataclass(frozen=True, slots=True)
class Session:
    """One command's view of one spec in one environment. Opened without touching the account."""

    settings: Settings
    spec: Spec
    paths: StatePaths
    variables: Mapping[str, str]

    @property
    def environment(self) -> Environment:
        """The environment that was chosen."""
        return self.spec.environment

    @property
    def base_url(self) -> str:
        """The host that the lockfile must have been made against."""
        return EMULATOR_URL if self.environment.emulator else self.environment.base_url

    def folded(self) -> Folded | None:
        """The recorded state, an interrupted run's journal folded in; None before the first apply."""
        lockfile = load(self.paths.lockfile, environment=self.environment.name, base_url=self.base_url)
        return fold(lockfile, self.paths.journal, environment=self.environment.name, base_url=self.base_url)

    @contextlib.contextmanager
    def client(
        self, parallelism: int = 8, *, retry: RetryPolicy | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> Iterator[Client]:
        """The account, over the network or embedded.

        :param sleep: waits so many seconds before a call is repeated.
        :raises UsageProblem: the token isn't set, or is none.
        """
        retry = retry or RETRY
        if self.environment.emulator:
            from nova_iac.emulator import Emulator

            log = os.environ.get("NOVA_EMULATOR_LOG")
            app = Emulator(self.paths.database, clock=now, request_log=Path(log) if log else None)
            try:
                with Client(base_url=EMULATOR_URL, token="emulator", app=app, parallelism=parallelism, retry=retry) as client:
                    yield client
            finally:
                app.close()
            return
        for name in IGNORED:
            if name in self.variables:
                click.echo(f"Warning: {name} is ignored: only the environment's block in the spec decides.", err=True)
        name = self.environment.token_env
        token = self.variables.get(name, "").strip()
        if not token:
            raise UsageProblem(
                f"environment {self.environment.name} takes its token from {name}, which isn't set: export it, or put it into "
                f"{self.paths.lockfile.parent / '.env'}."
            )
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise UsageProblem(
                f"the token in {name} has characters that no token has (blanks, line breaks, letters that aren't ASCII): copy it "
                "again, and nothing else."
            )
        with Client(
            base_url=self.base_url, token=token, token_name=name, parallelism=parallelism, retry=retry, sleep=sleep
        ) as client:
            yield client

    def plan(self, graph: ResourceGraph, folded: Folded | None, options: PlanOptions, client: Client | None) -> Plan:
        """Plan against the account, or against the record where there is no client."""
        lockfile = folded.lockfile if folded else Lockfile("", 0, self.environment.name, self.base_url)
        live = NOT_READ
        if client is not None:
            from nova_iac.plan.twins import adoption
            from nova_iac.state.live import none_adopted, plan_reading, read_live

            reading = plan_reading(graph, lockfile, KINDS, options)
            if (seconds := reading.seconds(KINDS)) > _SLOW_REFRESH:
                click.echo(
                    f"Reading the account takes about {seconds / 60:.0f} minutes at Metronome's rate. --target reads less, "
                    "--no-refresh reads nothing.",
                    err=True,
                )
            live = read_live(reading, KINDS, client, adoption(graph, KINDS) if options.adopt else none_adopted)
        return make_plan(
            graph,
            lockfile,
            live,
            kinds=KINDS,
            now=moment.text(now()),
            options=options,
            spec_digest=digest(self.spec),
            spec_file=self.spec.path.name,
            unresolved=folded.unresolved if folded else (),
            first=folded is None,
        )

    def drift(
        self, graph: ResourceGraph, lockfile: Lockfile, client: Client, addresses: Iterable[Address], *, scheduled: bool = False
    ) -> list[Drift]:
        """Which of some recorded resources differ in the account from what was recorded.

        :param scheduled: tell those too that something is still to come of.
        """
        from nova_iac.plan.verdict import Case, drift_of
        from nova_iac.state.live import none_adopted, read_live, reading_of

        reading = reading_of(graph, lockfile, KINDS, addresses)
        live = read_live(reading, KINDS, client, none_adopted)
        cases = (
            Case(address, KINDS[address.kind], None, lockfile.resources.get(address), live.objects.get(address), read=True)
            for address in live.asked
        )
        found = {case.address: drift_of(case) for case in cases}
        if scheduled:
            instant = moment.text(now())
            for address, remote in live.objects.items():
                if found.get(address) is None and KINDS[address.kind].is_scheduled(remote, instant):
                    found[address] = Drift(address, "scheduled")
        return [one for address in sorted(found) if (one := found[address])]

    def graph(self, *, destroy: bool) -> ResourceGraph:
        """What should be; nothing, for destroy.

        :raises SpecError: with every problem of the spec.
        """
        return EMPTY if destroy else build_graph(self.spec, KINDS)


def open_session(ctx: click.Context) -> Session:
    """The session of a command's shared options.

    :raises SpecError: there is no such file or no such environment.
    """
    return session_for(settings_of(ctx))


def session_for(settings: Settings) -> Session:
    """The session of some settings, as the files are now.

    :raises SpecError: there is no such file or no such environment.
    """
    now()  # a NOVA_NOW that is no instant is told here, before anything asks for the time
    spec = load_spec(settings.file, settings.environment)
    variables = {**read_dotenv(settings.file.parent / ".env"), **os.environ}
    return Session(settings, spec, StatePaths.of(settings.file, spec.environment.name), variables)


def options_from(
    *, no_refresh: bool, targets: tuple[str, ...], excludes: tuple[str, ...], effective_at: str | None, adopt: bool, destroy: bool
) -> PlanOptions:
    """The planning options of a command line, checked.

    :raises UsageProblem: the effective date is no instant on a full hour.
    """
    instant = None
    if effective_at is not None:
        try:
            parsed = moment.parse(effective_at)
        except moment.MomentError as problem:
            raise UsageProblem(f"--effective-at: {problem}") from None
        if not moment.is_full_hour(parsed):
            raise UsageProblem(f"--effective-at: {effective_at} is not on a full hour, which product changes need.")
        instant = moment.text(parsed)
    if adopt and no_refresh:
        raise UsageProblem("--adopt looks into the account, so it doesn't combine with --no-refresh.")
    return PlanOptions(not no_refresh, targets, excludes, instant, adopt, destroy)
