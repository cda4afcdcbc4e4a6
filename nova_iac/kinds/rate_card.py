"""Rate cards: price lists (API facts §7.1). Their rates are a kind of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from nova_iac import moment
from nova_iac.errors import Diagnostic, Severity
from nova_iac.kinds.base import Call, EffectiveAt, FiatId, Field, Kind, Mutability, Task, Wanted
from nova_iac.kinds.block import Block
from nova_iac.kinds.lookup import Declared, Names
from nova_iac.kinds.sighting import Sighting, beyond, whatever
from nova_iac.kinds.wire import get_or_none, read_listed, without_empty
from nova_iac.money import CURRENCIES
from nova_iac.remote import Client, Endpoint
from nova_iac.resource import Action, Address, Attributes, RemoteObject, Value

CREATE = Endpoint("POST", "/v1/contract-pricing/rate-cards/create", "v1.contracts.rate_cards.create")
UPDATE = Endpoint("POST", "/v1/contract-pricing/rate-cards/update", "v1.contracts.rate_cards.update")
ARCHIVE = Endpoint("POST", "/v1/contract-pricing/rate-cards/archive", "v1.contracts.rate_cards.archive")
GET = Endpoint("POST", "/v1/contract-pricing/rate-cards/get", "v1.contracts.rate_cards.retrieve")
LIST = Endpoint("POST", "/v1/contract-pricing/rate-cards/list", "v1.contracts.rate_cards.list", cursor="next_page", limit=100)

DEFAULT_FIAT: Final = "USD"


class RateCard(Kind):
    """A price list in one currency."""

    name = "rate_card"
    section = "rate_cards"
    identity = "all its fields"
    when_archived = "refuse"
    archive_covers = ("rate",)
    ignorable = ("rates",)
    fields = {
        "name": Field(Mutability.UPDATE),
        "description": Field(Mutability.UPDATE, default=""),
        "fiat_credit_type": Field(Mutability.FIXED, default=DEFAULT_FIAT),
        "aliases": Field(Mutability.UPDATE, default=[]),
    }

    def check(self, block: Block, blocks: Mapping[Address, Block]) -> Iterable[Diagnostic]:  # noqa: ARG002
        """An alias ends after it starts."""
        for index, alias in enumerate(block.data.get("aliases", ())):
            start, end = alias.get("starting_at"), alias.get("ending_before")
            if start and end and end <= start:
                yield block.problem(
                    "NV307", "Ends before it starts", f"alias {alias.get('name')!r} ends at {end}, not after {start}.",
                    "aliases", index, "ending_before",
                )  # fmt: skip

    def check_all(self, declared: Declared) -> Iterable[Diagnostic]:
        """No alias means two cards at once (the second would cut the first one's short, §7.1); what is billed has a price."""
        spans: dict[str, list[tuple[str, str, Address, int]]] = {}
        for card in declared.of_kind(self.name):
            for index, alias in enumerate(declared.blocks[card.address].data.get("aliases", ())):
                if "name" in alias:
                    span = (alias.get("starting_at", ""), alias.get("ending_before", "~"), card.address, index)
                    spans.setdefault(alias["name"], []).append(span)
        for name, held in spans.items():
            held.sort()
            for (_, end, first, _), (start, _, second, index) in pairwise(held):
                if start < end:
                    yield declared.blocks[second].problem(
                        "NV308", "Alias held twice",
                        f"alias {name!r} means {first} and {second} at once: give the first an ending_before, "
                        "or the second a starting_at after it.", "aliases", index, "name",
                    )  # fmt: skip
        yield from self._check_unpriced(declared)

    def _check_unpriced(self, declared: Declared) -> Iterable[Diagnostic]:
        if not declared.of_kind(self.name):
            return
        priced = {rate.address.keys[1] for rate in declared.of_kind("rate")}
        for product in declared.of_kind("product"):
            if product.attributes.get("type") in ("USAGE", "COMPOSITE") and product.address.keys[0] not in priced:
                yield declared.blocks[product.address].problem(
                    "NV309", "Product without a price", f"no rate card prices {product.address}: its usage is not billed.",
                    severity=Severity.WARNING,
                )  # fmt: skip

    def calls(self, tasks: Sequence[Task]) -> Iterable[Call]:
        """One call each."""
        for task in tasks:
            match task.action:
                case Action.CREATE:
                    sets = {task.address: tuple(task.desired)}
                    yield Call(CREATE, _to_wire(task.desired), (task.address, *task.covered), task.address, sets)
                case Action.ARCHIVE:
                    yield Call(ARCHIVE, {"id": task.id}, (task.address, *task.children))
                case _:
                    changed = {name: task.after[name] for name in task.changed}
                    params = {"rate_card_id": task.id, **_to_wire(changed)}
                    yield Call(UPDATE, params, (task.address,), sets={task.address: task.changed})

    def read(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, RemoteObject]:  # noqa: ARG002
        """One list; what it lacks is asked for singly, because it need not show archived cards (§7.1)."""
        rows = read_listed(
            wanted,
            client.pages(LIST, {}),
            lambda id_: get_or_none(client, GET, {"id": id_}),
            client,
            complete=False,
        )
        return {item.address: self._object(rows[item.id]) for item in wanted if item.id in rows}

    def find(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, Sequence[RemoteObject]]:  # noqa: ARG002
        """Live cards of the same name."""
        by_name: dict[str, list[RemoteObject]] = {}
        for row in client.rows(LIST, {}):
            if not row.get("archived_at"):
                by_name.setdefault(row["name"], []).append(self._object(row))
        return {item.address: by_name.get((item.desired or {}).get("name", ""), ()) for item in wanted}

    def survey(self, client: Client, parents: Sequence[str], now: str) -> Iterable[Sighting]:  # noqa: ARG002
        """The list may show archived cards (§7.1); they are left out here."""
        for row in client.rows(LIST, {}):
            if not row.get("archived_at"):
                yield Sighting(row["id"], None, whatever(self._object(row)), beyond(row, self.fields))

    def _object(self, row: Mapping[str, Any]) -> RemoteObject:
        found: dict[str, Value] = {"name": row["name"], "fiat_credit_type": currency(row.get("fiat_credit_type"))}
        if row.get("description"):
            found["description"] = row["description"]
        if row.get("aliases"):
            found["aliases"] = [
                {name: value if name == "name" else moment.canonical(value) for name, value in without_empty(alias).items()}
                for alias in row["aliases"]
            ]
        return RemoteObject(row["id"], self.canonical(found), bool(row.get("archived_at")), row["name"])

    def project(self, field_name: str, live: Value, declared: Value, recorded: Value) -> Value:  # noqa: ARG002
        """An alias without dates is written without them, whatever dates Metronome shows for it."""
        if field_name != "aliases" or not isinstance(live, list):
            return live
        undated = {alias["name"] for alias in declared or () if "starting_at" not in alias}
        seen = [{k: v for k, v in alias.items() if k != "starting_at" or alias["name"] not in undated} for alias in live]
        return self.canonical({"aliases": seen})["aliases"]


def currency(credit_type: Attributes | None) -> str:
    """The ISO code of a fiat credit type ("USD (cents)" is USD), the name of any other; its absence means USD (§3.8)."""
    if not credit_type:
        return DEFAULT_FIAT
    name = str(credit_type["name"])
    first = name.partition(" ")[0]
    return first if first in CURRENCIES else name


def _to_wire(attributes: Attributes) -> dict[str, Value]:
    params: dict[str, Value] = {}
    for name, value in attributes.items():
        if name == "fiat_credit_type":
            if value != DEFAULT_FIAT:
                params["fiat_credit_type_id"] = FiatId(value)
        elif name == "aliases":
            params[name] = [
                {part: text if part == "name" else EffectiveAt(text) for part, text in alias.items()} for alias in value
            ]
        else:
            params[name] = value
    return params
