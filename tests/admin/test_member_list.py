"""The list of members: views, filters and chips in the address, bulk tasks, the export."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from metrics.admin import MemberAdmin
from metrics.importers import push_rows
from metrics.models import CoachTask
from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry
from tests.admin.conftest import PAST, PHONE, TODAY
from tests.admin.pages import MEMBERS, go_back, text_of
from tests.factories import (
    bill,
    card_entry,
    member_of,
    push_assistant,
    push_bills,
    push_member,
)

ASSIGN = reverse("admin:metrics_members_assign")
EXPORT = reverse("admin:metrics_members_export")


@pytest.fixture
def regulars(east):
    """Two who came weekly and stay away, one who still comes, one who came once."""
    for name, weeks_away, paid in (("R1", 4, 100), ("R2", 3, 400), ("R3", 0, 100)):
        push_member(east, name)
        last = TODAY - timedelta(days=1 + 7 * weeks_away)
        push_bills(east, [bill(last - timedelta(days=7 * n), paid, member=name) for n in range(5)])
    push_member(east, "N1")
    push_bills(east, [bill(TODAY - timedelta(days=7), 60, member="N1")])
    push_rows(
        site=east,
        kind="card_entries",
        rows=[
            *(card_entry(name, date(2026, 4, 1), 150) for name in ("R1", "R2", "R3")),
            card_entry("N1", date(2026, 4, 1), 900),
        ],
    )
    return east


def found(client, **asked) -> list[str]:
    page = client.get(MEMBERS, asked)
    return [member.external_id for member in page.context["cl"].result_list]


def test_who_is_at_risk_comes_by_what_is_at_stake(manager, regulars):
    # 29 days over 7 at 500 yuan in 60 days; 22 over 7 at 2,000.
    assert found(manager, rhythm="at_risk") == ["R2", "R1"]


def test_regulars_low_on_balance_are_those_who_cannot_pay_two_visits(manager, regulars):
    assert found(manager, rhythm="regular", balance="low") == ["R3", "R2", "R1"]

    row = card_entry("R3", date(2026, 4, 2), 50)
    push_rows(site=regulars, kind="card_entries", rows=[row])

    assert found(manager, rhythm="regular", balance="low") == ["R2", "R1"]


@pytest.mark.parametrize(
    ("days_ago", "is_waited_for"), [(6, False), (7, True), (30, True), (31, False)]
)
def test_a_newcomer_is_waited_for_from_the_7th_to_the_30th_day(
    days_ago, is_waited_for, manager, east
):
    push_member(east, "N2")
    push_bills(east, [bill(TODAY - timedelta(days=days_ago), 60, member="N2")])

    assert ("N2" in found(manager, rhythm="not_back")) is is_waited_for


def test_who_came_twice_is_no_longer_waited_for(manager, regulars):
    assert "N1" in found(manager, rhythm="not_back")

    push_bills(regulars, [bill(TODAY - timedelta(days=2), 60, member="N1")])

    assert "N1" not in found(manager, rhythm="not_back")


def test_members_are_filtered_by_stage_balance_and_assistant(manager, regulars):
    lin = push_assistant(regulars, "A1", name="小林")
    rows = [{"external_id": "S1", "member": "R3", "assistant": lin, "day": TODAY}]
    push_rows(site=regulars, kind="assignments", rows=rows)
    page = manager.get(MEMBERS)
    [assistant] = [s for s in page.context["cl"].filter_specs if s.parameter_name == "assistant"]
    [(key, _name), _nobody] = assistant.lookup_choices

    assert found(manager, assistant=str(key)) == ["R3"]
    assert "R3" not in found(manager, assistant="nobody")
    assert found(manager, stage="new", balance="some") == ["R3", "N1", "M1"]


def test_chips_take_one_filter_away_and_tabs_say_where_one_is(manager, regulars):
    changelist = manager.get(MEMBERS, {"rhythm": "regular", "balance": "low"}).context["cl"]
    open_tabs = [tab.view.address for tab in changelist.tabs if tab.is_open]
    without = [chip.without for chip in changelist.chips]

    assert open_tabs == ["?rhythm=regular&balance=low"]
    assert without == ["?balance=low", "?rhythm=regular"]


@pytest.mark.parametrize("wrong", [{"rhythm": "x"}, {"assistant": "1; DROP"}, {"stage": "x"}])
def test_a_filter_that_does_not_exist_is_refused(wrong, manager, east):
    push_assistant(east, "A1")

    assert manager.get(MEMBERS, wrong).status_code == 302
    assert manager.get(EXPORT, wrong).status_code == 404


# --- Bulk tasks ----------------------------------------------------------------------------------


def tasks_in(site) -> list[tuple[str, str]]:
    with use_context(live_context(site)):
        rows = CoachTask.objects.filter(site=site).order_by("member__external_id")
        return list(rows.values_list("member__external_id", "assistant__external_id"))


def test_tasks_are_handed_out_and_who_is_left_out_is_named(manager, regulars):
    push_assistant(regulars, "A1")
    push_member(regulars, "K1", name="小明", is_minor=True)
    push_member(regulars, "Q1", name="静静", do_not_contact=True)
    chosen = [member_of(regulars, name).pk for name in ("R1", "K1", "Q1")]
    form = manager.post(MEMBERS, {"action": "assign_tasks", "_selected_action": chosen})
    assistants = form.context["form"].fields["assistant"].choices

    answer = manager.post(
        ASSIGN,
        {
            "member": form.context["member_ids"],
            "kind": "recall",
            "assistant": assistants[1][0],
            "due_on": "2026-05-08",
            "reason": "三周没来了",
            "next": f"{MEMBERS}?rhythm=at_risk",
        },
        follow=True,
    )

    assert answer.redirect_chain == [(f"{MEMBERS}?rhythm=at_risk", 302)]
    assert tasks_in(regulars) == [("R1", "A1")]
    told = [str(message) for message in answer.context["messages"]]
    assert len(told) == 3
    assert any("小明" in text for text in told)
    assert any("静静" in text for text in told)
    with use_context(live_context(regulars)):
        noted = AuditEntry.objects.get(action="tasks_assigned")
    assert (noted.actor_id, len(noted.after["tasks"])) == (manager.user.pk, 1)


def test_in_the_past_no_task_is_handed_out(manager, east):
    member = member_of(east, "M1")
    go_back(manager, PAST)

    asked = manager.post(MEMBERS, {"action": "assign_tasks", "_selected_action": [member.pk]})
    answer = manager.post(ASSIGN, {"member": [member.pk], "kind": "recall"})

    assert (asked.status_code, answer.status_code) == (409, 409)
    assert 'role="alert"' in text_of(answer)
    assert tasks_in(east) == []


def test_a_wrong_form_comes_back_with_its_reason_and_its_members(manager, east):
    member = member_of(east, "M1")

    answer = manager.post(ASSIGN, {"member": [member.pk], "kind": "recall", "due_on": "2026-05-04"})

    assert answer.status_code == 400
    assert 'role="alert"' in text_of(answer)
    assert answer.context["member_ids"] == [member.pk]


def test_another_stores_member_is_not_there_and_an_auditor_may_not(manager, sign_in, east, west):
    stranger = member_of(west, "M1")

    for member in (stranger.pk, "x", "9" * 30):
        assert manager.post(ASSIGN, {"member": [member], "kind": "recall"}).status_code == 404
    auditor = sign_in("auditor", east)
    assert auditor.post(ASSIGN, {"member": [1], "kind": "recall"}).status_code == 403


# --- Export --------------------------------------------------------------------------------------


def test_the_export_holds_what_is_filtered_with_numbers_as_numbers(manager, regulars):
    push_member(regulars, "F1", name="=HYPERLINK(1)")
    push_bills(regulars, [bill(date(2026, 5, 1), "12.50", member="F1")])

    answer = manager.get(EXPORT, {"o": "-16"})

    sheet = load_workbook(BytesIO(answer.content)).active
    _head, *rows = sheet.iter_rows(values_only=True)
    by_number = {row[1]: row for row in rows}
    assert len(rows) == 6
    assert by_number["F1"][0] == "'=HYPERLINK(1)"
    assert by_number["F1"][15] == 12.5
    assert by_number["M1"][2] == "139****5678"
    assert not any(PHONE in row for row in rows)
    assert [row[1] for row in rows][:2] == ["R2", "M1"]
    only = load_workbook(BytesIO(manager.get(EXPORT, {"rhythm": "at_risk"}).content)).active
    assert [row[1] for row in only.iter_rows(min_row=2, values_only=True)] == ["R2", "R1"]


def test_the_export_holds_what_is_left_and_the_rhythm(manager, regulars):
    rows = [card_entry("R1", date(2026, 4, 1), 300, 30)]
    push_rows(site=regulars, kind="card_entries", rows=rows)

    sheet = load_workbook(BytesIO(manager.get(EXPORT).content)).active

    _head, *rows = sheet.iter_rows(values_only=True)
    [row] = [row for row in rows if row[1] == "R1"]
    # 29 days away over 7; 150 and 300 of principal
    assert (row[5], row[6], row[11:14]) == (7, 4.14, (480, 450, 30))
    assert 0 < row[8] < 100


@pytest.mark.parametrize(
    ("column", "first"), [("principal", "N1"), ("usual", "Q1"), ("stickiness", "R3")]
)
def test_the_list_is_sorted_by_what_is_left_and_by_the_rhythm(column, first, manager, regulars):
    push_member(regulars, "Q1")
    days = [TODAY - timedelta(days=170 - 10 * n) for n in range(5)]
    push_bills(regulars, [bill(day, 10, member="Q1") for day in days])
    number = 1 + MemberAdmin.list_display.index(column)

    assert found(manager, o=f"-{number}")[0] == first


def test_an_export_is_on_record(manager, east):
    manager.get(EXPORT, {"q": "张"})

    with use_context(live_context(east)):
        noted = AuditEntry.objects.get(action="members_exported")
    assert (noted.actor_id, noted.after["rows"]) == (manager.user.pk, 1)
    assert noted.after["filters"] == {"q": "张"}
