"""What a number is, what a property's text is, and where digits may be given up."""

from decimal import Decimal, Inexact, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_iac.rating import RatingError
from nova_iac.rating.exact import Rounding, RoundingMode, checked, exact, number_of, plain, quotient, text_of
from nova_iac.rating.quantity import Conversion, Operation


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("3", "3"),
        ("-0.5", "-0.5"),
        ("+.5", "0.5"),
        ("1e-3", "0.001"),
        ("0.10000000000000000000000000000000000000001", "0.10000000000000000000000000000000000000001"),
        (7, "7"),
        (Decimal("2.50"), "2.5"),
    ],
)
def test_numbers_and_numeric_strings_are_exact_decimals(value: object, number: str) -> None:
    """A number, or a string that spells one, is that number with all its digits (§13.1)."""
    assert number_of(value) == Decimal(number)


@pytest.mark.parametrize(
    "value",
    ["", " 3", "1,000", "1_000", "0x10", "٣", "NaN", "Infinity", "1e1000", "9" * 101, 10**101, Decimal("NaN"), Decimal("1e99999"),
     Decimal("1e-999999"), True, None, [3], {"n": 3}],
)  # fmt: skip
def test_what_is_no_number(value: object) -> None:
    """Booleans, nulls, containers, other spellings, infinities and absurd sizes are no numbers."""
    assert number_of(value) is None


@pytest.mark.parametrize(
    ("longest", "too_long"),
    [
        ("9" * 100, "9" * 101),
        ("0." + "9" * 100, "0." + "9" * 101),
        ("9e99", "9e100"),
        ("9e-100", "9e-101"),
        ("-" + "9" * 100, "-" + "9" * 101),
    ],
)
def test_a_hundred_digits_and_places_are_enough(longest: str, too_long: str) -> None:
    """A number has at most a hundred digits, and as many places before or after its point; spelt as text or not."""
    assert number_of(longest) == number_of(Decimal(longest)) == Decimal(longest)
    assert number_of(too_long) is number_of(Decimal(too_long)) is None


def test_whole_numbers_have_the_same_bound() -> None:
    """A JSON integer of a hundred digits is a number, a longer one is not."""
    assert number_of(10**100 - 1) == Decimal("9" * 100)
    assert number_of(10**100) is None


def test_floats_are_refused_loudly() -> None:
    """A float means that digits are lost already: that is a bug of the caller, not a value."""
    with pytest.raises(TypeError, match="parse_float=Decimal"):
        number_of(0.1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ultra", "ultra"),
        ("", ""),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (Decimal("1.50"), "1.5"),
        (Decimal("1E+2"), "100"),
    ],
)
def test_values_have_one_text(value: object, text: str) -> None:
    """Filters, groups and distinct counts compare texts: numbers plainly, booleans as in JSON."""
    assert text_of(value) == text


@pytest.mark.parametrize("value", [None, [], {}, ["ultra"]])
def test_nulls_and_containers_have_no_text(value: object) -> None:
    """Nothing can be filtered or grouped by a null, a list or an object."""
    assert text_of(value) is None


@pytest.mark.parametrize(("number", "text"), [("2.50", "2.5"), ("1E+2", "100"), ("-0.0", "0"), ("100", "100"), ("1e-3", "0.001")])
def test_plain_numbers(number: str, text: str) -> None:
    """No exponent, no trailing zeros, no minus before zero."""
    assert plain(Decimal(number)) == text


def test_exact_functions_keep_every_digit_or_raise() -> None:
    """Inside an exact function long numbers stay whole whatever the caller's context, and a lost digit is an error."""

    @exact
    def product() -> Decimal:
        return Decimal("1." + "1" * 90) * Decimal("3." + "7" * 90)

    with localcontext(prec=3):
        assert len(product().as_tuple().digits) == 181

    @exact
    def third() -> Decimal:
        return Decimal(1) / Decimal(3)

    with pytest.raises(Inexact):
        third()


def test_a_division_that_does_not_terminate_is_cut_after_sixty_places() -> None:
    """A third has at least sixty threes after the point, and so has a third of a large number; what terminates is exact."""
    assert str(quotient(Decimal(1), Decimal(3))).startswith("0." + "3" * 60)
    assert str(quotient(Decimal(20_000), Decimal(3))).startswith("6666." + "6" * 60)
    assert str(quotient(Decimal(20_000), Decimal("0.003"))).startswith("6666666." + "6" * 60)
    assert quotient(Decimal("1e-30"), Decimal(3)) == Decimal("3" * 60 + "e-90")
    assert quotient(Decimal(2048), Decimal(1024)) == 2
    assert quotient(Decimal("0.003"), Decimal(1024)) == Decimal("0.0000029296875")


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20), st.sampled_from(RoundingMode), st.integers(0, 20))
def test_rounding_a_cut_quotient_is_rounding_the_true_one(value: int, factor: int, mode: RoundingMode, places: int) -> None:
    """A quotient is cut so that rounding it afterwards gives what rounding the true quotient would."""
    rounded = Rounding(places, mode)(Conversion(Decimal(factor), Operation.DIVIDE)(Decimal(value)))
    whole, rest = divmod(abs(value) * 10**places, factor)
    up = {RoundingMode.UP: rest > 0, RoundingMode.DOWN: False, RoundingMode.HALF_UP: 2 * rest >= factor}[mode]
    sign = "-" if value < 0 else ""
    assert rounded == Decimal(f"{sign}{whole + up}e-{places}")


@pytest.mark.parametrize(("number", "mode", "rounded"), [("-2.1", "UP", "-3"), ("-2.9", "DOWN", "-2"), ("-2.5", "HALF_UP", "-3")])
def test_rounding_of_negative_numbers_mirrors_that_of_positive_ones(number: str, mode: str, rounded: str) -> None:
    """UP is away from zero and DOWN towards it, so that a correction takes back what was billed."""
    assert Rounding(0, RoundingMode[mode])(Decimal(number)) == Decimal(rounded)


def test_places_before_the_point() -> None:
    """Minus two places is the nearest hundred."""
    assert Rounding(-2, RoundingMode.HALF_UP)(Decimal(1250)) == 1300


@pytest.mark.parametrize("factor", [Decimal(0), Decimal(-1), Decimal("NaN"), 2.0, "2"])
def test_factors_that_cannot_convert(factor: Decimal) -> None:
    """A factor is a finite Decimal above 0; floats are refused by name."""
    with pytest.raises(RatingError):
        Conversion(factor, Operation.DIVIDE)


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity"), Decimal("1e200"), 0.1])
def test_prices_that_cannot_be_billed_with(number: Decimal) -> None:
    """A price is a finite Decimal of a sane size."""
    with pytest.raises(RatingError, match="a price"):
        checked(number, "a price")


@pytest.mark.parametrize("places", [60, -60])
def test_more_places_than_a_quotient_has(places: int) -> None:
    """Rounding to more places than are kept of a quotient is refused."""
    with pytest.raises(RatingError, match="60 places: at most 59"):
        Rounding(places, RoundingMode.UP)
