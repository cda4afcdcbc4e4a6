"""Who wrote to an object last, as far as Metronome's audit log knows (API facts §12.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nova_iac import moment
from nova_iac.errors import RemoteError
from nova_iac.kinds.base import Kind
from nova_iac.remote import Client, Endpoint
from nova_iac.resource import Address
from nova_iac.state.lockfile import Lockfile

LOG: Final = Endpoint("GET", "/v1/auditLogs", "v1.audit_logs.list")


@dataclass(frozen=True, slots=True)
class Author:
    """The last successful write to an object. at is a canonical instant; action is Metronome's word."""

    at: str
    name: str
    email: str | None
    action: str
    request_id: str | None

    def describe(self) -> str:
        """One line for people."""
        who = f"{self.name} <{self.email}>" if self.email else self.name
        return f"last written {moment.show(self.at)} by {who} ({self.action})"


def authors(
    addresses: Sequence[Address], lockfile: Lockfile, kinds: Mapping[str, Kind], client: Client
) -> tuple[dict[Address, Author], RemoteError | None]:
    """The last writes to recorded objects, and why they couldn't be read if they couldn't.

    One call for each object; a price is part of its card's log.
    """
    objects = {address: found for address in addresses if (found := _object(address, lockfile, kinds))}
    asked = list(dict.fromkeys(objects.values()))
    try:
        rows = dict(zip(asked, client.map(lambda one: _last(client, *one), asked), strict=True))
    except RemoteError as problem:
        return {}, problem
    return {address: author for address, one in objects.items() if (author := rows[one])}, None


def _object(address: Address, lockfile: Lockfile, kinds: Mapping[str, Kind]) -> tuple[str, str] | None:
    """Type and id under which an object's writes are logged."""
    kind = kinds[address.kind]
    if kind.appends and kind.parent:
        address = Address.of(kind.parent, address.keys[0])
    entry = lockfile.resources.get(address)
    return (address.kind, entry.id) if entry and entry.id else None


def _last(client: Client, resource_type: str, resource_id: str) -> Author | None:
    params = {"resource_type": resource_type, "resource_id": resource_id, "sort": "date_desc", "limit": 10}
    rows: Sequence[Mapping[str, Any]] = client.read(LOG, params)["data"]
    for row in rows:
        if row.get("status") in (None, "success"):
            actor, request = row.get("actor") or {}, row.get("request") or {}
            name = actor.get("name") or actor.get("id") or "an unknown actor"
            return Author(moment.canonical(row["timestamp"]), name, actor.get("email"), row["action"], request.get("id"))
    return None
