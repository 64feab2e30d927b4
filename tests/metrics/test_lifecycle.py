"""dws_member_lifecycle against its definition, whatever order the bills come in."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.builds import build_site
from metrics.models import MemberLifecycle
from metrics.models.base import FOREVER
from sandbox.context import use_build_context
from tests.factories import bill, days_before, make_site, push_bills, push_member

pytestmark = pytest.mark.django_db


def stage_at(visits: list[date], day: date, away: int = 45) -> str | None:
    """The definition, day by day."""
    seen = sorted({visit for visit in visits if visit <= day})
    if not seen:
        return None
    gaps = itertools.pairwise(seen)
    returns = [later for visit, later in gaps if (later - visit).days >= away]
    if returns and (day - returns[-1]).days <= 30:
        return "returned"
    if (day - seen[0]).days <= 30:
        return "new"
    since = (day - seen[-1]).days
    return next(
        (
            stage
            for limit, stage in ((30, "active"), (60, "cooling"), (90, "dormant"))
            if since <= limit
        ),
        "churned",
    )


def rows_of(site) -> list[tuple[date, date, str]]:
    with use_build_context(site):
        rows = MemberLifecycle.objects.filter(site=site).order_by("member", "stat_date")
        return list(rows.values_list("stat_date", "valid_to", "stage"))


def expected_rows(visits: list[date]) -> list[tuple[date, date, str]]:
    if not visits:
        return []
    changes: list[tuple[date, str]] = []
    day = min(visits)
    while day <= max(visits) + timedelta(days=100):
        if not changes or stage_at(visits, day) != changes[-1][1]:
            changes.append((day, str(stage_at(visits, day))))
        day += timedelta(days=1)
    ends = [day for day, _stage in changes[1:]] + [FOREVER]
    return [(day, end, stage) for (day, stage), end in zip(changes, ends, strict=True)]


@pytest.mark.parametrize(
    "gaps",
    [[], [30], [31], [44], [45], [46], [60], [61], [90], [91], [5, 45, 20, 45], [45, 31, 10, 100]],
    ids=str,
)
def test_stages_change_on_the_day_they_should(gaps):
    site = make_site()
    member = push_member(site)
    visits = [days_before(site, 400)]
    for gap in gaps:
        visits.append(visits[-1] + timedelta(days=gap))

    push_bills(site, [bill(day, member=member) for day in visits])

    assert rows_of(site) == expected_rows(visits)


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    stream=st.lists(st.tuples(st.booleans(), st.integers(0, 260)), min_size=1, max_size=10),
)
def test_bills_and_voids_in_any_order_end_in_the_rows_of_the_definition(stream):
    site = make_site()
    member = push_member(site)
    bills: list[dict] = []

    for is_void, days_ago in stream:
        if is_void and bills:
            target = bills.pop(days_ago % len(bills))
            void = {"external_id": f"V{target['external_id']}", "void_of": target["external_id"]}
            push_bills(site, [target | void])
        else:
            bills.append(bill(days_before(site, days_ago), member=member))
            push_bills(site, [bills[-1]])
        visits = [date.fromisoformat(row["settled_at"][:10]) for row in bills]
        assert rows_of(site) == expected_rows(visits)

    before = rows_of(site)
    build_site(site=site, full=True)
    build_site(site=site, since=days_before(site, 100))
    assert rows_of(site) == before


def test_a_build_that_changes_nothing_writes_nothing():
    site = make_site()
    member = push_member(site)
    push_bills(site, [bill(days_before(site, n), member=member) for n in (300, 200, 5)])
    with use_build_context(site):
        before = list(MemberLifecycle.objects.filter(site=site).order_by("pk").values_list("pk"))

    build_site(site=site, full=True)

    with use_build_context(site):
        after = list(MemberLifecycle.objects.filter(site=site).order_by("pk").values_list("pk"))
    assert after == before
