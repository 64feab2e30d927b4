"""What drivers that are gone leave behind."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from aijobs.jobs import open_jobs
from aijobs.models import Alert, Claim, ProviderCall, Run, TriggerJob
from aijobs.sweep import fail_abandoned_jobs, settle_expired_holds
from sandbox.context import use_context
from sandbox.models import Site
from tests.aijobs.guarding import open_one
from zqyy.durable.models import Lease


@pytest.fixture
def run(store, settled_database) -> Run:
    """A running run with a hold."""
    with use_context(store.live):
        open_jobs([store.consumption()])
        run = Run.objects.order_by("position").first()
        open_one(run, seconds=60)
    return run


def hold_after_sweep(store, *, expired: bool) -> str:
    with use_context(store.live), connection.cursor() as cursor:
        if expired:
            cursor.execute("UPDATE provider_calls SET expires_at = now() - interval '1 s'")
    settle_expired_holds()
    with use_context(store.live):
        return ProviderCall.objects.get().status


def test_the_hold_of_a_running_call_counts_in_full_once_it_expired(store, run):
    assert hold_after_sweep(store, expired=True) == "unknown"


def test_the_hold_of_an_ended_run_is_released(store, run):
    with use_context(store.live):
        Run.objects.filter(pk=run.pk).update(status="failed", finished_at=run.created_at)

    assert hold_after_sweep(store, expired=True) == "released"


def test_a_hold_in_time_is_left_alone(store, run):
    assert hold_after_sweep(store, expired=False) == "held"


def test_a_job_whose_lease_was_closed_for_good_is_failed(store, run):
    Lease.objects.update(closed_at=run.created_at, last_error="ValueError: x")

    fail_abandoned_jobs()

    with use_context(store.live):
        job = TriggerJob.objects.get()
        assert (job.status, job.error_message != "") == ("failed", True)
        called, *others = Run.objects.order_by("position")
        assert (called.status, called.error_code) == ("unknown", "")
        assert {(run.status, run.error_code) for run in others} == {("failed", "internal_error")}
        assert ProviderCall.objects.get().status == "unknown"
        assert set(Alert.objects.values_list("alert_type", "code")) == {
            ("failed", "internal_error")
        }
    assert not Claim.objects.exists()


def test_a_job_whose_workers_died_says_so(store, run):
    Lease.objects.update(closed_at=run.created_at, deaths=5)

    fail_abandoned_jobs()

    with use_context(store.live):
        assert "5" in TriggerJob.objects.get().error_message


def test_a_job_with_an_open_lease_is_left_alone(store, run):
    fail_abandoned_jobs()

    with use_context(store.live):
        assert TriggerJob.objects.get().status == "pending"


def test_a_round_without_abandoned_jobs_reads_none_of_the_open_ones(store, run):
    with CaptureQueriesContext(connection) as captured:
        fail_abandoned_jobs()

    (asked,) = [query["sql"] for query in captured if "trigger_jobs" in query["sql"]]
    assert "leases" in asked


def test_a_store_that_cannot_be_swept_does_not_keep_the_others_waiting(store, run):
    Site.objects.create(code="aaa", name="aaa", timezone="Nowhere")
    Lease.objects.update(closed_at=run.created_at)

    fail_abandoned_jobs()

    with use_context(store.live):
        assert TriggerJob.objects.get().status == "failed"
