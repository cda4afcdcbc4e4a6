"""Files of events, faults of the embedded emulator, and what has arrived in it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from support import Project

from nova_iac.emulator import Emulator
from nova_iac.emulator.faults import Fault
from nova_iac.retry import RetryPolicy

TIERS = ("standard", "high-res", "ultra")


def event(number: int, **changes: Any) -> dict[str, Any]:
    """A good event of the example; None takes a field away."""
    whole = {
        "transaction_id": f"event-{number:06d}",
        "customer_id": "jane@nova.com",
        "event_type": "image_generation",
        "timestamp": f"2026-11-22T{number % 14:02d}:{number % 60:02d}:00Z",
        "properties": {"image_type": TIERS[number % 3], "num_images": "1"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def write_lines(path: Path, events: Iterable[Mapping[str, Any] | str | bytes]) -> Path:
    """An NDJSON file; texts and bytes stand as they are."""
    lines = [one if isinstance(one, bytes) else (one if isinstance(one, str) else json.dumps(one)).encode() for one in events]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def arrived(project: Project) -> Counter[str]:
    """How often each transaction id is stored."""
    with contextlib.closing(sqlite3.connect(project.database)) as database:
        return Counter(row[0] for row in database.execute("SELECT transaction_id FROM event"))


def stored(project: Project, transaction_id: str) -> dict[str, Any]:
    """One stored event, as it can be searched."""
    with project.account() as account:
        (found,) = account.v1.usage.search(transaction_ids=[transaction_id])
    return found.model_dump()


def rejected(path: Path) -> list[dict[str, Any]]:
    """The lines of a rejected file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@contextlib.contextmanager
def faults(*wanted: Fault) -> Iterator[list[Fault]]:
    """Embedded emulators with these faults, and no pause between attempts."""

    class Faulty(Emulator):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.faults.set(wanted)

    hasty = RetryPolicy(attempts=12, first_pause=0.0, longest_pause=0.0)
    with mock.patch("nova_iac.emulator.Emulator", Faulty), mock.patch("nova_iac.usage.sender.PATIENCE", hasty):
        yield list(wanted)


def on_ingest(kind: str, **options: Any) -> Fault:
    """A fault of ingest."""
    return Fault(kind, method="POST", path="/v1/ingest", **options)
