"""Facts about assistants, pushed one at a time: services, levels, plans, corrections, tasks."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Any

from metrics.importers import push_rows
from metrics.models import (
    Assistant,
    AssistantCustomer,
    AssistantDaily,
    AssistantSalary,
    CoachTaskDaily,
)
from sandbox.context import live_context, use_build_context, use_context
from sandbox.models import Site
from tests.factories import bill, push_assistant

_numbers = count(1)

SUMMARIES = (AssistantCustomer, AssistantDaily, AssistantSalary, CoachTaskDaily)


def make_assistant(site: Site, level: str = "", **fields: Any) -> Assistant:
    external_id = push_assistant(site, level=level, **fields)
    with use_context(live_context(site)):
        return Assistant.objects.get(site=site, external_id=external_id)


def push_services(
    site: Site, day: date, *services: tuple[Any, ...], member: Any = None
) -> dict[str, Any]:
    """A bill with (assistant, hours, ledger[, course type]) for each service; returns its row."""
    row = bill(day, member=member)
    row["services"] = [
        {
            "external_id": f"L{next(_numbers)}",
            "assistant": assistant.external_id,
            "hours": hours,
            "ledger": ledger,
            "course_type": rest[0] if rest else "base",
        }
        for assistant, hours, ledger, *rest in services
    ]
    push_rows(site=site, kind="settlements", rows=[row])
    return row


def void_bill(site: Site, row: dict[str, Any]) -> None:
    void = row | {"external_id": f"V{row['external_id']}", "void_of": row["external_id"]}
    push_rows(site=site, kind="settlements", rows=[void | {"services": []}])


def void_line(site: Site, row: dict[str, Any], place: int = 0) -> None:
    line = row["services"][place]
    void = line | {"external_id": f"V{line['external_id']}", "void_of": line["external_id"]}
    push_rows(site=site, kind="service_lines", rows=[void | {"settlement": row["external_id"]}])


def set_level(site: Site, assistant: Assistant, day: date, level: str) -> None:
    _push(site, "levels", assistant=assistant.external_id, day=day.isoformat(), level=level)


def set_plan(
    site: Site,
    day: date,
    level: str,
    hourly_rate: str | int,
    commission_rate: str | int = 0,
    **month_rules: Any,
) -> None:
    _push(
        site,
        "plans",
        day=day.isoformat(),
        level=level,
        hourly_rate=hourly_rate,
        commission_rate=commission_rate,
        month_rules=month_rules,
    )


def correct_pay(
    site: Site, assistant: Assistant, day: date, kind: str, amount: str | int, **fields: Any
) -> dict[str, Any]:
    return _push(
        site,
        "adjustments",
        assistant=assistant.external_id,
        day=day.isoformat(),
        kind=kind,
        amount=amount,
        reason="",
        **fields,
    )


def void_correction(site: Site, row: dict[str, Any]) -> None:
    void = row | {"external_id": f"V{row['external_id']}", "void_of": row["external_id"]}
    push_rows(site=site, kind="adjustments", rows=[void])


def give_task(
    site: Site, assistant: Assistant, day: date, due_on: date | None = None, member: Any = None
) -> str:
    row = _push(
        site,
        "tasks",
        assistant=assistant.external_id,
        member=member.external_id if member else None,
        kind="recall",
        assigned_at=f"{day}T12:00:00",
        due_on=due_on.isoformat() if due_on else None,
        reason="",
    )
    return str(row["external_id"])


def end_task(site: Site, task: str, day: date, kind: str = "done") -> None:
    _push(
        site,
        "task_events",
        task=task,
        occurred_at=f"{day}T20:00:00",
        kind=kind,
        outcome=None,
        note="",
    )


def assign(site: Site, member: Any, assistant: Assistant | None, day: date) -> None:
    _push(
        site,
        "assignments",
        member=member.external_id,
        assistant=assistant.external_id if assistant else None,
        day=day.isoformat(),
    )


def staff_summaries(site: Site) -> list[list[tuple[Any, ...]]]:
    """Every row of the assistants' summaries, without ids."""
    with use_build_context(site):
        return [
            sorted(
                tuple(value for name, value in row.items() if name != "id")
                for row in model.objects.filter(site=site).values()
            )
            for model in SUMMARIES
        ]


def _push(site: Site, kind_of_row: str, /, **fields: Any) -> dict[str, Any]:
    row = {"external_id": f"{kind_of_row}{next(_numbers)}", **fields}
    push_rows(site=site, kind=kind_of_row, rows=[row])
    return row
