"""What a kind looks things up in: all that is declared, and the ids of what is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from nova_iac.kinds.block import Block
from nova_iac.resource import Address, Resource


class Declared:
    """All that is declared, with the two indexes that checks and orders over many resources need."""

    def __init__(self, resources: Mapping[Address, Resource], blocks: Mapping[Address, Block]) -> None:
        self.resources = resources
        self.blocks = blocks

    @cached_property
    def _by_kind(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for address, resource in self.resources.items():
            found.setdefault(address.kind, []).append(resource)
        return found

    @cached_property
    def _by_parent(self) -> dict[tuple[str, str], list[Resource]]:
        found: dict[tuple[str, str], list[Resource]] = {}
        for address, resource in self.resources.items():
            keys = address.keys
            if len(keys) == 2:
                found.setdefault((address.kind, keys[0]), []).append(resource)
        return found

    def of_kind(self, kind: str) -> Sequence[Resource]:
        """The resources of a kind."""
        return self._by_kind.get(kind, ())

    def under(self, kind: str, parent_key: str) -> Sequence[Resource]:
        """The resources of a kind that are nested under the parent of that key."""
        return self._by_parent.get((kind, parent_key), ())


class Names:
    """Remote ids and addresses, in both directions, as the lockfile knows them."""

    def __init__(self, ids: Mapping[Address, str]) -> None:
        self._ids = ids

    @cached_property
    def _addresses(self) -> dict[str, Address]:
        return {remote_id: address for address, remote_id in self._ids.items()}

    @property
    def ids(self) -> Iterable[str]:
        """Every recorded id."""
        return self._addresses

    def id(self, address: Address) -> str | None:
        """The id of a recorded resource."""
        return self._ids.get(address)

    def address(self, remote_id: str) -> str:
        """The address behind an id; a text that is no address and no key where the lockfile doesn't know the id."""
        return self._addresses.get(remote_id) or f"id {remote_id}"
