"""Jobs: opened in the transaction of their cause, ended once. ONLY writer of their status.

Locks are taken in one order everywhere: lease, job, run, member, claims.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _

from aijobs.chains import (
    Chain,
    PlannedGroup,
    PlannedStep,
    describe,
    find_chain,
    plan,
    target_of,
)
from aijobs.claims import Scope, Wanted, holder_of, release_claims, take_claims
from aijobs.errors import StaleRun
from aijobs.guards.kill_switches import require_running
from aijobs.models import Run, TriggerJob
from aijobs.registry import find_app
from aijobs.runs import cancel_open_runs, newest_runs, open_next_attempt, open_runs
from aijobs.targets import Target
from metrics.events import Event, EventResult
from sandbox.audit import record_change, record_sandbox_use
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest, Conflict, KnownAtReadOnly
from sandbox.models import Mode, Site
from zqyy.durable.leases import LeaseStillOpen, open_lease, revoke

logger = logging.getLogger(__name__)
Status = TriggerJob.Status

APP_RUN = "app_run"
DRIVE = "aijobs.tasks.drive_job"
# Steps that a retry calls again.
_RETRIED = (Run.Status.FAILED, Run.Status.TIMEOUT, Run.Status.CANCELLED, Run.Status.UNKNOWN)


# --- Opening -----------------------------------------------------------------------------------


@dataclass
class _Opening:
    """An event on its way to a job: the id it would get, the groups it asks for."""

    event: Event
    chain: Chain
    groups: list[PlannedGroup]
    job_id: int
    result: EventResult | None = None

    @property
    def is_forced(self) -> bool:
        return bool(self.event.payload.get("is_forced"))

    @property
    def scope(self) -> Scope:
        return Scope(self.event.site_id, Mode.LIVE, self.event.business_date)

    def wanted(self) -> dict[Wanted, PlannedGroup]:
        return {Wanted(group.group, group.subject, self.job_id): group for group in self.groups}


def open_jobs(events: Sequence[Event]) -> list[EventResult]:
    """One job for each event that wins a claim, the existing job for the others.

    In the caller's transaction and site context: the cause, its job and its queue entry exist
    together or not at all.

    Raises:
        BadRequest: an event without what it needs, or of no known type. Nothing is opened.
    """
    openings = []
    for event, job_id in zip(events, _take_job_ids(len(events)), strict=True):
        try:
            chain = find_chain(event.event_type)
            openings.append(_Opening(event, chain, plan(chain, event), job_id))
        except BadRequest as error:
            logger.warning(
                "event %s of site %s refused: %s", event.event_type, event.site_id, error
            )
            raise
    for forced in (False, True):
        _open_or_coalesce([one for one in openings if one.is_forced is forced], forced=forced)
    return [one.result for one in openings if one.result is not None]


def _open_or_coalesce(openings: list[_Opening], *, forced: bool) -> None:
    sites = Site.objects.in_bulk({one.event.site_id for one in openings})
    while openings:
        held: set[Wanted] = set()
        for scope in sorted({one.scope for one in openings}):
            wanted = [w for one in openings if one.scope == scope for w in one.wanted()]
            held |= take_claims(scope=scope, wanted=wanted, forced=forced)
        for one in openings:
            if won := [group for wanted, group in one.wanted().items() if wanted in held]:
                _open_job(one, won, site=sites[one.event.site_id])
        # Whose holder failed meanwhile has released its claim: next round.
        openings = [one for one in openings if one.result is None and not _coalesce(one)]


def _open_job(one: _Opening, won: list[PlannedGroup], *, site: Site) -> None:
    event, steps = one.event, [step for group in won for step in group.steps]
    job = _create_job(
        site=site,
        steps=steps,
        id=one.job_id,
        event_type=one.chain.event_type,
        connector_type=event.payload.get("connector_type", ""),
        member_id=event.member_id,
        payload={
            **event.payload,
            "target": target_of(one.chain, event).as_payload(),
            "assistant_ids": list(event.assistant_ids),
            "claims": [[group.group, group.subject] for group in won],
        },
        triggered_by=event.payload.get("triggered_by", one.chain.event_type),
        triggered_by_user_id=event.payload.get("user_id"),
        is_forced=one.is_forced,
        mode=Mode.LIVE,
        business_date=event.business_date,
    )
    one.result = EventResult(one.chain.event_type, event.member_id, job.pk, coalesced=False)


def _coalesce(one: _Opening) -> bool:
    """Count the event on the job that holds its first group; False: that job is over."""
    first = one.groups[0]
    job_id = holder_of(scope=one.scope, group=first.group, subject=first.subject)
    if job_id is None:
        return False
    counted = TriggerJob.objects.filter(
        site_id=one.event.site_id,
        pk=job_id,
        status__in=(Status.PENDING, Status.RUNNING, Status.COMPLETED, Status.PARTIAL),
    ).update(coalesced_count=F("coalesced_count") + 1)
    if not counted:
        return False
    one.result = EventResult(one.chain.event_type, one.event.member_id, job_id, coalesced=True)
    return True


def open_app_run(
    *,
    ctx: RuntimeContext,
    app: str,
    target: dict[str, Any],
    triggered_by: str,
    user_id: int | None = None,
    forced: bool = True,
) -> TriggerJob:
    """A job of one app for one target, in the caller's mode and on the caller's D.

    While one is open a second call returns it.

    Raises:
        KnownAtReadOnly: a job knows what is known when it runs. BadRequest: an unknown app, or a target that lacks something; names it.
        NotFound: the member is not known at D. KillSwitchTriggered: AI is switched off for it.
    """
    if ctx.known_at is not None:
        raise KnownAtReadOnly
    declared = find_app(app)
    require_running(ctx=ctx, app=declared.key)
    wanted = Target.from_payload(target)
    declared.check_target(ctx, wanted)
    step = PlannedStep(declared.key, wanted)
    open_ones = TriggerJob.objects.filter(
        site=ctx.site,
        event_type=APP_RUN,
        mode=ctx.mode,
        business_date=ctx.business_date,
        status__in=TriggerJob.OPEN,
        payload__step=step.key,
    )
    while True:
        try:
            with transaction.atomic():
                job = _create_job(
                    site=ctx.site,
                    steps=[step],
                    id=_take_job_ids(1)[0],
                    event_type=APP_RUN,
                    member_id=wanted.member_id,
                    payload={"step": step.key, "target": wanted.as_payload()},
                    triggered_by=triggered_by,
                    triggered_by_user_id=user_id,
                    is_forced=forced,
                    mode=ctx.mode,
                    business_date=ctx.business_date,
                )
                record_sandbox_use(ctx, used_for=f"job {job.pk}: {step.key}")
                return job
        except IntegrityError as error:
            if getattr(error.__cause__, "diag", None) is None or (
                error.__cause__.diag.constraint_name != "one_open_app_run"  # type: ignore[union-attr]
            ):
                raise
        if existing := open_ones.first():
            return existing


def _create_job(*, site: Site, steps: Sequence[PlannedStep], **values: Any) -> TriggerJob:
    job = TriggerJob.objects.create(
        site=site, app_chain=describe(steps), steps_total=len(steps), **values
    )
    Run.objects.bulk_create(open_runs(job=job, steps=steps, language=site.language))
    _open_lease(job)
    return job


def _open_lease(job: TriggerJob) -> None:
    open_lease(
        key=job.lease_key,
        cluster="realtime",
        task=DRIVE,
        args={"job_id": job.pk},
        site_id=job.site_id,
        mode=job.mode,
        business_date=job.business_date,
    )


def _take_job_ids(count: int) -> list[int]:
    """Ids before the rows: claims name the job, and a job is made only of claims that were won."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('trigger_jobs', 'id'))"
            " FROM generate_series(1, %s)",
            [count],
        )
        return [row[0] for row in cursor.fetchall()]


# --- Driving: inside the transaction of a held lease ---------------------------------------------


def start_job(job: TriggerJob) -> None:
    """Begin, or go on after a driver that is gone.

    Raises:
        StaleRun: the job is over.
    """
    moved = TriggerJob.objects.filter(
        pk=job.pk, site_id=job.site_id, status__in=TriggerJob.OPEN
    ).update(status=Status.RUNNING, started_at=Coalesce(F("started_at"), Now()))
    if not moved:
        raise StaleRun(job.lease_key)


def count_step(job: TriggerJob) -> None:
    """One more step has ended, however it did.

    Raises:
        StaleRun: the job is over.
    """
    running = TriggerJob.objects.filter(pk=job.pk, site_id=job.site_id, status=Status.RUNNING)
    if not running.update(steps_done=F("steps_done") + 1):
        raise StaleRun(job.lease_key)


def finish_job(job: TriggerJob, *, error: str = "") -> TriggerJob.Status:
    """End a job whose steps have all ended; what they came to decides how.

    Raises:
        StaleRun: the job is over.
    """
    statuses = {run.status for run in newest_runs(job)}
    if not statuses.intersection(_RETRIED):
        to = Status.COMPLETED
    elif Run.Status.SUCCESS in statuses:
        to = Status.PARTIAL
    else:
        to = Status.FAILED
    _end(job, to, steps_done=F("steps_total"), error_message=error[:500])
    return to


def _end(job: TriggerJob, to: TriggerJob.Status, **values: Any) -> None:
    before = [state for state, targets in TriggerJob.ALLOWED.items() if to in targets]
    ended = TriggerJob.objects.filter(pk=job.pk, site_id=job.site_id, status__in=before).update(
        status=to, finished_at=Now(), **values
    )
    if not ended:
        raise StaleRun(job.lease_key)
    job.status = to
    if to in (Status.FAILED, Status.CANCELLED):
        release_claims(job_id=job.pk)


# --- People --------------------------------------------------------------------------------------


def retry_job(*, job: TriggerJob, user_id: int | None) -> TriggerJob:
    """Call the steps again that did not succeed; those that did are left alone.

    Raises:
        Conflict: the job is not partial or failed (`not_retryable`), or another job has taken
            over its member meanwhile (`superseded`).
    """
    with transaction.atomic():
        try:
            _open_lease(job)
        except LeaseStillOpen as error:
            raise Conflict(_("The job is still running."), code="not_retryable") from error
        steps = [run for run in newest_runs(job) if run.status in _RETRIED]
        if not _reopen(job, steps_done=F("steps_total") - len(steps)):
            raise Conflict(_("Only a failed step can be tried again."), code="not_retryable")
        for run in steps:
            open_next_attempt(run)
        _take_claims_back(job)
        _audit(job, "job_retried", user_id)
    return TriggerJob.objects.get(pk=job.pk, site_id=job.site_id)


def _reopen(job: TriggerJob, **values: Any) -> int:
    ended = TriggerJob.objects.filter(
        pk=job.pk, site_id=job.site_id, status__in=(Status.PARTIAL, Status.FAILED)
    )
    try:
        with transaction.atomic():
            return ended.update(
                status=Status.RUNNING,
                started_at=Now(),
                finished_at=None,
                error_message="",
                **values,
            )
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


def cancel_job(*, job: TriggerJob, user_id: int | None) -> TriggerJob:
    """End a job now; a call in flight is cut and its answer never written.

    Raises:
        Conflict: it has ended (`not_cancellable`).
    """
    with transaction.atomic():
        revoke(job.lease_key)
        try:
            _end(job, Status.CANCELLED)
        except StaleRun as error:
            raise Conflict(_("The job has ended already."), code="not_cancellable") from error
        cancel_open_runs(job=job)
        _audit(job, "job_cancelled", user_id)
    return TriggerJob.objects.get(pk=job.pk, site_id=job.site_id)


def _audit(job: TriggerJob, action: str, user_id: int | None) -> None:
    record_change(
        action=action,
        subject=job,
        site_id=job.site_id,
        actor_id=user_id,
        before={"status": job.status},
    )


def job_progress(job: TriggerJob, *, runs: Sequence[Run] | None = None) -> dict[str, Any]:
    """The shape in which a job is shown: every step with its newest attempt.

    Args:
        runs: those attempts, where the caller has them already.
    """
    return {
        "id": job.pk,
        "event_type": job.event_type,
        "status": job.status,
        "steps": [
            {
                "key": run.step,
                "status": run.status,
                "attempt": run.attempt,
                "error_code": run.error_code,
            }
            for run in (newest_runs(job) if runs is None else runs)
        ],
        "steps_done": job.steps_done,
        "steps_total": job.steps_total,
        "coalesced_count": job.coalesced_count,
    }
