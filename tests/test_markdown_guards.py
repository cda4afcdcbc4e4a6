"""Guards in a comment: however many there are, none is missing, and what is shortened is said at the top."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from test_markdown import Element, assert_sound, plan_of

from nova_iac.plan.change import Change, FieldChange, GuardHit
from nova_iac.render.markdown import plan_markdown
from nova_iac.render.markup import BUDGET
from nova_iac.resource import Action, Address

PAST = (
    "would change the price from 2026-01-01 00:00 UTC on, which is past; usage since then is rated again. "
    "To change it from now on, leave the past entry as it was and add:\n  - {starting_at: 2027-01-01, prices: {v%s: {price: $1}}}"
)
MESSAGES: dict[str, Callable[[int], str]] = {
    "equal": lambda _: "would be archived: this can't be undone and voids its open invoices",
    "an entry each": lambda number: PAST % number,
    "one each": lambda number: f"would lose the ingest alias a{number}: usage sent under it is no longer theirs",
    "long, one each": lambda number: f"would lose the ingest aliases {'a' * 400}, a{number}: usage is no longer theirs",
}
CHANGE = Change(Address("customer.x"), Action.UPDATE, "differs", fields=(FieldChange("name", "a", "b"),))


def hits_of(count: int, message: str, code: str = "NV401") -> tuple[GuardHit, ...]:
    """Guards of one code."""
    return tuple(GuardHit(code, f"rate.standard.images[size=v{number}]", MESSAGES[message](number)) for number in range(count))


def page_of(guards: tuple[GuardHit, ...], budget: int, allowed: tuple[str, ...] = ()) -> tuple[Element, str]:
    """A sound page within its budget, and what it says at the top that it left out."""
    markdown = plan_markdown(plan_of(CHANGE, guards=guards), allowed=allowed, budget=budget)
    assert len(markdown.encode()) <= budget
    top = next((line for line in markdown.splitlines()[:5] if line.startswith("> Left out")), "")
    return assert_sound(markdown), top


@pytest.mark.parametrize("budget", [10_000, BUDGET])
@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("count", [1, 100, 1_000, 5_000])
def test_what_isnt_there_is_said(count: int, message: str, budget: int) -> None:
    """Each name and each message is on the page, or the top says that it isn't, and of how many."""
    guards = hits_of(count, message)

    page, top = page_of(guards, budget)

    text, names = page.text, {element.text for element in page.all("code")}
    unnamed = sum(hit.address not in names for hit in guards)
    counted = re.search(r"the names of (\d+) of (\d+) guarded resources", top)
    assert (int(counted[1]), int(counted[2])) == (unnamed, count) if counted else not unnamed
    unsaid = [hit for hit in guards if hit.message.splitlines()[0].partition(". ")[0] not in text]
    assert (f"the messages of {count} guard" in top) is bool(unsaid)
    unadvised = message == "an entry each" and f"v{count - 1}: {{price" not in text
    assert (f"what {count} guards advise instead" in top) is (unadvised and not unsaid)


def test_equal_messages_stand_once() -> None:
    """300 guards of one message: all names, the message once, nothing left out."""
    page, top = page_of(hits_of(300, "equal"), BUDGET)

    assert top == ""
    assert page.text.count("voids its open invoices") == 1


def test_few_guards_are_a_table() -> None:
    """60 equal ones still stand each in a row of its own."""
    page, _ = page_of(hits_of(60, "equal"), BUDGET)

    assert len(list(next(page.all("table")).all("tr"))) == 61


def test_prices_of_the_past_lose_their_advice_first() -> None:
    """400 of NV401, each with its own entry to write instead: all names and why stay, the entries go."""
    page, top = page_of(hits_of(400, "an entry each"), BUDGET)

    assert "Left out to fit into a comment: what 400 guards advise instead." in top
    assert "usage since then is rated again." in page.text
    assert "leave the past entry" not in page.text


def test_names_take_the_room_that_there_is() -> None:
    """Of 3000, as many are named as the comment holds, and the message stays."""
    markdown = plan_markdown(plan_of(CHANGE, guards=hits_of(3_000, "equal")))

    assert BUDGET - 1_000 < len(markdown.encode()) <= BUDGET
    assert "voids its open invoices" in markdown


@pytest.mark.parametrize("count", [10, 300, 4_000])
@pytest.mark.parametrize("message", MESSAGES)
def test_those_that_block_are_told_from_those_allowed(message: str, count: int) -> None:
    """In every form; those that block stand first where they don't stand in a table."""
    guards = (*hits_of(count, message), *hits_of(count, message, "NV402"))

    page, _ = page_of(guards, BUDGET, allowed=("NV401",))

    text = page.text[page.text.index("call") :]
    assert re.findall(r"(🛑|⚠️)\N{NO-BREAK SPACE}(NV40[12])", text).count(("🛑", "NV402")) >= 1
    assert set(re.findall(r"(🛑|⚠️)\N{NO-BREAK SPACE}(NV40[12])", text)) == {("🛑", "NV402"), ("⚠️", "NV401")}
    if count == 4_000:
        assert text.index("NV402") < text.index("NV401")
