"""The report for the group chat, word for word."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.urls import reverse
from django.utils import translation

from metrics.daily_text import birthdays, daily_text
from metrics.importers import push_rows
from sandbox.context import as_of_context, live_context, use_context
from tests.admin.conftest import TODAY
from tests.admin.regulars import close_task, push_task
from tests.factories import bill, card_entry, make_site, push_assistant, push_bills, push_member

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:daily_text")
MONDAY = date(2026, 5, 4)


def text_at(site, day: date, as_of: date = TODAY) -> str:
    with translation.override("en"), use_context(as_of_context(site, as_of)) as ctx:
        return daily_text(day=day, ctx=ctx)


@pytest.fixture
def north(db):
    """A store with a Monday that can be reckoned by hand."""
    site = make_site("north", name="North")
    people: list[dict[str, Any]] = [
        {"external_id": "M1", "name": "Ann", "birthday": "1990-05-05"},
        {"external_id": "M2", "name": "Bob", "birthday": "2015-05-05", "is_minor": True},
        {"external_id": "M3", "name": "Cleo", "birthday": "1991-05-06"},
    ]
    push_rows(site=site, kind="members", rows=people)
    for name in ("A1", "A2"):
        push_assistant(site, name)
    push_from_file(site, "settlements", monday())
    entries = [
        card_entry("M1", MONDAY, 500, 50),
        card_entry("M3", date(2026, 4, 1), 80),
        # More than she had.
        card_entry("M3", date(2026, 4, 20), -100),
    ]
    push_rows(site=site, kind="card_entries", rows=entries)
    return site


def push_from_file(site, kind: str, rows: list[dict[str, Any]]) -> None:
    """Rows that cannot be late: the till pushes those that can."""
    push_rows(site=site, kind=kind, rows=rows, source="file:monday.csv")


def monday() -> list[dict[str, Any]]:
    lines = [
        {"external_id": f"L{nth}", "assistant": f"A{nth}", "course_type": "base", "ledger": 10}
        for nth in (1, 2)
    ]
    large = {
        "table_fee": 120,
        "assistant_fee": 50,
        "goods_fee": 30,
        "other_fee": 0,
        "gross": 200,
        "discount": 60,
        "cash_paid": 100,
        "other_paid": 40,
        "groupbuy_paid": 40,
        "services": [lines[0] | {"hours": "1.5"}, lines[1] | {"hours": 2}],
    }
    plain = {"table_fee": 80, "assistant_fee": 0, "goods_fee": 20, "other_fee": 0}
    voided = bill(MONDAY, 77)
    return [
        bill(MONDAY, 140, member="M1", **large),
        bill(MONDAY, 100, member="M3", **plain),
        voided,
        voided | {"external_id": "void", "void_of": voided["external_id"]},
    ]


def test_the_text_says_exactly_what_the_day_was(north):
    push_task(north, "M1", "A1", kind="booking", due_on="2026-05-05")
    push_task(north, "M3", "A1", due_on="2026-05-05")
    close_task(north, push_task(north, "M3", "A2", kind="maintain", due_on="2026-05-05"), MONDAY)

    assert text_at(north, MONDAY).splitlines() == [
        "North, daily report of 2026-05-04 (Monday)",
        "GMV: ¥300.00 (paid ¥240.00)",
        "Table fee: ¥200.00 (group-buy 20.0%)",
        "Assistant fee: ¥50.00",
        "Goods: ¥50.00",
        "Recharged: ¥500.00 (gift ¥50.00)",
        "At work: 2 assistants with service",
        "On the clock: 3.50 h",
        "Problems: large discounts 1 (¥60.00); voids 1 (¥77.00); negative balances 1 (-¥20.00)",
        "Tomorrow: bookings 1; birthdays 1 (Ann); tasks due 1",
    ]


def test_a_day_without_anything_says_dashes_and_nothing_to_report(north):
    assert text_at(north, date(2026, 4, 10)).splitlines()[1:] == [
        "GMV: ¥0.00 (paid ¥0.00)",
        "Table fee: — (group-buy —)",
        "Assistant fee: —",
        "Goods: —",
        "Recharged: ¥0.00 (gift ¥0.00)",
        "At work: 0 assistants with service",
        "On the clock: 0.00 h",
        "Problems: none",
        "Tomorrow: none",
    ]


def test_what_was_known_of_a_day_does_not_depend_on_when_it_is_asked(north):
    asked_then = text_at(north, MONDAY, as_of=MONDAY)
    push_rows(site=north, kind="card_entries", rows=[card_entry("M3", TODAY, 500)])
    push_task(north, "M1", "A1", assigned_at=f"{TODAY}T10:00:00", due_on="2026-05-05")

    assert text_at(north, MONDAY) == asked_then


def test_what_the_till_pushes_after_the_day_is_late(north):
    push_bills(north, [bill(MONDAY, 33)])  # recorded now, by the database's clock

    assert "came in late 1 (¥33.00)" in text_at(north, MONDAY)


@pytest.mark.parametrize(
    ("day", "names"),
    [
        (date(2027, 2, 28), ["leap"]),
        (date(2028, 2, 28), []),
        (date(2028, 2, 29), ["leap"]),
        (date(2027, 3, 1), []),
    ],
)
def test_a_birthday_on_29_february_is_kept_on_the_28th(day, names, east):
    push_member(east, "leap", name="leap", birthday="2000-02-29")

    with use_context(live_context(east)) as ctx:
        assert birthdays(day=day, ctx=ctx) == names


# --- The page ------------------------------------------------------------------------------------


def test_the_page_shows_the_last_open_day_or_the_one_asked_for(manager):
    assert "2026-05-04" in manager.get(PAGE).context["text"]
    assert "2026-04-28" in manager.get(PAGE, {"day": "2026-04-28"}).context["text"]


@pytest.mark.parametrize("day", ["2026-04-21", "soon"])
def test_a_day_after_the_date_in_sight_is_refused_in_words(day, manager):
    page = manager.get(PAGE, {"day": day, "as_of": "2026-04-20"})

    assert "text" not in page.context
    assert 'role="alert"' in page.content.decode()


def test_somebody_without_a_store_has_no_report(sign_in):
    assert sign_in("manager").get(PAGE).status_code == 403
