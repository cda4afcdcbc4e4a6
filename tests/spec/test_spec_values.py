"""Values: what a node is by the schema of its field, and what blocks know of their places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spec_kit import HEAD, brief, problems_of

from nova_iac.kinds import shapes
from nova_iac.resource import Address, Lifecycle
from nova_iac.spec import load_spec
from nova_iac.spec.loader import load_bytes
from nova_iac.spec.nodes import Mapping
from nova_iac.spec.walker import FAILED, Findings, compile_walker

TEXT, NUMBER = shapes.Text(), shapes.Quantity()
PERCENT = shapes.Quantity(minimum="0", maximum="100")
POSITIVE = shapes.Quantity(exclusive_minimum="0")
MONEY, HOUR, INSTANT = shapes.MoneyText(), shapes.Instant(hour=True), shapes.Instant()
PRICES = shapes.ByNode(mapping=shapes.Struct({}, MONEY), sequence=shapes.Items(TEXT))


def typed(written: str, shape: shapes.Shape) -> tuple[Any, Findings]:
    """A value by its shape, with what was found."""
    root = load_bytes(f"a: {written}".encode(), "f").root
    assert isinstance(root, Mapping)
    found = Findings()
    return compile_walker(shape)(root.entries["a"], found), found


@pytest.mark.parametrize(
    ("written", "shape", "value"),
    [
        ("0015500", TEXT, "0015500"),
        ("no", TEXT, "no"),
        ("0.10", TEXT, "0.10"),
        ("12:30", TEXT, "12:30"),
        ("2025-09-01", TEXT, "2025-09-01"),
        ("true", TEXT, "true"),
        ("'null'", TEXT, "null"),
        ("''", TEXT, ""),
        ("key", shapes.Reference("product"), "key"),
        ("true", shapes.Boolean(), True),
        ("TRUE", shapes.Boolean(), True),
        ("False", shapes.Boolean(), False),
        ("30", shapes.Integer(), 30),
        ("-1", shapes.Integer(), -1),
        ("0", shapes.Integer(), 0),
        ("0.10", NUMBER, "0.1"),
        ("'12.50'", NUMBER, "12.5"),
        ("-0", NUMBER, "0"),
        ("100", PERCENT, "100"),
        ("0", PERCENT, "0"),
        ("0.000001", POSITIVE, "0.000001"),
        ("$0.020", MONEY, "$0.02"),
        ("'€20'", MONEY, "€20"),
        ("20 EUR", MONEY, "€20"),
        ("500 nova_credit", MONEY, "500 nova_credit"),
        ("2025-09-01", HOUR, "2025-09-01T00:00:00Z"),
        ("2025-09-01T12:00:00+02:00", HOUR, "2025-09-01T10:00:00Z"),
        ("2025-09-01T12:30:15Z", INSTANT, "2025-09-01T12:30:15Z"),
        ("{x: $1, y: 2 EUR}", PRICES, {"x": "$1", "y": "€2"}),
        ("[12, no]", PRICES, ["12", "no"]),
        ("{x: [1, {y: ~}]}", shapes.ANYTHING, {"x": ["1", {"y": "~"}]}),
    ],
)
def test_a_value_is_what_its_field_says(written: str, shape: shapes.Shape, value: Any) -> None:
    """The schema's field, not the look of a scalar, decides what it is; numbers and instants become canonical texts."""
    data, found = typed(written, shape)

    assert found.diagnostics == []
    assert data == value
    assert type(data) is type(value)


@pytest.mark.parametrize(
    ("written", "shape", "message"),
    [
        ("", TEXT, "expected text, found nothing: write quotes if you mean the text, or remove the key."),
        ("null", TEXT, "found null (nothing)"),
        ("~", shapes.Boolean(), "expected true or false, found ~ (nothing)"),
        ("[a]", TEXT, "expected text, found a list."),
        ("{a: 1}", MONEY, "expected an amount of money such as $0.02, found a mapping."),
        ("yes", shapes.Boolean(), "found 'yes': write true, without quotes."),
        ("'off'", shapes.Boolean(), "found the quoted text 'off': write false, without quotes."),
        ("'true'", shapes.Boolean(), "write true, without quotes."),
        ("1", shapes.Boolean(), "expected true or false, found '1'."),
        ("'30'", shapes.Integer(), "found the quoted text '30': remove the quotes."),
        ("3.0", shapes.Integer(), "expected a whole number, found '3.0'."),
        ("007", shapes.Integer(), "expected a whole number, found '007'."),
        ("9" * 5000, shapes.Integer(), "expected a whole number, found '999"),
        ("1e3", NUMBER, "'1e3' is not a plain decimal number"),
        ("1234567890.123456", NUMBER, "more than 15 significant digits"),
        ("9" * 5000, NUMBER, "far too long"),
        ("101", PERCENT, "101 is too large: it must be at most 100."),
        ("-1", PERCENT, "-1 is too small: it must be at least 0."),
        ("0", POSITIVE, "0 is too small: it must be more than 0."),
        ("0.02", MONEY, "the amount 0.02 has no unit: write $0.02 (dollars)"),
        ("'20'", MONEY, "the amount 20 has no unit"),
        ("-$1", MONEY, "has a sign"),
        ("$1,000", MONEY, "thousands separator"),
        ("", MONEY, "expected an amount of money such as $0.02, found nothing."),
        ("2025-09-01T12:30:00Z", HOUR, "is not a full hour: write 2025-09-01T12:00:00Z or the hour after it."),
        ("2025-09-31", HOUR, "is not a date that exists"),
        ("2025-09-01T12:00", INSTANT, "has no offset"),
        ("$1", PRICES, "expected a mapping or a list, found '$1'."),
        ("vip", shapes.Items(TEXT), "expected a list, found 'vip': write [vip]."),
        ("[a]", shapes.Struct({}, TEXT), "expected a mapping, found a list: write one `key: …` for each."),
    ],
)
def test_a_value_that_does_not_fit(written: str, shape: shapes.Shape, message: str) -> None:
    """What doesn't fit its field is said once, at its place, with what to write instead where that can be known."""
    data, found = typed(written, shape)

    assert data is FAILED
    assert brief(found.diagnostics)[0].split()[0] == ("1:3" if written == "" else "1:4")
    assert len(found.diagnostics) == 1
    assert message in found.diagnostics[0].detail


def test_parts_that_fail_leave_the_rest() -> None:
    """A failed field is left out, a failed entry keeps its index, and all failures are told."""
    shape = shapes.Struct({"n": shapes.Integer(), "l": shapes.Items(shapes.Integer()), "t": TEXT})
    data, found = typed("{n: x, l: [1, y, 3], t: z, u: 1}", shape)

    assert data == {"l": [1, "", 3], "t": "z"}
    assert brief(found.diagnostics) == ["1:8 NV130", "1:18 NV130", "1:31 NV131"]


EXAMPLE = f"""{HEAD}products:
  api:
    name: API
    type: SUBSCRIPTION
    lifecycle: {{protect: true, ignore_changes: [name]}}
rate_cards:
  standard:
    name: Standard
    rates:
      api:
        - starting_at: 2025-09-01
          billing_frequency: MONTHLY
          price: USD 20
customers:
  acme:
    name: Acme
    salesforce_account_id: 0015500000
    contracts:
      payg: {{starting_at: 2025-09-01, rate_card: standard, net_payment_terms_days: 30}}
  beta: {{name: Beta}}
"""


def test_blocks(write: Callable[..., Path]) -> None:
    """Blocks come in the order of kinds and of the file, children behind their parents, without child sections and lifecycle."""
    spec = load_spec(write(EXAMPLE), None)

    assert spec.diagnostics == ()
    assert {address: block.data for address, block in spec.blocks.items()} == {
        "product.api": {"name": "API", "type": "SUBSCRIPTION"},
        "rate_card.standard": {"name": "Standard"},
        "rate.standard.api": [{"starting_at": "2025-09-01T00:00:00Z", "billing_frequency": "MONTHLY", "price": "$20"}],
        "customer.acme": {"name": "Acme", "salesforce_account_id": "0015500000"},
        "contract.acme.payg": {"starting_at": "2025-09-01T00:00:00Z", "rate_card": "standard", "net_payment_terms_days": 30},
        "customer.beta": {"name": "Beta"},
    }
    assert list(spec.blocks)[-3:] == ["customer.acme", "contract.acme.payg", "customer.beta"]
    assert spec.blocks[Address("product.api")].lifecycle == Lifecycle(True, ("name",))
    assert spec.name == "billing"
    assert spec.unsound == frozenset()


def test_places_of_a_block(write: Callable[..., Path]) -> None:
    """A block is where its key stands; place gives the value at a path, or the nearest part that was written."""
    block = load_spec(write(EXAMPLE), None).blocks[Address("rate.standard.api")]

    def at(*path: str | int) -> tuple[int, int]:
        place = block.place(path)
        return place.line, place.column

    assert (block.location.line, block.location.column) == (12, 7)
    assert at() == (12, 7)
    assert at(0) == (13, 11)
    assert at(0, "price") == (15, 18)
    assert at(0, "price", "deeper") == (15, 18)
    assert at(0, "tiers", 0) == (13, 11)
    assert at(7) == (12, 7)


def test_a_block_with_an_error_still_exists(write: Callable[..., Path]) -> None:
    """A broken block keeps its address, so that references to it aren't wrong too, and is marked as unsound."""
    text = "products:\n  a:\n  b: {name: B, type: FIXD}\n  c: {name: C, type: FIXED}\n  d: {name: D}\n"
    spec = load_spec(write(HEAD + text), None)

    assert list(spec.blocks) == ["product.a", "product.b", "product.c", "product.d"]
    assert spec.unsound == {"product.a", "product.b", "product.d"}
    assert brief(spec.diagnostics) == ["4:5 NV130", "5:22 NV133", "7:3 NV132"]


def test_a_shared_part_is_judged_for_each_block(write: Callable[..., Path]) -> None:
    """A mistake behind an anchor is told once, and all blocks that share it are unsound."""
    text = (
        f"{HEAD}x-t: &t {{tags: vip}}\nproducts:\n  a: {{<<: *t, name: A, type: FIXED}}\n  b: {{<<: *t, name: B, type: FIXED}}\n"
    )
    spec = load_spec(write(text), None)

    assert brief(spec.diagnostics) == ["3:16 NV130"]
    assert spec.unsound == {"product.a", "product.b"}


def test_one_mistake_is_told_once(write: Callable[..., Path]) -> None:
    """Neither a misspelt key nor a value of the wrong type makes follow-up messages."""
    text = """billable_metrics:
  a: {nmae: A, aggregation_type: COUNT}
  b: {name: B, agregation_type: COUNT}
  c: {name: C, aggregation_type: [COUNT]}
rate_cards:
  d:
    name: D
    rates:
      e: [{starting_at: 2025-09-01, tiers: [{price: 1}]}]
      f: [{starting_at: soon, price: $1}]
      g: [{starting_at: 2025-09-01, prices: [{region: [x], price: $1}]}]
"""
    found = problems_of(write(HEAD + text))

    assert brief(found) == ["4:7 NV131", "5:16 NV131", "6:34 NV130", "11:53 NV134", "12:25 NV136", "13:55 NV130"]


def test_a_file_that_breaks_off_is_judged_up_to_there(write: Callable[..., Path]) -> None:
    """What stood before a syntax error is checked; what may stand behind it is not called missing."""
    path = write(
        f"{HEAD}products:\n  api: {{name: API, type: FXED}}\ncustomers:\n  acme:\n    ingest_aliases: [a, a]\n    contracts: @\n"
    )
    spec = load_spec(path, None)

    assert brief(spec.diagnostics) == ["4:26 NV133", "7:25 NV139", "8:16 NV103"]
    assert not spec.complete
    assert spec.unsound == {"product.api", "customer.acme"}


def test_a_block_that_breaks_off_is_unsound(write: Callable[..., Path]) -> None:
    """Of a block whose end wasn't read nobody knows all; the one before it is whole."""
    spec = load_spec(write(f"{HEAD}customers:\n  acme: {{name: Acme}}\n  beta:\n    name: Beta\n    ingest_aliases: @\n"), None)

    assert brief(spec.diagnostics) == ["7:21 NV103"]
    assert spec.unsound == {"customer.beta"}


def test_a_block_that_is_shared_is_told_once(write: Callable[..., Path]) -> None:
    """Two keys with one anchored block have its mistakes once, and are both unsound."""
    text = "products:\n  a: &p {name: A, type: FIXED, colour: red}\n  b: *p\n"
    spec = load_spec(write(HEAD + text), None)

    assert brief(spec.diagnostics) == ["4:32 NV131"]
    assert spec.unsound == {"product.a", "product.b"}


def test_an_environment_behind_a_syntax_error_is_not_called_missing(write: Callable[..., Path]) -> None:
    """Without the end of the file nobody knows which environments there are."""
    found = problems_of(write("version: 1\nproducts:\n  api: @\nenvironments: {local: {}}\n"), "local")

    assert brief(found) == ["3:8 NV103"]
