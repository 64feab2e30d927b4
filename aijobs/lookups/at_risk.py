"""Whose own rhythm is broken, the ones first whom it would cost most to lose."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, ExpressionWrapper, F, QuerySet
from django.db.models.functions import Greatest

from metrics.boards import member_board
from metrics.models import Member
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
    times principal left or 60 days' spending, whichever is more.
    """
    at_stake = ExpressionWrapper(
        F("overdue_ratio") * Greatest(F("card_principal"), F("consumption_60d")),
        output_field=DecimalField(max_digits=30, decimal_places=4),
    )
    board = member_board(ctx=ctx).filter(
        pk__in=among.values("pk"),
        overdue_ratio__gte=Decimal(str(option("at_risk_ratio", ctx.site))),
    )
    return list(board.order_by(at_stake.desc(), "pk").values("pk", *COLUMNS))
