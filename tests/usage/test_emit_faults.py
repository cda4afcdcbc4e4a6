"""A bad day at Metronome: storms of 429, 500s, cut connections. Nothing is lost, nothing counts twice."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from unittest import mock

import pytest
from emit_kit import arrived, event, faults, on_ingest, write_lines
from support import Project

from nova_iac.emulator.faults import Fault
from nova_iac.errors import Refused, Unavailable
from nova_iac.remote import Attempt
from nova_iac.retry import RetryPolicy
from nova_iac.usage.event import Event
from nova_iac.usage.sender import Pacer, Ready, Sender

COUNT = 1_000


def emit(project: Project, *more: str) -> None:
    write_lines(project.folder / "events.ndjson", [event(number) for number in range(COUNT)])
    result = project.run("emit", "--from", "events.ndjson", *more)
    assert result.code == 0, result.err
    assert result.last.startswith(f"Emit complete: {COUNT} sent, 0 skipped, 0 rejected.")


STORMS = {
    "429 for the account": [on_ingest("error", status=429, every=2, times=12)],
    "429 for a customer": [on_ingest("rate_limit", per_second=1, limit_type="customer", times=15)],
    "429 of both types": [
        on_ingest("rate_limit", per_second=2, limit_type="client", times=8),
        on_ingest("rate_limit", per_second=2, limit_type="customer", times=8),
    ],
    "500 before": [on_ingest("error", status=500, every=2, times=10)],
    "500 after": [on_ingest("error", status=500, when="after", every=2, times=10)],
    "503": [on_ingest("error", status=503, every=3)],
    "cut before": [on_ingest("cut", every=2, times=10)],
    "cut after": [on_ingest("cut", when="after", every=2, times=10)],
    "everything": [
        on_ingest("rate_limit", per_second=3, times=8),
        on_ingest("error", status=502, when="after", every=3),
        on_ingest("cut", when="after", every=5),
        on_ingest("cut", every=7),
        on_ingest("truncate", every=4),
    ],
}


@pytest.mark.parametrize("storm", STORMS)
def test_nothing_is_lost_and_nothing_doubled(applied: Project, storm: str) -> None:
    """Every event is in the account once, and is billed once."""
    with faults(*[Fault(**{name: getattr(one, name) for name in one.__slots__ if name not in ("seen", "hits", "passed")})
                  for one in STORMS[storm]]) as given:  # fmt: skip
        emit(applied)

    assert all(one.hits for one in given)
    seen = arrived(applied)
    assert (len(seen), max(seen.values())) == (COUNT, 1)
    (metric,) = applied.ok("usage", "demo", "--format", "json").json["metrics"]
    assert metric["quantity"] == str(COUNT)


def test_a_bad_event_is_found_in_the_middle_of_a_storm(applied: Project) -> None:
    """Halving and repeating go together."""
    events = [event(number, **({"timestamp": "2026-10-19T14:29:59Z"} if number == 77 else {})) for number in range(300)]
    write_lines(applied.folder / "events.ndjson", events)

    from nova_iac import moment

    earlier = moment.parse("2026-11-22T14:29:00Z")
    with (
        faults(on_ingest("error", status=500, when="after", every=2, times=10), on_ingest("cut", every=3, times=5)),
        mock.patch("nova_iac.cli.emitting.now", return_value=earlier),
    ):
        result = applied.run("emit", "--from", "events.ndjson")

    assert result.last.startswith("Emit complete: 299 sent, 0 skipped, 1 rejected.")
    assert set(arrived(applied).values()) == {1}


def test_outage_stops_the_run_and_resume_goes_on(applied: Project) -> None:
    """When nothing helps, the run ends with exit 3 and what to do; --resume sends the rest."""
    write_lines(applied.folder / "events.ndjson", [event(number) for number in range(COUNT)])
    with faults(on_ingest("error", status=503, skip=4)):
        result = applied.run("emit", "--from", "events.ndjson")

    assert result.code == 3
    assert "POST /v1/ingest: 503" in result.err
    assert "Run it again with --resume to go on." in result.err
    assert result.last.startswith("Emit incomplete: 400 sent")
    again = applied.ok("emit", "--from", "events.ndjson", "--resume")
    assert again.last.startswith("Emit complete: ")
    seen = arrived(applied)
    assert (len(seen), max(seen.values())) == (COUNT, 1)


def test_refused_token_stops_at_once(applied: Project) -> None:
    """401 is nobody's event's fault: no halving, no repetition, exit 1."""
    write_lines(applied.folder / "events.ndjson", [event(number) for number in range(COUNT)])
    with faults(on_ingest("error", status=401)) as (fault,):
        result = applied.run("emit", "--from", "events.ndjson", "--concurrency", "1")

    assert (result.code, fault.hits <= 4) == (1, True)
    assert "is the token in METRONOME_BEARER_TOKEN the right one" in result.err


def test_account_that_refuses_everything_ends_the_run(applied: Project) -> None:
    """Where not one event is taken, halving stops: it isn't the events."""
    write_lines(applied.folder / "events.ndjson", [event(number) for number in range(COUNT)])
    with faults(on_ingest("error", status=400)) as (fault,):
        result = applied.run("emit", "--from", "events.ndjson")

    assert result.code in (1, 3)
    assert fault.hits < COUNT
    assert arrived(applied) == {}


# --- the sender by itself -------------------------------------------------------------------------------------------------


def batch(count: int) -> list[Ready]:
    return [Ready(n, b"%d" % n, b"", Event(str(n), "c", "t", "2026-11-22T00:00:00Z")) for n in range(count)]


class Script:
    """Answers attempts one after the other, and keeps what was asked for."""

    def __init__(self, *attempts: Attempt) -> None:
        self.attempts = list(attempts)
        self.bodies: list[bytes] = []
        self.pauses: list[float] = []

    def __call__(self, body: bytes) -> Attempt:
        self.bodies.append(body)
        return self.attempts.pop(0) if self.attempts else Attempt()


LATER = Attempt(Unavailable("later", status=429), repeatable=True)
DOWN = Attempt(Unavailable("down", status=503), repeatable=True)


def sender(script: Script, policy: RetryPolicy, stop: threading.Event | None = None) -> Sender:
    stop = stop or threading.Event()
    return Sender(script, stop=stop, concurrency=4, policy=policy, wait=script.pauses.append, random_source=lambda: 0.0)


def test_pauses_grow_and_honour_what_the_server_asks() -> None:
    """Exponential pauses, jittered downwards; a Retry-After comes first; the body stays the same."""
    script = Script(DOWN, DOWN, Attempt(Unavailable("busy", status=503), True, asked=7.0), DOWN)

    delivery = sender(script, RetryPolicy(6, 0.5, 30.0)).deliver(batch(2))

    assert (delivery.sent, script.pauses) == (2, [0.5, 1.0, 7.0, 4.0])
    assert set(script.bodies) == {b"[0,1]"}


def test_patience_ends() -> None:
    """After the policy's attempts the batch is given back unsent."""
    script = Script(*[DOWN] * 9)
    delivery = sender(script, RetryPolicy(3, 0.5, 30.0)).deliver(batch(2))

    assert (delivery.sent, str(delivery.error), len(script.bodies)) == (0, "down", 3)


def test_being_held_back_while_others_get_through_is_no_failure() -> None:
    """A 429 counts against patience only while nothing at all succeeds."""
    policy = RetryPolicy(4, 0.5, 30.0)
    script = Script(*[LATER] * 20)
    one = sender(script, policy)

    def others_succeed(pause: float) -> None:
        script.pauses.append(pause)
        one._successes += 1

    one._wait = others_succeed

    assert one.deliver(batch(1)).sent == 1
    assert len(script.bodies) == 21


def test_stop_ends_repetition() -> None:
    """After Ctrl-C what is in flight ends, and what failed isn't tried again."""
    stop = threading.Event()
    script = Script(DOWN, DOWN)
    post = sender(script, RetryPolicy(), stop)
    script.pauses = mock.Mock(append=lambda _: stop.set())
    post._wait = script.pauses.append

    assert str(post.deliver(batch(1)).error) == "down"
    assert len(script.bodies) == 1
    assert post.deliver(batch(1)).unsent, "what wasn't begun isn't begun"


@pytest.mark.parametrize("bad", [[0], [99], [0, 99], [13, 14, 15], list(range(0, 100, 10))])
def test_halving_finds_exactly_the_bad_events(bad: Sequence[int]) -> None:
    """Whatever the positions, the bad ones are rejected and each of the others is in one accepted request."""
    accepted: list[int] = []
    calls = 0

    def post(body: bytes) -> Attempt:
        nonlocal calls
        calls += 1
        ids = [int(part) for part in body[1:-1].split(b",")]
        if set(ids) & set(bad):
            return Attempt(Refused("bad", status=400, body={"message": "bad one"}))
        accepted.extend(ids)
        return Attempt()

    delivery = Sender(post, stop=threading.Event(), concurrency=1).deliver(batch(100))

    assert sorted(one.line for one in delivery.rejected) == list(bad)
    assert sorted(accepted) == [n for n in range(100) if n not in bad]
    assert calls <= 1 + 14 * len(bad)


def test_pacer_spreads_events() -> None:
    """--rate: each batch waits for the time that the ones before it take."""
    now = [0.0]
    pacer = Pacer(1_000, monotonic=lambda: now[0])

    assert [pacer.delay(100) for _ in range(3)] == [0.0, 0.1, 0.2]
    now[0] = 10.0
    assert pacer.delay(100) == 0.0
    assert Pacer(None).delay(100) == 0.0
