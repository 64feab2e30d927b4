"""Clues written by hand: added, edited, withdrawn by people; no AI run replaces them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from aijobs.clues import CATEGORIES, announce_clues, lock_member
from aijobs.fingerprints import MOST_CHARACTERS, fingerprint_of
from aijobs.models import RetentionClue
from aijobs.opinions import read_opinions
from sandbox.audit import record_change
from sandbox.context import RuntimeContext, User
from sandbox.errors import BadRequest, Conflict, NotFound
from sandbox.models import Mode


def add_manual_clue(
    *,
    ctx: RuntimeContext,
    member_id: int,
    category: str,
    summary: str,
    detail: str = "",
    actor: User,
) -> RetentionClue:
    """What somebody knows about a member, written by hand.

    Raises:
        SandboxReadOnly: looking at the past. NotFound: no such member at D.
        BadRequest: an unknown category, no text, or the member has this clue already.
    """
    ctx.require_live()
    texts = _checked(category, summary, detail)
    lock_member(site_id=ctx.site.pk, member_id=member_id)
    clue = _write(ctx=ctx, member_id=member_id, actor=actor, **texts)
    _record("clue_added", clue, ctx=ctx, actor=actor, after={"member": member_id, **texts})
    return clue


def edit_manual_clue(
    *,
    ctx: RuntimeContext,
    clue_id: int,
    category: str,
    summary: str,
    detail: str = "",
    actor: User,
) -> RetentionClue:
    """Put another text in the place of a clue; the old one can still be read at its time.

    Raises:
        SandboxReadOnly: looking at the past. NotFound: no such clue written by hand.
        Conflict: it was changed meanwhile. BadRequest: as for a new one.
    """
    ctx.require_live()
    texts = _checked(category, summary, detail)
    old = _find(ctx, clue_id)
    before = {name: getattr(old, name) for name in texts}
    if texts == before and old.superseded_at is None:
        return old
    with transaction.atomic():
        _supersede(ctx, old)
        clue = _write(ctx=ctx, member_id=old.member_id, actor=actor, **texts)
    _record("clue_edited", clue, ctx=ctx, actor=actor, before=before, after=texts)
    return clue


def withdraw_manual_clue(*, ctx: RuntimeContext, clue_id: int, actor: User) -> RetentionClue:
    """Take a clue out of force from today on.

    Raises:
        SandboxReadOnly: looking at the past. NotFound: no such clue written by hand.
        Conflict: it was changed meanwhile.
    """
    ctx.require_live()
    clue = _find(ctx, clue_id)
    _supersede(ctx, clue)
    before = {"category": clue.category, "summary": clue.summary, "detail": clue.detail}
    _record("clue_withdrawn", clue, ctx=ctx, actor=actor, before=before)
    return clue


def _checked(category: str, summary: str, detail: str) -> dict[str, str]:
    """The texts of a clue without the spaces around them.

    Raises:
        BadRequest: naming each that cannot be.
    """
    summary = summary.strip()
    problems = {}
    if category not in CATEGORIES:
        problems["category"] = [_("Choose one of: %(known)s.") % {"known": "、".join(CATEGORIES)}]
    if not summary:
        problems["summary"] = [_("Write what you know about the member.")]
    elif len(summary) > MOST_CHARACTERS:
        problems["summary"] = [_("At most 200 characters.")]
    if problems:
        raise BadRequest(fields=problems)
    return {"category": category, "summary": summary, "detail": detail.strip()}


def _find(ctx: RuntimeContext, clue_id: int) -> RetentionClue:
    """A clue written by hand, its member locked."""
    clues = RetentionClue.objects.filter(
        site=ctx.site, mode=Mode.LIVE, source=RetentionClue.Source.MANUAL, pk=clue_id
    )
    clue = clues.first()
    if clue is None:
        raise NotFound
    lock_member(site_id=ctx.site.pk, member_id=clue.member_id)
    return clue


def _supersede(ctx: RuntimeContext, clue: RetentionClue) -> None:
    current = RetentionClue.objects.filter(site=ctx.site, pk=clue.pk, superseded_at=None)
    if not current.update(superseded_at=Now(), superseded_on=ctx.business_date):
        raise Conflict(_("Somebody has changed this clue meanwhile."))


def _write(
    *, ctx: RuntimeContext, member_id: int, category: str, summary: str, detail: str, actor: User
) -> RetentionClue:
    """A new clue; one with the same words that somebody has hidden makes room for it.

    Raises:
        BadRequest: the member has it already.
    """
    fingerprint = fingerprint_of(category, summary)
    same = RetentionClue.objects.filter(
        site=ctx.site,
        member_id=member_id,
        mode=Mode.LIVE,
        source=RetentionClue.Source.MANUAL,
        superseded_at=None,
        fingerprint=fingerprint,
    ).first()
    if same is not None:
        opinions = read_opinions(member_id=member_id, ctx=ctx)
        if not opinions.hides(fingerprint, written_at=same.valid_from):
            message = _("The member has this clue already.")
            raise BadRequest(message, fields={"summary": [message]})
        _supersede(ctx, same)
    return RetentionClue.objects.create(
        site=ctx.site,
        member_id=member_id,
        mode=Mode.LIVE,
        business_date=ctx.business_date,
        source=RetentionClue.Source.MANUAL,
        category=category,
        summary=summary,
        detail=detail,
        confidence=1.0,
        recorded_by_name=(getattr(actor, "get_full_name", str)() or str(actor))[:120],
        fingerprint=fingerprint,
    )


def _record(
    action: str, clue: RetentionClue, *, ctx: RuntimeContext, actor: User, **values: Any
) -> None:
    record_change(action=action, subject=clue, site_id=ctx.site.pk, actor_id=actor.pk, **values)
    announce_clues(ctx=ctx, member_id=clue.member_id, triggered_by=action)
