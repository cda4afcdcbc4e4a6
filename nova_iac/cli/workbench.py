"""What the one-page view works with: fresh sessions, one client, and applies as ``nova-iac apply`` makes them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from types import TracebackType

from nova_iac.apply.executor import ApplyResult
from nova_iac.cli.output import ProgressLines
from nova_iac.cli.perform import require_allowed
from nova_iac.cli.running import Running
from nova_iac.cli.session import IGNORED, Session, now, session_for
from nova_iac.errors import ApplyError
from nova_iac.plan.change import Plan
from nova_iac.remote import Client
from nova_iac.render.style import Style
from nova_iac.render.terminal import applied_line, summary_line
from nova_iac.ui import desk
from nova_iac.ui.desk import Applied, Choose

_PARALLELISM = 8


class Workbench:
    """A desk for ``nova_iac.ui``. The environment stays the one that it was opened for, whatever the spec's default becomes."""

    def __init__(self, session: Session) -> None:
        self._settings = replace(session.settings, environment=session.environment.name)
        self._open = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._client_for: tuple[bool, str, str] | None = None

    def __enter__(self) -> Workbench:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def now(self) -> datetime:
        """The tool's clock."""
        return now()

    def session(self) -> Session:
        """The spec as it is on disk now."""
        return session_for(self._settings)

    def client(self, session: desk.Session) -> Client:
        """One client; another one after host or token changed. Those before it may still be in use and are closed at the end."""
        assert isinstance(session, Session)
        environment = session.environment
        wanted = (environment.emulator, session.base_url, session.variables.get(environment.token_env, ""))
        with self._lock:
            if self._client is None or self._client_for != wanted:
                told = session if self._client is None else _quiet(session)
                self._client = self._open.enter_context(told.client(_PARALLELISM))
                self._client_for = wanted
            return self._client

    def apply(self, choose: Choose, check: Callable[[Plan], None]) -> Applied:
        """An apply of what is chosen, under the lock of the lockfile. Its steps are told on stderr."""
        session = self.session()
        client = self.client(session)
        graph = session.graph(destroy=False)
        with Running(session, "ui") as running:
            plan = session.plan(graph, running.folded, choose(graph, running.folded), client)
            check(plan)
            require_allowed(session, plan, (), plan.options, None)
            if running.open:
                running.recover(client, plan)
                plan = session.plan(graph, running.folded, choose(graph, running.folded), client)
                check(plan)
                require_allowed(session, plan, (), plan.options, None)
            if not plan.doing:
                running.record(plan)
                return Applied(plan, summary_line(plan, Style()))
            with ProgressLines(no_color=session.settings.no_color) as lines:
                result = running.execute(plan, client, lines.show, parallelism=_PARALLELISM)
        _require_complete(result)
        return Applied(plan, applied_line(result.done, result.calls, destroy=False, complete=True))


def _quiet(session: Session) -> Session:
    """Without the variables that a warning is for: it was told when the first client was opened."""
    return replace(session, variables={name: value for name, value in session.variables.items() if name not in IGNORED})


def _require_complete(result: ApplyResult) -> None:
    """:raises ApplyError: with what Metronome said of each call that failed."""
    if result.complete:
        return
    said = "; ".join(f"{', '.join(event.call.call.covers[:3])}: {event.error}" for event in result.failed[:3])
    left = ", ".join(change.address for change in result.undone[:5])
    raise ApplyError(f"Not done: {left}. {said}. Everything else stands and is recorded.", result)
