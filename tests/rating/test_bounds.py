"""What the package is allowed to use, and how much memory: nothing from outside, and none per event."""

from __future__ import annotations

import ast
import sys
import tracemalloc
from collections.abc import Callable, Iterator
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


def used(count: int, values: int = 97) -> Iterator[r.Event]:
    """So many events in ten groups, with so many different values of n, in the first six hours of the period."""
    for i in range(count):
        properties = {"n": str(i % values), "team": f"team {i % 10}"}
        yield r.Event(f"event {i}", SEPTEMBER.start + timedelta(seconds=i), "use", properties)


def invoiced(kind: str) -> r.PeriodMeter:
    return r.PeriodMeter(terms(product(measured=metric(kind, "n", "team"), presentation="team"), rates=flat("1")), SEPTEMBER)


def queried(kind: str) -> r.WindowMeter:
    return r.WindowMeter(metric(kind, "n", "team"), r.windows(SEPTEMBER, r.WindowSize.DAY), by=["team"])


def held(meter: r.PeriodMeter | r.WindowMeter, events: Iterator[r.Event]) -> int:
    """The most bytes at a time while the events stream through."""
    tracemalloc.start()
    try:
        meter.add_all(events)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("meter", [invoiced, queried])
@pytest.mark.parametrize("kind", ["COUNT", "SUM", "MAX", "LATEST", "UNIQUE"])
def test_memory_does_not_grow_with_events(kind: str, meter: Callable[[str], r.PeriodMeter | r.WindowMeter]) -> None:
    """Twenty times the events in the same groups and slices take the same memory, whatever the aggregation."""
    held(meter(kind), used(1_000))  # fills the cache of numbers
    few, many = held(meter(kind), used(1_000)), held(meter(kind), used(20_000))
    assert many <= few + 4 * sys.getsizeof("x" * 1_000), f"{few} bytes for 1,000 events, {many} for 20,000"


@pytest.mark.parametrize("meter", [invoiced, queried])
def test_unique_keeps_each_value_once(meter: Callable[[str], r.PeriodMeter | r.WindowMeter]) -> None:
    """Its memory grows with different values, and only with those: no more than a dictionary of as many texts takes."""
    few, many = (held(meter("UNIQUE"), used(10_000, values)) for values in (500, 2_500))
    again = held(meter("UNIQUE"), used(5_000, 2_500))
    assert few < many <= few + 2_000 * 10 * sys.getsizeof("0000")
    assert many <= again + 4 * sys.getsizeof("x" * 1_000), f"{again} bytes for each value twice, {many} for four times"


def test_windows_of_unique_values_are_kept_apart() -> None:
    """Where each window is asked for by itself UNIQUE counts a value again in each, and once over the whole period."""
    days = r.windows(SEPTEMBER, r.WindowSize.DAY)[:2]
    events = [r.Event(str(i), day.start, "use", {"n": "same"}) for i, day in enumerate(days)]
    meter = r.WindowMeter(metric("UNIQUE"), days)
    meter.add_all(events)
    assert [row.value for row in meter.rows()] == [1, 1]
    assert r.rate_period(terms(product(measured=metric("UNIQUE")), rates=flat("1")), SEPTEMBER, events).total == 1
