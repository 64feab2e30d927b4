"""What the apps about a member are told: everything of use at D, nothing later, nobody's name."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from aijobs.ai_apps.base import Features
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.builds import build_site
from metrics.catalog import METRICS
from metrics.models import (
    AssistantVersion,
    CoachTask,
    CoachTaskEvent,
    Contact,
    MemberAssignment,
    MemberVersion,
)
from sandbox.context import use_context
from sandbox.errors import NotFound
from sandbox.options import set_option
from tests.aijobs.store import ASSISTANT_NAME, NAME, PHONE, Store

APPS = ("app3_clue", "app7_customer")


def features_of(store: Store, app: str = "app7_customer", ago: int = 0) -> Features:
    with use_context(store.sandbox(ago) if ago else store.live) as ctx:
        return AI_APPS[app].build_features(ctx, Target(member_id=store.member.pk), {})


def told(store: Store, ago: int = 0) -> dict:
    return features_of(store, ago=ago).values


def add_task(store: Store, *, kind: str, ago: int, due_ago: int | None, reason: str = "") -> int:
    task = CoachTask.objects.create(
        site=store.site,
        batch=store.batch,
        external_id=f"t{CoachTask.objects.count() + 1}",
        occurred_at=store.at(store.day(ago)),
        business_date=store.day(ago),
        assistant=store.assistant,
        member=store.member,
        kind=kind,
        due_on=None if due_ago is None else store.day(due_ago),
        reason=reason,
    )
    return task.pk


def close_task(store: Store, task: int, *, ago: int, **event) -> None:
    CoachTaskEvent.objects.create(
        site=store.site,
        batch=store.batch,
        external_id=f"e{CoachTaskEvent.objects.count() + 1}",
        occurred_at=store.at(store.day(ago)),
        business_date=store.day(ago),
        task_id=task,
        **event,
    )


def contact(store: Store, *, ago: int, outcome: str = "reached") -> None:
    Contact.objects.create(
        site=store.site,
        batch=store.batch,
        external_id=f"k{Contact.objects.count() + 1}",
        occurred_at=store.at(store.day(ago)),
        business_date=store.day(ago),
        member=store.member,
        assistant=store.assistant,
        channel="wechat",
        outcome=outcome,
    )


def let_leave(store: Store, *, ago: int) -> None:
    """The assistant's one version says when they leave, also before that day."""
    AssistantVersion.objects.filter(assistant=store.assistant).update(
        left_at=store.at(store.day(ago), hour=0)
    )


# --- Completeness -------------------------------------------------------------------------------


def test_a_customer_is_told_by_every_metric_of_members(store):
    features = features_of(store)

    keys = [metric.key for metric in METRICS if metric.entity == "member"]
    assert list(features.values["metrics"]) == keys
    assert list(features.metrics) == keys


def test_clues_are_for_assistants_too_and_rest_on_less(store):
    features = features_of(store, "app3_clue")

    assert set(features.values["metrics"]) == set(features.metrics)
    assert not {"stickiness", "churn_probability"} & set(features.metrics)


def test_the_rows_that_were_read_are_named(store):
    with use_context(store.live):
        note = store.add_note("习惯周五晚上来")
        task = add_task(store, kind="recall", ago=3, due_ago=1)
        contact(store, ago=9)

    features = features_of(store)

    assert len(features.rows["settlements"]) == len(features.rows["service_lines"]) == 12
    assert len(features.rows["card_entries"]) == len(features.rows["contacts"]) == 1
    assert (features.rows["notes"], features.rows["coach_tasks"]) == ([note.pk], [task])
    assert features.dates[-1] == store.today.isoformat()


def test_a_member_of_another_store_is_not_found(store):
    other = Store("west")
    with use_context(store.live) as ctx, pytest.raises(NotFound):
        AI_APPS["app7_customer"].build_features(ctx, Target(member_id=other.member.pk), {})


# --- Rhythm -------------------------------------------------------------------------------------


def test_the_rhythm_is_the_catalogs(store):
    values = told(store)

    assert values["rhythm"]["median_interval_days"] == 6
    assert str(values["metrics"]["overdue_ratio"]) == "3.33"
    assert values["rhythm"]["overdue_ratio"] == 3.33
    assert values["rhythm"]["basis_days"] == 180


def test_the_day_a_rhythm_breaks_is_told(store):
    rhythm = told(store, ago=20)["rhythm"]

    expected, broken = store.day(14), store.day(11)
    assert rhythm["expected_on"].startswith(f"{expected.month}月{expected.day}日（")
    assert rhythm["expected_in_days"] == 6
    assert rhythm["broken_on"].startswith(f"{broken.month}月{broken.day}日（")


def test_who_comes_seldom_has_the_rhythm_of_two_years(store):
    with use_context(store.live):
        guest = store.add_member("rare", "少来", "")
        for ago in (400, 330, 260, 190, 100):
            store.add_bill(store.day(ago), member=guest)
        store.member = guest
    build_site(site=store.site, full=True)

    values = told(store)

    assert values["metrics"]["visit_interval_median"] is None
    assert values["rhythm"]["basis"] == "近两年"
    assert (values["rhythm"]["visits"], values["rhythm"]["median_interval_days"]) == (5, 70)
    assert values["visits"]["few"]


def test_three_visits_in_two_years_are_no_rhythm(store):
    with use_context(store.live):
        guest = store.add_member("rare", "少来", "")
        for ago in (330, 260, 190):
            store.add_bill(store.day(ago), member=guest)
        store.member = guest
    build_site(site=store.site, full=True)

    assert told(store)["rhythm"] is None


def test_who_has_returned_is_told_how_long_they_were_away(store):
    with use_context(store.live):
        guest = store.add_member("back", "回来", "")
        for ago in (300, 12, 5):
            store.add_bill(store.day(ago), member=guest)
        store.member = guest
    build_site(site=store.site, full=True)

    values = told(store)

    assert values["stage"] == "回流"
    assert values["returned"] == {
        "away_days": 288,
        "back_on": store.day(12).isoformat(),
        "visits_since": 2,
    }


# --- People -------------------------------------------------------------------------------------


def test_a_partner_has_left_from_their_last_day_on(store):
    with use_context(store.live):
        let_leave(store, ago=10)

    assert told(store, ago=11)["partners"][0]["left_on"] is None
    assert told(store, ago=10)["partners"][0]["left_on"] == store.day(10).isoformat()


def test_a_leaving_that_is_to_come_is_not_told(store):
    before = told(store)

    with use_context(store.live):
        let_leave(store, ago=-1)

    assert told(store) == before


def test_who_has_left_is_nobodys_assistant(store):
    with use_context(store.live):
        MemberAssignment.objects.create(
            site=store.site,
            batch=store.batch,
            external_id="as1",
            occurred_at=store.at(store.day(50)),
            business_date=store.day(50),
            member=store.member,
            assistant=store.assistant,
        )
        let_leave(store, ago=10)

    assert told(store, ago=51)["assigned_to"] is None
    assert told(store, ago=11)["assigned_to"] == f"助教#{store.assistant.pk}"
    assert told(store)["assigned_to"] is None


# --- Words and tasks ----------------------------------------------------------------------------


def test_a_complaint_is_told_with_the_visits_since_and_what_was_done(store):
    with use_context(store.live):
        store.add_note("反映空调正对着吹", ago=27)
        task = add_task(store, kind="follow_up", ago=26, due_ago=24)

    complaint = told(store)["said"]["complaint"]

    assert (complaint["topic"], complaint["visits_since"]) == ("空调", 2)
    assert complaint["follow_up"]["state"] == "未完成"

    with use_context(store.live):
        close_task(store, task, ago=24, kind="done", outcome="reached")

    assert told(store)["said"]["complaint"]["follow_up"]["state"] == "已完成"


def test_an_old_complaint_of_who_came_often_since_is_over(store):
    with use_context(store.live):
        store.add_note("反映空调正对着吹", ago=75)

    assert told(store)["said"]["complaint"] is None
    assert told(store, ago=60)["said"]["complaint"] is not None


def test_a_promise_is_open_until_a_note_says_otherwise(store):
    with use_context(store.live):
        store.add_note("答应下次把停车券补给他", ago=25)

    assert [row["topic"] for row in told(store)["said"]["promises"]] == ["补停车券"]

    with use_context(store.live):
        store.add_note("停车券已经补给他了", ago=3)

    assert told(store)["said"]["promises"] == []
    assert told(store, ago=4)["said"]["promises"] != []


def test_open_tasks_are_told_the_first_due_first(store):
    with use_context(store.live):
        done = add_task(store, kind="recall", ago=9, due_ago=5)
        close_task(store, done, ago=6, kind="done", outcome="reached")
        add_task(store, kind="booking", ago=2, due_ago=-2, reason="约了后天晚上八点")
        add_task(store, kind="maintain", ago=8, due_ago=4)

    tasks = told(store)["open_tasks"]

    assert [(task["kind"], task["is_overdue"]) for task in tasks] == [
        ("维护", True),
        ("预约", False),
    ]
    assert tasks[1]["due"] == store.day(-2).isoformat()


@pytest.mark.parametrize(("ahead", "is_told"), [(-1, False), (0, True), (14, True), (15, False)])
def test_a_birthday_is_told_two_weeks_ahead(store, ahead, is_told):
    day = store.today + timedelta(days=ahead)
    with use_context(store.live):
        MemberVersion.objects.filter(member=store.member).update(birthday=day.replace(year=1996))

    # 29 February is kept on the 28th.
    kept = day.replace(day=28) if (day.month, day.day) == (2, 29) else day
    assert told(store)["birthday"] == (kept.isoformat() if is_told else None)


# --- Contact ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ago", "is_paused"), [(0, True), (6, True), (7, False)])
def test_one_contact_a_week_is_shared_by_all(store, ago, is_paused):
    with use_context(store.live):
        contact(store, ago=ago)

    paused_until = told(store)["contact"]["paused_until"]

    assert paused_until == (store.day(ago - 7).isoformat() if is_paused else None)


def test_a_store_may_set_the_pause_and_the_quiet_hours(store):
    with use_context(store.live):
        contact(store, ago=4)
        set_option(key="contact_pause_days", value=10, site=store.site, actor_id=None)
        set_option(key="quiet_from", value="21:30", site=store.site, actor_id=None)

    values = told(store)["contact"]

    assert values["paused_until"] == store.day(-6).isoformat()
    assert (values["pause_days"], values["quiet_hours"]) == (10, "21:30-10:00")


def test_an_outcome_on_a_task_was_a_contact_too(store):
    with use_context(store.live):
        task = add_task(store, kind="recall", ago=5, due_ago=1)
        close_task(store, task, ago=2, kind="done", outcome="no_answer")

    assert told(store)["contact"]["last_contact"] == store.day(2).isoformat()


def test_a_visit_or_a_wrong_number_was_no_contact(store):
    with use_context(store.live):
        contact(store, ago=2, outcome="wrong_number")
        task = add_task(store, kind="recall", ago=5, due_ago=1)
        close_task(store, task, ago=3, kind="done", outcome="visited")

    values = told(store)["contact"]

    assert (values["last_contact"], values["paused_until"]) == (None, None)
    assert values["is_number_wrong"]


def test_who_asked_for_peace_stays_in_peace(store):
    with use_context(store.live):
        contact(store, ago=40, outcome="do_not_contact")
        contact(store, ago=20, outcome="reached")

    assert told(store, ago=41)["contact"]["may_contact"]
    assert not told(store)["contact"]["may_contact"]
    assert store.day(40).isoformat() in told(store)["contact"]["why_not"]


@pytest.mark.parametrize("field", ["is_minor", "do_not_contact"])
def test_the_file_may_forbid_contact(store, field):
    with use_context(store.live):
        MemberVersion.objects.filter(member=store.member).update(**{field: True})

    assert not told(store)["contact"]["may_contact"]


# --- Time machine, names, statements ------------------------------------------------------------


@pytest.mark.parametrize("app", APPS)
def test_nothing_after_the_date_is_told(store, app):
    before = features_of(store, app, ago=10)

    with use_context(store.live):
        store.add_bill(store.day(9), paid="77777")
        store.add_note("投诉过声音太吵，答应下次换台")
        add_task(store, kind="booking", ago=3, due_ago=-2, reason="以后的任务")
        contact(store, ago=2, outcome="do_not_contact")
        let_leave(store, ago=5)
        MemberVersion.objects.filter(member=store.member).update(valid_to=store.day(5))
        MemberVersion.objects.create(
            site=store.site,
            member=store.member,
            business_date=store.day(5),
            batch=store.batch,
            name=NAME,
            is_minor=True,
        )
    build_site(site=store.site, full=True)

    assert features_of(store, app, ago=10) == before


@pytest.mark.parametrize("app", APPS)
def test_nobody_is_named_in_the_prompt(store, app):
    with use_context(store.live):
        store.add_note(f"{NAME}的电话是{PHONE}，{ASSISTANT_NAME}答应下次留台")
        add_task(store, kind="recall", ago=3, due_ago=1, reason=f"给{NAME}打 139-1234-5678")

    prompt = AI_APPS[app].prompt(features_of(store, app).values)

    assert not re.search(f"{NAME}|{ASSISTANT_NAME}|1391234|139-1234", prompt)
    assert f"助教#{store.assistant.pk}答应下次留台" in prompt


@pytest.mark.parametrize(("app", "most"), [("app3_clue", 13), ("app7_customer", 16)])
def test_a_member_takes_as_many_statements_however_long_their_history(
    store, app, most, django_assert_max_num_queries
):
    with use_context(store.live):
        for ago in range(6):
            store.add_note("反映空调太冷。答应下次换张台。", ago=ago)
            close_task(
                store,
                add_task(store, kind="recall", ago=9, due_ago=ago),
                ago=ago,
                kind="done",
                outcome="reached",
            )
            contact(store, ago=ago)

    with use_context(store.live) as ctx, django_assert_max_num_queries(most):
        AI_APPS[app].build_features(ctx, Target(member_id=store.member.pk), {})
