"""Rates: the price timeline of one product on one card, per combination of group values and billing frequency.

They have no id, no update and no delete (API facts §7.2): segments are added, a hundred a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from nova_iac import moment
from nova_iac.errors import Diagnostic
from nova_iac.kinds.base import Call, EffectiveAt, FiatId, Field, Kind, Mutability, Task, Wanted
from nova_iac.kinds.block import Block
from nova_iac.kinds.lookup import Names
from nova_iac.kinds.rate_card import DEFAULT_FIAT, currency
from nova_iac.kinds.rate_entries import expand_entries
from nova_iac.kinds.rate_writing import write_entries
from nova_iac.kinds.sighting import Sighting, whatever
from nova_iac.kinds.wire import chunks, rows_or_none
from nova_iac.money import CURRENCIES, Money, plain
from nova_iac.remote import Client, Endpoint
from nova_iac.resource import Address, Ref, RemoteObject, Resource, Value
from nova_iac.timeline import Post

ADD = Endpoint("POST", "/v1/contract-pricing/rate-cards/addRates", "v1.contracts.rate_cards.rates.add_many")
SCHEDULE = Endpoint(
    "POST",
    "/v1/contract-pricing/rate-cards/getRateSchedule",
    "v1.contracts.rate_cards.retrieve_rate_schedule",
    cursor="next_page",
    limit=100,
)

RATES_A_CALL: Final = 100
FREQUENCY: Final = "billing_frequency"
_SENT: Final = ("FLAT", "TIERED", "PERCENTAGE", "TIERED_PERCENTAGE")
_BEGINNING: Final = "2000-01-01T00:00:00Z"
"""Before any price in any account."""


class Rate(Kind):
    """The timeline of one price."""

    name = "rate"
    section = "rates"
    parent = "rate_card"
    identity = "card, product, group values and billing frequency"
    archivable = False
    adopted_by = "identity"
    fields = {"entries": Field(Mutability.APPEND, default=[])}

    def canonical(self, attributes: Mapping[str, Value]) -> dict[str, Value]:
        """Entries are brought to their form when they are expanded or read."""
        return dict(attributes)

    def references(self, attributes: Mapping[str, Value]) -> list[Address]:  # noqa: ARG002
        """A rate's references are in its address."""
        return []

    def reference_fields(self, attributes: Mapping[str, Value], address: Address) -> tuple[str, ...]:  # noqa: ARG002
        """A rate is never moved to another product."""
        return ()

    def expand(self, block: Block, blocks: Mapping[Address, Block]) -> tuple[list[Resource], list[Diagnostic]]:
        """One resource per combination of group values and frequency that the entries name."""
        card, product = block.address.keys
        timelines, problems = expand_entries(block, blocks)
        depends = (Address.of("rate_card", card), Address.of("product", product))
        lifecycle = blocks[depends[0]].lifecycle if depends[0] in blocks else block.lifecycle
        resources = [
            Resource(address, {"entries": entries}, location, lifecycle, depends)
            for address, (entries, location) in timelines.items()
        ]
        if depends[1] not in blocks and not resources:
            # Without its product nothing can be said of a price, but the reference to it is there to be found wrong.
            resources = [Resource(block.address, {"entries": []}, block.location, lifecycle, depends)]
        return resources, problems

    def unsound(self, attributes: Mapping[str, Value]) -> str | None:
        """Entries with their starts, and nothing else."""
        entries = attributes.get("entries")
        whole = isinstance(entries, list) and all(
            isinstance(one, dict) and isinstance(one.get("starting_at"), str) for one in entries
        )
        return None if whole and set(attributes) == {"entries"} else "attributes that are no price timeline"

    def renamed(self, address: Address, old: Address, new: Address) -> Address | None:
        """A rate is named after its card and its product."""
        if old.kind == "product" and address.keys[1] == old.keys[0]:
            return Address.of(self.name, address.keys[0], new.keys[0], selector=address.selector)
        return super().renamed(address, old, new)

    def calls(self, tasks: Sequence[Task]) -> Iterable[Call]:
        """All segments of a card, at most a hundred a call. A timeline is in place once its last segment is."""
        by_card: dict[str, list[tuple[Task, Post]]] = {}
        for task in tasks:
            for post in task.posts:
                by_card.setdefault(task.address.keys[0], []).append((task, post))
        for card, rows in sorted(by_card.items()):
            last = {task.address: post for task, post in rows}
            for batch in chunks(rows, RATES_A_CALL):
                covers = tuple(dict.fromkeys(task.address for task, _ in batch))
                rates = [_row(task.address, post) for task, post in batch]
                params = {"rate_card_id": Ref(Address.of("rate_card", card)), "rates": rates}
                whole = [task.address for task, post in batch if last[task.address] is post]
                yield Call(ADD, params, covers, sets=dict.fromkeys(whole, ("entries",)))

    def read(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, RemoteObject]:
        """One schedule per card: whole where a price ends, else from just before its first entry, to see what held before."""
        by_card: dict[str, list[Wanted]] = {}
        for item in wanted:
            if names.id(Address.of("rate_card", item.address.keys[0])):
                by_card.setdefault(item.address.keys[0], []).append(item)

        def read_one(card: str) -> dict[Address, RemoteObject]:
            items = by_card[card]
            since = _BEGINNING
            if all(item.desired for item in items):
                first = min(entry["starting_at"] for item in items for entry in _entries(item))
                since = max(since, moment.text(moment.parse(first) - timedelta(hours=1)))
            live = self.schedule(client, names, card, since)
            if live is None:
                return {}
            return {item.address: RemoteObject(None, {"entries": live.get(item.address, [])}) for item in items}

        found = client.map(read_one, by_card)
        return {address: remote for part in found for address, remote in part.items()}

    def reads(self, wanted: Sequence[Wanted]) -> int:
        """One schedule per card, a hundred segments a page."""
        return len({item.address.keys[0] for item in wanted}) + len(wanted) // RATES_A_CALL

    def schedule(self, client: Client, names: Names, card: str, since: str) -> dict[Address, list[dict[str, Value]]] | None:
        """A card's live timelines by address, None without the card; products that the lockfile doesn't know are left out."""
        params = {"rate_card_id": names.id(Address.of("rate_card", card)), "starting_at": since}
        rows = rows_or_none(client, SCHEDULE, params)
        if rows is None:
            return None
        timelines: dict[Address, list[dict[str, Value]]] = {}
        for row in rows:
            product = names.address(row["product_id"])
            if not isinstance(product, Address):
                continue
            address = Address.of(self.name, card, product.keys[0], selector=_selector(row))
            timelines.setdefault(address, []).append(_entry(row))
        for entries in timelines.values():
            entries.sort(key=lambda entry: entry["starting_at"])
        return timelines

    def find(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, Sequence[RemoteObject]]:
        """The live timeline of the same tuple on a recorded card."""
        return {address: (found,) for address, found in self.read(wanted, client, names).items() if found.attributes["entries"]}

    def survey(self, client: Client, parents: Sequence[str], now: str) -> Iterable[Sighting]:  # noqa: ARG002
        """Each timeline of each card, from the beginning."""

        def rows(card: str) -> list[dict[str, Any]]:
            return rows_or_none(client, SCHEDULE, {"rate_card_id": card, "starting_at": _BEGINNING}) or []

        for card, found in zip(parents, client.map(rows, parents), strict=True):
            timelines: dict[tuple[str, tuple[tuple[str, str], ...]], list[dict[str, Any]]] = {}
            for row in found:
                timelines.setdefault((row["product_id"], tuple(sorted(_selector(row).items()))), []).append(row)
            for (product, selector), segments in timelines.items():
                entries = sorted(map(_entry, segments), key=lambda entry: str(entry["starting_at"]))
                remote = RemoteObject(None, {"entries": entries}, name=segments[0].get("product_name"))
                place = partial(_place, card, product, dict(selector))
                yield Sighting(None, card, whatever(remote), _told(segments), place, (product,))

    def block_data(self, resources: Mapping[Address, Mapping[str, Value]], blocks: Mapping[Address, Block]) -> Value:
        """Entries that name several values where their dates agree."""
        product = blocks[Address.of("product", next(iter(resources)).keys[1])]
        timelines = {address: attributes["entries"] for address, attributes in resources.items()}
        return write_entries(timelines, product.data.get("pricing_group_key", ()))


def _place(card: str, product: str, selector: Mapping[str, str], names: Names) -> Address | None:
    addresses = names.address(card), names.address(product)
    if not all(isinstance(address, Address) for address in addresses):
        return None
    return Address.of("rate", *(Address(address).keys[0] for address in addresses), selector=selector)


def _selector(row: Mapping[str, Any]) -> dict[str, str]:
    """What tells a segment from others of its product on its card: group values and billing frequency."""
    values = row.get("pricing_group_values") or row["rate"].get("pricing_group_values") or {}
    return {**values, FREQUENCY: row[FREQUENCY]} if row.get(FREQUENCY) else dict(values)


def _told(segments: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What segments have that entries can't say."""
    types = {segment["rate"]["rate_type"] for segment in segments} - set(_SENT)
    types_of_credit = [segment["rate"].get("credit_type") for segment in segments]
    units = {str(one["name"]) for one in types_of_credit if one and currency(one) not in CURRENCIES}
    return (*(f"prices of rate type {name}" for name in sorted(types)), *(f"prices in {unit}" for unit in sorted(units)))


def _entries(item: Wanted) -> list[Mapping[str, Value]]:
    declared = (item.desired or {}).get("entries") or []
    return [*declared, *((item.recorded or {}).get("entries") or [])] or [{"starting_at": _BEGINNING}]


def _entry(row: Mapping[str, Any]) -> dict[str, Value]:
    """A segment of the API as an entry."""
    entry: dict[str, Value] = {"starting_at": moment.canonical(row["starting_at"])}
    if row.get("ending_before"):
        entry["ending_before"] = moment.canonical(row["ending_before"])
    unit = currency(row["rate"].get("credit_type"))
    entry |= _price(row["rate"], unit)
    if row.get("commit_rate"):
        entry["commit_rate"] = _price(row["commit_rate"], unit)
    if not row["entitled"]:
        entry["entitled"] = False
    return entry


def _price(rate: Mapping[str, Any], unit: str) -> dict[str, Value]:
    match rate["rate_type"]:
        case "FLAT":
            return {"price": Money.from_wire(Decimal(rate["price"]), unit).text}
        case "TIERED":
            return {
                "tiers": [_tier(tier, {"price": Money.from_wire(Decimal(tier["price"]), unit).text}) for tier in rate["tiers"]]
            }
        case "PERCENTAGE":
            return {"percent": plain(Decimal(rate["price"]) * 100)}
        case "TIERED_PERCENTAGE":
            return {"tiers": [_tier(tier, {"percent": plain(Decimal(tier["price"]) * 100)}) for tier in rate["tiers"]]}
        case other:
            # Deprecated and restricted types can be there by hand; they equal nothing that can be declared.
            return {"rate_type": other, "price": str(rate.get("price"))}


def _tier(tier: Mapping[str, Any], price: dict[str, Value]) -> dict[str, Value]:
    return price if tier.get("size") is None else {"size": plain(Decimal(tier["size"])), **price}


def _row(address: Address, post: Post) -> dict[str, Value]:
    """A segment as the API takes it."""
    selector = address.selector
    frequency = selector.pop(FREQUENCY, None)
    row: dict[str, Value] = {
        "product_id": Ref(Address.of("product", address.keys[1])),
        "starting_at": EffectiveAt(post.starting_at),
        "entitled": post.value.get("entitled", True),
        **_to_wire(post.value),
    }
    if post.ending_before:
        row["ending_before"] = EffectiveAt(post.ending_before)
    if selector:
        row["pricing_group_values"] = selector
    if frequency:
        row[FREQUENCY] = frequency
    if commit_rate := post.value.get("commit_rate"):
        row["commit_rate"] = {name: part for name, part in _to_wire(commit_rate).items() if name != "credit_type_id"}
    return row


def _to_wire(value: Mapping[str, Value]) -> dict[str, Value]:
    tiers = value.get("tiers")
    if "percent" in value:
        return {"rate_type": "PERCENTAGE", "price": Decimal(value["percent"]) / 100}
    if tiers and "percent" in tiers[0]:
        rows = [_wire_tier(tier, Decimal(tier["percent"]) / 100) for tier in tiers]
        return {"rate_type": "TIERED_PERCENTAGE", "tiers": rows}
    amounts = [Money.parse(tier["price"]) for tier in tiers] if tiers else [Money.parse(value["price"])]
    unit = amounts[0].unit
    currency_of = {} if unit == DEFAULT_FIAT else {"credit_type_id": FiatId(unit)}
    if tiers:
        rows = [_wire_tier(tier, amount.wire) for tier, amount in zip(tiers, amounts, strict=True)]
        return {"rate_type": "TIERED", "tiers": rows, **currency_of}
    return {"rate_type": "FLAT", "price": amounts[0].wire, **currency_of}


def _wire_tier(tier: Mapping[str, Value], price: Decimal) -> dict[str, Value]:
    return {"price": price} if "size" not in tier else {"price": price, "size": Decimal(tier["size"])}
