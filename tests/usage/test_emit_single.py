"""Single events, made-up ones, and the way from them to usage and a draft invoice."""

from __future__ import annotations

import json
import sys
from typing import Any
from unittest import mock

import pytest
from emit_kit import TIERS, arrived, faults, on_ingest, stored
from support import NOW, Project

from nova_iac.emulator.faults import Fault
from nova_iac.remote import Client


def emit_one(project: Project, tier: str, transaction_id: str, *more: str) -> str:
    arguments = ("-p", f"image_type={tier}", "-p", "num_images=1", "--transaction-id", transaction_id)
    return project.ok("emit", "image_generation", "-c", "demo", *arguments, *more).out


def test_three_images_per_tier_are_51_cents(applied: Project) -> None:
    """Three images of each tier give usage 3/3/3 and a draft of $0.51, and the same ids again change nothing."""
    for _ in range(2):
        for tier in TIERS:
            for number in range(3):
                emit_one(applied, tier, f"{tier}-{number}")

    usage = applied.ok("usage", "demo", "--format", "json").json
    (metric,) = usage["metrics"]
    assert {row["group"]["image_type"]: (row["quantity"], row["amount"]["amount"]) for row in metric["groups"]} == {
        "standard": ("3", "0.06"),
        "high-res": ("3", "0.15"),
        "ultra": ("3", "0.3"),
    }
    assert usage["total"] == {"USD": "0.51"}
    (draft,) = applied.ok("invoices", "demo", "--status", "draft", "--format", "json").json["invoices"]
    assert (draft["status"], draft["total"], draft["currency"]) == ("DRAFT", "0.51", "USD")
    assert sorted((line["group"]["image_type"], line["quantity"], line["total"]) for line in draft["lines"]) == [
        ("high-res", "3", "0.15"),
        ("standard", "3", "0.06"),
        ("ultra", "3", "0.3"),
    ]
    assert "$0.51" in applied.ok("usage", "demo").out
    assert "$0.51" in applied.ok("invoices", "demo").out


def test_single_event_gets_a_printed_id_and_the_present_time(applied: Project) -> None:
    """Without --transaction-id the id is random and printed; values travel as texts; the customer is called by its alias."""
    out = applied.ok("emit", "image_generation", "-c", "demo", "-p", "image_type=ultra", "-p", "num_images=1.50").out
    (line,) = [line for line in out.splitlines() if line.startswith("transaction_id: ")]

    found = stored(applied, line.removeprefix("transaction_id: "))

    assert found["properties"] == {"image_type": "ultra", "num_images": "1.50"}
    assert found["customer_id"] == "jane@nova.com"
    assert found["timestamp"].isoformat() == "2026-11-22T14:30:00+00:00"
    assert out.splitlines()[-1].startswith("Emit complete: 1 sent, 0 skipped, 0 rejected.")


@pytest.mark.parametrize("name", ["demo", "jane@nova.com", "ID"])
def test_customer_is_named_by_key_alias_or_id(applied: Project, name: str) -> None:
    """-c and NOVA_CUSTOMER take all three, and so do usage and invoices."""
    name = applied.id("customer.demo") if name == "ID" else name
    words = ("emit", "image_generation", "-p", "image_type=ultra", "-p", "num_images=2")

    applied.ok(*words, "-c", name)
    applied.ok(*words, env={"NOVA_CUSTOMER": name})

    assert applied.ok("usage", name, "--format", "json").json["total"] == {"USD": "0.4"}
    assert applied.ok("invoices", env={"NOVA_CUSTOMER": name}).out.count("$0.40") == 2


def test_timestamp_is_sent_in_utc(applied: Project) -> None:
    """An offset is taken off; usage counts the event on its UTC day."""
    emit_one(applied, "ultra", "a", "--timestamp", "2026-11-22T01:30:00+02:00")

    assert stored(applied, "a")["timestamp"].isoformat() == "2026-11-21T23:30:00+00:00"
    assert "No usage." in applied.ok("usage", "demo").out
    assert "$0.10" in applied.ok("usage", "demo", "--from", "2026-11-21", "--to", "2026-11-21").out


ULTRA = ["-p", "image_type=ultra"]
ONE = ["-p", "num_images=1"]
DEMO = ["image_generation", "-c", "demo"]
BAD = {
    "type": (["image_generatoin", "-c", "demo"], "counts the event type 'image_generatoin'; did you mean 'image_generation'?"),
    "customer": (["image_generation", "-c", "demmo"], "no customer of the spec is called demmo. Did you mean demo?"),
    "value": ([*DEMO, *ONE, "-p", "image_type=ulta"], "did you mean 'ultra'?"),
    "missing": ([*DEMO, *ULTRA], "property num_images is missing, which the metric aggregates"),
    "group": ([*DEMO, *ONE], "property image_type is missing"),
    "number": ([*DEMO, *ULTRA, "-p", "num_images=one"], "num_images = 'one' is no number"),
    "old": ([*DEMO, "--timestamp", "2026-10-19"], "more than 34 days in the past"),
    "early": ([*DEMO, "--timestamp", "2026-11-23T14:30:01Z"], "more than 24 hours in the future"),
    "id": ([*DEMO, "--transaction-id", "x" * 129], "transaction_id has 129 characters"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_event_is_refused_with_its_reason(applied: Project, case: str) -> None:
    """What would not bill, or be refused, isn't sent: exit 1, the reason, and no request."""
    arguments, reason = BAD[case]
    result = applied.run("emit", *arguments)

    assert result.code == 1
    assert reason in result.err
    assert applied.writes() == []


@pytest.mark.parametrize("case", ["type", "customer", "value", "missing", "group", "number"])
def test_unknown_send_lets_it_through(applied: Project, case: str) -> None:
    """Everything that Metronome would take can be sent all the same."""
    result = applied.run("emit", *BAD[case][0], "--unknown", "send")

    assert result.code == 0, result.err
    assert len(arrived(applied)) == 1


@pytest.mark.parametrize(("case", "code"), [("customer", 0), ("value", 0), ("missing", 1), ("old", 1)])
def test_unknown_warn_sends_unknown_names_only(applied: Project, case: str, code: int) -> None:
    """A name that the spec doesn't have may be right; a value that can't be counted isn't."""
    more = [*ULTRA, *ONE] if case == "customer" else []
    result = applied.run("emit", *BAD[case][0], *more, "--unknown", "warn")

    assert result.code == code
    assert ("look at these" in result.err) is (code == 0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "say what to send"),
        (["image_generation"], "say whose usage it is"),
        (["image_generation", "-c", "demo", "-p", "num_images"], "-p num_images: write -p NAME=VALUE."),
        (["image_generation", "-c", "demo", "-p", "a=1", "-p", "a=2"], "-p a is given twice"),
        (["image_generation", "-c", "demo", "--timestamp", "yesterday"], "--timestamp: 'yesterday' is not an instant"),
        (["image_generation", "-c", "demo", "-p", "a=\udcff"], "is not text in UTF-8"),
        (["image_generation", "-c", "demo", "--resume"], "--resume belongs to --from."),
        (["image_generation", "-c", "demo", "--generate", "3", "--transaction-id", "x"], "is for a single event"),
        (["image_generation", "-c", "demo", "--since", "2026-11-01"], "--since belongs to --generate."),
        (["image_generation", "-c", "demo", "--generate", "3", "--since", "2026-12-01"], "--since 2026-12-01T00:00:00Z is after"),
        (["other", "-c", "demo", "--generate", "3"], "no metric counts the event type 'other'"),
        (["--from", "none.ndjson"], "none.ndjson can't be read: No such file or directory"),
        (["--from", "."], ". is a folder"),
        (["--from", "billing.yaml", "--generate", "3"], "--generate and --from don't go together"),
        (["--from", "billing.yaml", "--map", "a=b"], "NDJSON doesn't have"),
        (["--from", "-", "--resume"], "--resume needs a file"),
        (["--from", "-", "--input", "parquet"], "Parquet can't be read from a stream"),
        (["--from", "x.csv", "--delimiter", ";;"], "--delimiter is one character"),
    ],
)
def test_wrong_command_line_is_explained(applied: Project, arguments: list[str], reason: str) -> None:
    """What doesn't go together ends with exit 1 and a sentence, before anything is sent."""
    result = applied.run("emit", *arguments)

    assert (result.code, reason in result.err) == (1, True), result.err
    assert applied.requests() == []


def test_emit_before_apply_warns_that_nothing_counts(project: Project) -> None:
    """A metric that is made later doesn't count earlier events; --verify says so too, and fails."""
    result = project.run("emit", "image_generation", "-c", "demo", "-p", "image_type=ultra", "-p", "num_images=1", "--verify")

    assert "isn't applied in local" in result.err
    assert result.code == 1
    assert "no customer of the account is called 'jane@nova.com' (yet)" in result.out
    assert "billable_metric.image_generation isn't in the account: apply it" in result.out


def test_generated_events_take_turns_and_are_the_same_again(applied: Project) -> None:
    """Nine events are three of each price; the same seed bills nothing twice, another one does."""
    words = ("emit", "image_generation", "-c", "demo", "--generate", "9", "--seed")

    applied.ok(*words, "7")
    once = applied.ok("usage", "demo", "--format", "json").json
    applied.ok(*words, "7")

    assert [row["quantity"] for row in once["metrics"][0]["groups"]] == ["3", "3", "3"]
    assert applied.ok("usage", "demo", "--format", "json").json == once
    applied.ok(*words, "8")
    assert applied.ok("usage", "demo", "--format", "json").json["metrics"][0]["quantity"] == "18"


def test_generated_events_can_be_fixed_and_spread(applied: Project) -> None:
    """-p fixes what isn't to be made up; --since spreads the events evenly up to now."""
    applied.ok("emit", *DEMO, *ULTRA, "--generate", "4", "--since", "2026-11-20T14:30:00Z")

    def total(day: str) -> dict[str, str]:
        found: dict[str, str] = applied.ok("usage", "demo", "--from", day, "--to", day, "--format", "json").json["total"]
        return found

    assert [total("2026-11-21"), total("2026-11-22")] == [{"USD": "0.2"}, {"USD": "0.2"}]


def test_verify_says_what_was_matched(applied: Project) -> None:
    """A sample is looked up: the customer and the metric; an id that another event has is told."""
    good = emit_one(applied, "ultra", "a", "--verify")
    again = applied.run("emit", *DEMO, "-p", "image_type=standard", *ONE, "--transaction-id", "a", "--verify")

    assert "1 of 1 looked up: customer Nova Demo Customer, metric Nova Image Generation" in good
    assert again.code == 1
    assert "an earlier event has this transaction_id and stays" in again.out


def test_json_summary_has_the_counts(applied: Project) -> None:
    """--format json is one document, with the id of a single event."""
    found = json.loads(emit_one(applied, "ultra", "a", "--verify", "--format", "json"))

    assert {name: found[name] for name in ("environment", "complete", "sent", "skipped", "rejected", "transaction_id")} == {
        "environment": "local",
        "complete": True,
        "sent": 1,
        "skipped": 0,
        "rejected": 0,
        "transaction_id": "a",
    }
    assert found["verified"][0]["billed"] is True


def test_dry_run_prices_at_the_contracts_and_sends_nothing(applied: Project) -> None:
    """--dry-run tells the amount by customer, product and group; it needs no account, and says where it would go."""
    words = ("emit", "image_generation", "-c", "demo", "--generate", "9", "--dry-run")
    result = applied.ok(*words)

    assert result.last == "Dry run: 9 events would bill $0.51. Nothing was sent."
    assert "image_type=high-res" in result.out
    assert applied.requests() == []
    unknown = ("image_generation", "-c", "x", "--unknown", "warn", *ULTRA, *ONE)
    protected = applied.run("emit", *unknown, "--dry-run", "-e", "production")
    assert "Environment: production (protected)" in protected.err
    assert "1 time: their customer is not in the spec" in protected.out


def test_help_imports_no_sdk(project: Project) -> None:
    """emit --help and a dry run work without the SDK."""
    from test_startup import SDK, imported

    assert imported(project.folder, "emit", "--help") & (SDK | {"msgspec", "yaml"}) == set()
    assert imported(project.folder, "emit", "image_generation", "-c", "demo", "--generate", "3", "--dry-run") & SDK == set()


def words_for_ultra(*more: str) -> tuple[str, ...]:
    return ("emit", *DEMO, *ULTRA, *ONE, *more)


@pytest.mark.parametrize("output", ["text", "json"])
def test_id_of_an_event_that_may_have_arrived_is_told(applied: Project, output: str) -> None:
    """Nobody knows what became of it: the way to send it again and bill it once is told with its id."""
    with faults(on_ingest("error", status=500, when="after")):
        result = applied.run(*words_for_ultra("--format", output))

    (name,) = arrived(applied)
    assert f"Run it again with --transaction-id {name}: then it isn't billed twice." in result.err
    assert f"transaction_id: {name}\n" in (result.out if output == "text" else result.err)
    if output == "json":
        assert (result.json["transaction_id"], result.json["complete"]) == (name, False)
    applied.ok(*words_for_ultra("--transaction-id", name))
    assert applied.ok("usage", "demo", "--format", "json").json["total"] == {"USD": "0.1"}


def test_id_is_told_before_anything_is_sent(applied: Project) -> None:
    """Whatever ends the process after that, the id is known; an event that isn't sent has none to tell."""
    told: list[str] = []
    poster = Client.poster

    def watched(self: Client, endpoint: Any) -> Any:
        post = poster(self, endpoint)

        def attempt(body: bytes) -> Any:
            told.append(sys.stdout.getvalue())  # type: ignore[attr-defined]
            return post(body)

        return attempt

    with mock.patch.object(Client, "poster", watched):
        applied.ok(*words_for_ultra("--transaction-id", "a"))
        bad = applied.run("emit", *DEMO, *ULTRA)

    assert told == ["transaction_id: a\n"]
    assert "transaction_id" not in bad.out


def test_event_that_is_repeated_under_its_id_is_no_other(applied: Project) -> None:
    """A single event without --timestamp has the time of its run: sent again later it is the same, and was there before."""
    applied.ok(*words_for_ultra("--transaction-id", "a", "--verify"))

    again = applied.ok(*words_for_ultra("--transaction-id", "a", "--verify"), now="2026-11-22T15:30:00Z")
    data = applied.ok(*words_for_ultra("--transaction-id", "a", "--verify", "--format", "json"), now="2026-11-22T15:30:00Z").json
    other = applied.run(*words_for_ultra("--transaction-id", "a", "--verify", "--timestamp", "2026-11-22T15:30:00Z"))

    assert "metric Nova Image Generation; there before this run" in again.out
    assert (data["verified"][0]["billed"], data["verified"][0]["earlier"]) == (True, True)
    assert (other.code, "an earlier event has this transaction_id" in other.out) == (1, True)


@pytest.mark.parametrize("output", ["text", "json"])
def test_failed_verification_hides_nothing(applied: Project, output: str) -> None:
    """What was sent is told in full; that nobody could look is told beside it, with exit 1."""
    with faults(Fault("error", method="POST", path="/v1/events/search", status=400)):
        result = applied.run(*words_for_ultra("--transaction-id", "a", "--verify", "--format", output))

    assert result.code == 1
    assert "Error: what was sent could not be verified: POST /v1/events/search: 400" in result.err
    if output == "text":
        assert (result.out.startswith("transaction_id: a\n"), result.last[:15]) == (True, "Emit complete: ")
    else:
        assert (result.json["sent"], result.json["verified"]) == (1, [])
        assert "POST /v1/events/search: 400" in result.json["verify_error"]


def test_interrupted_verification_hides_nothing_either(applied: Project) -> None:
    """Ctrl-C while the sample is looked up ends the looking; the result stands."""
    with mock.patch("nova_iac.cli.emitting.verify", side_effect=KeyboardInterrupt):
        result = applied.run(*words_for_ultra("--verify"))

    assert (result.code, result.last[:23]) == (130, "Emit complete: 1 sent, ")


@pytest.mark.parametrize(
    "more",
    [
        [("-p", f"image_type={tier}") for tier in TIERS],
        [("--timestamp", f"2026-11-{day}") for day in (20, 21, 22)],
        [("--since", f"2026-11-{day}") for day in (20, 21, 22)],
    ],
    ids=["property", "timestamp", "since"],
)
def test_generated_events_of_another_kind_are_others(applied: Project, more: list[tuple[str, str]]) -> None:
    """A loop over what the command line fixes adds up, and the same loop again adds nothing."""
    for _ in range(2):
        for words in more:
            applied.ok("emit", *DEMO, "--generate", "3", *words)

    (metric,) = applied.ok("usage", "demo", "--from", "2026-11-19", "--format", "json").json["metrics"]
    assert metric["quantity"] == "9"


def test_more_generated_events_only_add(applied: Project) -> None:
    """The first of a greater number are those of a smaller one; repeated later they are no others."""
    for count, now in (("3", NOW), ("6", "2026-11-22T16:00:00Z")):
        applied.ok("emit", *DEMO, "--generate", count, "--verify", now=now)

    assert len(arrived(applied)) == 6


def test_refusal_is_worded_as_one(applied: Project) -> None:
    """A question's mark is the end of its sentence, and repeating alone is no advice for what stays refused."""
    with faults(on_ingest("error", status=403)):
        result = applied.run(*words_for_ultra("--transaction-id", "a"))

    assert "may it make this call? Put that right first. Run it again with --transaction-id a: " in result.err
