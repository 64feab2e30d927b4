from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.builds import build_site
from sandbox.context import live_context, use_build_context
from tests.factories import make_site, push_member
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
            set_plan(site, day, ("初", "中", "高")[number % 3], f"{50 + number / 100}", "0.1234")
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
