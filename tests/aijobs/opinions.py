"""Judging clues as people do, and what is left to be shown."""

from __future__ import annotations

from dataclasses import replace

from django.contrib.auth.models import User

from aijobs.clues import clues_of
from aijobs.feedback import clue_subject, give_feedback
from aijobs.manual_clues import add_manual_clue
from aijobs.models import ClueFeedback, RetentionClue
from sandbox.context import RuntimeContext, use_context
from tests.aijobs.store import Store


def person(name: str = "manager") -> User:
    return User.objects.get_or_create(username=name)[0]


def live_at(store: Store, ago: int) -> RuntimeContext:
    """The live context as it was some days ago."""
    return replace(store.live, business_date=store.day(ago))


def write_clue(store: Store, summary: str, ago: int = 0) -> RetentionClue:
    """A clue written by hand some days ago."""
    with use_context(live_at(store, ago)) as ctx:
        return add_manual_clue(
            ctx=ctx,
            member_id=store.member.pk,
            category="社交关系",
            summary=summary,
            actor=person(),
        )


def judge(
    store: Store,
    clue: RetentionClue,
    verdict: str = "wrong",
    *,
    ctx: RuntimeContext | None = None,
    user: str = "manager",
    reason: str = "",
) -> tuple[ClueFeedback, bool]:
    with use_context(ctx or store.live) as current:
        return give_feedback(
            ctx=current,
            subject=clue_subject(ctx=current, clue_id=clue.pk),
            verdict=verdict,
            reason=reason,
            user=person(user),
        )


def shown(store: Store, ctx: RuntimeContext | None = None) -> list[str]:
    """The summaries of the clues that people are shown."""
    with use_context(ctx or store.live) as current:
        return [clue.summary for clue in clues_of(member_id=store.member.pk, ctx=current)]
