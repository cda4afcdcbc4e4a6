"""One API call as behaviour sees it: no HTTP, no clock, no randomness of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nova_iac.emulator import wire

AUTHOR = "emulator"
"""What ``created_by`` says."""


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` holds the values of the route's placeholders, ``body`` the parsed JSON ({} when there was none)."""

    route: str
    path: dict[str, str]
    query: wire.Query
    body: Any
    now: datetime
    new_id: Callable[[], str]

    def reader(self) -> wire.Reader:
        """A reader over the body; a body that isn't an object is one of its problems."""
        return wire.Reader(self.body)

    def path_id(self, name: str) -> str:
        """A UUID from the path; malformed is a 400 (§3.2)."""
        return wire.uuid(self.path[name], name)
