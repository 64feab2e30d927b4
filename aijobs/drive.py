"""Driving one job: its steps in the order their predecessors allow, each call outside any
transaction, every write behind the lease's fence.
"""

from __future__ import annotations

import logging
import time
from functools import partial

from django.conf import settings
from django.utils.translation import gettext as _

from aijobs.alerts import raise_alert
from aijobs.chains import chain_of_job
from aijobs.errors import StaleRun
from aijobs.guards.limits import LIMIT_OPTIONS
from aijobs.inputs import Inputs, build_together, read_inputs
from aijobs.job_states import finish_job, start_job
from aijobs.jobs import announce_progress
from aijobs.models import Run
from aijobs.planning import find_ready
from aijobs.pool import StepPool
from aijobs.providers import PROVIDER_OPTIONS
from aijobs.runs import fail_open_runs, newest_runs, record_inputs, replace_lost_runs
from aijobs.steps import Drive, take_step
from sandbox.context import RuntimeContext, use_context
from sandbox.models import Mode, Site
from sandbox.options import OptionReader
from zqyy.durable.attempts import KillsItsWorkers
from zqyy.durable.leases import (
    MAX_DEATHS,
    Held,
    LeaseLost,
    close,
    fence,
    hand_over_if_asked,
)
from zqyy.durable.outages import insist

logger = logging.getLogger(__name__)

# A job may take as long as this many of its steps' timeouts, or as many as it has steps.
LEAST_STEPS_OF_DEADLINE = 5
# What driving asks for again and again.
_OPTIONS = ("ai_step_timeout", "block_flagged_results", *PROVIDER_OPTIONS, *LIMIT_OPTIONS)


def drive_job(held: Held, job_id: int) -> None:
    """Take the steps that have not ended, independent ones side by side, then end the job.

    Any number of drivers may try, one after the other; a step that succeeded is never taken
    again.

    Raises:
        LeaseLost: another driver has the job now or will have it, or somebody cancelled it.
        KillsItsWorkers: nothing was done, so that the lease is closed; the sweeper ends the job.
    """
    if held.deaths >= MAX_DEATHS:
        raise KillsItsWorkers(held.deaths)
    ctx = insist(lambda: _context_of(held))
    drive = insist(lambda: _begin(held, ctx, job_id))
    if drive is None:
        return
    if drive.is_prewarm:
        insist(lambda: _prepare(drive))
    _take_steps(drive)
    if not any(run.status in Run.OPEN for run in drive.runs):
        insist(lambda: _end(drive))
        return
    insist(lambda: hand_over_if_asked(held))
    insist(lambda: _give_up(drive))


def _take_steps(drive: Drive) -> None:
    """Until all steps have ended, the job's time is up or it is asked back."""
    with StepPool(threads=settings.AI_CONCURRENCY, take=partial(take_step, drive)) as pool:
        while True:
            may_go_on = drive.seconds_left() > 0 and not drive.held.asked_back.is_set()
            ready = find_ready(drive.runs) if may_go_on else []
            if len(ready) == 1 and not pool.is_busy:
                take_step(drive, ready[0])
                continue
            for run in ready:
                pool.start(run)
            if not pool.is_busy:
                return
            try:
                pool.wait()
            except LeaseLost:
                # The calls of the other steps are cut at once.
                drive.held.lost.tell()
                raise


def _context_of(held: Held) -> RuntimeContext:
    work = held.work
    if work.site_id is None or work.business_date is None:
        raise ValueError(f"lease {held.key} names no site or no business date")
    site = Site.objects.get(pk=work.site_id)
    return RuntimeContext(site, Mode(work.mode), work.business_date)


def _begin(held: Held, ctx: RuntimeContext, job_id: int) -> Drive | None:
    """Claim the job's rows: what a driver that is gone left running is replaced."""
    with use_context(ctx):
        fence(held)
        try:
            job = start_job(site_id=ctx.site.pk, job_id=job_id)
        except StaleRun:
            return None
        chain = chain_of_job(job.event_type)
        is_prewarm = chain is not None and chain.is_prewarm
        runs = newest_runs(job)
        if any(run.status == Run.Status.RUNNING for run in runs):
            for run in replace_lost_runs(job=job, keep_inputs=is_prewarm):
                logger.warning(
                    "run of %s lost with its driver, attempt %s follows", run.step, run.attempt
                )
            runs = newest_runs(job)
        options = OptionReader(_OPTIONS, ctx.site)
        step_seconds = float(options["ai_step_timeout"])
        allowed = max(LEAST_STEPS_OF_DEADLINE, job.steps_total) * step_seconds
        allowed += chain.extra_seconds if chain else 0
        announce_progress(job, runs)
    elapsed = job.age.total_seconds()  # type: ignore[attr-defined]
    ends_at = time.monotonic() + allowed - elapsed
    return Drive(held, ctx, job, runs, ends_at, step_seconds, options, is_prewarm)


def _prepare(drive: Drive) -> None:
    """Build what the open steps send from one state of the data, and record it before the first
    call: a successor sends the same.
    """
    pending = [run for run in drive.runs if run.status == Run.Status.PENDING]
    with use_context(drive.ctx) as ctx:
        recorded = Run.objects.filter(
            site=ctx.site, pk__in=[run.pk for run in pending], watermark__isnull=False
        )
        drive.prepared.update(
            {run.step: read_inputs(drive.job, run, drive.options) for run in recorded}
        )
    missing = [run for run in pending if run.step not in drive.prepared]
    built = build_together(drive.ctx, drive.job, missing, drive.options)
    with use_context(drive.ctx):
        fence(drive.held)
        for run in missing:
            inputs = built[run.step]
            if isinstance(inputs, Inputs):
                record_inputs(run, **inputs.as_columns())
    drive.prepared.update(built)


def _give_up(drive: Drive) -> None:
    """The job's deadline has passed: what has not ended never will."""
    message = _("The chain ran out of time.")
    with use_context(drive.ctx):
        fence(drive.held)
        late = fail_open_runs(job=drive.job, code="timeout", error=message)
        _finish(drive, newest_runs(drive.job), error=message)
        for run in late:
            raise_alert(run=run, alert_type="timeout", code="timeout", params={"step": run.step})


def _end(drive: Drive) -> None:
    with use_context(drive.ctx):
        fence(drive.held)
        _finish(drive, drive.runs)


def _finish(drive: Drive, runs: list[Run], *, error: str = "") -> None:
    job = finish_job(drive.job, runs=runs, error=error)
    # With the job, so that a retry finds its lease closed.
    close(drive.held)
    logger.info("job %s %s", job.pk, job.status)
    announce_progress(job, runs)
