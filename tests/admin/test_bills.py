"""Bills and card entries: their lists, filtered in the open and by D, and a bill's own page."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse

from metrics.importers import push_rows
from metrics.models import CardEntry, Settlement
from sandbox.context import live_context, use_context
from tests.admin.conftest import PAST, TODAY
from tests.admin.pages import go_back, page_of, text_of
from tests.factories import (
    bill,
    card_entry,
    member_of,
    push_assistant,
    push_bills,
    push_member,
)

BILLS = reverse("admin:metrics_settlement_changelist")
ENTRIES = reverse("admin:metrics_cardentry_changelist")


def numbers(client, address: str = BILLS, **asked) -> list[str]:
    page = client.get(address, asked)
    assert page.status_code == 200
    return sorted(row.external_id for row in page.context["cl"].result_list)


def chips(client, address: str = BILLS, **asked) -> list[tuple[str, str]]:
    page = client.get(address, asked)
    return [(chip.title, chip.without) for chip in page.context["cl"].chips]


def address_of(site, external_id: str) -> str:
    with use_context(live_context(site)):
        found = Settlement.objects.get(site=site, external_id=external_id)
    return reverse("admin:metrics_settlement_change", args=[found.pk])


# --- A bill's page -------------------------------------------------------------------------------


@pytest.fixture
def voided(east) -> tuple[str, str]:
    """The addresses of a bill of Zhang San and of what voids it."""
    row = bill(date(2026, 5, 3), 90, member="M1", external_id="ours")
    push_bills(east, [row])
    push_bills(east, [row | {"external_id": "its void", "void_of": "ours"}])
    return address_of(east, "ours"), address_of(east, "its void")


def test_a_voided_bill_and_its_void_lead_to_each_other(manager, voided):
    first, void = voided

    assert f'href="{void}"' in text_of(manager.get(first))
    assert f'href="{first}"' in text_of(manager.get(void))


def test_the_list_marks_both_with_the_way_to_the_other(manager, voided):
    first, void = voided
    page = text_of(manager.get(BILLS, {"day": "2026-05-03"}))

    tags = re.findall(r'<a class="zq-tag zq-tag-bad" href="([^"]*)">', page)

    assert sorted(tags) == sorted([first, void])


def test_before_its_void_was_recorded_a_bill_leads_nowhere(manager, east):
    push_bills(east, [bill(date(2026, 5, 3), 90, external_id="ours")])

    assert "zq-tag-bad" not in text_of(manager.get(address_of(east, "ours")))


def test_a_bill_leads_to_its_member_and_to_who_served(manager, east):
    push_assistant(east, "A1", name="小兰")
    line = {"external_id": "L1", "assistant": "A1", "course_type": "base", "hours": 2, "ledger": 88}
    row = bill(date(2026, 5, 3), 90, member="M1", external_id="ours", table="A07", services=[line])
    push_bills(east, [row])

    page = manager.get(address_of(east, "ours"))

    [served] = page.context["services"]
    day = reverse("admin:metrics_assistant_day", args=[served.assistant_id, "2026-05-03"])
    text = text_of(page)
    for shown in ("张三", "大厅A区 A07", "小兰", "¥88.00", f'href="{day}"'):
        assert shown in text
    assert f'href="{page_of(member_of(east, "M1"))}"' in text


def test_a_bill_without_a_member_is_a_walk_ins(manager, east):
    push_bills(east, [bill(date(2026, 5, 3), 90, external_id="ours")])

    page = text_of(manager.get(address_of(east, "ours")))

    assert re.search("walk-in|散客", page)


def test_a_later_bill_does_not_exist_yet_and_none_is_changed(manager, voided):
    assert manager.post(voided[0], {"paid": 1}).status_code == 403
    go_back(manager, PAST)

    assert manager.get(voided[0]).status_code == 404


def test_a_card_entry_leads_to_its_member_and_its_bill(manager, east):
    push_bills(east, [bill(date(2026, 5, 3), 90, member="M1", external_id="ours")])
    row = card_entry("M1", date(2026, 5, 3), -90, external_id="C1", settlement="ours")
    push_rows(site=east, kind="card_entries", rows=[row])
    with use_context(live_context(east)):
        entry = CardEntry.objects.get(external_id="C1")

    page = text_of(manager.get(reverse("admin:metrics_cardentry_change", args=[entry.pk])))

    for way in (page_of(member_of(east, "M1")), address_of(east, "ours")):
        assert f'href="{way}"' in page


# --- Filters -------------------------------------------------------------------------------------


@pytest.fixture
def days(east) -> None:
    """Bills named by the days between them and D."""
    dates = {n: TODAY - timedelta(days=n) for n in (0, 6, 7)}
    rows = [bill(day, 10, external_id=f"-{n}") for n, day in dates.items()]
    push_bills(east, [row | {"area": "vip"} for row in rows])


@pytest.mark.parametrize(
    ("asked", "found"), [("today", ["-0"]), ("week", ["-0", "-6"]), ("month", ["-0"])]
)
def test_days_are_counted_from_the_business_date(asked, found, manager, days):
    assert numbers(manager, day=asked, area="vip") == found


def test_after_midnight_today_is_the_night_that_began_yesterday(manager, days):
    with time_machine.travel(datetime(2026, 5, 5, 17, tzinfo=UTC), tick=False):  # 01:00
        assert numbers(manager, day="today") == ["-0"]


def test_in_the_past_today_is_that_day(manager, east):
    push_bills(east, [bill(PAST, 10, external_id="then"), bill(TODAY, 10, external_id="now")])
    go_back(manager, PAST)

    assert numbers(manager, day="today") == ["then"]


def test_card_entries_and_contacts_know_the_days_of_d_too(manager, east):
    push_rows(site=east, kind="card_entries", rows=[card_entry("M1", TODAY, 5, external_id="C")])

    assert numbers(manager, ENTRIES, day="today") == ["C"]
    contacts = manager.get(reverse("admin:metrics_contact_changelist"), {"day": "today"})
    assert contacts.status_code == 200


def test_an_area_holds_what_is_within_it_and_is_called_by_its_name(manager, east):
    push_bills(
        east,
        [
            bill(date(2026, 5, 3), 10, external_id="A", area="hallA"),
            bill(date(2026, 5, 3), 10, external_id="V", area="vip"),
            bill(date(2026, 5, 3), 10, external_id="X", area="no such"),
        ],
    )

    found = {area: numbers(manager, day="2026-05-03", area=area) for area in ("hall", "vip")}

    assert found == {"hall": ["A"], "vip": ["V"]}
    assert numbers(manager, day="2026-05-03", area="none") == ["X"]
    page = manager.get(BILLS)
    [spec] = [s for s in page.context["cl"].filter_specs if s.parameter_name == "area"]
    titles = [title for _code, title in spec.lookup_choices]
    assert "大厅A区" in titles
    assert "hallA" not in titles


def test_what_a_link_asked_for_is_a_chip_that_can_be_taken_away(manager, east):
    member = member_of(east, "M1")
    asked = {"day": "2026-04-01~2026-04-27", "member": member.pk, "area": "hall"}

    (day, without_day), (area, _a), (whom, _w) = chips(manager, **asked)

    assert "2026-04-01 – 2026-04-27" in day
    assert "张三" in whom
    assert "hall" not in area
    assert "day=" not in without_day
    assert f"member={member.pk}" in without_day
    assert 'href="?"' in text_of(manager.get(BILLS, asked))


def test_a_day_of_several_kinds_of_card_entries_is_a_chip_too(manager, east):
    push_rows(
        site=east,
        kind="card_entries",
        rows=[
            card_entry("M1", TODAY, 5, external_id="in"),
            card_entry("M1", TODAY, -5, external_id="used"),
            card_entry("M1", TODAY, -5, external_id="back", kind="refund"),
        ],
    )
    asked = {"day": "2026-05-05", "kind": "cash"}

    assert numbers(manager, ENTRIES, **asked) == ["back", "in"]
    assert len(chips(manager, ENTRIES, **asked)) == 2


@pytest.mark.parametrize(
    "wrong", [{"day": "x"}, {"day": "2026-05-05~x"}, {"area": "x"}, {"odd": "x"}, {"member": "x"}]
)
def test_a_filter_that_does_not_exist_is_refused(wrong, manager, east):
    assert manager.get(BILLS, wrong).status_code == 302


def test_another_stores_member_is_nobody_to_filter_by(manager, east, west):
    stranger = push_member(west, "M2", name="赵六")

    assert manager.get(BILLS, {"member": stranger.pk}).status_code == 302
