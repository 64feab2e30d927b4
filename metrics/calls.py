"""Whom to call today: members at risk whom somebody may contact, those with most at stake first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest

from metrics.boards import member_board
from metrics.calculations.relationships import suggested_assistants
from metrics.models import AssistantVersion, CoachTask, CoachTaskEvent, Contact
from sandbox.context import RuntimeContext, business_date_of
from sandbox.options import option

MOST_CALLS = 10
# At most one proactive contact of a member in so many days, whoever makes it.
CONTACT_DAYS = 7
# Of whom only bills are known nobody has said anything.
_MAY_BE_CONTACTED = Q(version__pk=None) | Q(version__is_minor=False, version__do_not_contact=False)
_CLOSED = (CoachTaskEvent.Kind.DONE, CoachTaskEvent.Kind.CANCELLED)


@dataclass(frozen=True)
class Call:
    """A member whose own rhythm is broken, and the figures that say so.

    Attributes:
        usual_days: median days between visits. overdue_ratio: days away over it.
        assistant_id, assistant: who should call; None where nobody knows the member.
    """

    member_id: int
    name: str
    last_visit: date
    days_away: int
    usual_days: Decimal
    overdue_ratio: Decimal
    principal: Decimal
    spent_60d: Decimal
    assistant_id: int | None
    assistant: str


@dataclass(frozen=True)
class CallList:
    """The calls of a day, and the assistants who could make them: id and name."""

    calls: list[Call]
    assistants: dict[int, str]


def calls_of_today(*, ctx: RuntimeContext) -> CallList:
    """At most 10 at D, by overdue_ratio × the larger of principal left and 60-day spend.

    Left out: minors, whoever asked not to be contacted, was contacted within 7 days, is being
    recalled already or was here today.
    """
    at_stake = F("overdue_ratio") * Greatest("card_principal", "consumption_60d")
    board: Any = member_board(ctx=ctx)
    rows = list(
        board.filter(
            _MAY_BE_CONTACTED,
            ~Exists(contacts_within_days(ctx=ctx).filter(member=OuterRef("pk"))),
            ~Exists(open_recalls(ctx=ctx).filter(member=OuterRef("pk"))),
            overdue_ratio__gte=option("at_risk_ratio", ctx.site),
            last_visit__lt=ctx.business_date,
        )
        .annotate(
            at_stake=ExpressionWrapper(
                at_stake, output_field=DecimalField(max_digits=20, decimal_places=4)
            )
        )
        .order_by("-at_stake", "pk")[:MOST_CALLS]
    )
    assistants = employed_assistants(ctx=ctx)
    suggested = suggested_assistants([row.pk for row in rows], among=[*assistants], ctx=ctx)
    calls = [
        Call(
            member_id=row.pk,
            name=row.name or row.external_id,
            last_visit=row.last_visit,
            days_away=row.last_visit_days,
            usual_days=row.visit_interval_median,
            overdue_ratio=row.overdue_ratio,
            principal=row.card_principal,
            spent_60d=row.consumption_60d,
            assistant_id=suggested.get(row.pk),
            assistant=assistants.get(suggested.get(row.pk, 0), ""),
        )
        for row in rows
    ]
    return CallList(calls, assistants)


def contacts_within_days(*, ctx: RuntimeContext) -> QuerySet[Contact]:
    """The contacts after which nobody should be contacted again yet."""
    return Contact.objects.filter(
        site=ctx.site,
        business_date__gt=ctx.business_date - timedelta(days=CONTACT_DAYS),
        business_date__lte=ctx.business_date,
    )


def open_tasks(*, ctx: RuntimeContext) -> QuerySet[CoachTask]:
    """The tasks assigned and neither done nor cancelled by D."""
    day = ctx.business_date
    closing = CoachTaskEvent.objects.filter(
        site=ctx.site, task=OuterRef("pk"), kind__in=_CLOSED, business_date__lte=day
    )
    return CoachTask.objects.filter(~Exists(closing), site=ctx.site, business_date__lte=day)


def open_recalls(*, ctx: RuntimeContext) -> QuerySet[CoachTask]:
    return open_tasks(ctx=ctx).filter(kind=CoachTask.Kind.RECALL)


def employed_assistants(*, ctx: RuntimeContext) -> dict[int, str]:
    """The assistants who have not left by D, by id, in the order of their names."""
    day = ctx.business_date
    rows = AssistantVersion.objects.filter(
        site=ctx.site, assistant__business_date__lte=day, business_date__lte=day, valid_to__gt=day
    ).order_by("name", "assistant_id")
    return {
        pk: name or external_id
        for pk, name, external_id, left_at in rows.values_list(
            "assistant_id", "name", "assistant__external_id", "left_at"
        )
        if left_at is None or business_date_of(ctx.site, left_at) > day
    }
