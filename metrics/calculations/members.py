"""What a member has spent, holds and does, at a business date.

Every answer comes from the member's one summary row in force at D. A member without bills and card
entries has none: sums are 0 then, dates unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from metrics.models import MemberConsumption
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


def member_sums(*, site: Site, member_id: int, as_of: date) -> MemberSums:
    """The sums in force at a date."""
    row = (
        MemberConsumption.objects.filter(
            site=site, member_id=member_id, stat_date__lte=as_of, valid_to__gt=as_of
        )
        .values(*MemberSums.__dataclass_fields__)
        .first()
    )
    return MemberSums(**row) if row else MemberSums()


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


def member_metrics(member_id: int, *, ctx: RuntimeContext | None = None) -> dict[str, Any]:
    """All member metrics by key, in the catalog's order, from one row."""
    ctx = ctx or current_context()
    sums = _sums(member_id, ctx)
    return {
        "last_visit_days": days_since(sums.last_visit, as_of=ctx.business_date),
        "card_balance": yuan(sums.principal + sums.gift),
        "card_principal": yuan(sums.principal),
        "card_gift": yuan(sums.gift),
        "consumption_60d": yuan(sums.paid_60d),
        "total_consumption": yuan(sums.paid),
        "total_transactions": sums.transactions,
    }


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
