"""What is odd in a store's figures: noted at ingest, looked for after every nightly build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from metrics.models import DataQuality
from metrics.quality_checks import CHECKS, HARD, SOFT, Check, bills_of_the_day
from sandbox.models import Site
from sandbox.options import option

# Ids kept of what a check found.
SAMPLE = 10


@dataclass(frozen=True)
class Finding:
    """A check that failed. `count` is how many rows, or what the check measures."""

    check: Check
    severity: DataQuality.Severity
    count: int
    sample: list[str]


def run_checks(*, site: Site, day: date) -> list[Finding]:
    """The checks that fail on the figures of a closed day, the hard ones first.

    In the context of that day: rows dated later are out of sight.
    """
    limits = option("quality_limits", site)
    severities = option("quality_severities", site)
    found = []
    for check in CHECKS:
        count, sample = _look(check, site=site, day=day)
        if count > int(limits.get(check.key, check.limit)):
            is_hard = severities.get(check.key, check.severity) == HARD
            found.append(Finding(check, HARD if is_hard else SOFT, count, sample))
    return sorted(found, key=lambda finding: finding.severity != HARD)


def note_findings(*, site: Site, day: date, findings: list[Finding]) -> None:
    """Keep what the night of `day` found, in place of what it found before; raise one alert.

    In the context of `day` and the transaction that ends the night; last in it, because the
    alert's number is locked until it commits.
    """
    night = DataQuality.FoundBy.NIGHT
    DataQuality.objects.filter(site=site, business_date=day, found_by=night).delete()
    DataQuality.objects.bulk_create(
        DataQuality(
            site=site,
            business_date=day,
            found_by=night,
            check_key=finding.check.key,
            severity=finding.severity,
            count=finding.count,
            sample=finding.sample,
        )
        for finding in findings
    )
    if hard := [finding.check.key for finding in findings if finding.severity == HARD]:
        closed = (day - timedelta(days=1)).isoformat()
        _raise_alert(site_id=site.pk, params={"checks": hard, "business_date": closed})


def note_warnings(*, site: Site, day: date, batch_id: int, counts: Mapping[str, int]) -> None:
    """Add doubtful rows of an ingest, by code, to those of the open day, in its transaction."""
    with connection.cursor() as cursor:
        for code in sorted(counts):
            cursor.execute(
                "INSERT INTO data_quality AS d (site_id, business_date, found_by, check_key,"
                " severity, count, sample) VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb)"
                " ON CONFLICT (site_id, business_date, found_by, check_key) DO UPDATE SET"
                " count = d.count + excluded.count, found_at = now(),"
                " sample = CASE WHEN jsonb_array_length(d.sample) < %s"
                "  THEN d.sample || excluded.sample ELSE d.sample END",
                [
                    site.pk,
                    day,
                    DataQuality.FoundBy.INGEST,
                    code,
                    SOFT,
                    counts[code],
                    f'["ingest_batches:{batch_id}"]',
                    SAMPLE,
                ],
            )


def _look(check: Check, *, site: Site, day: date) -> tuple[int, list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH bills AS ({bills_of_the_day()})"  # noqa: S608  our own text
            f" SELECT f.*, count(*) OVER () FROM ({check.statement}) AS f LIMIT %(sample)s",
            {"site": site.pk, "day": day, "sample": SAMPLE},
        )
        rows = cursor.fetchall()
    if not rows:
        return 0, []
    sample = [f"{row[0]}:{row[1]}" for row in rows]
    # A measure stands where there is one, else the rows are counted.
    return int(rows[0][2]), sample


def _raise_alert(*, site_id: int, params: dict[str, Any]) -> None:
    """Through the upward port: what must be known is told by a higher layer."""
    raise_alert = import_string(settings.ALERT_SINK)
    raise_alert(site_id=site_id, alert_type="data_quality", code="data_quality", params=params)
