"""Facts that people enter here, through the same path as everything else."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from metrics.events import EventResult
from metrics.importers import push_rows
from metrics.importers.errors import RowErrors
from metrics.models import Member, Note
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest, NotFound


def record_note(
    *, ctx: RuntimeContext, member_id: int, text: str, actor: AbstractBaseUser
) -> tuple[Note, list[EventResult]]:
    """Write down a note about a member, now, and set off what notes set off.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such member in the store.
        BadRequest: the text is empty, longer than 2,000 characters or cannot be stored.
    """
    ctx.require_live()
    member = Member.objects.filter(site=ctx.site, pk=member_id).first()
    if member is None:
        raise NotFound
    external_id = f"note-{uuid4()}"
    row: dict[str, Any] = {
        "external_id": external_id,
        "member": member.external_id,
        "occurred_at": timezone.now(),
        "text": text,
        "author": (actor.get_full_name() or actor.get_username())[:64],  # type: ignore[attr-defined]
    }
    try:
        result = push_rows(
            site=ctx.site,
            kind="notes",
            rows=[row],
            source="entry",
            actor_id=actor.pk,
            author_id=actor.pk,
        )
    except RowErrors as refused:
        messages = [error.message for error in refused.errors if error.column == "text"]
        if not messages:
            raise
        raise BadRequest(fields={"text": messages}) from refused
    return Note.objects.get(site=ctx.site, external_id=external_id), result.events
