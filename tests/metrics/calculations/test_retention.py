"""Members who came and left in a month, next to its ends."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from metrics.builds import build_site
from metrics.catalog import metric_value
from sandbox.context import live_context, use_context
from sandbox.options import set_option
from tests.factories import at, bill, make_site, push_bills, push_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    site = make_site()
    push_bills(site, [bill(date(2023, 1, 1))])
    return site


def come(site, *days: str) -> None:
    member = push_member(site)
    push_bills(site, [bill(date.fromisoformat(day), member=member) for day in days])


def count(site, key, day: str) -> int:
    with at(site, date.fromisoformat(day)) as ctx:
        return metric_value(key, ctx=ctx)


@pytest.mark.parametrize(
    ("day", "new"),
    [("2024-01-31", 0), ("2024-02-27", 1), ("2024-02-28", 2), ("2024-02-29", 3), ("2024-03-01", 1)],
)
def test_members_are_new_in_the_month_of_their_first_visit(site, day, new):
    for first in ("2024-02-01", "2024-02-28", "2024-02-29", "2024-03-01"):
        come(site, first, "2024-03-01")

    assert count(site, "month_new_members", day) == new
    assert count(site, "month_lifecycle_new", day) == new


@pytest.mark.parametrize(
    ("last", "day", "churned"),
    [
        ("2026-03-01", "2026-04-14", 0),  # 44 days
        ("2026-03-01", "2026-04-15", 1),  # 45
        ("2026-03-01", "2026-04-16", 1),
        ("2026-03-01", "2026-04-30", 1),
        ("2026-03-01", "2026-05-01", 0),  # completed in April
        ("2026-02-15", "2026-04-01", 1),  # completed on the first
        ("2026-02-14", "2026-04-01", 0),  # on the last of March
        ("2026-02-14", "2026-03-31", 1),
        ("2024-01-15", "2024-02-29", 1),  # on the leap day
        ("2024-01-16", "2024-02-29", 0),
        ("2025-11-17", "2026-01-01", 1),
    ],
)
def test_members_are_churned_in_the_month_that_completes_the_days_away(site, last, day, churned):
    come(site, "2023-06-01", last)

    assert count(site, "month_churned_members", day) == churned


def test_who_comes_back_within_the_month_is_not_churned(site):
    come(site, "2026-03-01", "2026-04-20")

    assert count(site, "month_churned_members", "2026-04-19") == 1
    assert count(site, "month_churned_members", "2026-04-20") == 0


def test_days_away_count_as_they_are_built_in(site):
    come(site, "2026-03-01")
    with use_context(live_context(site)):
        set_option(key="churn_days", value=20, site=site, actor_id=None)

    assert count(site, "month_churned_members", "2026-04-20") == 1
    build_site(site=site)
    assert count(site, "month_churned_members", "2026-04-20") == 0
    assert count(site, "month_churned_members", "2026-03-21") == 1


@pytest.mark.parametrize(
    ("key", "day", "times"),
    [
        ("month_lifecycle_churned", "2026-04-30", 0),
        ("month_lifecycle_churned", "2026-05-31", 1),  # 91 days after 1 March
        ("month_lifecycle_churned", "2026-06-01", 0),
        ("month_lifecycle_returned", "2026-06-30", 1),
        ("month_lifecycle_returned", "2026-07-01", 0),
        ("month_lifecycle_new", "2026-03-31", 1),
        ("month_lifecycle_new", "2026-04-01", 0),
    ],
)
def test_changes_of_stage_count_in_their_month(site, key, day, times):
    come(site, "2026-03-01", "2026-06-15")

    assert count(site, key, day) == times


def test_a_change_counts_from_its_day_on(site):
    come(site, "2026-03-01")
    churned = date(2026, 3, 1) + timedelta(days=91)

    assert count(site, "month_lifecycle_churned", str(churned - timedelta(days=1))) == 0
    assert count(site, "month_lifecycle_churned", str(churned)) == 1
