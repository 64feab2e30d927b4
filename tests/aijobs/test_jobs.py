"""Opening, coalescing, retrying and cancelling jobs."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from django.db import connection, transaction

from aijobs.interventions import cancel_job, retry_job
from aijobs.jobs import job_progress, open_app_run, open_jobs
from aijobs.models import Claim, Run, TriggerJob
from metrics.events import Event
from sandbox.context import use_context
from sandbox.errors import BadRequest, Conflict, NotFound
from sandbox.models import Mode
from tests.aijobs.store import Store
from zqyy.durable.models import Lease

Status = TriggerJob.Status


def fire(store: Store, *events: Event):
    with use_context(store.live):
        return open_jobs(events or [store.consumption()])


def end(store: Store, job_id: int, status: str) -> None:
    """What a driver's last transaction does, without driving."""
    from aijobs.job_states import end_job, start_job

    with use_context(store.live):
        job = TriggerJob.objects.get(pk=job_id)
        start_job(site_id=job.site_id, job_id=job.pk)
        Run.objects.filter(job=job).update(
            status="failed" if status in (Status.FAILED, Status.PARTIAL) else "success",
            finished_at=job.created_at,
        )
        end_job(job, Status(status))
        Lease.objects.filter(key=job.lease_key).update(closed_at=job.created_at)


def test_a_bill_opens_one_job_with_its_steps_lease_and_queue_entry(store):
    (result,) = fire(store)

    with use_context(store.live):
        job = TriggerJob.objects.get(pk=result.job_id)
        steps = [(run.app, run.status, run.after) for run in Run.objects.order_by("position")]
    member = store.member.pk
    assert (result.event_type, result.member_id, result.coalesced) == ("consumption", member, False)
    assert (job.mode, job.business_date, job.status) == (Mode.LIVE, store.today, Status.PENDING)
    assert job.app_chain == "app3→app8→app7"
    assert steps == [
        ("app3_clue", "pending", []),
        ("app8_consolidate", "pending", [f"app3_clue:{member}"]),
        ("app7_customer", "pending", [f"app8_consolidate:{member}"]),
    ]
    lease = Lease.objects.get(key=f"job:{job.pk}")
    assert (lease.cluster, lease.site_id, lease.business_date) == (
        "realtime",
        store.site.pk,
        store.today,
    )
    assert lease.q_id is not None


def test_a_second_bill_of_the_day_gets_the_job_that_is_there(store):
    (first,) = fire(store)
    (second,) = fire(store, store.consumption(settlement_id=2))

    with use_context(store.live):
        job = TriggerJob.objects.get()
    assert (second.job_id, second.coalesced) == (first.job_id, True)
    assert job.coalesced_count == 1


def test_two_bills_of_one_member_in_one_push_make_one_job(store):
    results = fire(store, store.consumption(), store.consumption(settlement_id=2))

    assert [result.coalesced for result in results] == [False, True]
    assert len({result.job_id for result in results}) == 1


def test_a_completed_job_keeps_its_claim_for_the_day(store):
    (first,) = fire(store)
    end(store, first.job_id, Status.COMPLETED)

    (second,) = fire(store)

    assert (second.job_id, second.coalesced) == (first.job_id, True)


@pytest.mark.parametrize("status", [Status.FAILED])
def test_a_failed_job_releases_its_claims(store, status):
    (first,) = fire(store)
    end(store, first.job_id, status)

    (second,) = fire(store)

    assert not second.coalesced
    assert second.job_id != first.job_id


def test_another_member_gets_a_job_of_their_own(store):
    with use_context(store.live):
        other = store.add_member("m2", "李思远", "13800000000")

    results = fire(store, store.consumption(), store.consumption(member=other))

    assert len({result.job_id for result in results}) == 2


def test_a_forced_event_wins_and_leaves_its_claim(store):
    (first,) = fire(store)
    (forced,) = fire(store, store.consumption(is_forced=True))
    (third,) = fire(store)

    assert not forced.coalesced
    assert third.job_id == forced.job_id != first.job_id


def test_releasing_leaves_claims_alone_that_a_forced_job_took(store):
    (first,) = fire(store)
    (forced,) = fire(store, store.consumption(is_forced=True))

    end(store, first.job_id, Status.FAILED)

    assert [claim.job_id for claim in Claim.objects.all()] == [forced.job_id]


def test_the_alias_of_an_event_is_accepted(store):
    (result,) = fire(store, replace(store.consumption(), event_type="ai_consumption_settled"))

    assert result.event_type == "consumption"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"member_id": None}, "member"),
        ({"settlement_id": None}, "settlement"),
        ({"event_type": "task_assigned"}, "assistant"),
        ({"event_type": "nonsense"}, "event_type"),
    ],
)
def test_an_event_that_lacks_something_opens_nothing_and_names_it(store, change, field):
    broken = replace(store.consumption(), **change)

    with pytest.raises(BadRequest) as refusal:
        fire(store, store.consumption(), broken)

    assert field in refusal.value.fields
    with use_context(store.live):
        assert not TriggerJob.objects.exists()
    assert not Lease.objects.exists()


def test_a_job_rolled_back_with_its_cause_leaves_nothing(store):
    with use_context(store.live):
        open_jobs([store.consumption()])
        transaction.set_rollback(True)

    with use_context(store.live):
        assert not TriggerJob.objects.exists()
    assert not Lease.objects.exists()
    assert not Claim.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_tills_at_the_same_moment_make_one_job():
    store = Store()
    barrier, results = threading.Barrier(2), []

    def push() -> None:
        try:
            with use_context(store.live):
                barrier.wait(5)
                results.extend(open_jobs([store.consumption()]))
        finally:
            connection.close()

    tills = [threading.Thread(target=push) for _ in range(2)]
    for till in tills:
        till.start()
    for till in tills:
        till.join(20)

    assert sorted(result.coalesced for result in results) == [False, True]
    with use_context(store.live):
        job = TriggerJob.objects.get()
        assert (job.coalesced_count, Run.objects.count()) == (1, 3)


# --- Single apps ---------------------------------------------------------------------------------


def run_app(store: Store, ctx=None, **values) -> TriggerJob:
    values = {"app": "app7_customer", "target": {"member_id": store.member.pk}, **values}
    with use_context(ctx or store.live) as current:
        return open_app_run(ctx=current, triggered_by="admin_manual", **values)


def test_a_button_opens_a_job_of_one_step_without_a_claim(store):
    job = run_app(store)

    assert (job.event_type, job.steps_total) == ("app_run", 1)
    assert not Claim.objects.exists()


def test_a_second_press_returns_the_open_job(store):
    assert run_app(store) == run_app(store)


def test_another_app_or_another_date_is_another_job(store):
    jobs = [run_app(store), run_app(store, app="app3_clue"), run_app(store, ctx=store.sandbox(30))]

    assert len({job.pk for job in jobs}) == 3
    assert jobs[2].mode == Mode.SANDBOX
    assert jobs[2].business_date == store.day(30)


def test_the_old_name_of_an_app_is_accepted(store):
    job = run_app(store, app="app8_consolidation")

    assert job.payload["step"] == f"app8_consolidate:{store.member.pk}"


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"app": "app99"}, "unknown_app", "app"),
        ({"target": {}}, "target_incomplete", "member"),
        ({"app": "app6_note"}, "note_required", "note"),
        ({"target": {"member_id": "x"}}, "bad_request", "member_id"),
    ],
)
def test_an_app_run_names_what_is_missing(store, values, code, field):
    with pytest.raises(BadRequest) as refusal:
        run_app(store, **values)

    assert refusal.value.code == code
    assert field in refusal.value.fields


def test_a_member_of_another_store_is_not_found(store):
    other = Store("west")

    with pytest.raises(NotFound):
        run_app(store, target={"member_id": other.member.pk})


# --- Retry and cancel ----------------------------------------------------------------------------


def test_a_retry_opens_the_next_attempt_of_what_failed(store):
    (result,) = fire(store)
    end(store, result.job_id, Status.FAILED)

    with use_context(store.live):
        job = retry_job(job=TriggerJob.objects.get(), user_id=None)
        attempts = list(Run.objects.filter(attempt=2).values_list("status", flat=True))

    assert (job.status, job.steps_done, job.finished_at) == (Status.RUNNING, 0, None)
    assert attempts == ["pending"] * 3
    assert Claim.objects.get().job_id == job.pk


def test_a_retry_is_refused_when_another_job_has_taken_over(store):
    (first,) = fire(store)
    end(store, first.job_id, Status.FAILED)
    (second,) = fire(store)

    with use_context(store.live), pytest.raises(Conflict) as refusal:
        retry_job(job=TriggerJob.objects.get(pk=first.job_id), user_id=None)

    assert refusal.value.code == "superseded"
    assert refusal.value.fields == {"job": [str(second.job_id)]}


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED, None])
def test_only_what_failed_can_be_retried(store, status):
    (result,) = fire(store)
    if status:
        end(store, result.job_id, status)

    with use_context(store.live), pytest.raises(Conflict) as refusal:
        retry_job(job=TriggerJob.objects.get(), user_id=None)

    assert refusal.value.code == "not_retryable"


def test_cancelling_ends_the_job_its_steps_and_its_lease(store):
    (_result,) = fire(store)

    with use_context(store.live):
        job = cancel_job(job=TriggerJob.objects.get(), user_id=None)
        progress = job_progress(job)

    assert progress["status"] == "cancelled"
    assert {step["status"] for step in progress["steps"]} == {"cancelled"}
    assert Lease.objects.get().closed_at is not None
    assert not Claim.objects.exists()


def test_an_ended_job_cannot_be_cancelled(store):
    (result,) = fire(store)
    end(store, result.job_id, Status.COMPLETED)

    with use_context(store.live), pytest.raises(Conflict) as refusal:
        cancel_job(job=TriggerJob.objects.get(), user_id=None)

    assert refusal.value.code == "not_cancellable"
