"""The edges of days, weeks, months, quarters and years, in the store's own time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.db import connection

from metrics.catalog import metric_value
from metrics.importers import AreaPlan, push_rows
from metrics.models import Settlement
from sandbox.context import live_business_date, use_build_context
from tests.factories import at, make_site, push_bill, push_member

pytestmark = pytest.mark.django_db
NOW = datetime(2020, 4, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel(NOW, tick=False):
        yield


def date_of(site, external_id):
    with use_build_context(site):
        return Settlement.objects.get(site=site, external_id=external_id).business_date


def ask(key, site, day, **about):
    with at(site, day) as ctx:
        return metric_value(key, ctx=ctx, **about)


@pytest.mark.parametrize(
    ("settled_at", "expected"),
    [
        ("2020-01-02T07:59:59", date(2020, 1, 1)),
        ("2020-01-02T08:00:00", date(2020, 1, 2)),
        ("2020-01-01T07:59:00", date(2019, 12, 31)),
        ("2020-02-29T07:59:00", date(2020, 2, 28)),
        ("2020-03-01T07:59:00", date(2020, 2, 29)),
        ("2020-04-01T07:59:00", date(2020, 3, 31)),
        # the same moments, said by a clock of another zone
        ("2020-01-01T23:59:59Z", date(2020, 1, 1)),
        ("2020-01-02T00:00:00Z", date(2020, 1, 2)),
        ("2020-01-01T19:00:00-05:00", date(2020, 1, 2)),
    ],
)
@pytest.mark.parametrize("server", ["UTC", "Asia/Shanghai", "America/Los_Angeles"])
def test_the_day_turns_at_eight_in_shanghai_whatever_the_servers_clock(
    server, settled_at, expected
):
    site = make_site()
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('timezone', %s, true)", [server])

    bill = push_bill(site, settled_at)

    assert date_of(site, bill) == expected


@pytest.mark.parametrize(
    ("settled_at", "expected"),
    [
        # 8 March: at 02:00 it is 03:00; the day still turns at eight on the wall.
        ("2020-03-08T07:59:00", date(2020, 3, 7)),
        ("2020-03-08T08:00:00", date(2020, 3, 8)),
        ("2020-03-08T11:59:00Z", date(2020, 3, 7)),
        ("2020-03-08T12:00:00Z", date(2020, 3, 8)),
        ("2020-03-07T12:59:00Z", date(2020, 3, 6)),
        ("2020-03-07T13:00:00Z", date(2020, 3, 7)),
        # 3 November: 01:30 comes twice.
        ("2019-11-03T01:30:00-04:00", date(2019, 11, 2)),
        ("2019-11-03T01:30:00-05:00", date(2019, 11, 2)),
        ("2019-11-03T12:59:00Z", date(2019, 11, 2)),
        ("2019-11-03T13:00:00Z", date(2019, 11, 3)),
    ],
)
def test_a_store_in_new_york_turns_its_day_on_nights_of_the_clock_change(settled_at, expected):
    site = make_site(timezone="America/New_York")

    bill = push_bill(site, settled_at)

    assert date_of(site, bill) == expected
    instant = datetime.fromisoformat(settled_at)
    if instant.tzinfo is not None:
        with time_machine.travel(instant, tick=False):
            assert live_business_date(site) == expected


def test_a_table_in_the_night_of_the_clock_change_is_paid_by_the_hours_that_passed():
    site = make_site(timezone="America/New_York")

    push_bill(site, "2020-03-08T03:30:00-04:00", started_at="2020-03-08T01:30:00-05:00")

    assert ask("table_hours", site, date(2020, 3, 7)) == Decimal("1.00")


@pytest.mark.parametrize(
    ("range_key", "day", "first_in", "last_out"),
    [
        ("this_month", date(2020, 2, 29), "2020-02-01T08:00:00", "2020-02-01T07:59:00"),
        ("last_month", date(2020, 3, 1), "2020-02-01T08:00:00", "2020-02-01T07:59:00"),
        ("this_month", date(2020, 3, 31), "2020-03-01T08:00:00", "2020-03-01T07:59:00"),
        ("this_quarter", date(2020, 1, 1), "2020-01-01T08:00:00", "2020-01-01T07:59:00"),
        ("last_quarter", date(2020, 3, 31), "2019-10-01T08:00:00", "2019-10-01T07:59:00"),
        ("this_week", date(2020, 1, 5), "2019-12-30T08:00:00", "2019-12-30T07:59:00"),
        ("last_week", date(2020, 1, 6), "2019-12-30T08:00:00", "2019-12-30T07:59:00"),
        ("last_3_months", date(2020, 2, 29), "2019-11-01T08:00:00", "2019-11-01T07:59:00"),
    ],
)
def test_a_range_begins_at_eight_on_its_first_day(range_key, day, first_in, last_out):
    site = make_site()
    push_bill(site, last_out, paid=1)
    push_bill(site, first_in, paid=10)

    assert ask("paid", site, day, range_key=range_key) == 10


@pytest.mark.parametrize(
    ("range_key", "day", "last_in", "first_out"),
    [
        ("this_month", date(2020, 2, 29), "2020-03-01T07:59:00", "2020-03-01T08:00:00"),
        ("last_month", date(2020, 3, 1), "2020-03-01T07:59:00", "2020-03-01T08:00:00"),
        ("last_quarter", date(2020, 1, 1), "2020-01-01T07:59:00", "2020-01-01T08:00:00"),
        ("this_quarter", date(2019, 12, 31), "2020-01-01T07:59:00", "2020-01-01T08:00:00"),
        ("last_week", date(2020, 1, 6), "2020-01-06T07:59:00", "2020-01-06T08:00:00"),
        ("last_6_months", date(2020, 1, 1), "2020-01-01T07:59:00", "2020-01-01T08:00:00"),
    ],
)
def test_a_range_ends_before_eight_on_the_day_after_its_last(range_key, day, last_in, first_out):
    site = make_site()
    push_bill(site, last_in, paid=10)
    push_bill(site, first_out, paid=1)

    assert ask("paid", site, day, range_key=range_key) == 10


def test_days_are_counted_over_the_leap_day():
    site = make_site()
    member = push_member(site)
    push_bill(site, "2020-02-28T20:00:00", member=member)

    assert ask("last_visit_days", site, date(2020, 2, 29), member_id=member.pk) == 1
    assert ask("last_visit_days", site, date(2020, 3, 1), member_id=member.pk) == 2
    assert ask("consumption_60d", site, date(2020, 4, 10), member_id=member.pk) == 100


@pytest.mark.parametrize(
    ("day", "expected"), [(date(2020, 2, 29), 1), (date(2020, 3, 1), 0), (date(2020, 3, 31), 0)]
)
def test_a_member_who_first_came_before_eight_on_the_first_is_new_in_the_month_before(
    day, expected
):
    site = make_site()
    push_bill(site, "2020-03-01T07:59:00", member=push_member(site))

    assert ask("month_new_members", site, day) == expected


def test_a_closed_day_leaves_the_denominators_from_its_own_day_on():
    site = make_site(areas=[AreaPlan("all", "全店", is_virtual=True), AreaPlan("a", "A", tables=1)])
    push_bill(site, "2020-03-01T20:00:00", area="a")
    closure = {"external_id": "X", "day": "2020-03-02", "reason": "除夕"}

    push_rows(site=site, kind="closures", rows=[closure])

    assert ask("turnover", site, date(2020, 3, 1)) == Decimal("1.00")
    assert ask("turnover", site, date(2020, 3, 2)) == Decimal("1.00")
    assert ask("turnover", site, date(2020, 3, 3)) == Decimal("0.50")
