"""How well the tables of an area were used, and what its bills were made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.contrib.postgres.expressions import ArraySubquery

from metrics.calculations.areas import AreaTree
from metrics.models import SiteClosure
from sandbox.context import RuntimeContext
from sandbox.models import Site, SiteIngest

# The figures of an area and range, by their keys in the catalog.
HALL_FIGURES = (
    "table_hours",
    "hours_per_table",
    "occupancy_rate",
    "turnover",
    "avg_ticket",
    "discount_rate",
    "groupbuy_share",
    "member_share",
    "walkin_share",
    "void_rate",
)


@dataclass(frozen=True)
class OpenDays:
    """The days a store was open: from its first business date on, less closures, up to D."""

    first: date | None
    until: date
    closures: frozenset[date]

    @classmethod
    def of(cls, *, ctx: RuntimeContext) -> OpenDays:
        closed = SiteClosure.objects.filter(
            site=ctx.site, business_date__lte=ctx.business_date
        ).values("business_date")
        ingest = SiteIngest.objects.filter(site=ctx.site)
        found = ingest.values_list("first_business_date", ArraySubquery(closed)).first()
        first, closures = found or (None, [])
        return cls(first, ctx.business_date, frozenset(closures))

    def count(self, start: date | None, end: date) -> int:
        """How many of [start, end] (no start: from the beginning)."""
        if self.first is None:
            return 0
        start, end = max(start or self.first, self.first), min(end, self.until)
        days = (end - start).days + 1
        return max(days - sum(start <= day <= end for day in self.closures), 0)


class Hall:
    """What the figures of any area and range of a store are divided by, read once."""

    def __init__(self, *, ctx: RuntimeContext, areas: AreaTree) -> None:
        self.areas = areas
        self.open_days = OpenDays.of(ctx=ctx)
        self.minutes_a_day = opening_minutes(ctx.site)

    def figures(
        self, sums: Mapping[str, int], *, code: str, start: date | None, end: date
    ) -> dict[str, Decimal | None]:
        """Every hall figure of an area's sums in [start, end]; None where unknown.

        Args:
            sums: the summed columns of FinanceDaily; money in cents.
        """
        end = min(end, self.open_days.until)
        table_days = (self.areas.tables(code, end) or 0) * self.open_days.count(start, end)
        minutes = sums["table_minutes"] if sums["timed_bills"] else None
        paid = sums["paid"]
        groupbuy = sums["groupbuy_paid"] if sums["groupbuy_known"] else None
        return {
            "table_hours": _share(minutes, 60, places=2),
            "hours_per_table": _share(minutes, 60 * table_days, places=2),
            "occupancy_rate": _share(minutes, self.minutes_a_day * table_days),
            "turnover": _share(sums["bills"], table_days, places=2),
            "avg_ticket": _share(paid, 100 * sums["bills"], places=2),
            "discount_rate": _share(sums["discount"], sums["gross"]),
            "groupbuy_share": _share(groupbuy, paid),
            "member_share": _share(sums["member_paid"], paid),
            "walkin_share": _share(paid - sums["member_paid"], paid),
            "void_rate": _share(sums["voided_bills"], sums["bills"] + sums["voided_bills"]),
        }


def opening_minutes(site: Site) -> int:
    """How long the store is open on a business day; open and close at the same time: all day."""
    day = date(2000, 1, 1)
    opening = datetime.combine(day, site.closes_at) - datetime.combine(day, site.opens_at)
    minutes = int(opening / timedelta(minutes=1)) % (24 * 60)
    return minutes or 24 * 60


def _share(part: int | None, whole: int, *, places: int = 4) -> Decimal | None:
    """part / whole, rounded half up; None where the part is unknown or there is no whole."""
    if part is None or not whole:
        return None
    return (Decimal(part) / whole).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
