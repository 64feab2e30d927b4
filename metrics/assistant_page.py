"""What the pages of assistants show: all of them in an order, a month's pay, a day's work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q

from metrics.assistant_board import AssistantFigures, assistant_board
from metrics.calculations.relationships import Relationship, relationships_of
from metrics.calculations.salary import DayPay, daily_pay
from metrics.models import (
    AreaVersion,
    MemberVersion,
    SalaryAdjustment,
    ServiceLine,
    Settlement,
)
from metrics.names import name_at
from metrics.task_board import task_board
from sandbox.context import RuntimeContext

# What the list shows and is sorted by.
COLUMNS = (
    "assistant_level",
    "assistant_stars",
    "month_hours",
    "month_billed",
    "customers_served",
    "task_completion_rate",
    "month_salary",
)
DEFAULT_ORDER = "-month_billed"
# Nobody reads further; the closest come first.
MOST_CUSTOMERS = 50


def ordered_board(*, order: str, ctx: RuntimeContext) -> tuple[str, list[AssistantFigures]]:
    """The assistants at D by a column ("name", "-month_hours"), the unknown last, and the order."""
    key = order.removeprefix("-")
    if key not in ("name", *COLUMNS):
        order, key = DEFAULT_ORDER, DEFAULT_ORDER.removeprefix("-")
    board = assistant_board(ctx=ctx)
    if key != "name":
        known = [one for one in board if one.metrics[key] is not None]
        known.sort(key=lambda one: one.metrics[key], reverse=order.startswith("-"))
        board = known + [one for one in board if one.metrics[key] is None]
    elif order.startswith("-"):
        board.reverse()
    return order, board


@dataclass(frozen=True)
class PayLine:
    """A day, and the month up to and including it; None once not all is known."""

    pay: DayPay
    so_far: Decimal | None


@dataclass(frozen=True)
class PaySheet:
    """An assistant's month up to D.

    Attributes:
        items: what the month itself pays, in yuan by name; None when not all pay is known.
        days_total: of the days. total: with the items.
    """

    month: date
    lines: list[PayLine]
    items: dict[str, Decimal] | None
    days_total: Decimal | None
    total: Decimal | None


def pay_sheet(*, assistant_id: int, month: date, ctx: RuntimeContext) -> PaySheet:
    """A month's pay day by day, its own items apart.

    Raises:
        BadRequest: the month begins after D.
    """
    days, items = daily_pay(assistant_id, month, ctx=ctx)
    lines = []
    so_far: Decimal | None = Decimal("0.00")
    for day in days:
        so_far = None if so_far is None or day.total is None else so_far + day.total
        lines.append(PayLine(day, so_far))
    shown = items.shown() if items else None
    total = None if so_far is None or shown is None else so_far + sum(shown.values())
    return PaySheet(month.replace(day=1), lines, shown, so_far, total)


def months_of(*, since: date, ctx: RuntimeContext) -> list[date]:
    """The months from a date to D, the newest first, each by its first day."""
    month = ctx.business_date.replace(day=1)
    months = [month]
    while month > since:
        month = (month - timedelta(days=1)).replace(day=1)
        months.append(month)
    return months


def corrections_of(
    *, assistant_id: int, month: date, ctx: RuntimeContext
) -> Sequence[SalaryAdjustment]:
    """The corrections with effective dates in a month up to D, voided ones marked.

    Args:
        month: any day of it.
    """
    found = SalaryAdjustment.objects.filter(
        site=ctx.site,
        assistant_id=assistant_id,
        business_date__gte=month.replace(day=1),
        business_date__lt=_month_after(month),
        void_of=None,
    ).filter(business_date__lte=ctx.business_date)
    voids = SalaryAdjustment.objects.filter(site=ctx.site, void_of=OuterRef("pk"))
    return list(found.annotate(is_voided=Exists(voids)).order_by("business_date", "pk"))


@dataclass(frozen=True)
class Customer:
    """A member whom the assistant takes care of, by name."""

    name: str
    relationship: Relationship


def customers_of(*, assistant_id: int, ctx: RuntimeContext) -> tuple[list[Customer], int]:
    """An assistant's closest customers, and how many there are."""
    found = relationships_of(assistant_id, ctx=ctx)
    shown = found[:MOST_CUSTOMERS]
    day = ctx.business_date
    names = dict(
        MemberVersion.objects.filter(
            site=ctx.site,
            member_id__in=[one.member_id for one in shown],
            business_date__lte=day,
            valid_to__gt=day,
        ).values_list("member_id", "name")
    )
    return [Customer(names.get(one.member_id, ""), one) for one in shown], len(found)


def tasks_of(*, assistant_id: int, month: date, ctx: RuntimeContext) -> Sequence[Any]:
    """The tasks that were given or due in a month, as they stand at D."""
    month, after = month.replace(day=1), _month_after(month)
    given = Q(business_date__gte=month, business_date__lt=after)
    due = Q(due_on__gte=month, due_on__lt=after)
    tasks = task_board(ctx=ctx).filter(given | due, assistant_id=assistant_id)
    return list(tasks.order_by("due_on", "pk"))


def services_of(*, assistant_id: int, day: date, ctx: RuntimeContext) -> Sequence[Any]:
    """What an assistant did on a date, line by line with its bill; what does not count is marked."""
    voids = ServiceLine.objects.filter(site=ctx.site, void_of=OuterRef("pk"))
    bill_voids = Settlement.objects.filter(site=ctx.site, void_of=OuterRef("settlement"))
    lines = list(
        ServiceLine.objects.filter(
            site=ctx.site, assistant_id=assistant_id, business_date=day, void_of=None
        )
        .annotate(
            is_voided=Exists(voids) | Exists(bill_voids),
            member_called=name_at(MemberVersion, "member", ctx.business_date),
        )
        .select_related("settlement")
        .order_by("occurred_at", "pk")
    )
    areas = dict(
        AreaVersion.objects.filter(
            site=ctx.site, business_date__lte=ctx.business_date, valid_to__gt=ctx.business_date
        ).values_list("area_id", "name")
    )
    for line in lines:
        bill = line.settlement
        line.area_name = areas.get(bill.area_id or 0) or bill.area_code  # type: ignore[attr-defined]
    return lines


def _month_after(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)
