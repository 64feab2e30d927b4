"""Builds of a store's summaries: resumable, in short transactions under the ingest lock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.db import connection
from django.db.models.functions import Now

from metrics.builds.assistants import assistants_after, rebuild_assistants
from metrics.builds.beside import build_beside, retire_versions
from metrics.builds.checkpoints import Checkpoint, unchecked
from metrics.builds.finance import rebuild_finance
from metrics.builds.members import members_after, rebuild_members
from metrics.builds.repairs import ASSISTANTS_CHUNK, BEGINNING, CHUNK
from metrics.builds.versions import lock_ingest, open_versions
from metrics.models import (
    AssistantCustomer,
    AssistantDaily,
    AssistantSalary,
    CoachTaskDaily,
    DwsBuild,
    FinanceDaily,
    MemberConsumption,
    MemberLifecycle,
)
from sandbox.context import use_build_context
from sandbox.models import Site

SUMMARIES = (
    *(MemberConsumption, MemberLifecycle, AssistantCustomer, AssistantDaily, AssistantSalary),
    *(CoachTaskDaily, FinanceDaily),
)


def build_site(
    *,
    site: Site,
    since: date | None = None,
    full: bool = False,
    checkpoint: Checkpoint = unchecked,
) -> list[DwsBuild]:
    """Build a store's summaries; returns the builds carried out.

    Builds that were left at STARTED come first. Without `since` and `full` nothing more is built
    unless the store was never built: pushes and files keep the summaries up to date. Options that
    changed since the summaries were built are built in last.
    """
    request_build(site=site, since=since, full=full)
    return run_started(site=site, checkpoint=checkpoint)


def request_build(*, site: Site, since: date | None = None, full: bool = False) -> None:
    """Note what has to be built; nothing when nothing is asked for and the store was built once."""
    if full or since is not None or not DwsBuild.objects.filter(site=site).exists():
        DwsBuild.objects.create(site=site, since=None if full else since)


def run_started(*, site: Site, checkpoint: Checkpoint = unchecked) -> list[DwsBuild]:
    """Carry out what is at STARTED, the oldest first, and what options call for; the builds."""
    retire_versions(site=site)
    started = list(
        DwsBuild.objects.filter(site=site, status="started", version=None).order_by("pk")
    )
    for build in started:
        run_build(build=build, checkpoint=checkpoint)
    if beside := build_beside(site=site, checkpoint=checkpoint):
        started.append(beside)
    return started


def open_build(*, site: Site, since: date | None) -> DwsBuild:
    """Note under the ingest lock that everything from `since` on (null: everything) has to be built.

    A build that has not begun takes it in: files that come one after the other are summed up once.
    """
    waiting = DwsBuild.objects.filter(
        site=site, status=DwsBuild.Status.STARTED, version=None, counts={}
    ).first()
    if waiting is None:
        return DwsBuild.objects.create(site=site, since=since)
    waiting.since = None if since is None or waiting.since is None else min(since, waiting.since)
    waiting.save(update_fields=["since"])
    return waiting


def run_build(*, build: DwsBuild, checkpoint: Checkpoint = unchecked) -> None:
    """Carry out a build in short transactions; a build that was interrupted goes on."""
    while _build_members(build, checkpoint):
        pass
    while _build_assistants(build, checkpoint):
        pass
    with use_build_context(build.site):
        ingest = lock_ingest(build.site)
        _allow_memory()
        # It may have been told to begin earlier since it was opened.
        build.refresh_from_db()
        checkpoint(build)
        rebuild_finance(site_id=build.site_id, since=build.since or BEGINNING)
        DwsBuild.objects.filter(pk=build.pk, status=DwsBuild.Status.STARTED).update(
            status=DwsBuild.Status.DONE, finished_at=Now(), watermark=ingest.last_batch
        )
        build.refresh_from_db()
    if build.since is None:
        _analyze()


def _analyze() -> None:
    """Take statistics of what has grown by a tenth or more, as readers come before autovacuum does.

    Before PostgreSQL 17 only the owner may, and this is passed over.
    """
    with connection.cursor() as cursor:
        cursor.execute(_GROWN, [[model._meta.db_table for model in SUMMARIES]])
        if grown := [table for (table,) in cursor.fetchall()]:
            cursor.execute(f"ANALYZE {', '.join(grown)}")


_GROWN = """
SELECT s.relname
FROM pg_stat_user_tables s
JOIN pg_class c ON c.oid = s.relid
WHERE s.relname = ANY (%s)
  AND (c.reltuples < 1 OR s.n_mod_since_analyze > c.reltuples / 10)
"""


def _allow_memory() -> None:
    """Sorts and hashes of a chunk stay in memory until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")


def _build_members(build: DwsBuild, checkpoint: Checkpoint = unchecked) -> bool:
    """Sum up the next members; False when these were the last."""

    def rebuild(after: int, since: date | None) -> list[int]:
        members = members_after(site_id=build.site_id, since=since, after=after, limit=CHUNK)
        rebuild_members(
            site_id=build.site_id,
            since=dict.fromkeys(members, since or BEGINNING),
            versions=open_versions(build.site),
        )
        return members

    return _build_next(build, "members", rebuild, checkpoint, CHUNK)


def _build_assistants(build: DwsBuild, checkpoint: Checkpoint = unchecked) -> bool:
    """Sum up the next assistants; False when these were the last."""

    def rebuild(after: int, since: date | None) -> list[int]:
        assistants = assistants_after(site_id=build.site_id, after=after, limit=ASSISTANTS_CHUNK)
        rebuild_assistants(
            site_id=build.site_id, since=dict.fromkeys(assistants, since or BEGINNING)
        )
        return assistants

    return _build_next(build, "assistants", rebuild, checkpoint, ASSISTANTS_CHUNK)


def _build_next(
    build: DwsBuild,
    what: str,
    rebuild: Callable[[int, date | None], list[int]],
    checkpoint: Checkpoint,
    chunk: int,
) -> bool:
    """Carry a build on, in a transaction of its own, from where it got to.

    Args:
        rebuild: builds what comes after an id, since a date; returns the ids, fewer than a `chunk`
            at the end.
    """
    with use_build_context(build.site):
        lock_ingest(build.site)
        _allow_memory()
        row = DwsBuild.objects.get(pk=build.pk)
        checkpoint(row)
        if row.status == DwsBuild.Status.DONE:
            return False
        through = row.counts.get(f"{what}_through", 0)
        built = rebuild(through, row.since)
        # Also where there was nothing: a build that has begun takes in nothing more.
        row.counts[f"{what}_through"] = built[-1] if built else through
        row.counts[what] = row.counts.get(what, 0) + len(built)
        row.save(update_fields=["counts"])
    return len(built) == chunk
