"""Metrics at any date, against plain arithmetic over the files they came from."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from metrics.boards import member_board
from metrics.calculations.finance import daily_paid, daily_series, finance_totals
from metrics.calculations.members import member_metrics
from metrics.catalog import metric_value
from metrics.importers import import_file
from metrics.models import Member
from metrics.ranges import RANGES, resolve_range
from sandbox.context import live_context
from tests.factories import at, make_site
from tests.metrics.histories import AREAS, make_history, write_csv
from tests.metrics.oracle import Oracle, business_date

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
AREA_PARTS = {"all": None, "hall": {"hall", "hallA", "hallB", "hallC"}} | {
    area: {area} for area in AREAS
}


@pytest.fixture
def store(tmp_path):
    site = make_site()
    bills, cards = make_history(
        seed=20, bills=1500, members=90, last_day=live_context(site).business_date
    )
    for kind, rows in (("settlements", bills), ("card_entries", cards)):
        path = write_csv(tmp_path / f"{kind}.csv", rows)
        import_file(site=site, kind=kind, path=path, create_members=True)
    return site, Oracle(bills, cards)


def test_a_thousand_members_at_random_dates_and_next_to_their_bills(store):
    site, oracle = store
    today = live_context(site).business_date
    first = min(business_date(row["settled_at"]) for row in oracle.bills)
    pick = random.Random(4)
    bills = [row for row in oracle.bills if row["member"]]
    asked = []
    for _ in range(500):
        asked.append(
            (f"M{pick.randrange(90)}", first + timedelta(pick.randrange((today - first).days)))
        )
        row = pick.choice(bills)
        shift = pick.choice((-1, 0, 1, 59, 60, 61))
        asked.append((row["member"], business_date(row["settled_at"]) + timedelta(shift)))
    differences = []

    for member, day in asked:
        day = min(max(day, first), today)
        with at(site, day) as ctx:
            row = Member.objects.filter(site=site, external_id=member).first()
            found = member_metrics(row.pk, ctx=ctx) if row else oracle.member("nobody", day)
        expected = oracle.member(member, day)
        if {key: found[key] for key in expected} != expected:
            differences.append((member, day, found, expected))

    assert differences == []


def test_finances_by_area_and_range(store):
    site, oracle = store
    today = live_context(site).business_date

    for days_ago in (0, 31, 250):
        day = today - timedelta(days=days_ago)
        with at(site, day) as ctx:
            for key in RANGES:
                start, end = resolve_range(key, day)
                for area, parts in AREA_PARTS.items():
                    found = finance_totals(start=start, end=end, area_code=area, ctx=ctx)
                    expected = oracle.store(start, end, parts)
                    assert {k: found[k] for k in expected} == expected, (day, key, area)


def test_the_series_of_days_adds_up_to_the_totals_of_each_day(store):
    site, oracle = store
    day = live_context(site).business_date - timedelta(days=40)

    with at(site, day) as ctx:
        series = daily_series(start=day - timedelta(days=60), end=day, area_code="hall", ctx=ctx)

    assert len(series) == 61
    for row in series:
        expected = oracle.store(row["date"], row["date"], AREA_PARTS["hall"])
        assert {key: row[key] for key in expected} == expected


def test_the_days_of_all_areas_add_up_to_the_series_of_the_store(store):
    site, _oracle = store
    day = live_context(site).business_date - timedelta(days=40)
    start = day - timedelta(days=60)

    with at(site, day) as ctx:
        by_area = daily_paid(start=start, end=day + timedelta(days=9), ctx=ctx)
        series = daily_series(start=start, end=day, ctx=ctx)

    for row in series:
        found = [days[row["date"]] for days in by_area.values() if row["date"] in days]
        assert sum(cents for cents, _bills in found) == 100 * row["paid"]
        assert sum(bills for _cents, bills in found) == row["bills"]
    assert {found for days in by_area.values() for found in days} <= {row["date"] for row in series}


def test_the_board_says_the_same_as_the_single_metrics(store):
    site, _oracle = store
    day = live_context(site).business_date - timedelta(days=77)

    with at(site, day) as ctx:
        board = list(member_board(ctx=ctx).order_by("-total_consumption", "pk"))
        singles = [member_metrics(row.pk, ctx=ctx) for row in board]

    assert len(board) > 50
    for row, values in zip(board, singles, strict=True):
        assert {key: getattr(row, key) for key in values} == values


def test_the_liability_is_the_sum_of_all_balances(store):
    site, oracle = store
    day = live_context(site).business_date - timedelta(days=50)

    with at(site, day) as ctx:
        liability = metric_value("prepaid_liability", ctx=ctx)

    members = {row["member"] for row in oracle.cards}
    assert liability == sum(oracle.member(member, day)["card_balance"] for member in members)
