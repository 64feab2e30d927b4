"""Members with a rhythm, and what may keep somebody from calling them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from metrics.importers import push_rows
from metrics.models import Assistant, Member
from sandbox.context import live_context, use_context
from sandbox.models import Site
from tests.admin.conftest import TODAY
from tests.factories import bill, card_entry, member_of, push_bills, push_member

VISITS = 4


def push_regular(
    site: Site,
    name: str,
    *,
    away: int,
    gap: int = 7,
    principal: int = 0,
    paid: int = 50,
    **fields: Any,
) -> Member:
    """Somebody who came every `gap` days, four times, and has been away for `away` days."""
    push_member(site, name, name=name, **fields)
    push_bills(site, visits_of(name, away=away, gap=gap, paid=paid))
    if principal:
        push_rows(
            site=site,
            kind="card_entries",
            rows=[card_entry(name, TODAY - timedelta(days=away + gap * VISITS), principal)],
        )
    return member_of(site, name)


def visits_of(name: str, *, away: int, gap: int = 7, paid: int = 50) -> list[dict[str, Any]]:
    return [
        bill(TODAY - timedelta(days=away + gap * nth), paid, member=name) for nth in range(VISITS)
    ]


def push_contact(site: Site, name: str, day: date) -> None:
    row = {
        "external_id": f"contact-{name}-{day}",
        "member": name,
        "channel": "wechat",
        "occurred_at": f"{day}T09:00:00",
        "outcome": "reached",
    }
    push_rows(site=site, kind="contacts", rows=[row])


def push_task(site: Site, name: str | None, assistant: str, **fields: Any) -> str:
    """A recall assigned ten days ago unless told otherwise; its external id."""
    row = {
        "external_id": f"task-{name}-{fields.get('kind', 'recall')}",
        "assistant": assistant,
        "member": name,
        "kind": "recall",
        "assigned_at": f"{TODAY - timedelta(days=10)}T12:00:00",
        **fields,
    }
    push_rows(site=site, kind="tasks", rows=[row])
    return str(row["external_id"])


def close_task(site: Site, task: str, day: date = TODAY) -> None:
    row = {
        "external_id": f"closed-{task}",
        "task": task,
        "occurred_at": f"{day}T09:00:00",
        "kind": "done",
        "outcome": "reached",
    }
    push_rows(site=site, kind="task_events", rows=[row])


def assistant_of(site: Site, name: str) -> Assistant:
    with use_context(live_context(site)):
        return Assistant.objects.get(site=site, external_id=name)
