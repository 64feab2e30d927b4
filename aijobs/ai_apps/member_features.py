"""What the apps about members are told: visits, rhythm, spend, places, people, promises, all at D."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import chain
from statistics import median
from typing import Any

from aijobs.ai_apps.base import Features
from aijobs.ai_apps.contact_rules import describe_contact, read_limits
from aijobs.ai_apps.member_habits import (
    NEWEST_VISITS,
    area_words,
    describe_habits,
    describe_party,
    describe_return,
    describe_rhythm,
    describe_visits,
    next_usual_day,
    next_visit,
    read_visits,
)
from aijobs.ai_apps.member_reading import (
    HABIT_DAYS,
    Bill,
    Person,
    Recharge,
    Service,
    left_on,
    read_bills,
    read_last_recharge,
    read_person,
    read_services,
    read_touches,
)
from aijobs.ai_apps.member_story import read_story
from aijobs.ai_apps.phrases import WEEKDAYS, ahead_words
from aijobs.pseudonyms import assistant_token, member_token
from metrics.calculations.members import member_metrics
from sandbox.context import RuntimeContext

__all__ = ["WEEKDAYS", "money"]

# A birthday concerns the store this many days ahead.
_BIRTHDAY_DAYS = 14
# When a deed that is proposed at D should be done.
_SOON, _WEEK = 2, 7
_MOST_DATES = 20
STAGES = {
    "returned": "回流",
    "new": "新客",
    "active": "活跃",
    "cooling": "转冷",
    "dormant": "沉睡",
    "churned": "流失",
}
_CENT = Decimal("0.01")


def describe_member(ctx: RuntimeContext, member_id: int) -> Features:
    """Everything the summaries and the last half year of facts say about a member at D.

    Raises:
        NotFound: the member is not known at D.
    """
    person = read_person(ctx, member_id)
    bills, services = read_bills(ctx, member_id), read_services(ctx, member_id)
    recharge = read_last_recharge(ctx, member_id)
    by_day = _paid_by_day(bills)
    visits = list(by_day)
    metrics = member_metrics(member_id, ctx=ctx)
    days = read_visits(ctx, member_id, visits, metrics)
    story = read_story(ctx, member_id)
    touches = read_touches(ctx, member_id)
    limits = read_limits(ctx)
    habits = describe_habits(ctx, bills)
    rhythm = describe_rhythm(ctx, days, metrics, at_risk=limits.at_risk_ratio)
    usual_day = next_usual_day(ctx, habits["weekdays"])
    values = {
        "member": member_token(member_id),
        "as_of": ctx.business_date.isoformat(),
        "window_days": HABIT_DAYS,
        "metrics": {key: _told(value) for key, value in metrics.items()},
        "known_since": person.known_since.isoformat(),
        "stage": STAGES.get(metrics["lifecycle_stage"] or ""),
        "visits": describe_visits(ctx, visits, away=metrics["last_visit_days"]),
        "rhythm": rhythm,
        "returned": describe_return(ctx, days, metrics),
        "spend": _describe_spend(ctx, bills, by_day),
        **habits,
        "next_usual_day": usual_day,
        "next_visit": next_visit(ctx, rhythm, usual_day),
        "party": describe_party(bills),
        "partners": describe_assistants(ctx, services),
        "services_180d": len(services),
        "visits_with_partner": len({service.day for service in services}),
        "assigned_to": assistant_token(person.assigned_to) if person.assigned_to else None,
        "card": _describe_card(ctx, metrics, bills, recharge, by_day),
        "said": story.describe(visits, as_of=ctx.business_date),
        "open_tasks": story.open_tasks(),
        "deadlines": deadlines(ctx),
        "birthday": near_birthday(ctx, person),
        "contact": describe_contact(ctx, person, touches, limits),
    }
    return Features(
        values=values,
        metrics=tuple(metrics),
        rows={
            "settlements": [bill.pk for bill in bills],
            "service_lines": [service.pk for service in services],
            "card_entries": [recharge.pk] if recharge else [],
            "notes": [note.pk for note in story.notes],
            "coach_tasks": [task.pk for task in story.tasks],
            "contacts": [touch.contact for touch in touches if touch.contact],
        },
        dates=newest_dates(
            visits,
            [recharge.day] if recharge else [],
            story.dates(),
            [touch.day for touch in touches],
        ),
    )


# --- Spend and card -------------------------------------------------------------------------------


def _paid_by_day(bills: Sequence[Bill]) -> dict[date, Decimal]:
    """What was paid on each day with a bill, the oldest first: a day is a visit."""
    by_day: defaultdict[date, Decimal] = defaultdict(Decimal)
    for bill in bills:
        by_day[bill.day] += bill.paid
    return dict(sorted(by_day.items()))


def _describe_spend(
    ctx: RuntimeContext,
    bills: Sequence[Bill],
    by_day: dict[date, Decimal],
) -> dict[str, Any]:
    paid = sum(by_day.values(), Decimal())
    ages = {day: (ctx.business_date - day).days for day in by_day}
    gross = sum((bill.gross for bill in bills), Decimal())
    discount = sum((bill.discount for bill in bills), Decimal())
    newest = list(by_day.values())[-NEWEST_VISITS:]
    return {
        "last_30d": money(sum((by_day[day] for day in ages if ages[day] < 30), Decimal())),
        "previous_30d": money(
            sum((by_day[day] for day in ages if 30 <= ages[day] < 60), Decimal())
        ),
        "half_year": money(paid),
        "half_year_a_60_days": money(paid * 60 / HABIT_DAYS),
        "usual_visit": money(median(by_day.values())) if by_day else None,
        "newest_visit_paid": money(median(newest)) if newest else None,
        "groupbuy_or_coupon_bills": sum(bill.is_promoted for bill in bills),
        "goods_bills": sum((bill.goods_fee or 0) > 0 for bill in bills),
        "bills": len(bills),
        "discount_share": float(round(discount / gross, 2)) if gross else None,
        "last_bill": describe_last_bill(bills),
    }


def describe_last_bill(bills: Sequence[Bill]) -> dict[str, Any] | None:
    if not bills:
        return None
    return {
        "date": bills[-1].day.isoformat(),
        "paid": money(bills[-1].paid),
        "area": area_words(bills[-1].area),
        "guests": bills[-1].guests,
    }


def _describe_card(
    ctx: RuntimeContext,
    metrics: dict[str, Any],
    bills: Sequence[Bill],
    recharge: Recharge | None,
    by_day: dict[date, Decimal],
) -> dict[str, Any]:
    """What is left, and for how many whole visits like the usual ones."""
    usual = median(by_day.values()) if by_day else Decimal()
    return {
        "balance": money(metrics["card_balance"]),
        "visits_left": int(metrics["card_balance"] / usual) if usual > 0 else None,
        "card_bills": sum(bill.card_paid > 0 for bill in bills),
        "last_recharge": {
            "date": recharge.day.isoformat(),
            "days_ago": (ctx.business_date - recharge.day).days,
            "principal": money(recharge.principal),
            "gift": money(recharge.gift),
        }
        if recharge
        else None,
    }


# --- People ---------------------------------------------------------------------------------------


def describe_assistants(ctx: RuntimeContext, services: Sequence[Service]) -> list[dict[str, Any]]:
    """Who played along, most often first, at most three; and who of them has left by D."""
    by_assistant: defaultdict[int, list[Service]] = defaultdict(list)
    for service in services:
        by_assistant[service.assistant_id].append(service)
    rows = []
    for assistant_id, own in by_assistant.items():
        left = left_on(ctx, own[-1].left_at)
        rows.append(
            {
                "assistant": assistant_token(assistant_id),
                "services": len(own),
                "hours": plain(sum((service.hours for service in own), Decimal())),
                "last": own[-1].day.isoformat(),
                "left_on": left.isoformat() if left else None,
            }
        )
    return sorted(rows, key=lambda row: (-int(str(row["services"])), str(row["assistant"])))[:3]


def near_birthday(ctx: RuntimeContext, person: Person) -> str | None:
    """The next birthday, if it is near; the 28th for those born on 29 February."""
    born = person.birthday
    if born is None:
        return None
    for year in (ctx.business_date.year, ctx.business_date.year + 1):
        day = date(year, born.month, min(born.day, 28) if born.month == 2 else born.day)
        if 0 <= (day - ctx.business_date).days <= _BIRTHDAY_DAYS:
            return day.isoformat()
    return None


def newest_dates(*days: Iterable[date]) -> tuple[str, ...]:
    """The newest of the dates that features rest on, oldest first."""
    return tuple(day.isoformat() for day in sorted(set(chain(*days)))[-_MOST_DATES:])


def deadlines(ctx: RuntimeContext) -> dict[str, str]:
    """By when a deed that is proposed at D should be done."""
    today = ctx.business_date
    return {
        name: ahead_words(today + timedelta(days=days), today)
        for name, days in (("soon", _SOON), ("week", _WEEK))
    }


# --- Figures --------------------------------------------------------------------------------------


def money(value: Decimal | int) -> str:
    """Yuan with 2 places."""
    return str(Decimal(value).quantize(_CENT, ROUND_HALF_UP))


def plain(value: Decimal) -> str:
    """A figure without the zeros at its end."""
    return f"{value.normalize():f}"


def _told(value: Any) -> Any:
    """A metric as it is told: decimals as they are shown, as texts."""
    return str(value) if isinstance(value, Decimal) else value
