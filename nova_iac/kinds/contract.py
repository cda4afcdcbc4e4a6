"""Contracts: a customer on a card, with dates and terms (API facts §10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from nova_iac import moment
from nova_iac.errors import Diagnostic, Severity
from nova_iac.kinds.base import NOT_CLEARABLE, Call, Caution, EffectiveAt, Field, Hazard, Kind, Mutability, Task, Wanted
from nova_iac.kinds.block import Block
from nova_iac.kinds.contract_terms import INSTANTS, as_instant, last_filter, start_of, to_wire, with_instant
from nova_iac.kinds.lookup import Declared, Names
from nova_iac.kinds.sighting import Sighting, beyond
from nova_iac.kinds.wire import get_or_none, rows_or_none
from nova_iac.remote import Client, Endpoint
from nova_iac.resource import Action, Address, Ref, RemoteObject, Resource, Value

CREATE = Endpoint("POST", "/v1/contracts/create", "v1.contracts.create")
EDIT = Endpoint("POST", "/v2/contracts/edit", "v2.contracts.edit")
END = Endpoint("POST", "/v1/contracts/updateEndDate", "v1.contracts.update_end_date")
FILTER = Endpoint("POST", "/v1/contracts/setUsageFilter", "v1.contracts.set_usage_filter")
ARCHIVE = Endpoint("POST", "/v1/contracts/archive", "v1.contracts.archive")
GET = Endpoint("POST", "/v2/contracts/get", "v2.contracts.retrieve")
LIST = Endpoint("POST", "/v2/contracts/list", "v2.contracts.list", cursor="cursor", limit=20)

_EDITED: Final = {
    "name": "update_contract_name",
    "ending_before": "update_contract_end_date",
    "net_payment_terms_days": "update_net_payment_terms_days",
}
_KNOWN: Final = (
    "name", "customer_id", "rate_card_id", "starting_at", "ending_before", "net_payment_terms_days", "usage_statement_schedule",
    "usage_filter", "uniqueness_key", "has_more",
)  # fmt: skip
_SILENT: Final = {"multiplier_override_prioritization": "LOWEST_MULTIPLIER"}
"""Members of a contract that a spec says, or that say nothing; everything else is more than a spec can say."""
_FIRST_OF_MONTH: Final = "FIRST_OF_MONTH"


class Contract(Kind):
    """A contract of the customer it stands under."""

    name = "contract"
    section = "contracts"
    parent = "customer"
    identity = "customer, start and rate card"
    replace_order = "archive first"
    adopted_by = "identity"
    fields = {
        "name": Field(Mutability.UPDATE, default=None),
        "rate_card": Field(Mutability.REPLACE, default=None),
        "rate_card_alias": Field(Mutability.REPLACE, default=None, readable=False),
        "starting_at": Field(Mutability.REPLACE),
        "ending_before": Field(Mutability.UPDATE, default=None),
        "net_payment_terms_days": Field(Mutability.UPDATE, default=None),
        "usage_statement_schedule": Field(Mutability.REPLACE, default={"frequency": "MONTHLY"}),
        "usage_filter": Field(Mutability.UPDATE_FROM_DATE, default=NOT_CLEARABLE),
    }

    def canonical(self, attributes: Mapping[str, Value]) -> dict[str, Value]:
        """A statement schedule's day is left out where it is the default: said or not, it means the same (§10.1)."""
        found = super().canonical(attributes)
        schedule = found.get("usage_statement_schedule") or {}
        if schedule.get("day") == _FIRST_OF_MONTH:
            found["usage_statement_schedule"] = {name: part for name, part in schedule.items() if name != "day"}
        return found

    def expand(self, block: Block, blocks: Mapping[Address, Block]) -> tuple[list[Resource], list[Diagnostic]]:
        """A contract that names its card by an alias depends on the cards that the alias may mean."""
        resources, problems = super().expand(block, blocks)
        alias = block.data.get("rate_card_alias")
        cards = [
            address
            for address, other in blocks.items()
            if alias and isinstance(other.data, dict) and any(part.get("name") == alias for part in other.data.get("aliases", ()))
        ]
        if cards:
            resources = [replace(one, depends_on=tuple(dict.fromkeys((*one.depends_on, *cards)))) for one in resources]
        return resources, problems

    def check(self, block: Block, blocks: Mapping[Address, Block]) -> Iterable[Diagnostic]:
        """Dates in order; an anchor where the schedule needs one; a filter that the metrics can answer."""
        data = block.data
        start, end = data.get("starting_at"), data.get("ending_before")
        if start and end and end <= start:
            yield block.problem(
                "NV307", "Ends before it starts", f"the contract ends at {end}, not after its start at {start}.",
                "ending_before",
            )  # fmt: skip
        schedule = data.get("usage_statement_schedule") or {}
        if schedule.get("day") == "CUSTOM_DATE" and "billing_anchor_date" not in schedule:
            yield block.problem(
                "NV311", "Schedule without its anchor", "day: CUSTOM_DATE needs billing_anchor_date.",
                "usage_statement_schedule", "day",
            )  # fmt: skip
        if schedule.get("day") != "CUSTOM_DATE" and "billing_anchor_date" in schedule:
            yield block.problem(
                "NV311", "Schedule without its anchor", "billing_anchor_date needs day: CUSTOM_DATE.",
                "usage_statement_schedule", "billing_anchor_date",
            )  # fmt: skip
        if "rate_card_alias" in data:
            yield from self._check_alias(block, blocks)

    def _check_alias(self, block: Block, blocks: Mapping[Address, Block]) -> Iterable[Diagnostic]:
        alias, start = block.data["rate_card_alias"], block.data.get("starting_at")
        spans = [
            part
            for other in blocks.values()
            if isinstance(other.data, dict)
            for part in other.data.get("aliases", ())
            if part.get("name") == alias
        ]
        if start and spans and not any(_covers(span, start) for span in spans):
            yield block.problem(
                "NV312", "Alias means no card then",
                f"no card of this spec has the alias {alias!r} on {start}, when the contract starts.", "rate_card_alias",
            )  # fmt: skip

    def check_all(self, declared: Declared) -> Iterable[Diagnostic]:
        """Overlapping contracts of one customer bill the same usage twice unless filters part them (§10.1)."""
        by_customer: dict[str, list[Resource]] = {}
        for contract in declared.of_kind(self.name):
            by_customer.setdefault(contract.address.keys[0], []).append(contract)
        for contracts in by_customer.values():
            contracts.sort(key=lambda one: (one.attributes.get("starting_at", ""), one.address))
            for index, second in enumerate(contracts):
                for first in contracts[:index]:
                    if _overlap(first, second) and _price_the_same(first, second, declared):
                        yield declared.blocks[second.address].problem(
                            "NV313", "Overlapping contracts",
                            f"{first.address} and {second.address} price the same products at the same time without usage "
                            "filters: the same usage is billed on both.", "starting_at", severity=Severity.WARNING,
                        )  # fmt: skip

    def after(self, resource: Resource, declared: Declared) -> Iterable[Address]:
        """A contract comes after the rates of its card: it would bill nothing, or the wrong price, in between."""
        for card in _cards(resource, declared):
            yield card
            yield from (rate.address for rate in declared.under("rate", card.keys[0]))

    def calls(self, tasks: Sequence[Task]) -> Iterable[Call]:
        """An update is one edit; the end date alone has a call that needs no feature switched on; a filter has its own."""
        for task in tasks:
            customer = Ref(Address.of("customer", task.address.keys[0]))
            who = {"customer_id": customer, "contract_id": task.id}
            match task.action:
                case Action.CREATE:
                    params = {"customer_id": customer, **to_wire(task.desired)}
                    sets = {task.address: tuple(task.desired)}
                    yield Call(CREATE, params, (task.address, *task.covered), task.address, sets, unique=True)
                case Action.ARCHIVE:
                    yield Call(ARCHIVE, {**who, "void_invoices": False}, (task.address,))
                case _:
                    yield from self._update(task, who)

    def _update(self, task: Task, who: Mapping[str, Value]) -> Iterable[Call]:
        plain = tuple(name for name in task.changed if name in _EDITED)
        sets = {task.address: plain}
        if plain == ("ending_before",):
            end = task.after["ending_before"]
            extra = {} if end is None else {"ending_before": EffectiveAt(end)}
            yield Call(END, {**who, **extra}, (task.address,), sets=sets)
        elif plain:
            values = {_EDITED[name]: as_instant(name, task.after[name]) for name in plain}
            yield Call(EDIT, {**who, **values}, (task.address,), sets=sets, unique=True)
        if "usage_filter" in task.changed:
            value = task.after["usage_filter"]
            start = value.get("starting_at") or task.effective or moment.NEXT_HOUR
            reached = moment.text(moment.next_full_hour(moment.parse(task.now))) if start == moment.NEXT_HOUR else start
            if "starting_at" not in value and reached < task.after["starting_at"]:
                start = reached = task.after["starting_at"]
            later = [] if task.live is None else [part for part in task.live.extra["filter_starts"] if part > reached]
            for since in (start, *later):
                # A filter that was set for later would come back; none can be removed (§10.6).
                params = {**who, **value, "starting_at": EffectiveAt(since)}
                yield Call(FILTER, params, (task.address,), sets={task.address: ("usage_filter",)})

    def hazards(self, task: Task) -> Iterable[Hazard]:
        """Archiving cancels drafts and ends billing (§2.2)."""
        if task.action is Action.ARCHIVE:
            yield Hazard("NV403", "would be archived: this can't be undone, its draft invoices are cancelled")

    def cautions(self, task: Task) -> Iterable[Caution]:
        """A contract that starts in the past bills at once what was used since then (§3.7, §17.35)."""
        start = task.desired.get("starting_at", "")
        if task.action is Action.CREATE and moment.parse(start) < moment.parse(task.now) - timedelta(days=1):
            yield Caution(
                "NV417", "Backdated contract",
                f"it starts {moment.show(start)}, which is past: invoices of periods that are over may be finalized at once.",
            )  # fmt: skip

    def read(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, RemoteObject]:
        """One list per customer; a recorded contract that it lacks is asked for singly (it may be archived)."""
        by_customer: dict[str, list[Wanted]] = {}
        for item in wanted:
            customer = names.id(Address.of("customer", item.address.keys[0]))
            if customer and item.id:
                by_customer.setdefault(customer, []).append(item)

        def read_one(customer: str) -> dict[Address, RemoteObject]:
            rows = {row["id"]: row for row in rows_or_none(client, LIST, {"customer_id": customer}) or ()}
            for item in by_customer[customer]:
                if item.id not in rows:
                    row = get_or_none(client, GET, {"customer_id": customer, "contract_id": item.id})
                    rows |= {} if row is None else {row["id"]: row}
            return {item.address: self._object(rows[item.id], names) for item in by_customer[customer] if item.id in rows}

        found = client.map(read_one, by_customer)
        return {address: remote for part in found for address, remote in part.items()}

    def reads(self, wanted: Sequence[Wanted]) -> int:
        """One call per customer: the API lists contracts per customer only."""
        return len({item.address.keys[0] for item in wanted if item.id})

    def find(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, Sequence[RemoteObject]]:
        """Live contracts of the recorded customer with the same start and card."""
        by_customer: dict[str, list[Wanted]] = {}
        for item in wanted:
            if customer := names.id(Address.of("customer", item.address.keys[0])):
                by_customer.setdefault(customer, []).append(item)

        def rows(customer: str) -> list[RemoteObject]:
            return [self._object(row, names) for row in rows_or_none(client, LIST, {"customer_id": customer}) or ()]

        found: dict[Address, Sequence[RemoteObject]] = {}
        for customer, live in zip(by_customer, client.map(rows, list(by_customer)), strict=True):
            for item in by_customer[customer]:
                found[item.address] = tuple(one for one in live if _same_identity(one.attributes, item.desired or {}))
        return found

    def is_scheduled(self, live: RemoteObject, now: str) -> bool:
        """A usage filter that was set for later."""
        return any(start > now for start in live.extra.get("filter_starts", ()))

    def made_under(self, uniqueness_key: str, params: Mapping[str, Any], client: Client) -> str | None:
        """Contracts show the key that they were created under (§2.3)."""
        rows = rows_or_none(client, LIST, {"customer_id": params["customer_id"]}) or ()
        return next((row["id"] for row in rows if row.get("uniqueness_key") == uniqueness_key), None)

    def survey(self, client: Client, parents: Sequence[str], now: str) -> Iterable[Sighting]:  # noqa: ARG002
        """One list per customer; the API has no other."""

        def rows(customer: str) -> list[dict[str, Any]]:
            return rows_or_none(client, LIST, {"customer_id": customer}) or []

        for customer, found in zip(parents, client.map(rows, parents), strict=True):
            for row in found:
                told = beyond(row, _KNOWN, _SILENT)
                if len(filters := row.get("usage_filter") or []) > 1:
                    told += (f"its usage filter until {moment.show(moment.canonical(filters[-1]['starting_at']))}",)
                yield Sighting(row["id"], customer, partial(self._object, row), told)

    def as_declared(self, live: Mapping[str, Value]) -> dict[str, Value]:
        """The statement schedule by its anchor, for its day can't be read; not at all where it is the default."""
        declared = super().as_declared(live)
        if "usage_statement_schedule" in declared:
            schedule = dict(declared.pop("usage_statement_schedule"))
            anchor = schedule.pop("billing_anchor_date", "")
            if anchor and anchor[:10] == live["starting_at"][:10]:
                day = {"day": "CONTRACT_START"}
            else:
                day = {"billing_anchor_date": anchor, "day": "CUSTOM_DATE"} if anchor else {}
            if schedule["frequency"] != "MONTHLY" or anchor[8:10] not in ("01", ""):
                declared["usage_statement_schedule"] = {**day, **schedule}
        if (usage := declared.get("usage_filter")) and usage.get("starting_at") == live.get("starting_at"):
            declared["usage_filter"] = {name: value for name, value in usage.items() if name != "starting_at"}
        return declared

    def key_words(self, attributes: Mapping[str, Value]) -> Sequence[str]:
        """The name, or the card's key."""
        card = attributes.get("rate_card")
        return [str(attributes.get("name") or ""), card.keys[0] if isinstance(card, Address) else ""]

    def _object(self, row: Mapping[str, Any], names: Names) -> RemoteObject:
        found: dict[str, Value] = {}
        if row.get("name") is not None:
            found["name"] = row["name"]
        if row.get("net_payment_terms_days") is not None:
            found["net_payment_terms_days"] = int(row["net_payment_terms_days"])
        for name in INSTANTS:
            if row.get(name):
                found[name] = moment.canonical(row[name])
        if row.get("rate_card_id"):
            found["rate_card"] = names.address(row["rate_card_id"])
        if schedule := row.get("usage_statement_schedule"):
            found["usage_statement_schedule"] = with_instant(schedule, "billing_anchor_date")
        filters = sorted((with_instant(part, "starting_at") for part in row.get("usage_filter") or ()), key=start_of)
        if filters:
            found["usage_filter"] = last_filter(filters)
        extra = {"uniqueness_key": row.get("uniqueness_key"), "filter_starts": [start_of(part) for part in filters]}
        return RemoteObject(row["id"], self.canonical(found), bool(row.get("archived_at")), row.get("name"), extra)

    def project(self, field_name: str, live: Value, declared: Value, recorded: Value) -> Value:
        """A statement schedule's day can't be read, and its anchor is read resolved: both are what was recorded.

        That misses no drift, because nothing changes a schedule. A filter's start is compared where it is written.
        """
        declared, recorded = declared or {}, recorded or {}
        if field_name == "usage_statement_schedule" and live:
            read = {name: live[name] for name in ("billing_anchor_date",) if name in declared and name in live}
            kept = {name: recorded[name] for name in ("billing_anchor_date", "day") if name in recorded}
            return dict(sorted(({"frequency": live["frequency"]} | read | kept).items()))
        if field_name == "usage_filter" and live:
            kept = {name: value for name, value in live.items() if name != "starting_at"}
            # It holds from the declared start on if it began by then; what was before is history.
            start = declared.get("starting_at")
            return kept if start is None else kept | {"starting_at": max(start, live.get("starting_at", ""))}
        return live


def _cards(contract: Resource, declared: Declared) -> list[Address]:
    """The declared cards that a contract can be priced by: its own, or those that its alias names."""
    if card := contract.attributes.get("rate_card"):
        return [Address(card)]
    alias = contract.attributes.get("rate_card_alias")
    return [
        card.address
        for card in declared.of_kind("rate_card")
        if alias and any(part.get("name") == alias for part in card.attributes.get("aliases", ()))
    ]


def _price_the_same(first: Resource, second: Resource, declared: Declared) -> bool:
    def products(contract: Resource) -> set[str]:
        cards = _cards(contract, declared)
        return {rate.address.keys[1] for card in cards for rate in declared.under("rate", card.keys[0])}

    return bool(products(first) & products(second))


def _same_identity(live: Mapping[str, Value], desired: Mapping[str, Value]) -> bool:
    card = desired.get("rate_card")
    return live.get("starting_at") == desired.get("starting_at") and (card is None or live.get("rate_card") == card)


def _covers(span: Mapping[str, str], instant: str) -> bool:
    return span.get("starting_at", "") <= instant < span.get("ending_before", "~")


def _overlap(first: Resource, second: Resource) -> bool:
    one, two = first.attributes, second.attributes
    apart = "usage_filter" in one and "usage_filter" in two
    return (
        not apart
        and one.get("starting_at", "") < two.get("ending_before", "~")
        and two.get("starting_at", "") < one.get("ending_before", "~")
    )
