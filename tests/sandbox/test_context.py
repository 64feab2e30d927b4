"""The runtime context: clock, precedence, nesting, and what the database says without one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction

from sandbox.context import (
    as_of_context,
    business_date_of,
    current_context,
    live_context,
    resolve_context,
    use_context,
)
from sandbox.errors import InvalidDate, NoContext
from sandbox.models import Mode, RuntimeSetting, Site, SiteIngest

NOON = datetime(2026, 5, 5, 4, tzinfo=UTC)  # 12:00 in Shanghai


@pytest.fixture
def site(db) -> Site:
    site = Site.objects.create(code="east", name="东店")
    SiteIngest.objects.create(site=site, first_business_date=date(2026, 1, 1))
    return site


@pytest.mark.parametrize(
    ("zone", "starts", "moment", "expected"),
    [
        ("Asia/Shanghai", time(8), "2026-05-05T07:59:59+08:00", date(2026, 5, 4)),
        ("Asia/Shanghai", time(8), "2026-05-05T08:00:00+08:00", date(2026, 5, 5)),
        ("Asia/Shanghai", time(8), "2026-05-04T23:59:59+00:00", date(2026, 5, 4)),
        ("Asia/Shanghai", time(8), "2026-05-05T00:00:00+00:00", date(2026, 5, 5)),
        ("Asia/Shanghai", time(0), "2026-05-05T00:00:00+08:00", date(2026, 5, 5)),
        ("America/New_York", time(6), "2026-03-08T05:59:00-04:00", date(2026, 3, 7)),
        ("America/New_York", time(6), "2026-03-08T06:00:00-04:00", date(2026, 3, 8)),
        ("Asia/Shanghai", time(8), "2028-03-01T07:59:00+08:00", date(2028, 2, 29)),
        ("Asia/Shanghai", time(8), "2027-01-01T03:00:00+08:00", date(2026, 12, 31)),
    ],
)
def test_the_day_turns_over_at_the_stores_own_hour(zone, starts, moment, expected):
    site = Site(code="x", timezone=zone, day_starts_at=starts)

    assert business_date_of(site, datetime.fromisoformat(moment)) == expected


def test_without_a_context_nothing_can_be_read():
    with pytest.raises(NoContext):
        current_context()


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize(
    ("as_of", "message"),
    [(date(2026, 5, 6), "2026-05-06"), (date(2025, 12, 31), "2026-01-01")],
    ids=["future", "before the first fact"],
)
def test_a_date_that_cannot_be_is_refused(site, as_of, message):
    with pytest.raises(InvalidDate, match=message):
        as_of_context(site, as_of)


@time_machine.travel(NOON, tick=False)
def test_as_of_wins_over_own_setting_over_the_stores_over_live(site):
    user = User.objects.create_user("manager")
    other = User.objects.create_user("other")

    def where(reader, as_of=None):
        ctx = resolve_context(site, user=reader, as_of=as_of)
        return ctx.mode, ctx.business_date, ctx.scope

    assert where(user) == (Mode.LIVE, date(2026, 5, 5), "live")
    RuntimeSetting.objects.create(site=site, mode="sandbox", business_date=date(2026, 3, 1))
    assert where(user) == (Mode.SANDBOX, date(2026, 3, 1), "site")
    RuntimeSetting.objects.create(
        site=site, user=user, mode="sandbox", business_date=date(2026, 4, 1)
    )
    assert where(user) == (Mode.SANDBOX, date(2026, 4, 1), "me")
    assert where(other) == (Mode.SANDBOX, date(2026, 3, 1), "site")
    assert where(user, date(2026, 2, 2)) == (Mode.SANDBOX, date(2026, 2, 2), "as_of")
    assert where(user, date(2026, 5, 5)) == (Mode.LIVE, date(2026, 5, 5), "live")


def settings_in_force() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('zqyy.site_ids', true),"
            " current_setting('zqyy.business_date', true)"
        )
        return cursor.fetchone()


@time_machine.travel(NOON, tick=False)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["normally", "by an exception", "by a rollback"])
def test_leaving_a_nested_context_brings_the_outer_one_back(site, how):
    outer, inner = live_context(site), as_of_context(site, date(2026, 4, 20))

    with use_context(outer):
        before = settings_in_force()
        try:
            with use_context(inner):
                assert settings_in_force() == (f"{{{site.pk}}}", "2026-04-20")
                assert current_context() == inner
                if how == "by an exception":
                    raise ValueError
                if how == "by a rollback":
                    transaction.set_rollback(True)
        except ValueError:
            pass
        assert settings_in_force() == before
        assert current_context() == outer
    assert settings_in_force() in (("", ""), (None, None))


@pytest.mark.django_db(transaction=True)
def test_a_query_without_a_context_raises(site):
    with use_context(live_context(site)), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ingest_batches (site_id, source, counts) VALUES (%s, 'test', '{}')",
            [site.pk],
        )

    with pytest.raises(DatabaseError) as raised, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ingest_batches")

    assert raised.value.__cause__.sqlstate == "ZQ001"


@pytest.mark.django_db(transaction=True)
def test_the_day_rule_is_frozen_after_the_first_fact(site):
    site.day_starts_at = time(6)

    with pytest.raises(DatabaseError, match="frozen after the first fact"):
        site.save()
