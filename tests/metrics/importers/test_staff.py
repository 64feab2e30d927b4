"""Levels, plans, corrections, tasks and assignments on their way in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from metrics.importers import import_file, push_rows
from metrics.importers.merge import Merge
from metrics.models import (
    Assistant,
    AssistantLevelChange,
    CoachTask,
    CoachTaskEvent,
    Contact,
    MemberAssignment,
    SalaryAdjustment,
    SalaryPlan,
)
from sandbox.context import business_date_of, live_context, use_build_context
from sandbox.models import SiteIngest
from tests.factories import days_before, make_site, push_assistant, push_bill, push_member
from tests.metrics.histories import write_csv
from tests.metrics.importers.test_push import facts, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    site = make_site()
    push_member(site, "M1")
    push_assistant(site, "A1", hired_at=str(days_before(site, 20)))
    return site


@pytest.fixture
def touched(monkeypatch):
    """What the pushes of this test touch: a list that grows."""
    seen = []
    collect = Merge.collect_touched

    def spy(merge, merged):
        collect(merge, merged)
        seen.extend(merged.touched)

    monkeypatch.setattr(Merge, "collect_touched", spy)
    return seen


def level(site, day, name="中级", **fields):
    return {"external_id": f"L-{day}-{name}", "assistant": "A1", "day": str(day), "level": name}


def plan(day, **fields):
    return {
        "external_id": "P1",
        "day": str(day),
        "level": "中级",
        "hourly_rate": "60.00",
        "commission_rate": "0.05",
        **fields,
    }


def adjustment(day, **fields):
    return {
        "external_id": "J1",
        "assistant": "A1",
        "day": str(day),
        "kind": "reward",
        "amount": "200",
        **fields,
    }


def task(day, **fields):
    return {
        "external_id": "T1",
        "assistant": "A1",
        "member": "M1",
        "kind": "recall",
        "assigned_at": f"{day}T12:00:00",
        **fields,
    }


def event(day, **fields):
    return {
        "external_id": "E1",
        "task": "T1",
        "occurred_at": f"{day}T13:00:00",
        "kind": "done",
        **fields,
    }


def contact(day, **fields):
    return {
        "external_id": "K1",
        "member": "M1",
        "channel": "phone",
        "occurred_at": f"{day}T13:00:00",
        "outcome": "reached",
        **fields,
    }


def assignment(day, **fields):
    return {"external_id": "S1", "member": "M1", "assistant": "A1", "day": str(day), **fields}


ROWS = {
    "levels": level,
    "plans": plan,
    "adjustments": adjustment,
    "assignments": assignment,
    "tasks": task,
    "contacts": contact,
}


# --- Accepting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plans", "adjustments", "assignments", "tasks", "contacts"])
def test_a_row_comes_once(site, kind):
    row = ROWS[kind](days_before(site, 3))

    first = push_rows(site=site, kind=kind, rows=[row])
    again = push_rows(site=site, kind=kind, rows=[row])

    assert (first.accepted, again.accepted, again.unchanged) == (1, 0, 1)


@pytest.mark.parametrize(
    ("kind", "column", "value"),
    [
        ("plans", "hourly_rate", 70),
        ("plans", "month_rules", {"guarantee": 5000}),
        ("adjustments", "amount", 1),
        ("adjustments", "day", "2026-01-05"),
        ("assignments", "assistant", ""),
        ("tasks", "due_on", "2026-05-05"),
        ("contacts", "words", "张哥，周四晚见"),
    ],
)
def test_other_content_is_a_conflict(site, kind, column, value):
    row = ROWS[kind](days_before(site, 3))
    push_rows(site=site, kind=kind, rows=[row])

    assert refused(site, kind, [row | {column: value}]) == [(0, column, "conflict")]


def test_a_day_begins_at_the_stores_hour(site):
    day = days_before(site, 3)

    push_rows(site=site, kind="adjustments", rows=[adjustment(day)])

    [stored] = facts(site, SalaryAdjustment)
    assert stored.business_date == business_date_of(site, stored.occurred_at) == day
    assert stored.occurred_at.astimezone(site.zone).time() == site.day_starts_at


def test_a_correction_may_take_effect_later_and_a_task_be_due_later(site):
    today = live_context(site).business_date
    later = today + timedelta(days=40)

    push_rows(site=site, kind="adjustments", rows=[adjustment(later)])
    push_rows(site=site, kind="tasks", rows=[task(days_before(site, 1), due_on=str(later))])

    assert facts(site, SalaryAdjustment)[0].business_date == later
    assert facts(site, CoachTask)[0].due_on == later
    assert SiteIngest.objects.get(site=site).first_business_date <= today


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("levels", "day"),
        ("plans", "day"),
        ("assignments", "day"),
        ("tasks", "assigned_at"),
        ("contacts", "occurred_at"),
    ],
)
def test_nothing_else_may_be_dated_later(site, kind, column):
    tomorrow = live_context(site).business_date + timedelta(days=1)
    row = level(site, tomorrow) if kind == "levels" else ROWS[kind](tomorrow)

    assert refused(site, kind, [row]) == [(0, column, "future_date")]


def test_a_member_may_be_nobodys(site):
    push_rows(site=site, kind="assignments", rows=[assignment(days_before(site, 1), assistant="")])

    assert facts(site, MemberAssignment)[0].assistant_id is None


def test_a_correction_is_voided_on_its_own_date(site):
    day = days_before(site, 3)
    rows = [
        adjustment(day),
        adjustment(days_before(site, 1), external_id="J2", void_of="J1"),
    ]

    push_rows(site=site, kind="adjustments", rows=rows)

    target, void = facts(site, SalaryAdjustment)
    assert (void.void_of_id, void.business_date) == (target.pk, day)
    assert refused(site, "adjustments", [adjustment(day, external_id="J3", void_of="J1")]) == [
        (0, "void_of", "already_voided")
    ]


def test_month_rules_are_equal_in_any_spelling(site):
    day = days_before(site, 3)
    text = '{"recharge_commission": 0.02, "hour_tiers": [{"extra_per_hour":5,"from_hours":"100"}]}'
    push_rows(site=site, kind="plans", rows=[plan(day, month_rules=text)])

    again = push_rows(
        site=site,
        kind="plans",
        rows=[
            plan(
                day,
                month_rules={
                    "hour_tiers": [{"from_hours": 100, "extra_per_hour": "5.00"}],
                    "recharge_commission": "0.0200",
                },
            )
        ],
    )

    assert again.unchanged == 1
    assert facts(site, SalaryPlan)[0].month_rules == {
        "hour_tiers": [{"from_hours": 100, "extra_per_hour": "5.00"}],
        "recharge_commission": "0.0200",
    }


# --- Refusing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ("{", "invalid_rules"),
        ("[]", "invalid_rules"),
        ("[" * 100_000, "invalid_rules"),
        ({"bonus": 1}, "invalid_rules"),
        ({"hour_tiers": {}}, "invalid_rules"),
        ({"hour_tiers": [{"from_hours": 1}]}, "invalid_rules"),
        ({"hour_tiers": [{"from_hours": 1, "extra_per_hour": 1}] * 2}, "invalid_rules"),
        ({"guarantee": -1}, "out_of_range"),
        ({"guarantee": None}, "wrong_type"),
        ({"guarantee": "a lot"}, "invalid_number"),
        ({"recharge_commission": "1.5"}, "out_of_range"),
        ('{"guarantee": NaN}', "invalid_number"),
        (17, "invalid_rules"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_rules_of_another_shape_are_refused(site, rules, code):
    row = plan(days_before(site, 3), month_rules=rules)

    assert refused(site, "plans", [row]) == [(0, "month_rules", code)]


@pytest.mark.parametrize(
    ("kind", "column", "value", "code"),
    [
        ("plans", "commission_rate", "1.01", "out_of_range"),
        ("plans", "commission_rate", "0.00005", "too_precise"),
        ("plans", "commission_rate", "1", None),
        ("plans", "hourly_rate", -1, "out_of_range"),
        ("plans", "level", "", "required"),
        ("plans", "day", "2026-02-30", "invalid_date"),
        ("plans", "day", "1900-01-01", "out_of_range"),
        ("adjustments", "amount", "-0.01", "out_of_range"),
        ("adjustments", "kind", "bonus", "invalid_choice"),
        ("adjustments", "assistant", "A9", "unknown_assistant"),
        ("assignments", "member", "M9", "unknown_member"),
        ("assignments", "assistant", "A9", "unknown_assistant"),
        ("tasks", "assistant", "A9", "unknown_assistant"),
        ("tasks", "member", "M9", "unknown_member"),
        ("tasks", "kind", "dance", "invalid_choice"),
        ("contacts", "member", "M9", "unknown_member"),
        ("contacts", "assistant", "A9", "unknown_assistant"),
        ("contacts", "outcome", "maybe", "invalid_choice"),
        ("contacts", "words", "x" * 501, "too_long"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(site, kind, column, value, code):
    row = ROWS[kind](days_before(site, 3)) | {column: value}

    if code is None:
        assert push_rows(site=site, kind=kind, rows=[row]).accepted == 1
    else:
        assert refused(site, kind, [row]) == [(0, column, code)]


def test_an_event_needs_its_task_and_an_outcome_its_word(site):
    day = days_before(site, 3)
    push_rows(site=site, kind="tasks", rows=[task(day)])

    rows = [
        event(day),
        event(day, external_id="E2", task="T9"),
        event(day, external_id="E3", kind="outcome"),
    ]

    assert refused(site, "task_events", rows) == [
        (1, "task", "unknown_task"),
        (2, "outcome", "required"),
    ]
    assert push_rows(site=site, kind="task_events", rows=rows[:1]).accepted == 1
    assert facts(site, CoachTaskEvent)[0].kind == "done"


# --- What they touch ---------------------------------------------------------------------------


def test_every_kind_says_whose_summaries_it_changes(site, touched):
    day = days_before(site, 3)
    with use_build_context(site):
        assistant = Assistant.objects.get(site=site).pk
    for kind, rows in (
        ("levels", [level(site, day)]),
        ("plans", [plan(day)]),
        ("adjustments", [adjustment(day)]),
        ("tasks", [task(day)]),
        ("task_events", [event(days_before(site, 2))]),
        ("assignments", [assignment(day)]),
        ("contacts", [contact(day)]),
    ):
        push_rows(site=site, kind=kind, rows=rows)

    assert touched == [
        ("service", assistant, day),
        ("pay", None, day),
        ("pay", assistant, day),
        ("task", assistant, day),
        ("task", assistant, days_before(site, 2)),
    ]


def test_a_void_touches_the_day_of_what_it_voids(site, touched):
    day = days_before(site, 9)
    push_rows(site=site, kind="adjustments", rows=[adjustment(day)])
    touched.clear()

    void = adjustment(days_before(site, 1), external_id="J2", void_of="J1")
    push_rows(site=site, kind="adjustments", rows=[void])

    assert [one[2] for one in touched] == [day]


def test_files_of_these_kinds_leave_no_build_behind(site, tmp_path, touched):
    path = write_csv(tmp_path / "plans.csv", [plan(days_before(site, 3))])

    result = import_file(site=site, kind="plans", path=path)

    assert (result.accepted, result.build) == (1, None)
    assert touched == [("pay", None, days_before(site, 3))]


@pytest.mark.parametrize("kind", ["levels", "plans", "adjustments", "assignments"])
def test_what_was_agreed_before_does_not_make_the_store_older(site, kind):
    push_bill(site, days_before(site, 5))
    day = days_before(site, 900)
    row = level(site, day) if kind == "levels" else ROWS[kind](day)

    push_rows(site=site, kind=kind, rows=[row])

    assert SiteIngest.objects.get(site=site).first_business_date == days_before(site, 5)


# --- Levels ------------------------------------------------------------------------------------


def levels(site):
    with use_build_context(site):
        return list(
            AssistantLevelChange.objects.filter(site=site)
            .order_by("business_date", "pk")
            .values_list("business_date", "level")
        )


def test_the_first_level_is_as_old_as_the_assistant_and_a_changed_one_counts_from_today(touched):
    site = make_site()
    hired = days_before(site, 50)

    push_assistant(site, "A1", level="初级", hired_at=str(hired))
    push_assistant(site, "A1", level="中级")

    today = live_context(site).business_date
    assert levels(site) == [(hired, "初级"), (today, "中级")]
    assert [(entity, day) for entity, _id, day in touched] == [
        ("service", hired),
        ("service", today),
    ]


def test_the_level_in_force_and_the_one_sent_before_change_nothing(site):
    push_assistant(site, "A1", level="初级")
    push_rows(site=site, kind="levels", rows=[level(site, live_context(site).business_date)])
    before = levels(site)

    push_assistant(site, "A1", level="中级")
    push_assistant(site, "A1", level="中级", name="小林")

    assert levels(site) == before


def test_an_earlier_service_makes_the_first_level_older_too(touched):
    site = make_site()
    push_assistant(site, "A1", level="初级", hired_at=str(days_before(site, 5)))
    line = {"external_id": "L1", "assistant": "A1", "course_type": "base", "hours": 1, "ledger": 9}
    touched.clear()

    push_bill(site, days_before(site, 9), services=[line])

    assert levels(site) == [(days_before(site, 9), "初级"), (days_before(site, 5), "初级")]
    assert {one[::2] for one in touched if one[0] == "service"} == {
        ("service", days_before(site, 9))
    }


def test_contacts_keep_their_words(site):
    push_rows(site=site, kind="contacts", rows=[contact(days_before(site, 1), words="您好🎱")])

    assert facts(site, Contact)[0].words == "您好🎱"
