"""What an assistant has earned, at a business date: by day, and by the month."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from metrics.calculations.assistants import work_at
from metrics.calculations.month_pay import KINDS, MonthItems, MonthPay, month_pay_at, month_sums
from metrics.models import AssistantSalary
from metrics.money import hours, yuan
from sandbox.context import RuntimeContext, current_context
from sandbox.decorators import runtime_aware
from sandbox.errors import BadRequest
from sandbox.models import Site


@dataclass(frozen=True)
class DayPay:
    """What an assistant earned on a day; hours and money with 2 places.

    Attributes:
        level: in force on the day; '' before the first.
        total: None when hours were worked that no plan prices; base_pay and commission too.
    """

    day: date
    level: str
    hours: Decimal
    ledger: Decimal
    base_pay: Decimal | None
    commission: Decimal | None
    reward: Decimal
    income: Decimal
    deduction: Decimal
    expense: Decimal
    total: Decimal | None


def day_pay_at(*, site: Site, as_of: date, assistant_id: int | None = None) -> dict[int, DayPay]:
    """What a date itself earned assistants (None: all of the store), by id; only who has a row."""
    rows = AssistantSalary.objects.filter(site=site, stat_date=as_of)
    if assistant_id is not None:
        rows = rows.filter(assistant=assistant_id)
    return {row.assistant_id: _day_pay(row) for row in rows}


def _month_pay(assistant_id: int, site: Site, as_of: date) -> MonthPay:
    work = work_at(site=site, as_of=as_of, assistant_id=assistant_id)
    pays = month_pay_at(site=site, as_of=as_of, assistant_id=assistant_id, work=work)
    return pays.get(assistant_id, MonthPay())


@runtime_aware(metric="daily_salary")
def daily_salary(assistant_id: int, *, ctx: RuntimeContext) -> Decimal | None:
    """What D itself earned; None when hours were worked that no plan prices."""
    today = day_pay_at(site=ctx.site, as_of=ctx.business_date, assistant_id=assistant_id)
    return today[assistant_id].total if assistant_id in today else yuan(0)


@runtime_aware(metric="month_salary")
def month_salary(assistant_id: int, *, ctx: RuntimeContext) -> Decimal | None:
    """Days of D's month up to D, and what the month pays; None when not all is known."""
    return _month_pay(assistant_id, ctx.site, ctx.business_date).total()


@runtime_aware(metric="salary_adjustments")
def salary_adjustments(assistant_id: int, *, ctx: RuntimeContext) -> dict[str, Decimal]:
    """Corrections of D's month up to D, by kind."""
    sums = month_sums(ctx.site, ctx.business_date, assistant_id).get(assistant_id, {})
    return {kind: yuan(sums.get(kind, 0)) for kind in KINDS}


def daily_pay(
    assistant_id: int, month: date, *, ctx: RuntimeContext | None = None
) -> tuple[list[DayPay], MonthItems | None]:
    """The days of a month up to D, and apart from them what the month pays (「月度结算项」).

    Args:
        month: any day of it.

    Returns:
        Days with services or corrections, in order; items None when not all pay is known.

    Raises:
        BadRequest: the month begins after D.
    """
    ctx = ctx or current_context()
    first = month.replace(day=1)
    if first > ctx.business_date:
        text = _("That month is still to come.")
        raise BadRequest(text, fields={"month": [text]})
    last = min(ctx.business_date, month.replace(day=monthrange(month.year, month.month)[1]))
    days = AssistantSalary.objects.filter(
        site=ctx.site, assistant=assistant_id, stat_date__gte=first, stat_date__lte=last
    )
    return (
        [_day_pay(row) for row in days.order_by("stat_date")],
        _month_pay(assistant_id, ctx.site, last).items,
    )


def _day_pay(row: AssistantSalary) -> DayPay:
    is_priced = not row.unpriced_hours
    return DayPay(
        row.stat_date,
        row.assistant_level_code,
        hours(row.hours),
        yuan(row.ledger),
        yuan(row.base_pay) if is_priced else None,
        yuan(row.commission) if is_priced else None,
        yuan(row.reward),
        yuan(row.income),
        yuan(row.deduction),
        yuan(row.expense),
        yuan(row.day_total) if is_priced else None,
    )
