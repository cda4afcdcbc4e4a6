"""``pull``: accounts that others set up come under code, and a plan of the result is empty."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
import yaml
from accounts import Hand
from adoption_kit import HEAD, by_hand, everything, is_empty, project_of, yaml_files
from support import EXAMPLE, Project

from nova_iac import moment
from nova_iac.adopt.keys import assign_keys
from nova_iac.adopt.pull import read_account
from nova_iac.emulator import Emulator
from nova_iac.kinds import KINDS
from nova_iac.remote import Client
from nova_iac.state.mutex import Mutex

ACCOUNTS = ("small", "studio", "tangled", "beyond", "large")


@pytest.mark.parametrize("name", ACCOUNTS)
def test_pulled_account_needs_no_change(name: str, tmp_path: Path) -> None:
    """After a pull the plan is empty, nothing has drifted, nothing was sent, and the files are in their canonical layout."""
    project = project_of(name, tmp_path)

    project.ok("pull")

    assert is_empty(project)
    assert project.writes() == []
    assert project.run("drift").code == 0
    assert project.ok("fmt", "--check", "-f", "billing.yaml").out == ""
    assert project.apply().last == "No changes. The account matches billing.yaml."
    assert project.writes() == []


@pytest.mark.parametrize("name", ["small", "studio", "tangled"])
def test_pulled_again_after_destroy_and_apply(name: str, tmp_path: Path) -> None:
    """pull, destroy, apply, pull: new objects with other ids in another order, and the same YAML to the byte."""
    first = project_of(name, tmp_path / "first")
    first.ok("pull")
    first.ok("destroy", "--yes")
    first.apply()

    (tmp_path / "second").mkdir()
    second = Project(tmp_path / "second", HEAD)
    shutil.copytree(first.folder / ".nova", second.folder / ".nova")
    second.ok("pull")

    assert yaml_files(second) == yaml_files(first)
    assert is_empty(second)
    assert {entry["id"] for entry in second.recorded.values()} == {entry["id"] for entry in first.recorded.values()}


def test_every_form_is_written_as_a_person_would(tmp_path: Path) -> None:
    """All kinds of products and prices, namesakes, future prices, two group keys: exactly this text."""
    project = project_of("studio", tmp_path)

    out = project.ok("pull").out

    assert project.spec.read_text() == (Path(__file__).parent / "studio.yaml").read_text()
    assert "product.api_calls_v2: that an update comes on 2027-03-01 00:00 UTC" in out


def test_another_yaml_reader_reads_the_same(tmp_path: Path) -> None:
    """Text stays text in a reader of YAML 1.1, too: keys and names that look like booleans are quoted."""
    project = project_of("studio", tmp_path)
    project.ok("pull")

    read = yaml.safe_load(project.spec.read_text())

    assert read["customers"]["no"] == {"name": "No", "ingest_aliases": ["no-such-thing"]}
    assert read["customers"]["acme_corp"]["salesforce_account_id"] == "0015500001WO1ZiABL"
    assert read["billable_metrics"]["active_users"]["sql"].startswith("SELECT COUNT(DISTINCT properties.user) AS value\nFROM")


def test_what_a_spec_cant_say_is_told(tmp_path: Path) -> None:
    """Custom fields, credits, archived parts, unfit group keys, earlier filters: each is named, none stops the rest."""
    project = project_of("beyond", tmp_path)

    out = " ".join(project.ok("pull").out.split())

    managed, _, left_out = out.partition("Left out (5):")
    assert managed.startswith(
        "Pulled 11 resources of local: 2 billable metrics, 2 products, 2 rate cards, 1 rate, 1 customer, 3 contracts."
    )
    assert "Not managed, because a spec can't say it yet (4):" in managed
    for words in (
        "contract.acme.filtered: its usage filter until 2026-10-01 00:00 UTC",
        "contract.acme.old_deal: its rate_card, for the rate card",
        "customer.acme: custom fields (crm)",
        "rate_card.in_credits: 1 credit type conversion",
    ):
        assert words in managed
    for words in (
        "product.legacy: a USAGE product needs billable_metric: without one it never bills; its billable_metric, for",
        "product.no_compound_key: pricing and presentation group keys together must be one group key",
        "rate.in_credits.paid_in_credits[region=eu]: prices in Cloud Credits: a spec has no words for them",
        "rate.standard.api[region=mars]: the metric's filter on region excludes 'mars'",
        "rate_card.standard: its rates of Gone",
        "Can't be read back, so not written: product.sql_breakdown_granularity, customer.leave_stripe_invoices_in_draft",
    ):
        assert words in left_out


def test_long_specs_are_split(tmp_path: Path) -> None:
    """Beyond a size, sections go into files of their own, parents with their children one a file; the rest stays together."""
    project = project_of("large", tmp_path)

    out = project.ok("pull").out

    files = yaml_files(project)
    assert "Pulled 535 resources" in out
    assert files["billing.yaml"].endswith(
        "include: [billable_metrics.yaml, products.yaml, rate_cards/*.yaml, customers/*.yaml]\n"
    )
    assert len([name for name in files if name.startswith("customers/")]) == 130
    assert "gone" not in "".join(files.values())
    assert files["customers/customer_3_2.yaml"] == (
        "customers:\n  customer_3_2:\n    name: Customer 3\n    ingest_aliases: [customer-3]\n    contracts:\n"
        "      card_0: {rate_card: card_0, starting_at: 2026-04-01}\n"
    )


def test_calls_are_lists_only(tmp_path: Path) -> None:
    """One list a kind, one schedule a card, one list of contracts a customer; nothing is read one by one."""
    project = project_of("small", tmp_path)
    project.ok("pull")

    assert sorted(request["path"].rpartition("/")[2] for request in project.requests()) == sorted(
        ["billable-metrics", "list", "list", "getRateSchedule", "customers", "list"]
    )


@pytest.mark.parametrize("seed", range(4))
def test_keys_dont_depend_on_the_order_of_lists(seed: int, tmp_path: Path) -> None:
    """Lists in any order give the same keys to objects that can be told apart, and interchangeable keys to others."""
    project = project_of("tangled", tmp_path)
    shuffle = random.Random(seed).shuffle
    app = Emulator(project.database, clock=lambda: moment.parse(project.now))
    with Client(base_url="http://emulator", token="t", app=app) as client:
        seen = read_account(client, KINDS, project.now, lambda *_: None)
    app.close()

    def contents() -> str:
        keyed = assign_keys(seen, KINDS)
        return json.dumps({a: [one[1].attributes, one[1].name] for a, one in sorted(keyed.objects.items())}, sort_keys=True)

    before = contents()
    for sightings in seen.values():
        shuffle(sightings)

    assert contents() == before


def test_out_writes_a_spec_of_its_own(applied: Project) -> None:
    """--out leaves spec and lockfile alone and writes another spec with its own lockfile, environments included."""
    before = {path: text for path, text in everything(applied).items() if ".nova" not in path}

    result = applied.ok("pull", "--out", "pulled.yaml")

    assert result.out.startswith("Pulled 8 resources of local")
    assert {path: text for path, text in everything(applied).items() if path in before} == before
    pulled = (applied.folder / "pulled.yaml").read_text()
    assert pulled.startswith(
        "# yaml-language-server: $schema=schemas/billing.schema.json\nversion: 1\ndefault_environment: local\n"
    )
    assert "  production: {token_env: METRONOME_BEARER_TOKEN, protected: true}\n" in pulled
    assert applied.ok("plan", "-f", "pulled.yaml").last == "No changes. The account matches pulled.yaml."
    assert applied.ok("fmt", "--check", "-f", "pulled.yaml").out == ""


def test_out_says_what_it_leaves_of_the_environments(applied: Project) -> None:
    """set and exclude name resources of the other spec: they are not taken over, and that is told."""
    applied.edit("sandbox: {", "sandbox: {exclude: [customer.demo], ")

    told = " ".join(applied.ok("pull", "--out", "pulled.yaml").out.split())

    words = "Not taken over from billing.yaml: the set of production and the exclude of sandbox, production, which name its"
    assert words in told
    assert "exclude" not in (applied.folder / "pulled.yaml").read_text()


def test_out_with_nothing_left_has_nothing_to_tell(tmp_path: Path) -> None:
    """Environments that only say where they are come along whole."""
    assert "Not taken over" not in project_of("small", tmp_path).ok("pull", "--out", "pulled.yaml").out


def test_out_in_a_folder_that_isnt_there(applied: Project) -> None:
    """The folder is named, nothing is read or written."""
    applied.forget_requests()
    before = everything(applied)

    refused = applied.run("pull", "--out", "new/pulled.yaml")

    assert refused.code == 1
    assert "new/pulled.yaml can't be written: there is no folder new." in refused.err
    assert applied.requests() == []
    assert everything(applied) == before


def test_nothing_that_is_there_is_overwritten(project: Project) -> None:
    """A spec with resources, an existing --out, a lockfile with entries: refused, and every byte stays."""
    project.apply()
    (project.folder / "other.yaml").write_text(HEAD)
    before = everything(project)

    spec = project.run("pull")
    out = project.run("pull", "--out", "other.yaml")
    project.edit(EXAMPLE, HEAD)
    lockfile = project.run("pull")
    project.write(EXAMPLE)

    assert (spec.code, out.code, lockfile.code) == (1, 1, 1)
    assert "billing.yaml has billable_metrics, products, rate_cards, customers already" in spec.err
    assert "other.yaml is there already" in out.err
    assert "records 8 resources already" in lockfile.err
    assert everything(project) == before


def test_include_files_in_the_way_are_left_alone(tmp_path: Path) -> None:
    """A file where one would be written, or in a folder that would be included: refused, nothing is written."""
    project = project_of("large", tmp_path)
    (tmp_path / "customers").mkdir()
    (tmp_path / "customers" / "own.yaml").write_text("customers: {}\n")
    before = everything(project)

    refused = project.run("pull")

    assert refused.code == 1
    assert "customers/own.yaml is there already" in refused.err
    assert everything(project) == before


def test_a_folder_that_cant_be_made_leaves_nothing(tmp_path: Path) -> None:
    """Where a file can't be written, the ones before it are taken back, and nothing is recorded."""
    project = project_of("large", tmp_path)
    (tmp_path / "rate_cards").write_text("in the way")
    before = everything(project)

    refused = project.run("pull")

    assert refused.code == 1
    assert "nothing was pulled" in refused.err
    assert everything(project) == before


def test_an_empty_account_changes_nothing(tmp_path: Path) -> None:
    """With nothing to pull, spec and lockfile stay as they are."""
    project = Project(tmp_path, HEAD)

    assert project.ok("pull").out == "There is nothing in environment local to pull.\n"
    assert project.spec.read_text() == HEAD
    assert not project.lockfile.exists()


def test_specs_that_nothing_can_be_added_to_are_told(tmp_path: Path) -> None:
    """A spec in braces keeps its text; --out is the way."""
    project = project_of("small", tmp_path)
    project.write("{version: 1, environments: {local: {emulator: true}}}\n")

    assert "give --out FILE" in project.run("pull").err
    assert project.ok("pull", "--out", "new.yaml").out.startswith("Pulled 8")


def test_comments_of_the_spec_stay(tmp_path: Path) -> None:
    """What stands in the spec stands there afterwards, resources behind it; a lockfile without entries keeps its lineage."""
    project = project_of("small", tmp_path)
    head = "# ours\nversion: 1\nenvironments:\n  local: {emulator: true}   # here\n# the end"
    project.write(head)
    project.lockfile.write_text(
        json.dumps({
            "format_version": "1.0", "lineage": "0b9a4a5e-3d66-4a7e-9d3c-0c4c6f3a1c11", "serial": 4, "environment": "local",
            "account": {"base_url": "http://emulator"}, "resources": {},
        })
    )  # fmt: skip

    project.ok("pull")

    lockfile = json.loads(project.lockfile.read_text())
    assert project.spec.read_text().startswith(f"{head}\n\nbillable_metrics:\n")
    assert (lockfile["lineage"], lockfile["serial"]) == ("0b9a4a5e-3d66-4a7e-9d3c-0c4c6f3a1c11", 5)
    assert lockfile["resources"]["rate_card.nova_image_generation_pricing"]["in_use"] is True


def test_a_pulled_card_is_in_use(tmp_path: Path) -> None:
    """Editing a past price of a pulled card is retroactive: NV401 stops it."""
    project = project_of("small", tmp_path)
    project.ok("pull")
    project.edit("ultra: $0.10", "ultra: $0.20")

    refused = project.run("apply", "--yes")

    assert refused.code == 4
    assert "NV401" in refused.out


def test_a_pull_holds_the_lock(tmp_path: Path) -> None:
    """While another run holds the lock, nothing is pulled: exit 5."""
    project = project_of("small", tmp_path)

    with Mutex(tmp_path / ".billing.local.lock", "apply", moment.parse(project.now)):
        held = project.run("pull")

    assert held.code == 5
    assert project.spec.read_text() == HEAD


def test_names_without_letters_get_keys(tmp_path: Path) -> None:
    """A name of other letters gives way to an alias, then to the kind's name; long ones are cut at a word."""

    def make(hand: Hand) -> None:
        hand.customer("株式会社", "kaisha")
        hand.customer("Ωμέγα")
        hand.customer("Ψ")
        hand.customer("A very long name of a company that nobody would ever want to type into a terminal, Ltd.")
        hand.customer("Ümläut & Straße GmbH")

    project = by_hand(tmp_path, make)
    project.ok("pull")

    assert sorted(project.recorded) == [
        "customer.a_very_long_name_of_a_company_that_nobody_would",
        "customer.customer",
        "customer.customer_2",
        "customer.kaisha",
        "customer.umlaut_strasse_gmbh",
    ]
    assert is_empty(project)


def test_prices_of_too_many_digits_are_left_out(tmp_path: Path) -> None:
    """A price that no JSON number carries unchanged can't be declared: it is told, the others come along."""

    def make(hand: Hand) -> None:
        card, metric = hand.card("Card"), hand.metric("Calls")
        hand.rate(card, hand.product("Exact", metric), 1.25)
        hand.rate(card, hand.product("Third", metric), 0.3333333333333333)

    project = by_hand(tmp_path, make)

    out = " ".join(project.ok("pull").out.split())

    assert "rate.card.third: $0.003333333333333333 has more than 15 significant digits" in out
    assert [address for address in project.recorded if address.startswith("rate.")] == ["rate.card.exact"]
    assert is_empty(project)
