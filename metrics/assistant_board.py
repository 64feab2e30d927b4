"""All assistants of a store with their metrics, at a business date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from metrics.calculations.assistants import work_at, work_figures
from metrics.calculations.in_force import in_force
from metrics.calculations.month_pay import month_pay_at
from metrics.calculations.salary import day_pay_at
from metrics.calculations.stars import stars_at
from metrics.calculations.tasks import TaskCounts, task_counts
from metrics.models import Assistant, AssistantVersion
from metrics.money import yuan
from sandbox.context import RuntimeContext, business_date_of, current_context


@dataclass(frozen=True)
class AssistantFigures:
    """An assistant known at D.

    Attributes:
        is_employed: has not left by D.
        metrics: every assistant metric of the catalog, by key, in its order.
    """

    assistant_id: int
    external_id: str
    name: str
    is_employed: bool
    metrics: dict[str, Any]


def assistant_board(*, ctx: RuntimeContext | None = None) -> list[AssistantFigures]:
    """The assistants known at D by name, in as many queries for a hundred as for one."""
    ctx = ctx or current_context()
    site, as_of = ctx.site, ctx.business_date
    work = work_at(site=site, as_of=as_of)
    tasks = task_counts(site=site, as_of=as_of)
    pays = month_pay_at(site=site, as_of=as_of, work=work)
    today = day_pay_at(site=site, as_of=as_of)
    stars = stars_at(site=site, as_of=as_of)
    known = (
        Assistant.objects.filter(site=site, business_date__lte=as_of)
        .annotate(version=in_force("versions", site=site, as_of=as_of, since="business_date"))
        .values_list("pk", "external_id", "version__name", "version__left_at")
        .order_by("version__name", "pk")
    )
    board = []
    for pk, external_id, name, left_at in known:
        done = tasks.get(pk, TaskCounts())
        figures = work_figures(work[pk], tasks_done=done.done)
        kpi = figures.pop("cumulative_kpi")
        metrics = figures | {
            "daily_salary": today[pk].total if pk in today else yuan(0),
            "month_salary": pays[pk].total(),
            "task_completion_rate": done.completion_rate(),
            "salary_adjustments": {k: yuan(v) for k, v in pays[pk].corrections.items()},
            "assistant_stars": stars.get(pk),
            "cumulative_kpi": kpi,
        }
        is_employed = left_at is None or business_date_of(site, left_at) > as_of
        board.append(AssistantFigures(pk, external_id, name or "", is_employed, metrics))
    return board


def employed_assistants(*, ctx: RuntimeContext) -> dict[int, str]:
    """The names of those known at D who have not left by then, by id, in the order of names."""
    day = ctx.business_date
    found = AssistantVersion.objects.filter(
        site=ctx.site, business_date__lte=day, valid_to__gt=day
    ).order_by("name", "assistant_id")
    return {
        pk: name or external_id
        for pk, external_id, name, left_at in found.values_list(
            "assistant_id", "assistant__external_id", "name", "left_at"
        )
        if left_at is None or business_date_of(ctx.site, left_at) > day
    }
