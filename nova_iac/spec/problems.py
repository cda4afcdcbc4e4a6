"""The codes of the spec layer, each with its fixed summary, and the helpers that word a problem.

=====  ===================================================================================================
NV100  files and bytes (100-102), YAML (103-113), ``include`` (120-125)
NV130  values against the schema (130-143)
NV220  environments (220-221, 227), ``set`` and ``exclude`` (222-225), ``moved`` (226)
=====  ===================================================================================================

A code keeps its meaning for ever: pipelines filter on it. References between resources have codes of their own below NV220,
given where the graph is built.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Final

from nova_iac.errors import Diagnostic, Location, Severity
from nova_iac.spec.nodes import Mapping, Node, Scalar, Sequence

SUMMARIES: Final = {
    "NV100": "File can't be read",
    "NV101": "Not a text file in UTF-8",
    "NV102": "Nothing in the file",
    "NV103": "YAML syntax error",
    "NV104": "Tab in the indentation",
    "NV105": "Key given twice",
    "NV106": "Key that isn't text",
    "NV107": "Tag not allowed",
    "NV108": "Alias that can't be followed",
    "NV109": "Aliases grow the file too much",
    "NV110": "Merge of something that isn't a mapping",
    "NV111": "Nested too deeply",
    "NV112": "Value too long",
    "NV113": "More than one document",
    "NV120": "Included file can't be read",
    "NV121": "Include cycle",
    "NV122": "Include outside the spec's folder",
    "NV123": "Include without a match",
    "NV124": "Key defined in two files",
    "NV125": "Not allowed in an included file",
    "NV130": "Wrong type",
    "NV131": "Unknown key",
    "NV132": "Missing key",
    "NV133": "Not one of the choices",
    "NV134": "Not an amount of money",
    "NV135": "Not a number that can be used here",
    "NV136": "Not an instant that can be used here",
    "NV137": "Not a resource key",
    "NV138": "Wrong length",
    "NV139": "Given twice",
    "NV140": "Fields that don't go together",
    "NV141": "Out of bounds",
    "NV142": "Wrong form",
    "NV143": "Version not supported",
    "NV220": "Unknown environment",
    "NV221": "No environment chosen",
    "NV222": "Unknown address",
    "NV223": "Unknown field",
    "NV224": "Exclude without a match",
    "NV225": "Set on an excluded resource",
    "NV226": "Move that can't be made",
    "NV227": "Setting without effect",
}
WARNINGS: Final = frozenset(("NV123", "NV227"))

_SHOWN: Final = 60  # characters of a value in a message
_LISTED: Final = 20  # choices in a message
_COMPARED: Final = 80  # letters of a word that is compared with choices
_MANY: Final = 500  # choices that are compared one by one
_KEY_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789_-."


def problem(
    code: str, detail: str, location: Location | None, *, address: str | None = None, source: str | None = None
) -> Diagnostic:
    """A diagnostic of this layer; its severity and summary follow from its code."""
    severity = Severity.WARNING if code in WARNINGS else Severity.ERROR
    return Diagnostic(severity, code, SUMMARIES[code], detail, address, location, source)


def place(node: Node) -> Location:
    """Where a node begins."""
    return Location(node.file, node.line, node.column)


def shorten(text: str) -> str:
    """A text as it is quoted in a message: on one line, and cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def describe(node: Node) -> str:
    """What stands in the file, in a message's words."""
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(text, plain) if plain and text in NULLS:
            return "nothing" if not text else f"{text} (nothing)"
        case Scalar(text, plain) if plain:
            return shorten(text)
    return f"the quoted text {shorten(node.text)}"


NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
"""What a plain scalar says when it says nothing (YAML 1.2 core)."""


def nearest(word: str, choices: Collection[str]) -> str | None:
    """The choice that was probably meant, if one is near. Among very many, only what is one slip of a finger away."""
    if len(word) > _COMPARED:
        return None
    if len(choices) > _MANY:
        return next((slip for slip in _slips(word) if slip in choices), None)
    import difflib  # here, because a sound spec never needs it

    folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def instead(word: str, choices: Collection[str]) -> str:
    """The end of a message about an unknown word: the nearest choice, or what there is to choose from.

    :param choices: a set or a mapping where there may be many.
    """
    guess = nearest(word, choices)
    if guess is not None:
        return f"did you mean {guess}?"
    if not choices:
        return "there is none."
    return f"known: {', '.join(islice(choices, _LISTED))}{', …' if len(choices) > _LISTED else ''}."


def _slips(word: str) -> Iterator[str]:
    """Every text that is one letter more, less, other or swapped away."""
    for cut in range(len(word) + 1):
        before, after = word[:cut], word[cut:]
        yield before + after[1:]
        yield before + after[1:2] + after[:1] + after[2:]
        for letter in _KEY_LETTERS:
            yield before + letter + after
            yield before + letter + after[1:]
