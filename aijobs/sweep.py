"""What nobody is left to do: called by the sweeper on every round, store by store."""

from __future__ import annotations

import logging

from django.utils.translation import gettext as _

from aijobs.alerts import raise_alert
from aijobs.errors import StaleRun
from aijobs.guards.calls import abandon_expired_calls
from aijobs.job_states import finish_job, start_job
from aijobs.jobs import announce_progress
from aijobs.models import TriggerJob
from aijobs.runs import fail_open_runs, newest_runs
from sandbox.context import live_context, use_context
from sandbox.models import Site
from zqyy.durable.leases import MAX_DEATHS
from zqyy.durable.models import Lease

logger = logging.getLogger(__name__)


def settle_expired_holds() -> None:
    """Give back the holds of drivers that are gone.

    A hold counts in full while its run is running: nobody knows whether the provider answered.
    After an outage of the database the sweeper leaves the drivers time to come first.
    """
    for site in Site.objects.all():
        with use_context(live_context(site)):
            if settled := abandon_expired_calls(site_id=site.pk):
                logger.warning("%s expired holds of site %s settled", settled, site.pk)


def fail_abandoned_jobs() -> None:
    """End the jobs whose driver failed so often that their lease was closed for good."""
    for site in Site.objects.all():
        with use_context(live_context(site)):
            open_jobs = TriggerJob.objects.filter(site=site, status__in=TriggerJob.OPEN)
            jobs = {job.lease_key: job for job in open_jobs}
            closed = Lease.objects.filter(key__in=jobs, closed_at__isnull=False)
            # Lease before job: whoever opens it again does both in one transaction.
            for lease in closed.select_for_update(skip_locked=True):
                _abandon(jobs[lease.key], lease)


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
