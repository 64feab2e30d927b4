"""What assistants did: their customers, days, pay and tasks, each in a table of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from typing import Any

from metrics.builds.moves import Cumulative
from metrics.builds.sql import rebuilding, run, sections
from metrics.models import (
    Assistant,
    AssistantCustomer,
    AssistantDaily,
    AssistantSalary,
    CoachTaskDaily,
)
from metrics.models.base import FOREVER
from metrics.models.summaries import Summary

WORK = Cumulative(AssistantDaily, key="assistant_id", held=(("assistant_level_code", "''"),))
# Moving an assistant's later rows day by day costs more than summing them up anew beyond these.
FEW_DAYS = 3
# An assistant (None: every one of the store) and a day on which something changed.
Changed = tuple[int | None, date]


def rebuild_assistants(*, site_id: int, since: dict[int, date]) -> None:
    """Rebuild all summaries of assistants, each from a date on."""
    days = set(since.items())
    _rebuild_services(site_id, days, on_days=">=")
    _rebuild("assistant_salary", AssistantSalary, site_id, days, until=[FOREVER] * len(days))
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
    served, paid = _named(services, everybody), _named(pay, everybody)
    # A plan is everybody's and counts until the next one; a level until the next one, too.
    lasting = {assistant_id for assistant_id, _day in _named(_of_everybody(pay), everybody)}
    if served and facts_are_gone:
        _rebuild_services(site_id, _first(served), on_days=">=")
        lasting |= {assistant_id for assistant_id, _day in served}
    elif served:
        lasting |= _repair_services(site_id, served)
    if days := served | paid:
        _repair_pay(site_id, days, lasting)
    if days := _named(tasks, everybody):
        _rebuild("coach_tasks", CoachTaskDaily, site_id, _first(days))


def _repair_services(site_id: int, days: set[tuple[int, date]]) -> set[int]:
    """Customers, work and levels; returns the assistants whose level changed on one of the days."""
    changed = _arrays(site_id, days)
    firsts = sections("assistant_customers")["firsts"]
    before = set(run(firsts, changed))
    _rebuild("assistant_customers", AssistantCustomer, site_id, days, on_days="=")
    moved = {(key, day) for key, _member, day in before ^ set(run(firsts, changed))}
    promoted = {assistant_id for (assistant_id,) in run(_LEVEL_CHANGES, changed)}
    many = {assistant_id for assistant_id, count in _count(days | moved) if count > FEW_DAYS}
    rebuilt = {(key, day) for key, day in days if key in promoted | many}
    if rebuilt:
        _rebuild("assistant_daily", AssistantDaily, site_id, rebuilt, on_days="=")
    if repaired := {(key, day) for key, day in days | moved if key not in promoted | many}:
        WORK.repair(_changes(), _arrays(site_id, repaired))
    return promoted


def _repair_pay(site_id: int, days: set[tuple[int, date]], lasting: set[int]) -> None:
    """Pay the months that the days lie in; of the `lasting`, everything since."""
    until = {
        assistant_id: FOREVER if assistant_id in lasting else _next_month(day)
        for assistant_id, day in sorted(days)
    }
    first = _first(days)
    ends = [until[assistant_id] for assistant_id, _day in first]
    _rebuild("assistant_salary", AssistantSalary, site_id, first, until=ends)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _count(days: set[tuple[int, date]]) -> Iterable[tuple[int, int]]:
    return Counter(assistant_id for assistant_id, _day in days).items()


def _of_everybody(changed: set[Changed]) -> set[Changed]:
    return {(assistant_id, day) for assistant_id, day in changed if assistant_id is None}


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


def _rebuild_services(site_id: int, days: set[tuple[int, date]], *, on_days: str) -> None:
    _rebuild("assistant_customers", AssistantCustomer, site_id, days, on_days=on_days)
    _rebuild("assistant_daily", AssistantDaily, site_id, days, on_days=on_days)


def _rebuild(
    name: str,
    model: type[Summary],
    site_id: int,
    since: set[tuple[int, date]],
    *,
    on_days: str = "",
    until: list[date] | None = None,
) -> None:
    """Rebuild one summary of (assistant, date from which on), each until before its `until`."""
    params = _arrays(site_id, since)
    params |= {"since": params["days"], "until": until}
    run(_text(name, model, on_days, _has_none(model, params)), params)


def _has_none(model: type[Summary], params: dict[str, Any]) -> bool:
    """Whether none of the assistants has rows yet; only asked when they are built from nothing."""
    if max(params["since"], default=date.max) > date.min:
        return False
    named = {"site": params["site"], "assistant_id__in": params["assistants"]}
    rows = model._default_manager.filter(**named)
    return not rows.exists()


def _arrays(site_id: int, days: set[tuple[int, date]]) -> dict[str, Any]:
    return {
        "site": site_id,
        "assistants": [assistant_id for assistant_id, _day in days],
        "days": [day for _assistant_id, day in days],
    }


@cache
def _changes() -> str:
    """What the facts say of assistants' work on some days more than the rows do."""
    texts = sections("assistant_daily")
    return texts["changes"].format(
        lines=texts["lines"].format(on_days="="),
        work=texts["work"],
        stands=WORK.stands(),
        columns=", ".join(WORK.sums),
        sums=", ".join(f"sum({name})::bigint AS {name}" for name in WORK.sums),
    )


@cache
def _text(name: str, model: type[Summary], on_days: str, has_none: bool) -> str:
    given, texts = {"on_days": on_days}, sections(name)
    given |= {part: text.format(**given) for part, text in texts.items() if part in _PARTS}
    return rebuilding(
        name,
        model,
        key=("assistant_id", "member_id") if model is AssistantCustomer else ("assistant_id",),
        has_none=has_none,
        is_few=True,
        until="AND d.stat_date < t.until" if model is AssistantSalary else "",
        **given,
    )


# What statements of one file share.
_PARTS = ("lines", "work")
_LEVEL_CHANGES = """
SELECT DISTINCT c.assistant_id
FROM unnest(%(assistants)s::bigint[], %(days)s::date[]) AS t (assistant_id, day)
JOIN assistant_level_changes c ON c.site_id = %(site)s AND c.assistant_id = t.assistant_id
                              AND c.business_date = t.day
"""
