"""The Idempotency-Key store (§3.4): one key space for the whole account, compared before any other rule.

Kept are answers of calls that began executing; a refusal by validation leaves the key free.
"""

from __future__ import annotations

import hashlib
from typing import Any

from nova_iac.emulator import codec
from nova_iac.emulator.errors import Conflict
from nova_iac.emulator.store import Store


def fingerprint(method: str, path: str, query: dict[str, str], body: Any) -> str:
    """Equal for equal parameters, however the JSON was written."""
    return hashlib.sha256(codec.dumps([method, path, query, body], canonical=True).encode()).hexdigest()


def replay(store: Store, key: str, fingerprint: str) -> tuple[int, str] | None:
    """The kept status and answer of the key, None when it is new; 409 when it came with other parameters."""
    row = store.row("SELECT fingerprint, status, answer FROM idempotency_key WHERE key = ?", key)
    if row is None:
        return None
    if row[0] != fingerprint:
        raise Conflict("The Idempotency-Key was already used with different parameters")
    return row[1], row[2]


def keep(store: Store, key: str, fingerprint: str, status: int, answer: str) -> None:
    store.run("INSERT INTO idempotency_key VALUES (?, ?, ?, ?)", key, fingerprint, status, answer)
