"""What the buttons open, what the panels show, how a job is watched, tried again, cancelled."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.translation import override

from aijobs.interventions import cancel_job
from aijobs.jobs import open_app_run, open_jobs
from aijobs.manual_clues import add_manual_clue
from aijobs.models import ProviderCall, Run, TriggerJob
from aijobs.registry import AI_APPS
from aijobs.wording import SENTENCES, age_text
from metrics.events import Event
from sandbox.context import live_context, use_context
from tests.admin.conftest import NOW, PAST, TODAY
from tests.admin.pages import count_queries, go_back, page_of, text_of
from tests.factories import member_of

RUN = reverse("admin:aijobs_run_app")


def press(client, member, app: str = "app7_customer"):
    return client.post(RUN, {"app": app, "target": member.pk})


def test_the_button_opens_a_job_and_a_second_press_finds_it(manager, east):
    member = member_of(east, "M1")

    first, second = press(manager, member), press(manager, member)

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert first.json()["is_open"] is True
    with use_context(live_context(east)):
        job = TriggerJob.objects.get()
    assert (job.triggered_by, job.triggered_by_user_id) == ("admin_manual", manager.user.pk)


def test_in_the_past_the_button_runs_at_that_date(manager, east):
    go_back(manager, PAST)

    press(manager, member_of(east, "M1"))

    with use_context(live_context(east)):
        job = TriggerJob.objects.get()
    assert (job.mode, job.business_date) == ("sandbox", PAST)


@pytest.mark.parametrize(("app", "status"), [("app9_unknown", 400), ("", 400)])
def test_an_unknown_app_is_refused(app, status, manager, east):
    assert press(manager, member_of(east, "M1"), app).status_code == status


def test_an_auditor_may_not_run_apps(sign_in, east):
    assert press(sign_in("auditor", east), member_of(east, "M1")).status_code == 403


def test_progress_is_told_in_words(manager, east):
    job = press(manager, member_of(east, "M1")).json()
    with use_context(live_context(east)):
        Run.objects.filter(job=job["id"]).update(
            status="failed", error_code="budget_exceeded", finished_at="2026-05-05T04:00Z"
        )

    told = manager.get(reverse("admin:aijobs_progress", args=[job["id"]])).json()

    assert told["message"] == str(SENTENCES["budget_exceeded"])
    assert "budget_exceeded" not in told["message"]


def test_a_clue_shows_its_source_and_date(manager, east):
    member = member_of(east, "M1")
    with use_context(live_context(east)) as ctx:
        add_manual_clue(
            ctx=ctx,
            member_id=member.pk,
            category="消费习惯",
            summary="只在周四晚上来",
            detail="前台说的",
            actor=manager.user,
        )

    page = text_of(manager.get(page_of(member)))
    panel = text_of(manager.get(reverse("admin:aijobs_clues", args=[member.pk])))

    for shown in ("只在周四晚上来", "前台说的", "消费习惯", "2026-05-05"):
        assert shown in page
        assert shown in panel


def test_a_job_is_listed_with_its_steps_and_can_be_cancelled(manager, east):
    job = press(manager, member_of(east, "M1")).json()

    listed = text_of(manager.get(reverse("admin:aijobs_triggerjob_changelist")))
    page = text_of(manager.get(reverse("admin:aijobs_triggerjob_change", args=[job["id"]])))
    assert f"#{job['id']}" in listed
    assert "张三" in listed
    assert str(AI_APPS["app7_customer"].title) in page

    manager.post(reverse("admin:aijobs_cancel_job", args=[job["id"]]))
    told = manager.get(reverse("admin:aijobs_progress", args=[job["id"]])).json()

    assert (told["status"], told["is_open"]) == ("cancelled", False)


def test_a_job_that_ended_well_cannot_be_tried_again(manager, east):
    job = press(manager, member_of(east, "M1")).json()
    manager.post(reverse("admin:aijobs_cancel_job", args=[job["id"]]), follow=True)

    answer = manager.post(reverse("admin:aijobs_retry_job", args=[job["id"]]), follow=True)

    assert answer.status_code == 200
    assert [str(message.level_tag) for message in answer.context["messages"]] == ["error"]


def test_jobs_of_another_store_do_not_exist(manager, west):
    member = member_of(west, "M1")
    with use_context(live_context(west)) as ctx:
        job = open_app_run(
            ctx=ctx, app="app7_customer", target={"member_id": member.pk}, triggered_by="command"
        )

    for name in ("admin:aijobs_triggerjob_change", "admin:aijobs_progress"):
        assert manager.get(reverse(name, args=[job.pk])).status_code == 404
    deed = reverse("admin:aijobs_cancel_job", args=[job.pk])
    assert manager.post(deed).status_code == 404


@pytest.mark.parametrize(
    ("seconds", "english"),
    [(5, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"), (86400 * 3, "3 days ago")],
)
def test_ages_are_rough(seconds, english):
    with override("en"):
        assert age_text(seconds) == english


def test_the_clue_button_opens_one_job_for_both_apps(manager, east):
    answer = press(manager, member_of(east, "M1"), "clue_refresh")

    with use_context(live_context(east)):
        job = TriggerJob.objects.get()
    assert (answer.status_code, job.app_chain) == (202, "app3→app8")


def test_an_ended_job_can_be_run_anew(manager, east):
    job_id = press(manager, member_of(east, "M1")).json()["id"]
    with use_context(live_context(east)):
        cancel_job(job=TriggerJob.objects.get(), user_id=None)

    answer = manager.post(reverse("admin:aijobs_rerun_job", args=[job_id]), follow=True)

    with use_context(live_context(east)):
        again = TriggerJob.objects.latest("pk")
    assert (again.pk != job_id, again.status) == (True, "pending")
    assert answer.redirect_chain == [
        (reverse("admin:aijobs_triggerjob_change", args=[again.pk]), 302)
    ]
    assert f"#{again.pk}" in str(next(iter(answer.context["messages"])))


def open_steps(site, steps: int) -> TriggerJob:
    """A job with so many steps, each called once."""
    with use_context(live_context(site)):
        event = Event("dws_completed", site.pk, TODAY)
        (result,) = open_jobs([event])
        runs = list(Run.objects.filter(job=result.job_id).order_by("position"))
        for run in runs[:steps]:
            Run.objects.filter(pk=run.pk).update(status="running", started_at=NOW)
            ProviderCall.objects.create(
                site=site,
                run=run,
                n=1,
                provider="rules",
                app=run.app,
                business_date=TODAY,
                chain_date=TODAY,
                hold=1,
                expires_at=NOW,
            )
        Run.objects.filter(pk__in=[run.pk for run in runs[steps:]]).delete()
        return TriggerJob.objects.get(pk=result.job_id)


def test_a_job_of_72_steps_costs_what_one_of_a_step_does(operator, east):
    one = open_steps(east, 1)
    few = count_queries(operator, reverse("admin:aijobs_triggerjob_change", args=[one.pk]))
    with use_context(live_context(east)):
        cancel_job(job=one, user_id=None)
    many = open_steps(east, 72)

    address = reverse("admin:aijobs_triggerjob_change", args=[many.pk])
    assert count_queries(operator, address) == few
    assert len(operator.get(address).context["waterfall"].bars) == 72


def test_a_manager_sees_the_steps_but_no_way_to_the_runs(manager, operator, east):
    job = open_steps(east, 2)
    address = reverse("admin:aijobs_triggerjob_change", args=[job.pk])

    pages = [text_of(client.get(address)) for client in (manager, operator)]

    runs = reverse("admin:aijobs_run_changelist")
    assert [runs in page for page in pages] == [False, True]
