"""When, where and how often somebody comes, from the visits and bills of the last half year."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from aijobs.ai_apps.member_reading import HABIT_DAYS, Bill
from aijobs.ai_apps.phrases import WEEKDAYS, ahead_words, frequency_words
from metrics.calculations.rhythm import overdue, visit_days
from sandbox.context import RuntimeContext

# The rhythm of somebody who comes too seldom for half a year to show one.
LONG_DAYS = 730
# Below this many visits a habit is an anecdote.
ENOUGH_VISITS = 4
# The newest visits, which may differ from the usual ones.
NEWEST_VISITS = 3
_BANDS = (
    (6, 10, "上午"),
    (10, 14, "中午"),
    (14, 17, "下午"),
    (17, 19, "傍晚"),
    (19, 23, "晚上"),
    (23, 30, "夜里"),
)
# Areas whose names are those of games: where one sits there.
_AREA_WORDS = {"斯诺克": "斯诺克区", "麻将": "麻将房", "KTV": "KTV房"}
_BAND_NAMES = {
    first: f"{first}-{last if last <= 24 else f'次日{last - 24}'}点"
    for first, last, _words in _BANDS
}
_BAND_WORDS = {_BAND_NAMES[first]: words for first, _last, words in _BANDS}


def describe_visits(
    ctx: RuntimeContext, visits: Sequence[date], *, away: int | None
) -> dict[str, Any]:
    """How often, how recently, more or less than before; `away`: days since the last visit ever."""
    last, before = two_windows(ctx, visits, days=30)
    last_quarter, quarter_before = two_windows(ctx, visits, days=90)
    months: Counter[str] = Counter(day.strftime("%Y-%m") for day in visits)
    return {
        "count_180d": len(visits),
        "last": (ctx.business_date - timedelta(days=away)).isoformat()
        if away is not None
        else None,
        "newest": [day.isoformat() for day in visits[-10:]],
        "last_30d": last,
        "previous_30d": before,
        "last_90d": last_quarter,
        "previous_90d": quarter_before,
        "by_month": [{"month": month, "visits": count} for month, count in sorted(months.items())],
        "few": len(visits) < ENOUGH_VISITS,
    }


def two_windows(ctx: RuntimeContext, days_of: Iterable[date], *, days: int) -> tuple[int, int]:
    """How many fall into the last so many days at D, and into as many before them."""
    ages = [(ctx.business_date - day).days for day in days_of]
    return sum(age < days for age in ages), sum(days <= age < 2 * days for age in ages)


def read_visits(
    ctx: RuntimeContext, member_id: int, visits: Sequence[date], metrics: dict[str, Any]
) -> Sequence[date]:
    """The visits that a rhythm is read from: of the half year, or of two years where it is needed.

    That is for those who come too seldom for a rhythm in half a year, and for those who were away.
    """
    if metrics["visit_interval_median"] is not None and metrics["lifecycle_stage"] != "returned":
        return visits
    return visit_days(site=ctx.site, member_id=member_id, as_of=ctx.business_date, days=LONG_DAYS)


def describe_rhythm(
    ctx: RuntimeContext, days: Sequence[date], metrics: dict[str, Any], *, at_risk: float
) -> dict[str, Any] | None:
    """Own rhythm: days away over the own median interval; None where no rhythm shows.

    As the catalog has it; for those who come too seldom for that, the same of two years.

    Args:
        days: see `read_visits`. at_risk: the overdue ratio from which a rhythm is broken.
    """
    usual, ratio, basis = metrics["visit_interval_median"], metrics["overdue_ratio"], HABIT_DAYS
    if usual is None:
        if len(days) < ENOUGH_VISITS:
            return None
        gaps = [Decimal((later - day).days) for day, later in itertools.pairwise(days)]
        usual, basis = median(gaps).quantize(Decimal("0.1")), LONG_DAYS
        ratio = overdue(metrics["last_visit_days"], usual)
    expected = days[-1] + timedelta(days=round(usual))
    broken = days[-1] + timedelta(days=math.ceil(usual * Decimal(at_risk)))
    return {
        "basis_days": basis,
        "basis": "近两年" if basis == LONG_DAYS else "近 180 天",
        "visits": sum((ctx.business_date - day).days < basis for day in days),
        "median_interval_days": number(usual),
        "often": frequency_words(float(usual)),
        "days_away": metrics["last_visit_days"],
        "overdue_ratio": number(ratio),
        "at_risk_from": at_risk,
        "expected_on": ahead_words(expected, ctx.business_date),
        "expected_in_days": (expected - ctx.business_date).days,
        "broken_on": ahead_words(broken, ctx.business_date),
        "gap_before_last": (days[-1] - days[-2]).days,
        "last": days[-1].isoformat(),
    }


def describe_return(
    ctx: RuntimeContext, days: Sequence[date], metrics: dict[str, Any]
) -> dict[str, Any] | None:
    """How long somebody who has returned was away, and when they came back; None for others."""
    if metrics["lifecycle_stage"] != "returned":
        return None
    # The stage lasts for 30 days from the visit that made it.
    gap, back = max(
        (
            ((later - day).days, later)
            for day, later in itertools.pairwise(days)
            if (ctx.business_date - later).days <= 30
        ),
        default=(None, days[-1]),
    )
    return {
        "away_days": gap,
        "back_on": back.isoformat(),
        "visits_since": sum(day >= back for day in days),
    }


def describe_habits(ctx: RuntimeContext, bills: Sequence[Bill]) -> dict[str, Any]:
    """Where and when the bills were: areas, weekdays, hours, each with its share."""
    areas = [area_words(bill.area) for bill in bills]
    return {
        "areas": _shares(areas),
        "newest_areas": areas[-NEWEST_VISITS:],
        "weekdays": _shares(WEEKDAYS[bill.day.weekday()] for bill in bills),
        "weekend_bills": sum(bill.day.weekday() > 4 for bill in bills),
        "hours": [
            {**row, "words": _BAND_WORDS[row["name"]]}
            for row in _shares(_band_of(ctx, bill) for bill in bills)
        ],
    }


def next_usual_day(ctx: RuntimeContext, weekdays: list[dict[str, Any]]) -> dict[str, str] | None:
    """The next day after D on which somebody usually comes, and the day before it to ask.

    A weekday is usual from 40 % of at least 4 bills, and from 3 bills on.
    """
    total = round(weekdays[0]["bills"] / weekdays[0]["share"]) if weekdays else 0
    if total < ENOUGH_VISITS or weekdays[0]["bills"] < 3 or weekdays[0]["share"] < 0.4:
        return None
    ahead = (WEEKDAYS.index(weekdays[0]["name"]) - ctx.business_date.weekday() - 1) % 7 + 1
    day = ctx.business_date + timedelta(days=ahead)
    return {
        "weekday": weekdays[0]["name"],
        "date": ahead_words(day, ctx.business_date),
        "in_days": ahead,
        "ask_on": "今天" if ahead == 1 else ahead_words(day - timedelta(days=1), ctx.business_date),
    }


def next_visit(
    ctx: RuntimeContext, rhythm: dict[str, Any] | None, usual_day: dict[str, Any] | None
) -> str | None:
    """When somebody should be here next: by their rhythm, on the usual weekday that is nearest."""
    if rhythm is None:
        return None
    if usual_day is None:
        return str(rhythm["expected_on"])
    weeks = max(0, round((rhythm["expected_in_days"] - usual_day["in_days"]) / 7))
    ahead = timedelta(days=usual_day["in_days"] + 7 * weeks)
    return ahead_words(ctx.business_date + ahead, ctx.business_date)


def _shares(names: Iterable[str | None]) -> list[dict[str, Any]]:
    """How often each occurs, most frequent first, at most three."""
    counts = Counter(name for name in names if name)
    total = counts.total()
    return [
        {"name": name, "bills": count, "share": round(count / total, 2)}
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3]
    ]


def area_words(name: str) -> str:
    return _AREA_WORDS.get(name, name)


def _band_of(ctx: RuntimeContext, bill: Bill) -> str | None:
    start = bill.started_at or bill.occurred_at
    hour = start.astimezone(ctx.site.zone).hour
    hour += 24 if hour < _BANDS[0][0] else 0
    for first, last, _words in _BANDS:
        if first <= hour < last:
            return _BAND_NAMES[first]
    return None


def describe_party(bills: Sequence[Bill]) -> dict[str, Any]:
    """How many come together and how long they stay, where the till says so."""
    guests = [bill.guests for bill in bills if bill.guests]
    stays = [
        (bill.occurred_at - bill.started_at).total_seconds() / 3600
        for bill in bills
        if bill.started_at
    ]
    return {
        "bills": len(guests),
        "of_three_or_more": sum(count >= 3 for count in guests),
        "alone": sum(count == 1 for count in guests),
        "usual_hours": round(median(stays), 1) if stays else None,
    }


def number(value: Decimal | None) -> int | float | None:
    """A figure as it is told: whole where it is whole."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)
