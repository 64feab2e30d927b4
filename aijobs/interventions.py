"""What people do to a job: call its failed steps again, run all of it anew, end it."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from aijobs.asking import CHAT
from aijobs.claims import Scope, Wanted, holder_of, take_claims
from aijobs.errors import StaleRun
from aijobs.job_states import UNSUCCESSFUL, end_job, queue_job, reopen_job
from aijobs.jobs import (
    APP_RUN,
    CLUE_REFRESH,
    announce_progress,
    open_app_run,
    open_clue_refresh,
    open_forced,
)
from aijobs.models import TriggerJob
from aijobs.runs import cancel_open_runs, newest_runs, open_next_attempt
from metrics.events import Event
from sandbox.audit import record_change
from sandbox.context import RuntimeContext, live_context, use_context
from sandbox.errors import Conflict
from sandbox.models import Mode, Site
from zqyy.durable.leases import LeaseStillOpen, revoke


def retry_job(*, job: TriggerJob, user_id: int | None) -> TriggerJob:
    """Call the steps again that did not succeed; those that did are left alone.

    Raises:
        Conflict: the job is not partial or failed (`not_retryable`), or another job has taken
            over its member meanwhile (`superseded`).
    """
    with transaction.atomic():
        try:
            queue_job(job)
        except LeaseStillOpen as error:
            raise Conflict(_("The job is still running."), code="not_retryable") from error
        steps = [run for run in newest_runs(job) if run.status in UNSUCCESSFUL]
        if not _reopen(job, steps=len(steps)):
            raise Conflict(_("Only a failed step can be tried again."), code="not_retryable")
        for run in steps:
            open_next_attempt(run)
        _take_claims_back(job)
        _audit(job, "job_retried", user_id)
        reopened = TriggerJob.objects.get(pk=job.pk, site_id=job.site_id)
        announce_progress(reopened, newest_runs(job))
    return reopened


def _reopen(job: TriggerJob, *, steps: int) -> bool:
    try:
        with transaction.atomic():
            return reopen_job(job, steps=steps)
    except IntegrityError as error:
        # one_open_app_run: somebody pressed the button again meanwhile.
        raise Conflict(_("Another run has taken over."), code="superseded") from error


def _take_claims_back(job: TriggerJob) -> None:
    wanted = [Wanted(group, subject, job.pk) for group, subject in job.payload.get("claims", [])]
    scope = Scope(job.site_id, job.mode, job.business_date)
    held = take_claims(scope=scope, wanted=wanted, forced=False)
    for claim in sorted(set(wanted) - held):
        holder = holder_of(scope=scope, group=claim.group, subject=claim.subject)
        if holder != job.pk:
            raise Conflict(
                _("Job %(job)s has taken over.") % {"job": holder},
                code="superseded",
                fields={"job": [str(holder)]},
            )


def rerun_job(*, job: TriggerJob, user_id: int | None) -> TriggerJob:
    """All of the job's steps again, as a new forced job that takes its claims.

    What an event started runs on the open day; what a button started at a past date runs there.

    Raises:
        Conflict: a question of the chat: only its user asks it again (`not_rerunnable`).
    """
    if job.event_type == CHAT:
        message = _("A question is asked again in the chat, by whoever asked it.")
        raise Conflict(message, code="not_rerunnable")
    with transaction.atomic():
        again = _open_again(job, user_id)
        _audit(job, "job_rerun", user_id)
    return again


def _open_again(job: TriggerJob, user_id: int | None) -> TriggerJob:
    site = Site.objects.get(pk=job.site_id)
    ctx = live_context(site)
    if job.mode == Mode.SANDBOX:
        ctx = RuntimeContext(site, Mode.SANDBOX, job.business_date, scope="as_of")
    target = job.payload.get("target", {})
    with use_context(ctx):
        if job.event_type == CLUE_REFRESH:
            return open_clue_refresh(
                ctx=ctx, member_id=target["member_id"], triggered_by="admin_manual", user_id=user_id
            )
        if job.event_type == APP_RUN:
            return open_app_run(
                ctx=ctx,
                app=job.payload["step"].partition(":")[0],
                target=target,
                triggered_by="admin_manual",
                user_id=user_id,
            )
        event = Event(
            event_type=job.event_type,
            site_id=job.site_id,
            business_date=ctx.business_date,
            member_id=job.member_id,
            settlement_id=target.get("settlement_id"),
            note_id=target.get("note_id"),
            assistant_ids=tuple(job.payload["assistant_ids"]),
            payload={"triggered_by": "admin_manual", "user_id": user_id},
        )
        return open_forced(event, claims={(group, of) for group, of in job.payload["claims"]})


def cancel_job(*, job: TriggerJob, user_id: int | None) -> TriggerJob:
    """End a job now; a call in flight is cut and its answer never written.

    Raises:
        Conflict: it has ended (`not_cancellable`).
    """
    with transaction.atomic():
        revoke(job.lease_key)
        try:
            ended = end_job(job, TriggerJob.Status.CANCELLED)
        except StaleRun as error:
            raise Conflict(_("The job has ended already."), code="not_cancellable") from error
        cancel_open_runs(job=job)
        _audit(job, "job_cancelled", user_id)
        announce_progress(ended, newest_runs(job))
    return ended


def _audit(job: TriggerJob, action: str, user_id: int | None) -> None:
    record_change(
        action=action,
        subject=job,
        site_id=job.site_id,
        actor_id=user_id,
        before={"status": job.status},
    )
