"""How old the figures are, on every page, and when that is a worry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from metrics.freshness import Freshness
from sandbox.context import live_context, use_context
from sandbox.options import set_option
from tests.admin.conftest import PAST, TODAY
from tests.admin.pages import HOME, MEMBERS, go_back, text_of
from tests.admin.test_home import close
from tests.factories import bill, push_bills

pytestmark = pytest.mark.django_db


def freshness(client) -> Freshness | None:
    return client.get(HOME).context["freshness"]


@pytest.mark.parametrize(
    ("settled", "is_late"), [("11:31", False), ("11:30", False), ("11:29", True)]
)
def test_data_is_late_after_half_an_hour_without_a_bill(settled, is_late, manager, east):
    push_bills(east, [bill(f"{TODAY}T{settled}:00", 10)])

    found = freshness(manager)

    assert (found.settled, found.is_late) == (settled, is_late)


def test_every_page_says_so(manager):
    assert "zq-age-late" in text_of(manager.get(MEMBERS))


def test_the_patience_is_an_option(manager, east):
    push_bills(east, [bill(f"{TODAY}T11:00:00", 10)])
    with use_context(live_context(east)):
        set_option(key="late_data_minutes", value=60, site=east, actor_id=None)

    assert not freshness(manager).is_late


@pytest.mark.parametrize(
    ("hour", "is_late"),
    # in UTC: 10:30 and 10:31 in the morning, 01:59 and 02:00 at night
    [((2, 30), False), ((2, 31), True), ((17, 59), True), ((18, 0), False)],
)
def test_only_opening_hours_count_from_the_opening_on(hour, is_late, manager):
    with time_machine.travel(datetime(2026, 5, 5, *hour, tzinfo=UTC), tick=False):
        assert freshness(manager).is_late is is_late


def test_nobody_waits_for_bills_on_a_closed_day(manager, east):
    close(east, TODAY)

    assert not freshness(manager).is_late


def test_a_bill_of_another_day_comes_with_its_date(manager):
    assert freshness(manager).settled == "2026-05-04 20:00"


def test_a_past_date_is_as_it_ended(manager):
    go_back(manager, PAST)

    page = manager.get(HOME)

    assert page.context["freshness"] is None
    assert "2026-04-20" in text_of(page).partition('id="zqyy-freshness"')[2].partition("</span>")[0]
