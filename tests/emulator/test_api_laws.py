"""Laws that hold for any sequence of legal calls (issue 4): hypothesis plays the account against a small model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from emulator_kit import Hand, emulator, raw
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule, run_state_machine_as_test

ALIASES = st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True, max_size=3)
KEYS = st.sampled_from(["k1", "k2", "k3"])
STARTS = st.sampled_from(["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-06-01T00:00:00Z"])
LISTS = {
    "billable_metric": ("GET", "/v1/billable-metrics", {"include_archived": "true"}, None),
    "product": ("POST", "/v1/contract-pricing/products/list", {}, {"archive_filter": "ALL"}),
    "rate_card": ("POST", "/v1/contract-pricing/rate-cards/list", {}, {}),
}


@dataclass
class Customer:
    aliases: list[str]
    archived: bool = False


@dataclass
class Contract:
    customer: str
    card: str
    archived: bool = False


@dataclass
class Account:
    """What should be there."""

    customers: dict[str, Customer] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    objects: dict[str, dict[str, bool]] = field(default_factory=lambda: {kind: {} for kind in LISTS})
    """Kind → id → whether it is archived."""
    burnt: set[str] = field(default_factory=set)
    answered: dict[str, tuple[Any, bytes]] = field(default_factory=dict)

    def holder(self, alias: str) -> str | None:
        return next((id for id, each in self.customers.items() if alias in each.aliases), None)


class Laws(RuleBasedStateMachine):
    """Each rule makes a call, says what the answer must be, and notes what it changed."""

    customers: Bundle[str] = Bundle("customers")
    contracts: Bundle[str] = Bundle("contracts")
    metrics: Bundle[str] = Bundle("metrics")
    products: Bundle[str] = Bundle("products")
    cards: Bundle[str] = Bundle("cards")

    @initialize()
    def open(self) -> None:
        self.account = Account()
        self.running = emulator(clock=Hand())
        self.http = raw(self.running.__enter__())

    def teardown(self) -> None:
        if hasattr(self, "http"):
            self.http.close()
            self.running.__exit__(None, None, None)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.http.post(path, json=body, headers=headers)

    def made(self, answer: httpx.Response) -> str:
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["id"])

    @rule(target=customers, aliases=ALIASES)
    def create_customer(self, aliases: list[str]) -> str:
        answer = self.post("/v1/customers", {"name": "c", "ingest_aliases": aliases})
        if any(self.account.holder(alias) for alias in aliases):
            assert answer.status_code == 409
            return ""
        id = self.made(answer)
        self.account.customers[id] = Customer(aliases)
        return id

    @rule(id=customers, aliases=ALIASES)
    def set_aliases(self, id: str, aliases: list[str]) -> None:
        if not id:
            return
        answer = self.post(f"/v1/customers/{id}/setIngestAliases", {"ingest_aliases": aliases})
        if any(self.account.holder(alias) not in (None, id) for alias in aliases):
            assert answer.status_code == 409
        else:
            assert answer.status_code == 200
            self.account.customers[id].aliases = aliases

    @rule(id=customers)
    def archive_customer(self, id: str) -> None:
        if not id:
            return
        answer = self.post("/v1/customers/archive", {"id": id})
        assert answer.status_code == (400 if self.account.customers[id].archived else 200)
        self.account.customers[id].archived = True
        for contract in self.account.contracts.values():
            contract.archived |= contract.customer == id

    @rule(target=metrics)
    def create_metric(self) -> str:
        id = self.made(self.post("/v1/billable-metrics/create", {"name": "m", "aggregation_type": "COUNT"}))
        self.account.objects["billable_metric"][id] = False
        return id

    @rule(target=products, metric=metrics)
    def create_product(self, metric: str) -> str:
        answer = self.post("/v1/contract-pricing/products/create", {"name": "p", "type": "USAGE", "billable_metric_id": metric})
        if self.account.objects["billable_metric"][metric]:
            assert answer.status_code == 400
            return ""
        id = self.made(answer)
        self.account.objects["product"][id] = False
        return id

    @rule(target=cards)
    def create_card(self) -> str:
        id = self.made(self.post("/v1/contract-pricing/rate-cards/create", {"name": "r"}))
        self.account.objects["rate_card"][id] = False
        return id

    @rule(card=cards, product=products, start=STARTS, price=st.integers(0, 9))
    def add_rate(self, card: str, product: str, start: str, price: int) -> None:
        if not product:
            return
        rate = {"product_id": product, "starting_at": start, "entitled": True, "rate_type": "FLAT", "price": price}
        answer = self.post("/v1/contract-pricing/rate-cards/addRate", rate | {"rate_card_id": card})
        assert answer.status_code == (400 if self.account.objects["product"][product] else 200)
        if answer.status_code == 200:
            body = {"rate_card_id": card, "at": start, "selectors": [{"product_id": product}]}
            [row] = self.post("/v1/contract-pricing/rate-cards/getRates", body).json()["data"]
            assert row["rate"]["price"] == price

    @rule(metric=consumes(metrics))
    def archive_metric(self, metric: str) -> None:
        self.archive("billable_metric", "/v1/billable-metrics/archive", {"id": metric}, metric)

    @rule(product=products)
    def archive_product(self, product: str) -> None:
        if product:
            self.archive("product", "/v1/contract-pricing/products/archive", {"product_id": product}, product)

    @rule(card=cards)
    def archive_card(self, card: str) -> None:
        self.archive("rate_card", "/v1/contract-pricing/rate-cards/archive", {"id": card}, card)

    def archive(self, kind: str, path: str, body: Any, id: str) -> None:
        answer = self.post(path, body)
        assert answer.status_code == (400 if self.account.objects[kind][id] else 200)
        self.account.objects[kind][id] = True

    @rule(target=contracts, customer=customers, card=cards, start=STARTS, key=st.none() | KEYS)
    def create_contract(self, customer: str, card: str, start: str, key: str | None) -> str:
        if not customer:
            return ""
        body = {"customer_id": customer, "rate_card_id": card, "starting_at": start} | ({"uniqueness_key": key} if key else {})
        answer = self.post("/v1/contracts/create", body)
        if key in self.account.burnt:
            assert answer.status_code == 409
            return ""
        if self.account.customers[customer].archived or self.account.objects["rate_card"][card]:
            assert answer.status_code == 400
            return ""
        id = self.made(answer)
        self.account.burnt |= {key} if key else set()
        self.account.contracts[id] = Contract(customer, card)
        return id

    @rule(contract=contracts)
    def archive_contract(self, contract: str) -> None:
        if not contract:
            return
        model = self.account.contracts[contract]
        body = {"customer_id": model.customer, "contract_id": contract, "void_invoices": False}
        assert self.post("/v1/contracts/archive", body).status_code == (400 if model.archived else 200)
        model.archived = True

    @rule(contract=contracts, name=st.none() | st.text(max_size=5))
    def edit_contract(self, contract: str, name: str | None) -> None:
        if not contract:
            return
        model = self.account.contracts[contract]
        ids = {"customer_id": model.customer, "contract_id": contract}
        answer = self.post("/v2/contracts/edit", ids | {"update_contract_name": name})
        assert answer.status_code == (400 if model.archived else 200)
        if not model.archived:
            assert self.post("/v2/contracts/get", ids).json()["data"].get("name") == name

    @rule(target=metrics, key=KEYS, name=st.sampled_from(["x", "y"]))
    def create_under_a_key(self, key: str, name: str) -> str:
        body = {"name": name, "aggregation_type": "COUNT"}
        answer = self.post("/v1/billable-metrics/create", body, **{"Idempotency-Key": key})
        before = self.account.answered.get(key)
        if before is None:
            id = self.made(answer)
            self.account.answered[key] = (body, answer.content)
            self.account.objects["billable_metric"][id] = False
            return id
        if before[0] == body:
            assert answer.content == before[1]
        else:
            assert answer.status_code == 409
        id = httpx.Response(200, content=before[1]).json()["data"]["id"]
        return str(id)

    def pages(self, method: str, path: str, query: dict[str, str], body: Any, cursor: str = "next_page") -> list[Any]:
        rows, following = [], None
        while True:
            paged = {"limit": "2"} | ({cursor: following} if following else {})
            if cursor == "cursor":
                answer = self.http.request(method, path, json=body | paged | {"limit": 2}).json()
            else:
                answer = self.http.request(method, path, params=query | paged, json=body).json()
            rows += answer["data"]
            following = answer[cursor]
            if following is None:
                return rows

    @invariant()
    def lists_page_to_exactly_what_there_is(self) -> None:
        if not hasattr(self, "account"):
            return
        for kind, (method, path, query, body) in LISTS.items():
            rows = self.pages(method, path, query, body)
            assert {row["id"]: "archived_at" in row for row in rows} == self.account.objects[kind]
            assert len(rows) == len(self.account.objects[kind])
        for archived in (False, True):
            rows = self.pages("GET", "/v1/customers", {"only_archived": str(archived).lower()}, None)
            expected = {id: each.aliases for id, each in self.account.customers.items() if each.archived is archived}
            assert {row["id"]: row["ingest_aliases"] for row in rows} == expected

    @invariant()
    def contracts_are_their_customers(self) -> None:
        if not hasattr(self, "account"):
            return
        for customer in self.account.customers:
            rows = self.pages("POST", "/v2/contracts/list", {}, {"customer_id": customer, "include_archived": True}, "cursor")
            mine = {id: each for id, each in self.account.contracts.items() if each.customer == customer}
            assert {row["id"]: (row["rate_card_id"], "archived_at" in row) for row in rows} == {
                id: (each.card, each.archived) for id, each in mine.items()
            }

    @invariant()
    def every_id_is_readable(self) -> None:
        if not hasattr(self, "account"):
            return
        for id in self.account.objects["billable_metric"]:
            assert self.http.get(f"/v1/billable-metrics/{id}").status_code == 200
        for id in self.account.objects["product"]:
            assert self.post("/v1/contract-pricing/products/get", {"id": id}).status_code == 200


QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def test_any_sequence_of_legal_calls() -> None:
    """An id is readable, lists page to exactly the set, archives hold, an alias has one owner, keys make one object."""
    run_state_machine_as_test(
        Laws, settings=settings(max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=QUIET)
    )


@pytest.mark.long
def test_any_long_sequence_of_legal_calls() -> None:
    """The same, at length."""
    run_state_machine_as_test(
        Laws, settings=settings(max_examples=120, stateful_step_count=50, deadline=None, suppress_health_check=QUIET)
    )
