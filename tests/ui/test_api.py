"""The calls of the view over the embedded emulator: the flow of the page, as a program would go through it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from serving import served
from support import EXAMPLE, Project
from ui_kit import View, opened

TIERS = ("standard", "high-res", "ultra")


def test_whole_flow(view: View, project: Project) -> None:
    """Pricing, customer, contract, three of each tier: each button does its part, and 3/3/3 come to $0.51."""
    assert set(view.states().values()) == {"absent"}
    assert view.read("/api/status")["pricing"] == "absent"

    view.do("/api/metrics")
    assert [address for address, state in view.states().items() if state == "synced"] == ["billable_metric.image_generation"]
    view.do("/api/pricing")
    assert view.read("/api/status")["pricing"] == "synced"
    assert view.states()["customer.demo"] == "absent"
    view.do("/api/customers", customer="demo")
    assert view.states()["customer.demo"] == "synced"
    assert view.states()["contract.demo.payg"] == "absent"
    view.do("/api/contract", customer="demo")
    assert set(view.states().values()) == {"synced"}
    for tier in TIERS:
        for _ in range(3):
            view.do("/api/generate", tier=tier)

    usage = view.read("/api/usage")
    assert view.groups() == {"standard": ("3", ["$0.06"]), "high-res": ("3", ["$0.15"]), "ultra": ("3", ["$0.30"])}
    assert [group["price"] for group in usage["products"][0]["groups"]] == ["$0.02", "$0.05", "$0.10"]
    assert usage["total"] == ["$0.51"]
    assert [invoice["total"] for invoice in usage["invoices"]] == ["$0.51"]
    assert view.read("/api/status")["plan"]["summary"] == "No changes. The account matches billing.yaml."
    assert len([path for _, path in project.writes() if path not in ("/v1/ingest", "/v1/usage/groups")]) == 6


def test_same_transaction_id_changes_nothing(shop: View) -> None:
    """An event that is sent again counts once."""
    for _ in range(3):
        sent = shop.do("/api/generate", tier="ultra", transaction_id="only-once")

    assert sent["event"]["transaction_id"] == "only-once"
    assert shop.groups()["ultra"] == ("1", ["$0.10"])
    assert shop.read("/api/usage")["total"] == ["$0.10"]


def test_before_anything_is_there_the_groups_are_shown_without_usage(view: View, project: Project) -> None:
    """The page has its shape from the start: tiers in the order of the spec with their prices; nothing is written for it."""
    usage = view.read("/api/usage")

    assert view.groups() == dict.fromkeys(TIERS, ("0", None))
    assert [group["price"] for group in usage["products"][0]["groups"]] == ["$0.02", "$0.05", "$0.10"]
    assert (usage["ready"], usage["total"], usage["invoices"]) == (False, [], [])
    assert sorted(path.name for path in project.folder.iterdir()) in (["billing.yaml"], ["billing.yaml", "requests.log"])


def test_status_tells_environment_account_and_plan(view: View, project: Project) -> None:
    """Where this is, and the plan that the command line prints."""
    status = view.read("/api/status")

    assert status["environment"] == {"name": "local", "protected": False, "emulator": True}
    assert status["account"]["name"] == "Embedded emulator"
    assert status["writable"] is True
    assert status["plan"]["text"].splitlines()[-1] == project.ok("plan").last
    assert [row["address"] for row in status["resources"]][:2] == ["billable_metric.image_generation", "product.image_generation"]


def test_drift_is_shown(shop: View, project: Project) -> None:
    """What somebody changed in the account is drifted; what the spec changed is a change."""
    with project.account() as sdk:
        sdk.v1.customers.set_name(customer_id=project.id("customer.demo"), name="Somebody else")
    project.edit("name: Nova AI Image Generation", "name: Nova AI Pictures")

    states = shop.states()

    assert states["customer.demo"] == "drifted"
    assert states["product.image_generation"] == "changed"
    assert "Somebody else" in shop.read("/api/status")["plan"]["text"]


def test_drift_is_mended_by_its_button(shop: View, project: Project) -> None:
    """Applying the customer puts back what the spec says, and leaves what else is planned alone."""
    with project.account() as sdk:
        sdk.v1.customers.set_name(customer_id=project.id("customer.demo"), name="Somebody else")
    project.edit("name: Nova AI Image Generation", "name: Nova AI Pictures")

    answer = shop.do("/api/customers", customer="demo")

    assert answer["changes"] == [{"address": "customer.demo", "action": "update"}]
    assert shop.states()["customer.demo"] == "synced"
    assert shop.states()["product.image_generation"] == "changed"


def test_what_no_longer_is_declared_is_shown_and_not_removed(shop: View, project: Project) -> None:
    """A button takes nothing away: that is for the command line, which shows it and asks."""
    text = project.spec.read_text(encoding="utf-8")
    project.write(
        text.replace(
            "  payg: {rate_card: standard, starting_at: 2025-09-01}", "  other: {rate_card: standard, starting_at: 2026-09-01}"
        )
    )
    assert shop.states()["contract.demo.payg"] == "leaving"
    project.forget_requests()

    project.write(text.partition("products:")[0])
    error = shop.refused("/api/pricing", 409)

    assert error["code"] == "takes_away"
    assert project.writes() == []


def test_a_guard_stops_a_button(shop: View, project: Project) -> None:
    """A retroactive price is refused with its guard, nothing is sent."""
    project.edit("$0.10}", "$0.12}")
    project.forget_requests()

    error = shop.refused("/api/pricing", 409)

    assert error["code"] == "guard"
    assert [hit["code"] for hit in error["details"]] == ["NV401"]
    assert project.writes() == []


def test_customer_alone_among_others_of_like_names(view: View, project: Project) -> None:
    """However the keys of the others begin or go on, only the one that is named is created."""
    others = ("d", "de", "dem", "demo2", "demo-old", "demos", "dora", "x")
    project.write(EXAMPLE + "".join(f"  {key}: {{name: {key}}}\n" for key in others))

    assert view.do("/api/customers", customer="demo")["changes"] == [{"address": "customer.demo", "action": "create"}]
    assert view.do("/api/customers", customer="de")["changes"] == [{"address": "customer.de", "action": "create"}]


def test_renamed_key_is_still_the_same_customer(shop: View, project: Project) -> None:
    """``moved:`` counts here before the next apply: usage goes on, and nothing looks as if it were to be made anew."""
    shop.do("/api/generate", tier="ultra")
    project.edit("  demo:", "  first:")
    project.edit("exclude: [customer.demo]", "exclude: [customer.first]")
    project.edit("version: 1", "version: 1\nmoved: {customer.demo: customer.first}")

    shop.do("/api/generate", tier="ultra")

    assert shop.groups()["ultra"] == ("2", ["$0.20"])
    assert set(shop.states().values()) == {"synced"}
    assert shop.do("/api/customers", customer="first")["changes"] == []


def test_contract_brings_what_it_needs(view: View, project: Project) -> None:
    """A contract is a targeted apply: everything that it refers to comes with it."""
    view.do("/api/contract")

    assert set(view.states().values()) == {"synced"}
    assert len(project.writes()) == 6


def test_again_is_no_change(shop: View, project: Project) -> None:
    """Every button can be pressed twice."""
    project.forget_requests()

    answers = [shop.do(path) for path in ("/api/metrics", "/api/pricing", "/api/customers", "/api/contract")]

    assert [answer["changes"] for answer in answers] == [[], [], [], []]
    assert project.writes() == []


def test_live_holder_of_the_alias_is_adopted(view: View, project: Project) -> None:
    """A customer that has the alias already is taken over, not made twice; the page says so before."""
    with project.account() as sdk:
        held = sdk.v1.customers.create(name="Nova Demo Customer", ingest_aliases=["jane@nova.com"]).data.id
    status = view.read("/api/status")
    assert view.states()["customer.demo"] == "found"
    assert status["plan"]["adopts"] is True
    assert "--adopt" in status["plan"]["problem_text"]
    project.forget_requests()

    answer = view.do("/api/customers", ingest_alias="jane@nova.com")

    assert answer["changes"] == [{"address": "customer.demo", "action": "adopt"}]
    assert project.id("customer.demo") == held
    assert project.writes() == []


def test_account_over_http(project: Project) -> None:
    """An account behind a host works the same; its token reaches no answer."""
    with served(project.now, token="metronome-secret") as url:
        project.edit("{token_env: METRONOME_SANDBOX_TOKEN}", f"{{token_env: METRONOME_SANDBOX_TOKEN, base_url: '{url}'}}")
        with opened(project, "sandbox", METRONOME_SANDBOX_TOKEN="metronome-secret") as view:
            view.set_up()
            view.do("/api/generate", tier="high-res")

            assert view.groups()["high-res"] == ("1", ["$0.05"])
            assert view.read("/api/status")["account"] == {
                "name": url.removeprefix("http://"), "base_url": url, "token_env": "METRONOME_SANDBOX_TOKEN",
            }  # fmt: skip
            assert all("metronome-secret" not in view.get(path).text for path in ("/", "/api/status", "/api/usage"))


@pytest.mark.parametrize("fields", [{"customer": "demo"}, {"customer": "jane@nova.com"}, {"ingest_alias": "jane@nova.com"}, {}])
def test_customer_is_named_by_key_or_alias(view: View, fields: dict[str, str]) -> None:
    """The key, an alias, or nothing where there is only one."""
    assert view.do("/api/customers", **fields)["changes"] == [{"address": "customer.demo", "action": "create"}]


def test_unknown_customer_gets_the_yaml_to_add(view: View, project: Project) -> None:
    """The answer is the block that declares it; once that stands in the spec, the same call works."""
    error = view.refused("/api/customers", 422, ingest_alias="max.muster@nova.com")
    assert error["yaml"] == (
        "customers:\n  max-muster:\n    name: \"Max Muster\"\n    ingest_aliases: [\"max.muster@nova.com\"]\n"
        "    contracts:\n      payg: {rate_card: standard, starting_at: 2026-11-22}\n"
    )  # fmt: skip

    project.write(EXAMPLE + error["yaml"].partition("\n")[2])

    answer = view.do("/api/customers", ingest_alias="max.muster@nova.com")
    assert answer["changes"] == [{"address": "customer.max-muster", "action": "create"}]
    assert view.states()["customer.demo"] == "absent"


def test_several_customers(view: View, project: Project) -> None:
    """Each has its usage; a call that names none is asked which one."""
    second = "  acme:\n    name: Acme\n    contracts:\n      payg: {rate_card: standard, starting_at: 2026-01-01}\n"
    project.write(EXAMPLE + second)
    assert view.refused("/api/customers", 422)["code"] == "which_customer"
    view.do("/api/contract", customer="acme")
    view.do("/api/contract", customer="demo")

    view.do("/api/generate", tier="ultra", customer="acme")

    assert view.groups(customer="acme")["ultra"] == ("1", ["$0.10"])
    assert view.groups(customer="demo")["ultra"] == ("0", None)
    assert view.get("/api/usage?customer=nobody").status_code == 404


def test_amounts_are_the_invoices(view: View, project: Project) -> None:
    """Graduated prices: what is billed is what the draft invoice says, which no single price times the count gives."""
    project.edit("ultra: $0.10", "ultra: {tiers: [{size: 2, price: $0.10}, {price: $0.01}]}")
    view.set_up()

    for _ in range(3):
        view.do("/api/generate", tier="ultra")

    assert view.groups()["ultra"] == ("3", ["$0.21"])
    assert view.read("/api/usage")["products"][0]["groups"][2]["price"] is None


def test_other_currencies(view: View, project: Project) -> None:
    """Amounts are in the card's currency, with its sign and no fraction lost."""
    text = EXAMPLE.replace("$", "€").replace("€0.02", "€0.000003").replace("    rates:", "    fiat_credit_type: EUR\n    rates:")
    project.write(text)
    view.set_up()

    view.do("/api/generate", tier="standard")
    view.do("/api/generate", tier="ultra")

    assert view.groups()["standard"] == ("1", ["€0.000003"])
    assert view.read("/api/usage")["total"] == ["€0.100003"]


def test_usage_without_a_price_is_counted_and_not_billed(shop: View, project: Project) -> None:
    """A group value that no rate knows is shown, so that one sees what doesn't bill."""
    with project.account() as sdk:
        event = {
            "transaction_id": "x",
            "customer_id": "jane@nova.com",
            "event_type": "image_generation",
            "timestamp": project.now,
        }
        sdk.v1.usage.ingest(usage=[{**event, "properties": {"image_type": "gigantic", "num_images": "2"}}])

    groups = shop.read("/api/usage")["products"][0]["groups"]

    assert [(group["label"], group["quantity"], group["amount"], group["tier"]) for group in groups][3] == (
        "gigantic",
        "2",
        None,
        None,
    )


def test_yesterday_is_not_today(shop: View, project: Project) -> None:
    """Today is the UTC day: usage of the day before stays on the draft invoice and out of the day's sum."""
    with project.account() as sdk:
        event = {
            "customer_id": "jane@nova.com",
            "event_type": "image_generation",
            "properties": {"image_type": "ultra", "num_images": "1"},
        }
        for number, timestamp in enumerate(("2026-11-21T23:59:59Z", "2026-11-22T00:00:00Z")):
            sdk.v1.usage.ingest(usage=[{**event, "transaction_id": str(number), "timestamp": timestamp}])

    usage = shop.read("/api/usage")

    assert usage["day"] == "2026-11-22"
    assert usage["total"] == ["$0.10"]
    assert usage["invoices"][0]["total"] == "$0.20"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 422, "no_tier"),
        ({"tier": "ultr"}, 422, "unknown_tier"),
        ({"tier": "ultra", "transaction_id": "x" * 129}, 422, "bad_field"),
        ({"tier": "ultra", "num_images": "2"}, 422, "unknown_field"),
        ({"tier": "ultra", "customer": "nobody"}, 422, "unknown_customer"),
        ({"tier": "ultra", "product": "other"}, 422, "unknown_tier"),
    ],
)
def test_generate_refuses_what_it_can_not_mean(shop: View, fields: dict[str, str], status: int, code: str) -> None:
    """Every refusal says what to do; nothing is sent."""
    assert shop.refused("/api/generate", status, **fields)["code"] == code
    assert shop.groups() == dict.fromkeys(TIERS, ("0", None))


def test_generate_waits_for_customer_and_metric(view: View) -> None:
    """An event for nobody would be accepted by Metronome and never billed."""
    assert view.refused("/api/generate", 409, tier="ultra")["code"] == "not_created"


def test_writes_at_the_same_time_follow_each_other(view: View, project: Project) -> None:
    """Eight presses at once make everything once, and the other seven find it in place."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: view.do("/api/pricing"), range(8)))

    assert sorted(len(answer["changes"]) for answer in answers) == [0] * 7 + [6]
    assert len(project.writes()) == 4


def test_status_never_shows_a_write_of_this_view_half_done(view: View) -> None:
    """Who looks while another tab sets things up sees before or after, not an interrupted run or a twin of itself."""
    with ThreadPoolExecutor(4) as pool:
        looks = [pool.submit(view.read, "/api/status") for _ in range(3)]
        view.set_up()
        looks += [pool.submit(view.read, "/api/status") for _ in range(3)]
        found = [look.result() for look in looks]

    assert [status["unsettled"] for status in found] == [[]] * 6
    assert [status["plan"]["problem"] for status in found] == [None] * 6


def test_environment_stays_the_one_that_was_opened(view: View, project: Project) -> None:
    """A new default in the spec doesn't take the page elsewhere; an environment that is gone is said to be."""
    project.edit("default_environment: local", "default_environment: sandbox")
    assert view.read("/api/status")["environment"]["name"] == "local"

    project.edit("  local: {emulator: true}", "  other: {emulator: true}")
    answer = view.get("/api/status")

    assert answer.status_code == 422
    assert "local" in answer.json()["error"]["details"][0]["detail"]


def test_customer_that_is_excluded(project: Project) -> None:
    """An environment without the customer says where that is decided, and shows the rest."""
    project.edit("    protected: true ", "    emulator: true ")
    project.edit("    token_env: METRONOME_BEARER_TOKEN ", "    # no token ")
    with opened(project, "production") as view:
        assert view.read("/api/status")["customers"] == []
        assert view.groups() == dict.fromkeys(TIERS, ("0", None))
        error = view.refused("/api/customers", 422, customer="demo")

    assert error["code"] == "excluded"
    assert "billing.yaml:" in error["message"]
