"""What an environment leaves out (``exclude``) and writes differently (``set``), done on the tree before it is typed.

The files' own nodes are shared by all environments and stay as they are; only the mappings on the way to a change are copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nova_iac.errors import Diagnostic, Location
from nova_iac.kinds import KINDS
from nova_iac.kinds.shapes import Shape, Struct
from nova_iac.resource import Address, AddressPattern
from nova_iac.spec import nodes
from nova_iac.spec.layout import KEY, address_at, addresses, find, inside, is_list, path_of
from nova_iac.spec.problems import NULLS, instead, nearest, place, problem, shorten
from nova_iac.spec.schema import shape_of

_WILD: Final = frozenset("*?")


class Overrides:
    """The sections of one environment in the making."""

    def __init__(self, sections: nodes.Mapping, cut: frozenset[int]) -> None:
        self.base = sections
        self.sections = sections
        self.cut = set(cut)
        self.excluded: dict[Address, Location] = {}
        self.diagnostics: list[Diagnostic] = []
        self._own: dict[int, nodes.Mapping] = {}  # the copies themselves, so that their ids stay theirs
        self._addresses: list[Address] | None = None

    # --- exclude -------------------------------------------------------------------------------------------------------

    def exclude(self, entry: nodes.Scalar) -> None:
        """Leave out what an address or a pattern names, and what stands inside of it."""
        matches = [address for address in self._matches(entry.text) if address in self.excluded or self._remove(address, entry)]
        if not matches:
            hint = "the pattern matches nothing." if _WILD.intersection(entry.text) else self._instead(entry.text)
            detail = f"{shorten(entry.text)} names no resource of this spec; {hint}"
            self.diagnostics.append(problem("NV224", detail, place(entry)))

    def _matches(self, text: str) -> list[Address]:
        if _WILD.intersection(text):
            pattern = AddressPattern(text)
            return [address for address in self._all() if pattern.matches(address)]
        address = _address(text)
        return [address] if address is not None and find(self.base, path_of(address) or ("",)) is not None else []

    def _remove(self, address: Address, entry: nodes.Scalar) -> bool:
        path = path_of(address)
        block = find(self.sections, path) if path else None
        if path is None or block is None:
            return False
        holder = self._writable(path[:-1])
        if holder is None:
            return False
        del holder.entries[path[-1]], holder.keys[path[-1]]
        at = place(entry)
        for gone in (address, *inside(KINDS[address.kind], path[-1], block)):
            self.excluded.setdefault(gone, at)
        return True

    # --- set -----------------------------------------------------------------------------------------------------------

    def set(self, key: nodes.Scalar, value: nodes.Node) -> None:
        """Replace the field that a dotted path names by another node; null removes it."""
        words = key.text.split(".")
        kind = KINDS.get(words[0])
        count = 0 if kind is None else 2 if kind.parent else 1
        if kind is None or len(words) <= count:
            detail = f"{shorten(key.text)} is no ADDRESS.FIELD such as product.api.name; {self._instead(key.text)}"
            self.diagnostics.append(problem("NV222", detail, place(key)))
            return
        address = Address.of(kind.name, *words[1 : 1 + count])
        fields = words[1 + count :]
        path = self._known(address, key)
        if path is None:
            return
        if not fields and not is_list(kind):
            detail = f"{shorten(key.text)} names a whole resource: write the field behind it, or exclude the resource."
            self.diagnostics.append(problem("NV223", detail, place(key)))
            return
        if self._checked(key, address, path, fields):
            self._put((*path, *fields), key, value)

    def _known(self, address: Address, key: nodes.Scalar) -> tuple[str, ...] | None:
        """The path of a block that is there; else what is wrong is reported."""
        path = path_of(address)
        if path is not None and find(self.sections, path) is not None:
            return path
        if address in self.excluded:
            at = self.excluded[address]
            detail = f"{address} is excluded in this environment, at line {at.line}: remove one of the two."
            self.diagnostics.append(problem("NV225", detail, place(key), address=address))
        else:
            detail = f"there is no {address} in this spec; {self._instead(address)}"
            self.diagnostics.append(problem("NV222", detail, place(key)))
        return None

    def _checked(self, key: nodes.Scalar, address: Address, path: Sequence[str], fields: Sequence[str]) -> bool:
        """Whether the fields are ones that the kind knows, and the children ones that are there."""
        shape: Shape | None = shape_of(address.kind)
        at = list(path)
        for name in fields:
            if not isinstance(shape, Struct):
                detail = f"nothing can be set inside of {'.'.join(at[2:]) or address}: it is replaced as a whole."
                self.diagnostics.append(problem("NV223", detail, place(key), address=address))
                return False
            at.append(name)
            child = address_at(at) if len(at) == 4 else None
            if child is not None and child != address and path_of(child) == tuple(at):
                if self._known(child, key) is None:
                    return False
            elif name not in shape.fields and shape.others is None:
                detail = f"{shorten(name)} is no field here; {instead(name, shape.fields)}"
                self.diagnostics.append(problem("NV223", detail, place(key), address=address))
                return False
            shape = shape.fields.get(name, shape.others)
        return True

    def _put(self, path: Sequence[str], key: nodes.Scalar, value: nodes.Node) -> None:
        remove = isinstance(value, nodes.Scalar) and value.plain and value.text in NULLS
        holder = self._writable(path[:-1], None if remove else key)
        if holder is None:
            return
        name = path[-1]
        if remove:
            holder.entries.pop(name, None)
            holder.keys.pop(name, None)
        else:
            holder.entries[name] = value
            holder.keys[name] = nodes.Scalar(name, False, key.line, key.column, key.file)

    # --- the tree ------------------------------------------------------------------------------------------------------

    def _writable(self, path: Sequence[str], make: nodes.Scalar | None = None) -> nodes.Mapping | None:
        """The mapping at a path, copied with all above it; None where there is none, unless one is to be made.

        :param make: the key whose place a mapping that has to be made gets.
        """
        holder = self.sections = self._copied(self.sections)
        for name in path:
            below = holder.entries.get(name)
            if below is None and make is not None:
                below = nodes.Mapping({}, {}, make.line, make.column, make.file)
                holder.keys[name] = nodes.Scalar(name, False, make.line, make.column, make.file)
            if not isinstance(below, nodes.Mapping):
                return None
            holder.entries[name] = below = self._copied(below)
            holder = below
        return holder

    def _copied(self, mapping: nodes.Mapping) -> nodes.Mapping:
        if id(mapping) in self._own:
            return mapping
        copy = nodes.Mapping(dict(mapping.entries), dict(mapping.keys), mapping.line, mapping.column, mapping.file)
        self._own[id(copy)] = copy
        if id(mapping) in self.cut:
            self.cut.add(id(copy))
        return copy

    def _all(self) -> list[Address]:
        if self._addresses is None:
            self._addresses = list(addresses(self.base))
        return self._addresses

    def _instead(self, text: str) -> str:
        return instead_of_address(text, self._all())


def instead_of_address(text: str, known: Sequence[Address]) -> str:
    """The end of a message about an address that there is none of."""
    head, _, rest = text.partition(".")
    if head not in KINDS:
        by_section = {kind.section: kind.name for kind in KINDS.values()}
        kind = by_section.get(head) or nearest(head, list(KINDS))
        if kind is None:
            return f"an address begins with one of {', '.join(KINDS)}."
        return f"did you mean {kind}.{rest or 'KEY'}?"
    same = {str(address) for address in known if address.kind == head}
    guess = nearest(text, same)
    if guess is None and len(text.split(".")) > 2:
        # The text may go on with fields behind the address.
        count = 3 if KINDS[head].parent else 2
        guess = nearest(".".join(text.split(".")[:count]), same)
    if guess is not None:
        return f"did you mean {guess}?"
    return f"known: {', '.join(sorted(same)[:10])}{', …' if len(same) > 10 else ''}." if same else f"it has no {head} at all."


def _address(text: str) -> Address | None:
    words = text.split(".")
    if words[0] not in KINDS or not all(KEY.fullmatch(word) for word in words[1:]) or len(words) < 2:
        return None
    return Address.of(words[0], *words[1:])
