"""The state of runs: ONLY writer of it, with the gate's SQL function (pending -> running).

Every transition is one conditional update inside the transaction of a held lease. One that
changes nothing raises StaleRun: somebody else owns the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from django.db.models import Max, QuerySet
from django.db.models.functions import Now

from aijobs.errors import StaleRun
from aijobs.guards.calls import abandon_calls
from aijobs.models import ProviderCall, Run, TriggerJob
from aijobs.planning import PlannedStep

Status = Run.Status

# What makes two attempts those of one step, and what the one before was about to send.
_STEP = (
    "site_id",
    "job_id",
    "step",
    "position",
    "after",
    "app",
    "target_id",
    "member_id",
    "assistant_id",
    "triggered_by",
    "mode",
    "business_date",
    "language",
)
_INPUTS = (
    "provider",
    "model",
    "prompt_version",
    "prompt",
    "features",
    "features_sha256",
    "references",
    "watermark",
)


def open_runs(*, job: TriggerJob, steps: Iterable[PlannedStep], language: str) -> list[Run]:
    """The first attempts of a new job's steps, not yet saved: the job may not be either."""
    return [
        Run(
            site_id=job.site_id,
            job_id=job.pk,
            step=step.key,
            position=position,
            after=list(step.after),
            app=step.app,
            target_id=step.target_id,
            member_id=step.target.member_id,
            assistant_id=step.target.assistant_id,
            triggered_by=job.triggered_by,
            mode=job.mode,
            business_date=job.business_date,
            language=language,
        )
        for position, step in enumerate(steps)
    ]


def newest_runs(job: TriggerJob) -> list[Run]:
    """The newest attempt of every step, in the job's order; long columns are left to be read."""
    return newest_runs_of([job]).get(job.pk, [])


def newest_runs_of(jobs: Sequence[TriggerJob]) -> dict[int, list[Run]]:
    """The same for several jobs of one store in one query, by job id."""
    found: dict[int, list[Run]] = {}
    if jobs:
        rows = Run.objects.filter(site_id=jobs[0].site_id, job_id__in=[job.pk for job in jobs])
        newest = rows.order_by("job_id", "position", "-attempt").distinct("job_id", "position")
        for run in newest.defer(*Run.LONG):
            found.setdefault(run.job_id, []).append(run)
    return found


def results_before(run: Run) -> dict[str, dict[str, Any] | None]:
    """What the steps before this one came to, by app; None for one that did not succeed."""
    found: dict[str, dict[str, Any] | None] = {key.partition(":")[0]: None for key in run.after}
    if found:
        before = Run.objects.filter(
            site_id=run.site_id, job_id=run.job_id, step__in=run.after, status=Status.SUCCESS
        )
        found.update(before.values_list("app", "result"))
    return found


def open_next_attempt(run: Run, *, keep_inputs: bool = False) -> Run:
    """A pending attempt after one that ended, about to send what it sent or built anew."""
    last = Run.objects.filter(site_id=run.site_id, job_id=run.job_id, step=run.step)
    number = last.aggregate(last=Max("attempt"))["last"] + 1
    kept = (*_STEP, *(_INPUTS if keep_inputs else ()))
    return Run.objects.create(attempt=number, **{name: getattr(run, name) for name in kept})


def record_inputs(run: Run, **inputs: Any) -> None:
    """Keep what a run is about to send, before it is sent.

    Raises:
        StaleRun: it has ended.
    """
    if not Run.objects.filter(pk=run.pk, status__in=Run.OPEN).update(**inputs):
        raise StaleRun(run.step)
    for name, value in inputs.items():
        setattr(run, name, value)


def finish_run(run: Run, *, response: str, result: dict[str, Any], **usage: Any) -> None:
    """End with a result; `usage` are columns of what it took.

    Raises:
        StaleRun: it is not running.
    """
    _end(run, Status.SUCCESS, response=response, result=result, **usage)


def fail_run(run: Run, *, code: str, error: str, response: str = "", **usage: Any) -> None:
    """End without one; a timeout of a run that was running has a status of its own.

    Raises:
        StaleRun: it has ended.
    """
    values = {"error_code": code, "error": error[:500], "response": response, **usage}
    if code == "timeout":
        # By the row alone: an attempt at this transaction that failed has moved `run` already.
        with suppress(StaleRun):
            return _end(run, Status.TIMEOUT, **values)
    _end(run, Status.FAILED, **values)


def fail_run_in_full(run: Run, *, code: str, error: str) -> None:
    """End without a result and without what its calls used: what they held counts.

    Raises:
        StaleRun: it has ended.
    """
    _lock(Run.objects.filter(pk=run.pk, site_id=run.site_id), site_id=run.site_id)
    fail_run(run, code=code, error=error)


def skip_run(run: Run) -> None:
    """End without a call: there was nothing to ask about.

    Raises:
        StaleRun: it is not pending.
    """
    _end(run, Status.SKIPPED)


def cancel_open_runs(*, job: TriggerJob) -> None:
    """End what has not ended. Calls in flight are counted in full: nobody will know."""
    for run in _lock_runs(job, Run.OPEN):
        _end(run, Status.CANCELLED, error_code="cancelled")


def fail_open_runs(*, job: TriggerJob, code: str, error: str) -> list[Run]:
    """End every step that has not ended, the job being over; those that were ended.

    As `unknown` where a call was out: nobody knows what became of it.
    """
    runs = _lock_runs(job, Run.OPEN)
    in_doubt = _in_doubt(runs)
    for run in runs:
        if run.pk in in_doubt:
            _end(run, Status.UNKNOWN)
        else:
            fail_run(run, code=code, error=error)
    return runs


def replace_lost_runs(*, job: TriggerJob, keep_inputs: bool) -> list[Run]:
    """What a driver that is gone left running ends, and gets a next attempt.

    As `unknown` where a call was out, else as `cancelled` with the error of its last call: the
    driver went while it waited to try again.
    """
    lost = _lock_runs(job, (Status.RUNNING,))
    in_doubt = _in_doubt(lost)
    calls = ProviderCall.objects.filter(site_id=job.site_id, run_id__in=[run.pk for run in lost])
    errors = dict(calls.order_by("n").values_list("run_id", "error_code"))
    attempts = []
    for run in lost:
        if run.pk in in_doubt:
            _end(run, Status.UNKNOWN)
        else:
            _end(run, Status.CANCELLED, error_code=errors.get(run.pk) or "cancelled")
        attempts.append(open_next_attempt(run, keep_inputs=keep_inputs))
    return attempts


def _lock_runs(job: TriggerJob, statuses: Iterable[Run.Status]) -> list[Run]:
    """The runs of a job about to be ended by somebody else than their driver."""
    open_ones = Run.objects.filter(site_id=job.site_id, job_id=job.pk, status__in=statuses)
    return _lock(open_ones, site_id=job.site_id)


def _lock(rows: QuerySet[Run], *, site_id: int) -> list[Run]:
    """Runs about to be ended whose answers nobody will read.

    Their holds count in full, all at once before the first is ended: the guards' locks have an
    order.
    """
    runs = list(rows.order_by("pk").select_for_update())
    abandon_calls(site_id=site_id, run_ids=[run.pk for run in runs])
    return runs


def _in_doubt(runs: Sequence[Run]) -> set[int]:
    """Those of a job's locked runs whose call was out when their driver went."""
    calls = ProviderCall.objects.filter(
        run_id__in=[run.pk for run in runs], status=ProviderCall.Status.UNKNOWN
    )
    return set(calls.values_list("run_id", flat=True))


def _end(run: Run, to: Run.Status, **values: Any) -> None:
    before = [state for state, targets in Run.ALLOWED.items() if to in targets]
    ended = Run.objects.filter(pk=run.pk, site_id=run.site_id, status__in=before).update(
        status=to, finished_at=Now(), **values
    )
    if not ended:
        raise StaleRun(run.step)
    run.status, run.error_code = to, values.get("error_code", "")
