"""Customers (API facts §8). An ingest alias belongs to one customer of the account, archived ones included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from nova_iac.errors import Diagnostic
from nova_iac.kinds.base import Call, Field, Hazard, Kind, Mutability, Task, Wanted
from nova_iac.kinds.lookup import Declared, Names
from nova_iac.kinds.sighting import Sighting, beyond, whatever
from nova_iac.kinds.wire import chunks
from nova_iac.remote import Client, Endpoint
from nova_iac.resource import Action, Address, Attributes, Ref, RemoteObject, Value

CREATE = Endpoint("POST", "/v1/customers", "v1.customers.create")
SET_NAME = Endpoint("POST", "/v1/customers/{customer_id}/setName", "v1.customers.set_name")
SET_ALIASES = Endpoint("POST", "/v1/customers/{customer_id}/setIngestAliases", "v1.customers.set_ingest_aliases")
UPDATE_CONFIG = Endpoint("POST", "/v1/customers/{customer_id}/updateConfig", "v1.customers.update_config")
ARCHIVE = Endpoint("POST", "/v1/customers/archive", "v1.customers.archive")
LIST = Endpoint("GET", "/v1/customers", "v1.customers.list", cursor="next_page", limit=100)

_CONFIG: Final[tuple[str, ...]] = ("salesforce_account_id", "leave_stripe_invoices_in_draft")
_IDS_A_CALL: Final = 100


class Customer(Kind):
    """A customer of the account."""

    name = "customer"
    section = "customers"
    identity = "an ingest alias"
    archive_covers = ("contract",)
    claims = ("ingest_aliases",)
    adopted_by = "identity"
    exclusive = True
    fields = {
        "name": Field(Mutability.UPDATE),
        "ingest_aliases": Field(Mutability.UPDATE, default=[]),
        "salesforce_account_id": Field(Mutability.UPDATE, default=None),
        "leave_stripe_invoices_in_draft": Field(Mutability.UPDATE, default=None, readable=False),
    }

    def check_all(self, declared: Declared) -> Iterable[Diagnostic]:
        """An alias stands with one customer only (§2.3)."""
        holders: dict[str, Address] = {}
        for customer in declared.of_kind(self.name):
            for alias in customer.attributes.get("ingest_aliases", ()):
                first = holders.setdefault(alias, customer.address)
                if first != customer.address:
                    block = declared.blocks[customer.address]
                    yield block.problem(
                        "NV310", "Ingest alias held twice",
                        f"{alias!r} is also an ingest alias of {first}; an alias belongs to one customer.",
                        "ingest_aliases", block.data["ingest_aliases"].index(alias),
                    )  # fmt: skip

    def calls(self, tasks: Sequence[Task]) -> Iterable[Call]:
        """Name, aliases and configuration travel separately; aliases are cleared before an archive, which reserves them."""
        taken = {token for task in tasks for token in _gained(task)}
        generous = _first_to_let_go(tasks)
        for task in tasks:
            if task.action is Action.CREATE:
                yield from self._create(task)
            elif task.action is Action.ARCHIVE:
                yield from self._archive(task)
            else:
                yield from self._update(task, taken, task.address in generous)

    def _create(self, task: Task) -> Iterable[Call]:
        if task.live is not None and task.live.archived and task.live.attributes.get("ingest_aliases"):
            # An archived customer keeps its aliases reserved (§8.2).
            held = _aliases(task.live.attributes)
            params: dict[str, Value] = {"customer_id": task.live.id, "ingest_aliases": []}
            yield Call(SET_ALIASES, params, (task.address,), frees=frozenset(held))
        params = {name: value for name, value in task.desired.items() if name not in _CONFIG}
        covers = (task.address, *task.covered)
        sets = {task.address: tuple(params)}
        yield Call(CREATE, params, covers, task.address, sets, takes=frozenset(_aliases(task.desired)))
        if config := {name: task.desired[name] for name in _CONFIG if name in task.desired}:
            yield _call(UPDATE_CONFIG, task, config)

    def _archive(self, task: Task) -> Iterable[Call]:
        if task.before.get("ingest_aliases") or task.live is None:
            yield _call(SET_ALIASES, task, {"ingest_aliases": []}, frees=frozenset(_aliases(task.before)))
        if task.live is None or not task.live.archived:
            yield Call(ARCHIVE, {"id": task.id}, (task.address, *task.children))

    def _update(self, task: Task, taken: set[str], lets_go_first: bool) -> Iterable[Call]:
        if "name" in task.changed:
            yield _call(SET_NAME, task, {"name": task.after["name"]})
        if "ingest_aliases" in task.changed:
            gives = frozenset(_lost(task) & taken)
            if lets_go_first:
                kept = sorted(alias.removeprefix(_TOKEN) for alias in _aliases(task.before) & _aliases(task.after))
                yield _call(SET_ALIASES, task, {"ingest_aliases": kept}, frees=gives)
                gives = frozenset()
            params = {"ingest_aliases": task.after["ingest_aliases"]}
            yield _call(SET_ALIASES, task, params, frees=gives, takes=frozenset(_gained(task)))
        if config := {name: task.after[name] for name in _CONFIG if name in task.changed}:
            yield _call(UPDATE_CONFIG, task, config)

    def hazards(self, task: Task) -> Iterable[Hazard]:
        """Archiving is final, archives the contracts and voids invoices (§8.2); a removed alias stops billing its events."""
        if task.live is not None and task.live.archived:
            return
        if task.action is Action.ARCHIVE:
            contracts = sum(child.kind == "contract" for child in task.children)
            many = f" with {contracts} {'contract' if contracts == 1 else 'contracts'}" if contracts else ""
            yield Hazard("NV402", f"would be archived{many}: this can't be undone and voids its open invoices")
        elif lost := sorted(alias.removeprefix(_TOKEN) for alias in _lost(task)):
            noun, them = ("alias", "it") if len(lost) == 1 else ("aliases", "them")
            yield Hazard("NV405", f"would lose the ingest {noun} {', '.join(lost)}: usage sent under {them} is no longer theirs")

    def read(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, RemoteObject]:  # noqa: ARG002
        """Only the recorded ids are asked for, 100 a call; those that aren't active are looked for among the archived."""
        ids = [item.id for item in wanted if item.id]
        rows = _by_id(client, ids, archived=False)
        missing = [id_ for id_ in ids if id_ not in rows]
        rows |= _by_id(client, missing, archived=True)
        return {item.address: self._object(rows[item.id]) for item in wanted if item.id in rows}

    def reads(self, wanted: Sequence[Wanted]) -> int:
        """One call for 100 customers."""
        return -(-len(wanted) // _IDS_A_CALL)

    def find(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, Sequence[RemoteObject]]:  # noqa: ARG002
        """Live customers that hold one of the desired aliases.

        Asked alias by alias, or by the list of all customers, whichever turns out to take fewer calls.
        """
        aliases = sorted({alias for item in wanted for alias in (item.desired or {}).get("ingest_aliases", ())})
        if not aliases:
            return {}
        holders = self._holders(aliases, client)
        result: dict[Address, Sequence[RemoteObject]] = {}
        for item in wanted:
            held = {
                holder.id: holder for alias in (item.desired or {}).get("ingest_aliases", ()) if (holder := holders.get(alias))
            }
            result[item.address] = tuple(held.values())
        return result

    def _holders(self, aliases: Sequence[str], client: Client) -> dict[str, RemoteObject]:
        """Who holds aliases: by the list while it is no longer than there are aliases, else alias by alias."""
        holders: dict[str, RemoteObject] = {}
        if len(aliases) > 1:
            for count, page in enumerate(client.pages(LIST, {}), start=1):
                for row in page:
                    holders |= dict.fromkeys(row["ingest_aliases"], self._object(row))
                if count == len(aliases):
                    break
            else:
                return holders
        found = client.map(lambda alias: list(client.rows(LIST, {"ingest_alias": alias})), aliases)
        return {alias: self._object(row) for alias, rows in zip(aliases, found, strict=True) for row in rows}

    def survey(self, client: Client, parents: Sequence[str], now: str) -> Iterable[Sighting]:  # noqa: ARG002
        """The list shows active customers only."""
        for row in client.rows(LIST, {}):
            told = beyond(row, (*self.fields, "external_id", "customer_config", "current_billable_status"))
            told += beyond(row.get("customer_config") or {}, _CONFIG)
            if (row.get("current_billable_status") or {}).get("value") == "unbillable":
                told += ("unbillable",)
            yield Sighting(row["id"], None, whatever(self._object(row)), told)

    def key_words(self, attributes: Attributes) -> Sequence[str]:
        """The name, or what usage events call the customer."""
        return [str(attributes.get("name") or ""), *attributes.get("ingest_aliases", ())]

    def _object(self, row: Mapping[str, Any]) -> RemoteObject:
        found: dict[str, Value] = {"name": row["name"]}
        if row.get("ingest_aliases"):
            found["ingest_aliases"] = row["ingest_aliases"]
        if salesforce := (row.get("customer_config") or {}).get("salesforce_account_id"):
            found["salesforce_account_id"] = salesforce
        return RemoteObject(row["id"], self.canonical(found), bool(row.get("archived_at")), row["name"])


_TOKEN: Final = "ingest_aliases "
"""Before an alias, as `Kind.claimed` has it."""


def _aliases(attributes: Mapping[str, Value]) -> set[str]:
    return {_TOKEN + alias for alias in attributes.get("ingest_aliases") or ()}


def _lost(task: Task) -> set[str]:
    if task.action is Action.ARCHIVE:
        return _aliases(task.before)
    if task.action is Action.CREATE or "ingest_aliases" not in task.changed:
        return set()
    return _aliases(task.before) - _aliases(task.after)


def _gained(task: Task) -> set[str]:
    return _aliases(task.after) - _aliases(task.before)


def _first_to_let_go(tasks: Sequence[Task]) -> set[Address]:
    """One customer of each circle in which aliases are exchanged: all would wait for each other if none let go first."""
    holders = {token: task.address for task in tasks for token in _lost(task)}
    waits = {task.address: {holders[token] for token in _gained(task) if token in holders} for task in tasks}
    chosen: set[Address] = set()
    while True:
        try:
            TopologicalSorter(waits).prepare()
        except CycleError as circle:
            chosen.add(min(circle.args[1]))
            waits = {address: others - chosen for address, others in waits.items()}
        else:
            return chosen


def _call(
    endpoint: Endpoint,
    task: Task,
    params: Mapping[str, Value],
    frees: frozenset[str] = frozenset(),
    takes: frozenset[str] = frozenset(),
) -> Call:
    who = {"customer_id": task.id or Ref(task.address)}
    return Call(endpoint, who | dict(params), (task.address,), sets={task.address: tuple(params)}, frees=frees, takes=takes)


def _by_id(client: Client, ids: Sequence[str], *, archived: bool) -> dict[str, dict[str, Any]]:
    only = {"only_archived": True} if archived else {}

    def rows(part: Sequence[str]) -> list[dict[str, Any]]:
        return list(client.rows(LIST, {"customer_ids": list(part), **only}))

    return {row["id"]: row for page in client.map(rows, list(chunks(ids, _IDS_A_CALL))) for row in page}
