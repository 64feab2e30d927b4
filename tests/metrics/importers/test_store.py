"""Areas and closed days on their way in."""

from __future__ import annotations

from decimal import Decimal

import pytest

from metrics.importers import push_rows
from metrics.models import Area, AreaVersion, Settlement, SiteClosure
from sandbox.context import live_context, use_build_context
from tests.factories import at, days_before, make_site, push_bill
from tests.metrics.importers.test_push import facts, refused

pytestmark = pytest.mark.django_db


def push_area(site, **row):
    rows = [{"external_id": "hallA", "name": "大厅A区"} | row]
    return push_rows(site=site, kind="areas", rows=rows)


def version(site, day, code="hallA"):
    with at(site, day):
        return AreaVersion.objects.select_related("parent").get(
            site=site, area__external_id=code, business_date__lte=day, valid_to__gt=day
        )


# --- Areas -------------------------------------------------------------------------------------


def test_tables_and_prices_count_from_today_and_the_rest_is_kept():
    site = make_site()
    push_bill(site, days_before(site, 9))

    push_area(site, tables=12, hourly_price="39.00")
    push_area(site, minimum_charge=20)

    today = version(site, live_context(site).business_date)
    assert (today.tables, today.hourly_price, today.minimum_charge) == (
        12,
        Decimal(39),
        Decimal(20),
    )
    assert today.parent.external_id == "hall"
    assert version(site, days_before(site, 1)).tables is None


def test_what_is_said_before_the_first_fact_holds_all_along():
    site = make_site()
    push_area(site, tables=12)
    push_area(site, tables=14)

    push_bill(site, days_before(site, 400))
    push_bill(site, days_before(site, 500))

    assert version(site, days_before(site, 500)).tables == 14


def test_the_same_area_again_is_unchanged():
    site = make_site()
    push_area(site, tables=12)

    again = push_area(site, tables=12)

    assert (again.accepted, again.unchanged, again.batch) == (0, 1, None)


def test_the_virtual_area_stays_virtual():
    site = make_site()

    push_area(site, external_id="all", name="全部")

    assert version(site, live_context(site).business_date, "all").is_virtual


def test_an_unknown_code_makes_an_area_that_takes_bills_from_their_day_on():
    site = make_site()
    push_bill(site, days_before(site, 30))
    push_area(site, external_id="roof", name="露台", tables=3)

    push_bill(site, days_before(site, 7), area="roof")

    with use_build_context(site):
        area = Area.objects.get(site=site, external_id="roof")
    assert area.business_date == days_before(site, 7)
    assert version(site, days_before(site, 7), "roof").tables == 3
    assert facts(site, Settlement)[-1].area_id == area.pk


def test_a_new_area_may_be_part_of_another_new_one():
    site = make_site()
    rows = [
        {"external_id": "roofA", "name": "露台A", "parent": "roof"},
        {"external_id": "roof", "name": "露台"},
    ]

    push_rows(site=site, kind="areas", rows=rows)

    assert version(site, live_context(site).business_date, "roofA").parent.external_id == "roof"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"parent": "cellar"}, "unknown_parent"),
        ({"parent": "all"}, "unknown_parent"),
        ({"parent": "hallB"}, "nested_area"),
        ({"parent": "hallA"}, "nested_area"),
        ({"external_id": "hall", "parent": "vip"}, "nested_area"),
        ({"external_id": "all", "parent": "vip"}, "unknown_parent"),
    ],
    ids=str,
)
def test_a_parent_that_cannot_be_is_refused(row, code):
    site = make_site()

    assert (0, "parent", code) in refused(
        site, "areas", [{"external_id": "hallA", "name": "A"} | row]
    )


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [("tables", -1, "out_of_range"), ("tables", 1.5, "invalid_number"), ("name", "", "required")],
)
def test_a_value_that_cannot_be_is_refused(column, value, code):
    site = make_site()

    assert refused(site, "areas", [{"external_id": "hallA", "name": "A", column: value}]) == [
        (0, column, code)
    ]


# --- Closed days -------------------------------------------------------------------------------


def closure(day, external_id="C1", **fields):
    return {"external_id": external_id, "day": str(day), **fields}


def test_a_closed_day_comes_once():
    site = make_site()
    row = closure(days_before(site, 3), reason="除夕")

    push_rows(site=site, kind="closures", rows=[row])
    again = push_rows(site=site, kind="closures", rows=[row])

    assert again.unchanged == 1
    assert [fact.reason for fact in facts(site, SiteClosure)] == ["除夕"]


def test_a_day_is_closed_once():
    site = make_site()
    day = days_before(site, 3)

    assert refused(site, "closures", [closure(day), closure(day, "C2")]) == [
        (1, "day", "already_closed")
    ]
    push_rows(site=site, kind="closures", rows=[closure(day)])
    assert refused(site, "closures", [closure(day, "C2")]) == [(0, "day", "already_closed")]


def test_other_content_is_a_conflict():
    site = make_site()
    push_rows(site=site, kind="closures", rows=[closure(days_before(site, 3))])

    assert refused(site, "closures", [closure(days_before(site, 4))]) == [(0, "day", "conflict")]
