"""What nobody is left to do: called by the sweeper on every round, store by store."""

from __future__ import annotations

import logging

from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext as _

from aijobs.alerts import raise_alert
from aijobs.errors import StaleRun
from aijobs.guards.calls import abandon_expired_calls
from aijobs.job_states import finish_job, start_job
from aijobs.jobs import announce_progress
from aijobs.models import TriggerJob
from aijobs.runs import fail_open_runs, newest_runs
from sandbox.context import RuntimeContext
from sandbox.every_store import in_every_store
from zqyy.durable.leases import MAX_DEATHS
from zqyy.durable.models import Lease

logger = logging.getLogger(__name__)


def settle_expired_holds() -> None:
    """Give back the holds of drivers that are gone.

    A hold counts in full while its run is running: nobody knows whether the provider answered.
    After an outage of the database the sweeper leaves the drivers time to come first.
    """
    in_every_store(_settle_expired)


def _settle_expired(ctx: RuntimeContext) -> None:
    if settled := abandon_expired_calls(site_id=ctx.site.pk):
        logger.warning("%s expired holds of site %s settled", settled, ctx.site.pk)


def fail_abandoned_jobs() -> None:
    """End the jobs whose driver failed so often that their lease was closed for good."""
    in_every_store(_fail_abandoned)


def _fail_abandoned(ctx: RuntimeContext) -> None:
    closed = Lease.objects.filter(closed_at__isnull=False)
    key = Concat(Value("job:"), OuterRef("pk"), output_field=CharField())
    open_jobs = TriggerJob.objects.filter(site=ctx.site, status__in=TriggerJob.OPEN)
    for job in open_jobs.filter(Exists(closed.filter(key=key))):
        # Lease before job: whoever opens it again does both in one transaction.
        lease = closed.filter(key=job.lease_key).select_for_update(skip_locked=True).first()
        if lease is not None:
            _abandon(job, lease)


def _abandon(job: TriggerJob, lease: Lease) -> None:
    try:
        job = start_job(site_id=job.site_id, job_id=job.pk)
    except StaleRun:
        return
    if lease.deaths >= MAX_DEATHS:
        message = _("The job was given up: its worker died %(times)s times.") % {
            "times": lease.deaths
        }
    else:
        message = _("The job was given up after repeated errors.")
    runs = fail_open_runs(job=job, code="internal_error", error=message)
    newest = newest_runs(job)
    announce_progress(finish_job(job, runs=newest, error=message), newest)
    for run in runs:
        raise_alert(run=run, alert_type="failed", code="internal_error", params={"step": run.step})
    logger.error("job %s given up: %s", job.pk, lease.last_error)
