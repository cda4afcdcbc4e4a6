"""getContractRateSchedule (§7.3): what a contract pays at an instant, entitled rates only."""

from __future__ import annotations

from typing import Any

from nova_iac.emulator import contract_store, pages, rate_store, selectors, times
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store


def rate_schedule(request: Request, store: Store) -> Any:
    page, reader = pages.by_query(request), request.reader()
    customer_id, contract_id = reader.uuid("customer_id"), reader.uuid("contract_id")
    at, chosen = reader.maybe_instant("at"), selectors.read(reader, tags=True)
    reader.finish()
    contract = contract_store.find(store, contract_id, customer_id)
    card_id = contract.body["initial"].get("rate_card_id")
    moment = times.text(at or request.now)
    entitled = rate_store.segments_at(store, card_id, moment, page.last, entitled=True) if card_id else []
    answer = rate_store.answer(page, store, entitled, chosen, request.now, "list_rate")
    return answer | {"data": [{"rate_card_id": card_id, **row} for row in answer["data"]]}
