"""Chains of several groups: who gets a job, who waits, what a step is told of the one before."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from django.core.checks import run_checks
from django.db import connection

from aijobs.drive import drive_job
from aijobs.interventions import cancel_job
from aijobs.jobs import open_jobs
from aijobs.models import Claim, RetentionClue, Run, TriggerJob
from aijobs.registry import AI_APPS
from metrics.models import Assistant
from sandbox.context import use_context
from tests.aijobs.driving import drive, rows, take
from tests.aijobs.store import Store
from zqyy.durable.models import Lease

pytestmark = pytest.mark.django_db(transaction=True)


def fire(store: Store, *assistants: Assistant, settlement_id: int = 1, **payload) -> int:
    """The job of a bill on which these assistants are."""
    event = store.consumption(settlement_id=settlement_id, **payload)
    with use_context(store.live):
        (result,) = open_jobs([replace(event, assistant_ids=tuple(one.pk for one in assistants))])
    return result.job_id


@pytest.fixture
def other(store: Store) -> Assistant:
    with use_context(store.live):
        return store.add_assistant("a2", "周小曼")


def steps_of(store: Store, job_id: int) -> list[str]:
    return [run.step for run in rows(store, Run) if run.job_id == job_id]


def test_the_chains_name_apps_that_exist():
    assert run_checks(tags=None) == []


def test_a_bill_with_two_assistants_is_one_job_with_a_branch_for_each(store, other):
    job_id = fire(store, store.assistant, other)

    member, first, second = store.member.pk, store.assistant.pk, other.pk
    after = {run.step: run.after for run in rows(store, Run)}
    assert after == {
        f"app3_clue:{member}": [],
        f"app8_consolidate:{member}": [f"app3_clue:{member}"],
        f"app7_customer:{member}": [f"app8_consolidate:{member}"],
        f"app4_analysis:{first}_{member}": [f"app7_customer:{member}"],
        f"app5_tactics:{first}_{member}": [f"app4_analysis:{first}_{member}"],
        f"app4_analysis:{second}_{member}": [f"app7_customer:{member}"],
        f"app5_tactics:{second}_{member}": [f"app4_analysis:{second}_{member}"],
    }
    (job,) = rows(store, TriggerJob)
    assert (job.pk, job.app_chain, job.steps_total) == (job_id, "app3→app8→app7→app4→app5", 7)
    assert {(claim.group, claim.subject) for claim in Claim.objects.all()} == {
        ("member", f"{member}"),
        ("pair", f"{first}_{member}"),
        ("pair", f"{second}_{member}"),
    }


def test_a_second_assistant_on_the_same_day_still_gets_talking_points(store, other):
    first = fire(store, store.assistant)
    second = fire(store, other, settlement_id=2)

    pair = f"{other.pk}_{store.member.pk}"
    assert second != first
    assert steps_of(store, second) == [f"app4_analysis:{pair}", f"app5_tactics:{pair}"]


def test_a_second_bill_with_the_same_assistant_coalesces(store):
    first = fire(store, store.assistant)
    second = fire(store, store.assistant, settlement_id=2)

    (job,) = rows(store, TriggerJob)
    assert first == second == job.pk
    assert job.coalesced_count == 1


def test_a_late_branch_is_queued_when_the_members_job_has_ended(store, other):
    first = fire(store, store.assistant)
    second = fire(store, other, settlement_id=2)
    assert not Lease.objects.filter(key=f"job:{second}").exists()

    drive(first)

    assert Lease.objects.get(key=f"job:{second}").closed_at is None
    drive(second)
    assert {job.status for job in rows(store, TriggerJob)} == {"completed"}


def test_a_late_branch_does_not_wait_for_a_job_that_has_ended(store, other):
    drive(fire(store, store.assistant))

    second = fire(store, other, settlement_id=2)

    assert Lease.objects.filter(key=f"job:{second}", closed_at=None).exists()


def test_cancelling_the_members_job_queues_the_late_branch(store, other):
    first = fire(store)
    second = fire(store, other, settlement_id=2)

    with use_context(store.live):
        cancel_job(job=TriggerJob.objects.get(pk=first), user_id=None)

    assert Lease.objects.filter(key=f"job:{second}", closed_at=None).exists()


def test_a_second_note_is_not_swallowed(store):
    with use_context(store.live):
        notes = [store.add_note("喜欢周五晚上来"), store.add_note("抱怨空调太冷")]
        events = [
            replace(
                store.consumption(), event_type="note_created", settlement_id=None, note_id=note.pk
            )
            for note in notes
        ]
        results = [*open_jobs(events[:1]), *open_jobs(events[1:])]

    assert len({result.job_id for result in results}) == 2
    assert not any(result.coalesced for result in results)


def task_assigned(store: Store):
    return replace(
        store.consumption(),
        event_type="ai_task_assigned",
        settlement_id=None,
        assistant_ids=(store.assistant.pk,),
    )


def test_a_task_starts_the_pairs_own_chain_once_a_day(store):
    with use_context(store.live):
        first, second = *open_jobs([task_assigned(store)]), *open_jobs([task_assigned(store)])

    pair = f"{store.assistant.pk}_{store.member.pk}"
    assert steps_of(store, first.job_id) == [f"app4_analysis:{pair}", f"app5_tactics:{pair}"]
    assert (second.job_id, second.coalesced) == (first.job_id, True)
    assert [claim.group for claim in Claim.objects.all()] == ["task"]


# --- What the steps are told ---------------------------------------------------------------------


def ended_before(store: Store, before: str, after: str) -> bool:
    runs = {run.app: run for run in rows(store, Run)}
    return runs[before].finished_at <= runs[after].started_at


@pytest.mark.parametrize("fault", [None, "error"])
def test_app7_has_ended_however_it_did_when_app4_starts(store, provider, fault):
    if fault:
        provider.order("app7_customer", fault=fault)

    drive(fire(store, store.assistant))

    assert ended_before(store, "app7_customer", "app4_analysis")
    statuses = {run.app: run.status for run in rows(store, Run)}
    assert statuses["app7_customer"] == ("failed" if fault else "success")
    assert statuses["app5_tactics"] == "success"


def test_a_failed_analysis_gives_the_tactics_none(store, provider):
    drive(fire(store, store.assistant))
    provider.order("app4_analysis", fault="error")

    drive(fire(store, store.assistant, is_forced=True))

    told = [run.features["analysis"] for run in rows(store, Run) if run.app == "app5_tactics"]
    assert told[0] is not None
    assert told[1] is None


def test_a_failing_branch_leaves_the_other_one_alone(store, other, provider):
    provider.order("app4_analysis", fault="error", times=1)

    drive(fire(store, store.assistant, other))

    (job,) = rows(store, TriggerJob)
    branches = sorted(run.status for run in rows(store, Run) if run.app == "app4_analysis")
    assert (job.status, branches) == ("partial", ["failed", "success"])


def test_branches_run_side_by_side(store, other, provider):
    provider.latency = 0.5

    drive(fire(store, store.assistant, other))

    calls = provider.calls_of("app4_analysis")
    assert abs(calls[0].at - calls[1].at) < 0.4


def test_features_that_cannot_be_built_end_the_branch_of_a_note(store, provider, monkeypatch):
    def broken(*args):
        raise ZeroDivisionError

    app = replace(AI_APPS["app8_consolidate"], build_features=broken)
    monkeypatch.setitem(AI_APPS, "app8_consolidate", app)
    with use_context(store.live):
        note = store.add_note("喜欢周五晚上来")
        event = replace(
            store.consumption(), event_type="note_created", settlement_id=None, note_id=note.pk
        )
        (result,) = open_jobs([event])

    drive(result.job_id)

    ends = [(run.app, run.status, run.error_code) for run in rows(store, Run)]
    assert ends == [
        ("app6_note", "success", ""),
        ("app8_consolidate", "failed", "prompt_error"),
    ]
    assert {call.app for call in provider.calls} == {"app6_note"}
    assert rows(store, TriggerJob)[0].status == "partial"
    assert rows(store, RetentionClue) == []


# --- Two at once ---------------------------------------------------------------------------------


def test_a_job_cannot_end_unseen_by_the_branch_that_decides_to_wait(store, other):
    first = fire(store)
    held = take(first)

    def end_it() -> None:
        try:
            drive_job(held, first)
        finally:
            connection.close()

    driver = threading.Thread(target=end_it)
    with use_context(store.live):
        event = replace(store.consumption(settlement_id=2), assistant_ids=(other.pk,))
        (late,) = open_jobs([event])
        driver.start()
        # Longer than all of the first job's steps take.
        driver.join(2)
    driver.join(20)

    assert {job.pk: job.status for job in rows(store, TriggerJob)}[first] == "completed"
    assert Lease.objects.filter(key=f"job:{late.job_id}", closed_at=None).exists()
