"""What assistants did: their customers, days, pay and tasks, each in a table of its own."""

from __future__ import annotations

from datetime import date
from functools import cache

from django.db import connection

from metrics.builds.sql import statement
from metrics.models import (
    Assistant,
    AssistantCustomer,
    AssistantDaily,
    AssistantSalary,
    CoachTaskDaily,
)
from metrics.models.summaries import Summary

# An assistant (None: every one of the store) and a day on which something changed.
Changed = tuple[int | None, date]


def rebuild_assistants(*, site_id: int, since: dict[int, date]) -> None:
    """Rebuild all summaries of assistants, each from a date on."""
    days = set(since.items())
    _rebuild("assistant_customers", AssistantCustomer, site_id, days, on_days=">=")
    _rebuild("assistant_daily", AssistantDaily, site_id, days, on_days=">=")
    _rebuild("assistant_salary", AssistantSalary, site_id, days)
    _rebuild("coach_tasks", CoachTaskDaily, site_id, days)


def repair_assistants(
    *,
    site_id: int,
    services: set[Changed],
    pay: set[Changed],
    tasks: set[Changed],
    facts_are_gone: bool = False,
) -> None:
    """Take in new facts of just those days.

    Args:
        services: lines or levels; customers not served on one of the days keep their rows.
        pay: plans or corrections. New services change the pay as well.
        facts_are_gone: see repair_entities; no line tells which customers were served on the days.
    """
    everybody = (
        assistants_after(site_id=site_id)
        if any(assistant_id is None for assistant_id, _day in services | pay | tasks)
        else []
    )
    if days := _named(services, everybody):
        on_days, rebuilt = (">=", _first(days)) if facts_are_gone else ("=", days)
        _rebuild("assistant_customers", AssistantCustomer, site_id, rebuilt, on_days=on_days)
        _rebuild("assistant_daily", AssistantDaily, site_id, rebuilt, on_days=on_days)
    days |= _named(pay, everybody)
    if days:
        _rebuild("assistant_salary", AssistantSalary, site_id, _first(days))
    if days := _named(tasks, everybody):
        _rebuild("coach_tasks", CoachTaskDaily, site_id, _first(days))


def assistants_after(*, site_id: int, after: int = 0, limit: int | None = None) -> list[int]:
    """The store's next assistants, by id."""
    found = Assistant.objects.filter(site=site_id, pk__gt=after).order_by("pk")
    return list(found.values_list("pk", flat=True)[:limit])


def _named(changed: set[Changed], everybody: list[int]) -> set[tuple[int, date]]:
    return {
        (named, day)
        for assistant_id, day in changed
        for named in (everybody if assistant_id is None else [assistant_id])
    }


def _first(days: set[tuple[int, date]]) -> set[tuple[int, date]]:
    """The first of each assistant's days."""
    return set(dict(sorted(days, reverse=True)).items())


def _rebuild(
    name: str,
    model: type[Summary],
    site_id: int,
    since: set[tuple[int, date]],
    *,
    on_days: str = "",
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _text(name, model, on_days),
            {
                "site": site_id,
                "assistants": [assistant_id for assistant_id, _day in since],
                "since": [day for _assistant_id, day in since],
            },
        )


@cache
def _text(name: str, model: type[Summary], on_days: str) -> str:
    """The statement of that name, which ends with `fresh`, and what writes `fresh` into a table."""
    key = ["assistant_id", "member_id"] if model is AssistantCustomer else ["assistant_id"]
    columns = [
        field.attname
        for field in model._meta.concrete_fields
        if field.attname not in ("id", "site_id")
    ]
    values = [name for name in columns if name not in (*key, "stat_date")]
    standing = statement("standing").format(
        table=model._meta.db_table,
        same_entity=" AND ".join(f"d.{name} = t.{name}" for name in key),
    )
    write = statement("write_fresh").format(
        table=model._meta.db_table,
        key=", ".join(key),
        same_row=" AND ".join(f"f.{name} = s.{name}" for name in (*key, "stat_date")),
        columns=", ".join(columns),
        values=", ".join(values),
        current=", ".join(f"s.{name}" for name in values),
        fresh=", ".join(f"f.{name}" for name in values),
        excluded=", ".join(f"excluded.{name}" for name in values),
    )
    return statement(name).format(on_days=on_days, standing=standing) + write
