"""What the package is allowed to use, and how much memory: nothing from outside, and none per event."""

from __future__ import annotations

import ast
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from rating_kit import SEPTEMBER, flat, metric, product, terms

import nova_iac.rating as package
from nova_iac import rating as r

SOURCES = sorted(Path(package.__file__).parent.glob("*.py"))
ALLOWED = {
    *("__future__", "bisect", "calendar", "collections.abc", "dataclasses", "datetime", "decimal", "enum", "functools"),
    *("graphlib", "itertools", "re", "typing", "nova_iac.money", "nova_iac.moment"),
}


def nodes(source: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(source.read_text(encoding="utf-8")))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_pure_library(source: Path) -> None:
    """No file, network, clock or random number: only these modules of Python, and of ours only money and moments."""
    for node in nodes(source):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name in ALLOWED or name.startswith("nova_iac.rating."), f"{source.name} imports {name}"
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("now", "utcnow", "today"), f"{source.name}:{node.lineno} reads the clock"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_no_floats(source: Path) -> None:
    """No float is written, made or divided into being; the only mention is the one that refuses them."""
    for node in nodes(source):
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), f"{source.name}:{node.lineno}"
        assert not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "float"), f"{source.name}:{node.lineno}"
        assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)), f"{source.name}:{node.lineno}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_files_stay_small(source: Path) -> None:
    """Past 400 lines a file is a design question."""
    assert len(source.read_text(encoding="utf-8").splitlines()) <= 400


def test_everything_public_is_exported() -> None:
    """Each name in __all__ is there."""
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def used(count: int) -> Iterator[r.Event]:
    for i in range(count):
        properties = {"n": str(i % 97), "team": f"team {i % 10}"}
        yield r.Event(f"event {i}", SEPTEMBER.start + timedelta(seconds=i), "use", properties)


@pytest.mark.parametrize("kind", ["COUNT", "SUM", "MAX", "LATEST", "UNIQUE"])
def test_memory_does_not_grow_with_events(kind: str) -> None:
    """Twenty times the events in the same groups and slices take the same memory, whatever the aggregation."""
    priced = terms(product(measured=metric(kind, "n", "team"), presentation="team"), rates=flat("1"))

    def held(count: int) -> int:
        meter = r.PeriodMeter(priced, SEPTEMBER)
        tracemalloc.start()
        try:
            meter.add_all(used(count))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    held(1_000)  # fills the cache of numbers
    few, many = held(1_000), held(20_000)
    assert many <= few + 4 * sys.getsizeof("x" * 1_000), f"{few} bytes for 1,000 events, {many} for 20,000"


def test_windows_of_unique_values_are_kept_apart() -> None:
    """Where each window is asked for by itself UNIQUE counts a value again in each, and once over the whole period."""
    days = r.windows(SEPTEMBER, r.WindowSize.DAY)[:2]
    events = [r.Event(str(i), day.start, "use", {"n": "same"}) for i, day in enumerate(days)]
    meter = r.WindowMeter(metric("UNIQUE"), days)
    meter.add_all(events)
    assert [row.value for row in meter.rows()] == [1, 1]
    assert r.rate_period(terms(product(measured=metric("UNIQUE")), rates=flat("1")), SEPTEMBER, events).total == 1
