"""What became of an assistant's tasks, at a business date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from metrics.calculations.in_force import in_force
from metrics.models import Assistant
from sandbox.context import RuntimeContext
from sandbox.decorators import runtime_aware
from sandbox.models import Site

_COUNTS = ("assigned", "due", "completed_in_time", "completed_late", "done")


@dataclass(frozen=True)
class TaskCounts:
    """Tasks of an assistant: `done` of all time, the others of the month up to a date.

    `due` and `completed_in_time` count on the due day, `completed_late` on the day it was done.
    """

    assigned: int = 0
    due: int = 0
    completed_in_time: int = 0
    completed_late: int = 0
    done: int = 0

    def completion_rate(self) -> Decimal | None:
        """Completed in time of those due, 4 places; None when none was due."""
        if not self.due:
            return None
        rate = Decimal(self.completed_in_time) / self.due
        return rate.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def task_counts(
    *, site: Site, as_of: date, assistant_id: int | None = None
) -> dict[int, TaskCounts]:
    """The tasks of assistants (None: all of the store) at a date, by id, in one query."""
    month_before = as_of.replace(day=1) - timedelta(days=1)
    found = Assistant.objects.filter(site=site, business_date__lte=as_of)
    if assistant_id is not None:
        found = found.filter(pk=assistant_id)
    rows = found.annotate(
        now=in_force("task_days", site=site, as_of=as_of),
        before=in_force("task_days", site=site, as_of=month_before),
    ).values("pk", *(f"{when}__{name}" for when in ("now", "before") for name in _COUNTS))
    return {
        row["pk"]: TaskCounts(
            **{
                name: (row[f"now__{name}"] or 0)
                - (0 if name == "done" else row[f"before__{name}"] or 0)
                for name in _COUNTS
            }
        )
        for row in rows
    }


@runtime_aware(metric="task_completion_rate")
def task_completion_rate(assistant_id: int, *, ctx: RuntimeContext) -> Decimal | None:
    """Of the tasks due in D's month up to D, the part completed in time; None when none was."""
    found = task_counts(site=ctx.site, as_of=ctx.business_date, assistant_id=assistant_id)
    return found.get(assistant_id, TaskCounts()).completion_rate()
