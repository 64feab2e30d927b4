from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from metrics.calculations.salary import daily_pay
from metrics.catalog import metric_value
from metrics.entries import apply_adjustments, undo_adjustments
from metrics.importers import push_rows
from sandbox.context import live_context, use_context
from sandbox.errors import BadRequest
from tests.factories import at, card_entry, make_site, push_bill, push_member
from tests.metrics.staff import (
    assign,
    correct_pay,
    make_assistant,
    push_services,
    set_level,
    set_plan,
    void_bill,
    void_correction,
)

pytestmark = pytest.mark.django_db

NEW_YEAR = date(2024, 1, 1)


@pytest.fixture
def site():
    site = make_site()
    push_bill(site, NEW_YEAR)
    return site


@pytest.fixture
def assistant(site):
    """Junior (50 an hour and 10 %) since the first day."""
    assistant = make_assistant(site, hired_at=NEW_YEAR.isoformat())
    set_level(site, assistant, NEW_YEAR, "初")
    set_plan(site, NEW_YEAR, "初", 50, "0.1")
    return assistant


def value(site, key, day, assistant):
    with at(site, day) as ctx:
        return metric_value(key, ctx=ctx, assistant_id=assistant.pk)


def month_items(site, assistant, day):
    with at(site, day) as ctx:
        _days, items = daily_pay(assistant.pk, day, ctx=ctx)
    return items.shown()


def test_a_day_is_hours_commission_and_corrections(site, assistant):
    day = date(2026, 3, 5)
    push_services(site, day, (assistant, 2, 100), (assistant, "0.5", 50, "trial"))
    for kind, amount in (("reward", 1), ("income", 2), ("deduction", 4), ("expense", 8)):
        correct_pay(site, assistant, day, kind, amount)

    assert value(site, "daily_salary", day, assistant) == 125 + 15 + 1 + 2 - 4 - 8
    assert value(site, "daily_salary", date(2026, 3, 4), assistant) == 0
    assert value(site, "daily_salary", date(2026, 3, 6), assistant) == 0


def test_a_day_is_rounded_once_half_up(site):
    assistant = make_assistant(site, hired_at=NEW_YEAR.isoformat())
    set_level(site, assistant, NEW_YEAR, "中")
    set_plan(site, NEW_YEAR, "中", "33.50", "0.0005")
    push_services(site, date(2026, 3, 5), (assistant, "0.01", 10))  # 0.335 + 0.005
    push_services(site, date(2026, 3, 6), (assistant, "0.01", 0))  # 0.335
    push_services(site, date(2026, 3, 7), (assistant, 0, "9.99"))  # 0.004995

    with at(site, date(2026, 3, 7)) as ctx:
        days, _items = daily_pay(assistant.pk, date(2026, 3, 1), ctx=ctx)

    assert [(day.base_pay, day.commission, day.total) for day in days] == [
        (Decimal("0.34"), Decimal("0.00"), Decimal("0.34")),
        (Decimal("0.34"), Decimal("0.00"), Decimal("0.34")),
        (Decimal("0.00"), Decimal("0.00"), Decimal("0.00")),
    ]


def test_level_and_plan_are_those_of_the_day_of_the_work(site, assistant):
    set_plan(site, NEW_YEAR, "中", 60)
    for day in (4, 5, 9, 10):
        push_services(site, date(2026, 3, day), (assistant, 1, 0))

    set_level(site, assistant, date(2026, 3, 5), "中")
    set_plan(site, date(2026, 3, 10), "中", 70)

    paid = [value(site, "daily_salary", date(2026, 3, day), assistant) for day in (4, 5, 9, 10)]
    assert paid == [50, 60, 60, 70]
    assert value(site, "month_salary", date(2026, 3, 10), assistant) == 240


def test_hours_without_a_plan_make_day_and_month_unknown(site, assistant):
    push_services(site, date(2026, 3, 4), (assistant, 1, 0))
    set_level(site, assistant, date(2026, 3, 5), "特")
    push_services(site, date(2026, 3, 5), (assistant, 1, 0))

    assert value(site, "month_salary", date(2026, 3, 4), assistant) == 50
    assert value(site, "daily_salary", date(2026, 3, 5), assistant) is None
    assert value(site, "month_salary", date(2026, 3, 31), assistant) is None
    assert value(site, "month_salary", date(2026, 4, 1), assistant) == 0
    with at(site, date(2026, 3, 5)) as ctx:
        days, items = daily_pay(assistant.pk, date(2026, 3, 1), ctx=ctx)
    assert [day.base_pay for day in days] == [50, None]
    assert items is None


def test_a_plan_that_comes_late_prices_the_hours_worked_before(site, assistant):
    set_level(site, assistant, date(2026, 3, 1), "特")
    push_services(site, date(2026, 3, 5), (assistant, 1, 0))

    set_plan(site, date(2026, 3, 5), "特", 80)

    assert value(site, "month_salary", date(2026, 3, 5), assistant) == 80


def test_a_correction_without_a_level_is_known(site):
    assistant = make_assistant(site, hired_at=NEW_YEAR.isoformat())

    correct_pay(site, assistant, date(2026, 3, 5), "deduction", 30)

    assert value(site, "month_salary", date(2026, 3, 5), assistant) == -30


@pytest.mark.parametrize(
    ("asked_on", "deduction"),
    [("2026-02-27", 0), ("2026-02-28", 30), ("2026-03-01", 0)],
)
def test_corrections_count_in_the_month_they_take_effect_in(site, assistant, asked_on, deduction):
    correct_pay(site, assistant, date(2026, 2, 28), "deduction", 30)
    voided = correct_pay(site, assistant, date(2026, 2, 28), "reward", 99)
    void_correction(site, voided)

    found = value(site, "salary_adjustments", date.fromisoformat(asked_on), assistant)

    assert found == {"reward": 0, "income": 0, "deduction": deduction, "expense": 0}


def test_an_undone_batch_counts_in_no_month(site, assistant, django_user_model):
    actor = django_user_model.objects.create_user("lan")
    rows = [
        {"assistant": assistant.external_id, "day": day, "kind": "reward", "amount": "10"}
        for day in ("2026-02-28", "2026-03-01", "2026-03-02")
    ]
    with use_context(live_context(site)) as ctx:
        batch = apply_adjustments(
            ctx=ctx, rows=rows, file_name="三月.csv", file_hash="f" * 64, actor=actor
        )
    paid = [value(site, "month_salary", date(2026, *day), assistant) for day in ((2, 28), (3, 31))]
    assert paid == [10, 20]

    with use_context(live_context(site)) as ctx:
        undo_adjustments(ctx=ctx, batch_id=batch.pk, actor=actor)

    paid = [value(site, "month_salary", date(2026, *day), assistant) for day in ((2, 28), (3, 31))]
    assert paid == [0, 0]


def test_a_voided_bill_earns_nothing(site, assistant):
    row = push_services(site, date(2026, 3, 5), (assistant, 1, 100))

    void_bill(site, row)

    assert value(site, "month_salary", date(2026, 3, 5), assistant) == 0


@pytest.mark.parametrize(
    ("hours", "extra"), [("99.99", 0), (100, 500), ("149.99", "749.95"), (150, 1500)]
)
def test_the_highest_hour_tier_reached_pays_for_all_hours(site, assistant, hours, extra):
    tiers = [
        {"from_hours": 100, "extra_per_hour": "5.00"},
        {"from_hours": 150, "extra_per_hour": "10.00"},
    ]
    set_plan(site, date(2026, 3, 1), "初", 50, hour_tiers=tiers)

    push_services(site, date(2026, 3, 5), (assistant, hours, 0, "trial"))

    items = month_items(site, assistant, date(2026, 3, 5))
    assert items == {"hour_tier": Decimal(extra), "recharge_commission": 0, "guarantee": 0}


@pytest.mark.parametrize(
    ("year", "month", "last"), [(2026, 2, 28), (2024, 2, 29), (2026, 4, 30), (2025, 12, 31)]
)
def test_the_guarantee_is_paid_on_the_last_day_of_the_month(site, assistant, year, month, last):
    set_plan(site, date(year, month, 1), "初", 50, guarantee="5000.00")
    push_services(site, date(year, month, 3), (assistant, 1, 0))

    assert value(site, "month_salary", date(year, month, last - 1), assistant) == 50
    assert value(site, "month_salary", date(year, month, last), assistant) == 5000
    assert month_items(site, assistant, date(year, month, last))["guarantee"] == 4950


def test_who_earned_more_than_the_guarantee_gets_nothing_on_top(site, assistant):
    set_plan(site, date(2026, 3, 1), "初", 50, guarantee="40.00")
    push_services(site, date(2026, 3, 3), (assistant, 1, 0))

    assert value(site, "month_salary", date(2026, 3, 31), assistant) == 50


def test_without_a_guarantee_deductions_may_exceed_what_was_earned(site, assistant):
    correct_pay(site, assistant, date(2026, 3, 5), "deduction", 30)

    assert value(site, "month_salary", date(2026, 3, 31), assistant) == -30


def test_recharges_pay_whom_the_member_was_assigned_to_then(site, assistant):
    set_plan(site, date(2026, 3, 1), "初", 50, recharge_commission="0.0200")
    member, voided, other = (push_member(site) for _ in range(3))
    assign(site, member, assistant, date(2026, 3, 5))
    assign(site, member, None, date(2026, 3, 7))
    assign(site, voided, assistant, date(2026, 3, 1))
    entry = card_entry(voided, date(2026, 3, 5), 1000)
    entries = [
        card_entry(member, date(2026, 3, 4), 1),
        card_entry(member, date(2026, 3, 5), 1000, 150),
        card_entry(member, date(2026, 3, 6), 500),
        card_entry(member, date(2026, 3, 7), 1),
        card_entry(voided, date(2026, 3, 6), -200),
        card_entry(other, date(2026, 3, 6), 1),
        entry,
    ]
    push_rows(site=site, kind="card_entries", rows=entries)
    void = entry | {"external_id": "void", "void_of": entry["external_id"]}
    push_rows(site=site, kind="card_entries", rows=[void])

    by_day = [month_items(site, assistant, date(2026, 3, day)) for day in (4, 5, 6, 31)]

    assert [items["recharge_commission"] for items in by_day] == [0, 20, 30, 30]
    assert month_items(site, assistant, date(2026, 4, 1))["recharge_commission"] == 0


def test_month_items_follow_the_plan_of_the_level_in_force_at_the_date(site, assistant):
    set_plan(site, NEW_YEAR, "中", 50, guarantee="900.00")
    set_plan(site, date(2026, 3, 31), "中", 50)
    set_level(site, assistant, date(2026, 2, 28), "中")

    assert value(site, "month_salary", date(2026, 1, 31), assistant) == 0
    assert value(site, "month_salary", date(2026, 2, 28), assistant) == 900
    assert value(site, "month_salary", date(2026, 3, 31), assistant) == 0


def test_a_past_month_is_paid_in_full_and_the_open_one_up_to_the_date(site, assistant):
    set_plan(site, date(2026, 1, 1), "初", 50, guarantee="900.00")
    for day in (date(2026, 2, 5), date(2026, 3, 5), date(2026, 3, 6)):
        push_services(site, day, (assistant, 1, 0))

    with at(site, date(2026, 3, 5)) as ctx:
        past, past_items = daily_pay(assistant.pk, date(2026, 2, 14), ctx=ctx)
        days, items = daily_pay(assistant.pk, date(2026, 3, 1), ctx=ctx)

    assert [day.day for day in past] == [date(2026, 2, 5)]
    assert past_items.shown()["guarantee"] == 850
    assert [day.day for day in days] == [date(2026, 3, 5)]
    assert items.shown()["guarantee"] == 0


def test_it_refuses_a_month_to_come(site, assistant):
    with at(site, date(2026, 3, 31)) as ctx, pytest.raises(BadRequest):
        daily_pay(assistant.pk, date(2026, 4, 1), ctx=ctx)
