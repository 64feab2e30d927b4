from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.builds import build_site, open_build, runs
from metrics.models import AssistantCustomer, AssistantDaily, AssistantSalary, CoachTaskDaily
from sandbox.context import live_context, use_build_context, use_context
from tests.factories import days_before, make_site, push_member
from tests.metrics.staff import (
    SUMMARIES,
    correct_pay,
    end_task,
    give_task,
    make_assistant,
    push_services,
    set_level,
    set_plan,
    staff_summaries,
    void_bill,
    void_correction,
    void_line,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


def rebuilt_from_nothing(site):
    with use_build_context(site):
        for model in SUMMARIES:
            model.objects.filter(site=site).delete()
    build_site(site=site, full=True)
    return staff_summaries(site)


def rows_of(site, model, **fields):
    with use_build_context(site):
        return list(model.objects.filter(site=site, **fields).order_by("stat_date"))


changes = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "services",
                "services",
                "services",
                "void_bill",
                "void_line",
                "level",
                "plan",
                "correct",
                "void_correction",
                "task",
                "task",
                "done",
                "cancelled",
                "whole",
            )
        ),
        st.integers(0, 3),  # assistant, twice, of two
        st.integers(0, 2),  # member; the last is a walk-in
        st.integers(0, 75),  # days ago
        st.integers(0, 999),  # whatever else
    ),
    min_size=1,
    max_size=16,
)


@pytest.mark.slow
@settings(
    max_examples=25,
    phases=[__import__("hypothesis").Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(stream=changes)
def test_any_stream_of_facts_ends_in_the_tables_of_a_full_build(stream):
    site = make_site()
    today = live_context(site).business_date
    staff = [make_assistant(site), make_assistant(site, level="初")]
    members = [push_member(site), push_member(site), None]
    bills, corrections, tasks = [], [], []

    for what, who, member, days_ago, number in stream:
        day, assistant = today - timedelta(days=days_ago), staff[who % 2]
        if what == "services":
            hours = f"{number / 100:.2f}"
            course = ("base", "incentive", "trial", "swimming")[number % 4]
            services = [(assistant, hours, number, course), (staff[0], "1.25", "0.01")]
            bills.append(
                push_services(site, day, *services[: 1 + number % 2], member=members[member])
            )
        elif what in ("void_bill", "void_line") and bills:
            void = void_bill if what == "void_bill" else void_line
            void(site, bills.pop(number % len(bills)))
        elif what == "level":
            set_level(site, assistant, day, ("初", "中", "高")[number % 3])
        elif what == "plan":
            set_plan(
                site, day, ("初", "中", "高")[number % 3], f"{50 + number / 100:.2f}", "0.1234"
            )
        elif what == "correct":
            kind = ("reward", "income", "deduction", "expense")[number % 4]
            corrections.append(correct_pay(site, assistant, day + timedelta(days=30), kind, number))
        elif what == "void_correction" and corrections:
            void_correction(site, corrections.pop(number % len(corrections)))
        elif what == "task":
            due_on = None if number % 5 == 0 else day + timedelta(days=number % 60 - 10)
            tasks.append(give_task(site, assistant, day, due_on))
        elif what in ("done", "cancelled") and tasks:
            end_task(site, tasks[number % len(tasks)], day, what)
        elif what == "whole":
            build_site(site=site, since=day)

    assert staff_summaries(site) == rebuilt_from_nothing(site)


def test_a_late_line_before_the_first_makes_the_member_a_customer_from_then_on(site):
    assistant, member = make_assistant(site), push_member(site)
    push_services(site, days_before(site, 5), (assistant, 1, 100), member=member)

    push_services(site, days_before(site, 9), (assistant, 2, 50), member=member)

    pairs = rows_of(site, AssistantCustomer, assistant=assistant)
    assert [(row.is_first, row.services, row.day_hours) for row in pairs] == [
        (True, 1, 200),
        (False, 2, 100),
    ]
    days = rows_of(site, AssistantDaily, assistant=assistant)
    assert [(row.stat_date, row.customers) for row in days] == [
        (days_before(site, 9), 1),
        (days_before(site, 5), 1),
    ]


def test_a_late_line_leaves_the_rows_of_other_customers_alone(site):
    assistant, member, other = make_assistant(site), push_member(site), push_member(site)
    for ago in (9, 5, 2):
        push_services(site, days_before(site, ago), (assistant, 1, 100), member=other)
    written = {row.pk for row in rows_of(site, AssistantCustomer, member=other)}

    push_services(site, days_before(site, 7), (assistant, 1, 100), member=member)

    assert {row.pk for row in rows_of(site, AssistantCustomer, member=other)} == written


@pytest.mark.parametrize("void", [void_bill, void_line])
def test_a_void_takes_a_service_back(site, void):
    assistant, member = make_assistant(site), push_member(site)
    first = push_services(site, days_before(site, 9), (assistant, 1, 100), member=member)
    push_services(site, days_before(site, 5), (assistant, 2, 50), member=member)

    void(site, first)

    [pair] = rows_of(site, AssistantCustomer, assistant=assistant)
    assert (pair.is_first, pair.services, pair.hours) == (True, 1, 200)
    [day] = rows_of(site, AssistantDaily, assistant=assistant)
    assert (day.services, day.customers, day.total_ledger_amount) == (1, 1, 5000)
    [pay] = rows_of(site, AssistantSalary, assistant=assistant)
    assert pay.hours == 200


def test_a_bill_whose_line_and_itself_are_voided_counts_nothing(site):
    assistant = make_assistant(site)
    row = push_services(site, days_before(site, 5), (assistant, 1, 100), member=push_member(site))

    void_line(site, row)
    void_bill(site, row)

    assert staff_summaries(site) == [[], [], [], []]


def test_a_walk_in_is_work_but_no_customer(site):
    assistant = make_assistant(site)

    push_services(site, days_before(site, 5), (assistant, 1, 100))

    [day] = rows_of(site, AssistantDaily, assistant=assistant)
    assert (day.services, day.customers, day.base_hours) == (1, 0, 100)
    assert rows_of(site, AssistantCustomer) == []


def test_a_day_on_which_the_level_changes_has_a_row_and_the_later_change_wins(site):
    assistant = make_assistant(site)
    push_services(site, days_before(site, 9), (assistant, 1, 100))

    set_level(site, assistant, days_before(site, 5), "初")
    set_level(site, assistant, days_before(site, 5), "中")

    days = rows_of(site, AssistantDaily, assistant=assistant)
    assert [(row.assistant_level_code, row.services) for row in days] == [("", 1), ("中", 1)]


def test_pay_of_the_month_starts_anew_with_the_month(site):
    assistant = make_assistant(site)
    set_level(site, assistant, date(2026, 1, 1), "初")
    set_plan(site, date(2026, 1, 1), "初", 50)
    for day in (date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31)):
        push_services(site, day, (assistant, 1, 0))

    push_services(site, date(2026, 2, 28), (assistant, 2, 0))

    pay = rows_of(site, AssistantSalary, assistant=assistant)
    assert [row.month_to_date for row in pay] == [5000, 20000, 5000, 10000]


def test_a_plan_repairs_the_pay_of_every_assistant_from_its_day_on(site):
    staff = [make_assistant(site), make_assistant(site)]
    for assistant in staff:
        set_level(site, assistant, date(2026, 1, 1), "初")
        push_services(site, date(2026, 2, 1), (assistant, 1, 0))
        push_services(site, date(2026, 2, 2), (assistant, 1, 0))
    set_plan(site, date(2026, 1, 1), "初", 50)

    set_plan(site, date(2026, 2, 2), "初", 60)

    assert [row.base_pay for row in rows_of(site, AssistantSalary)] == [5000, 5000, 6000, 6000]


def test_what_takes_effect_later_has_a_row_that_nobody_sees(site):
    assistant = make_assistant(site)
    today = live_context(site).business_date
    correct_pay(site, assistant, today + timedelta(days=3), "reward", 100)
    give_task(site, assistant, today, today + timedelta(days=2))

    assert [row.stat_date for row in rows_of(site, AssistantSalary)] == [today + timedelta(days=3)]
    assert [row.due for row in rows_of(site, CoachTaskDaily)] == [0, 1]
    with use_context(live_context(site)):
        assert not AssistantSalary.objects.filter(site=site).exists()
        assert [row.due for row in CoachTaskDaily.objects.filter(site=site)] == [0]


def test_building_again_writes_nothing(site):
    assistant, member = make_assistant(site, level="初"), push_member(site)
    for ago in (40, 9, 5):
        push_services(site, days_before(site, ago), (assistant, 1, 100), member=member)
    before = staff_summaries(site)
    with use_build_context(site):
        written = [list(model.objects.order_by("pk").values_list("pk")) for model in SUMMARIES]

    build_site(site=site, full=True)
    build_site(site=site, since=days_before(site, 9))

    assert staff_summaries(site) == before
    with use_build_context(site):
        assert written == [
            list(model.objects.order_by("pk").values_list("pk")) for model in SUMMARIES
        ]


def test_an_interrupted_build_goes_on_with_the_next_assistant(site, monkeypatch):
    staff = [make_assistant(site, level="初") for _ in range(5)]
    for assistant in staff:
        push_services(site, days_before(site, 9), (assistant, 1, 100), member=push_member(site))
    expected = staff_summaries(site)
    monkeypatch.setattr(runs, "ASSISTANTS_CHUNK", 2)
    with use_build_context(site):
        for model in SUMMARIES:
            model.objects.filter(site=site).delete()
        build = open_build(site=site, since=None)
    runs._build_assistants(build)

    build_site(site=site)

    with use_build_context(site):
        build.refresh_from_db()
        assert (build.status, build.counts["assistants"]) == ("done", 5)
    assert staff_summaries(site) == expected
