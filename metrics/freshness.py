"""How old the figures on a page are: when data last came in, and the newest bill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists

from metrics.calculations.hall import opening_minutes
from metrics.models import SiteClosure
from sandbox.context import RuntimeContext, moment_of
from sandbox.models import Site, SiteIngest
from sandbox.options import option


@dataclass(frozen=True)
class Freshness:
    """When the newest data came in and the newest bill was settled, by the store's clock.

    With the date where that is another one; empty: not yet.

    Attributes:
        is_late: there was no bill for `late_data_minutes` of opening time.
    """

    ingested: str
    settled: str
    is_late: bool


def freshness_of(*, ctx: RuntimeContext) -> Freshness | None:
    """Of the open day; None for a past date: all that it will have is there."""
    now = moment_of(ctx)
    if now is None:
        return None
    # On every page: one query for both.
    closures = SiteClosure.objects.filter(site=ctx.site, business_date=ctx.business_date)
    row = (
        SiteIngest.objects.filter(site=ctx.site)
        .annotate(is_closed=Exists(closures))
        .values_list("last_committed_at", "last_settled_at", "is_closed")
        .first()
    )
    ingested_at, settled_at, is_closed = row or (None, None, False)
    return Freshness(
        _written(ingested_at, now, ctx.site),
        _written(settled_at, now, ctx.site),
        not is_closed and _is_late(settled_at, now, ctx.site),
    )


def _written(moment: datetime | None, now: datetime, site: Site) -> str:
    if moment is None:
        return ""
    local = moment.astimezone(site.zone)
    is_today = local.date() == now.astimezone(site.zone).date()
    return local.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M")


def _is_late(settled_at: datetime | None, now: datetime, site: Site) -> bool:
    opened_at = _opened_at(site, now)
    if opened_at is None:
        return False
    silent = now - (opened_at if settled_at is None else max(settled_at, opened_at))
    return silent > timedelta(minutes=option("late_data_minutes", site))


def _opened_at(site: Site, now: datetime) -> datetime | None:
    """When the opening hours began in which a moment lies; None outside them."""
    local = now.astimezone(site.zone)
    opened_at = datetime.combine(local.date(), site.opens_at, site.zone)
    if opened_at > local:
        opened_at -= timedelta(days=1)
    return opened_at if local < opened_at + timedelta(minutes=opening_minutes(site)) else None
