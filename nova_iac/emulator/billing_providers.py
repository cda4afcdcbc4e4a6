"""Billing providers: the account's connections (§5.3) and the customers' configurations (§8.3).

In the emulator every provider counts as connected by every delivery method, without a set-up in the app.
"""

from __future__ import annotations

import uuid
from typing import Any

from nova_iac.emulator import codec, pages
from nova_iac.emulator.errors import ApiError, BadRequest, Conflict, NotFound
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store, Stored
from nova_iac.emulator.wire import Reader

KIND = "billing_provider_configuration"
CONNECTION = "billing_provider_connection"
ON_CREATE = ("aws_marketplace", "azure_marketplace", "gcp_marketplace", "stripe", "netsuite")
PROVIDERS = (*ON_CREATE, "custom", "quickbooks_online", "workday", "metronome")
METHODS = ("direct_to_billing_provider", "aws_sqs", "tackle", "aws_sns")
TAX_PROVIDERS = ("anrok", "avalara", "stripe")
CUSTOMER_IDS = ("stripe_customer_id", "aws_customer_id")
"""Keys of ``configuration`` that hold the provider's own id of a customer."""


def set_up(request: Request, store: Store) -> Any:
    reader = request.reader()
    provider = reader.enum("billing_provider", ("aws_marketplace", "azure_marketplace", "gcp_marketplace"), lower=True)
    method = reader.enum("delivery_method", ("direct_to_billing_provider", "aws_sqs", "aws_sns"), lower=True)
    configuration = reader.maybe_any_object("configuration")
    if configuration is None:
        reader.wrong("configuration", "is required")
    reader.finish()
    id = _connection_id(provider, method)
    if store.find(CONNECTION, id):
        raise Conflict(f"The billing provider {provider} is already set up with the delivery method {method}")
    body = {"billing_provider": provider, "delivery_method": method, "delivery_method_configuration": configuration}
    store.add(CONNECTION, id, body, request.now)
    return {"data": {"delivery_method_id": id}}


def list_set_up(request: Request, store: Store) -> Any:
    reader = request.reader()
    cursor = reader.maybe_text("next_page", nullable=True)
    reader.finish()
    page = pages.at(request, cursor)
    found = store.page(CONNECTION, after=page.after, limit=page.limit)
    return page.answer([(seq, {**each.body, "delivery_method_id": each.id}) for seq, each in found])


def set_for_customers(request: Request, store: Store) -> Any:
    """An unknown customer is a 500 here, as it was seen to be (§8.3)."""
    reader = request.reader()
    wishes = [(each.uuid("customer_id"), read(each, PROVIDERS)) for each in reader.objects("data")]
    reader.finish()
    answers = []
    for customer_id, wish in wishes:
        store.get("customer", customer_id, ApiError(500, "Internal Server Error", kept=True))
        made = add(store, customer_id, wish, request)
        shown = {name: made.body[name] for name in ("billing_provider", "configuration", "delivery_method_id")}
        tax = {"tax_provider": made.body["tax_provider"]} if "tax_provider" in made.body else {}
        answers.append({"id": made.id, "customer_id": customer_id, **shown, **tax})
    return {"data": answers}


def get_for_customer(request: Request, store: Store) -> Any:
    """An unknown customer has none, as it was seen to (§8.3)."""
    reader = request.reader()
    customer_id, archived = reader.uuid("customer_id"), reader.maybe_flag("include_archived")
    reader.finish()
    found = store.all(KIND, archived=None if archived else False, parent=customer_id)
    return {"data": [shown(each) for each in found]}


def archive_for_customer(request: Request, store: Store) -> Any:
    """All of the ids or none; contracts lose the configuration at once."""
    reader = request.reader()
    customer_id = reader.uuid("customer_id")
    ids = reader.uuids("customer_billing_provider_configuration_ids")
    reader.finish()
    store.get("customer", customer_id)
    for id in ids:
        refusal = NotFound(f"Billing provider configuration not found: {id}")
        found = store.get(KIND, id, refusal)
        if found.parent != customer_id:
            raise refusal
        if found.archived_at:
            raise BadRequest(f"Billing provider configuration already archived: {id}")
        store.archive(id, request.now)
    return {"data": {"customer_id": customer_id, "customer_billing_provider_configuration_ids": ids}}


def read(reader: Reader, providers: tuple[str, ...]) -> dict[str, Any]:
    """One configuration out of a request: the delivery method by name or by id (§8.1)."""
    provider = reader.enum("billing_provider", providers, lower=True)
    method = reader.maybe_enum("delivery_method", METHODS, lower=True)
    method_id = reader.maybe_uuid("delivery_method_id")
    if method is None and method_id is None:
        reader.wrong("delivery_method", "or delivery_method_id is required")
    tax = reader.maybe_enum("tax_provider", TAX_PROVIDERS, lower=True)
    if tax is not None and provider != "stripe":
        reader.wrong("tax_provider", "is available for the billing provider stripe only")
    wish = {
        "billing_provider": provider,
        "delivery_method": method,
        "delivery_method_id": method_id,
        "configuration": reader.maybe_any_object("configuration") or {},
        "tax_provider": tax,
    }
    return {name: value for name, value in wish.items() if value is not None}


def add(store: Store, customer_id: str, wish: dict[str, Any], request: Request) -> Stored:
    """Gives the customer a configuration; several, even of one provider, are fine (§8.3)."""
    provider, method = wish["billing_provider"], wish.get("delivery_method")
    known = {_connection_id(provider, each): each for each in METHODS}
    if method is None:
        method = known.get(wish["delivery_method_id"])
        if method is None:
            raise BadRequest(f"No such delivery method of {provider}: {wish['delivery_method_id']}")
    _check_unclaimed(store, customer_id, provider, wish["configuration"])
    body = wish | {"delivery_method": method, "delivery_method_id": _connection_id(provider, method)}
    return store.add(KIND, request.new_id(), body, request.now, parent=customer_id)


def shown(found: Stored) -> dict[str, Any]:
    """The form that reads have."""
    names = ("billing_provider", "configuration", "delivery_method", "delivery_method_id")
    return {
        "id": found.id,
        "customer_id": found.parent,
        **{name: found.body[name] for name in names},
        "delivery_method_configuration": {},
        "archived_at": found.archived_at,
    }


def read_choice(reader: Reader) -> dict[str, Any] | None:
    """A contract's ``billing_provider_configuration``: an id, or provider and delivery method (§10.1)."""
    given = reader.maybe_object("billing_provider_configuration")
    if given is None:
        return None
    id = given.maybe_uuid("billing_provider_configuration_id")
    if id is not None:
        return {"id": id}
    return {
        "billing_provider": given.enum("billing_provider", ON_CREATE, lower=True),
        "delivery_method": given.enum("delivery_method", METHODS, lower=True),
    }


def choose(store: Store, customer_id: str, choice: dict[str, Any]) -> str:
    """The id of the one live configuration of the customer that the choice fits."""
    found = [
        each
        for each in store.all(KIND, archived=False, parent=customer_id)
        if all(({"id": each.id} | each.body)[name] == value for name, value in choice.items())
    ]
    if not found:
        raise BadRequest("The customer has no such billing provider configuration")
    if len(found) > 1:
        raise BadRequest("Several billing provider configurations fit: use billing_provider_configuration_id")
    return found[0].id


def _connection_id(provider: str, method: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"emulator:{provider}/{method}"))


def _check_unclaimed(store: Store, customer_id: str, provider: str, configuration: dict[str, Any]) -> None:
    """A provider's own customer id is on the live configurations of one customer only (§8.3)."""
    claimed = {configuration[name] for name in CUSTOMER_IDS if isinstance(configuration.get(name), str)}
    if not claimed:
        return
    # As they stand in the stored JSON, so that only those that may clash are read.
    texts = [codec.dumps(value) for value in sorted(claimed)]
    anywhere = " OR ".join("instr(body, ?)" for _ in texts)
    sql = f"SELECT id FROM object WHERE kind = ? AND archived_at IS NULL AND ({anywhere})"
    for (id,) in store.rows(sql, KIND, *texts):
        each = store.get(KIND, id)
        held = {value for value in each.body["configuration"].values() if isinstance(value, str)}
        if each.parent != customer_id and each.body["billing_provider"] == provider and claimed & held:
            raise BadRequest(f"Another customer has a {provider} configuration with the same customer id")
