"""Lost leases, successors, late answers: who may write, and what is called again."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from aijobs import gate
from aijobs.drive import drive_job
from aijobs.jobs import open_jobs
from aijobs.models import Alert, CacheEntry, Claim, ProviderCall, RetentionClue, Run, TriggerJob
from sandbox.context import use_context
from sandbox.options import set_option
from tests.aijobs.driving import drive, job_of, open_app, open_chain, rows, statuses, take
from zqyy.durable.leases import LeaseLost
from zqyy.durable.models import Lease

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_driver_that_lost_its_lease_writes_nothing(store, provider):
    job_id = open_chain(store)
    held = take(job_id)

    def steal() -> None:
        take(job_id)
        connection.close()

    provider.order("app3_clue", meanwhile=steal, times=1)
    with pytest.raises(LeaseLost):
        drive_job(held, job_id)

    assert statuses(store)["app3_clue"] == "running"
    assert rows(store, CacheEntry) == []


def test_a_successor_calls_the_lost_step_again_and_no_other(store, provider):
    job_id = open_chain(store)

    provider.order("app8_consolidate", text="{}", times=2)
    held = take(job_id)
    provider.order("app7_customer", meanwhile=held.lost.tell, times=1)
    with pytest.raises(LeaseLost):
        drive_job(held, job_id)

    drive(job_id)

    runs = [(run.app, run.attempt, run.status) for run in rows(store, Run)]
    assert runs == [
        ("app3_clue", 1, "success"),
        ("app8_consolidate", 1, "failed"),
        ("app7_customer", 1, "unknown"),
        ("app7_customer", 2, "success"),
    ]
    unknown, settled = rows(store, ProviderCall)[-2:]
    assert (unknown.status, settled.status) == ("unknown", "settled")
    assert len(provider.calls_of("app3_clue")) == 1


def test_a_driver_that_is_asked_back_ends_its_step_and_leaves_the_rest(store, provider):
    job_id = open_chain(store)
    held = take(job_id)
    provider.order("app3_clue", meanwhile=held.asked_back.set, times=1)
    with pytest.raises(LeaseLost):
        drive_job(held, job_id)
    assert statuses(store)["app3_clue"] == "success"
    assert statuses(store)["app8_consolidate"] == "pending"

    drive(job_id)

    assert job_of(store).status == "completed"
    assert {run.attempt for run in rows(store, Run)} == {1}
    assert len(provider.calls_of("app3_clue")) == 1


def test_a_finished_job_is_left_alone(store, provider):
    job_id = open_chain(store)
    drive(job_id)
    Lease.objects.update(closed_at=None)

    drive(job_id)

    assert len(provider.calls) == 3


def began(store, job_id: int, *, seconds_ago: float) -> None:
    """The job is on its second driver, having begun this long ago, with a second for each step."""
    with use_context(store.live):
        set_option(key="ai_step_timeout", value=1, site=store.site, actor_id=None)
        TriggerJob.objects.filter(pk=job_id).update(
            status="running", started_at=Now() - timedelta(seconds=seconds_ago)
        )


def test_a_job_past_its_deadline_is_ended(store, provider):
    job_id = open_chain(store)
    # Five times a step's second, however few there are.
    began(store, job_id, seconds_ago=5)

    drive(job_id)

    job = job_of(store)
    assert job.status == "failed"
    assert job.error_message
    runs = rows(store, Run)
    assert {run.error_code for run in runs} == {"timeout"}
    assert {(alert.app_type, alert.alert_type) for alert in rows(store, Alert)} == {
        (run.app, "timeout") for run in runs
    }
    assert provider.calls == []
    assert not Claim.objects.exists()


@pytest.mark.parametrize(
    ("seconds_ago", "ends_as"), [(72 + 590, "completed"), (72 + 600, "failed")], ids=str
)
def test_a_prewarm_has_ten_minutes_more_than_its_steps(store, seconds_ago, ends_as):
    event = replace(
        store.consumption(), event_type="dws_completed", member_id=None, settlement_id=None
    )
    job_id = open_chain(store, event)
    began(store, job_id, seconds_ago=seconds_ago)

    drive(job_id)

    assert job_of(store).status == ends_as


def test_a_driver_that_goes_between_two_calls_leaves_no_call_in_doubt(store, provider, monkeypatch):
    monkeypatch.setattr(gate, "FIRST_PAUSE_SECONDS", 20)
    job_id = open_app(store, "app7_customer")
    held = take(job_id)
    provider.order("app7_customer", fault="throttled", times=1)
    goes = threading.Timer(0.5, held.lost.tell)
    goes.start()
    with pytest.raises(LeaseLost):
        drive_job(held, job_id)

    drive(job_id)

    runs = [(run.attempt, run.status, run.error_code) for run in rows(store, Run)]
    assert runs == [(1, "cancelled", "throttled"), (2, "success", "")]
    assert [call.status for call in rows(store, ProviderCall)] == ["released", "settled"]


def test_a_call_is_never_made_inside_a_transaction(store):
    job_id = open_app(store, "app7_customer")
    held = take(job_id)

    with transaction.atomic(), pytest.raises(RuntimeError):
        drive_job(held, job_id)


def test_a_slower_older_result_does_not_replace_a_newer_one(store, provider):
    slow = open_chain(store)

    def newer_run_first() -> None:
        with use_context(store.live):
            (forced,) = open_jobs([store.consumption(is_forced=True)])
        drive(forced.job_id)
        connection.close()

    old = '{"clues": [{"summary": "旧的"}]}'
    provider.order("app8_consolidate", meanwhile=newer_run_first, text=old, times=1)
    drive(slow)

    with use_context(store.live):
        run = Run.objects.get(job_id=slow, app="app8_consolidate")
        current = RetentionClue.objects.filter(superseded_at=None)
        assert (run.status, run.error_code) == ("failed", "stale")
        assert not current.filter(summary__contains="旧的").exists()
        assert ProviderCall.objects.get(run=run).status == "settled"
        assert not Alert.objects.exists()
