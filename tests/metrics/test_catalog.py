from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from metrics.calculations import members
from metrics.catalog import METRICS, metric_value
from metrics.importers import push_rows
from metrics.models import Member, MemberConsumption
from metrics.serializers import ENTITIES, UNITS
from sandbox.context import live_context, use_context
from sandbox.errors import BadRequest, NoContext, NotFound
from tests.factories import (
    at,
    bill,
    card_entry,
    days_before,
    make_site,
    push_bill,
    push_bills,
    push_member,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def member(site):
    return push_member(site, joined_at="2024-01-01")


def value(site, key, day, **kwargs):
    with at(site, day) as ctx:
        return metric_value(key, ctx=ctx, **kwargs)


# What a metric of each entity has to be told.
TARGETS = {
    "member": {"member_id": 1},
    "assistant": {"assistant_id": 1},
    "pair": {"member_id": 1, "assistant_id": 1},
    "site": {},
    "site_area": {},
}


# The rows of the book of metrics, in its order; 22 comes with the model that it needs.
CHAPTER = {
    1: ["last_visit_days"],
    2: ["card_balance", "card_principal", "card_gift", "prepaid_liability"],
    3: ["consumption_60d"],
    4: ["total_consumption"],
    5: ["total_transactions"],
    6: ["gmv", "paid", "cash_in", "recognised_revenue"],
    7: ["customers_served"],
    8: ["assistant_level"],
    9: ["month_hours", "month_hours_incentive", "month_hours_trial", "month_hours_other"],
    10: [
        "month_billed",
        "month_billed_base",
        "month_billed_incentive",
        "month_billed_trial",
        "month_billed_other",
    ],
    11: ["month_new_members"],
    12: ["month_churned_members"],
    13: ["daily_salary", "month_salary"],
    14: ["relationship_index"],
    15: ["stickiness"],
    16: ["task_completion_rate"],
    17: ["salary_adjustments"],
    18: [
        "lifecycle_stage",
        "month_lifecycle_new",
        "month_lifecycle_returned",
        "month_lifecycle_churned",
    ],
    19: ["store_level"],
    20: ["assistant_stars"],
    21: ["cumulative_kpi"],
    23: ["visit_interval_median", "overdue_ratio"],
    24: [
        "table_hours",
        "hours_per_table",
        "occupancy_rate",
        "turnover",
        "avg_ticket",
        "discount_rate",
        "groupbuy_share",
        "member_share",
        "walkin_share",
        "void_rate",
    ],
}


def test_every_metric_there_should_be_is_there_in_order():
    expected = [key for keys in CHAPTER.values() for key in keys]

    assert [metric.key for metric in METRICS] == expected


def test_keys_are_unique_and_the_functions_carry_them():
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.function.metric == metric.key
        assert metric.title and metric.definition and metric.formula and metric.origin
        assert metric.entity in ENTITIES and metric.unit in UNITS


def test_member_metrics_are_all_member_metrics_of_the_catalog_in_order(site, member):
    with use_context(live_context(site)):
        found = members.member_metrics(member.pk)

    assert list(found) == [metric.key for metric in METRICS if metric.entity == "member"]


@pytest.mark.parametrize(
    ("visit", "day", "days"),
    [
        ("2026-04-03", "2026-05-05", 32),
        ("2026-03-20", "2026-04-20", 31),
        ("2026-04-03", "2026-04-03", 0),
        ("2024-02-28", "2024-02-29", 1),
        ("2024-02-29", "2024-03-01", 1),
        ("2025-02-28", "2025-03-01", 1),
        ("2024-12-31", "2025-01-01", 1),
        ("2024-02-29", "2025-02-28", 365),
    ],
)
def test_last_visit_days(site, member, visit, day, days):
    push_bill(site, date.fromisoformat(visit), member=member)

    assert value(site, "last_visit_days", date.fromisoformat(day), member_id=member.pk) == days


def test_a_member_who_never_came_has_no_last_visit_and_no_money(site, member):
    push_bill(site, days_before(site, 5))

    with at(site, days_before(site, 1)) as ctx:
        found = members.member_metrics(member.pk, ctx=ctx)

    assert found["last_visit_days"] is None
    assert found["card_balance"] == found["total_consumption"] == 0


@pytest.mark.parametrize(("days_later", "paid"), [(0, 70), (59, 70), (60, 0), (61, 0)])
def test_spending_leaves_the_window_after_sixty_days(site, member, days_later, paid):
    day = days_before(site, 200)
    push_bill(site, day, 70, member=member)

    found = value(site, "consumption_60d", day + timedelta(days=days_later), member_id=member.pk)

    assert found == paid


def test_the_day_before_a_bill_knows_nothing_of_it(site, member):
    day = days_before(site, 20)
    push_bills(site, [bill(day, 70, member=member), bill(days_before(site, 90))])

    assert value(site, "total_consumption", day - timedelta(days=1), member_id=member.pk) == 0
    assert value(site, "total_consumption", day, member_id=member.pk) == 70


def test_a_visit_at_night_belongs_to_the_day_before(site, member):
    push_bills(site, [bill("2026-01-05T03:00:00", member=member), bill("2026-01-01T20:00:00")])

    assert value(site, "last_visit_days", date(2026, 1, 4), member_id=member.pk) == 0


def test_another_stores_clock_counts_there():
    site = make_site(timezone="America/New_York")
    member = push_member(site, joined_at="2025-01-01")
    push_bills(site, [bill("2026-01-05T11:00:00Z", member=member), bill("2026-01-01T20:00:00")])

    # 06:00 in New York.
    assert value(site, "last_visit_days", date(2026, 1, 4), member_id=member.pk) == 0


def test_bills_of_one_day_are_one_visit_and_several_transactions(site, member):
    day = days_before(site, 3)
    push_bills(site, [bill(day, member=member) for _ in range(3)])

    assert value(site, "total_transactions", day, member_id=member.pk) == 3
    with at(site, day):
        assert MemberConsumption.objects.get(member=member).visits == 1


def test_balances_are_the_sums_of_the_entries(site, member):
    day = days_before(site, 30)
    rows = [
        card_entry(member, day, 1000, 150),
        card_entry(member, day + timedelta(1), "-100.50", "-15.05"),
        card_entry(member, day + timedelta(2), -200, 0, kind="refund"),
        card_entry(member, day + timedelta(3), "0.05", "-0.05", kind="adjust"),
    ]
    push_rows(site=site, kind="card_entries", rows=rows)

    day += timedelta(3)
    assert value(site, "card_principal", day, member_id=member.pk) == Decimal("699.55")
    assert value(site, "card_gift", day, member_id=member.pk) == Decimal("134.90")
    assert value(site, "card_balance", day, member_id=member.pk) == Decimal("834.45")
    assert value(site, "prepaid_liability", day) == Decimal("834.45")
    assert str(value(site, "card_balance", day, member_id=member.pk)) == "834.45"


def test_a_recharge_is_cash_in_and_never_revenue(site, member):
    day = days_before(site, 3)
    row = bill(day, 200, card_paid=150, cash_paid=50, member=member, area="vip")
    push_bills(site, [row])
    push_rows(
        site=site,
        kind="card_entries",
        rows=[
            card_entry(member, day, 1000, 150),
            card_entry(member, day, -120, -30, settlement=row["external_id"]),
            card_entry(member, day, -100, 0, kind="refund"),
        ],
    )

    assert value(site, "gmv", day) == value(site, "paid", day) == 200
    assert value(site, "cash_in", day) == 50 + 1000 - 100
    assert value(site, "recognised_revenue", day) == 200 - 30
    assert value(site, "recognised_revenue", day, area="vip") == 200 - 30
    assert value(site, "cash_in", day, area="vip") == 50
    assert value(site, "cash_in", day, area="ktv") == 0


def test_a_hall_contains_its_parts(site):
    day = days_before(site, 3)
    areas = ("hall", "hallA", "hallB", "hallC", "vip", "rooftop")
    push_bills(site, [bill(day, 2**n, area=area) for n, area in enumerate(areas)])

    assert value(site, "gmv", day, area="hall") == 1 + 2 + 4 + 8
    assert value(site, "gmv", day, area="hallB") == 4
    assert value(site, "gmv", day, area="all") == value(site, "gmv", day) == 63


def test_an_area_the_store_does_not_have_is_not_found(site):
    push_bill(site, days_before(site, 3))

    with pytest.raises(NotFound):
        value(site, "gmv", days_before(site, 1), area="rooftop")


@pytest.mark.parametrize(
    ("key", "kwargs"),
    [
        ("weather", {}),
        ("last_visit_days", {}),
        ("gmv", {"member_id": 1}),
        ("prepaid_liability", {"area": "vip"}),
        ("gmv", {"range_key": "this_century"}),
    ],
)
def test_questions_that_make_no_sense_are_refused(site, key, kwargs):
    push_bill(site, days_before(site, 3))

    with pytest.raises(BadRequest):
        value(site, key, days_before(site, 1), **kwargs)


def test_without_a_context_there_is_no_answer():
    for metric in METRICS:
        with pytest.raises(NoContext):
            metric_value(metric.key, **TARGETS[metric.entity])


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_what_a_metric_is_not_about_is_refused(site, metric):
    push_bill(site, days_before(site, 3))
    allowed = set(TARGETS[metric.entity]) | (
        {"area", "range_key"} if metric.entity == "site_area" else set()
    )

    for name, given in {
        "member_id": 1,
        "assistant_id": 1,
        "area": "all",
        "range_key": "this_month",
    }.items():
        if name not in allowed:
            with pytest.raises(BadRequest):
                value(
                    site,
                    metric.key,
                    days_before(site, 1),
                    **{**TARGETS[metric.entity], name: given},
                )


def test_the_historic_names_answer_the_same(site, member):
    push_bill(site, days_before(site, 3), 70, member=member)

    with use_context(live_context(site)) as ctx:
        assert members.get_last_visit_days(member.pk) == 3
        assert members.get_consumption_60d(member.pk, ctx=ctx) == 70
        assert members.get_member_balance(member_id=member.pk) == 0


def test_another_stores_member_has_no_numbers_here(site, member):
    push_bill(site, days_before(site, 3), 70, member=member)
    other = make_site()

    with use_context(live_context(other)) as ctx:
        assert not Member.objects.filter(pk=member.pk).exists()
        assert members.total_consumption(member.pk, ctx=ctx) == 0


def test_a_stale_context_of_another_store_leaks_nothing(site, member):
    push_bill(site, days_before(site, 3), 70, member=member)
    theirs = live_context(site)

    with use_context(live_context(make_site())):
        assert members.total_consumption(member.pk, ctx=theirs) == 0


def test_a_metric_works_under_a_tracer_that_binds_its_arguments(site, member):
    import inspect

    def traced(function):
        def run(*args, **kwargs):
            inspect.signature(function).bind(*args, **kwargs)
            return SimpleNamespace(value=function(*args, **kwargs))

        return run

    push_bill(site, days_before(site, 3), 70, member=member)

    with use_context(live_context(site)) as ctx:
        assert traced(members.total_consumption)(member.pk).value == 70
        assert traced(members.total_consumption)(member_id=member.pk, ctx=ctx).value == 70
