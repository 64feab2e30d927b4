"""Whom to call back: members whose own rhythm is broken, who is worth most first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import DecimalField, Exists, ExpressionWrapper, F, Max, OuterRef, Q
from django.db.models.functions import Greatest

from metrics.boards import member_board
from metrics.calculations.relationships import OWN_DAYS
from metrics.models import (
    AssistantCustomer,
    AssistantVersion,
    CoachTask,
    CoachTaskEvent,
    Contact,
    MemberAssignment,
    MemberVersion,
)
from sandbox.context import RuntimeContext, business_date_of
from sandbox.options import option_values

# At most one proactive contact in so many days, whoever makes it.
CONTACT_DAYS = 7
_ASKED_NOT_TO = CoachTaskEvent.Outcome.DO_NOT_CONTACT


@dataclass(frozen=True)
class RecallCandidate:
    """Somebody to call back, and the assistant whose word counts most with them, if any."""

    member_id: int
    name: str
    last_visit_days: int
    visit_interval_median: Decimal
    overdue_ratio: Decimal
    card_principal: Decimal
    consumption_60d: Decimal
    assistant_id: int | None


def recall_candidates(ctx: RuntimeContext, limit: int) -> list[RecallCandidate]:
    """At D, by overdue_ratio × max(principal, 60-day spend); four queries.

    Not minors, nor who asked for none, was contacted within 7 days or is in an open recall.
    """
    day = ctx.business_date
    at_risk = option_values(["at_risk_ratio"], ctx.site)["at_risk_ratio"]
    of_member = {"site": ctx.site, "member": OuterRef("pk"), "business_date__lte": day}
    lately = Q(business_date__gt=day - timedelta(days=CONTACT_DAYS))
    events = CoachTaskEvent.objects.filter(
        site=ctx.site, task__member=OuterRef("pk"), business_date__lte=day
    )
    closing = CoachTaskEvent.objects.filter(
        site=ctx.site, task=OuterRef("pk"), business_date__lte=day, kind__in=("done", "cancelled")
    )
    guarded = MemberVersion.objects.filter(**of_member, valid_to__gt=day)
    excluded = (
        guarded.filter(Q(is_minor=True) | Q(do_not_contact=True)),
        Contact.objects.filter(lately | Q(outcome=_ASKED_NOT_TO), **of_member),
        events.filter(Q(outcome=_ASKED_NOT_TO) | (lately & Q(kind="done"))),
        CoachTask.objects.filter(~Exists(closing), kind=CoachTask.Kind.RECALL, **of_member),
    )
    worth = ExpressionWrapper(
        F("overdue_ratio") * Greatest("card_principal", "consumption_60d"),
        output_field=DecimalField(max_digits=24, decimal_places=4),
    )
    board = member_board(ctx=ctx).filter(overdue_ratio__gte=Decimal(str(at_risk)))
    for rows in excluded:
        board = board.exclude(Exists(rows))
    found = list(board.order_by(worth.desc(), "pk")[:limit])
    suggested = _assistants_of([member.pk for member in found], ctx)
    return [
        RecallCandidate(
            member.pk,
            member.name or member.external_id,  # type: ignore[attr-defined]
            *(getattr(member, name) for name in list(RecallCandidate.__annotations__)[2:7]),
            suggested.get(member.pk),
        )
        for member in found
    ]


def _assistants_of(members: list[int], ctx: RuntimeContext) -> dict[int, int]:
    """By member: whose they are, else who served them last in (D−90, D], of those still there."""
    day, of = ctx.business_date, {"site": ctx.site, "member_id__in": members}
    served = (
        AssistantCustomer.objects.filter(
            **of, stat_date__gt=day - timedelta(days=OWN_DAYS), stat_date__lte=day
        )
        .values_list("member_id", "assistant_id")
        .annotate(Max("stat_date"))
    )
    assigned = MemberAssignment.objects.filter(**of, business_date__lte=day)
    newest = assigned.order_by("member", "-business_date", "-pk").distinct("member")
    there = employed_assistants(ctx)
    ranked = [(when, member, who) for member, who, when in served] + [
        (date.max, member, who) for member, who in newest.values_list("member_id", "assistant_id")
    ]
    return {
        member: who for _when, member, who in sorted(ranked, key=lambda one: one[0]) if who in there
    }


def employed_assistants(ctx: RuntimeContext) -> dict[int, str]:
    """The names of who has not left by D, by id."""
    day = ctx.business_date
    found = AssistantVersion.objects.filter(
        site=ctx.site, business_date__lte=day, valid_to__gt=day
    ).order_by("name", "assistant_id")
    return {
        pk: name
        for pk, name, left_at in found.values_list("assistant_id", "name", "left_at")
        if left_at is None or business_date_of(ctx.site, left_at) > day
    }
