"""Whose own rhythm is broken, the ones first whom it would cost most to lose."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, ExpressionWrapper, F, QuerySet
from django.db.models.functions import Greatest

from metrics.boards import member_board
from metrics.consent import consents_of
from metrics.models import CoachTaskEvent, Contact, Member
from sandbox.context import RuntimeContext
from sandbox.options import option

COLUMNS = (
    "last_visit_days",
    "visit_interval_median",
    "overdue_ratio",
    "card_principal",
    "consumption_60d",
)


def members_at_risk(*, among: QuerySet[Member], ctx: RuntimeContext) -> list[dict[str, Any]]:
    """Members at risk at D: days away over their usual interval from the option on. By that ratio
    times principal left or 60 days' spending, whichever is more. `may_contact`: somebody may reach
    out to them now.
    """
    at_stake = ExpressionWrapper(
        F("overdue_ratio") * Greatest(F("card_principal"), F("consumption_60d")),
        output_field=DecimalField(max_digits=30, decimal_places=4),
    )
    board = member_board(ctx=ctx).filter(
        pk__in=among.values("pk"),
        overdue_ratio__gte=Decimal(str(option("at_risk_ratio", ctx.site))),
    )
    rows = list(board.order_by(at_stake.desc(), "pk").values("pk", *COLUMNS))
    reachable = _reachable([row["pk"] for row in rows], ctx)
    return [row | {"may_contact": row["pk"] in reachable} for row in rows]


def _reachable(member_ids: Collection[int], ctx: RuntimeContext) -> set[int]:
    """Those of some members whom nobody has to leave in peace, as a contact's or task's outcome says
    as well.
    """
    of_members = {"site": ctx.site, "business_date__lte": ctx.business_date}
    refused = {"outcome": CoachTaskEvent.Outcome.DO_NOT_CONTACT}
    contacts = Contact.objects.filter(member__in=member_ids, **of_members, **refused)
    events = CoachTaskEvent.objects.filter(task__member__in=member_ids, **of_members, **refused)
    quiet = {
        *contacts.values_list("member_id", flat=True),
        *events.values_list("task__member_id", flat=True),
    }
    consents = consents_of(member_ids=member_ids, ctx=ctx)
    return {pk for pk, consent in consents.items() if consent.is_open} - quiet
