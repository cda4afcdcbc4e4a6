"""The WSGI program: bearer check, routing, transactions, idempotency, faults, request log. Behaviour knows no HTTP."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nova_iac.emulator import audit_log, codec, control, idempotency, routes
from nova_iac.emulator.clock import Clock
from nova_iac.emulator.database import Database
from nova_iac.emulator.errors import ApiError, NotEmulated, NotFound
from nova_iac.emulator.faults import ConnectionCut, Fault, Faults
from nova_iac.emulator.http import Call, Reply
from nova_iac.emulator.log import RequestLog
from nova_iac.emulator.request import Request
from nova_iac.emulator.wire import Query

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

CONTROL = "/_emulator/"


def random_id() -> str:
    return str(uuid4())


class Emulator:
    """The Metronome HTTP API on one SQLite database (None: a private account in memory).

    Time and ids come from outside. ``token`` None takes any bearer token. ``request_log`` gets one JSON line per request.
    """

    def __init__(
        self,
        database: Path | None,
        *,
        clock: Callable[[], datetime],
        token: str | None = None,
        new_id: Callable[[], str] = random_id,
        request_log: Path | None = None,
    ) -> None:
        self.clock = Clock(clock)
        self.log = RequestLog(request_log)
        self.faults = Faults()
        self._database = Database(database)
        self._token = token
        self._new_id = new_id

    def close(self) -> None:
        self._database.close()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        call = Call(environ)
        reply = self._control(call) if call.path.startswith(CONTROL) else self._logged(call)
        return reply.send(start_response)

    def _control(self, call: Call) -> Reply:
        try:
            return Reply(200, codec.dumps(control.answer(self, call.method, call.path, call.body())))
        except ApiError as refusal:
            return Reply.refusal(refusal)

    def _logged(self, call: Call) -> Reply:
        try:
            reply = self._stricken(call)
        except ConnectionCut:
            self.log.add(call.logged() | {"status": None, "replayed": False, "fault": "cut"})
            raise
        self.log.add(call.logged() | {"status": reply.status, "replayed": reply.replayed} | reply.notes)
        return reply

    def _stricken(self, call: Call) -> Reply:
        """The answer, with the faults that befall it: the first that answers in the call's place wins."""
        reply = None
        after: list[Fault] = []
        for fault in self.faults.striking(call.method, call.path):
            if fault.kind == "latency":
                self.faults.sleep(fault.milliseconds / 1000)
            elif fault.kind == "rate_limit":
                headers = (("X-Metronome-Rate-Limit-Type", fault.limit_type),)
                reply = reply or replace(_struck(ApiError(429, "Too many requests"), fault, call), headers=headers)
            elif fault.kind == "cut" and fault.when == "before":
                raise ConnectionCut("cut before the request took effect")
            elif fault.kind == "error" and fault.when == "before" and not fault.kept:
                reply = reply or _struck(ApiError(fault.status, "fault injected before the request took effect"), fault, call)
            else:
                after.append(fault)
        reply = reply or self._answer(call, after)
        for fault in after:
            if fault.kind == "cut":
                raise ConnectionCut("cut after the request took effect")
            if fault.kind == "truncate":
                reply = replace(reply, sent=fault.size, notes={"fault": fault.kind})
            elif reply.status == 200:
                reply = _struck(ApiError(fault.status, "fault injected after the request took effect"), fault, call)
        return reply

    def _answer(self, call: Call, faults: list[Fault]) -> Reply:
        try:
            self._check_token(call)
            route, behaviour, values = self._route(call)
            request = Request(route.path, values, Query(call.query), call.body(), self.clock.now(), self._new_id)
            if route.writes or (call.method == "POST" and call.idempotency_key is not None):
                return self._write(call, request, route, behaviour, faults)
            with self._database.reading() as store:
                return Reply(200, _text(behaviour(request, store)))
        except ApiError as refusal:
            return Reply.refusal(refusal, call.path)
        except Exception:  # noqa: BLE001 - a bug answers 500 and shows itself, and the server lives on
            traceback.print_exc(file=call.errors)
            return Reply(500, codec.dumps({"message": "internal error of the emulator"}))

    def _write(
        self, call: Call, request: Request, route: routes.Route, behaviour: routes.Behaviour, faults: list[Fault]
    ) -> Reply:
        """One transaction around the key's comparison, the behaviour and the answer that is kept with it (§3.4).

        A call that only reads comes here too when it has a key: the API takes keys on all POSTs.
        """
        fingerprint = ""
        with self._database.writing() as store:
            if call.idempotency_key is not None:
                fingerprint = idempotency.fingerprint(call.method, call.path, call.query, request.body)
                kept = idempotency.replay(store, call.idempotency_key, fingerprint)
                if kept is not None:
                    return Reply(*kept, replayed=True)
            try:
                with store.all_or_nothing():
                    _strike(faults, "before")
                    answer = behaviour(request, store)
                if route.writes and route.action != "usage.ingest":
                    audit_log.record(store, request, route.action, answer, call.caller)
                _strike(faults, "after")
                reply = Reply(200, _text(answer))
            except ApiError as refusal:
                if not refusal.kept:
                    raise
                reply = Reply.refusal(refusal, call.path)
            if call.idempotency_key is not None:
                idempotency.keep(store, call.idempotency_key, fingerprint, reply.status, reply.text)
        return reply

    def _check_token(self, call: Call) -> None:
        scheme, _, token = call.authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or (self._token is not None and token != self._token):
            raise ApiError(401, "Unauthorized: send 'Authorization: Bearer <token>' with a valid token")

    def _route(self, call: Call) -> tuple[routes.Route, routes.Behaviour, dict[str, str]]:
        found = routes.find(call.method, call.path)
        if found is None:
            raise NotFound(f"No such endpoint: {call.method} {call.path}. Emulated are: {', '.join(routes.emulated())}")
        route, values = found
        if route.behaviour is None:
            raise NotEmulated(f"{route.method} {route.path}")
        return route, route.behaviour, values


def _strike(faults: list[Fault], when: str) -> None:
    """Errors that an Idempotency-Key is to keep: before the behaviour, or instead of its answer."""
    for fault in faults:
        if fault.kind == "error" and fault.kept and fault.when == when:
            raise ApiError(fault.status, f"fault injected {when} the request took effect", kept=True)


def _struck(error: ApiError, fault: Fault, call: Call) -> Reply:
    return replace(Reply.refusal(error, call.path), notes={"fault": fault.kind})


def _text(answer: Any) -> str:
    return "" if answer is None else codec.dumps(answer)
