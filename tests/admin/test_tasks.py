"""Tasks as they stood at D, how one is closed, and the recalls that are proposed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse

from metrics.assistant_board import employed_assistants
from metrics.entries import record_contact
from metrics.importers import push_rows
from metrics.models import Assistant, CoachTask, CoachTaskEvent
from metrics.recalls import recall_candidates
from sandbox.context import as_of_context, live_context, use_build_context, use_context
from sandbox.models import AuditEntry
from tests.admin.conftest import TODAY
from tests.admin.pages import go_back, text_of
from tests.factories import at, bill, card_entry, member_of, push_assistant, push_bills, push_member
from tests.metrics.staff import give_task

LIST = reverse("admin:metrics_coachtask_changelist")
RECALLS = reverse("admin:metrics_recalls")
WEEKLY = [TODAY - timedelta(days=days) for days in (41, 34, 27, 20)]


@pytest.fixture
def lan(east) -> Assistant:
    push_assistant(east, "A1", name="小兰")
    with use_context(live_context(east)):
        return Assistant.objects.get(site=east, external_id="A1")


def give(site, lan, day, due_on=None) -> CoachTask:
    external_id = give_task(site, lan, day, due_on, member_of(site, "M1"))
    with use_build_context(site):
        return CoachTask.objects.get(site=site, external_id=external_id)


def close(site, task, moment, kind="done", outcome="reached") -> None:
    row = {"external_id": f"E{task.pk}{kind}", "task": task.external_id, "occurred_at": moment}
    push_rows(site=site, kind="task_events", rows=[row | {"kind": kind, "outcome": outcome}])


def listed(client, **query) -> list[int]:
    return [task.pk for task in client.get(LIST, query).context["cl"].result_list]


def page_of(task) -> str:
    return reverse("admin:metrics_coachtask_change", args=[task.pk])


def deed(task, name) -> str:
    return reverse(f"admin:metrics_{name}_task", args=[task.pk])


# --- The list ----------------------------------------------------------------------------------


def test_the_address_says_which_tasks_are_listed(manager, east, lan):
    open_ = give(east, lan, date(2026, 5, 1), date(2026, 5, 9))
    late = give(east, lan, date(2026, 4, 20), date(2026, 5, 1))
    done = give(east, lan, date(2026, 4, 21), date(2026, 4, 30))
    off = give(east, lan, date(2026, 4, 22))
    close(east, done, "2026-04-29T12:00:00")
    close(east, off, "2026-04-29T12:00:00", "cancelled", None)

    assert listed(manager) == listed(manager, state="open") == [open_.pk, late.pk]
    assert listed(manager, state="overdue") == [late.pk]
    assert listed(manager, state="done") == [done.pk]
    assert listed(manager, state="cancelled") == [off.pk]
    assert listed(manager, state="all") == [open_.pk, late.pk, done.pk, off.pk]


def test_mine_are_those_that_i_gave(manager, sign_in, east, lan):
    give(east, lan, date(2026, 5, 1))
    overdue_member(east)
    manager.post(RECALLS, {"member": candidate_ids(east), **chosen(east, lan)})

    assert len(listed(manager, mine="1")) == 1
    assert len(listed(sign_in("manager", east), mine="1")) == 0
    assert len(listed(manager)) == 2


def test_a_task_stands_as_it_stood_at_every_date(manager, east, lan):
    task = give(east, lan, date(2026, 4, 10), date(2026, 4, 15))
    close(east, task, "2026-04-20T12:00:00")

    states = {}
    for day in (9, 10, 15, 16, 19, 20):
        go_back(manager, date(2026, 4, day))
        found = manager.get(LIST, {"state": "all"}).context["cl"].result_list
        states[day] = [(one.state, one.outcome) for one in found]

    assert states == {
        9: [],
        10: [("open", "")],
        15: [("open", "")],
        16: [("overdue", "")],
        19: [("overdue", "")],
        20: [("done", "reached")],
    }


# --- Coming back -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("came", "back"),
    [
        ("2026-04-02T11:00:00", None),
        ("2026-04-02T20:00:00", date(2026, 4, 2)),
        ("2026-04-09T20:00:00", date(2026, 4, 9)),
        ("2026-04-10T07:00:00", date(2026, 4, 9)),
        ("2026-04-16T20:00:00", date(2026, 4, 16)),
        ("2026-04-17T20:00:00", None),
    ],
)
def test_a_return_is_a_bill_that_begins_after_the_call(came, back, manager, east, lan):
    push_member(east, "M2")
    task = give_task(east, lan, date(2026, 4, 1), None, member_of(east, "M2"))
    done = {"external_id": "E1", "task": task, "occurred_at": "2026-04-02T12:00:00"}
    push_rows(site=east, kind="task_events", rows=[done | {"kind": "done", "outcome": "visited"}])
    push_bills(east, [bill(came, member="M2")])

    [found] = manager.get(LIST, {"state": "done"}).context["cl"].result_list

    assert found.returned_on == back


def test_a_return_that_is_still_to_come_or_was_voided_is_none(manager, east, lan):
    task = give(east, lan, date(2026, 4, 24))
    close(east, task, "2026-04-26T12:00:00")

    [live] = manager.get(LIST, {"state": "done"}).context["cl"].result_list
    go_back(manager, date(2026, 4, 27))
    [then] = manager.get(LIST, {"state": "done"}).context["cl"].result_list

    assert (live.returned_on, then.returned_on) == (date(2026, 4, 28), None)


# --- Closing -----------------------------------------------------------------------------------


def test_a_manager_completes_a_task_with_its_outcome_once(manager, east, lan):
    task = give(east, lan, date(2026, 5, 1))

    first = manager.post(deed(task, "complete"), {"outcome": "booked", "note": "周六来"})
    again = manager.post(deed(task, "complete"), {"outcome": "declined"})

    assert (first.status_code, again.status_code) == (302, 409)
    assert "周六来" in text_of(manager.get(page_of(task)))
    with use_context(live_context(east)):
        assert [event.outcome for event in CoachTaskEvent.objects.all()] == ["booked"]
        [entry] = AuditEntry.objects.filter(object_id=str(task.pk))
    assert (entry.before, entry.after["outcome"]) == ({"state": "open"}, "booked")


def test_a_task_is_called_off(manager, east, lan):
    task = give(east, lan, date(2026, 5, 1))

    manager.post(deed(task, "cancel"))

    assert listed(manager, state="cancelled") == [task.pk]


@pytest.mark.parametrize("outcome", ["", "won the lottery"])
def test_without_an_outcome_the_form_comes_back(outcome, manager, east, lan):
    task = give(east, lan, date(2026, 5, 1))

    answer = manager.post(deed(task, "complete"), {"outcome": outcome, "note": "说过什么"})

    assert 'role="alert"' in text_of(answer)
    assert "说过什么" in text_of(answer)
    assert listed(manager) == [task.pk]


def test_in_the_past_nothing_is_closed_or_given(manager, east, lan):
    task = give(east, lan, date(2026, 4, 1))
    overdue_member(east)
    go_back(manager, date(2026, 5, 1))

    answer = manager.post(deed(task, "complete"), {"outcome": "reached"})
    given = manager.post(RECALLS, {"member": "1", "assistant-1": str(lan.pk)}, follow=True)

    for page in (answer, given):
        assert "历史视图中不能登记。" in text_of(page)
    with use_build_context(east):
        assert not CoachTaskEvent.objects.exists()
        assert CoachTask.objects.count() == 1


def test_another_stores_task_is_not_found(sign_in, east, west, lan):
    task = give(east, lan, date(2026, 5, 1))
    stranger = sign_in("manager", west)

    assert listed(stranger) == []
    assert stranger.get(page_of(task)).status_code == 404
    for name in ("complete", "cancel"):
        assert stranger.post(deed(task, name), {"outcome": "reached"}).status_code == 404


def test_an_auditor_looks_and_an_assistant_does_not(sign_in, east, lan):
    task = give(east, lan, date(2026, 5, 1))
    auditor = sign_in("auditor", east)

    assert auditor.get(LIST).status_code == auditor.get(page_of(task)).status_code == 200
    assert auditor.post(deed(task, "complete"), {"outcome": "reached"}).status_code == 403
    assert auditor.post(RECALLS, {"member": "1"}).status_code == 403
    assert sign_in("assistant", east).get(LIST).status_code == 403


# --- Recalls -----------------------------------------------------------------------------------


def overdue_member(site, external_id="W1", paid=100, **fields):
    """A weekly guest who has not been here for 20 days."""
    member = push_member(site, external_id, **fields)
    push_bills(site, [bill(day, paid, member=external_id) for day in WEEKLY])
    return member


def candidates(site, day=None, limit=10):
    ctx = as_of_context(site, day) if day else live_context(site)
    with use_context(ctx):
        return recall_candidates(ctx, limit, assistants=employed_assistants(ctx=ctx))


def candidate_ids(site) -> list[str]:
    return [str(one.member.pk) for one in candidates(site)]


def chosen(site, lan) -> dict[str, str]:
    return {f"assistant-{pk}": str(lan.pk) for pk in candidate_ids(site)}


def test_who_is_worth_most_is_proposed_first(east):
    overdue_member(east, "W1", paid=100)
    overdue_member(east, "W2", paid=50)
    push_rows(site=east, kind="card_entries", rows=[card_entry("W2", WEEKLY[0], 5000)])

    found = candidates(east)

    assert [(one.member.name, one.member.last_visit_days) for one in found] == [
        ("会员W2", 20),
        ("会员W1", 20),
    ]
    assert candidates(east, limit=1) == found[:1]


@pytest.mark.parametrize(("days", "proposed"), [(9, False), (10, False), (11, True)])
def test_a_rhythm_is_broken_from_the_option_on(days, proposed, east):
    overdue_member(east)

    found = candidates(east, WEEKLY[-1] + timedelta(days=days))

    assert bool(found) is proposed  # 7 × 1.5 = 10.5


@pytest.mark.parametrize("field", ["is_minor", "do_not_contact"])
def test_minors_and_who_asked_for_no_contact_are_left_out(field, east):
    overdue_member(east, **{field: True})

    assert candidates(east) == []


@pytest.mark.parametrize(("days", "proposed"), [(6, False), (7, True)])
def test_who_was_done_within_seven_days_is_left_out(days, proposed, east, lan):
    member = overdue_member(east)
    task = give_task(east, lan, WEEKLY[-1], None, member)
    done_on = TODAY - timedelta(days=days)
    done = {"external_id": "E1", "task": task, "occurred_at": f"{done_on}T12:00:00"}
    push_rows(site=east, kind="task_events", rows=[done | {"kind": "done", "outcome": "reached"}])

    assert bool(candidates(east)) is proposed


def test_who_was_contacted_today_or_is_being_recalled_is_left_out(east, lan, manager):
    contacted, recalled = overdue_member(east, "W1"), overdue_member(east, "W2")
    with use_context(live_context(east)) as ctx:
        record_contact(
            ctx=ctx,
            member_id=contacted.pk,
            channel="phone",
            outcome="reached",
            actor=manager.user,
        )
    give_task(east, lan, TODAY, None, recalled)

    assert candidates(east) == []


def test_whose_the_member_is_is_suggested_unless_they_have_left(east, lan):
    member = overdue_member(east)
    row = {"external_id": "X", "member": "W1", "assistant": "A1", "day": str(WEEKLY[0])}
    push_rows(site=east, kind="assignments", rows=[row])
    assert [one.assistant_id for one in candidates(east)] == [lan.pk]

    gone = {"external_id": "A1", "name": "小兰", "level": "", "hired_at": None}
    push_rows(site=east, kind="assistants", rows=[gone | {"left_at": "2026-05-01"}])

    assert [(one.member.pk, one.assistant_id) for one in candidates(east)] == [(member.pk, None)]


def test_one_click_gives_all_the_ticked_and_a_second_nothing(manager, east, lan):
    for n in range(12):
        overdue_member(east, f"W{n}")
    ticked = {"member": candidate_ids(east), **chosen(east, lan)}

    manager.post(RECALLS, ticked)
    again = manager.post(RECALLS, ticked, follow=True)

    with at(east, TODAY):
        tasks = list(CoachTask.objects.all())
        audited = AuditEntry.objects.filter(action="recall_assigned").count()
    assert len(tasks) == audited == 10
    assert {task.due_on for task in tasks} == {TODAY + timedelta(days=3)}
    assert "¥" not in tasks[0].reason
    assert 'id="recalls"' not in text_of(again)  # ten a day


def test_without_an_assistant_nothing_is_given(manager, east, lan):
    overdue_member(east, "W1")
    overdue_member(east, "W2")
    ticked = chosen(east, lan)
    ticked.pop(min(ticked))

    manager.post(RECALLS, {"member": candidate_ids(east), **ticked})

    with at(east, TODAY):
        assert not CoachTask.objects.exists()
