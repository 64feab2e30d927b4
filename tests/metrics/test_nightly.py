"""When a store's day is closed, and that it is closed once."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.builds import open_build
from metrics.models import DwsBuild, SiteNight
from metrics.nightly import close_days, reopen_night
from sandbox.models import Site
from tests.durable.rows import at_once, expire
from tests.factories import make_site
from zqyy.durable.driver import drive
from zqyy.durable.leases import claim
from zqyy.durable.models import Lease

D = date(2026, 4, 20)
SHANGHAI = ZoneInfo("Asia/Shanghai")

pytestmark = pytest.mark.django_db(transaction=True)


def sweep_at(hour: int, minute: int = 0, *, day: date = D, zone: ZoneInfo = SHANGHAI) -> None:
    """One round of the sweeper at a moment on a clock of that zone."""
    moment = datetime.combine(day, time(hour, minute), tzinfo=zone)
    with time_machine.travel(moment, tick=False):
        close_days()


def drive_night(site: Site, day: date = D, *, now: datetime | None = None) -> None:
    with time_machine.travel(now or datetime.combine(day, time(9), tzinfo=SHANGHAI), tick=False):
        drive(claim(f"nightly:{site.pk}:{day}"))


def nights() -> list[tuple[date, str]]:
    return list(SiteNight.objects.order_by("pk").values_list("business_date", "state"))


def test_the_night_begins_half_an_hour_after_the_day_turned_over():
    make_site()

    sweep_at(8, 29)
    before = nights()
    sweep_at(8, 30)

    assert (before, nights()) == ([], [(D, "queued")])


def test_the_night_begins_by_the_stores_own_clock_and_hour():
    make_site(timezone="Europe/London", day_starts_at=time(6))
    london = ZoneInfo("Europe/London")

    sweep_at(6, 29, zone=london)
    before = nights()
    sweep_at(6, 30, zone=london)

    assert (before, nights()) == ([], [(D, "queued")])


@pytest.mark.parametrize(
    ("day", "starts", "begins"),
    [
        (date(2026, 3, 28), time(8), datetime(2026, 3, 28, 7, 30, tzinfo=UTC)),
        (date(2026, 3, 29), time(8), datetime(2026, 3, 29, 6, 30, tzinfo=UTC)),
        # 02:15 does not exist that night
        (date(2026, 3, 29), time(2, 15), datetime(2026, 3, 29, 1, 45, tzinfo=UTC)),
        # 02:15 comes twice
        (date(2026, 10, 25), time(2, 15), datetime(2026, 10, 25, 0, 45, tzinfo=UTC)),
    ],
    ids=["winter", "summer", "the hour that is left out", "the hour that comes twice"],
)
def test_the_clocks_may_change(day, starts, begins):
    make_site(timezone="Europe/Berlin", day_starts_at=starts)
    found = []

    for moment in (begins - timedelta(minutes=1), begins, begins + timedelta(hours=1)):
        with time_machine.travel(moment, tick=False):
            close_days()
        found.append(nights())

    assert found == [[], [(day, "queued")], [(day, "queued")]]


def test_a_store_that_is_not_active_has_no_night():
    make_site(is_active=False)

    sweep_at(8, 30)

    assert nights() == []


def test_sweepers_at_the_same_moment_open_one_night_with_one_job():
    make_site()

    at_once(lambda: sweep_at(8, 30), times=4)

    assert nights() == [(D, "queued")]
    assert Lease.objects.count() == 1


def test_a_round_with_nothing_due_is_one_query(settled_database):
    for _ in range(3):
        make_site()
    sweep_at(8, 30)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        sweep_at(9, 59)

    assert len(queries) == 1


def test_after_days_off_only_the_open_day_is_closed(events):
    site = make_site()
    sweep_at(8, 30)
    drive_night(site)

    for hour in (8, 9, 11):
        sweep_at(hour, 45, day=D + timedelta(days=3))

    assert nights() == [(D, "done"), (D + timedelta(days=3), "queued")]


# --- What the night does -------------------------------------------------------------------------


def test_the_night_builds_what_was_left_and_tells_once(events):
    site = make_site()
    build = open_build(site=site, since=None)
    sweep_at(8, 30)

    drive_night(site)
    sweep_at(10)

    assert DwsBuild.objects.get(pk=build.pk).status == "done"
    assert nights() == [(D, "done")]
    assert [(event.event_type, event.site_id, event.business_date) for event in events] == [
        ("dws_completed", site.pk, D)
    ]


def test_a_night_killed_before_it_told_tells_once_when_it_is_resumed(events, settings):
    site = make_site()
    sweep_at(8, 30)
    settings.EVENT_SINK = "tests.metrics.sink.refuse"
    drive_night(site)
    assert (nights(), events) == ([(D, "running")], [])

    settings.EVENT_SINK = "tests.metrics.sink.collect"
    expire(f"nightly:{site.pk}:{D}")
    drive_night(site)

    assert nights() == [(D, "done")]
    assert len(events) == 1


def test_a_night_that_is_over_does_nothing_when_it_is_delivered_again(events):
    site = make_site()
    sweep_at(8, 30)
    drive_night(site)
    Lease.objects.update(closed_at=None)

    drive_night(site)

    assert len(events) == 1


def test_a_night_that_comes_a_day_late_tells_nobody(events):
    site = make_site()
    sweep_at(8, 30)

    drive_night(site, now=datetime.combine(D + timedelta(days=1), time(9), tzinfo=SHANGHAI))

    assert nights() == [(D, "done")]
    assert events == []


def test_a_night_that_keeps_failing_is_given_up_and_can_be_opened_again(events, settings):
    site = make_site()
    sweep_at(8, 30)
    settings.EVENT_SINK = "tests.metrics.sink.refuse"
    for _ in range(3):
        expire(f"nightly:{site.pk}:{D}")
        drive_night(site)
    night = SiteNight.objects.get()
    assert (night.state, night.error) == ("failed", "RuntimeError: no events today")

    settings.EVENT_SINK = "tests.metrics.sink.collect"
    assert reopen_night(site=site, day=D)
    drive_night(site)

    assert not reopen_night(site=site, day=D)
    assert (nights(), len(events)) == ([(D, "done")], 1)


# --- 10:00 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hour", "minute", "told"), [(9, 59, 0), (10, 0, 1)])
def test_a_store_whose_night_has_not_ended_is_told_for_at_ten(events, hour, minute, told):
    make_site()
    sweep_at(8, 30)

    sweep_at(hour, minute)
    sweep_at(hour, minute)

    assert len(events) == told


def test_a_night_that_ends_after_ten_does_not_tell_again(events):
    site = make_site()
    sweep_at(8, 30)
    sweep_at(10)

    drive_night(site)

    assert (nights(), len(events)) == ([(D, "done")], 1)


def test_sweepers_at_ten_tell_once(events):
    make_site()
    sweep_at(8, 30)

    at_once(lambda: sweep_at(10), times=4)

    assert len(events) == 1


def test_a_blocked_night_is_not_told_for(events):
    make_site()
    sweep_at(8, 30)
    SiteNight.objects.update(state="blocked", finished_at=datetime.now(UTC))

    sweep_at(10)

    assert events == []


def test_a_sweeper_that_comes_after_ten_gives_the_night_a_chance(events):
    make_site()

    sweep_at(11)
    sweep_at(11, 4)
    before = len(events)
    sweep_at(11, 5)

    assert (before, len(events)) == (0, 1)


def test_where_the_day_starts_late_the_night_has_an_hour_and_a_half(events):
    make_site(day_starts_at=time(11))

    sweep_at(11, 30)
    sweep_at(12, 59)
    before = len(events)
    sweep_at(13)

    assert (before, len(events)) == (0, 1)
