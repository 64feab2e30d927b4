"""An answer at D is what a database would give that holds nothing dated after D."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction

from metrics.boards import member_board
from metrics.builds import build_site
from metrics.calculations.finance import daily_series
from metrics.catalog import METRICS, metric_value
from metrics.importers import import_file, push_rows
from metrics.models import DwsBuild, Member
from metrics.ranges import RANGES
from sandbox.context import live_context, use_build_context, use_context
from tests.factories import at, make_site
from tests.metrics.histories import make_history, write_csv
from tests.metrics.oracle import business_date

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# Children before their parents; date column by table.
DATED = {
    "dws_member_consumption_summary": "stat_date",
    "dws_finance_daily": "stat_date",
    "notes": "business_date",
    "service_lines": "business_date",
    "card_entries": "business_date",
    "settlements": "business_date",
    "member_versions": "business_date",
    "members": "business_date",
    "assistant_versions": "business_date",
    "assistants": "business_date",
    "area_versions": "business_date",
    "areas": "business_date",
}


@pytest.fixture
def site(tmp_path):
    site = make_site()
    bills, cards = make_history(
        seed=8, bills=250, members=15, days=120, last_day=live_context(site).business_date
    )
    names = [
        {"external_id": f"M{n}", "name": f"会员{n}", "phone": "", "joined_at": ""}
        for n in range(0, 15, 2)
    ]
    for kind, rows in (("settlements", bills), ("card_entries", cards), ("members", names)):
        path = write_csv(tmp_path / f"{kind}.csv", rows)
        import_file(site=site, kind=kind, path=path, create_members=True)
    push_rows(
        site=site,
        kind="members",
        rows=[{"external_id": "M2", "name": "改名", "phone": "13800000000"}],
    )
    site.event_days = sorted({business_date(row["settled_at"]) for row in bills})
    return site


def answers(ctx):
    """Everything that can be asked, in one comparable value."""
    with use_context(ctx):
        members = list(Member.objects.filter(site=ctx.site).order_by("pk"))
        found = {
            (metric.key, member.pk): metric_value(metric.key, ctx=ctx, member_id=member.pk)
            for metric in METRICS
            if metric.entity == "member"
            for member in members
        }
        for metric in METRICS:
            if metric.entity == "site":
                found[metric.key] = metric_value(metric.key, ctx=ctx)
            if metric.entity == "site_area":
                for area in ("all", "hall", "vip"):
                    for key in (None, *RANGES):
                        value = metric_value(metric.key, ctx=ctx, area=area, range_key=key)
                        found[metric.key, area, key] = value
        board = member_board(ctx=ctx).order_by("-total_consumption", "pk")
        found["board"] = list(
            board.values_list("pk", "name", "phone", "last_visit", "visits", "consumption_60d")
        )
        week = ctx.business_date - timedelta(days=7)
        found["series"] = daily_series(start=week, end=ctx.business_date, ctx=ctx)
    return found


@contextmanager
def copy_that_ends_at(site, day):
    """Everything dated later is deleted and all summaries are built anew; then it comes back."""
    with transaction.atomic():
        with use_build_context(site), connection.cursor() as cursor:
            for table, column in DATED.items():
                where = f"site_id = {site.pk} AND {column} > '{day}'"
                if table.startswith("dws_"):
                    where = f"site_id = {site.pk}"
                cursor.execute(f"DELETE FROM {table} WHERE {where}")
            DwsBuild.objects.filter(site=site).delete()
        build_site(site=site, full=True)
        yield
        transaction.set_rollback(True)


def days_before_events(site):
    return [day - timedelta(days=1) for day in site.event_days[5::30]]


def test_nothing_dated_later_changes_an_answer(site):
    for day in days_before_events(site):
        with at(site, day) as ctx:
            pass
        expected = answers(ctx)

        with copy_that_ends_at(site, day):
            assert answers(ctx) == expected, day


def test_a_leak_of_one_day_is_caught(site):
    for day in days_before_events(site):
        with at(site, day) as ctx:
            pass
        leaked = answers(replace(ctx, business_date=day + timedelta(days=1)))

        with copy_that_ends_at(site, day):
            truth = answers(ctx)

        assert leaked != truth, day


def test_a_leaking_query_is_stopped_by_the_database(site):
    day = days_before_events(site)[2]
    with at(site, day) as ctx:
        pass
    expected = answers(ctx)["board"]

    with use_context(ctx):
        leaking = replace(ctx, business_date=day + timedelta(days=1))
        found = member_board(ctx=leaking).order_by("-total_consumption", "pk").values_list("pk")

        assert {pk for (pk,) in found} == {pk for pk, *_rest in expected}
