"""Another version of the summaries, built beside the one in force and flipped to.

Options that summaries are built with change rarely; until everything is built with the new ones,
readers go on with the old version. Each chunk of members is a short transaction under the ingest
lock, in which pushes count their facts in both versions. The flip is one row's update.
"""

from __future__ import annotations

from django.db import connection
from django.db.models.functions import Now

from metrics.builds import repairs
from metrics.builds.checkpoints import Checkpoint, unchecked
from metrics.builds.members import members_after, rebuild_members
from metrics.builds.versions import (
    lock_ingest,
    open_versions,
    see_versions,
    started_beside,
    version_in_force,
    version_of,
    wanted_options,
)
from metrics.models import DwsBuild, MemberConsumption, MemberLifecycle
from sandbox.context import use_build_context
from sandbox.models import Site, SiteIngest


def build_beside(*, site: Site, checkpoint: Checkpoint = unchecked) -> DwsBuild | None:
    """Build in what the options say and flip to it; None if they are in force already.

    One that was interrupted goes on. Options that change meanwhile make it begin anew.
    """
    build = None
    while started := _build_next(site, checkpoint):
        build = started
    return build


def retire_versions(*, site: Site) -> None:
    """Delete the versions before the one in force, once nobody can be reading them.

    A transaction sees the version that was in force when it began. So the rows stay until every
    transaction is over that was open when the flip had been committed.
    """
    with use_build_context(site):
        number = version_in_force(site).number
        flip = DwsBuild.objects.filter(site=site, version=number, status=DwsBuild.Status.DONE)
        build = flip.exclude(counts__has_key="retired").first()
        if build is None:
            return
        with connection.cursor() as cursor:
            cursor.execute(_OPEN_SINCE, {"seen": build.counts.get("flip_seen_at")})
            build.counts["flip_seen_at"], is_read = cursor.fetchone()
        if not is_read:
            see_versions(range(1, number))
            for model in (MemberConsumption, MemberLifecycle):
                model.objects.filter(site=site, version__lt=number).delete()
            build.counts["retired"] = True
        build.save(update_fields=["counts"])


# When the flip was first seen committed, and whether a transaction from before is still open.
_OPEN_SINCE = """
SELECT seen.at::text, EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < seen.at)
FROM (SELECT coalesce(%(seen)s::timestamptz, clock_timestamp()) AS at) seen
"""


def _build_next(site: Site, checkpoint: Checkpoint = unchecked) -> DwsBuild | None:
    """Build the next members beside, or flip when there are none left; None when all is done."""
    with use_build_context(site):
        ingest = lock_ingest(site)
        build = _aim(site)
        if build is None:
            return None
        checkpoint(build)
        members = members_after(
            site_id=site.pk,
            since=None,
            after=build.counts.get("members_through", 0),
            limit=repairs.CHUNK,
        )
        if not members:
            _flip(build, ingest)
            return build
        open_versions(site)
        rebuild_members(
            site_id=site.pk,
            since=dict.fromkeys(members, repairs.BEGINNING),
            versions=[version_of(build)],
        )
        build.counts["members_through"] = members[-1]
        build.counts["members"] = build.counts.get("members", 0) + len(members)
        build.save(update_fields=["counts"])
        return build


def _aim(site: Site) -> DwsBuild | None:
    """The build of what the options say now; what was begun for other options is abandoned.

    Its rows need no cleaning up: a build beside writes every member of its version anew.
    """
    wanted, in_force = wanted_options(site), version_in_force(site)
    build = started_beside(site)
    if wanted == in_force.options:
        if build is not None:
            build.delete()
        return None
    if build is None:
        return DwsBuild.objects.create(
            site=site, options=wanted.as_json(), version=in_force.number + 1
        )
    if version_of(build).options != wanted:
        build.options, build.counts = wanted.as_json(), {}
        build.save(update_fields=["options", "counts"])
    return build


def _flip(build: DwsBuild, ingest: SiteIngest) -> None:
    """Let readers that begin from now on see the version that was built."""
    SiteIngest.objects.filter(site=build.site_id).update(
        summary_version=build.version, summary_options=build.options
    )
    DwsBuild.objects.filter(pk=build.pk).update(
        status=DwsBuild.Status.DONE, finished_at=Now(), watermark=ingest.last_batch
    )
    build.refresh_from_db()
