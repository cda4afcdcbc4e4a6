"""Which customer of the account is meant: by its key in the spec, by an ingest alias, or by its id."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from nova_iac.errors import NotFound, UsageProblem
from nova_iac.kinds.customer import LIST
from nova_iac.remote import Client, Endpoint
from nova_iac.usage.agreed import Agreed

GET: Final = Endpoint("GET", "/v1/customers/{customer_id}", "v1.customers.retrieve")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RemoteCustomer:
    """A customer of the account."""

    id: str
    name: str
    aliases: tuple[str, ...] = ()


def sent_name(agreed: Agreed, customer: str) -> str | None:
    """What an event is to call the customer that a user names by key, alias or id; None if the spec doesn't have it.

    :raises UsageProblem: it has no alias and wasn't applied yet, so nothing can be sent for it.
    """
    if customer in agreed.customers:
        return customer
    address = agreed.customer_keys.get(customer)
    if address is None:
        return None
    name = agreed.event_name(address)
    if name is None:
        raise UsageProblem(f"{address} has no ingest alias and isn't applied yet, so events have no name for it: apply it first.")
    return name


def near(agreed: Agreed, customer: str) -> str:
    """A hint at what may have been meant."""
    names = [*agreed.customer_keys, *agreed.customers]
    found = difflib.get_close_matches(customer, names, n=1)
    return f" Did you mean {found[0]}?" if found else ""


def find(client: Client, agreed: Agreed, customer: str) -> RemoteCustomer:
    """The customer of the account that a user names by key, alias or id.

    :raises UsageProblem: there is none.
    :raises RemoteError: the account can't be asked.
    """
    address = agreed.customer_keys.get(customer)
    name = customer if address is None else agreed.event_name(address)
    if name is None:
        raise UsageProblem(f"{address} isn't in the account yet: run nova-iac apply.")
    if _UUID.fullmatch(name):
        try:
            return _customer(client.read(GET, {"customer_id": name})["data"])
        except NotFound:
            raise UsageProblem(f"the account has no customer with the id {name}.") from None
    rows: Sequence[dict[str, Any]] = list(client.rows(LIST, {"ingest_alias": name}))
    if not rows:
        if address is not None:
            raise UsageProblem(f"{address} isn't in the account yet: no customer has its alias {name}. Run nova-iac apply.")
        raise UsageProblem(f"no customer of the spec or the account is called {customer}.{near(agreed, customer)}")
    return _customer(rows[0])


def first(client: Client) -> RemoteCustomer | None:
    """Any customer of the account: what a good token shows first."""
    for page in client.pages(LIST, {}):
        return _customer(page[0]) if page else None
    return None


def _customer(row: dict[str, Any]) -> RemoteCustomer:
    return RemoteCustomer(row["id"], row["name"], tuple(row.get("ingest_aliases") or ()))
