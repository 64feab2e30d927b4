"""What assistants are asked to do, and what came of it."""

from __future__ import annotations

from datetime import date

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext as _

from metrics.entries.writing import find, new_name, write_row, written
from metrics.models import Assistant, CoachTask, CoachTaskEvent, Member
from sandbox.context import RuntimeContext
from sandbox.errors import Conflict


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
    return written(CoachTaskEvent, site=ctx.site, external_id=external_id)
