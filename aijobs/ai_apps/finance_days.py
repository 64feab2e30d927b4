"""The days of a period: each, by month, by weekday, the best, the worst, those that stand out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from aijobs.ai_apps.figures import amount, day_words, growth, percent, signed
from aijobs.ai_apps.finance_books import RHYTHM_WEEKS, Day
from aijobs.ai_apps.member_features import WEEKDAYS

# A longer range is told by months, not by days: a prompt has to stay short.
_MOST_DAYS = 31
# What a weekday is worth, or usual, takes so many of them.
_ENOUGH_WEEKDAYS = 4
# A day stands out from this ratio to its weekday's usual on, where so many bills a day are usual.
_STANDS_OUT, _ENOUGH_BILLS_A_DAY = Decimal("0.4"), 8
_MOST_UNUSUAL = 2


def describe_days(days: Sequence[Day], before: Sequence[Day] | None) -> dict[str, Any]:
    """The open days of a period, beside those of the period before where it is known."""
    with_bills = [day for day in days if day.bills]
    if not with_bills:
        return {"with_bills": 0}
    ranked = sorted(with_bills, key=lambda day: (day.paid, day.date))
    return {
        "with_bills": len(with_bills),
        "best": _describe_day(ranked[-1]),
        "worst": _describe_day(ranked[0]),
        "weekdays": _describe_weekdays(days, before),
        "unusual": _find_unusual(days),
        **(
            {"each": {day_name(day.date): [amount(day.paid), day.bills] for day in with_bills}}
            if (days[-1].date - days[0].date).days < _MOST_DAYS
            else {"months": _describe_months(days)}
        ),
    }


def day_name(day: date) -> str:
    return f"{day_words(day)}{WEEKDAYS[day.weekday()]}"


def next_weekdays(day: date) -> dict[str, str]:
    """The date of every weekday after a day."""
    ahead = (day + timedelta(days=nth) for nth in range(1, 8))
    return {WEEKDAYS[one.weekday()]: one.isoformat() for one in ahead}


def worth_of_weekdays(days: Iterable[Day]) -> dict[int, Decimal] | None:
    """What an open day takes in on each weekday; None where that is not known well enough."""
    paid = _by_weekday(days)
    if len(paid) < len(WEEKDAYS) or min(map(len, paid.values())) < _ENOUGH_WEEKDAYS:
        return None
    worth = {weekday: _mean(amounts) for weekday, amounts in paid.items()}
    return worth if all(worth.values()) else None


def describe_calendar(
    *,
    dates: Sequence[date],
    dates_before: Sequence[date],
    paid: Decimal,
    paid_before: Decimal,
    worth: Mapping[int, Decimal] | None,
) -> dict[str, Any] | None:
    """How far open days and weekdays explain a change; None where both periods have the same.

    `by`: what the difference in days alone should have brought; `like_for_like`: what is left.
    """
    now, before = (Counter(day.weekday() for day in each) for each in (dates, dates_before))
    differing = {day: now[day] - before[day] for day in range(7) if now[day] != before[day]}
    if not differing or not paid_before:
        return None
    told: dict[str, Any] = {
        "more_or_fewer_days": {WEEKDAYS[day]: count for day, count in differing.items()},
        "by": None,
        "like_for_like": None,
    }
    if worth is None:
        return told
    worth_now, worth_before = (
        sum((worth[day] * count for day, count in each.items()), Decimal())
        for each in (now, before)
    )
    if not worth_before:
        return told
    expected = paid_before * worth_now / worth_before
    return told | {
        "measured_by_weeks": RHYTHM_WEEKS,
        "by": signed(expected - paid_before),
        "percent": percent(growth(expected, paid_before), sign=True),
        "like_for_like": {
            "by": signed(paid - expected),
            "percent": percent(growth(paid, expected), sign=True),
        },
    }


def _describe_weekdays(
    days: Sequence[Day], before: Sequence[Day] | None
) -> dict[str, dict[str, Any]]:
    """What an open day takes in on each weekday, and how much more than in the period before."""
    paid, paid_before = _by_weekday(days), _by_weekday(before or ())
    means = {weekday: _mean(amounts) for weekday, amounts in sorted(paid.items())}
    return {
        WEEKDAYS[weekday]: {
            "days": len(paid[weekday]),
            "mean": amount(mean),
            "before": amount(_mean(paid_before[weekday])) if weekday in paid_before else None,
            "percent": percent(growth(mean, _mean(paid_before[weekday])), sign=True)
            if weekday in paid_before
            else None,
        }
        for weekday, mean in means.items()
    }


def _find_unusual(days: Sequence[Day]) -> list[dict[str, Any]]:
    """The days that took in far more or less than their weekday usually does in this period."""
    if sum(day.bills for day in days) < _ENOUGH_BILLS_A_DAY * len(days):
        return []
    usual = {
        weekday: Decimal(median(amounts))
        for weekday, amounts in _by_weekday(days).items()
        if len(amounts) >= _ENOUGH_WEEKDAYS
    }
    compared = [(day, usual[day.date.weekday()]) for day in days if day.date.weekday() in usual]
    found = [
        (day, typical)
        for day, typical in compared
        if typical and abs(day.paid / typical - 1) >= _STANDS_OUT
    ]
    found.sort(key=lambda row: (-abs(row[0].paid - row[1]), row[0].date))
    return [
        {
            **_describe_day(day),
            "usual": amount(typical),
            "by": signed(day.paid - typical),
            "percent": percent(growth(day.paid, typical), sign=True),
        }
        for day, typical in found[:_MOST_UNUSUAL]
    ]


def _describe_day(day: Day) -> dict[str, Any]:
    return {
        "day": day_name(day.date),
        "weekday": WEEKDAYS[day.date.weekday()],
        "paid": amount(day.paid),
        "bills": day.bills,
    }


def _describe_months(days: Iterable[Day]) -> list[dict[str, Any]]:
    months: defaultdict[str, list[Day]] = defaultdict(list)
    for day in days:
        months[f"{day.date.month}月"].append(day)
    return [
        {
            "month": month,
            "open_days": len(of_month),
            "paid": amount(sum((day.paid for day in of_month), Decimal())),
            "paid_per_day": amount(_mean([day.paid for day in of_month])),
            "bills": sum(day.bills for day in of_month),
        }
        for month, of_month in months.items()
    ]


def _by_weekday(days: Iterable[Day]) -> dict[int, list[Decimal]]:
    paid: defaultdict[int, list[Decimal]] = defaultdict(list)
    for day in days:
        paid[day.date.weekday()].append(day.paid)
    return dict(paid)


def _mean(amounts: Sequence[Decimal]) -> Decimal:
    return sum(amounts, Decimal()) / len(amounts)
