"""What the apps about members are told: visits, spend, places, hours, rhythm, card, all at D."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from aijobs.ai_apps.base import Features
from aijobs.pseudonyms import assistant_token, member_token
from metrics.calculations.members import member_metrics
from metrics.models import (
    AreaVersion,
    CardEntry,
    Contact,
    Member,
    MemberVersion,
    ServiceLine,
    Settlement,
)
from sandbox.context import RuntimeContext
from sandbox.errors import NotFound

METRICS = (
    "last_visit_days",
    "card_balance",
    "card_principal",
    "card_gift",
    "consumption_60d",
    "total_consumption",
    "total_transactions",
)
# Habits are read from the last half year: older ones say little about the next visit.
HABIT_DAYS = 180
# Below this many visits a habit is an anecdote.
ENOUGH_VISITS = 4
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_BANDS = ((6, 10), (10, 14), (14, 17), (17, 19), (19, 23), (23, 30))
_CENT = Decimal("0.01")


def describe_member(ctx: RuntimeContext, member_id: int) -> Features:
    """Everything the summaries and the last half year of facts say about a member at D.

    Raises:
        NotFound: the member is not known at D.
    """
    bills, services = read_half_year(ctx, member_id)
    cards = list(
        _without_voids(CardEntry, ctx, member_id).filter(kind=CardEntry.Kind.RECHARGE).reverse()[:1]
    )
    visits = sorted({bill.business_date for bill in bills})
    values = {
        "member": member_token(member_id),
        "as_of": ctx.business_date.isoformat(),
        "metrics": _plain(member_metrics(member_id, ctx=ctx)),
        "visits": describe_visits(ctx, visits),
        "rhythm": describe_rhythm(ctx, visits),
        "spend": _describe_spend(ctx, bills),
        **describe_habits(ctx, bills),
        "partners": _describe_assistants(services),
        "last_recharge": _describe_recharge(cards),
        "consent": describe_consent(ctx, member_id),
    }
    return Features(
        values=values,
        metrics=METRICS,
        rows={
            "settlements": [bill.pk for bill in bills][-50:],
            "service_lines": [line.pk for line in services][-50:],
            "card_entries": [entry.pk for entry in cards],
        },
        dates=tuple(day.isoformat() for day in visits[-10:]),
    )


def read_half_year(
    ctx: RuntimeContext, member_id: int
) -> tuple[list[Settlement], list[ServiceLine]]:
    """A member's bills and the services on them of the last half year, voids left out, in order.

    Raises:
        NotFound: the member is not known at D.
    """
    if not Member.objects.filter(site=ctx.site, pk=member_id).exists():
        raise NotFound
    since = ctx.business_date - timedelta(days=HABIT_DAYS)
    bills = _without_voids(Settlement, ctx, member_id).filter(business_date__gt=since)
    services = (
        _without_voids(ServiceLine, ctx, member_id)
        .filter(business_date__gt=since)
        .exclude(Exists(Settlement.objects.filter(void_of=OuterRef("settlement"))))
    )
    return list(bills), list(services)


def describe_habits(ctx: RuntimeContext, bills: list[Settlement]) -> dict[str, Any]:
    """Where and when the bills were: areas, weekdays, hours, each with its share."""
    area_of = _area_names(ctx)
    return {
        "areas": _shares(area_of(bill) for bill in bills),
        "weekdays": _shares(WEEKDAYS[bill.business_date.weekday()] for bill in bills),
        "hours": _shares(_band_of(ctx, bill) for bill in bills),
    }


def money(value: Decimal | int) -> str:
    """Yuan with 2 places."""
    return str(Decimal(value).quantize(_CENT, ROUND_HALF_UP))


def _without_voids(model: Any, ctx: RuntimeContext, member_id: int) -> QuerySet[Any]:
    """A member's facts at D in order: neither voids nor what they voided."""
    rows: QuerySet[Any] = (
        model.objects.filter(site=ctx.site, member_id=member_id, void_of=None)
        .exclude(Exists(model.objects.filter(site=ctx.site, void_of=OuterRef("pk"))))
        .order_by("occurred_at", "id")
    )
    return rows


def _plain(metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        key: money(value) if isinstance(value, Decimal) else value
        for key, value in metrics.items()
        if key in METRICS
    }


def describe_visits(ctx: RuntimeContext, visits: list[date]) -> dict[str, Any]:
    last, before = two_windows(ctx, visits)
    months: Counter[str] = Counter(day.strftime("%Y-%m") for day in visits)
    return {
        "count_180d": len(visits),
        "newest": [day.isoformat() for day in visits[-10:]],
        "last_30d": last,
        "previous_30d": before,
        "by_month": [{"month": month, "visits": count} for month, count in sorted(months.items())],
        "few": len(visits) < ENOUGH_VISITS,
    }


def two_windows(ctx: RuntimeContext, days: Iterable[date]) -> tuple[int, int]:
    """How many fall into the last 30 days at D, and into the 30 before them."""
    ages = [(ctx.business_date - day).days for day in days]
    return sum(age < 30 for age in ages), sum(30 <= age < 60 for age in ages)


def describe_rhythm(ctx: RuntimeContext, visits: list[date]) -> dict[str, Any] | None:
    """Own rhythm: days away over the own median interval; None below 4 visits in the half year."""
    if len(visits) < ENOUGH_VISITS:
        return None
    intervals = [(later - day).days for day, later in itertools.pairwise(visits)]
    usual = median(intervals)
    away = (ctx.business_date - visits[-1]).days
    return {
        "median_interval_days": usual,
        "days_away": away,
        "overdue_ratio": round(away / usual, 2),
    }


def _describe_spend(ctx: RuntimeContext, bills: list[Settlement]) -> dict[str, Any]:
    by_day: defaultdict[date, Decimal] = defaultdict(Decimal)
    for bill in bills:
        by_day[bill.business_date] += bill.paid
    ages = {day: (ctx.business_date - day).days for day in by_day}
    gross = sum((bill.gross for bill in bills), Decimal())
    discount = sum((bill.discount for bill in bills), Decimal())
    return {
        "last_30d": money(sum((paid for day, paid in by_day.items() if ages[day] < 30), Decimal())),
        "previous_30d": money(
            sum((paid for day, paid in by_day.items() if 30 <= ages[day] < 60), Decimal())
        ),
        "usual_visit": money(median(by_day.values())) if by_day else None,
        "groupbuy_or_coupon_bills": sum(
            bool((bill.groupbuy_paid or 0) > 0 or (bill.coupon_discount or 0) > 0) for bill in bills
        ),
        "bills": len(bills),
        "discount_share": float(round(discount / gross, 2)) if gross else None,
        "last_bill": _describe_bill(bills[-1]) if bills else None,
    }


def _describe_bill(bill: Settlement) -> dict[str, Any]:
    return {
        "date": bill.business_date.isoformat(),
        "paid": money(bill.paid),
        "area": bill.area_code,
        "guests": bill.guests,
    }


def _shares(names: Iterable[str | None]) -> list[dict[str, Any]]:
    """How often each occurs, most frequent first, at most three."""
    counts = Counter(name for name in names if name)
    total = counts.total()
    return [
        {"name": name, "bills": count, "share": round(count / total, 2)}
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3]
    ]


def _area_names(ctx: RuntimeContext) -> Callable[[Settlement], str]:
    versions = AreaVersion.objects.filter(site=ctx.site, valid_to__gt=ctx.business_date)
    names = dict(versions.values_list("area_id", "name"))
    return lambda bill: names.get(bill.area_id or 0) or bill.area_code


def _band_of(ctx: RuntimeContext, bill: Settlement) -> str | None:
    start = bill.started_at or bill.occurred_at
    hour = start.astimezone(ctx.site.zone).hour
    hour += 24 if hour < _BANDS[0][0] else 0
    for first, last in _BANDS:
        if first <= hour < last:
            return f"{first}-{last if last <= 24 else f'次日{last - 24}'}点"
    return None


def _describe_assistants(services: list[ServiceLine]) -> list[dict[str, Any]]:
    by_assistant: defaultdict[int, list[ServiceLine]] = defaultdict(list)
    for line in services:
        by_assistant[line.assistant_id].append(line)
    rows = [
        {
            "assistant": assistant_token(assistant_id),
            "services": len(lines),
            "hours": f"{sum((line.hours for line in lines), Decimal()).normalize():f}",
            "last": lines[-1].business_date.isoformat(),
        }
        for assistant_id, lines in by_assistant.items()
    ]
    return sorted(rows, key=lambda row: (-int(str(row["services"])), str(row["assistant"])))[:3]


def _describe_recharge(cards: list[CardEntry]) -> dict[str, Any] | None:
    if not cards:
        return None
    return {
        "date": cards[0].business_date.isoformat(),
        "principal": money(cards[0].principal),
        "gift": money(cards[0].gift),
    }


def describe_consent(ctx: RuntimeContext, member_id: int) -> dict[str, Any]:
    version = MemberVersion.objects.filter(
        site=ctx.site, member_id=member_id, valid_to__gt=ctx.business_date
    ).first()
    contact = (
        Contact.objects.filter(site=ctx.site, member_id=member_id).order_by("-occurred_at").first()
    )
    return {
        "may_contact": not (version and (version.is_minor or version.do_not_contact)),
        "last_contact": contact.business_date.isoformat() if contact else None,
    }
