"""The open day against the same time a week before, who came and who served."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from aijobs.manual_clues import add_manual_clue
from metrics.importers import push_rows
from sandbox.context import live_context, use_context
from tests.admin.conftest import TODAY
from tests.admin.pages import MEMBERS, go_back, text_of
from tests.admin.test_home import close
from tests.factories import (
    bill,
    card_entry,
    make_site,
    push_assistant,
    push_bills,
    push_member,
)

pytestmark = pytest.mark.django_db
TONIGHT = reverse("admin:tonight")
LAST_WEEK = date(2026, 4, 28)


def evening(client, **query: str):
    return client.get(TONIGHT, query).context["evening"]


def figures(page) -> list[tuple[Decimal, Decimal]]:
    return [(figure.value, figure.before) for figure in page.figures]


@pytest.fixture
def two_tuesdays(east):
    """It is noon; 1,000 more came in last Tuesday at 20:00 (the store's fixture)."""
    push_bills(
        east,
        [
            bill(f"{TODAY}T11:00:00", 80, gross=90, discount=10),
            bill(f"{LAST_WEEK}T11:59:00", 40),
            bill(f"{LAST_WEEK}T12:00:00", 10),
            bill(f"{LAST_WEEK}T12:01:00", 999),
        ],
    )
    entries = [
        card_entry("M1", f"{TODAY}T10:30:00", 200, 20),
        card_entry("M1", f"{LAST_WEEK}T10:30:00", 500),
        card_entry("M1", f"{LAST_WEEK}T18:00:00", 700),
    ]
    push_rows(site=east, kind="card_entries", rows=entries)


def test_today_stands_beside_the_same_weekday_up_to_the_same_time(manager, two_tuesdays):
    page = evening(manager)

    assert (page.day, page.compared_with) == (TODAY, LAST_WEEK)
    assert figures(page) == [(90, 50), (80, 50), (1, 2), (200, 500)]


@pytest.mark.parametrize("first_week", [False, True], ids=["closed", "no data yet"])
def test_a_closed_or_unknown_day_is_not_compared_with(first_week, manager, east, sign_in):
    if first_week:
        site = make_site("new")
        push_bills(site, [bill(f"{TODAY}T11:00:00", 80)])
        manager = sign_in("manager", site)
    else:
        close(east, LAST_WEEK)

    page = manager.get(TONIGHT)

    assert page.context["evening"].compared_with is None
    assert [figure.before for figure in page.context["evening"].figures] == [None] * 4
    assert re.search("closed or no data|停业或没有数据", text_of(page))
    assert "¥0.00</small>" not in text_of(page)


def test_a_night_after_midnight_belongs_to_the_day_before(manager, east):
    push_bills(east, [bill(f"{TODAY}T11:00:00", 80)])
    with time_machine.travel(datetime(2026, 5, 5, 17, tzinfo=UTC), tick=False):  # 01:00
        page = evening(manager)

    assert page.day == TODAY
    assert figures(page)[1] == (80, 1000)


def test_a_voided_bill_counts_on_neither_side(manager, east):
    row = bill(f"{TODAY}T11:00:00", 80, member="M1")
    push_bills(east, [row, row | {"external_id": "void", "void_of": row["external_id"]}])

    page = evening(manager)

    assert figures(page)[:3] == [(0, 0), (0, 0), (0, 0)]
    assert page.guests == []


def test_a_past_day_is_shown_whole_and_nothing_later(manager, two_tuesdays):
    go_back(manager, LAST_WEEK)

    page = evening(manager)

    assert page.until is None
    assert figures(page) == [(2049, 0), (2049, 0), (4, 0), (1200, 0)]
    assert [guest.name for guest in page.guests] == ["张三"]


def test_members_here_come_with_balance_and_clue(manager, east):
    push_bills(east, [bill(f"{TODAY}T11:00:00", 70, member="M1")])
    with use_context(live_context(east)) as ctx:
        member_id = evening(manager).guests[0].member_id
        add_manual_clue(
            ctx=ctx,
            member_id=member_id,
            category="社交关系",
            summary="和老李一起来",
            actor=manager.user,
        )

    page = manager.get(TONIGHT)

    [guest] = page.context["evening"].guests
    assert (guest.name, guest.balance) == ("张三", 800)
    assert guest.usual == 390  # 100, 1,000 and 70 on three visits
    assert "和老李一起来" in text_of(page)


@pytest.mark.parametrize(
    ("principal", "paid", "is_low"),
    [("199.99", 100, True), ("200", 100, False), ("99.99", 10, True), ("100", 10, False)],
)
def test_a_balance_is_low_below_two_usual_visits_or_the_limit(
    principal, paid, is_low, manager, east
):
    push_member(east, "M2", name="李四")
    push_bills(east, [bill(f"{TODAY}T11:00:00", paid, member="M2")])
    rows = [card_entry("M2", f"{TODAY}T10:00:00", principal)]
    push_rows(site=east, kind="card_entries", rows=rows)

    listed = manager.get(MEMBERS, {"balance": "low"}).context["cl"].result_list

    assert bool(evening(manager).low_balances) is is_low
    assert ("李四" in [member.name for member in listed]) is is_low


def test_whoever_has_no_card_has_no_low_balance(manager, east):
    push_member(east, "M2", name="李四")
    push_bills(east, [bill(f"{TODAY}T11:00:00", 100, member="M2")])

    assert evening(manager).low_balances == []
    listed = manager.get(MEMBERS, {"balance": "low"}).context["cl"].result_list
    assert [member.name for member in listed] == ["张三"]


def test_who_served_is_told_by_bills_and_open_tables_are_not_guessed(manager, east):
    for name in ("A1", "A2"):
        push_assistant(east, name, name=f"助教{name}")
    line = {"external_id": "L", "assistant": "A1", "course_type": "base", "hours": 2, "ledger": 9}
    services = [line | {"external_id": f"L{nth}"} for nth in range(2)]
    push_bills(east, [bill(f"{TODAY}T11:00:00", 100, services=services)])

    page = manager.get(TONIGHT)

    [service] = page.context["evening"].services
    assert (service.name, service.hours, service.services) == ("助教A1", 4, 2)
    [(idle, name)] = page.context["evening"].unseen.items()
    assert name == "助教A2"
    day = reverse("admin:metrics_assistant_day", args=[service.assistant_id, TODAY.isoformat()])
    assert text_of(page).count(f'href="{day}"') == 3
    assert reverse("admin:metrics_assistant_change", args=[idle]) in text_of(page)
    assert 'class="zq-note"' in text_of(page)


def test_another_stores_evening_stays_there(manager, west):
    push_bills(west, [bill(f"{TODAY}T11:00:00", 80, member="M1")])

    assert figures(evening(manager))[0] == (0, 0)
    assert evening(manager).guests == []


def test_somebody_without_a_store_has_no_evening(sign_in):
    assert sign_in("manager").get(TONIGHT).status_code == 403
