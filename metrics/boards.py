"""Lists of a store's members with their metrics, at a business date.

What is only shown is looked up row by row: PostgreSQL asks after LIMIT, so a page costs fifty
look-ups. What is filtered or sorted by is needed of everybody, and joined.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Self, cast

from django.db.models import (
    DateField,
    DecimalField,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from metrics.board_rhythm import add_rhythms, join_visits
from metrics.calculations.rhythm import stickiness_options
from metrics.models import Member, MemberLifecycle, MemberVersion
from sandbox.context import RuntimeContext, current_context

_MONEY: DecimalField[Any, Any] = DecimalField(max_digits=20, decimal_places=2)


class _DaysBetween(Func):
    """Whole days from the second date to the first."""

    arg_joiner = " - "
    template = "(%(expressions)s)"
    output_field = IntegerField()


class Board(QuerySet[Member]):
    """Members with their metrics. Every column may be filtered and sorted by."""

    def filter(self, *args: Any, **kwargs: Any) -> Self:
        names = _names_in(Q(*args, **kwargs))
        return super(Board, self._joined(names)).filter(*args, **kwargs)

    def exclude(self, *args: Any, **kwargs: Any) -> Self:
        names = _names_in(Q(*args, **kwargs))
        return super(Board, self._joined(names)).exclude(*args, **kwargs)

    def order_by(self, *fields: Any) -> Self:
        names = {name for field in fields for name in _names_in(field)}
        return super(Board, self._joined(names)).order_by(*fields)

    def showing(self, *columns: str) -> Self:
        """Without looking up other columns, which may be filtered and sorted by all the same."""
        board = self.all()
        board.query.set_annotation_mask(columns)
        return board

    def joined(self) -> Self:
        """With everything joined, for whoever reads many rows: look-ups would cost by the row."""
        return self._joined({*self.query.annotations})

    def _joined(self, names: set[str]) -> Self:
        """With the named columns joined that are otherwise looked up."""
        joined = self.annotate(**{name: _JOINED[name] for name in names & _JOINED.keys()})
        join_visits(joined, names=names)
        return joined


def _names_in(condition: Any) -> set[str]:
    """The columns that a condition or an ordering looks at: "-name", F("name"), Q(name="x"), ..."""
    if isinstance(condition, Q):
        return {name for child in condition.children for name in _names_in(child)}
    if isinstance(condition, tuple):
        return {condition[0].partition("__")[0]}
    if isinstance(condition, str):
        return {condition.removeprefix("-")}
    parts = [*condition.flatten()] if hasattr(condition, "flatten") else [condition]
    return {cast(Any, part).name for part in parts if isinstance(part, F)}


# Columns that are looked up unless they are filtered or sorted by.
_JOINED = {
    "name": Coalesce(F("version__name"), Value("")),
    "phone": Coalesce(F("version__phone"), Value("")),
    "joined_at": F("version__joined_at"),
    "lifecycle_stage": F("stage__stage"),
}


def member_board(*, ctx: RuntimeContext | None = None) -> Board:
    """Members known at D, annotated with what is known of them and their metrics then.

    Every annotation may be filtered and ordered by. Money in yuan.
    """
    ctx = ctx or current_context()
    version = _row_in_force(MemberVersion, "business_date", ctx)
    stage = _row_in_force(MemberLifecycle, "stat_date", ctx)
    board: Any = Board(Member).filter(site=ctx.site, business_date__lte=ctx.business_date)
    board = board.annotate(
        version=_in_force("versions", "business_date", ctx),
        sums=_in_force("consumption", "stat_date", ctx),
        stage=_in_force("lifecycle", "stat_date", ctx),
    ).annotate(
        name=Coalesce(Subquery(version.values("name")), Value("")),
        phone=Coalesce(Subquery(version.values("phone")), Value("")),
        joined_at=Subquery(version.values("joined_at")),
        last_visit=F("sums__last_visit"),
        last_visit_days=_DaysBetween(Value(ctx.business_date, DateField()), F("sums__last_visit")),
        visits=Coalesce(F("sums__visits"), 0),
        total_transactions=Coalesce(F("sums__transactions"), 0),
        card_balance=_yuan(F("sums__principal") + F("sums__gift")),
        card_principal=_yuan(F("sums__principal")),
        card_gift=_yuan(F("sums__gift")),
        consumption_60d=_yuan(F("sums__paid_60d")),
        total_consumption=_yuan(F("sums__paid")),
        lifecycle_stage=Subquery(stage.values("stage")),
    )
    board = add_rhythms(board, ctx=ctx, options=stickiness_options(ctx.site))
    return cast(Board, _add_recall_weight(board))


def _add_recall_weight(board: Any) -> Any:
    """Whom to call first: their rhythm is broken, and there is much to lose. Never shown."""
    at_stake = Func(F("card_principal"), F("consumption_60d"), function="greatest")
    weight = Func(
        F("overdue_ratio"),
        at_stake,
        template="(%(expressions)s)",
        arg_joiner=" * ",
        output_field=_MONEY,
    )
    usual = Func(F("visits"), Value(0), function="nullif", output_field=IntegerField())
    return board.alias(
        recall_weight=weight,
        spent_a_visit=Func(
            F("total_consumption"),
            usual,
            template="(%(expressions)s)",
            arg_joiner=" / ",
            output_field=_MONEY,
        ),
    )


def _row_in_force(model: type[Model], since: str, ctx: RuntimeContext) -> QuerySet[Any]:
    """A row's own in another table: there is one, which order and limit find by index."""
    rows = model._default_manager.filter(
        site=ctx.site,
        member=OuterRef("pk"),
        valid_to__gt=ctx.business_date,
        **{f"{since}__lte": ctx.business_date},
    )
    return rows.order_by(f"-{since}")[:1]


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
