"""Broken specs: a folder each under ``broken/``, with what a user reads in ``expected.txt`` (``--update-cases`` rewrites it)."""

from __future__ import annotations

from pathlib import Path

import pytest

from nova_iac.errors import Severity, SpecError
from nova_iac.render.diagnostics import as_text
from nova_iac.spec import load_spec, with_sources

CASES = Path(__file__).parent / "broken"


@pytest.mark.parametrize("name", sorted(case.name for case in CASES.iterdir()))
def test_a_broken_spec_is_explained(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every problem of a broken spec is told in one run, with its place, the line, a stable code and the fix."""
    monkeypatch.chdir(CASES / name)
    try:
        diagnostics = load_spec(Path("billing.yaml"), None).diagnostics
    except SpecError as trouble:
        diagnostics = trouble.diagnostics
    text = as_text(with_sources(diagnostics), color=False)
    expected = CASES / name / "expected.txt"
    if request.config.getoption("--update-cases", default=False):
        expected.write_text(text, encoding="utf-8")

    assert any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    assert all(diagnostic.location is not None for diagnostic in diagnostics)
    assert text == expected.read_text(encoding="utf-8")


def test_there_are_enough_broken_specs() -> None:
    """The folder covers at least the thirty kinds of mistakes that are promised."""
    assert len(list(CASES.iterdir())) >= 30
