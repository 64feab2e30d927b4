"""Whom to call back: members whose own rhythm is broken, who is worth most first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest

from metrics import models
from metrics.boards import member_board
from metrics.calculations.relationships import suggested_assistants
from sandbox.context import RuntimeContext
from sandbox.options import option_values

_CLOSED = (models.CoachTaskEvent.Kind.DONE, models.CoachTaskEvent.Kind.CANCELLED)
_WORTH: DecimalField[Any, Any] = DecimalField(max_digits=24, decimal_places=4)


@dataclass(frozen=True)
class RecallCandidate:
    """A row of the board, and the assistant whose word counts most with them, if any."""

    member: Any
    assistant_id: int | None


def recall_candidates(
    ctx: RuntimeContext, limit: int, *, assistants: Collection[int]
) -> list[RecallCandidate]:
    """Members at risk at D by overdue_ratio × max(principal, 60-day spend), each with the one of
    some assistants who should call.

    Not minors, nor who asked for none, was contacted lately, is in an open recall or was here today.
    """
    day = ctx.business_date
    options = option_values(["at_risk_ratio", "contact_pause_days"], ctx.site)
    by_then = {"site": ctx.site, "business_date__lte": day}
    of_member = by_then | {"member": OuterRef("pk")}
    lately = Q(business_date__gt=day - timedelta(days=options["contact_pause_days"]))
    refused = Q(outcome=models.CoachTaskEvent.Outcome.DO_NOT_CONTACT)
    events = models.CoachTaskEvent.objects.filter(**by_then)
    guarded = models.MemberVersion.objects.filter(**of_member, valid_to__gt=day)
    recalls = open_tasks(ctx=ctx).filter(kind=models.CoachTask.Kind.RECALL, member=OuterRef("pk"))
    worth = F("overdue_ratio") * Greatest("card_principal", "consumption_60d")
    board: Any = member_board(ctx=ctx)
    board = board.filter(
        overdue_ratio__gte=Decimal(str(options["at_risk_ratio"])), last_visit__lt=day
    )
    for left_out in (
        guarded.filter(Q(is_minor=True) | Q(do_not_contact=True)),
        models.Contact.objects.filter(refused | lately, **of_member),
        events.filter(refused | lately & Q(kind="done"), task__member=OuterRef("pk")),
        recalls,
    ):
        board = board.exclude(Exists(left_out))
    ranked = board.order_by(ExpressionWrapper(worth, output_field=_WORTH).desc(), "pk")
    found = list(ranked[:limit])
    suggested = suggested_assistants([row.pk for row in found], among=[*assistants], ctx=ctx)
    return [RecallCandidate(member, suggested.get(member.pk)) for member in found]


def open_tasks(*, ctx: RuntimeContext) -> QuerySet[models.CoachTask]:
    """The tasks assigned and neither done nor cancelled by D."""
    day = ctx.business_date
    closing = models.CoachTaskEvent.objects.filter(
        site=ctx.site, task=OuterRef("pk"), kind__in=_CLOSED, business_date__lte=day
    )
    return models.CoachTask.objects.filter(~Exists(closing), site=ctx.site, business_date__lte=day)
