from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.assistant_board import assistant_board
from metrics.catalog import METRICS, metric_value
from tests.factories import at, make_site, push_bill, push_member
from tests.metrics.staff import make_assistant, push_services, set_level, void_bill

pytestmark = pytest.mark.django_db

FIRST = date(2024, 1, 1)


@pytest.fixture
def site():
    site = make_site()
    push_bill(site, FIRST)
    return site


@pytest.fixture
def assistant(site):
    return make_assistant(site, hired_at=FIRST.isoformat())


def value(site, key, day, assistant):
    with at(site, day) as ctx:
        return metric_value(key, ctx=ctx, assistant_id=assistant.pk)


@pytest.mark.parametrize(
    ("worked_on", "asked_on", "hours"),
    [
        ("2026-03-01", "2026-02-28", 0),
        ("2026-03-01", "2026-03-01", 2),
        ("2026-03-01", "2026-03-31", 2),
        ("2026-03-01", "2026-04-01", 0),
        ("2026-03-31", "2026-03-30", 0),
        ("2026-03-31", "2026-03-31", 2),
        ("2026-03-31", "2026-04-01", 0),
        ("2024-02-29", "2024-02-29", 2),
        ("2024-02-29", "2024-03-01", 0),
        ("2025-12-31", "2026-01-01", 0),
    ],
)
def test_hours_and_billing_of_the_month(site, assistant, worked_on, asked_on, hours):
    push_services(site, date.fromisoformat(worked_on), (assistant, hours or 2, 30))
    day = date.fromisoformat(asked_on)

    assert value(site, "month_hours", day, assistant) == hours
    assert value(site, "month_billed", day, assistant) == (30 if hours else 0)


def test_hours_and_billing_by_course_type(site, assistant):
    day = date(2026, 3, 5)
    for hours, course in (
        (1, "base"),
        (2, "incentive"),
        (4, "trial"),
        (8, "snooker"),
        (16, "BASE"),
    ):
        push_services(site, day, (assistant, hours, hours * 10, course))

    with at(site, day) as ctx:
        [row] = assistant_board(ctx=ctx)

    assert [row.metrics[key] for key in row.metrics if key.startswith("month_hours")] == [
        1,
        2,
        4,
        24,
    ]
    assert [row.metrics[key] for key in row.metrics if key.startswith("month_billed")] == [
        310,
        10,
        20,
        40,
        240,
    ]


def test_customers_are_distinct_members_whose_services_stand(site, assistant):
    day = date(2026, 3, 5)
    member, other = push_member(site), push_member(site)
    push_services(site, day, (assistant, 1, 1), (assistant, 1, 1), member=member)
    push_services(site, day, (assistant, 1, 1))
    gone = push_services(site, day, (assistant, 1, 1), member=other)

    assert value(site, "customers_served", day, assistant) == 2
    void_bill(site, gone)
    assert value(site, "customers_served", day, assistant) == 1
    assert value(site, "customers_served", date(2026, 3, 4), assistant) == 0


def test_the_level_is_the_newest_change(site, assistant):
    set_level(site, assistant, date(2026, 3, 5), "中")
    set_level(site, assistant, date(2026, 3, 1), "初")

    levels = [
        value(site, "assistant_level", date(2026, *day), assistant)
        for day in ((2, 28), (3, 1), (3, 4), (3, 5), (3, 6))
    ]

    assert levels == [None, "初", "初", "中", "中"]


def test_a_back_dated_level_counts_from_its_day(site, assistant):
    set_level(site, assistant, date(2026, 3, 5), "中")
    push_services(site, date(2026, 3, 8), (assistant, 1, 1))

    set_level(site, assistant, date(2026, 3, 7), "高")

    assert value(site, "assistant_level", date(2026, 3, 6), assistant) == "中"
    assert value(site, "assistant_level", date(2026, 3, 8), assistant) == "高"


def test_cumulative_figures_add_up_over_months(site, assistant):
    member = push_member(site)
    push_services(site, date(2025, 12, 31), (assistant, "1.25", "10.05"), member=member)
    push_services(site, date(2026, 1, 1), (assistant, 1, 20, "trial"), member=member)

    assert value(site, "cumulative_kpi", date(2026, 1, 1), assistant) == {
        "hours": Decimal("2.25"),
        "ledger": Decimal("30.05"),
        "customers": 1,
        "tasks_done": 0,
    }


def test_somebody_without_work_has_zeros_and_no_level(site, assistant):
    with at(site, date(2026, 1, 1)) as ctx:
        [row] = assistant_board(ctx=ctx)

    assert row.metrics["month_hours"] == row.metrics["month_salary"] == 0
    assert row.metrics["assistant_level"] is row.metrics["task_completion_rate"] is None


def test_the_board_has_every_assistant_metric_in_the_catalogs_order(site, assistant):
    with at(site, date(2026, 1, 1)) as ctx:
        [row] = assistant_board(ctx=ctx)

    assert list(row.metrics) == [metric.key for metric in METRICS if metric.entity == "assistant"]


def test_the_board_says_who_was_known_and_employed_at_the_date(site):
    make_assistant(site, name="甲", hired_at="2025-01-01", left_at="2026-03-05T12:00:00")
    make_assistant(site, name="乙", hired_at="2026-03-05T12:00:00")

    def found(day):
        with at(site, day) as ctx:
            return {row.name: row.is_employed for row in assistant_board(ctx=ctx)}

    assert found(date(2026, 3, 4)) == {"甲": True}
    assert found(date(2026, 3, 5)) == {"甲": False, "乙": True}


def test_the_board_asks_as_often_for_one_as_for_twenty(site):
    def queries():
        with at(site, date(2026, 3, 5)) as ctx, CaptureQueriesContext(connection) as captured:
            assistant_board(ctx=ctx)
        return len(captured)

    make_assistant(site, hired_at="2025-01-01")
    before = queries()
    for _ in range(19):
        assistant = make_assistant(site, hired_at="2025-01-01")
        push_services(site, date(2026, 3, 1), (assistant, 1, 1))

    assert queries() == before
