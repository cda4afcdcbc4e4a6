"""Money and instants: exact from text to wire, one canonical text each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_iac import moment
from nova_iac.errors import Refused
from nova_iac.money import CURRENCIES, Money, MoneyError, quantity
from nova_iac.remote import to_json_number
from nova_iac.resource import Address, AddressError, AddressPattern

amounts = st.decimals(min_value=0, max_value=Decimal("9999999999"), places=5).filter(lambda one: len(one.as_tuple().digits) <= 15)
units = st.sampled_from([*sorted(CURRENCIES), "nova_credit", "tokens-2"])


@given(amounts, units)
def test_money_goes_round(amount: Decimal, unit: str) -> None:
    """Text → money → text is the identity, and so is money → wire → money."""
    money = Money(amount, unit)

    assert Money.parse(money.text) == money
    assert Money.from_wire(money.wire, unit) == money
    assert Decimal(repr(to_json_number(money.wire))) == money.wire


@pytest.mark.parametrize(
    ("text", "canonical", "wire"),
    [
        ("$0.02", "$0.02", "2"),
        ("$ 20", "$20", "2000"),
        ("$0.1", "$0.10", "10"),
        ("$0.000003", "$0.000003", "0.0003"),
        ("$.5", "$0.50", "50"),
        ("USD 0.02", "$0.02", "2"),
        ("0.02 USD", "$0.02", "2"),
        ("€20", "€20", "20"),
        ("20 EUR", "€20", "20"),
        ("£3.50", "£3.50", "3.5"),
        ("AUD 7", "AUD 7", "7"),
        ("500 nova_credit", "500 nova_credit", "500"),
        ("nova_credit 500", "500 nova_credit", "500"),
        ("$0", "$0", "0"),
    ],
)
def test_money_is_read(text: str, canonical: str, wire: str) -> None:
    """Sign, code or unit, before or after; USD travels as cents, everything else as whole units."""
    money = Money.parse(text)

    assert (money.text, money.wire) == (canonical, Decimal(wire))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("0.02", "write $0.02"),
        ("20", "write $20"),
        ("$1,000", "thousands separator"),
        ("$-1", "sign"),
        ("-$1", "sign"),
        ("+$1", "sign"),
        ("XYZ 1", "XYZ is not a currency"),
        ("$1.0000000000000001", "15 significant digits"),
        ("$1" + "0" * 30 + "1", "15 significant digits"),
        ("$1e3", "not an amount"),
        ("", "not an amount"),
        ("free", "not an amount"),
        ("$٣", "not an amount"),
    ],
)
def test_what_is_no_money_says_what_to_write(text: str, hint: str) -> None:
    """A bare number is how companies misprice: every refusal has its fix."""
    with pytest.raises(MoneyError, match=hint.replace("$", r"\$")):
        Money.parse(text)


def test_number_that_no_double_carries_is_not_sent() -> None:
    """The last door before the wire refuses to change a digit."""
    with pytest.raises(Refused):
        to_json_number(Decimal("0.1234567890123456789"))


def test_quantity_is_exact() -> None:
    """Plain decimals only."""
    assert quantity("1024") == 1024
    with pytest.raises(MoneyError):
        quantity("1e3")
    with pytest.raises(MoneyError):
        quantity("NaN")


FIRST, LAST = datetime(1, 1, 2), datetime(9998, 12, 30)  # noqa: DTZ001 - hypothesis adds the time zones


@given(st.datetimes(min_value=FIRST, max_value=LAST, timezones=st.timezones() | st.just(UTC)))
def test_instants_go_round(instant: datetime) -> None:
    """Text → instant → text is the identity, at any year and offset; texts of full seconds sort as instants do."""
    assert moment.parse(moment.text(instant)) == instant.astimezone(UTC)
    later = instant.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    assert moment.text(instant.astimezone(UTC).replace(microsecond=0)) < moment.text(later)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2025-09-01", "2025-09-01T00:00:00Z"),
        ("2025-09-01T13:00:00Z", "2025-09-01T13:00:00Z"),
        ("2025-09-01T13:00:00+02:00", "2025-09-01T11:00:00Z"),
        ("2025-09-01t13:00:00.500z", "2025-09-01T13:00:00.5Z"),
    ],
)
def test_instants_are_read(text: str, canonical: str) -> None:
    """A date is midnight UTC; an offset is taken off."""
    assert moment.canonical(text) == canonical


@pytest.mark.parametrize("text", ["2025-13-01", "2025-02-30", "2025-09-01T13:00:00", "01.09.2025", "tomorrow", "", "0000-01-01"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    """Also a text without an offset, which says what to write."""
    with pytest.raises(moment.MomentError):
        moment.parse(text)


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1, max_size=3))
def test_addresses_go_round(selector: dict[str, str]) -> None:
    """Any group value can stand in an address, quoted where it must be."""
    address = Address.of("rate", "card", "product", selector=selector)

    assert Address.parse(address) == address
    assert Address.parse(address).selector == selector


@pytest.mark.parametrize(
    "text", ["", "product", "product.A", "Product.a", "product.a.b.c", "rate.a.b[", "rate.a.b[x]", "rate.a.b[x=1,x=2]"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """With an error of its own."""
    with pytest.raises(AddressError):
        Address.parse(text)


@pytest.mark.parametrize(
    ("pattern", "address", "matches"),
    [
        ("customer.*", "customer.acme", True),
        ("customer.a?me", "customer.acme", True),
        ("*", "rate.a.b[x=1]", True),
        ("rate.a.b", "rate.a.b[x=1]", True),
        ("rate.a.b[x=1]", "rate.a.b[x=1]", True),
        ("rate.a.b[x=?]", "rate.a.b[x=1]", True),
        ("rate.a.b[x=1]", "rate.a.b[x=2]", False),
        ("customer.a", "customer.acme", False),
        ("contract.acme.*", "customer.acme", False),
    ],
)
def test_patterns(pattern: str, address: str, matches: bool) -> None:
    """Only * and ? are special; brackets stand for themselves; a head names all its tuples."""
    assert AddressPattern(pattern).matches(Address(address)) is matches
