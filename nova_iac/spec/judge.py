"""What the schema has against typed data, in plain words and at the node that is meant.

Silent about what has been said already: a value that failed to be read, a key that is missing because another was misspelt, or
because the file broke off inside of its mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from nova_iac.errors import Diagnostic, Location
from nova_iac.resource import KEY_PATTERN, Value
from nova_iac.spec.layout import KEY_RULE, address_at
from nova_iac.spec.nodes import Mapping, Node, Scalar, Sequence
from nova_iac.spec.problems import instead, place, problem, shorten
from nova_iac.spec.schema import Flaw, flaws, resolve, wording
from nova_iac.spec.walker import SECRET, Findings

Path = tuple[str | int, ...]


def judge(data: Value, root: Mapping, found: Findings, cut: frozenset[int]) -> list[Diagnostic]:
    """The schema's problems with a document.

    :param root: the nodes that data was read from.
    :param found: what reading them has reported.
    :param cut: ids of mappings whose end was not read.
    """
    judgement = _Judgement(root, found, cut)
    return [diagnostic for flaw in flaws(data) for diagnostic in judgement.words(flaw)]


class _Judgement:
    def __init__(self, root: Mapping, found: Findings, cut: frozenset[int]) -> None:
        self.root, self.found, self.cut = root, found, cut

    def words(self, flaw: Flaw) -> Iterator[Diagnostic]:
        """The diagnostics of one flaw."""
        nodes = self._nodes(flaw.path)
        if any(id(node) in self.found.failed for node in nodes):
            return
        say = _WORDS.get(flaw.keyword, _Judgement._other)
        yield from say(self, flaw, nodes[-1])

    def _nodes(self, path: Path) -> list[Node]:
        """The nodes on a path, as far as it goes."""
        nodes: list[Node] = [self.root]
        for step in path:
            node = nodes[-1]
            if isinstance(node, Mapping) and step in node.entries:
                nodes.append(node.entries[str(step)])
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
                nodes.append(node.items[step])
            else:
                break
        return nodes

    def _problem(self, code: str, detail: str, flaw: Flaw, at: Node, source: str | None = None) -> Diagnostic:
        return problem(code, detail, place(at), address=address_at(flaw.path), source=source)

    def _key(self, path: Path, node: Node) -> Node:
        """The key under which a node stands; the node itself where it has none."""
        holder = self._nodes(path[:-1])[-1] if path else None
        return holder.keys[str(path[-1])] if isinstance(holder, Mapping) and path[-1] in holder.keys else node

    def _doubtful(self, node: Node) -> bool:
        """Whether something inside of a node has been reported, so that its forms can't be judged."""
        parts = list(node.entries.values()) if isinstance(node, Mapping) else node.items if isinstance(node, Sequence) else []
        if id(node) in self.found.failed or id(node) in self.found.guesses or id(node) in self.cut:
            return True
        return any(self._doubtful(part) for part in parts)

    # --- one method per keyword ----------------------------------------------------------------------------------------

    def _required(self, flaw: Flaw, node: Node) -> Iterator[Diagnostic]:
        name = flaw.value
        if not isinstance(node, Mapping) or name in node.entries or id(node) in self.cut:
            return
        if name in self.found.guesses.get(id(node), ()):
            return
        about = resolve(flaw.schema.get("properties", {}).get(name, {})).get("description", "")
        detail = f"{name} is missing here{f': {about}' if about else '.'}"
        yield self._problem("NV132", detail, flaw, self._key(flaw.path, node))

    def _enum(self, flaw: Flaw, node: Node) -> Iterator[Diagnostic]:
        choices = [str(choice) for choice in flaw.value]
        guess = instead(str(flaw.found), choices)
        listed = f" Choices: {', '.join(choices)}." if guess.startswith("did") else ""
        yield self._problem("NV133", f"{shorten(str(flaw.found))} is none of the choices; {guess}{listed}", flaw, node)

    def _const(self, flaw: Flaw, node: Node) -> Iterator[Diagnostic]:
        yield self._problem("NV143", f"this nova-iac reads version {flaw.value}; here stands {flaw.found}.", flaw, node)

    def _pattern(self, flaw: Flaw, node: Node) -> Iterator[Diagnostic]:
        text, name = str(flaw.found), str(flaw.path[-1])
        about = flaw.schema.get("description", "")
        if flaw.value == f"^{KEY_PATTERN}$":
            yield self._problem("NV137", f"{shorten(text)} can't be a resource's key: {KEY_RULE}.", flaw, node)
        elif SECRET.search(name):
            key = self._key(flaw.path, node)
            source = f"{' ' * (key.column - 1)}{name}: …"
            yield self._problem("NV142", f"what stands under {name} has the wrong form. {about}", flaw, key, source)
        else:
            yield self._problem("NV142", f"{shorten(text)} does not have the form {flaw.value}. {about}", flaw, node)

    def _length(self, flaw: Flaw, node: Node) -> Iterator[Diagnostic]:
        count = len(flaw.found)
        one, many = ("character", "characters") if isinstance(flaw.found, str) else ("entry", "entries")
        if flaw.keyword.startswith("min"):
            if id(node) in self.cut or self._doubtful(node):
                return
            least = f"{flaw.value} {one if flaw.value == 1 else many}"
            detail = f"{'it is empty' if count == 0 else f'{count} stand here'}: write at least {least}."
        else:
            about = flaw.schema.get("description", "")
            detail = f"{count} {many} stand here; at most {flaw.value} are possible. {about}"
        yield self._problem("NV138", detail, flaw, node)

    def _unique(self, flaw: Flaw, node: Node) -> Iterator[Diagnostic]:
        if not isinstance(node, Sequence):
            return
        for index, part in enumerate(node.items):
            first = flaw.found.index(flaw.found[index])
            if first < index and not self._doubtful(part) and not self._doubtful(node.items[first]):
                shown = shorten(part.text) if isinstance(part, Scalar) else "the same"
                at: Location = place(node.items[first])
                detail = f"{shown} stands in this list already, at line {at.line}, column {at.column}: remove one of them."
                yield self._problem("NV139", detail, flaw, part)

    def _bounds(self, flaw: Flaw, node: Node) -> Iterator[Diagnostic]:
        words = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than", "exclusiveMaximum": "less than"}
        yield self._problem("NV141", f"{flaw.found} stands here; {words[flaw.keyword]} {flaw.value} is possible.", flaw, node)

    def _one_of(self, flaw: Flaw, node: Node) -> Iterator[Diagnostic]:
        if not isinstance(node, Mapping):
            yield from self._other(flaw, node)
            return
        forms = flaw.schema["oneOf"]
        needs = [tuple(form.get("required", ())) for form in forms]
        met = [index for index, names in enumerate(needs) if all(name in node.entries for name in names)]
        either = " or ".join(" and ".join(names) for names in needs)
        if not met:
            if not self._doubtful(node):
                yield self._problem("NV132", f"one of them is needed: {either}.", flaw, self._key(flaw.path, node))
        elif len(met) > 1:
            clash = [name for index in met for name in needs[index]]
            detail = f"{' and '.join(clash)} don't go together: write either {either}."
            yield self._problem("NV140", detail, flaw, node.keys[clash[-1]])
        else:
            barred = [
                name for name, part in forms[met[0]].get("properties", {}).items() if part is False and name in node.entries
            ]
            for name in barred:
                detail = f"{name} doesn't go together with {' and '.join(needs[met[0]])}: write either {either}."
                yield self._problem("NV140", detail, flaw, node.keys[name])

    def _any_of(self, flaw: Flaw, node: Node) -> Iterator[Diagnostic]:
        for branch in flaw.branches:
            if not any(part.path == flaw.path and part.keyword == "type" for part in branch):
                for part in branch:
                    yield from self.words(part)
                return
        yield from self._other(flaw, node)

    def _not(self, flaw: Flaw, node: Node) -> Iterator[Diagnostic]:
        names = flaw.schema.get("not", {}).get("required", ())
        if isinstance(node, Mapping) and names and all(name in node.keys for name in names):
            detail = f"{' and '.join(names)} don't go together: write one of them."
            yield self._problem("NV140", detail, flaw, node.keys[names[-1]])
        else:
            yield from self._other(flaw, node)

    def _other(self, flaw: Flaw, node: Node) -> Iterator[Diagnostic]:
        """A keyword without words of its own."""
        if not self._doubtful(node):
            yield self._problem("NV142", f"{wording(flaw)}.", flaw, node)


_WORDS: Final[dict[str, Callable[[_Judgement, Flaw, Any], Iterator[Diagnostic]]]] = {
    "required": _Judgement._required,
    "enum": _Judgement._enum,
    "const": _Judgement._const,
    "pattern": _Judgement._pattern,
    "minLength": _Judgement._length,
    "maxLength": _Judgement._length,
    "minItems": _Judgement._length,
    "maxItems": _Judgement._length,
    "minProperties": _Judgement._length,
    "maxProperties": _Judgement._length,
    "uniqueItems": _Judgement._unique,
    "minimum": _Judgement._bounds,
    "maximum": _Judgement._bounds,
    "exclusiveMinimum": _Judgement._bounds,
    "exclusiveMaximum": _Judgement._bounds,
    "oneOf": _Judgement._one_of,
    "anyOf": _Judgement._any_of,
    "not": _Judgement._not,
}
