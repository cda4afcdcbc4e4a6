"""Resources as the text of a spec: in sections, parents with their children, in several files where one would be too long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nova_iac.kinds.base import Kind
from nova_iac.render.yaml import Block, as_written, text
from nova_iac.resource import Address, Value

LONGEST_FILE: Final = 300
"""Lines from which a spec is split."""

LONGEST_SECTION: Final = 100
"""Lines from which a section of a split spec gets a file, or a folder, of its own."""


@dataclass(frozen=True, slots=True)
class SpecText:
    """The resources of a spec. root is the text for the spec's own file, files those that it includes, by relative path."""

    root: str
    files: Mapping[str, str]


def spec_text(blocks: Mapping[Address, Value], kinds: Mapping[str, Kind], *, split: bool = True) -> SpecText:
    """All resources, sections in the order of kinds and resources in the order of their addresses.

    :param blocks: each block's typed data, references as keys.
    :param split: whether a long spec may be split over several files.
    """
    sections: dict[str, Block] = {}
    for address, data in sorted(blocks.items(), key=lambda pair: (list(kinds).index(pair[0].kind), pair[0])):
        kind = kinds[address.kind]
        written = as_written(data, kind.shape)
        if kind.parent is None:
            sections.setdefault(kind.section, Block())[address.keys[0]] = Block(written)
            continue
        holder = sections[kinds[kind.parent].section][address.keys[0]].setdefault(kind.section, Block())
        holder[address.keys[1]] = [Block(entry) for entry in written] if isinstance(written, list) else written
    texts = {name: _section(name, held) for name, held in sections.items()}
    if not split or sum(part.count("\n") for part in texts.values()) <= LONGEST_FILE:
        return SpecText("\n".join(texts.values()), {})
    return _split(sections, texts, kinds)


def _split(sections: Mapping[str, Block], texts: Mapping[str, str], kinds: Mapping[str, Kind]) -> SpecText:
    parents = {kinds[kind.parent].section for kind in kinds.values() if kind.parent}
    files: dict[str, str] = {}
    includes: list[str] = []
    kept: list[str] = []
    for name, whole in texts.items():
        if whole.count("\n") <= LONGEST_SECTION:
            kept.append(whole)
        elif name in parents:
            includes.append(f"{name}/*.yaml")
            files |= {f"{name}/{key}.yaml": _section(name, {key: block}) for key, block in sections[name].items()}
        else:
            includes.append(f"{name}.yaml")
            files[f"{name}.yaml"] = whole
    return SpecText("\n".join([text({"include": includes}), *kept]), files)


def _section(name: str, held: Mapping[str, Any]) -> str:
    """A section, a blank line between its resources."""
    parts = [text({name: Block({key: block})}).split("\n", 1)[1] for key, block in held.items()]
    return f"{name}:\n" + "\n".join(parts)


def block_text(address: Address, blocks: Mapping[Address, Value], kinds: Mapping[str, Kind]) -> list[str]:
    """The lines of one block with its children, its key first, without indentation."""
    kind = kinds[address.kind]
    written = as_written(blocks[address], kind.shape)
    if kind.parent is None:
        written = Block(written)
        for child, data in sorted(blocks.items()):
            if kinds[child.kind].parent == address.kind and child.keys[0] == address.keys[0]:
                held = written.setdefault(kinds[child.kind].section, Block())
                inside = as_written(data, kinds[child.kind].shape)
                held[child.keys[1]] = [Block(entry) for entry in inside] if isinstance(inside, list) else inside
    return text({address.keys[-1]: written}).splitlines()
