"""Stages, stickiness and the own rhythm of a member, the day before, on and after each boundary."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db.models import F

from metrics.boards import member_board
from metrics.calculations.members import member_metrics
from metrics.catalog import METRICS, metric_value
from metrics.importers import push_rows
from sandbox.context import live_context, use_context
from sandbox.options import set_option
from tests.factories import at, bill, days_before, make_site, push_bills, push_member

pytestmark = pytest.mark.django_db
KEYS = ("stickiness", "lifecycle_stage", "visit_interval_median", "overdue_ratio")
TODAY = date(2026, 3, 1)


def asked(visits_ago: list[int], day: date = TODAY) -> dict:
    """The figures at `day` of a member who came that many days before it; singly and on a board."""
    site = make_site()
    member = push_member(site, joined_at="2023-01-01")
    visits = [bill(day - timedelta(days=ago), member=member) for ago in visits_ago]
    push_bills(site, [bill(date(2023, 1, 1)), *visits])
    with at(site, day) as ctx:
        single = {key: metric_value(key, ctx=ctx, member_id=member.pk) for key in KEYS}
        together = member_metrics(member.pk, ctx=ctx)
        for board in (member_board(ctx=ctx), member_board(ctx=ctx).order_by("-stickiness")):
            row = board.values(*KEYS).get(pk=member.pk)
            assert row == single
            assert {key: str(row[key]) for key in KEYS} == {k: str(v) for k, v in single.items()}
    assert {key: together[key] for key in KEYS} == single
    return single


@pytest.mark.parametrize(
    ("visits_ago", "stage"),
    [
        ([], None),
        ([0], "new"),
        ([30], "new"),
        ([31], "cooling"),
        ([60], "cooling"),
        ([61], "dormant"),
        ([90], "dormant"),
        ([91], "churned"),
        ([31, 30], "active"),
        ([100, 56, 30], "active"),  # 44 days away
        ([101, 56, 30], "active"),  # 45, but the return is 56 days ago
        ([101, 56, 40], "cooling"),
        ([74, 30], "active"),  # 44
        ([75, 30], "returned"),  # 45
        ([76, 30], "returned"),  # 46
        ([76, 31], "cooling"),
        ([76, 31, 5], "active"),
        ([76, 30, 5], "returned"),
    ],
    ids=str,
)
def test_the_stage(visits_ago, stage):
    assert asked(visits_ago)["lifecycle_stage"] == stage


@pytest.mark.parametrize(
    ("visits_ago", "stickiness"),
    [
        ([], "0.0"),
        ([0], "20.0"),
        ([45], "11.1"),
        ([90], "5.9"),
        ([179], "1.6"),
        ([180], "0.0"),
        ([0, 45, 90, 180], "30.4"),
    ],
    ids=str,
)
def test_stickiness(visits_ago, stickiness):
    assert str(asked(visits_ago)["stickiness"]) == stickiness


@pytest.mark.parametrize(
    ("visits_ago", "usual", "ratio"),
    [
        ([10, 20, 30], None, None),
        ([10, 20, 30, 40], "10.0", "1.00"),
        ([5, 20, 30, 179], "15.0", "0.33"),
        ([5, 20, 30, 180], None, None),
        ([7, 8, 10, 13, 20], "2.5", "2.80"),
        ([0, 1, 2, 3], "1.0", "0.00"),
    ],
    ids=str,
)
def test_the_usual_interval_and_how_overdue(visits_ago, usual, ratio):
    found = asked(visits_ago)

    assert str(found["visit_interval_median"]) == str(usual)
    assert str(found["overdue_ratio"]) == str(ratio)


@pytest.mark.parametrize("day", ["2024-02-29", "2024-03-01", "2025-12-31", "2026-01-01"])
def test_years_and_leap_days_change_nothing(day):
    found = asked([10, 20, 30, 40], date.fromisoformat(day))

    assert (str(found["overdue_ratio"]), found["lifecycle_stage"]) == ("1.00", "active")


def test_several_bills_of_a_day_are_one_visit():
    assert asked([0, 0, 0])["stickiness"] == Decimal("20.0")


def test_options_of_stickiness_count_at_once():
    site = make_site()
    member = push_member(site)
    push_bills(site, [bill(days_before(site, n), member=member) for n in (1, 200)])
    with use_context(live_context(site)) as ctx:
        for key, option in (("window_days", 365), ("half_life", 1), ("k", 0.5)):
            set_option(key=f"stickiness_{key}", value=option, site=site, actor_id=None)

        found = metric_value("stickiness", ctx=ctx, member_id=member.pk)

        assert found == member_board(ctx=ctx).get(pk=member.pk).stickiness == Decimal("50.0")


def test_all_metrics_of_a_member_are_three_queries(django_assert_num_queries):
    site = make_site()
    member = push_member(site)
    push_bills(site, [bill(days_before(site, n), member=member) for n in range(1, 90, 9)])

    with use_context(live_context(site)) as ctx:
        with django_assert_num_queries(3):
            found = member_metrics(member.pk, ctx=ctx)
        expected = {
            metric.key: metric_value(metric.key, ctx=ctx, member_id=member.pk)
            for metric in METRICS
            if metric.entity == "member"
        }

    assert found == expected


@pytest.mark.parametrize(
    ("condition", "ordering", "joins"),
    [
        ({}, "-last_visit", 0),
        ({"visits__gt": 0}, "name", 0),
        ({}, "-overdue_ratio", 1),
        ({"visits__gt": 0}, "stickiness", 1),
        ({"overdue_ratio": None}, "-last_visit", 1),
        ({"overdue_ratio": None}, "-overdue_ratio", 1),
        ({}, F("overdue_ratio").desc(nulls_last=True), 1),
        ({}, (F("overdue_ratio") * F("consumption_60d")).desc(), 1),
    ],
    ids=str,
)
def test_visits_are_joined_once_and_only_to_sort_or_filter_by_them(condition, ordering, joins):
    site = make_site()
    push_bills(site, [bill(days_before(site, 3), member=push_member(site))])

    with use_context(live_context(site)) as ctx:
        board = member_board(ctx=ctx).filter(**condition).order_by(ordering)
        sql = str(board.query)

        assert sql.count("generate_series(1, (SELECT 1))") == joins
        assert (sql.count("array_agg") == 1) == bool(joins)
        assert len(board) == board.count() == 1
        assert member_board(ctx=ctx).filter(pk__in=board.values("pk")).count() == 1


@pytest.mark.slow
def test_a_page_costs_as_many_queries_with_many_members(django_assert_num_queries):
    site = make_site()
    for count in (20, 980):
        people = [f"P{count}-{n}" for n in range(count)]
        names = [{"external_id": name, "name": name} for name in people]
        push_rows(site=site, kind="members", rows=names)
        push_bills(site, [bill(days_before(site, 9), member=name) for name in people])

        with use_context(live_context(site)) as ctx:
            board = member_board(ctx=ctx)
            for column in ("-last_visit", "-overdue_ratio", "stickiness", "lifecycle_stage"):
                with django_assert_num_queries(1):
                    assert len(board.order_by(column)[:50]) == (20 if count == 20 else 50)
