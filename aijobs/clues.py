"""Retention clues: superseded, never deleted; what held at a past date can still be read."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from typing import TypedDict

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from aijobs.errors import Stale
from aijobs.models import RetentionClue, Run
from aijobs.pseudonyms import redact_all, resolve_names
from metrics.models import Member
from sandbox.audit import record_change
from sandbox.context import RuntimeContext, User
from sandbox.errors import BadRequest, NotFound
from sandbox.models import Mode

CATEGORIES = ("客户基础", "消费习惯", "玩法偏好", "促销偏好", "社交关系", "重要反馈")


class NewClue(TypedDict):
    """A clue as an app gives it."""

    category: str
    emoji: str
    summary: str
    detail: str
    confidence: float
    providers: str


def fingerprint_of(category: str, summary: str) -> str:
    """The same for the same clue, however it is written: feedback survives replacement by it."""
    text = category + unicodedata.normalize("NFKC", summary)
    return hashlib.sha256(text.encode()).hexdigest()


def clues_of(*, member_id: int, ctx: RuntimeContext) -> list[RetentionClue]:
    """The clues in force at D, newest first, people in them by their names (for reading only).

    In a sandbox a source's clues are those made for exactly D if there are any, else the live
    ones of that time. Equal clues of several sources show once, the newest.
    """
    rows = RetentionClue.objects.filter(site=ctx.site, member_id=member_id)
    live = rows.filter(
        Q(superseded_on=None) | Q(superseded_on__gt=ctx.business_date),
        mode=Mode.LIVE,
        business_date__lte=ctx.business_date,
    )
    if ctx.is_sandbox:
        made_for_d = rows.filter(
            mode=Mode.SANDBOX, business_date=ctx.business_date, superseded_at=None
        )
        live = live.filter(~Exists(made_for_d.filter(source=OuterRef("source"))))
        found = live | made_for_d
    else:
        found = live
    newest: dict[str, RetentionClue] = {}
    for clue in found.order_by("-valid_from", "-id"):
        newest.setdefault(clue.fingerprint, clue)
    clues = list(newest.values())
    texts = resolve_names([[clue.summary, clue.detail] for clue in clues], ctx=ctx)
    for clue, (summary, detail) in zip(clues, texts, strict=True):
        clue.summary, clue.detail = summary, detail
    return clues


def told_clues(*, member_id: int, ctx: RuntimeContext) -> tuple[list[dict[str, str]], list[int]]:
    """The clues in force as a prompt may carry them, without names, and their ids."""
    clues = clues_of(member_id=member_id, ctx=ctx)
    texts = redact_all([text for clue in clues for text in (clue.summary, clue.detail)], ctx=ctx)
    told = [
        {
            "category": clue.category,
            "summary": summary,
            "detail": detail,
            "date": clue.business_date.isoformat(),
        }
        for clue, summary, detail in zip(clues, texts[::2], texts[1::2], strict=True)
    ]
    return told, [clue.pk for clue in clues]


def replace_clues(
    *, run: Run, member_id: int, source: str, clues: Sequence[NewClue]
) -> list[RetentionClue]:
    """Put a run's clues in the place of the member's current ones of the source.

    Under a lock on the member, in the transaction that ends the run. An empty list keeps what is
    there. Sandbox and live never touch each other's.

    Raises:
        Stale: the current ones come from a later run or for a later date.
    """
    if not clues:
        return []
    _lock_member(site_id=run.site_id, member_id=member_id)
    current = RetentionClue.objects.filter(
        site_id=run.site_id,
        member_id=member_id,
        source=source,
        mode=run.mode,
        superseded_at=None,
    )
    if run.mode == Mode.SANDBOX:
        current = current.filter(business_date=run.business_date)
    later = Q(business_date__gt=run.business_date) | Q(run__generation__gt=run.generation)
    if current.filter(later).exists():
        raise Stale(f"the member's {source} clues come from a later run")
    current.update(superseded_at=Now(), superseded_on=run.business_date)
    rows = {}
    for clue in clues:
        category = clue["category"] if clue["category"] in CATEGORIES else CATEGORIES[0]
        summary = " ".join(part for part in (clue["emoji"].strip(), clue["summary"]) if part)[:200]
        fingerprint = fingerprint_of(category, summary)
        rows[fingerprint] = RetentionClue(
            site_id=run.site_id,
            member_id=member_id,
            mode=run.mode,
            business_date=run.business_date,
            source=source,
            category=category,
            summary=summary,
            detail=clue["detail"],
            confidence=clue["confidence"],
            recorded_by_name=clue["providers"][:120],
            fingerprint=fingerprint,
            run=run,
        )
    return RetentionClue.objects.bulk_create(rows.values())


def add_manual_clue(
    *,
    ctx: RuntimeContext,
    member_id: int,
    category: str,
    summary: str,
    detail: str = "",
    actor: User,
) -> RetentionClue:
    """What somebody knows about a member, written by hand; no AI run replaces it.

    Raises:
        SandboxReadOnly: looking at the past. NotFound: no such member at D.
        BadRequest: an unknown category, no text, or the member has this clue already.
    """
    ctx.require_live()
    summary = summary.strip()
    problems = {}
    if category not in CATEGORIES:
        problems["category"] = [_("Choose one of: %(known)s.") % {"known": "、".join(CATEGORIES)}]
    if not summary:
        problems["summary"] = [_("Write what you know about the member.")]
    elif len(summary) > 200:
        problems["summary"] = [_("At most 200 characters.")]
    if problems:
        raise BadRequest(fields=problems)
    _lock_member(site_id=ctx.site.pk, member_id=member_id)
    fingerprint = fingerprint_of(category, summary)
    current = RetentionClue.objects.filter(
        site=ctx.site,
        member_id=member_id,
        mode=Mode.LIVE,
        source=RetentionClue.Source.MANUAL,
        superseded_at=None,
    )
    if current.filter(fingerprint=fingerprint).exists():
        message = _("The member has this clue already.")
        raise BadRequest(message, fields={"summary": [message]})
    clue = RetentionClue.objects.create(
        site=ctx.site,
        member_id=member_id,
        mode=Mode.LIVE,
        business_date=ctx.business_date,
        source=RetentionClue.Source.MANUAL,
        category=category,
        summary=summary,
        detail=detail.strip(),
        confidence=1.0,
        recorded_by_name=(getattr(actor, "get_full_name", str)() or str(actor))[:120],
        fingerprint=fingerprint,
    )
    record_change(
        action="clue_added",
        subject=clue,
        site_id=ctx.site.pk,
        actor_id=actor.pk,
        after={"member": member_id, "category": category},
    )
    return clue


def _lock_member(*, site_id: int, member_id: int) -> None:
    """One writer of a member's clues at a time; new facts about the member do not wait for it.

    Raises:
        NotFound: no such member at D.
    """
    # NO KEY: the foreign keys of new facts share the row's key.
    rows = Member.objects.select_for_update(no_key=True).filter(site_id=site_id, pk=member_id)
    if rows.values_list("id").first() is None:
        raise NotFound
