"""What a member has spent, holds and does, at a business date.

Sums come from the member's one summary row in force at D; a member without bills and card entries
has none: sums are 0 then, dates unknown. The stage has a row of its own, rhythm is in the visits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Subquery

from metrics.calculations.rhythm import (
    RHYTHM_DAYS,
    interval_median,
    overdue,
    stickiness_of,
    stickiness_options,
    visit_days,
)
from metrics.models import MemberConsumption, MemberLifecycle
from metrics.money import yuan
from sandbox.context import RuntimeContext, current_context
from sandbox.decorators import runtime_aware
from sandbox.models import Site


@dataclass(frozen=True)
class MemberSums:
    """A member's sums up to and including a date; money in cents."""

    last_visit: date | None = None
    transactions: int = 0
    paid: int = 0
    principal: int = 0
    gift: int = 0
    paid_60d: int = 0


_SUMS = tuple(MemberSums.__dataclass_fields__)


def member_sums(*, site: Site, member_id: int, as_of: date) -> MemberSums:
    """The sums in force at a date."""
    row = _in_force(site, member_id, as_of).values(*_SUMS).first()
    return MemberSums(**row) if row else MemberSums()


def _in_force(site: Site, member_id: int, as_of: date) -> QuerySet[MemberConsumption]:
    return MemberConsumption.objects.filter(
        site=site, member_id=member_id, stat_date__lte=as_of, valid_to__gt=as_of
    )


def days_since(last_visit: date | None, *, as_of: date) -> int | None:
    """Whole days from the last visit to a date; None without a visit."""
    return None if last_visit is None else (as_of - last_visit).days


def _sums(member_id: int, ctx: RuntimeContext) -> MemberSums:
    return member_sums(site=ctx.site, member_id=member_id, as_of=ctx.business_date)


@runtime_aware(metric="last_visit_days")
def last_visit_days(member_id: int, *, ctx: RuntimeContext) -> int | None:
    """Days since the last visit; None for a member who never came."""
    return days_since(_sums(member_id, ctx).last_visit, as_of=ctx.business_date)


@runtime_aware(metric="card_balance")
def card_balance(member_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Principal and gift on the card."""
    sums = _sums(member_id, ctx)
    return yuan(sums.principal + sums.gift)


@runtime_aware(metric="card_principal")
def card_principal(member_id: int, *, ctx: RuntimeContext) -> Decimal:
    """The member's own money on the card."""
    return yuan(_sums(member_id, ctx).principal)


@runtime_aware(metric="card_gift")
def card_gift(member_id: int, *, ctx: RuntimeContext) -> Decimal:
    """What was given on top, and is left."""
    return yuan(_sums(member_id, ctx).gift)


@runtime_aware(metric="consumption_60d")
def consumption_60d(member_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Paid in (D−60, D]."""
    return yuan(_sums(member_id, ctx).paid_60d)


@runtime_aware(metric="total_consumption")
def total_consumption(member_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Paid, all time."""
    return yuan(_sums(member_id, ctx).paid)


@runtime_aware(metric="total_transactions")
def total_transactions(member_id: int, *, ctx: RuntimeContext) -> int:
    """Settled bills, voids and what they void excluded."""
    return _sums(member_id, ctx).transactions


@runtime_aware(metric="stickiness")
def stickiness(member_id: int, *, ctx: RuntimeContext) -> Decimal:
    """0 to 100: how often and how recently the member came in (D−W, D]."""
    options = stickiness_options(ctx.site)
    visits = _visits(member_id, ctx, days=options.window_days)
    return stickiness_of(visits, as_of=ctx.business_date, options=options)


@runtime_aware(metric="lifecycle_stage")
def lifecycle_stage(member_id: int, *, ctx: RuntimeContext) -> str | None:
    """The stage in force (MemberLifecycle.Stage); None for a member who never came."""
    return _stages(member_id, ctx).values_list("stage", flat=True).first()


@runtime_aware(metric="visit_interval_median")
def visit_interval_median(member_id: int, *, ctx: RuntimeContext) -> Decimal | None:
    """The usual days between visits; None below 4 visits in the last half year."""
    visits = _visits(member_id, ctx, days=RHYTHM_DAYS)
    return interval_median(visits, as_of=ctx.business_date)


@runtime_aware(metric="overdue_ratio")
def overdue_ratio(member_id: int, *, ctx: RuntimeContext) -> Decimal | None:
    """Days away over the usual interval; None where that is unknown."""
    visits = _visits(member_id, ctx, days=RHYTHM_DAYS)
    away = days_since(visits[-1] if visits else None, as_of=ctx.business_date)
    return overdue(away, interval_median(visits, as_of=ctx.business_date))


def member_metrics(member_id: int, *, ctx: RuntimeContext | None = None) -> dict[str, Any]:
    """All member metrics by key, in the catalog's order, in three queries."""
    ctx = ctx or current_context()
    day = ctx.business_date
    options = stickiness_options(ctx.site)
    visits = _visits(member_id, ctx, days=max(RHYTHM_DAYS, options.window_days))
    stage = Subquery(_stages(member_id, ctx).values("stage")[:1])
    row = _in_force(ctx.site, member_id, day).values(*_SUMS, stage=stage).first()
    sums = MemberSums(**{name: row[name] for name in _SUMS}) if row else MemberSums()
    away = days_since(sums.last_visit, as_of=day)
    usual = interval_median(visits, as_of=day)
    return {
        "last_visit_days": away,
        "card_balance": yuan(sums.principal + sums.gift),
        "card_principal": yuan(sums.principal),
        "card_gift": yuan(sums.gift),
        "consumption_60d": yuan(sums.paid_60d),
        "total_consumption": yuan(sums.paid),
        "total_transactions": sums.transactions,
        "stickiness": stickiness_of(visits, as_of=day, options=options),
        "lifecycle_stage": row["stage"] if row else None,
        "visit_interval_median": usual,
        "overdue_ratio": overdue(away, usual),
    }


def _visits(member_id: int, ctx: RuntimeContext, *, days: int) -> list[date]:
    return visit_days(site=ctx.site, member_id=member_id, as_of=ctx.business_date, days=days)


def _stages(member_id: int, ctx: RuntimeContext) -> QuerySet[MemberLifecycle]:
    return MemberLifecycle.objects.filter(
        site=ctx.site,
        member_id=member_id,
        stat_date__lte=ctx.business_date,
        valid_to__gt=ctx.business_date,
    )


# --- Historic names ----------------------------------------------------------------------------


def get_last_visit_days(member_id: int, *, ctx: RuntimeContext | None = None) -> int | None:
    """See last_visit_days."""
    return last_visit_days(member_id, ctx=ctx)


def get_member_balance(member_id: int, *, ctx: RuntimeContext | None = None) -> Decimal:
    """See card_balance."""
    return card_balance(member_id, ctx=ctx)


def get_consumption_60d(member_id: int, *, ctx: RuntimeContext | None = None) -> Decimal:
    """See consumption_60d."""
    return consumption_60d(member_id, ctx=ctx)
