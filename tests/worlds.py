"""Random worlds: specs that differ, edits by hand, and faults of the line."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

import metronome
from hypothesis import strategies as st
from support import Project

DATES = ("2025-09-01", "2026-01-01", "2026-11-01", "2026-12-01", "2027-03-01", "2027-06-01")
VALUES = ("a", "b", "c")
PRICES = ("$0.01", "$0.02", "$1", "{tiers: [{size: 10, price: $2}, {price: $1}]}", "{price: $3, entitled: false}")
CUSTOMERS = ("x", "y", "z")


@dataclass(frozen=True)
class World:
    """What a spec declares, in a form that a person can read in a failure."""

    metric: str = "SUM"
    product: str = "Calls"
    tags: tuple[str, ...] = ()
    card: str = "Card"
    prices: tuple[tuple[str, dict[str, str]], ...] = ()
    flat: tuple[tuple[str, str], ...] = ()
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def spec(self, *, all_aliases: bool = False) -> str:
        """The YAML; with all_aliases also customers without an alias declare that they have none."""
        lines = [
            "version: 1",
            "environments: {local: {emulator: true}}",
            "billable_metrics:",
            f"  calls: {{name: Calls, aggregation_type: {self.metric}, aggregation_key: n, group_keys: [[v]],",
            "    property_filters: [{name: v, exists: true}, {name: n, exists: true}]}",
            "products:",
            f"  calls: {{name: {self.product}, type: USAGE, billable_metric: calls, pricing_group_key: [v]"
            + (f", tags: [{', '.join(self.tags)}]" if self.tags else "")
            + "}",
        ]
        if self.flat:
            lines.append("  flat: {name: Flat, type: USAGE, billable_metric: calls}")
        lines += ["rate_cards:", f"  card:\n    name: {self.card}"]
        if self.prices or self.flat:
            lines.append("    rates:")
        if self.prices:
            lines.append("      calls:")
            for date, prices in self.prices:
                inner = ", ".join(f"{value}: {price}" for value, price in prices.items())
                lines.append(f"        - {{starting_at: {date}, prices: {{{inner}}}}}")
        if self.flat:
            lines.append("      flat:")
            lines += [f"        - {{starting_at: {date}, price: {price}}}" for date, price in self.flat]
        if self.customers:
            lines.append("customers:")
        for key, customer in self.customers.items():
            lines += [f"  {key}:", f"    name: {customer['name']}"]
            if customer["aliases"] or all_aliases:
                lines.append(f"    ingest_aliases: [{', '.join(customer['aliases'])}]")
            if customer["contracts"]:
                lines.append("    contracts:")
            for contract, terms in customer["contracts"].items():
                lines.append(f"      {contract}: {{rate_card: card, {terms}}}")
        return "\n".join(lines) + "\n"


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A small valid world; aliases are shared among customers so that they move."""
    dates = draw(st.lists(st.sampled_from(DATES), min_size=0, max_size=3, unique=True).map(sorted))
    prices = tuple((date, draw(st.dictionaries(st.sampled_from(VALUES), st.sampled_from(PRICES), min_size=1))) for date in dates)
    flat_dates = draw(st.lists(st.sampled_from(DATES), max_size=2, unique=True).map(sorted))
    flat = tuple((date, draw(st.sampled_from(PRICES[:3]))) for date in flat_dates)
    keys = draw(st.lists(st.sampled_from(CUSTOMERS), unique=True, max_size=3).map(sorted))
    owners = {alias: draw(st.sampled_from([*keys, None])) for alias in ("p", "q", "r")} if keys else {}
    customers = {}
    for key in keys:
        contracts = {}
        for contract in draw(st.lists(st.sampled_from(("one", "two")), unique=True).map(sorted)):
            start = draw(st.sampled_from(DATES[:3]))
            end = draw(st.sampled_from(("", ", ending_before: 2028-01-01", ", ending_before: 2029-01-01")))
            name = draw(st.sampled_from(("", ", name: N", ", name: M, net_payment_terms_days: 30")))
            contracts[contract] = f"starting_at: {start}{end}{name}"
        aliases = sorted(alias for alias, owner in owners.items() if owner == key)
        customers[key] = {"name": draw(st.sampled_from(("Ann", "Bob"))), "aliases": aliases, "contracts": contracts}
    return World(
        draw(st.sampled_from(("SUM", "MAX"))),
        draw(st.sampled_from(("Calls", "Requests"))),
        tuple(draw(st.lists(st.sampled_from(("t", "u")), unique=True).map(sorted))),
        draw(st.sampled_from(("Card", "List"))),
        prices,
        flat,
        customers,
    )


HAND_EDITS = (
    "rename customer", "add alias", "drop aliases", "move aliases", "archive customer", "archive contract", "archive metric",
    "rename product", "add price", "overwrite price", "end price", "rename card",
)  # fmt: skip


def edit_by_hand(project: Project, what: str, number: int) -> None:
    """Do something in the account that a person could do in the dashboard; nothing where it doesn't apply or is refused."""
    recorded = project.recorded if project.lockfile.exists() else {}

    def chosen(kind: str) -> tuple[str, dict[str, Any]] | None:
        found = sorted((address, entry) for address, entry in recorded.items() if address.startswith(f"{kind}."))
        return found[number % len(found)] if found else None

    with project.account() as account, contextlib.suppress(metronome.BadRequestError, metronome.ConflictError):
        cards = account.v1.contracts.rate_cards
        match what:
            case "rename customer" if one := chosen("customer"):
                account.v1.customers.set_name(customer_id=one[1]["id"], name=f"By Hand {number}")
            case "add alias" if one := chosen("customer"):
                old = account.v1.customers.retrieve(customer_id=one[1]["id"]).data.ingest_aliases
                account.v1.customers.set_ingest_aliases(customer_id=one[1]["id"], ingest_aliases=[*old, f"hand-{number}"])
            case "drop aliases" if one := chosen("customer"):
                account.v1.customers.set_ingest_aliases(customer_id=one[1]["id"], ingest_aliases=[])
            case "move aliases" if one := chosen("customer"):
                others = [entry["id"] for address, entry in recorded.items() if address.startswith("customer.")]
                to = others[(number + 1) % len(others)]
                held = {who: account.v1.customers.retrieve(customer_id=who).data.ingest_aliases for who in (one[1]["id"], to)}
                for who in held:
                    account.v1.customers.set_ingest_aliases(customer_id=who, ingest_aliases=[])
                account.v1.customers.set_ingest_aliases(customer_id=to, ingest_aliases=sorted({*held[to], *held[one[1]["id"]]}))
            case "archive customer" if one := chosen("customer"):
                account.v1.customers.archive(id=one[1]["id"])
            case "archive metric" if one := chosen("billable_metric"):
                account.v1.billable_metrics.archive(id=one[1]["id"])
            case "archive contract" if one := chosen("contract"):
                customer = recorded[f"customer.{one[0].split('.')[1]}"]["id"]
                account.v1.contracts.archive(customer_id=customer, contract_id=one[1]["id"], void_invoices=False)
            case "rename product" if one := chosen("product"):
                at = DATES[number % len(DATES)]
                account.v1.contracts.products.update(product_id=one[1]["id"], starting_at=f"{at}T00:00:00Z", name="By Hand")
            case "add price" | "overwrite price" | "end price" if (one := chosen("product")) and (card := chosen("rate_card")):
                values = {} if one[0] == "product.flat" else {"pricing_group_values": {"v": VALUES[number % 3]}}
                hour = "T00:00:00Z" if what == "overwrite price" else "T05:00:00Z"
                cards.rates.add(
                    rate_card_id=card[1]["id"], product_id=one[1]["id"], rate_type="FLAT", price=700 + number,
                    entitled=what != "end price", starting_at=f"{DATES[number % len(DATES)]}{hour}", **values,
                )  # fmt: skip
            case "rename card" if one := chosen("rate_card"):
                cards.update(rate_card_id=one[1]["id"], name="By Hand")
