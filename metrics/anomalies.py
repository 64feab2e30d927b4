"""What is odd about a day, each with how often, how much, and the rows behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import (
    Count,
    DateTimeField,
    DecimalField,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Abs, Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from metrics.models import MemberConsumption, Settlement
from metrics.money import yuan
from sandbox.context import RuntimeContext
from sandbox.models import Site
from sandbox.options import option_values

LARGE_DISCOUNT, VOID, LATE, NEGATIVE = "large_discount", "void", "late", "negative_balance"
# The odd bills by the values of the bills' filter (metrics.admin).
ODD_BILLS: dict[str, Promise | str] = {
    LARGE_DISCOUNT: _("large discounts"),
    VOID: _("voids"),
    LATE: _("came in late"),
}
TITLES = {**ODD_BILLS, NEGATIVE: _("negative balances")}
# Files bring months at once and long after; only what a till pushes can be late.
_PUSHED = "api"
_MONEY: DecimalField[Any, Any] = DecimalField(max_digits=20, decimal_places=2)


@dataclass(frozen=True)
class Anomaly:
    """One kind of oddity: how many bills or members, and what they come to in yuan."""

    key: str
    count: int
    amount: Decimal

    @property
    def title(self) -> Promise | str:
        return TITLES[self.key]


def anomalies_of(*, day: date, ctx: RuntimeContext) -> list[Anomaly]:
    """The oddities of the bills of a day and of the balances at D; none where there is nothing."""
    bills = Settlement.objects.filter(site=ctx.site, business_date=day)
    conditions = {key: condition_of(key, site=ctx.site) for key in ODD_BILLS}
    amounts = {LARGE_DISCOUNT: F("discount"), VOID: Abs("gross"), LATE: F("gross")}
    found = with_oddities(bills, site=ctx.site).aggregate(
        **{f"{key}_count": Count("pk", filter=odd) for key, odd in conditions.items()},
        **{
            f"{key}_amount": Coalesce(
                Sum(amounts[key], filter=odd), Decimal(0), output_field=_MONEY
            )
            for key, odd in conditions.items()
        },
    )
    negative = MemberConsumption.objects.filter(
        site=ctx.site, stat_date__lte=ctx.business_date, valid_to__gt=ctx.business_date
    ).aggregate(
        count=Count("pk", filter=Q(principal__lt=-F("gift"))),
        cents=Coalesce(
            Sum(F("principal") + F("gift"), filter=Q(principal__lt=-F("gift"))), Value(0)
        ),
    )
    anomalies = [Anomaly(key, found[f"{key}_count"], found[f"{key}_amount"]) for key in ODD_BILLS]
    anomalies.append(Anomaly(NEGATIVE, negative["count"], yuan(negative["cents"])))
    return [anomaly for anomaly in anomalies if anomaly.count]


def with_oddities(bills: QuerySet[Settlement], *, site: Site) -> QuerySet[Settlement]:
    """Bills with what `condition_of` asks for: `is_voided`, `day_ended_at`."""
    voids = Settlement.objects.filter(site=site, void_of=OuterRef("pk"))
    next_start = _joined(" + 1 + ", F("business_date"), Value(site.day_starts_at))
    return bills.annotate(
        is_voided=Exists(voids),
        day_ended_at=_joined(" AT TIME ZONE ", next_start, Value(site.timezone)),
    )


def _joined(operator: str, *parts: Combinable) -> Func:
    return Func(
        *parts,
        template="(%(expressions)s)",
        arg_joiner=operator,
        output_field=DateTimeField(),
    )


def condition_of(key: str, *, site: Site) -> Q:
    """What makes a bill odd in one of the ways of ODD_BILLS."""
    if key == VOID:
        return Q(void_of__isnull=False)
    if key == LATE:
        return Q(void_of=None, batch__source=_PUSHED, recorded_at__gte=F("day_ended_at"))
    limits = option_values(["large_discount_rate", "large_discount_yuan"], site)
    return Q(
        void_of=None,
        is_voided=False,
        discount__gt=0,
        discount__gte=limits["large_discount_yuan"],
    ) & Q(discount__gte=F("gross") * Value(Decimal(str(limits["large_discount_rate"]))))
