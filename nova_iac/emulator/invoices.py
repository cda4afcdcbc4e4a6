"""Freezing (§14.1): a finalized invoice is what the account said at the end of its grace period.

Nothing has to be written for that at the time: what changes the account freezes first, by ``freeze…``, every final invoice that
the change could touch; until then computing it gives the same. So reads write nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nova_iac import rating
from nova_iac.emulator import codec, contract_store, statements, times
from nova_iac.emulator.biller import Biller
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.statements import DRAFT, FINALIZED, Statement
from nova_iac.emulator.store import Store, Stored


def freeze(store: Store, contract: Stored, now: datetime, since: datetime = rating.BEGINNING) -> None:
    """Keeps the final invoices of periods that end after an instant, as they are now."""
    _freeze(store, contract, now, since, Biller(store, now))


def freeze_customer(store: Store, customer_id: str, now: datetime, since: datetime = rating.BEGINNING) -> None:
    biller = Biller(store, now)
    for contract in store.all(contract_store.KIND, parent=customer_id):
        _freeze(store, contract, now, since, biller)


def freeze_card(store: Store, card_id: str, now: datetime, since: datetime = rating.BEGINNING) -> None:
    """For a change of prices that is in force from an instant on."""
    _freeze_card(store, card_id, now, since, Biller(store, now))


def freeze_product(store: Store, product_id: str, now: datetime, since: datetime = rating.BEGINNING) -> None:
    biller = Biller(store, now)
    for (card_id,) in store.rows("SELECT DISTINCT card_id FROM rate WHERE product_id = ?", product_id):
        _freeze_card(store, card_id, now, since, biller)


def check_end(store: Store, contract: Stored, end: datetime | None, now: datetime, *, allowed: bool) -> None:
    """Readies a contract for a new end date: what is final stays, and unless allowed nothing final may lie beyond it."""
    final = [each for each in statements.of(store, contract, now) if each.status == FINALIZED]
    if not allowed and end is not None and any(each.period.end > end for each in final):
        raise BadRequest("The contract can't end before the end of a finalized invoice")
    freeze(store, contract, now)


def keep(store: Store, statement: Statement, answer: dict[str, Any]) -> None:
    """Stores an invoice, or its new status."""
    store.run(
        "INSERT INTO invoice (id, contract_id, starting_at, ending_before, status, body) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET status = excluded.status",
        *(statement.id, statement.contract.id, times.text(statement.period.start), times.text(statement.period.end)),
        *(statement.status, codec.dumps(answer)),
    )


def _freeze_card(store: Store, card_id: str, now: datetime, since: datetime, biller: Biller) -> None:
    if since <= now:
        for (contract_id,) in store.rows("SELECT contract_id FROM card_contract WHERE card_id = ?", card_id):
            _freeze(store, store.get(contract_store.KIND, contract_id), now, since, biller)


def _freeze(store: Store, contract: Stored, now: datetime, since: datetime, biller: Biller) -> None:
    for statement in list(statements.of(store, contract, now)):
        if statement.status != DRAFT and statement.kept is None and statement.period.end > since:
            keep(store, statement, biller.to_keep(statement))
