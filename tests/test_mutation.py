"""The mutants fit the code, so that ``scripts/mutants`` can run all of them."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from mutation import Misfit, Mutant, load
from support import ROOT

MUTANTS = load()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_fits(mutant: Mutant) -> None:
    """Its old text stands once in its file, what it makes of it is Python, and the tests that are to fail exist."""
    compile(mutant.text(), mutant.file, "exec")

    assert mutant.tests
    for node in mutant.tests:
        file, _, name = node.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {re.escape(name.partition('[')[0])}\(", text, re.MULTILINE), node


def test_names_are_unique() -> None:
    """A name on the command line means one mutant."""
    assert max(Counter(mutant.name for mutant in MUTANTS).values()) == 1


@pytest.mark.parametrize("old", ["def ", "no such text"])
def test_mutant_that_no_longer_fits_is_told(old: str) -> None:
    """Text that is gone, or stands there twice, stops the run with the mutant's name and its file."""
    with pytest.raises(Misfit, match=r"stale: .* in nova_iac/errors\.py; bring tests/mutants up to date"):
        Mutant("stale", "nova_iac/errors.py", old, "", ()).text()
