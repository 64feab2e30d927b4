"""Summaries as known at K.

Whoever had no facts recorded after K, dated up to D, is read from the summaries as they are. The
others are copied into temporary tables and repaired there by metrics.builds, from the facts of K.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import UniqueConstraint

from metrics.builds.assistants import assistants_after
from metrics.builds.members import members_after
from metrics.builds.repairs import (
    BEGINNING,
    Entity,
    Touched,
    repair_areas,
    repair_entities,
)
from metrics.builds.versions import see_options, visible_options, wanted_options
from metrics.known.recorded import Recorded
from metrics.models import (
    AssistantCustomer,
    AssistantDaily,
    AssistantSalary,
    CoachTaskDaily,
    FinanceDaily,
    MemberConsumption,
    MemberLifecycle,
)
from metrics.models.base import FOREVER
from metrics.models.summaries import Summary
from sandbox.context import RuntimeContext

_TOUCHED = Path(__file__).parent.parent / "sql" / "known" / "touched.sql"


@dataclass(frozen=True)
class Kept:
    """A summary, the column of its entities, and what must be touched for it to change."""

    model: type[Summary]
    column: str
    entities: tuple[Entity, ...]

    @property
    def name(self) -> str:
        return self.model._meta.db_table

    @property
    def copy(self) -> str:
        return f"known_{self.name}"


ENTITIES = (
    Kept(MemberConsumption, "member_id", ("member",)),
    Kept(MemberLifecycle, "member_id", ("member",)),
    Kept(AssistantDaily, "assistant_id", ("service",)),
    Kept(AssistantCustomer, "assistant_id", ("service",)),
    Kept(AssistantSalary, "assistant_id", ("service",)),
    Kept(CoachTaskDaily, "assistant_id", ("task",)),
)
# Counts the first visits of members: repaired after them.
AREAS = Kept(FinanceDaily, "area_id", ("area",))
KEPT = (*ENTITIES, AREAS)


def find_touched(recorded: Recorded) -> list[Touched]:
    """What was touched by facts recorded after K and dated up to D."""
    if recorded.is_all:
        return []
    text = _TOUCHED.read_text(encoding="utf-8").format(unknown=recorded.unknown("n"))
    with connection.cursor() as cursor:
        cursor.execute(text, {"site": recorded.site_id})
        return list(cursor.fetchall())


def shadow_summaries(*, ctx: RuntimeContext, touched: list[Touched]) -> tuple[list[str], list[str]]:
    """Shadow the summaries of what was touched; returns the names of views and of tables.

    The facts must be shadowed already: they are what the summaries are repaired from.
    """
    if (options := wanted_options(ctx.site)) != visible_options():
        see_options(options)
        everybody = members_after(site_id=ctx.site.pk, since=None, after=0, limit=None)
        touched = [*touched, *(("member", member, BEGINNING) for member in everybody)]
    if not touched:
        return [], []
    since = {kept.name: _since(kept, ctx, touched) for kept in KEPT}
    new_on = _first_visits(ctx, since[MemberConsumption._meta.db_table])
    # All of them, so that nothing can be written into the tables themselves.
    for kept in KEPT:
        _copy(kept, ctx, since[kept.name])
    new_on |= repair_entities(site=ctx.site, touched=touched, facts_are_gone=True)
    shadowed = [kept for kept in ENTITIES if _put_in_place(kept, ctx, since[kept.name])]
    repair_areas(site=ctx.site, touched=touched, new_on=new_on)
    shadowed += [kept for kept in (AREAS,) if _put_in_place(kept, ctx, since[kept.name])]
    return [kept.name for kept in shadowed], [kept.copy for kept in shadowed]


def _since(kept: Kept, ctx: RuntimeContext, touched: Collection[Touched]) -> dict[int, date]:
    """Whose rows of a summary may change, and from which day on."""
    since: dict[int, date] = {}
    for entity, key, day in touched:
        if entity in kept.entities:
            named = [key] if key is not None else assistants_after(site_id=ctx.site.pk)
            since |= {one: min(day, since.get(one, day)) for one in named}
    if kept is AREAS and touched:
        since.setdefault(0, ctx.business_date)  # where new members count
    return since


def _first_visits(ctx: RuntimeContext, members: Collection[int]) -> set[date]:
    """The days on which members are new as far as is known today: they may turn out others."""
    rows = MemberConsumption.objects.filter(
        site=ctx.site,
        member_id__in=list(members),
        stat_date__lte=ctx.business_date,
        valid_to__gt=ctx.business_date,
    )
    days = rows.values_list("first_visit", flat=True).distinct()
    return {day for day in days if day is not None}


def _copy(kept: Kept, ctx: RuntimeContext, since: dict[int, date]) -> None:
    """A temporary table of the summary's name: the touched ones' rows before that day.

    Finances are repaired day by day: all their rows up to D.
    """
    end = "'9999-12-30'::date" if kept is AREAS else "t.since"
    columns = (
        # What came after the last row is out of sight: it is in force for good.
        f"CASE WHEN r.valid_to >= least({end}, %(day)s + 1) THEN %(forever)s::date"
        " ELSE r.valid_to END AS valid_to"
        if column == "valid_to"
        else f"r.{column}"
        for column in _columns(kept)
    )
    unique = next(c for c in kept.model._meta.constraints if isinstance(c, UniqueConstraint))
    attnames = {field.name: field.attname for field in kept.model._meta.concrete_fields}
    key = ", ".join(attnames[name] for name in unique.fields)
    params: dict[str, Any] = {
        "site": ctx.site.pk,
        "day": ctx.business_date,
        "forever": FOREVER,
        "ids": list(since),
        "since": list(since.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE {kept.name} ON COMMIT DROP AS"  # noqa: S608
            f" SELECT {', '.join(columns)}"
            " FROM unnest(%(ids)s::bigint[], %(since)s::date[]) AS t (id, since)"
            f" JOIN public.{kept.name} r ON r.site_id = %(site)s AND r.{kept.column} = t.id"
            f" AND r.stat_date < {end};"
            # Repaired rows are told apart, and from stored ones, by ids below zero.
            f"ALTER TABLE pg_temp.{kept.name} ALTER id SET NOT NULL,"
            " ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1);"
            f"CREATE UNIQUE INDEX ON pg_temp.{kept.name} ({key})",
            params,
        )


def _put_in_place(kept: Kept, ctx: RuntimeContext, since: dict[int, date]) -> bool:
    """Let the summary's name mean the repaired rows and everybody else's; False if nobody was
    touched.

    Raises:
        RuntimeError: rows were repaired of somebody who is not said to be touched.
    """
    others = f"WHERE {kept.column} <> ALL (%(touched)s::bigint[])"
    params: dict[str, Any] = {"touched": list(since), "day": ctx.business_date}
    columns = ", ".join(_columns(kept))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {kept.name} {others})", params)  # noqa: S608
        if cursor.fetchone()[0]:
            raise RuntimeError(f"{kept.name}: repaired beyond what was touched")
        if not since:
            cursor.execute(f"DROP TABLE pg_temp.{kept.name}")
            return False
        cursor.execute(
            f"ALTER TABLE pg_temp.{kept.name} RENAME TO {kept.copy};"  # noqa: S608
            f"CREATE TEMPORARY VIEW {kept.name} AS"
            f" SELECT {columns} FROM public.{kept.name} {others} UNION ALL"
            f" SELECT {columns} FROM pg_temp.{kept.copy} WHERE stat_date <= %(day)s",
            params,
        )
    return True


def _columns(kept: Kept) -> list[str]:
    return [field.attname for field in kept.model._meta.concrete_fields]
