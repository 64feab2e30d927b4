"""The options that summaries are built with, and the versions built with each value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

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
    """The version that readers see."""
    ingest = SiteIngest.objects.filter(site=site).first()
    if ingest is None:
        return SummaryVersion(1, SummaryOptions())
    return SummaryVersion(ingest.summary_version, _read(ingest.summary_options))


def open_versions(site: Site) -> list[SummaryVersion]:
    """The versions that new facts must be counted in: the one in force, and one being built."""
    building = DwsBuild.objects.filter(
        site=site, status=DwsBuild.Status.STARTED, version__isnull=False
    )
    return [
        version_in_force(site),
        *(SummaryVersion(build.version or 0, _read(build.options)) for build in building),
    ]


def _read(options: dict[str, Any] | None) -> SummaryOptions:
    return SummaryOptions(**options or {})
