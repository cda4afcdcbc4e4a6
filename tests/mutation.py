"""The catalogue of mutants: small changes that each take one guard or one recovery branch out of the code.

``tests/mutants/*.toml`` holds them, ``scripts/mutants`` runs them, ``tests/test_mutation.py`` keeps them in step with the code.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from support import ROOT

CATALOGUE = ROOT / "tests" / "mutants"


class Misfit(Exception):
    """A mutant no longer fits the code that it was written for."""


@dataclass(frozen=True)
class Mutant:
    """In one file, old becomes new; then at least one of the tests must fail. tests are pytest node ids."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def text(self, root: Path = ROOT) -> str:
        """The whole file, mutated.

        :raises Misfit: old doesn't stand there exactly once.
        """
        text = (root / self.file).read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise Misfit(f"{self.name}: its old text stands {count} times in {self.file}; bring tests/mutants up to date")
        return text.replace(self.old, self.new)


def load() -> list[Mutant]:
    """Every mutant, in the order of the catalogue."""
    found = []
    for path in sorted(CATALOGUE.glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]:
            found.append(Mutant(**{**entry, "name": f"{path.stem}: {entry['name']}", "tests": tuple(entry["tests"])}))  # noqa: PERF401
    return found
