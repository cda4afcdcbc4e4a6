"""Credit types: the fiats of §3.8, always there, and custom pricing units (§5.2)."""

from __future__ import annotations

import uuid
from operator import itemgetter
from typing import Any

from nova_iac.emulator import pages
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store

KIND = "pricing_unit"
USD = "2714e483-4ff1-48e4-9e25-ac732e8f24f2"
OTHER_FIATS = (
    *("AUD", "BRL", "CAD", "CHF", "CZK", "EUR", "GBP", "INR", "MXN", "NGN", "NOK", "PLN", "SEK", "TRY", "ZAR", "NZD"),
    "SGD",
)
FIATS = {USD: "USD (cents)"} | {str(uuid.uuid5(uuid.UUID(USD), code)): code for code in OTHER_FIATS}
"""Credit type id → name. Only the id of USD is Metronome's own; the others are fixed by the emulator."""


def create(request: Request, store: Store) -> Any:
    reader = request.reader()
    name = reader.text("name", least=1)
    reader.finish()
    unit = store.add(KIND, request.new_id(), {"name": name}, request.now)
    return {"data": {"id": unit.id}}


def list_all(request: Request, store: Store) -> Any:
    """Fiats first, then live pricing units in the order they were made."""
    rows = [(0, place, {"id": id, "name": name, "is_currency": True}) for place, (id, name) in enumerate(FIATS.items())]
    units = store.all(KIND, archived=False)
    rows += [(1, unit.seq, {"id": unit.id, "name": unit.body["name"], "is_currency": False}) for unit in units]
    return pages.by_query(request).answer_keyed(rows, itemgetter(0, 1), itemgetter(2))


def archive(request: Request, store: Store) -> Any:
    """Hides the unit; what uses it goes on (undocumented, §16)."""
    reader = request.reader()
    id = reader.uuid("id")
    reader.finish()
    if id in FIATS:
        raise BadRequest("A currency can't be archived")
    if store.get(KIND, id).archived_at:
        raise BadRequest("Pricing unit already archived")
    store.archive(id, request.now)
    return {"data": {"id": id}}


def named(store: Store, id: str) -> dict[str, str]:
    """The ``{id, name}`` of a credit type, as answers show it."""
    return {"id": id, "name": FIATS.get(id) or store.get(KIND, id).body["name"]}


def check_unit(store: Store, id: str) -> None:
    """400 unless the id is a live custom pricing unit."""
    unit = store.find(KIND, id)
    if unit is None or unit.archived_at:
        raise BadRequest(f"No such custom pricing unit: {id}")
