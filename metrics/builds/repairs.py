"""Summaries brought up to date after new facts, in the transaction that wrote them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Literal

from metrics.builds.assistants import assistants_after, rebuild_assistants, repair_assistants
from metrics.builds.finance import rebuild_finance, repair_finance
from metrics.builds.members import first_visits, members_after, rebuild_members
from metrics.builds.sql import prepared_statements
from metrics.builds.versions import open_versions
from sandbox.models import Site

# What a fact changes the summaries of: a member; an area (0: none); an assistant's services, pay
# or tasks (id None: every assistant of the store).
Entity = Literal["member", "area", "service", "pay", "task"]
Touched = tuple[Entity, int | None, date]

# Members, and assistants, summed up in one statement.
CHUNK = 5000
ASSISTANTS_CHUNK = 50
# Before every fact.
BEGINNING = date.min


def repair_touched(*, site: Site, touched: Collection[Touched]) -> None:
    """Bring the summaries up to date after new facts of (entity, id, business date).

    Under the store's ingest lock. A fact that comes late repairs everything after it.
    """
    with prepared_statements():
        new_on = repair_entities(site=site, touched=touched)
        repair_areas(site=site, touched=touched, new_on=new_on)


def repair_entities(
    *, site: Site, touched: Collection[Touched], facts_are_gone: bool = False
) -> set[date]:
    """Repair the summaries that are about one entity each; returns the days whose new members
    changed: a bill before the first visit makes the member new on another day.

    Args:
        facts_are_gone: the touched ones' rows from their first day on have been taken away, and
            so may facts have been.
    """
    repair_assistants(
        site_id=site.pk,
        services=_touched(touched, "service"),
        pay=_touched(touched, "pay"),
        tasks=_touched(touched, "task"),
        facts_are_gone=facts_are_gone,
    )
    since: dict[int, date] = {}
    for member, day in _touched(touched, "member"):
        if member is not None:
            since[member] = min(day, since.get(member, day))
    return _repair_members(site, since) if since else set()


def repair_areas(*, site: Site, touched: Collection[Touched], new_on: set[date]) -> None:
    """Repair the finances of the touched areas, and of the days `new_on` for what has no area.

    After the members: their first visits are counted here.
    """
    found = _touched(touched, "area")
    if days := new_on | {day for _area, day in found}:
        areas = {area or 0 for area, _day in found} | ({0} if new_on else set())
        repair_finance(site_id=site.pk, days=days, areas=areas)


def _touched(touched: Collection[Touched], entity: Entity) -> set[tuple[int | None, date]]:
    return {(key, day) for kind, key, day in touched if kind == entity}


def repair_since(*, site: Site, since: date) -> None:
    """Rebuild everything from a date on, within the caller's transaction and lock."""
    members = members_after(site_id=site.pk, since=since, after=0, limit=None)
    versions = open_versions(site)
    for start in range(0, len(members), CHUNK):
        chunk = members[start : start + CHUNK]
        rebuild_members(site_id=site.pk, since=dict.fromkeys(chunk, since), versions=versions)
    rebuild_finance(site_id=site.pk, since=since)
    assistants = assistants_after(site_id=site.pk)
    for start in range(0, len(assistants), ASSISTANTS_CHUNK):
        batch = assistants[start : start + ASSISTANTS_CHUNK]
        rebuild_assistants(site_id=site.pk, since=dict.fromkeys(batch, since))


def _repair_members(site: Site, since: dict[int, date]) -> set[date]:
    """Rebuild members' summaries; returns the days whose new members changed."""
    versions = open_versions(site)
    before = first_visits(site=site, members=since, version=versions[0])
    rebuild_members(site_id=site.pk, since=since, versions=versions)
    after = first_visits(site=site, members=since, version=versions[0])
    return {day for _member, day in before.items() ^ after.items() if day is not None}
