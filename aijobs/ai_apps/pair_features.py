"""What the apps about an assistant and a member are told: what they have shared, all at D."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from aijobs.ai_apps.base import Features
from aijobs.ai_apps.finance_features import percent
from aijobs.ai_apps.member_features import (
    ENOUGH_VISITS,
    HABIT_DAYS,
    describe_consent,
    describe_habits,
    describe_rhythm,
    money,
    read_half_year,
    two_windows,
)
from aijobs.pseudonyms import assistant_token, member_token, redact_all
from aijobs.targets import Target
from metrics.calculations.relationships import relationship_index
from metrics.models import (
    AssistantCustomer,
    CoachTask,
    CoachTaskEvent,
    MemberAssignment,
    Note,
    ServiceLine,
    Settlement,
)
from metrics.money import hours
from sandbox.context import RuntimeContext

METRICS = ("relationship_index",)
# The trend of the relationship: its index so many days ago.
TREND_DAYS = 30
_MOST_TASKS, _MOST_NOTES = 5, 5
_KINDS = {
    "recall": "召回",
    "maintain": "维护",
    "follow_up": "回访",
    "birthday": "生日",
    "recharge_reminder": "充值提醒",
    "booking": "预约",
}
_OUTCOMES = {
    "reached": "已联系",
    "no_answer": "未接",
    "booked": "已约",
    "visited": "已到店",
    "declined": "婉拒",
    "wrong_number": "号码错误",
    "do_not_contact": "暂不打扰",
}
_COURSES = {"base": "基础课", "incentive": "激励课", "trial": "体验"}


def describe_pair(ctx: RuntimeContext, target: Target) -> Features:
    """Shared history, relationship index and trend, spend together, tasks, notes.

    Raises:
        NotFound: the member is not known at D.
    """
    bills, services = read_half_year(ctx, target.member)
    shared = [line for line in services if line.assistant_id == target.assistant]
    shared_ids = {line.settlement_id for line in shared}
    together = [bill for bill in bills if bill.pk in shared_ids]
    visits = sorted({bill.business_date for bill in bills})
    tasks = _tasks(ctx, target)
    notes = _notes(ctx, target)
    texts = redact_all([*(task.reason for task in tasks), *(n.text for n in notes)], ctx=ctx)
    values = {
        "member": member_token(target.member),
        "assistant": assistant_token(target.assistant),
        "as_of": ctx.business_date.isoformat(),
        "is_assigned": _is_assigned(ctx, target),
        "shared": _describe_shared(ctx, target, shared),
        "relationship": _describe_relationship(ctx, target),
        "together": {
            **_describe_spend(together, visits),
            **describe_habits(ctx, together),
        },
        "visits": {"count_180d": len(visits), "last": visits[-1].isoformat() if visits else None},
        "rhythm": describe_rhythm(ctx, visits),
        "tasks": _describe_tasks(ctx, tasks, texts[: len(tasks)]),
        "notes": [
            {"date": note.business_date.isoformat(), "text": text}
            for note, text in zip(notes, texts[len(tasks) :], strict=True)
        ],
        "consent": describe_consent(ctx, target.member),
    }
    return Features(
        values=values,
        metrics=METRICS,
        rows={
            "service_lines": [line.pk for line in shared][-50:],
            "settlements": [bill.pk for bill in together][-50:],
            "coach_tasks": [task.pk for task in tasks],
            "notes": [note.pk for note in notes],
        },
        dates=tuple(sorted({line.business_date.isoformat() for line in shared})[-10:]),
    )


def _describe_shared(
    ctx: RuntimeContext, target: Target, shared: list[ServiceLine]
) -> dict[str, Any]:
    """What the two have shared: of all time from the summary, of the half year from the lines."""
    days = AssistantCustomer.objects.filter(
        site=ctx.site,
        assistant_id=target.assistant,
        member_id=target.member,
        stat_date__lte=ctx.business_date,
    )
    ever = days.order_by("-stat_date").first()
    first = days.order_by("stat_date").values_list("stat_date", flat=True).first()
    last = ever.stat_date if ever else None
    dates = [line.business_date for line in shared]
    newest, before = two_windows(ctx, dates)
    return {
        "services_total": ever.services if ever else 0,
        "hours_total": _plain(hours(ever.hours) if ever else Decimal()),
        "first": first.isoformat() if first else None,
        "last": last.isoformat() if last else None,
        "days_since": (ctx.business_date - last).days if last else None,
        "services_180d": len(shared),
        "hours_180d": _plain(sum((line.hours for line in shared), Decimal())),
        "last_30d": newest,
        "previous_30d": before,
        "newest": [day.isoformat() for day in sorted(set(dates))[-5:]],
        "courses": [
            {"name": _COURSES.get(course, "其他"), "services": count}
            for course, count in Counter(line.course_type for line in shared).most_common()
        ],
        "few": len(shared) < ENOUGH_VISITS,
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


def _describe_spend(together: list[Settlement], visits: list[date]) -> dict[str, Any]:
    """The bills of the half year with a service of the assistant, and their share of all visits."""
    paid = [bill.paid for bill in together]
    days = {bill.business_date for bill in together}
    return {
        "bills": len(together),
        "paid": money(sum(paid, Decimal())),
        "usual_bill": money(median(paid)) if paid else None,
        "visits": len(days),
        "share_of_visits": percent(Decimal(len(days)) / len(visits)) if visits else None,
    }


def _is_assigned(ctx: RuntimeContext, target: Target) -> bool:
    newest = MemberAssignment.objects.filter(
        site=ctx.site, member_id=target.member, business_date__lte=ctx.business_date
    ).order_by("-business_date", "-id")
    return newest.values_list("assistant_id", flat=True).first() == target.assistant


def _tasks(ctx: RuntimeContext, target: Target) -> list[CoachTask]:
    tasks = CoachTask.objects.filter(
        site=ctx.site,
        assistant_id=target.assistant,
        member_id=target.member,
        **_of_half_year(ctx),
    )
    return list(tasks.order_by("-business_date", "-id")[:_MOST_TASKS])


def _describe_tasks(
    ctx: RuntimeContext, tasks: list[CoachTask], reasons: list[str]
) -> list[dict[str, Any]]:
    events = CoachTaskEvent.objects.filter(
        site=ctx.site,
        task__in=[task.pk for task in tasks],
        business_date__lte=ctx.business_date,
    )
    states: dict[int, str] = {}
    outcomes: dict[int, str] = {}
    for event in events.order_by("occurred_at", "id"):
        if event.kind in ("done", "cancelled"):
            states[event.task_id] = "已完成" if event.kind == "done" else "已取消"
        if event.outcome:
            outcomes[event.task_id] = _OUTCOMES[event.outcome]
    return [
        {
            "kind": _KINDS[task.kind],
            "assigned": task.business_date.isoformat(),
            "due": task.due_on.isoformat() if task.due_on else None,
            "state": states.get(task.pk, "未完成"),
            "is_overdue": task.pk not in states
            and task.due_on is not None
            and task.due_on < ctx.business_date,
            "outcome": outcomes.get(task.pk),
            "reason": reason,
        }
        for task, reason in zip(tasks, reasons, strict=True)
    ]


def _notes(ctx: RuntimeContext, target: Target) -> list[Note]:
    notes = Note.objects.filter(site=ctx.site, member_id=target.member, **_of_half_year(ctx))
    return list(notes.order_by("-occurred_at", "-id")[:_MOST_NOTES])


def _of_half_year(ctx: RuntimeContext) -> dict[str, date]:
    return {
        "business_date__gt": ctx.business_date - timedelta(days=HABIT_DAYS),
        "business_date__lte": ctx.business_date,
    }


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
