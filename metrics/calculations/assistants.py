"""What an assistant has done, and their level, at a business date.

Every answer comes from two summary rows: the one in force at D, and for D's month the one in force
on the day before it. An assistant who has not served anybody has none: sums are 0 then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from metrics.calculations.in_force import in_force
from metrics.calculations.tasks import task_counts
from metrics.models import Assistant
from metrics.money import hours, yuan
from sandbox.context import RuntimeContext
from sandbox.decorators import runtime_aware
from sandbox.models import Site

Course = Literal["base", "incentive", "trial", "other"]
COURSES: tuple[Course, ...] = ("base", "incentive", "trial", "other")
_SUMS = (
    "customers",
    "total_ledger_amount",
    *(f"{course}_hours" for course in COURSES),
    *(f"{course}_ledger" for course in COURSES),
)


@dataclass(frozen=True)
class Work:
    """What an assistant did up to a date.

    Attributes:
        level: the level in force; None before the first.
        sums: by column of AssistantDaily, all time; hours in hundredths, money in cents.
        before: the same up to the day before the month began.
    """

    level: str | None = None
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SUMS, 0))
    before: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SUMS, 0))

    def all_hours(self) -> int:
        """Hundredths of hours of all types, all time."""
        return sum(self.sums[f"{course}_hours"] for course in COURSES)

    def month(self, column: str) -> int:
        """What the month up to the date added to a sum."""
        return self.sums[column] - self.before[column]

    def month_hours(self) -> int:
        """Hundredths of hours of all types in the month."""
        return sum(self.month(f"{course}_hours") for course in COURSES)


def work_at(*, site: Site, as_of: date, assistant_id: int | None = None) -> dict[int, Work]:
    """The work of assistants (None: all of the store) up to a date, by id, in one query."""
    month_before = as_of.replace(day=1) - timedelta(days=1)
    found = Assistant.objects.filter(site=site, business_date__lte=as_of)
    if assistant_id is not None:
        found = found.filter(pk=assistant_id)
    rows = found.annotate(
        now=in_force("daily", site=site, as_of=as_of),
        before=in_force("daily", site=site, as_of=month_before),
    ).values(
        "pk",
        "now__assistant_level_code",
        *(f"{when}__{name}" for when in ("now", "before") for name in _SUMS),
    )
    return {
        row["pk"]: Work(
            level=row["now__assistant_level_code"] or None,
            sums={name: row[f"now__{name}"] or 0 for name in _SUMS},
            before={name: row[f"before__{name}"] or 0 for name in _SUMS},
        )
        for row in rows
    }


def work_figures(work: Work, *, tasks_done: int) -> dict[str, Any]:
    """The metrics that follow from an assistant's work, by key."""
    return {
        "customers_served": work.sums["customers"],
        "assistant_level": work.level,
        "month_hours": hours(work.month("base_hours")),
        **{f"month_hours_{c}": hours(work.month(f"{c}_hours")) for c in COURSES[1:]},
        "month_billed": yuan(work.month("total_ledger_amount")),
        **{f"month_billed_{c}": yuan(work.month(f"{c}_ledger")) for c in COURSES},
        "cumulative_kpi": {
            "hours": hours(work.all_hours()),
            "ledger": yuan(work.sums["total_ledger_amount"]),
            "customers": work.sums["customers"],
            "tasks_done": tasks_done,
        },
    }


def _work(assistant_id: int, ctx: RuntimeContext) -> Work:
    found = work_at(site=ctx.site, as_of=ctx.business_date, assistant_id=assistant_id)
    return found.get(assistant_id, Work())


@runtime_aware(metric="customers_served")
def customers_served(assistant_id: int, *, ctx: RuntimeContext) -> int:
    """Distinct members served, all time."""
    return _work(assistant_id, ctx).sums["customers"]


@runtime_aware(metric="assistant_level")
def assistant_level(assistant_id: int, *, ctx: RuntimeContext) -> str | None:
    """The level in force; None before the first."""
    return _work(assistant_id, ctx).level


@runtime_aware(metric="month_hours")
def month_hours(assistant_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Base hours in D's month up to D."""
    return hours(_work(assistant_id, ctx).month("base_hours"))


@runtime_aware(metric="month_hours_incentive")
def month_hours_incentive(assistant_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Incentive hours in D's month up to D."""
    return hours(_work(assistant_id, ctx).month("incentive_hours"))


@runtime_aware(metric="month_hours_trial")
def month_hours_trial(assistant_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Trial hours in D's month up to D."""
    return hours(_work(assistant_id, ctx).month("trial_hours"))


@runtime_aware(metric="month_hours_other")
def month_hours_other(assistant_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Hours of whatever else the till calls a course, in D's month up to D."""
    return hours(_work(assistant_id, ctx).month("other_hours"))


@runtime_aware(metric="month_billed")
def month_billed(assistant_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Ledger amount of all types in D's month up to D."""
    return yuan(_work(assistant_id, ctx).month("total_ledger_amount"))


@runtime_aware(metric="month_billed_base")
def month_billed_base(assistant_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Ledger amount of base courses in D's month up to D."""
    return yuan(_work(assistant_id, ctx).month("base_ledger"))


@runtime_aware(metric="month_billed_incentive")
def month_billed_incentive(assistant_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Ledger amount of incentive courses in D's month up to D."""
    return yuan(_work(assistant_id, ctx).month("incentive_ledger"))


@runtime_aware(metric="month_billed_trial")
def month_billed_trial(assistant_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Ledger amount of trial courses in D's month up to D."""
    return yuan(_work(assistant_id, ctx).month("trial_ledger"))


@runtime_aware(metric="month_billed_other")
def month_billed_other(assistant_id: int, *, ctx: RuntimeContext) -> Decimal:
    """Ledger amount of whatever else the till calls a course, in D's month up to D."""
    return yuan(_work(assistant_id, ctx).month("other_ledger"))


@runtime_aware(metric="cumulative_kpi")
def cumulative_kpi(assistant_id: int, *, ctx: RuntimeContext) -> dict[str, Any]:
    """Hours and ledger of all types, customers and tasks done, all time."""
    tasks = task_counts(site=ctx.site, as_of=ctx.business_date, assistant_id=assistant_id)
    done = tasks[assistant_id].done if assistant_id in tasks else 0
    kpi: dict[str, Any] = work_figures(_work(assistant_id, ctx), tasks_done=done)["cumulative_kpi"]
    return kpi
