"""The rows of jobs: ONLY writer of them. Each transition is one conditional update.

Locks are taken in one order everywhere: lease, job, run, member, claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from aijobs.chains import chain_of_job
from aijobs.claims import release_claims
from aijobs.errors import StaleRun
from aijobs.models import Run, TriggerJob
from aijobs.planning import PlannedStep, describe
from aijobs.runs import open_runs
from sandbox.models import Site
from zqyy.durable.leases import open_lease
from zqyy.durable.models import Cluster

Status = TriggerJob.Status

DRIVE = "aijobs.tasks.drive_job"
# Steps that keep a job from being completed; a retry calls them again.
UNSUCCESSFUL = (Run.Status.FAILED, Run.Status.TIMEOUT, Run.Status.CANCELLED, Run.Status.UNKNOWN)


def take_job_ids(count: int) -> list[int]:
    """Ids before the rows: claims name the job, and a job is made only of claims that were won."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('trigger_jobs', 'id'))"
            " FROM generate_series(1, %s)",
            [count],
        )
        return [row[0] for row in cursor.fetchall()]


def create_job(*, site: Site, steps: Sequence[PlannedStep], **values: Any) -> TriggerJob:
    """A job with the first attempts of its steps, queued unless it waits for another job."""
    job = TriggerJob.objects.create(
        site=site, app_chain=describe(steps), steps_total=len(steps), **values
    )
    Run.objects.bulk_create(open_runs(job=job, steps=steps, language=site.language))
    if job.waits_for is None:
        queue_job(job)
    return job


def queue_job(job: TriggerJob) -> None:
    """Open the job's lease and queue its delivery.

    Raises:
        LeaseStillOpen: it is queued or being driven.
    """
    chain = chain_of_job(job.event_type)
    open_lease(
        key=job.lease_key,
        cluster=chain.cluster if chain else Cluster.REALTIME,
        task=DRIVE,
        args={"job_id": job.pk},
        site_id=job.site_id,
        mode=job.mode,
        business_date=job.business_date,
    )


def count_event(*, site_id: int, job_id: int) -> bool:
    """One more event that the job stands for; False: it failed or was cancelled."""
    standing = (Status.PENDING, Status.RUNNING, Status.COMPLETED, Status.PARTIAL)
    jobs = TriggerJob.objects.filter(site_id=site_id, pk=job_id, status__in=standing)
    return bool(jobs.update(coalesced_count=F("coalesced_count") + 1))


def start_job(*, site_id: int, job_id: int) -> TriggerJob:
    """Begin, or go on after a driver that is gone; the job as it now is, with its `age`.

    Raises:
        StaleRun: the job is over.
    """
    started = "status = 'running', started_at = coalesce(started_at, statement_timestamp())"
    return _move(site_id, job_id, TriggerJob.OPEN, started)


def count_step(job: TriggerJob) -> TriggerJob:
    """One more step has ended, however it did; the job as it now is.

    Raises:
        StaleRun: the job is over.
    """
    return _move(job.site_id, job.pk, (Status.RUNNING,), "steps_done = steps_done + 1")


def finish_job(job: TriggerJob, *, runs: Iterable[Run], error: str = "") -> TriggerJob:
    """End a job whose steps have all ended; what they came to decides how. The job as it now is.

    Args:
        runs: the newest attempts of all steps.

    Raises:
        StaleRun: the job is over.
    """
    statuses = {run.status for run in runs}
    if not statuses.intersection(UNSUCCESSFUL):
        to = Status.COMPLETED
    elif Run.Status.SUCCESS in statuses:
        to = Status.PARTIAL
    else:
        to = Status.FAILED
    return end_job(job, to, error=error)


def end_job(job: TriggerJob, to: TriggerJob.Status, *, error: str = "") -> TriggerJob:
    """Move a job to its end, let go of its claims if it came to nothing, queue who waited for it.

    The job as it now is; unless it was cancelled all of its steps count as done.

    Raises:
        StaleRun: the job cannot end like this, or has ended.
    """
    ended = _move(
        job.site_id,
        job.pk,
        [state for state, targets in TriggerJob.ALLOWED.items() if to in targets],
        "status = %s, finished_at = statement_timestamp(), error_message = %s,"
        " steps_done = CASE WHEN %s THEN steps_done ELSE steps_total END",
        to.value,
        error[:500],
        to == Status.CANCELLED,
    )
    # Whoever decided to wait holds a lock on this job's row until its own is there.
    waiting = TriggerJob.objects.filter(site_id=job.site_id, waits_for=job.pk)
    for other in waiting.select_for_update():
        TriggerJob.objects.filter(pk=other.pk, site_id=other.site_id).update(waits_for=None)
        if other.status == Status.PENDING:
            queue_job(other)
    if to in (Status.FAILED, Status.CANCELLED):
        release_claims(job_id=job.pk)
    return ended


def _move(
    site_id: int,
    job_id: int,
    before: Iterable[TriggerJob.Status],
    assignments: str,
    *parameters: object,
) -> TriggerJob:
    """A conditional update and, in the same round trip, the row that it leaves."""
    moved = TriggerJob.objects.raw(
        f"UPDATE trigger_jobs SET {assignments}"  # noqa: S608  our own text
        " WHERE id = %s AND site_id = %s AND status = ANY (%s)"
        " RETURNING *, statement_timestamp() - started_at AS age",
        [*parameters, job_id, site_id, [state.value for state in before]],
    )
    for job in moved:
        return job
    raise StaleRun(f"job:{job_id}")


def reopen_job(job: TriggerJob, *, steps: int) -> bool:
    """Let a job go on that did not succeed, `steps` of it ahead; False: there is nothing to retry.

    Raises:
        IntegrityError: `one_open_app_run`: another job does the same by now.
    """
    ended = TriggerJob.objects.filter(
        pk=job.pk, site_id=job.site_id, status__in=(Status.PARTIAL, Status.FAILED)
    )
    return bool(
        ended.update(
            status=Status.RUNNING,
            started_at=Now(),
            finished_at=None,
            error_message="",
            steps_done=F("steps_total") - steps,
        )
    )
