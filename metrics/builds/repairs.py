"""Summaries brought up to date after new facts, in the transaction that wrote them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Literal

from metrics.builds.assistants import assistants_after, rebuild_assistants, repair_assistants
from metrics.builds.finance import rebuild_finance, repair_finance
from metrics.builds.members import first_visits, members_after, rebuild_members
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


def repair_touched(*, site: Site, touched: Iterable[Touched]) -> None:
    """Bring the summaries up to date after new facts of (entity, id, business date).

    Under the store's ingest lock. A fact that comes late repairs everything after it; a bill
    before the first visit makes the member new on another day, and no longer on the day before.
    """
    since: dict[Entity, dict[int | None, date]] = defaultdict(dict)
    days: set[date] = set()
    assistants: dict[Entity, set[tuple[int | None, date]]] = defaultdict(set)
    for entity, key, day in touched:
        if entity in ("service", "pay", "task"):
            assistants[entity].add((key, day))
            continue
        since[entity][key] = min(day, since[entity].get(key, day))
        if entity == "area":
            days.add(day)
    if members := {key: day for key, day in since["member"].items() if key is not None}:
        days |= _repair_members(site, members)
    if days:
        areas = {key or 0 for key in since["area"]} | {0}
        repair_finance(site_id=site.pk, days=days, areas=areas)
    if assistants:
        repair_assistants(
            site_id=site.pk,
            services=assistants["service"],
            pay=assistants["pay"],
            tasks=assistants["task"],
        )


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
