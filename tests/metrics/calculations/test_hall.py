"""How tables are used, by area and range: numerators from bills, denominators from open days."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

import pytest

from metrics.calculations.finance import finance_totals
from metrics.calculations.hall import HALL_FIGURES, opening_minutes
from metrics.catalog import metric_value
from metrics.importers import push_rows
from metrics.importers.sites import AreaPlan
from metrics.models import Area, AreaVersion
from sandbox.context import use_build_context
from sandbox.models import Site
from sandbox.options import set_option
from tests.factories import at, bill, make_site, push_bills, push_member

pytestmark = pytest.mark.django_db
FIRST = date(2026, 3, 1)
AREAS = (
    AreaPlan("all", "全店", is_virtual=True, tables=99),
    AreaPlan("hall", "大厅"),
    AreaPlan("hallA", "大厅A区", parent="hall", tables=4),
    AreaPlan("hallB", "大厅B区", parent="hall", tables=2),
    AreaPlan("vip", "包厢"),
)


@pytest.fixture
def site():
    """Open 10:00 to 02:00 since 1 March 2026, with 6 tables."""
    site = make_site(areas=AREAS)
    push_bills(site, [bill(FIRST, 0, area="vip")])
    return site


def timed(day: date, hours: float, paid: int = 100, **fields):
    start = f"{day}T{20 - int(hours):02}:{30 if hours % 1 else 0:02}:00"
    settled = f"{day}T{20 + (1 if hours % 1 else 0):02}:00:00"
    return bill(settled, paid, started_at=start, **fields)


def figures(site, day: date, **kwargs) -> dict[str, str | None]:
    with at(site, day) as ctx:
        totals = finance_totals(ctx=ctx, **kwargs)
    return {key: None if totals[key] is None else str(totals[key]) for key in HALL_FIGURES}


def test_every_figure_of_an_area(site):
    member = push_member(site)
    rows = [
        timed(FIRST, 2, 100, member=member, gross=125, discount=25, groupbuy_paid=40),
        timed(FIRST, 4, 200, area="hallB"),
        bill(FIRST, 60, area="hallA"),
        bill(FIRST, 60, area="hallA", external_id="gone"),
    ]
    rows[0] |= {"cash_paid": 60, "other_paid": 40}
    push_bills(site, rows)
    push_bills(site, [rows[-1] | {"external_id": "void", "void_of": "gone"}])

    assert figures(site, FIRST + timedelta(days=1), area_code="hall") == {
        "table_hours": "6.00",
        "hours_per_table": "0.50",  # 6 hours, 6 tables, 2 days
        "occupancy_rate": "0.0313",  # of 16 hours
        "turnover": "0.25",
        "avg_ticket": "120.00",
        "discount_rate": "0.0649",  # 25 of 385
        "groupbuy_share": "0.1111",
        "member_share": "0.2778",
        "walkin_share": "0.7222",
        "void_rate": "0.2500",
    }


def test_what_the_till_does_not_say_is_unknown(site):
    push_bills(site, [bill(FIRST, 60, area="vip")])

    found = figures(site, FIRST, area_code="vip")

    for key in ("table_hours", "hours_per_table", "occupancy_rate", "turnover", "groupbuy_share"):
        assert found[key] is None
    assert found["avg_ticket"] == "30.00"


def test_nothing_is_divided_by_nothing(site):
    assert set(figures(site, FIRST, area_code="hallA").values()) <= {None, "0.00"}


def test_virtual_areas_have_no_tables_of_their_own(site):
    push_bills(site, [bill(FIRST, 60) for _ in range(5)])

    assert figures(site, FIRST)["turnover"] == "1.00"  # 6 bills, 6 tables


def test_closed_days_and_those_before_the_first_leave_the_denominator(site):
    push_bills(site, [bill(FIRST + timedelta(days=2), 60) for _ in range(6)])
    closed = FIRST + timedelta(days=1)
    push_rows(site=site, kind="closures", rows=[{"external_id": "X1", "day": closed.isoformat()}])

    month = {"start": FIRST - timedelta(days=20), "end": FIRST + timedelta(days=90)}
    last = FIRST + timedelta(days=2)
    assert figures(site, last, area_code="hall", **month)["turnover"] == "0.50"  # of 2 days
    assert figures(site, closed, area_code="hallA", **month)["turnover"] == "0.00"


def test_tables_count_as_they_were_at_the_end_of_the_range(site):
    later = FIRST + timedelta(days=10)
    with use_build_context(site):
        area = Area.objects.get(site=site, external_id="hallA")
        old = AreaVersion.objects.get(
            site=site, area=area, business_date__lte=FIRST, valid_to__gt=FIRST
        )
        AreaVersion.objects.filter(pk=old.pk).update(valid_to=later)
        AreaVersion.objects.create(
            site=site,
            area=area,
            business_date=later,
            batch=old.batch,
            name=old.name,
            parent=old.parent,
            tables=1,
            valid_to=old.valid_to,
        )
    push_bills(site, [bill(FIRST, 60) for _ in range(8)])

    at_end = later + timedelta(days=5)
    first_day = {"start": FIRST, "end": FIRST, "area_code": "hallA"}
    assert figures(site, at_end, **first_day)["turnover"] == "2.00"
    assert figures(site, at_end, start=FIRST, end=later, area_code="hallA")["turnover"] == "0.73"


@pytest.mark.parametrize(
    ("opens", "closes", "minutes"),
    [("10:00", "02:00", 960), ("08:00", "20:30", 750), ("09:00", "09:00", 1440)],
)
def test_opening_hours_may_end_after_midnight(opens, closes, minutes):
    site = Site(opens_at=time.fromisoformat(opens), closes_at=time.fromisoformat(closes))

    assert opening_minutes(site) == minutes


# --- store_level ---------------------------------------------------------------------------------


def level(site, day: date) -> str | None:
    with at(site, day) as ctx:
        found: str | None = metric_value("store_level", ctx=ctx)
        return found


@pytest.mark.parametrize(
    ("gross", "expected"),
    [
        (1200, "S"),
        ("1199.99", "A"),
        (720, "A"),
        ("719.99", "B"),
        (360, "B"),
        ("359.99", "C"),
        (0, "C"),
    ],
)
def test_the_level_is_gmv_a_table_and_open_day(site, gross, expected):
    push_bills(site, [bill(FIRST, gross)])

    assert level(site, FIRST) == expected


def test_the_level_looks_back_ninety_days(site):
    push_bills(site, [bill(FIRST, 720 * 90)])
    push_bills(site, [bill(FIRST - timedelta(days=1), 1)])

    assert level(site, FIRST + timedelta(days=89)) == "A"
    assert level(site, FIRST + timedelta(days=90)) == "C"


def test_thresholds_are_options(site):
    push_bills(site, [bill(FIRST, 600)])
    with at(site, FIRST):
        set_option(key="store_level_s", value=100, site=site, actor_id=None)

    assert level(site, FIRST) == "S"


def test_a_store_without_tables_has_no_level():
    site = make_site()
    push_bills(site, [bill(FIRST, 600)])

    assert level(site, FIRST) is None


def test_a_store_that_was_never_open_has_no_level(site):
    push_rows(site=site, kind="closures", rows=[{"external_id": "X", "day": FIRST.isoformat()}])

    assert level(site, FIRST) is None
    assert level(site, FIRST + timedelta(days=1)) == "C"
    assert Decimal("0.00") == Decimal(figures(site, FIRST + timedelta(days=1))["avg_ticket"])
