"""Starting a chain by hand: the same event that the till would have caused, always live."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from aijobs.jobs import open_jobs
from metrics.events import Event, EventResult
from metrics.models import Member, Note, ServiceLine, Settlement
from sandbox.context import live_context, use_context
from sandbox.errors import BadRequest
from sandbox.models import Site


def fire_event(
    *,
    site: Site,
    event_type: str,
    member_id: int | None = None,
    settlement_id: int | None = None,
    note_id: int | None = None,
    has_assistant: bool = True,
    is_forced: bool = False,
    triggered_by: str = "api",
    user_id: int | None = None,
) -> EventResult:
    """Open the job of an event, or coalesce into the one there is.

    The assistants are those on the bill, unless `has_assistant` is false.

    Raises:
        BadRequest: an unknown type, something it needs is missing or is not the member's.
    """
    ctx = live_context(site)
    with use_context(ctx):
        _check_rows(site, member_id=member_id, settlement_id=settlement_id, note_id=note_id)
        payload: dict[str, Any] = {"triggered_by": triggered_by, "user_id": user_id}
        if is_forced:
            payload["is_forced"] = True
        event = Event(
            event_type=event_type,
            site_id=site.pk,
            business_date=ctx.business_date,
            member_id=member_id,
            settlement_id=settlement_id,
            note_id=note_id,
            assistant_ids=_assistants_of(site, settlement_id) if has_assistant else (),
            payload=payload,
        )
        return open_jobs([event])[0]


def _check_rows(
    site: Site, *, member_id: int | None, settlement_id: int | None, note_id: int | None
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
    if problems:
        raise BadRequest(fields=problems)


def _assistants_of(site: Site, settlement_id: int | None) -> tuple[int, ...]:
    if settlement_id is None:
        return ()
    lines = ServiceLine.objects.filter(site=site, settlement_id=settlement_id, void_of=None)
    return tuple(lines.order_by("assistant_id").values_list("assistant_id", flat=True).distinct())
