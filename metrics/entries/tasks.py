"""What assistants are asked to do, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext as _

from metrics.entries.writing import find, new_name, write_row, written
from metrics.importers import RowErrors, push_rows
from metrics.models import Assistant, CoachTask, CoachTaskEvent, Member
from metrics.recalls import RecallCandidate, recall_candidates
from sandbox.audit import record_change
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest, Conflict

# Recalls that are proposed for one business day, and the days an assistant has for one.
MOST_RECALLS = 10
RECALL_DAYS = 3


def record_task(
    *,
    ctx: RuntimeContext,
    assistant_id: int,
    member_id: int | None = None,
    kind: str,
    due_on: date | None = None,
    reason: str = "",
    actor: AbstractBaseUser,
) -> CoachTask:
    """Ask an assistant, now, to do something (about a member).

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such assistant or member.
        BadRequest: a value is wrong; names it.
    """
    ctx.require_live()
    external_id = new_name("task")
    member = "" if member_id is None else find(Member, site=ctx.site, pk=member_id).external_id
    write_row(
        ctx=ctx,
        kind="tasks",
        actor=actor,
        row={
            "external_id": external_id,
            "assistant": find(Assistant, site=ctx.site, pk=assistant_id).external_id,
            "member": member,
            "kind": kind,
            "assigned_at": timezone.now(),
            "due_on": due_on,
            "reason": reason,
        },
    )
    return written(CoachTask, site=ctx.site, external_id=external_id)


def recalls_left(*, ctx: RuntimeContext) -> int:
    """How many more recalls may be proposed on D."""
    given = CoachTask.objects.filter(
        site=ctx.site,
        business_date=ctx.business_date,
        external_id__startswith=f"recall-{ctx.business_date}-",
    )
    return max(0, MOST_RECALLS - given.count())


def record_recalls(
    *, ctx: RuntimeContext, assistants: Mapping[int, int | None], actor: AbstractBaseUser
) -> int:
    """Ask assistants to call back members who are proposed on D, all or none; how many.

    A recall is named by its day and member: of two people at once the second is refused.

    Args:
        assistants: by member, who should call.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such assistant.
        BadRequest: nobody is chosen for a member, or no member at all. Conflict: somebody has been
            asked already, or is not proposed any more.
    """
    ctx.require_live()
    if not assistants:
        raise BadRequest(_("Tick at least one member."))
    if None in assistants.values():
        raise BadRequest(_("Choose an assistant for every ticked member."))
    candidates = recall_candidates(ctx, recalls_left(ctx=ctx), assistants=())
    proposed = {one.member.pk: one for one in candidates}
    taken = Conflict(_("Some of these are not proposed any more; look at the list again."))
    if not assistants.keys() <= proposed.keys():
        raise taken
    members = Member.objects.filter(site=ctx.site).in_bulk(list(assistants))
    now = timezone.now()
    rows = [
        {
            "external_id": f"recall-{ctx.business_date}-{member_id}",
            "assistant": find(Assistant, site=ctx.site, pk=assistant_id or 0).external_id,
            "member": members[member_id].external_id,
            "kind": CoachTask.Kind.RECALL.value,
            "assigned_at": now,
            "due_on": ctx.business_date + timedelta(days=RECALL_DAYS),
            "reason": recall_reason(proposed[member_id]),
        }
        for member_id, assistant_id in assistants.items()
    ]
    try:
        push_rows(site=ctx.site, kind="tasks", rows=rows, source="entry", actor_id=actor.pk)
    except RowErrors as refused:
        raise taken from refused
    names = [row["external_id"] for row in rows]
    for task in CoachTask.objects.filter(site=ctx.site, external_id__in=names).order_by("pk"):
        record_change(
            action="recall_assigned",
            subject=task,
            site_id=ctx.site.pk,
            actor_id=actor.pk,
            after={
                "member": task.member_id,
                "assistant": task.assistant_id,
                "due_on": task.due_on,
                "reason": task.reason,
            },
        )
    return len(rows)


def recall_reason(one: RecallCandidate) -> str:
    """Why, as the assistant reads it: neither money nor a score."""
    return _("Away for %(days)d days, usually back after %(usual)s.") % {
        "days": one.member.last_visit_days,
        "usual": one.member.visit_interval_median.normalize(),
    }


def complete_task(
    *, ctx: RuntimeContext, task_id: int, outcome: str, note: str = "", actor: AbstractBaseUser
) -> CoachTaskEvent:
    """Note that a task is done, now, and what came of it.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such task.
        BadRequest: a value is wrong; names it. Conflict: it is done or cancelled already.
    """
    return _close(ctx, task_id, CoachTaskEvent.Kind.DONE, outcome, note, actor)


def cancel_task(
    *, ctx: RuntimeContext, task_id: int, note: str = "", actor: AbstractBaseUser
) -> CoachTaskEvent:
    """Note that a task is off, now.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such task.
        BadRequest: the note is wrong. Conflict: it is done or cancelled already.
    """
    return _close(ctx, task_id, CoachTaskEvent.Kind.CANCELLED, "", note, actor)


_CLOSING = (CoachTaskEvent.Kind.DONE, CoachTaskEvent.Kind.CANCELLED)


def _close(
    ctx: RuntimeContext,
    task_id: int,
    kind: CoachTaskEvent.Kind,
    outcome: str,
    note: str,
    actor: AbstractBaseUser,
) -> CoachTaskEvent:
    ctx.require_live()
    task = find(CoachTask, site=ctx.site, pk=task_id)
    closed = Conflict(_("This task is done or cancelled already."))
    # What the till or a file said of it. Of two people at once the second is refused by the name.
    if CoachTaskEvent.objects.filter(site=ctx.site, task=task, kind__in=_CLOSING).exists():
        raise closed
    external_id = f"closed-{task.pk}"
    try:
        write_row(
            ctx=ctx,
            kind="task_events",
            actor=actor,
            row={
                "external_id": external_id,
                "task": task.external_id,
                "occurred_at": timezone.now(),
                "kind": kind.value,
                "outcome": outcome,
                "note": note,
            },
        )
    except Conflict as taken:
        raise closed from taken
    record_change(
        action=f"task_{kind.value}",
        subject=task,
        site_id=ctx.site.pk,
        actor_id=actor.pk,
        before={"state": "open"},
        after={"state": kind.value, "outcome": outcome, "note": note},
    )
    return written(CoachTaskEvent, site=ctx.site, external_id=external_id)
