"""What the apps about an assistant and a member are told: what they have shared, all at D."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from aijobs.ai_apps.base import Features
from aijobs.ai_apps.contact_rules import describe_contact, read_limits
from aijobs.ai_apps.figures import percent
from aijobs.ai_apps.member_features import (
    deadlines,
    describe_assistants,
    describe_last_bill,
    money,
    near_birthday,
    newest_dates,
    plain,
)
from aijobs.ai_apps.member_habits import (
    ENOUGH_VISITS,
    describe_habits,
    describe_party,
    describe_return,
    describe_rhythm,
    describe_visits,
    next_usual_day,
    read_visits,
    two_windows,
)
from aijobs.ai_apps.member_reading import (
    HABIT_DAYS,
    Bill,
    Service,
    left_on,
    read_bills,
    read_person,
    read_services,
    read_touches,
)
from aijobs.ai_apps.member_story import read_story
from aijobs.pseudonyms import assistant_token, member_token
from aijobs.targets import Target
from metrics.calculations.members import member_metrics
from metrics.calculations.relationships import relationship_index
from metrics.calculations.rhythm import visit_days
from metrics.models import AssistantCustomer, AssistantVersion
from metrics.money import hours
from sandbox.context import RuntimeContext

METRICS = (
    "relationship_index",
    "last_visit_days",
    "visit_interval_median",
    "overdue_ratio",
)
# The trend of the relationship: its index so many days ago.
TREND_DAYS = 30
_MOST_TASKS, _MOST_NOTES = 5, 5
_COURSES = {"base": "基础课", "incentive": "激励课", "trial": "体验"}


def describe_pair(ctx: RuntimeContext, target: Target) -> Features:
    """Shared history, relationship index and trend, spend together, tasks, notes.

    Raises:
        NotFound: the member is not known at D.
    """
    person = read_person(ctx, target.member)
    bills, services = read_bills(ctx, target.member), read_services(ctx, target.member)
    shared = [service for service in services if service.assistant_id == target.assistant]
    shared_ids = {service.bill for service in shared}
    together = [bill for bill in bills if bill.pk in shared_ids]
    visits = sorted({bill.day for bill in bills})
    metrics = member_metrics(target.member, ctx=ctx)
    days = read_visits(ctx, target.member, visits, metrics)
    story = read_story(ctx, target.member)
    touches = read_touches(ctx, target.member)
    limits = read_limits(ctx)
    tasks = [task for task in story.tasks if task.assistant_id == target.assistant][:_MOST_TASKS]
    habits = describe_habits(ctx, bills)
    away = metrics["last_visit_days"]
    values = {
        "member": member_token(target.member),
        "assistant": assistant_token(target.assistant),
        "as_of": ctx.business_date.isoformat(),
        "window_days": HABIT_DAYS,
        "assistant_left_on": _left_on(ctx, target, shared),
        "is_assigned": person.assigned_to == target.assistant,
        "shared": _describe_shared(ctx, target, services, visits),
        "relationship": _describe_relationship(ctx, target),
        "together": {
            **_describe_spend(together, visits),
            **describe_habits(ctx, together),
            "without": _describe_visits_without(services, target),
        },
        "other_partners": [
            row
            for row in describe_assistants(ctx, services)
            if row["assistant"] != assistant_token(target.assistant)
        ],
        "days_away": away,
        "visits": describe_visits(ctx, visits, away=away),
        "known_since": person.known_since.isoformat(),
        "last_bill": describe_last_bill(bills),
        "rhythm": describe_rhythm(ctx, days, metrics, at_risk=limits.at_risk_ratio),
        "returned": describe_return(ctx, days, metrics),
        "habits": habits,
        "next_usual_day": next_usual_day(ctx, habits["weekdays"]),
        "party": describe_party(bills),
        "tasks": [task.as_dict() for task in tasks],
        "notes": [
            {"date": note.date.isoformat(), "text": note.text} for note in story.notes[:_MOST_NOTES]
        ],
        "said": story.describe(visits, as_of=ctx.business_date),
        "deadlines": deadlines(ctx),
        "birthday": near_birthday(ctx, person),
        "contact": describe_contact(ctx, person, touches, limits),
    }
    return Features(
        values=values,
        metrics=METRICS,
        rows={
            "service_lines": [service.pk for service in services],
            "settlements": [bill.pk for bill in bills],
            "coach_tasks": [task.pk for task in story.tasks],
            "notes": [note.pk for note in story.notes],
            "contacts": [touch.contact for touch in touches if touch.contact],
        },
        dates=newest_dates(visits, story.dates(), [touch.day for touch in touches]),
    )


def _left_on(ctx: RuntimeContext, target: Target, shared: Sequence[Service]) -> str | None:
    if shared:
        left_at = shared[-1].left_at
    else:
        versions = AssistantVersion.objects.filter(
            site=ctx.site, assistant_id=target.assistant, valid_to__gt=ctx.business_date
        )
        left_at = versions.values_list("left_at", flat=True).first()
    day = left_on(ctx, left_at)
    return day.isoformat() if day else None


def _describe_shared(
    ctx: RuntimeContext, target: Target, services: Sequence[Service], visits: Sequence[date]
) -> dict[str, Any]:
    """What the two have shared: of all time from the summary, of the half year from the lines."""
    shared = [service for service in services if service.assistant_id == target.assistant]
    days = AssistantCustomer.objects.filter(
        site=ctx.site,
        assistant_id=target.assistant,
        member_id=target.member,
        stat_date__lte=ctx.business_date,
    )
    ever = days.order_by("-stat_date").first()
    first = days.order_by("stat_date").values_list("stat_date", flat=True).first()
    last = ever.stat_date if ever else None
    dates = [service.day for service in shared]
    newest, before = two_windows(ctx, dates, days=TREND_DAYS)
    return {
        "services_total": ever.services if ever else 0,
        "hours_total": plain(hours(ever.hours) if ever else Decimal()),
        "first": first.isoformat() if first else None,
        "last": last.isoformat() if last else None,
        "days_since": (ctx.business_date - last).days if last else None,
        "services_180d": len(shared),
        "hours_180d": plain(sum((service.hours for service in shared), Decimal())),
        "last_30d": newest,
        "previous_30d": before,
        "newest": [day.isoformat() for day in sorted(set(dates))[-5:]],
        "visits_since_last": _count_visits_since(ctx, target, last, visits),
        "served_since_last": len(
            {service.day for service in services if not last or service.day > last}
        ),
        "courses": [
            {"name": _COURSES.get(course, "其他"), "services": count}
            for course, count in Counter(service.course_type for service in shared).most_common()
        ],
        "few": len(shared) < ENOUGH_VISITS,
    }


def _count_visits_since(
    ctx: RuntimeContext, target: Target, last: date | None, visits: Sequence[date]
) -> int:
    """How often the member has come since a day, however long ago; of the half year without one."""
    if last is None:
        return len(visits)
    days = (ctx.business_date - last).days
    if days > HABIT_DAYS:
        visits = visit_days(
            site=ctx.site, member_id=target.member, as_of=ctx.business_date, days=days
        )
    return sum(day > last for day in visits)


def _describe_visits_without(services: Sequence[Service], target: Target) -> dict[str, Any]:
    """The visits of the half year on which others served the member, and who of them did most."""
    together = {service.day for service in services if service.assistant_id == target.assistant}
    served = {
        (service.day, service.assistant_id) for service in services if service.day not in together
    }
    counts = Counter(assistant_id for _day, assistant_id in served)
    most = min(counts, key=lambda assistant_id: (-counts[assistant_id], assistant_id), default=None)
    return {
        "with_others": len({day for day, _assistant_id in served}),
        "most_by": assistant_token(most) if most is not None else None,
        "most": counts[most] if most is not None else 0,
    }


def _describe_relationship(ctx: RuntimeContext, target: Target) -> dict[str, Any]:
    earlier = replace(ctx, business_date=ctx.business_date - timedelta(days=TREND_DAYS))
    now, before = (
        relationship_index(target.member, target.assistant, ctx=at) for at in (ctx, earlier)
    )
    return {
        "index": str(now),
        "before": str(before),
        "before_date": earlier.business_date.isoformat(),
        "change": f"{now - before:+}",
    }


def _describe_spend(together: list[Bill], visits: list[date]) -> dict[str, Any]:
    """The bills of the half year with a service of the assistant, and their share of all visits."""
    paid = [bill.paid for bill in together]
    days = {bill.day for bill in together}
    return {
        "bills": len(together),
        "paid": money(sum(paid, Decimal())),
        "usual_bill": money(median(paid)) if paid else None,
        "visits": len(days),
        "other_visits": len(visits) - len(days),
        "share_of_visits": percent(Decimal(len(days)) / len(visits)) if visits else None,
    }
