"""Starting a chain by hand: the same event that the till would have caused, always live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from aijobs.jobs import open_jobs
from aijobs.models import TriggerJob
from metrics.events import Event, EventResult
from metrics.models import Assistant, Member, Note, ServiceLine, Settlement
from sandbox.audit import record_change
from sandbox.context import RuntimeContext, live_context, use_context
from sandbox.errors import BadRequest
from sandbox.models import Site

PREWARM = "dws_completed"
# The prewarm of all active stores under one name.
PREWARM_EVERYWHERE = "ai_dws_prewarm"


def fire_event(
    *,
    site: Site,
    event_type: str,
    member_id: int | None = None,
    settlement_id: int | None = None,
    note_id: int | None = None,
    assistant_id: int | None = None,
    has_assistant: bool = True,
    is_forced: bool = False,
    triggered_by: str = "api",
    user_id: int | None = None,
) -> EventResult:
    """Open the job of an event, or coalesce into the one there is.

    The assistants are the one named, else those on the bill; none if `has_assistant` is false.
    PREWARM_EVERYWHERE opens one in every active store; the result is this store's.

    Raises:
        BadRequest: an unknown type, something it needs is missing or is not the member's.
    """
    if event_type == PREWARM_EVERYWHERE:
        sites = {site.pk: site} | {one.pk: one for one in Site.objects.filter(is_active=True)}
        return prewarm_sites(
            sites=sites.values(), is_forced=is_forced, triggered_by=triggered_by, user_id=user_id
        )[site.pk]
    ctx = live_context(site)
    with use_context(ctx):
        _check_rows(
            site,
            member_id=member_id,
            settlement_id=settlement_id,
            note_id=note_id,
            assistant_id=assistant_id,
        )
        assistants: tuple[int, ...] = ()
        if has_assistant:
            assistants = (assistant_id,) if assistant_id else _assistants_of(site, settlement_id)
        event = Event(
            event_type=event_type,
            site_id=site.pk,
            business_date=ctx.business_date,
            member_id=member_id,
            settlement_id=settlement_id,
            note_id=note_id,
            assistant_ids=assistants,
            payload=_payload(triggered_by, user_id, is_forced),
        )
        return open_jobs([event])[0]


def prewarm_sites(
    *,
    sites: Iterable[Site],
    is_forced: bool = False,
    triggered_by: str,
    user_id: int | None = None,
) -> dict[int, EventResult]:
    """Open the day's prewarm of each store, or find the one there is, by site id."""
    results = {}
    for site in sites:
        ctx = live_context(site)
        payload = _payload(triggered_by, user_id, is_forced)
        with use_context(ctx):
            event = Event(PREWARM, site.pk, ctx.business_date, payload=payload)
            results[site.pk] = open_jobs([event])[0]
    return results


def newest_prewarm(*, ctx: RuntimeContext) -> TriggerJob | None:
    """The store's open one, else the last one by D."""
    jobs = TriggerJob.objects.filter(site=ctx.site, event_type=PREWARM).order_by("-id")
    return jobs.filter(status__in=TriggerJob.OPEN).first() or jobs.first()


def open_prewarm_once(*, ctx: RuntimeContext, user_id: int | None) -> EventResult:
    """A button's: have all cells of the store analysed anew, unless that is being done already. In
    the store's live context; a second press waits for the first one's commit.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"prewarm|{ctx.site.pk}"]
        )
    job = newest_prewarm(ctx=ctx)
    if job is not None and job.status in TriggerJob.OPEN:
        return EventResult(PREWARM, None, job.pk, coalesced=True)
    opened = prewarm_sites(
        sites=[ctx.site], is_forced=True, triggered_by="admin_manual", user_id=user_id
    )[ctx.site.pk]
    record_change(
        action="prewarm_started",
        subject=TriggerJob(pk=opened.job_id),
        site_id=ctx.site.pk,
        actor_id=user_id,
    )
    return opened


def _payload(triggered_by: str, user_id: int | None, is_forced: bool) -> dict[str, Any]:
    payload: dict[str, Any] = {"triggered_by": triggered_by, "user_id": user_id}
    return {**payload, "is_forced": True} if is_forced else payload


def _check_rows(
    site: Site,
    *,
    member_id: int | None,
    settlement_id: int | None,
    note_id: int | None,
    assistant_id: int | None,
) -> None:
    problems: dict[str, list[str]] = {}
    members = Member.objects.filter(site=site)
    if member_id is not None and not members.filter(pk=member_id).exists():
        problems["member"] = [_("There is no such member.")]
    of_member = {"site": site, "member_id": member_id}
    if settlement_id is not None:
        if not Settlement.objects.filter(pk=settlement_id, **of_member).exists():
            problems["settlement"] = [_("The member has no such bill.")]
    if note_id is not None and not Note.objects.filter(pk=note_id, **of_member).exists():
        problems["note"] = [_("The member has no such note.")]
    assistants = Assistant.objects.filter(site=site)
    if assistant_id is not None and not assistants.filter(pk=assistant_id).exists():
        problems["assistant"] = [_("There is no such assistant.")]
    if problems:
        raise BadRequest(fields=problems)


def _assistants_of(site: Site, settlement_id: int | None) -> tuple[int, ...]:
    if settlement_id is None:
        return ()
    lines = ServiceLine.objects.filter(site=site, settlement_id=settlement_id, void_of=None)
    return tuple(lines.order_by("assistant_id").values_list("assistant_id", flat=True).distinct())
