"""The options that summaries are built with, and the versions built with each value."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, cast

from django.db import connection

from metrics.builds.sql import run
from metrics.models import DwsBuild
from sandbox.models import Site, SiteIngest
from sandbox.options import option


@dataclass(frozen=True)
class SummaryOptions:
    """What a version of the versioned summaries was built with, in days.

    Attributes:
        window_days: consumption_60d counts (D - window_days, D].
        away_days: how long a member must have been away to count as returned.
    """

    window_days: int = 60
    away_days: int = 45

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class SummaryVersion:
    number: int
    options: SummaryOptions


def wanted_options(site: Site) -> SummaryOptions:
    """What the options say today."""
    return SummaryOptions(
        window_days=option("consumption_window_days", site), away_days=option("churn_days", site)
    )


def version_in_force(site: Site) -> SummaryVersion:
    """The version that readers see from now on."""
    ingest = SiteIngest.objects.filter(site=site).first()
    if ingest is None:
        return SummaryVersion(1, SummaryOptions())
    return SummaryVersion(ingest.summary_version, read_options(ingest.summary_options))


def visible_options() -> SummaryOptions:
    """What is built into the version that this transaction sees, also after a flip."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('zqyy.summary_options')")
        return read_options(json.loads(cursor.fetchone()[0]))


def lock_ingest(site: Site) -> SiteIngest:
    """Lock the store's ingest until the end of the transaction. Facts are inserted before.

    The first version of a new store is built with what the options say.
    """
    rows = SiteIngest.objects.select_for_update().filter(site=site)
    if (ingest := rows.first()) is None:
        first = SiteIngest(site=site, summary_options=wanted_options(site).as_json())
        SiteIngest.objects.bulk_create([first], ignore_conflicts=True)
        ingest = rows.get()
    return ingest


def started_beside(site: Site) -> DwsBuild | None:
    """The build of another version that is under way."""
    return DwsBuild.objects.filter(
        site=site, status=DwsBuild.Status.STARTED, version__isnull=False
    ).first()


def open_versions(site: Site) -> list[SummaryVersion]:
    """The versions that new facts must be counted in: the one in force, and one being built.

    Under the store's ingest lock. The transaction sees exactly these from here on: what was in
    force when it began may have been replaced while it waited for the lock.
    """
    found = run(_OPEN, {"site": site.pk})
    return [
        SummaryVersion(number, read_options(json.loads(options or "{}")))
        for number, options, _seen in found
    ]


# In force, and being built; from here on the transaction sees them.
_OPEN = """
WITH opened (number, options) AS MATERIALIZED (
    SELECT summary_version, summary_options FROM site_ingest WHERE site_id = %(site)s
    UNION ALL
    SELECT version, options FROM dws_builds
    WHERE site_id = %(site)s AND status = 'started' AND version IS NOT NULL
)
SELECT number, options,
       set_config('zqyy.summary_versions', (SELECT array_agg(number)::text FROM opened), true)
FROM opened
ORDER BY number
"""


def version_of(build: DwsBuild) -> SummaryVersion:
    """What a build beside builds."""
    return SummaryVersion(cast(int, build.version), read_options(build.options))


def see_versions(numbers: Iterable[int]) -> None:
    """Let the transaction see these versions instead of those it began with."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('zqyy.summary_versions', %s::smallint[]::text, true)",
            [list(numbers)],
        )


def see_options(options: SummaryOptions) -> None:
    """Let readers of the transaction take this for what the summaries are built with."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('zqyy.summary_options', %s, true)", [json.dumps(options.as_json())]
        )


def read_options(options: dict[str, Any] | None) -> SummaryOptions:
    return SummaryOptions(**options or {})
