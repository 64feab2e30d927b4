"""Driving one job: its steps in the order their predecessors allow, each call outside any
transaction, every write behind the lease's fence.
"""

from __future__ import annotations

import logging
import time

from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from aijobs.chains import find_ready
from aijobs.jobs import finish_job, start_job
from aijobs.models import Run, TriggerJob
from aijobs.runs import fail_open_runs, newest_runs, replace_lost_runs
from aijobs.steps import Drive, announce_progress, take_step
from sandbox.context import RuntimeContext, use_context
from sandbox.models import Mode, Site
from sandbox.options import option
from zqyy.durable.leases import Held, close, fence
from zqyy.durable.models import Lease
from zqyy.durable.outages import insist

logger = logging.getLogger(__name__)

# A job may take as long as this many of its steps' timeouts, or as many as it has steps.
LEAST_STEPS_OF_DEADLINE = 5


def drive_job(held: Held, job_id: int) -> None:
    """Take the steps that have not ended, then end the job.

    Any number of drivers may try, one after the other; a step that succeeded is never taken
    again.

    Raises:
        LeaseLost: another driver has the job now, or somebody cancelled it.
    """
    ctx = insist(lambda: _context_of(held))
    drive = insist(lambda: _begin(held, ctx, job_id))
    if drive is None:
        return
    while ready := find_ready(insist(lambda: _read_runs(drive))):
        if drive.seconds_left() <= 0:
            insist(lambda: _give_up(drive))
            return
        take_step(drive, ready[0])
    insist(lambda: _end(drive))


def _context_of(held: Held) -> RuntimeContext:
    lease = Lease.objects.get(key=held.key)
    if lease.site_id is None or lease.business_date is None:
        raise ValueError(f"lease {lease.key} names no site or no business date")
    site = Site.objects.get(pk=lease.site_id)
    return RuntimeContext(site, Mode(lease.mode), lease.business_date)


def _begin(held: Held, ctx: RuntimeContext, job_id: int) -> Drive | None:
    """Claim the job's rows: what a driver that is gone left running becomes `unknown`."""
    with use_context(ctx):
        fence(held)
        job = TriggerJob.objects.get(site=ctx.site, pk=job_id)
        if job.status not in TriggerJob.OPEN:
            return None
        start_job(job)
        for run in replace_lost_runs(job=job):
            logger.warning(
                "run of %s lost with its driver, attempt %s follows", run.step, run.attempt
            )
        job = TriggerJob.objects.annotate(age=Now() - F("started_at")).get(site=ctx.site, pk=job_id)
        elapsed = job.age.total_seconds()  # type: ignore[attr-defined]
        step_seconds = float(option("ai_step_timeout", ctx.site))
        allowed = max(LEAST_STEPS_OF_DEADLINE, job.steps_total) * step_seconds
        announce_progress(job)
    return Drive(held, ctx, job, time.monotonic() + allowed - elapsed, step_seconds)


def _read_runs(drive: Drive) -> list[Run]:
    with use_context(drive.ctx):
        return newest_runs(drive.job)


def _give_up(drive: Drive) -> None:
    """The job's deadline has passed: what has not ended never will."""
    message = _("The chain ran out of time.")
    with use_context(drive.ctx):
        fence(drive.held)
        fail_open_runs(job=drive.job, code="timeout", error=message)
        _finish(drive, error=message)


def _end(drive: Drive) -> None:
    with use_context(drive.ctx):
        fence(drive.held)
        _finish(drive)


def _finish(drive: Drive, *, error: str = "") -> None:
    status = finish_job(drive.job, error=error)
    # With the job, so that a retry finds its lease closed.
    close(drive.held)
    logger.info("job %s %s", drive.job.pk, status)
    announce_progress(drive.job)
