"""``include``: the resource sections of several files, as if they stood in one.

Paths and globs are relative to the file that names them. Every file is read once, however often it is named. Nothing outside of
the spec's folder is read, also not through a symbolic link.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nova_iac.errors import Diagnostic
from nova_iac.spec.layout import children, roots
from nova_iac.spec.loader import Loaded, load_file
from nova_iac.spec.nodes import Mapping, Scalar, Sequence
from nova_iac.spec.problems import NULLS, describe, place, problem, shorten
from nova_iac.spec.schema import frame
from nova_iac.spec.walker import Findings

_WILD: Final = frozenset("*?[")


@dataclass(slots=True)
class Gathered:
    """The sections of all files. complete is False if the end of any of them wasn't read."""

    sections: Mapping
    complete: bool = True
    cut: set[int] = field(default_factory=set)
    trees: list[Mapping] = field(default_factory=list)  # kept, because cut knows their parts by id
    diagnostics: list[Diagnostic] = field(default_factory=list)


def gather(path: Path, root: Mapping, loaded: Loaded, found: Findings) -> Gathered:
    """Put together the root file's sections and those of all files that it includes."""
    return _Gathering(path, found).run(root, loaded)


class _Gathering:
    """One run of gather. A file is known by its resolved path, and shown by the path it was reached by."""

    def __init__(self, path: Path, found: Findings) -> None:
        self.path = path
        self.folder = path.parent.resolve()
        self.found = found
        self.out = Gathered(Mapping({}, {}, 1, 1, str(path)))
        self.names: dict[Path, list[tuple[Path, Scalar]]] = {}  # by file: those that it names, each with the entry
        self.shared: set[int] = set()  # the ids of sections that are files' own nodes

    def run(self, root: Mapping, loaded: Loaded) -> Gathered:
        start = self.path.resolve()
        waiting: list[tuple[Path, Mapping]] = [(self.path, root)]
        seen = {start}
        self._take(loaded)
        while waiting:
            path, tree = waiting.pop()
            self._sections(tree, first=path is self.path)
            below: list[tuple[Path, Mapping]] = []
            named = self.names[path.resolve()] = []
            for part, entry in self._included(path, tree):
                identity = part.resolve()
                named.append((identity, entry))
                if identity not in seen:
                    seen.add(identity)
                    content = load_file(part, _shown(part))
                    self._take(content)
                    if content.root is not None:
                        below.append((part, content.root))
            waiting.extend(reversed(below))
        self._cycles(start)
        return self.out

    def _cycles(self, start: Path) -> None:
        """Report each entry that leads back to a file above it."""
        above = {start}
        done: set[Path] = set()
        chain = [(start, iter(self.names[start]))]
        while chain:
            at, entries = chain[-1]
            for target, entry in entries:
                if target in above:
                    detail = (
                        f"{shorten(entry.text)} leads back to {target.name}: keep included files apart from those that name them."
                    )
                    self._report("NV121", detail, entry)
                elif target in self.names and target not in done:
                    above.add(target)
                    chain.append((target, iter(self.names[target])))
                    break
            else:
                chain.pop()
                above.discard(at)
                done.add(at)

    def _take(self, loaded: Loaded) -> None:
        self.out.complete = self.out.complete and loaded.complete
        self.out.cut |= loaded.cut
        if loaded.root is not None:
            self.out.trees.append(loaded.root)
        self.out.diagnostics.extend(loaded.diagnostics)
        self.found.failed.update(loaded.failed)

    def _sections(self, tree: Mapping, *, first: bool) -> None:
        header = {name for name in frame().fields if name not in roots()}
        for name, node in tree.entries.items():
            if name in roots():
                if isinstance(node, Mapping):
                    self._add(name, tree.keys[name], node)
                else:
                    self.found.mismatch(node, "a mapping", "write one `key: …` for each; resources are never in lists.")
            elif name in header:
                if not first and name != "include":
                    detail = f"{name} stands in the spec's first file; an included one holds resource sections only."
                    self.out.diagnostics.append(problem("NV125", detail, place(tree.keys[name])))
            elif not name.startswith("x-"):
                self.found.unknown(tree, name, frame().fields, _child_section(name))

    def _add(self, name: str, key: Scalar, node: Mapping) -> None:
        sections = self.out.sections
        held = sections.entries.get(name)
        if not isinstance(held, Mapping):
            sections.entries[name], sections.keys[name] = node, key
            self.shared.add(id(node))
            return
        if id(held) in self.shared:
            held = Mapping(dict(held.entries), dict(held.keys), held.line, held.column, held.file)
            sections.entries[name] = held
        for part, block in node.entries.items():
            first = held.keys.get(part)
            if first is None:
                held.entries[part], held.keys[part] = block, node.keys[part]
            else:
                detail = f"{shorten(part)} stands at {first.file}:{first.line}:{first.column} already: keep one of them."
                self.out.diagnostics.append(problem("NV124", detail, place(node.keys[part])))

    def _included(self, path: Path, tree: Mapping) -> Iterator[tuple[Path, Scalar]]:
        """The files that a file names, in order, each with the entry that names it."""
        named = tree.entries.get("include")
        if named is None:
            return
        if not isinstance(named, Sequence):
            self.found.mismatch(named, "a list", "write include: [customers/*.yaml].")
            return
        for entry in named.items:
            if isinstance(entry, Scalar) and entry.text and not (entry.plain and entry.text in NULLS):
                yield from ((match, entry) for match in self._matches(path.parent, entry))
            else:
                self.found.refuse(entry, "NV130", f"expected a path or a glob, found {describe(entry)}.")

    def _matches(self, folder: Path, entry: Scalar) -> list[Path]:
        text = entry.text
        wild = bool(_WILD.intersection(text))
        try:
            if Path(text).is_absolute():
                self._report("NV122", f"{shorten(text)} is absolute: write a path relative to this file.", entry)
                return []
            paths = _glob(folder, text) if wild else [folder / text]
            inside = [path for path in paths if path.resolve().is_relative_to(self.folder)]
            if len(inside) < len(paths):
                out = next(path for path in paths if path not in inside)
                self._report("NV122", f"{_shown(out)} leads out of the spec's folder, where nothing is read.", entry)
            elif not paths:
                self._report("NV123", f"{shorten(text)} matches no file.", entry)
            elif not wild and not paths[0].is_file():
                what = "is a folder: write a glob such as folder/*.yaml" if paths[0].is_dir() else "does not exist"
                self._report("NV120", f"{_shown(paths[0])} {what}.", entry)
                return []
        except (OSError, ValueError, RuntimeError) as trouble:
            self._report("NV120", f"{shorten(text)} can't be looked up: {trouble}.", entry)
            return []
        return inside

    def _report(self, code: str, detail: str, entry: Scalar) -> None:
        self.out.diagnostics.append(problem(code, detail, place(entry)))


def _glob(folder: Path, pattern: str) -> list[Path]:
    """The files that a glob matches, sorted; hidden ones (an editor's copies) only where the pattern has the dot."""
    hidden = any(part.startswith(".") and part.strip(".") for part in Path(pattern).parts)
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    return found if hidden else [path for path in found if not _is_hidden(path.relative_to(folder))]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") and part.strip(".") for part in path.parts)


def _shown(path: Path) -> str:
    return os.path.normpath(path)


def _child_section(name: str) -> str:
    """A hint for a section that belongs inside of others."""
    for section, kind in roots().items():
        if name in children(kind.name):
            return f": {name} stand inside of their {kind.name}, as {section}.KEY.{name}"
    return ""
