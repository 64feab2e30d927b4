"""Every area × range × period, against the same asked one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from metrics.calculations.finance import finance_totals
from metrics.calculations.grid import PERIODS, finance_cell, finance_grid, periods_of
from metrics.catalog import METRICS, metric_value
from metrics.importers import import_file, push_rows
from metrics.importers.sites import STANDARD_AREAS, AreaPlan
from metrics.ranges import RANGES
from sandbox.context import live_context, use_context
from sandbox.errors import BadRequest, NotFound
from tests.factories import at, bill, days_before, make_site, push_bills
from tests.metrics.histories import make_history, write_csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(tmp_path):
    areas = [
        AreaPlan(a.code, a.name, a.parent, a.is_virtual, tables=n)
        for n, a in enumerate(STANDARD_AREAS)
    ]
    site = make_site(areas=areas)
    bills, cards = make_history(
        seed=31, bills=700, members=40, days=800, last_day=live_context(site).business_date
    )
    for number, row in enumerate(bills):
        if number % 3 and not row["void_of"]:
            row["area"] = "rooftop" if number % 10 == 1 else row["area"]
    voids = {row["void_of"]: row for row in bills if row["void_of"]}
    for row in bills:
        if row["external_id"] in voids:
            voids[row["external_id"]]["area"] = row["area"]
    for kind, rows in (("settlements", bills), ("card_entries", cards)):
        path = write_csv(tmp_path / f"{kind}.csv", rows)
        import_file(site=site, kind=kind, path=path, create_members=True)
    closed = [{"external_id": f"X{n}", "day": days_before(site, n).isoformat()} for n in (3, 40)]
    push_rows(site=site, kind="closures", rows=closed)
    return site


@pytest.mark.slow
def test_a_cell_is_what_the_totals_say(store):
    for days_ago in (0, 57, 200):
        with at(store, days_before(store, days_ago)) as ctx:
            grid = finance_grid(ctx=ctx)

            assert list(grid) == [area.code for area in STANDARD_AREAS]
            for area, ranges in grid.items():
                assert list(ranges) == list(RANGES)
                for key, cell in ranges.items():
                    assert cell["dates"] == periods_of(key, ctx.business_date)
                    for period in PERIODS:
                        start, end = cell["dates"][period]
                        expected = finance_totals(start=start, end=end, area_code=area, ctx=ctx)
                        assert cell[period] == expected, (area, key, period, ctx.business_date)


def test_the_catalog_says_the_same(store):
    with at(store, days_before(store, 10)) as ctx:
        cell = finance_cell(range_key="last_3_months", area_code="hall", ctx=ctx)

        for metric in METRICS:
            if metric.entity == "site_area":
                value = metric_value(metric.key, ctx=ctx, area="hall", range_key="last_3_months")
                assert cell["current"][metric.key] == value, metric.key


def test_the_grid_is_one_statement_over_the_summaries(store, django_assert_num_queries):
    with use_context(live_context(store)) as ctx, django_assert_num_queries(3) as queries:
        finance_grid(ctx=ctx)  # areas; the cells; the first business date and closures

    assert sum("dws_finance_daily" in query["sql"] for query in queries) == 1


def test_a_store_has_the_cells_of_its_own_areas():
    site = make_site(areas=(AreaPlan("all", "全店", is_virtual=True), AreaPlan("vip", "包厢")))
    push_bills(site, [bill(days_before(site, 40), 7, area="vip"), bill(days_before(site, 1), 1)])

    with use_context(live_context(site)) as ctx:
        grid = finance_grid(ctx=ctx)

        assert list(grid) == ["all", "vip"]
        assert grid["all"]["last_6_months"]["current"]["gmv"] in (7, 8)
        with pytest.raises(NotFound):
            finance_cell(range_key="this_month", area_code="hall", ctx=ctx)
        with pytest.raises(BadRequest):
            finance_cell(range_key="this_century", ctx=ctx)


def test_nothing_later_is_in_a_cell():
    site = make_site()
    push_bills(site, [bill(days_before(site, 9), 7), bill(days_before(site, 8), 1)])

    with at(site, days_before(site, 9)) as ctx:
        assert finance_cell(range_key="this_week", ctx=ctx)["current"]["gmv"] == 7


def test_deeper_trees_contain_everything_below():
    areas = (
        AreaPlan("all", "全店", is_virtual=True),
        AreaPlan("floor", "二楼", tables=1),
        AreaPlan("room", "包间", parent="floor", tables=1),
        AreaPlan("corner", "角落", parent="room", tables=1),
    )
    site = make_site(areas=areas)
    day = days_before(site, 0)
    push_bills(site, [bill(day, 2**n, area=plan.code) for n, plan in enumerate(areas)])

    with use_context(live_context(site)) as ctx:
        grid = finance_grid(ctx=ctx)

    gmv = {area: grid[area]["this_month"]["current"]["gmv"] for area in grid}
    assert gmv == {"all": 15, "floor": 14, "room": 12, "corner": 8}
    assert grid["floor"]["this_week"]["previous"]["gmv"] == 0
    assert grid["all"]["this_month"]["dates"]["current"][1] - day == timedelta(0)
