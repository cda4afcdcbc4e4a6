"""Step 1: which events count for a metric, and why the others don't."""

import pytest
from rating_kit import at, event, metric

from nova_iac import rating as r

ULTRA_OR_PRO = r.ValueFilter(in_values=frozenset({"ultra", "pro"}))
NOT_TEST = r.ValueFilter(not_in_values=frozenset({"test"}))


@pytest.mark.parametrize(
    ("rule", "missing", "null", "ultra", "test", "number"),
    [
        (r.PropertyFilter("p"), True, True, True, True, True),
        (r.PropertyFilter("p", exists=True), False, False, True, True, True),
        (r.PropertyFilter("p", exists=False), True, True, False, False, False),
        (r.PropertyFilter("p", values=ULTRA_OR_PRO), False, False, True, False, False),
        (r.PropertyFilter("p", values=NOT_TEST), True, True, True, False, True),
        (r.PropertyFilter("p", exists=True, values=NOT_TEST), False, False, True, False, True),
        (r.PropertyFilter("p", values=r.ValueFilter(in_values=frozenset({"7"}))), False, False, False, False, True),
        (r.PropertyFilter("p", exists=False, values=ULTRA_OR_PRO), False, False, False, False, False),
    ],
    ids=["any", "exists", "absent", "in", "not in", "exists, not in", "number in texts", "contradiction"],
)
def test_property_filters(
    rule: r.PropertyFilter, missing: bool, null: bool, ultra: bool, test: bool, number: bool
) -> None:  # fmt: skip
    """Each filter lets through what §6.1 says; what is missing is in no list, and a null is missing."""
    counted = r.Metric(r.Aggregation.COUNT, filters=(rule,))
    events = [event("2024-09-10"), event("2024-09-10", p=None), *(event("2024-09-10", p=value) for value in ("ultra", "test", 7))]
    assert [r.mismatch(counted, one) is None for one in events] == [missing, null, ultra, test, number]


@pytest.mark.parametrize(
    ("types", "passing"),
    [
        (r.ValueFilter(), ["image", "video", "test"]),
        (r.ValueFilter(in_values=frozenset({"image"})), ["image"]),
        (NOT_TEST, ["image", "video"]),
        (r.ValueFilter(frozenset({"image", "test"}), frozenset({"test"})), ["image"]),
    ],
)
def test_event_type_filter(types: r.ValueFilter, passing: list[str]) -> None:
    """In-values let only themselves through, not-in-values keep themselves out, and both hold at once (§6.1)."""
    counted = r.Metric(r.Aggregation.COUNT, event_types=types)
    assert [kind for kind in ("image", "video", "test") if r.mismatch(counted, event("2024-09-10", kind)) is None] == passing


def test_all_filters_must_pass() -> None:
    """Filters are joined by AND, two on one property too (§6.1)."""
    rules = (r.PropertyFilter("p", exists=True), r.PropertyFilter("p", values=NOT_TEST), r.PropertyFilter("q", exists=True))
    counted = r.Metric(r.Aggregation.COUNT, filters=rules)
    assert r.mismatch(counted, event("2024-09-10", p="a", q="b")) is None
    assert r.mismatch(counted, event("2024-09-10", p="test", q="b")) == r.Mismatch(r.Rule.PROPERTY_FILTER, "p")
    assert r.mismatch(counted, event("2024-09-10", p="a")) == r.Mismatch(r.Rule.PROPERTY_FILTER, "q")


IMAGES = r.Metric(
    r.Aggregation.SUM,
    "num_images",
    r.ValueFilter(in_values=frozenset({"image_generation"})),
    (r.PropertyFilter("image_type", exists=True), r.PropertyFilter("num_images", exists=True)),
    (frozenset({"image_type"}), frozenset({"region"})),
    at("2024-09-05"),
)


@pytest.mark.parametrize(
    ("event_type", "properties", "rule", "name"),
    [
        ("image", {}, r.Rule.EVENT_TYPE, "event_type"),
        ("image_generation", {"num_images": 1, "region": "eu"}, r.Rule.PROPERTY_FILTER, "image_type"),
        ("image_generation", {"num_images": 1, "image_type": "ultra"}, r.Rule.GROUP_KEY, "region"),
        ("image_generation", {"num_images": "many", "image_type": "ultra", "region": "eu"}, r.Rule.NOT_A_NUMBER, "num_images"),
        ("image_generation", {"num_images": 1, "image_type": "ultra", "region": "us"}, r.Rule.USAGE_FILTER, "region"),
    ],
)
def test_an_event_that_does_not_count_says_why(event_type: str, properties: dict[str, object], rule: r.Rule, name: str) -> None:
    """The first rule that an event fails is named, with the property that it is about."""
    europe = [r.GroupFilter("region", frozenset({"eu"}))]
    assert r.mismatch(IMAGES, event("2024-09-10", event_type, **properties), where=europe) == r.Mismatch(rule, name)


def test_of_several_missing_group_keys_the_first_by_name_is_said() -> None:
    """What an event is told does not depend on how sets happen to be ordered."""
    counted = metric("COUNT", None, "f e d", "c b a")
    assert r.mismatch(counted, event("2024-09-10", a=1, c=1)) == r.Mismatch(r.Rule.GROUP_KEY, "b")


def test_the_aggregated_property_must_be_there() -> None:
    """A SUM, MAX, LATEST or UNIQUE of a property that an event lacks does not count the event; a COUNT does."""
    for kind in ("SUM", "MAX", "LATEST", "UNIQUE"):
        assert r.mismatch(metric(kind, "n"), event("2024-09-10")) == r.Mismatch(r.Rule.AGGREGATION_KEY, "n")
    assert r.mismatch(r.Metric(r.Aggregation.COUNT, "n"), event("2024-09-10")) is None


def test_a_metric_does_not_count_what_was_received_before_it() -> None:
    """A new metric is not retroactive: what counts is when an event was received, not its timestamp (§6.1)."""
    properties = {"num_images": 1, "image_type": "ultra", "region": "eu"}
    early = r.Event("a", at("2024-09-10"), "image_generation", properties, received_at=at("2024-09-04"))
    late = r.Event("b", at("2024-09-01"), "image_generation", properties, received_at=at("2024-09-05"))
    assert r.mismatch(IMAGES, early) == r.Mismatch(r.Rule.RECEIVED, "received_at")
    assert r.mismatch(IMAGES, late) is None


def test_an_aggregation_needs_its_property() -> None:
    """Only a COUNT, and a SUM that is then always 0, can be defined without a property (§6.1)."""
    for kind in (r.Aggregation.MAX, r.Aggregation.LATEST, r.Aggregation.UNIQUE):
        with pytest.raises(r.RatingError, match="needs the property"):
            r.Metric(kind)
