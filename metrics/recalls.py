"""Whom to call back: members whose own rhythm is broken, who is worth most first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, Exists, ExpressionWrapper, F, Max, OuterRef, Q
from django.db.models.functions import Greatest

from metrics import models
from metrics.assistant_board import employed_assistants
from metrics.boards import member_board
from metrics.calculations.relationships import OWN_DAYS
from sandbox.context import RuntimeContext
from sandbox.options import option_values

# At most one proactive contact in so many days, whoever makes it.
CONTACT_DAYS = 7
_WORTH: DecimalField[Any, Any] = DecimalField(max_digits=24, decimal_places=4)


@dataclass(frozen=True)
class RecallCandidate:
    """A row of the board, and the assistant whose word counts most with them, if any."""

    member: Any
    assistant_id: int | None


def recall_candidates(ctx: RuntimeContext, limit: int) -> list[RecallCandidate]:
    """Members at risk at D by overdue_ratio × max(principal, 60-day spend).

    Not minors, nor who asked for none, was contacted within 7 days or is in an open recall.
    """
    day, at_risk = ctx.business_date, option_values(["at_risk_ratio"], ctx.site)["at_risk_ratio"]
    by_then = {"site": ctx.site, "business_date__lte": day}
    of_member = by_then | {"member": OuterRef("pk")}
    lately = Q(business_date__gt=day - timedelta(days=CONTACT_DAYS))
    refused = Q(outcome=models.CoachTaskEvent.Outcome.DO_NOT_CONTACT)
    events = models.CoachTaskEvent.objects.filter(**by_then)
    closing = events.filter(task=OuterRef("pk"), kind__in=("done", "cancelled"))
    guarded = models.MemberVersion.objects.filter(**of_member, valid_to__gt=day)
    recalls = models.CoachTask.objects.filter(**of_member, kind=models.CoachTask.Kind.RECALL)
    worth = F("overdue_ratio") * Greatest("card_principal", "consumption_60d")
    board: Any = member_board(ctx=ctx)
    board = board.filter(overdue_ratio__gte=Decimal(str(at_risk)))
    for left_out in (
        guarded.filter(Q(is_minor=True) | Q(do_not_contact=True)),
        models.Contact.objects.filter(refused | lately, **of_member),
        events.filter(refused | lately & Q(kind="done"), task__member=OuterRef("pk")),
        recalls.filter(~Exists(closing)),
    ):
        board = board.exclude(Exists(left_out))
    ranked = board.order_by(ExpressionWrapper(worth, output_field=_WORTH).desc(), "pk")
    found = list(ranked[:limit])
    suggested = _assistants_of([member.pk for member in found], ctx)
    return [RecallCandidate(member, suggested.get(member.pk)) for member in found]


def _assistants_of(members: list[int], ctx: RuntimeContext) -> dict[int, int]:
    """By member: whose they are, else who served them last in (D−90, D], of those still there."""
    day, of_them = ctx.business_date, {"site": ctx.site, "member_id__in": members}
    days = models.AssistantCustomer.objects.filter(
        **of_them, stat_date__gt=day - timedelta(days=OWN_DAYS), stat_date__lte=day
    )
    served = days.values_list("member_id", "assistant_id").annotate(Max("stat_date"))
    assigned = models.MemberAssignment.objects.filter(**of_them, business_date__lte=day)
    newest = assigned.order_by("member", "-business_date", "-pk").distinct("member")
    theirs = newest.values_list("member_id", "assistant_id")
    ranked = sorted(served, key=lambda row: row[2]) + [(*row, date.max) for row in theirs]
    there = employed_assistants(ctx=ctx)
    return {member: who for member, who, _when in ranked if who in there}
