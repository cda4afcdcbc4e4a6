"""A resource as it was written: typed data that still knows its places in the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nova_iac.errors import Diagnostic, Location, Severity
from nova_iac.resource import NO_LIFECYCLE, Address, Lifecycle, Value


@dataclass(frozen=True, slots=True)
class Block:
    """One block of the spec, typed by its kind's schema, without its child sections and its lifecycle.

    data holds canonical scalars (money, quantities and instants as their canonical texts), references still as keys. It is a
    mapping for most kinds and a list of entries for rates. place gives the location of the value at a path of keys and indexes
    (``("tiers", 0, "size")``), or of the nearest part that was written.
    """

    address: Address
    data: Value
    location: Location
    place: Callable[[tuple[str | int, ...]], Location]
    lifecycle: Lifecycle = NO_LIFECYCLE

    def problem(self, code: str, summary: str, detail: str, *path: str | int, severity: Severity = Severity.ERROR) -> Diagnostic:
        """A diagnostic that points at the value at path."""
        return Diagnostic(severity, code, summary, detail, self.address, self.place(path))
