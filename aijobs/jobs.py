"""From events and buttons to jobs: each opened in the transaction of its cause."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from aijobs.chains import REFRESH, Chain, find_chain
from aijobs.claims import Scope, Wanted, holder_of, take_claims
from aijobs.events import after_commit, announce_job_progress
from aijobs.guards.kill_switches import require_running
from aijobs.job_states import count_event, create_job, take_job_ids
from aijobs.models import Run, TriggerJob
from aijobs.planning import PlannedGroup, PlannedStep, join, plan, plan_steps, target_of
from aijobs.registry import find_app
from aijobs.runs import newest_runs
from aijobs.targets import Target
from metrics.events import Event, EventResult
from sandbox.audit import record_sandbox_use
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest, KnownAtReadOnly
from sandbox.models import Mode, Site

logger = logging.getLogger(__name__)

# Jobs without an event: one app for one target; a member's clues from bills, collected anew.
APP_RUN, CLUE_REFRESH = "app_run", "clue_refresh"


# --- Events --------------------------------------------------------------------------------------


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
    for event, job_id in zip(events, take_job_ids(len(events)), strict=True):
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


def open_forced(event: Event, *, claims: Collection[tuple[str, str]]) -> TriggerJob:
    """A new job of those of the event's groups that `claims` names; it takes their claims over."""
    chain = find_chain(event.event_type)
    groups = [group for group in plan(chain, event) if (group.group, group.subject) in claims]
    forced = {**event.payload, "is_forced": True}
    opening = _Opening(replace(event, payload=forced), chain, groups, take_job_ids(1)[0])
    # Before the claims, which may be that job's: it lets go of them behind the lock on its row.
    _lock_predecessor(opening, groups)
    _open_or_coalesce([opening], forced=True)
    return TriggerJob.objects.get(site_id=event.site_id, pk=opening.job_id)


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
    event = one.event
    job = create_job(
        site=site,
        steps=join(won),
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
        waits_for=_lock_predecessor(one, won),
    )
    one.result = EventResult(one.chain.event_type, event.member_id, job.pk, coalesced=False)


def _lock_predecessor(one: _Opening, won: list[PlannedGroup]) -> int | None:
    """The open job of the group that these come after; it cannot end before this has committed."""
    before = next((group.follows for group in won if group.follows), None)
    if before is None or before[0] in {group.group for group in won}:
        return None
    holder = holder_of(scope=one.scope, group=before[0], subject=before[1])
    if holder is None:
        return None
    rows = TriggerJob.objects.filter(
        site_id=one.event.site_id, pk=holder, status__in=TriggerJob.OPEN
    )
    return rows.select_for_update(no_key=True).values_list("pk", flat=True).first()


def _coalesce(one: _Opening) -> bool:
    """Count the event on the job that holds its first group; False: that job is over."""
    first = one.groups[0]
    job_id = holder_of(scope=one.scope, group=first.group, subject=first.subject)
    if job_id is None or not count_event(site_id=one.event.site_id, job_id=job_id):
        return False
    one.result = EventResult(one.chain.event_type, one.event.member_id, job_id, coalesced=True)
    return True


# --- Buttons -------------------------------------------------------------------------------------


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
        KnownAtReadOnly: a job knows what is known when it runs.
        BadRequest: an unknown app, or a target that lacks something; names it.
        NotFound: the member is not known at D. KillSwitchTriggered: AI is switched off for it.
    """
    declared = find_app(app)
    require_running(ctx=ctx, app=declared.key)
    wanted = Target.from_payload(target)
    declared.check_target(ctx, wanted)
    step = PlannedStep(declared.key, wanted)
    return _open_once(
        ctx, APP_RUN, step.key, [step], triggered_by=triggered_by, user_id=user_id, forced=forced
    )


def open_clue_refresh(
    *, ctx: RuntimeContext, member_id: int, triggered_by: str, user_id: int | None = None
) -> TriggerJob:
    """A job that collects a member's clues from bills anew, in the caller's mode and on their D.

    While one is open a second call returns it. It leaves the claims of the day alone: the next
    bill starts its whole chain.

    Raises:
        KnownAtReadOnly: a job knows what is known when it runs.
        NotFound: the member is not known at D. KillSwitchTriggered: AI is switched off for it.
    """
    target = Target(member_id=member_id)
    steps = plan_steps(REFRESH, target)
    for step in steps:
        require_running(ctx=ctx, app=step.app)
        find_app(step.app).check_target(ctx, target)
    return _open_once(
        ctx, CLUE_REFRESH, str(member_id), steps, triggered_by=triggered_by, user_id=user_id
    )


def _open_once(
    ctx: RuntimeContext,
    event_type: str,
    key: str,
    steps: Sequence[PlannedStep],
    *,
    triggered_by: str,
    user_id: int | None,
    forced: bool = True,
) -> TriggerJob:
    """The open job of this type and key, else a new one."""
    if ctx.known_at is not None:
        raise KnownAtReadOnly
    open_ones = TriggerJob.objects.filter(
        site=ctx.site,
        event_type=event_type,
        mode=ctx.mode,
        business_date=ctx.business_date,
        status__in=TriggerJob.OPEN,
        payload__step=key,
    )
    while True:
        try:
            with transaction.atomic():
                job = create_job(
                    site=ctx.site,
                    steps=steps,
                    id=take_job_ids(1)[0],
                    event_type=event_type,
                    member_id=steps[0].target.member_id,
                    payload={"step": key, "target": steps[0].target.as_payload()},
                    triggered_by=triggered_by,
                    triggered_by_user_id=user_id,
                    is_forced=forced,
                    mode=ctx.mode,
                    business_date=ctx.business_date,
                )
                record_sandbox_use(ctx, used_for=f"job {job.pk}: {key}")
                return job
        except IntegrityError as error:
            if getattr(error.__cause__, "diag", None) is None or (
                error.__cause__.diag.constraint_name != "one_open_app_run"  # type: ignore[union-attr]
            ):
                raise
        if existing := open_ones.first():
            return existing


# --- Reading -------------------------------------------------------------------------------------


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


def announce_progress(job: TriggerJob, runs: Sequence[Run]) -> None:
    """Tell open pages after the commit.

    Args:
        job: as this transaction leaves it. runs: the newest attempts of its steps, likewise.
    """
    after_commit(
        partial(
            announce_job_progress,
            site_id=job.site_id,
            mode=job.mode,
            business_date=job.business_date,
            job=job_progress(job, runs=runs),
        )
    )
