"""Lists of a store's members with their metrics, at a business date."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import (
    DateField,
    DecimalField,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    Q,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from metrics.board_rhythm import Board, add_rhythms
from metrics.calculations.rhythm import stickiness_options
from metrics.models import Member
from sandbox.context import RuntimeContext, current_context

_MONEY: DecimalField[Any, Any] = DecimalField(max_digits=20, decimal_places=2)


class _DaysBetween(Func):
    """Whole days from the second date to the first."""

    arg_joiner = " - "
    template = "(%(expressions)s)"
    output_field = IntegerField()


def member_board(*, ctx: RuntimeContext | None = None) -> Board:
    """Members known at D, annotated with what is known of them and their metrics then.

    Every annotation may be filtered and ordered by. Money in yuan. The rows in force at D are
    joined once, so a page costs one pass over the store's rows whatever it is sorted by; visits are
    joined only where a rhythm is sorted by (board_rhythm).
    """
    ctx = ctx or current_context()
    members: Board = (
        Board(Member)
        .filter(site=ctx.site, business_date__lte=ctx.business_date)
        .annotate(
            version=_in_force("versions", "business_date", ctx),
            sums=_in_force("consumption", "stat_date", ctx),
            stage=_in_force("lifecycle", "stat_date", ctx),
        )
        .annotate(
            name=Coalesce(F("version__name"), Value("")),
            phone=Coalesce(F("version__phone"), Value("")),
            joined_at=F("version__joined_at"),
            last_visit=F("sums__last_visit"),
            last_visit_days=_DaysBetween(
                Value(ctx.business_date, DateField()), F("sums__last_visit")
            ),
            visits=Coalesce(F("sums__visits"), 0),
            total_transactions=Coalesce(F("sums__transactions"), 0),
            card_balance=_yuan(F("sums__principal") + F("sums__gift")),
            card_principal=_yuan(F("sums__principal")),
            card_gift=_yuan(F("sums__gift")),
            consumption_60d=_yuan(F("sums__paid_60d")),
            total_consumption=_yuan(F("sums__paid")),
            lifecycle_stage=F("stage__stage"),
        )
    )
    return add_rhythms(members, ctx=ctx, options=stickiness_options(ctx.site))


def _in_force(relation: str, since: str, ctx: RuntimeContext) -> FilteredRelation:
    return FilteredRelation(
        relation,
        condition=Q(
            **{
                f"{relation}__site": ctx.site,
                f"{relation}__{since}__lte": ctx.business_date,
                f"{relation}__valid_to__gt": ctx.business_date,
            }
        ),
    )


def _yuan(cents: Combinable) -> Func:
    return Coalesce(
        Func(cents, template="(%(expressions)s * 0.01)", output_field=_MONEY),
        Value(Decimal("0.00")),
        output_field=_MONEY,
    )
