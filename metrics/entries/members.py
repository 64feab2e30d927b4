"""What is noted about members, whose they are, and how they were reached."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from metrics.entries.writing import find, new_name, write_row, written
from metrics.events import EventResult
from metrics.models import Assistant, Contact, Member, MemberAssignment, Note
from sandbox.context import RuntimeContext


def record_note(
    *, ctx: RuntimeContext, member_id: int, text: str, actor: AbstractBaseUser
) -> tuple[Note, list[EventResult]]:
    """Write down a note about a member, now, and set off what notes set off.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such member in the store.
        BadRequest: the text is empty, longer than 2,000 characters or cannot be stored.
    """
    ctx.require_live()
    external_id = new_name("note")
    result = write_row(
        ctx=ctx,
        kind="notes",
        actor=actor,
        row={
            "external_id": external_id,
            "member": find(Member, site=ctx.site, pk=member_id).external_id,
            "occurred_at": timezone.now(),
            "text": text,
            "author": (actor.get_full_name() or actor.get_username())[:64],  # type: ignore[attr-defined]
        },
    )
    return written(Note, site=ctx.site, external_id=external_id), result.events


def record_contact(
    *,
    ctx: RuntimeContext,
    member_id: int,
    assistant_id: int | None = None,
    channel: str,
    outcome: str,
    words: str = "",
    actor: AbstractBaseUser,
) -> Contact:
    """Write down that somebody reached out to a member, now, and what came of it.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such member or assistant.
        BadRequest: a value is wrong; names it.
    """
    ctx.require_live()
    external_id = new_name("contact")
    write_row(
        ctx=ctx,
        kind="contacts",
        actor=actor,
        row={
            "external_id": external_id,
            "member": find(Member, site=ctx.site, pk=member_id).external_id,
            "assistant": _name_of(assistant_id, ctx),
            "channel": channel,
            "occurred_at": timezone.now(),
            "outcome": outcome,
            "words": words,
        },
    )
    return written(Contact, site=ctx.site, external_id=external_id)


def assign_member(
    *, ctx: RuntimeContext, member_id: int, assistant_id: int | None, actor: AbstractBaseUser
) -> MemberAssignment:
    """Make a member an assistant's from today on; without an assistant, nobody's.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such member or assistant.
    """
    ctx.require_live()
    external_id = new_name("assignment")
    write_row(
        ctx=ctx,
        kind="assignments",
        actor=actor,
        row={
            "external_id": external_id,
            "member": find(Member, site=ctx.site, pk=member_id).external_id,
            "assistant": _name_of(assistant_id, ctx),
            "day": ctx.business_date,
        },
    )
    return written(MemberAssignment, site=ctx.site, external_id=external_id)


def _name_of(assistant_id: int | None, ctx: RuntimeContext) -> str:
    if assistant_id is None:
        return ""
    return find(Assistant, site=ctx.site, pk=assistant_id).external_id
