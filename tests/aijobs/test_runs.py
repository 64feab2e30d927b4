"""Every pair of states of a job and of a run: the allowed moves succeed, all others raise."""

from __future__ import annotations

import threading
from itertools import product

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from aijobs import job_states, jobs, runs
from aijobs.errors import StaleRun
from aijobs.models import ProviderCall, Run, TriggerJob
from sandbox.context import use_context
from tests.aijobs.guarding import open_one
from tests.aijobs.store import Store

# Nothing ever moves back to pending: a retry is a new attempt.
RUN_PAIRS = [(a, b) for a, b in product(Run.Status, Run.Status) if b != "pending"]
JOB_PAIRS = [(a, b) for a, b in product(TriggerJob.Status, TriggerJob.Status) if b != "pending"]


@pytest.fixture
def run(store) -> Run:
    with use_context(store.live):
        jobs.open_jobs([store.consumption()])
        return Run.objects.order_by("position").first()


def put(model, pk: int, status: str) -> None:
    finished = Now() if status in model.TERMINAL else None
    model.objects.filter(pk=pk).update(status=status, finished_at=finished)


@pytest.mark.parametrize(("before", "to"), RUN_PAIRS, ids=[f"{a}-{b}" for a, b in RUN_PAIRS])
def test_a_run_moves_only_as_its_states_allow(store, run, before, to):
    with use_context(store.live):
        put(Run, run.pk, before)
        is_allowed = to in Run.ALLOWED[before]

        if to == Run.Status.RUNNING:
            assert is_opened(run) == is_allowed
        elif is_allowed:
            runs._end(run, to)
        else:
            with pytest.raises(StaleRun):
                runs._end(run, to)

        assert Run.objects.get(pk=run.pk).status == (to if is_allowed else before)


@pytest.mark.parametrize(("before", "to"), JOB_PAIRS, ids=[f"{a}-{b}" for a, b in JOB_PAIRS])
def test_a_job_moves_only_as_its_states_allow(store, run, before, to):
    with use_context(store.live):
        job = TriggerJob.objects.get()
        put(TriggerJob, job.pk, before)
        # Running again after an end is a person's retry, with a lease of its own.
        is_retry = before in (TriggerJob.Status.PARTIAL, TriggerJob.Status.FAILED)
        is_resumed = before == to == TriggerJob.Status.RUNNING
        is_allowed = (to in TriggerJob.ALLOWED[before] and not is_retry) or is_resumed

        def move() -> None:
            if to == TriggerJob.Status.RUNNING:
                job_states.start_job(site_id=job.site_id, job_id=job.pk)
            else:
                job_states.end_job(job, to)

        if is_allowed:
            move()
        else:
            with pytest.raises(StaleRun):
                move()

        assert TriggerJob.objects.get().status == (to if is_allowed else before)


@pytest.mark.parametrize(("before", "after"), [("running", "timeout"), ("pending", "failed")])
def test_a_timeout_is_one_again_when_its_transaction_is_repeated(store, run, before, after):
    with use_context(store.live):
        put(Run, run.pk, before)

    for _attempt in range(2):
        with use_context(store.live):
            runs.fail_run(run, code="timeout", error="too late")
            assert run.status == Run.objects.get(pk=run.pk).status == after
            transaction.set_rollback(True)


def is_opened(run: Run, **options) -> bool:
    try:
        open_one(run, **options)
    except StaleRun:
        return False
    return True


def test_the_gate_starts_a_run_and_takes_its_hold_in_one(store, run):
    with use_context(store.live):
        opened = open_one(run)

        fresh = Run.objects.get(pk=run.pk)
        call = ProviderCall.objects.get(pk=opened.call_id)
    assert (fresh.status, fresh.generation) == ("running", opened.generation)
    assert fresh.guards == ["kill_switch", "breaker", "rate", "budget"]
    assert (call.status, call.n, call.hold, call.app) == ("held", 1, 100, run.app)


@pytest.mark.parametrize("purpose", ["first", "repair"])
def test_the_gate_lets_nothing_in_that_is_not_in_its_state(store, run, purpose):
    with use_context(store.live):
        put(Run, run.pk, "running" if purpose == "first" else "pending")

        assert not is_opened(run, purpose=purpose)
        assert not ProviderCall.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_connections_one_starts_the_run():
    store = Store()
    with use_context(store.live):
        jobs.open_jobs([store.consumption()])
        run = Run.objects.order_by("position").first()
    barrier, answers = threading.Barrier(2), []

    def start() -> None:
        try:
            with use_context(store.live):
                barrier.wait(5)
                answers.append(is_opened(run))
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(answers) == [False, True]
