"""The one policy for retries and keys: the real client and the real SDK before a server that answers by a script."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from nova_iac import moment
from nova_iac.errors import NotFound, Refused, RemoteError, Unavailable
from nova_iac.remote import Client, Endpoint
from nova_iac.retry import RetryPolicy, Throttle

CREATE = Endpoint("POST", "/v1/customers", "v1.customers.create")
UPDATE = Endpoint("PUT", "/v1/billable-metrics/{billable_metric_id}", "v1.billable_metrics.update")
LIST = Endpoint("GET", "/v1/customers", "v1.customers.list", cursor="next_page")
CUSTOMER = {"name": "A", "ingest_aliases": []}
METRIC = {"billable_metric_id": "m", "name": "M"}
POLICY = RetryPolicy(attempts=4, first_pause=1.0, longest_pause=3.0)

Headers = dict[str, str]
Answer = tuple[int, Headers] | Exception


class Script:
    """Answers in order, each a status with headers or a lost connection; when there are no more, 200."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.keys: list[str | None] = []
        self.crowd: Crowd | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self.crowd or contextlib.nullcontext():
            return self.answer(environ, start_response)

    def answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.keys.append(environ.get("HTTP_IDEMPOTENCY_KEY"))
        answer = self.answers.pop(0) if self.answers else (200, {})
        if isinstance(answer, Exception):
            raise answer
        status, headers = answer
        code = "CustomerNotFound" if headers.pop("code", "") else None
        start_response(f"{status} Told", [("Content-Type", "application/json"), *headers.items()])
        return [json.dumps({"data": {"id": "made"}, "message": "told", **({"code": code} if code else {})}).encode()]


class Crowd:
    """Counts who is in it at a time. Nobody leaves before it is full, or has had time to fill up as far as it is let."""

    def __init__(self, full: int) -> None:
        self._full, self._is_full, self._lock = full, threading.Event(), threading.Lock()
        self.now = self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now == self._full:
                self._is_full.set()
        self._is_full.wait(0.2)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


class Trial:
    """A client before a script; pauses are written down, and not waited for. Jitter is at its least, or as given."""

    def __init__(self, *answers: Answer, jitter: float = 0.0, parallelism: int = 8) -> None:
        self.script = Script(*answers)
        self.pauses: list[float] = []
        self.client = Client(
            base_url="http://account", token="t", app=self.script, retry=POLICY, sleep=self.pauses.append,
            random_source=lambda: jitter, parallelism=parallelism,
        )  # fmt: skip

    def create(self) -> Any:
        return self.client.send(CREATE, CUSTOMER, key="k")

    def most_in_flight(self, *, of: int) -> int:
        """How many calls of so many are in flight at most."""
        self.script.crowd = crowd = Crowd(min(of, self.client.parallelism))
        self.client.map(lambda _: self.create(), range(of))
        self.script.crowd = None
        return crowd.most

    @property
    def attempts(self) -> int:
        return len(self.script.keys)


def fails(call: Callable[[], object]) -> RemoteError:
    """The error of a call that must fail."""
    with pytest.raises(RemoteError) as failure:
        call()
    return failure.value


# --- what is repeated ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_passing_fault_is_repeated_under_the_same_key(status: int) -> None:
    """The same key can't take effect twice, so what never reached a result is sent again with it."""
    trial = Trial((status, {}), (status, {}))

    assert trial.create()["data"]["id"] == "made"
    assert trial.script.keys == ["k", "k", "k"]


@pytest.mark.parametrize(
    "problem",
    [httpx.ConnectError("refused"), httpx.ReadTimeout("late"), httpx.RemoteProtocolError("cut"), ConnectionResetError()],
)
def test_lost_connection_is_repeated_under_the_same_key(problem: Exception) -> None:
    """Whatever lost the answer."""
    trial = Trial(problem)

    trial.create()

    assert trial.script.keys == ["k", "k"]


def test_answer_that_was_cut_is_asked_for_again() -> None:
    """Half an answer is none; the same key brings the whole one."""
    trial = Trial()
    whole = trial.script.answer

    def halved(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        trial.script.answer = whole  # type: ignore[method-assign]
        return [b"".join(whole(environ, start_response))[:9]]

    trial.script.answer = halved  # type: ignore[method-assign]

    assert trial.create()["data"]["id"] == "made"
    assert trial.script.keys == ["k", "k"]


@pytest.mark.parametrize("status", [500, 501, 505])
def test_fault_that_may_be_stored_is_not_repeated(status: int) -> None:
    """A 500 to a POST may be the key's answer for a day; a PUT has no key, and a read has no effect."""
    for call, attempts in (
        (lambda trial: trial.create(), 1),
        (lambda trial: trial.client.send(UPDATE, METRIC, key="k"), 2),
        (lambda trial: trial.client.read(LIST, {}), 2),
    ):
        trial = Trial((status, {}))
        if attempts == 1:
            assert isinstance(fails(lambda trial=trial, call=call: call(trial)), Unavailable)  # type: ignore[misc]
        else:
            call(trial)
            assert set(trial.script.keys) == {None}, "only a POST has a key"
        assert trial.attempts == attempts


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [(400, {}, Refused), (401, {}, Refused), (403, {}, Refused), (404, {}, NotFound), (400, {"code": "1"}, NotFound),
     (422, {}, Refused)],
)  # fmt: skip
def test_refusal_is_told_once(status: int, headers: Headers, error: type[RemoteError]) -> None:
    """It would be refused again; the SDK, left to itself, would repeat a 409."""
    trial = Trial((status, headers))

    problem = fails(trial.create)

    assert (type(problem), problem.status, trial.attempts) == (error, status, 1)


@pytest.mark.parametrize(("answer", "status"), [((429, {}), 429), ((503, {}), 503), (httpx.ReadTimeout("late"), None)])
def test_patience_has_an_end(answer: Answer, status: int | None) -> None:
    """After the last attempt the outcome is unknown, and is told so."""
    trial = Trial(*[answer if isinstance(answer, Exception) else (answer[0], {}) for _ in range(9)])

    problem = fails(trial.create)

    assert (type(problem), problem.status, trial.attempts) == (Unavailable, status, 4)
    assert len(trial.pauses) == 3, "nobody waits after the last attempt"


# --- how long it waits -----------------------------------------------------------------------------------------------------


def test_pauses_double_up_to_the_longest_and_are_jittered_downwards() -> None:
    """Clients that failed together don't come back together."""
    for jitter, pauses in ((0.0, [1.0, 2.0, 3.0]), (1.0, [0.75, 1.5, 2.25])):
        trial = Trial(*[(503, {})] * 3, jitter=jitter)
        trial.create()
        assert trial.pauses == pauses


@pytest.mark.parametrize(
    ("asked", "pause"),
    [("7", 7.0), ("0.5", 0.5), ("60", 60.0), ("61", 1.0), ("0", 1.0), ("-3", 1.0), ("nan", 1.0), ("1e999", 1.0),
     ("", 1.0), ("soon", 1.0), ("Sun, 22 Nov 2026 14:30:00 +99999999999999", 1.0), ("Sun, 22 Nov 2020 14:30:00", 1.0)],
)  # fmt: skip
def test_retry_after_is_honoured_within_reason(asked: str, pause: float) -> None:
    """Up to a minute; what is longer, or no pause at all, gives way to our own."""
    trial = Trial((429, {"Retry-After": asked}))

    trial.create()

    assert trial.pauses == [pause]


def test_retry_after_may_be_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """As HTTP allows."""
    from datetime import datetime, timedelta

    now = moment.parse("2026-11-22T14:30:00Z")

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:  # noqa: ARG003
            return now

    monkeypatch.setattr("nova_iac.retry.datetime", Clock)
    trial = Trial((503, {"Retry-After": format_datetime(now + timedelta(seconds=9), usegmt=True)}))

    trial.create()

    assert trial.pauses == [9.0]


# --- how many at a time ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit_type", ["client", "customer"])
def test_429_halves_the_calls_in_flight(limit_type: str) -> None:
    """Both types: the next calls are fewer at a time, and each success lets a little more through."""
    trial = Trial(*[(429, {"X-Metronome-Rate-Limit-Type": limit_type}) for _ in range(2)])
    trial.create()

    assert trial.most_in_flight(of=3) == 2, "eight, halved twice"
    for _ in range(60):
        trial.create()
    assert trial.most_in_flight(of=16) == 8


def test_bound_halves_and_grows_back_one_by_one() -> None:
    """Never below one, never above what was asked for."""
    throttle = Throttle(8)
    bounds = []
    for _ in range(5):
        throttle.slower()
        bounds.append(throttle.bound)
    assert bounds == [4, 2, 1, 1, 1]

    grown = []
    for _ in range(60):
        throttle.faster()
        grown.append(throttle.bound)
    assert sorted(set(grown)) == [2, 3, 4, 5, 6, 7, 8]
    assert grown == sorted(grown)
    assert grown.count(5) >= 5, "a bound's worth of successes for one more"
