"""GET /v1/services (§12.3): the addresses that Metronome talks from and listens at; here, this machine."""

from __future__ import annotations

from typing import Any

from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store

SERVICES = (("API", "accepts_connections_at"), ("Webhooks", "makes_connections_from"))


def list_all(_request: Request, _store: Store) -> Any:
    return {"services": [{"name": name, "usage": usage, "ips": ["127.0.0.1"]} for name, usage in SERVICES]}
