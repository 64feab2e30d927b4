"""What people do to jobs: retry, run anew, cancel; and the clue button."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import connection
from django.db.models.functions import Now

from aijobs import broadcast
from aijobs.interventions import cancel_job, rerun_job, retry_job
from aijobs.job_states import end_job
from aijobs.jobs import open_clue_refresh, open_jobs
from aijobs.models import Claim, Run, TriggerJob
from aijobs.sweep import fail_abandoned_jobs
from sandbox.context import RuntimeContext, use_context
from sandbox.errors import Conflict
from sandbox.models import Mode
from tests.aijobs.driving import drive, open_app, open_chain, rows
from tests.aijobs.sockets import heard_first
from tests.aijobs.store import Store
from tests.locks import wait_until_blocked
from zqyy.durable.models import Lease

pytestmark = pytest.mark.django_db(transaction=True)


def job_by(store: Store, pk: int) -> TriggerJob:
    (job,) = [one for one in rows(store, TriggerJob) if one.pk == pk]
    return job


def with_assistant(store: Store):
    return replace(store.consumption(), assistant_ids=(store.assistant.pk,))


def retry(store: Store, job_id: int) -> TriggerJob:
    with use_context(store.live):
        return retry_job(job=TriggerJob.objects.get(pk=job_id), user_id=None)


def rerun(store: Store, job_id: int) -> TriggerJob:
    with use_context(store.live):
        return rerun_job(job=TriggerJob.objects.get(pk=job_id), user_id=None)


# --- Retry ---------------------------------------------------------------------------------------


def test_a_retry_calls_what_failed_and_nothing_else(store, provider):
    provider.order("app4_analysis", fault="error", times=1)
    job_id = open_chain(store, with_assistant(store))
    drive(job_id)

    assert retry(store, job_id).status == "running"
    drive(job_id)

    assert job_by(store, job_id).status == "completed"
    assert [len(provider.calls_of(app)) for app in ("app3_clue", "app4_analysis")] == [1, 2]


def test_a_failed_job_takes_all_its_claims_back(store, provider):
    provider.order("*", fault="error")
    job_id = open_chain(store, with_assistant(store))
    drive(job_id)
    assert not Claim.objects.exists()

    retry(store, job_id)

    assert {(claim.group, claim.job_id) for claim in Claim.objects.all()} == {
        ("member", job_id),
        ("pair", job_id),
    }


def test_a_retry_is_superseded_when_one_of_its_claims_has_gone(store, provider):
    provider.order("*", fault="error")
    first = open_chain(store, with_assistant(store))
    drive(first)
    second = open_chain(store)

    with pytest.raises(Conflict) as refusal:
        retry(store, first)

    assert refusal.value.code == "superseded"
    assert refusal.value.fields == {"job": [str(second)]}
    assert [claim.group for claim in Claim.objects.all()] == ["member"]
    assert job_by(store, first).status == "failed"


# --- Running anew --------------------------------------------------------------------------------


def test_a_job_run_anew_is_forced_has_the_same_steps_and_takes_the_claims(store):
    first = open_chain(store, with_assistant(store))
    drive(first)

    again = rerun(store, first)

    assert (again.is_forced, again.status, again.triggered_by) == (True, "pending", "admin_manual")
    steps = [run.step for run in rows(store, Run)]
    assert steps[:5] == steps[5:]
    assert {claim.job_id for claim in Claim.objects.all()} == {again.pk}


def test_a_late_branch_run_anew_leaves_the_member_alone(store):
    drive(open_chain(store))
    late = open_chain(store, with_assistant(store))
    drive(late)

    again = rerun(store, late)

    assert again.app_chain == "app4→app5"
    assert {claim.group: claim.job_id for claim in Claim.objects.all()}["pair"] == again.pk


def test_a_button_at_a_past_date_runs_anew_at_that_date(store):
    first = open_app(store, "app7_customer", ctx=store.sandbox(30))
    drive(first)

    again = rerun(store, first)

    assert (again.mode, again.business_date) == (Mode.SANDBOX, store.day(30))


# --- Cancel --------------------------------------------------------------------------------------


def test_a_cancelled_job_lets_the_next_bill_start_anew(store):
    first = open_chain(store, with_assistant(store))

    with use_context(store.live):
        cancel_job(job=TriggerJob.objects.get(pk=first), user_id=None)

    assert open_chain(store, with_assistant(store)) != first


# --- The clue button -----------------------------------------------------------------------------


def refresh_clues(store: Store, ctx: RuntimeContext | None = None) -> int:
    with use_context(ctx or store.live) as current:
        return open_clue_refresh(
            ctx=current, member_id=store.member.pk, triggered_by="admin_manual"
        ).pk


@pytest.mark.parametrize("ago", [0, 40])
def test_clues_are_collected_anew_in_one_job_at_the_date_in_sight(store, ago):
    ctx = store.sandbox(ago) if ago else store.live

    job_id = refresh_clues(store, ctx)
    drive(job_id)

    job = job_by(store, job_id)
    assert (job.status, job.app_chain, job.mode) == ("completed", "app3→app8", ctx.mode)
    assert [run.app for run in rows(store, Run)] == ["app3_clue", "app8_consolidate"]


def test_a_second_press_finds_the_open_job(store):
    assert refresh_clues(store) == refresh_clues(store)


def test_the_clue_button_does_not_swallow_the_next_bill(store):
    refreshed = refresh_clues(store)

    with use_context(store.live):
        (result,) = open_jobs([store.consumption()])

    assert (result.coalesced, result.job_id == refreshed) == (False, False)


def test_a_branch_run_anew_waits_for_the_end_of_the_job_that_has_its_claim(store):
    open_chain(store)
    branch = open_chain(store, with_assistant(store))
    forced = replace(with_assistant(store), payload={"is_forced": True})
    holder = open_chain(store, forced)

    def rerun_branch() -> TriggerJob:
        try:
            return rerun(store, branch)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with use_context(store.live):
            job = TriggerJob.objects.select_for_update().get(pk=holder)
            again = pool.submit(rerun_branch)
            wait_until_blocked()
            end_job(job, TriggerJob.Status.CANCELLED)
        opened = again.result(20)

    assert [(claim.group, claim.job_id) for claim in Claim.objects.all()] == [("pair", opened.pk)]
    assert opened.waits_for is None


# --- What open pages are told --------------------------------------------------------------------


def told_of(store: Store, deed) -> tuple[str, str, list[str]]:
    message = heard_first(store.site.pk, deed)
    job = message["payload"]
    return message["type"], job["status"], [step["status"] for step in job["steps"]]


def test_open_pages_are_told_of_a_job_that_is_cancelled(store):
    job_id = open_app(store, "app7_customer")

    def cancel() -> None:
        with use_context(store.live):
            cancel_job(job=TriggerJob.objects.get(pk=job_id), user_id=None)

    assert told_of(store, cancel) == ("job_progress", "cancelled", ["cancelled"])


def test_open_pages_are_told_of_a_job_that_is_retried(store, provider):
    provider.order("*", fault="auth")
    job_id = open_app(store, "app7_customer")
    drive(job_id)
    assert broadcast.flush(20)

    told = told_of(store, lambda: retry(store, job_id))

    assert told == ("job_progress", "running", ["pending"])


def test_open_pages_are_told_of_a_job_that_is_given_up(store):
    open_app(store, "app7_customer")
    Lease.objects.update(closed_at=Now())

    assert told_of(store, fail_abandoned_jobs) == ("job_progress", "failed", ["failed"])
