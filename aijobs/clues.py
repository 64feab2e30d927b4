"""Retention clues: superseded, never deleted; what held at a past date can still be read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypedDict

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from aijobs.errors import Stale
from aijobs.events import after_commit, announce_cache_update
from aijobs.fingerprints import fingerprint_of, full_summary
from aijobs.models import RetentionClue, Run
from aijobs.opinions import CLUES, Opinions, read_opinions, read_opinions_of
from aijobs.pseudonyms import redact_all, resolve_names
from metrics.models import Member
from sandbox.context import RuntimeContext
from sandbox.errors import NotFound
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


def clues_of(*, member_id: int, ctx: RuntimeContext) -> list[RetentionClue]:
    """The clues in force at D, newest first, people in them by their names (for reading only)."""
    return judged_clues_of(member_id=member_id, ctx=ctx)[0]


def judged_clues_of(*, member_id: int, ctx: RuntimeContext) -> tuple[list[RetentionClue], Opinions]:
    """The same with what people thought of them.

    In a sandbox a source's clues are those made for exactly D if there are any, else the live
    ones of that time. Equal clues of several sources show once, the newest. What somebody said no
    to since it was written is hidden from everybody.
    """
    found = _in_force(RetentionClue.objects.filter(site=ctx.site, member_id=member_id), ctx=ctx)
    newest: dict[str, RetentionClue] = {}
    for clue in found.order_by("-valid_from", "-id"):
        newest.setdefault(clue.fingerprint, clue)
    opinions = read_opinions(member_id=member_id, ctx=ctx)
    clues = [
        clue
        for clue in newest.values()
        if not opinions.hides(clue.fingerprint, written_at=clue.valid_from)
    ]
    texts = resolve_names([[clue.summary, clue.detail] for clue in clues], ctx=ctx)
    for clue, (summary, detail) in zip(clues, texts, strict=True):
        clue.summary, clue.detail = summary, detail
    return clues, opinions


def newest_clues(*, member_ids: Sequence[int], ctx: RuntimeContext) -> dict[int, str]:
    """The newest clue at D of each of some members that nobody said no to, in words."""
    of_members = RetentionClue.objects.filter(site=ctx.site, member_id__in=member_ids)
    opinions = read_opinions_of(member_ids=member_ids, ctx=ctx)
    newest: dict[int, str] = {}
    for clue in _in_force(of_members, ctx=ctx).order_by("-valid_from", "-id"):
        said = opinions[clue.member_id]
        if not said.hides(clue.fingerprint, written_at=clue.valid_from):
            newest.setdefault(clue.member_id, clue.summary)
    texts: list[str] = resolve_names([*newest.values()], ctx=ctx)
    return dict(zip(newest, texts, strict=True))


def _in_force(rows: QuerySet[RetentionClue], *, ctx: RuntimeContext) -> QuerySet[RetentionClue]:
    """Of some rows of a store those in force at D."""
    live = rows.filter(
        Q(superseded_on=None) | Q(superseded_on__gt=ctx.business_date),
        mode=Mode.LIVE,
        business_date__lte=ctx.business_date,
    )
    if not ctx.is_sandbox:
        return live
    made_for_d = rows.filter(mode=Mode.SANDBOX, business_date=ctx.business_date, superseded_at=None)
    same = made_for_d.filter(member=OuterRef("member"), source=OuterRef("source"))
    return live.filter(~Exists(same)) | made_for_d


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
    lock_member(site_id=run.site_id, member_id=member_id)
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
    current.update(superseded_at=Now(), superseded_on=run.business_date, superseded_by=run)
    rows = {}
    for clue in clues:
        category = clue["category"] if clue["category"] in CATEGORIES else CATEGORIES[0]
        summary = full_summary(clue)
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


def lock_member(*, site_id: int, member_id: int) -> None:
    """One writer of a member's clues at a time; new facts about the member do not wait for it.

    Raises:
        NotFound: no such member at D.
    """
    # NO KEY: the foreign keys of new facts share the row's key.
    rows = Member.objects.select_for_update(no_key=True).filter(site_id=site_id, pk=member_id)
    if rows.values_list("id").first() is None:
        raise NotFound


def announce_clues(*, ctx: RuntimeContext, member_id: int, triggered_by: str) -> None:
    """Somebody changed what open pages show of a member's clues."""
    after_commit(
        partial(
            announce_cache_update,
            site_id=ctx.site.pk,
            mode=ctx.mode,
            business_date=ctx.business_date,
            cache_type=CLUES,
            target_id=str(member_id),
            triggered_by=triggered_by,
        )
    )
