"""The order of a rate card's products (§7.4): written, never read back; invoice lines follow it."""

from __future__ import annotations

from typing import Any

from nova_iac.emulator import invoices, product_store, rate_cards, rate_store
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store


def set_order(request: Request, store: Store) -> Any:
    """The products given come first, in this order; a partial list is accepted."""
    reader = request.reader()
    card_id, order = reader.uuid("rate_card_id"), reader.uuids("product_order")
    reader.finish()
    store.get(rate_cards.KIND, card_id)
    _put(store, card_id, list(dict.fromkeys(order)), request)
    return {"data": {"id": card_id}}


def move(request: Request, store: Store) -> Any:
    """Moves are done one after the other; positions count from 0 and beyond the end mean the end."""
    reader = request.reader()
    card_id = reader.uuid("rate_card_id")
    moves = [(each.uuid("product_id"), each.whole("position", least=0)) for each in reader.objects("product_moves")]
    reader.finish()
    store.get(rate_cards.KIND, card_id)
    order = rate_store.products_of(store, card_id)
    for product_id, position in moves:
        order = [id for id in order if id != product_id]
        order.insert(position, product_id)
    _put(store, card_id, order, request)
    return {"data": {"id": card_id}}


def _put(store: Store, card_id: str, order: list[str], request: Request) -> None:
    for id in order:
        store.get(product_store.KIND, id, BadRequest(f"No such product: {id}"))
    invoices.freeze_card(store, card_id, request.now)
    store.run("DELETE FROM product_order WHERE card_id = ?", card_id)
    for place, id in enumerate(order):
        store.run("INSERT INTO product_order VALUES (?, ?, ?)", card_id, id, place)
