"""What was asked and answered: as much of it as its user may read at D."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from aijobs.lookups import FIGURES, Asker
from aijobs.models import ChatQuestion
from aijobs.pseudonyms import assistant_token, member_token
from sandbox.context import RuntimeContext
from sandbox.models import Mode

# What the AI is reminded of: so many exchanges of the session.
REMEMBERED = 4


def conversation(*, user_id: int, ctx: RuntimeContext) -> QuerySet[ChatQuestion]:
    """A user's questions in the store, as the conversation was at D: those asked live by then; in
    a sandbox also those asked in a sandbox of exactly D.
    """
    asked = Q(mode=Mode.LIVE)
    if ctx.is_sandbox:
        asked |= Q(mode=Mode.SANDBOX, business_date=ctx.business_date)
    return ChatQuestion.objects.filter(
        asked, site=ctx.site, user_id=user_id, business_date__lte=ctx.business_date
    )


def readable(questions: Iterable[ChatQuestion], *, asker: Asker) -> list[ChatQuestion]:
    """Those whose answers the asker could still get: rights may have gone since."""
    rows = list(questions)
    cited = {pk for row in rows for figure in row.citations for pk in figure["member_ids"]}
    seen = (
        set(asker.members().filter(pk__in=cited).values_list("pk", flat=True)) if cited else set()
    )
    return [row for row in rows if all(_may_read(one, seen, asker) for one in row.citations)]


def _may_read(citation: dict[str, Any], members: set[int], asker: Asker) -> bool:
    figure = FIGURES.get(citation["key"])
    if figure is None or not asker.may_ask(figure):
        return False
    if asker.is_assistant and citation["assistant_id"] not in (None, asker.assistant_id):
        return False
    return members.issuperset(citation["member_ids"])


def remembered(question: ChatQuestion, *, asker: Asker) -> list[ChatQuestion]:
    """The last answered questions of its session before it, oldest first."""
    before = conversation(user_id=question.user_id, ctx=asker.ctx).filter(
        session_id=question.session_id, pk__lt=question.pk, answered_at__isnull=False
    )
    return readable(before.order_by("-pk")[:REMEMBERED], asker=asker)[::-1]


def store_answer(question: ChatQuestion, *, answer: str, citations: list[dict[str, Any]]) -> None:
    """Answer a question; once more when its job was retried by hand."""
    ChatQuestion.objects.filter(site=question.site_id, pk=question.pk).update(
        answer=answer, citations=citations, answered_at=Now()
    )


def people_of(citations: Iterable[dict[str, Any]]) -> set[str]:
    """Whom figures are about, as 会员#12 and 助教#3: the only people an answer may name."""
    tokens: set[str] = set()
    for figure in citations:
        tokens.update(map(member_token, figure["member_ids"]))
        if figure["assistant_id"] is not None:
            tokens.add(assistant_token(figure["assistant_id"]))
    return tokens
