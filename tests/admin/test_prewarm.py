"""The page of a store's finance cells: who sees it, who has them analysed anew."""

from __future__ import annotations

import pytest
from django.urls import reverse

from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.models import Run, TriggerJob
from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry
from tests.admin.conftest import NOW, PAST
from tests.admin.pages import go_back, text_of

GRID = reverse("admin:aijobs_prewarm")
START = reverse("admin:aijobs_start_prewarm")


def prewarms(site) -> list[TriggerJob]:
    with use_context(live_context(site)):
        return list(TriggerJob.objects.filter(event_type="dws_completed").order_by("pk"))


@pytest.mark.parametrize(
    ("role", "sees", "starts"),
    [("operator", 200, 302), ("auditor", 200, 403), ("manager", 403, 403)],
)
def test_the_operator_starts_it_and_the_auditor_looks(role, sees, starts, sign_in, east):
    client = sign_in(role, east)

    page = client.get(GRID)

    assert (page.status_code, client.post(START).status_code) == (sees, starts)
    assert (START in text_of(page)) is (role == "operator")
    assert len(prewarms(east)) == (1 if role == "operator" else 0)


def test_all_cells_are_analysed_anew_by_one_job_on_record(operator, east):
    for _ in range(2):
        answer = operator.post(START, follow=True)

    (job,) = prewarms(east)
    assert (job.steps_total, job.is_forced, job.triggered_by) == (72, True, "admin_manual")
    assert job.triggered_by_user_id == operator.user.pk
    assert f"#{job.pk}" in str(next(iter(answer.context["messages"])))
    assert START not in text_of(answer)
    with use_context(live_context(east)):
        (entry,) = AuditEntry.objects.filter(action="prewarm_started")
    assert (entry.object_id, entry.actor) == (str(job.pk), operator.user)


def test_it_can_be_started_again_once_it_is_over(operator, east):
    operator.post(START)
    with use_context(live_context(east)):
        TriggerJob.objects.update(status="completed", finished_at=NOW)

    operator.post(START)

    assert [job.status for job in prewarms(east)] == ["completed", "pending"]


def test_the_past_is_not_analysed_anew(operator, east):
    go_back(operator, PAST)

    page = operator.get(GRID)
    answer = operator.post(START, follow=True)

    assert START not in text_of(page)
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    assert prewarms(east) == []


def test_a_kill_switch_says_why_nothing_was_started(operator, east):
    throw_kill_switch(site=east, app="app2_finance", reason="费用", actor_id=None)

    answer = operator.post(START, follow=True)

    assert "费用" in str(next(iter(answer.context["messages"])))
    assert prewarms(east) == []


def test_a_cell_opens_its_last_run(operator, east):
    operator.post(START)

    page = text_of(operator.get(GRID))

    with use_context(live_context(east)):
        runs = list(Run.objects.values_list("pk", flat=True))
    assert len(runs) == 72
    for pk in runs:
        assert reverse("admin:aijobs_run_change", args=[pk]) in page
