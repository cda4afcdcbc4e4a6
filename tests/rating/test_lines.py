"""Which lines an invoice has, in which order, and what it says of usage that has none."""

import pytest
from rating_kit import (
    SEPTEMBER,
    at,
    bill,
    composite,
    dated,
    event,
    flat,
    lines,
    metric,
    percent,
    product,
    terms,
    tiered,
    unbilled,
)

from nova_iac import rating as r

ZONES = [
    event(f"2024-09-{day}", n=day, zone=zone, team=team)
    for day, zone, team in ((10, "us", "b"), (11, "eu", "b"), (12, "eu", "a"))
]


def test_a_plain_product_without_usage_keeps_its_line() -> None:
    """No usage, no charge, but a line of quantity 0 (§14.3 step 11)."""
    invoice = bill(terms(product(), rates=flat("3")), [])
    assert (lines(invoice), invoice.total) == (["calls 0 x 3 = 0"], 0)


def test_a_tiered_plain_product_without_usage_has_its_first_tier() -> None:
    """The zero line of a tiered price stands in the first tier only."""
    assert lines(bill(terms(product(), rates=tiered(("5", "10"), ("1", None))), [])) == ["calls 0 x 5 = 0 tier 1"]


@pytest.mark.parametrize("keys", [{"pricing": "zone"}, {"presentation": "zone"}])
def test_a_grouped_product_without_usage_has_no_line(keys: dict[str, str]) -> None:
    """Lines of group keys appear only with usage (§14.3 step 11)."""
    rates = {"calls": flat("3"), "calls zone=eu": flat("3")}
    assert lines(bill(terms(product(**keys), rates=rates), [])) == []


def test_a_grouped_product_has_lines_only_where_a_group_had_usage() -> None:
    """A price change does not give a group a line for the side on which it had no usage."""
    rates = {"calls zone=eu": dated(("2024-01-01", flat("1")), ("2024-09-11", flat("2")), ("2024-09-20", flat("3")))}
    assert lines(bill(terms(product(pricing="zone"), rates=rates), ZONES)) == ["calls zone=eu 23 x 2 = 46 09-11..09-20"]


def test_usage_that_nets_to_zero_has_a_line_of_zero() -> None:
    """A group whose corrections took everything back still had usage."""
    events = [event("2024-09-10", n=5, zone="eu"), event("2024-09-11", n=-5, zone="eu")]
    invoice = bill(terms(product(pricing="zone"), rates={"calls zone=eu": flat("1")}), events)
    assert lines(invoice) == ["calls zone=eu 0 x 1 = 0"]
    assert lines(invoice.without_zero_lines()) == []


def test_zero_lines_can_be_left_out() -> None:
    """Without zero lines an invoice has the same total and its other lines."""
    priced = terms(product("a", metric("SUM", "n")), product("b", metric("SUM", "m")), rates={"a": flat("2"), "b": flat("3")})
    invoice = bill(priced, [event("2024-09-10", n=4)])
    assert lines(invoice) == ["a 4 x 2 = 8", "b 0 x 3 = 0"]
    assert lines(invoice.without_zero_lines()) == ["a 4 x 2 = 8"]
    assert invoice.without_zero_lines().total == 8


def test_free_usage_is_not_zero_usage() -> None:
    """A line at price 0 has a quantity and stays."""
    assert lines(bill(terms(product(), rates=flat("0")), [event("2024-09-10", n=4)]).without_zero_lines()) == ["calls 4 x 0 = 0"]


def test_pricing_and_presentation_keys_together() -> None:
    """The price goes by the pricing key, lines by both; each pair of values has its own line and count of tiers."""
    rates = {"calls zone=eu": tiered(("1", "5"), ("2", None)), "calls zone=us": flat("7")}
    invoice = bill(terms(product(pricing="zone", presentation="team"), rates=rates), ZONES)
    assert lines(invoice) == [
        "calls team=a zone=eu 5 x 1 = 5 tier 1",
        "calls team=a zone=eu 7 x 2 = 14 tier 2",
        "calls team=b zone=eu 5 x 1 = 5 tier 1",
        "calls team=b zone=eu 6 x 2 = 12 tier 2",
        "calls team=b zone=us 10 x 7 = 70",
    ]
    assert (invoice.lines[0].pricing_values, invoice.lines[0].presentation_values) == ((("zone", "eu"),), (("team", "a"),))


def test_one_key_for_price_and_presentation() -> None:
    """A key that both prices and shows is among both kinds of values of a line."""
    invoice = bill(terms(product(pricing="zone", presentation="zone"), rates={"calls zone=us": flat("1")}), ZONES)
    (line,) = invoice.lines
    assert line.pricing_values == line.presentation_values == (("zone", "us"),)


def test_a_value_without_a_price_is_free_and_named() -> None:
    """Usage whose group values match no rate is not charged (§7.2); it is listed with its quantity, for whoever asks."""
    invoice = bill(terms(product(pricing="zone"), rates={"calls zone=eu": flat("1")}), ZONES)
    assert lines(invoice) == ["calls zone=eu 23 x 1 = 23"]
    assert unbilled(invoice) == ["calls zone=us 10 (NO_RATE)"]


def test_a_price_for_fewer_values_than_keys_matches_nothing() -> None:
    """A rate is for one full combination of the pricing key (§7.2)."""
    rates = {"calls": flat("1"), "calls zone=eu": flat("1")}
    invoice = bill(terms(product(pricing="zone team"), rates=rates), ZONES)
    assert (lines(invoice), len(invoice.unbilled)) == ([], 3)


def test_lines_stand_in_the_order_of_products_and_then_of_values() -> None:
    """Products as given, composites too; then group values, time and tier."""
    rates = {"z zone=eu": flat("1"), "z zone=us": flat("1"), "a": dated(("2024-01-01", flat("1")), ("2024-09-11", flat("2")))}
    rates["fee"] = percent("0.5")
    priced = terms(composite("fee", "a"), product("z", pricing="zone"), product("a"), rates=rates)
    assert lines(bill(priced, ZONES)) == [
        "fee 56 x 0.5 = 28",
        "z zone=eu 23 x 1 = 23",
        "z zone=us 10 x 1 = 10",
        "a 10 x 1 = 10 09-01..09-11",
        "a 23 x 2 = 46 09-11..10-01",
    ]


EUROPE = r.GroupFilter("zone", frozenset({"eu"}))


def test_a_usage_filter_lets_only_its_values_in() -> None:
    """A contract with a usage filter bills the usage of its values (§10.1)."""
    filtered = terms(product(measured=metric("SUM", "n", "zone")), rates=flat("1"), usage_filter=EUROPE)
    assert lines(bill(filtered, ZONES)) == ["calls 23 x 1 = 23"]


def test_a_usage_filter_from_a_date() -> None:
    """A filter that is set later holds from its start (§10.1)."""
    measured = metric("SUM", "n", "zone")
    later = dated(("2024-09-11", r.GroupFilter("zone", frozenset({"us"}))))
    filtered = terms(product(measured=measured), rates=flat("1"), usage_filter=later)
    assert bill(filtered, [*ZONES, event("2024-09-20", n=100, zone="us")]).total == 110


def test_keys_and_filter_must_be_one_compound_key() -> None:
    """Pricing, presentation and filter keys that are no compound key of the metric match nothing (§6.1, §17.2)."""
    two_singles = metric("SUM", "n", "zone", "team")
    by_both = product(measured=two_singles, pricing="zone", presentation="team")
    invoice = bill(terms(by_both, rates={"calls zone=eu": flat("1")}), ZONES)
    assert (lines(invoice), unbilled(invoice)) == ([], ["calls (NO_GROUP_KEY)"])
    filtered = bill(terms(product(measured=metric()), rates=flat("1"), usage_filter=EUROPE), ZONES)
    assert (lines(filtered), unbilled(filtered)) == ([], ["calls (NO_GROUP_KEY)"])


def test_sql_metrics_are_named_and_not_rated() -> None:
    """A product on an SQL metric has no line, and the invoice says so; the others are billed."""
    priced = terms(product("sql", r.SqlMetric("SELECT 1")), product(), rates={"sql": flat("1"), "calls": flat("1")})
    invoice = bill(priced, ZONES)
    assert (lines(invoice), unbilled(invoice)) == (["calls 33 x 1 = 33"], ["sql (SQL_METRIC)"])


def test_a_product_without_a_metric_never_bills() -> None:
    """A USAGE product that was made without a metric is accepted and never bills (§6.2)."""
    empty = r.UsageProduct("empty", r.Timeline.always(r.UsageDefinition(None)))
    invoice = bill(terms(empty, rates=flat("1")), ZONES)
    assert (lines(invoice), unbilled(invoice)) == ([], ["empty (NO_METRIC)"])


def test_a_percentage_does_not_price_usage() -> None:
    """A price of a kind that the product can't have charges nothing and is named."""
    assert unbilled(bill(terms(product(), rates=percent("0.1")), ZONES)) == ["calls 33 (RATE_TYPE)"]
    fee = terms(product(), composite("fee", "calls"), rates={"calls": flat("1"), "fee": flat("1")})
    assert unbilled(bill(fee, ZONES)) == ["fee 33 (RATE_TYPE)"]


def test_only_the_period_is_billed() -> None:
    """Events before the start and from the end on belong to other invoices (§3.7)."""
    outside = [event("2024-08-31 23:59:59", n=1), event("2024-10-01", n=1)]
    meter = r.PeriodMeter(terms(product(), rates=flat("1")), SEPTEMBER)
    assert meter.add_all([*outside, *ZONES]) == 3


def test_the_spend_of_one_product() -> None:
    """What a product's lines come to, all tiers together."""
    invoice = bill(terms(product(), rates=tiered(("1", "5"), ("2", None))), [event("2024-09-10", n=6)])
    assert (invoice.spend("calls"), invoice.spend("other")) == (7, 0)


def test_instants_at_which_anything_changes() -> None:
    """All changes of products, tags, prices and filter strictly inside the period, once each and in order."""
    prices = dated(("2024-09-01", flat("1")), ("2024-09-20", flat("2")), ("2024-09-10", flat("3")), ("2024-10-01", flat("4")))
    tagged = r.UsageProduct("calls", product().definition, dated(("2024-09-05", frozenset({"ai"})), ("2024-09-20", frozenset())))
    priced = terms(
        tagged, rates={"calls": prices, "other": dated(("2024-09-07", flat("1")))}, usage_filter=dated(("2024-09-15", EUROPE))
    )
    assert r.change_instants(priced, SEPTEMBER) == tuple(at(f"2024-09-{day}") for day in ("05", "10", "15", "20"))


def test_usage_that_was_not_told_apart_is_not_guessed_at() -> None:
    """Pricing usage by terms that change where it was not metered is refused, and goes with that instant as a cut."""
    old, new = (terms(product(), rates=dated(*steps)) for steps in ([("2024-01-01", flat("1"))], [("2024-09-12", flat("2"))]))
    meter = r.PeriodMeter(old, SEPTEMBER)
    meter.add_all(ZONES)
    with pytest.raises(r.RatingError, match=r"2024-09-12T00:00:00\+00:00"):
        r.price_period(new, meter.usage())
    cut = r.PeriodMeter(old, SEPTEMBER, cuts=[at("2024-09-12")])
    cut.add_all(ZONES)
    assert (r.price_period(old, cut.usage()).total, r.price_period(new, cut.usage()).total) == (33, 24)
