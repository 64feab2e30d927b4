"""Whom to call today, who is left out, and what the buttons do."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.urls import reverse

from metrics.importers import import_file, push_rows
from metrics.models import CoachTask, Contact, Member, MemberVersion
from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry
from sandbox.options import set_option
from tests.admin.conftest import PAST, TODAY
from tests.admin.pages import HOME, go_back, text_of
from tests.admin.regulars import (
    assistant_of,
    close_task,
    push_contact,
    push_regular,
    push_task,
    visits_of,
)
from tests.factories import bill, member_of, push_assistant, push_bills

pytestmark = pytest.mark.django_db
PANEL = reverse("admin:calls")
FETCH = {"headers": {"X-Requested-With": "fetch"}}


def names(client, **query: str) -> list[str]:
    return [call.name for call in client.get(PANEL, query).context["call_list"].calls]


def address(deed: str, member: Member) -> str:
    return reverse(f"admin:{deed}", args=[member.pk])


def test_they_stand_by_overdue_ratio_times_what_is_at_stake(manager, east):
    push_regular(east, "five-times", away=35, principal=300)  # 5 × 300
    push_regular(east, "rich", away=28, gap=14, principal=1000)  # 2 × 1,000
    push_regular(east, "spender", away=14, paid=90)  # 2 × 360, spent in 60 days
    push_regular(east, "just", away=15, gap=10, principal=10, paid=1)  # 1.5 × 10
    push_regular(east, "not-yet", away=14, gap=10, principal=9000)  # 1.4

    assert names(manager) == ["rich", "five-times", "spender", "just"]


def test_a_call_carries_the_figures_behind_it(manager, east):
    push_regular(east, "five-times", away=35, principal=300)

    [call] = manager.get(HOME).context["home"].calls.calls

    assert (call.last_visit, call.days_away) == (date(2026, 3, 31), 35)
    assert (call.usual_days, call.overdue_ratio) == (Decimal("7.0"), Decimal("5.00"))
    assert (call.principal, call.spent_60d) == (Decimal(300), Decimal(200))


def test_the_ratio_from_which_somebody_is_at_risk_is_an_option(manager, east):
    push_regular(east, "five-times", away=35)
    with use_context(live_context(east)):
        set_option(key="at_risk_ratio", value=5.01, site=east, actor_id=None)

    assert names(manager) == []


def test_there_are_never_more_than_ten(manager, east):
    for number in range(12):
        push_regular(east, f"regular-{number:02}", away=35, principal=100 + number, paid=1)

    assert names(manager) == [f"regular-{number:02}" for number in range(11, 1, -1)]


@pytest.mark.parametrize("consent", ["is_minor", "do_not_contact"])
def test_nobody_calls_minors_or_who_asked_for_quiet(consent, manager, east):
    push_regular(east, "quiet", away=35, **{consent: True})

    assert names(manager) == []


def test_of_whom_only_bills_are_known_nobody_has_asked_for_quiet(manager, east, tmp_path):
    rows = visits_of("M9", away=35)
    path = tmp_path / "bills.csv"
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    import_file(site=east, kind="settlements", path=path, create_members=True)

    assert names(manager) == ["M9"]
    manager.post(address("spare_member", member_of(east, "M9")), **FETCH)
    assert names(manager) == []


@pytest.mark.parametrize(("days", "shown"), [(6, []), (7, ["regular"])])
def test_a_contact_keeps_somebody_off_the_list_for_seven_days(days, shown, manager, east):
    push_regular(east, "regular", away=35)
    push_contact(east, "regular", TODAY - timedelta(days=days))

    assert names(manager) == shown


def test_an_open_recall_keeps_somebody_off_the_list_and_a_closed_one_does_not(manager, east):
    push_assistant(east, "A1")
    for name in ("open", "closed", "maintained"):
        push_regular(east, name, away=35)
    push_task(east, "open", "A1")
    assigned = f"{TODAY - timedelta(days=9)}T12:00:00"
    task = push_task(east, "closed", "A1", assigned_at=assigned)
    # Whoever was reached for it later has been contacted.
    close_task(east, task, TODAY - timedelta(days=8))
    push_task(east, "maintained", "A1", kind="maintain")

    assert names(manager) == ["closed", "maintained"]


def test_whoever_is_here_today_is_not_called(manager, east):
    push_regular(east, "regular", away=35)
    push_bills(east, [bill(f"{TODAY}T11:00:00", 10, member="regular")])

    assert names(manager) == []


def test_at_a_past_date_nothing_later_counts(manager, east):
    push_assistant(east, "A1")
    push_regular(east, "regular", away=35)
    push_contact(east, "regular", PAST + timedelta(days=1))
    push_task(east, "regular", "A1", assigned_at=f"{PAST + timedelta(days=1)}T12:00:00")
    push_bills(east, [bill(PAST + timedelta(days=1), 10, member="regular")])

    [call] = manager.get(PANEL, {"as_of": PAST.isoformat()}).context["call_list"].calls

    assert (call.days_away, call.overdue_ratio) == (20, Decimal("2.86"))
    assert names(manager) == []


def test_a_recall_that_was_closed_later_was_still_open(manager, east):
    push_assistant(east, "A1")
    push_regular(east, "regular", away=35)
    task = push_task(east, "regular", "A1", assigned_at="2026-04-10T12:00:00")
    close_task(east, task, date(2026, 4, 21))

    assert names(manager, as_of="2026-04-20") == []
    assert names(manager, as_of="2026-04-27") == []
    assert names(manager, as_of="2026-04-28") == ["regular"]


# --- Who should call -----------------------------------------------------------------------------


def serve(site, name: str, assistant: str, hours: int) -> None:
    """Service on the member's last visit but one."""
    row = bill(date(2026, 3, 24), 10, member=name)
    line = {
        "external_id": f"{name}-{assistant}",
        "assistant": assistant,
        "course_type": "base",
        "hours": hours,
        "ledger": 100 * hours,
    }
    push_bills(site, [row | {"services": [line]}])


def test_the_closest_assistant_is_suggested_unless_one_is_assigned(manager, east):
    for name in ("A1", "A2", "A3"):
        push_assistant(east, name, name=f"助教{name}")
    push_assistant(east, "gone", name="走了", left_at="2026-05-01")
    for name in ("served", "assigned", "stranger"):
        push_regular(east, name, away=35)
    for name in ("served", "assigned"):
        serve(east, name, "A1", 1)
        serve(east, name, "A2", 2)
        serve(east, name, "gone", 5)
    row = {"external_id": "1", "member": "assigned", "assistant": "A3", "day": "2026-04-01"}
    push_rows(site=east, kind="assignments", rows=[row])

    calls = manager.get(PANEL).context["call_list"]

    assert {call.name: call.assistant for call in calls.calls} == {
        "served": "助教A2",
        "assigned": "助教A3",
        "stranger": "",
    }
    assert [*calls.assistants.values()] == ["助教A1", "助教A2", "助教A3"]


# --- The buttons ---------------------------------------------------------------------------------


@pytest.fixture
def regular(east) -> Member:
    push_assistant(east, "A1")
    return push_regular(east, "regular", away=35, phone="13900001111", birthday="1990-01-02")


def audited(site, action: str) -> AuditEntry:
    with use_context(live_context(site)):
        return AuditEntry.objects.get(site=site, action=action)


def test_a_task_is_assigned_audited_and_the_member_leaves_the_list(manager, east, regular):
    assistant = assistant_of(east, "A1")
    sent = {"assistant": assistant.pk, "due_on": "2026-05-08", "note": "周四老位置"}

    answer = manager.post(address("assign_recall", regular), sent, **FETCH)

    assert answer.status_code == 200
    with use_context(live_context(east)):
        task = CoachTask.objects.get(site=east)
    assert (task.kind, task.member_id, task.assistant_id) == ("recall", regular.pk, assistant.pk)
    assert (task.due_on, task.reason, task.business_date) == (date(2026, 5, 8), "周四老位置", TODAY)
    entry = audited(east, "tasks_assigned")
    assert entry.actor_id == manager.user.pk
    assert entry.after["due_on"] == "2026-05-08"
    assert names(manager) == []


def test_the_form_proposes_three_days(manager, east, regular):
    assert 'value="2026-05-08"' in text_of(manager.get(PANEL))


def test_a_contact_is_recorded_and_the_member_leaves_the_list(manager, east, regular):
    answer = manager.post(address("note_contacted", regular), **FETCH)

    assert answer.status_code == 200
    with use_context(live_context(east)):
        contact = Contact.objects.get(site=east)
    assert (contact.member_id, contact.outcome) == (regular.pk, "reached")
    assert contact.business_date == TODAY
    assert audited(east, "member_contacted").after["outcome"] == "reached"
    assert names(manager) == []


def test_whoever_is_left_alone_is_so_from_today_on_and_keeps_the_rest(manager, east, regular):
    answer = manager.post(address("spare_member", regular), **FETCH)

    assert answer.status_code == 200
    with use_context(live_context(east)):
        in_force = MemberVersion.objects.filter(member=regular, valid_to__gt=F("business_date"))
        *_, before, now = in_force.order_by("business_date")
    assert (before.do_not_contact, now.do_not_contact) == (False, True)
    assert (before.valid_to, now.business_date) == (TODAY, TODAY)
    assert (now.name, now.phone, now.birthday) == ("regular", "13900001111", date(1990, 1, 2))
    entry = audited(east, "consent_changed")
    assert (entry.before, entry.after) == ({"do_not_contact": False}, {"do_not_contact": True})
    assert names(manager) == []
    assert names(manager, as_of="2026-05-04") == ["regular"]


def test_a_deed_is_answered_with_the_members_name(manager, regular):
    said = manager.post(address("note_contacted", regular), **FETCH).json()["message"]

    assert "regular" in said


def test_quiet_is_taken_back_where_it_was_asked_for(manager, east, regular):
    spare = address("spare_member", regular)

    undo = manager.post(spare, **FETCH).json()["undo"]
    second = manager.post(spare, **FETCH).json()

    assert (undo, second["undo"]) == (spare, "")
    assert names(manager) == []
    taken_back = manager.post(undo, {"undo": "1"}, **FETCH).json()
    assert "regular" in taken_back["message"]
    assert names(manager) == ["regular"]


def test_without_a_script_one_is_led_back_home(manager, regular):
    answer = manager.post(address("note_contacted", regular), follow=True)

    assert answer.redirect_chain == [(HOME, 302)]


def test_what_somebody_else_did_meanwhile_is_said(manager, sign_in, east, regular):
    colleague = sign_in("manager", east)
    recall = {"assistant": assistant_of(east, "A1").pk, "due_on": "2026-05-08"}
    for deed, sent in (("assign_recall", recall), ("note_contacted", {})):
        manager.post(address(deed, regular), sent, **FETCH)

        answer = colleague.post(address(deed, regular), sent, **FETCH)

        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    with use_context(live_context(east)):
        assert Contact.objects.count() == CoachTask.objects.count() == 1


DEEDS = ["assign_recall", "note_contacted", "spare_member"]


@pytest.mark.parametrize("deed", DEEDS)
def test_nothing_is_recorded_in_the_past_and_there_is_no_button(deed, manager, east, regular):
    go_back(manager, PAST)
    sent = {"assistant": assistant_of(east, "A1").pk, "due_on": "2026-05-08"}

    answer = manager.post(address(deed, regular), sent, **FETCH)

    assert (answer.status_code, answer.json()["code"]) == (409, "sandbox_read_only")
    assert answer.json()["message"] == "历史视图中不能登记。"
    page = text_of(manager.get(PANEL))
    assert "regular" in page
    assert "data-post" not in page
    assert "历史视图中不能登记。" in page


@pytest.mark.parametrize("deed", DEEDS)
def test_an_auditor_sees_the_list_and_presses_nothing(deed, sign_in, east, regular):
    auditor = sign_in("auditor", east)

    assert names(auditor) == ["regular"]
    assert "data-post" not in text_of(auditor.get(PANEL))
    assert auditor.post(address(deed, regular)).status_code == 403


@pytest.mark.parametrize("deed", DEEDS)
def test_another_stores_members_do_not_exist(deed, manager, east, west, regular):
    sent = {"assistant": assistant_of(east, "A1").pk, "due_on": "2026-05-08"}

    assert manager.post(address(deed, member_of(west, "M1")), sent, **FETCH).status_code == 404


def test_another_stores_assistants_do_not_exist(manager, west, regular):
    push_assistant(west, "W1")
    sent = {"assistant": assistant_of(west, "W1").pk, "due_on": "2026-05-08"}

    assert manager.post(address("assign_recall", regular), sent, **FETCH).status_code == 404


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"due_on": "2026-05-08"}, "assistant"),
        ({"assistant": "1", "due_on": "soon"}, "due_on"),
        ({"assistant": "1", "due_on": "2026-05-04"}, "due_on"),
    ],
)
def test_a_bad_field_is_named(sent, field, manager, regular):
    answer = manager.post(address("assign_recall", regular), sent, **FETCH)

    assert (answer.status_code, [*answer.json()["fields"]]) == (400, [field])


def test_an_empty_list_says_so(manager):
    assert "zq-empty" in text_of(manager.get(PANEL))
