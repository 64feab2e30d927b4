"""Members who came, left and moved between stages in the month of a business date, up to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Q

from metrics.builds.versions import visible_options
from metrics.models import MemberConsumption, MemberLifecycle
from sandbox.context import RuntimeContext
from sandbox.decorators import runtime_aware

Stage = MemberLifecycle.Stage


@dataclass(frozen=True)
class MonthMembers:
    """Members who are new in the month, and members who completed the days away in it."""

    new: int
    churned: int


def month_members(*, ctx: RuntimeContext) -> MonthMembers:
    """Both counts from one scan of the members' rows in force at D.

    A member is churned on the day that completes the days away (an option, as it is built into
    the summaries) and counts in its month, as long as they have not come back by D.
    """
    day = ctx.business_date
    month = day.replace(day=1)
    away = timedelta(days=visible_options().away_days)
    counts = MemberConsumption.objects.filter(
        site=ctx.site, stat_date__lte=day, valid_to__gt=day
    ).aggregate(
        new=Count("pk", filter=Q(first_visit__gte=month)),
        churned=Count("pk", filter=Q(last_visit__range=(month - away, day - away))),
    )
    return MonthMembers(**counts)


def transitions(
    periods: Mapping[str, tuple[date, date]], *, ctx: RuntimeContext
) -> dict[str, dict[str, int]]:
    """How many times members moved into new, returned and churned in each of some periods."""
    stages = [stage.value for stage in (Stage.NEW, Stage.RETURNED, Stage.CHURNED)]
    within = {name: Q(stat_date__range=days) for name, days in periods.items()}
    rows = MemberLifecycle.objects.filter(
        reduce(or_, within.values()),
        site=ctx.site,
        stage__in=stages,
        stat_date__lte=ctx.business_date,
    ).values("stage")
    found: dict[str, dict[str, Any]] = {
        row["stage"]: dict(row)
        for row in rows.annotate(
            **{name: Count("pk", filter=condition) for name, condition in within.items()}
        )
    }
    return {
        name: {stage: found.get(stage, {}).get(name, 0) for stage in stages} for name in periods
    }


def month_transitions(*, ctx: RuntimeContext) -> dict[str, int]:
    """How many times members moved into each stage in D's month, from one scan."""
    day = ctx.business_date
    rows = MemberLifecycle.objects.filter(
        site=ctx.site,
        stage__in=(Stage.NEW, Stage.RETURNED, Stage.CHURNED),
        stat_date__range=(day.replace(day=1), day),
    )
    found = dict(rows.values_list("stage").annotate(Count("pk")))
    return {stage: found.get(stage, 0) for stage in (Stage.NEW, Stage.RETURNED, Stage.CHURNED)}


@runtime_aware(metric="month_new_members")
def month_new_members(*, ctx: RuntimeContext) -> int:
    """Members whose first visit lies in D's month."""
    return month_members(ctx=ctx).new


@runtime_aware(metric="month_churned_members")
def month_churned_members(*, ctx: RuntimeContext) -> int:
    """Members who completed the days away in D's month and have not come back by D."""
    return month_members(ctx=ctx).churned


@runtime_aware(metric="month_lifecycle_new")
def month_lifecycle_new(*, ctx: RuntimeContext) -> int:
    """Moves into the stage "new" in D's month."""
    return month_transitions(ctx=ctx)[Stage.NEW]


@runtime_aware(metric="month_lifecycle_returned")
def month_lifecycle_returned(*, ctx: RuntimeContext) -> int:
    """Moves into the stage "returned" in D's month."""
    return month_transitions(ctx=ctx)[Stage.RETURNED]


@runtime_aware(metric="month_lifecycle_churned")
def month_lifecycle_churned(*, ctx: RuntimeContext) -> int:
    """Moves into the stage "churned" in D's month."""
    return month_transitions(ctx=ctx)[Stage.CHURNED]
