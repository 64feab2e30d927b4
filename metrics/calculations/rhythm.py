"""A member's own rhythm: how often they come, and what that says about being away.

What the board computes of all members at once stands in metrics/board_rhythm.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median

from django.db.models import F

from metrics.models import MemberConsumption
from sandbox.models import Site
from sandbox.options import option_values

# Intervals are read from this many days; from fewer visits than this nothing is said.
RHYTHM_DAYS = 180
ENOUGH_VISITS = 4


@dataclass(frozen=True)
class StickinessOptions:
    """Visits of (D - window_days, D] count, half after each half_life days; k makes it 50."""

    window_days: int
    half_life: int
    k: float


def stickiness_options(site: Site) -> StickinessOptions:
    """What the options say today."""
    values = option_values(["stickiness_window_days", "stickiness_half_life", "stickiness_k"], site)
    return StickinessOptions(*values.values())


def visit_days(*, site: Site, member_id: int, as_of: date, days: int) -> list[date]:
    """The dates of a member's visits in (as_of - days, as_of], the oldest first."""
    visits = MemberConsumption.objects.filter(
        site=site,
        member_id=member_id,
        stat_date=F("last_visit"),
        stat_date__gt=as_of - timedelta(days=days),
        stat_date__lte=as_of,
    )
    return list(visits.order_by("stat_date").values_list("stat_date", flat=True))


def stickiness_of(visits: Sequence[date], *, as_of: date, options: StickinessOptions) -> Decimal:
    """100·S/(S+k) over the visits in the window, S = Σ 2^(-age/half_life); 1 place."""
    ages = [(as_of - day).days for day in visits]
    total = 0.0
    for age in ages:
        if age < options.window_days:
            total += 2.0 ** (-age / options.half_life)
    if not total:
        return Decimal("0.0")
    # 15 digits, as the database turns floats into decimals.
    share = Decimal(f"{100 * total / (total + options.k):.15g}")
    return share.quantize(Decimal("0.1"), ROUND_HALF_UP)


def interval_median(visits: Sequence[date], *, as_of: date) -> Decimal | None:
    """The median days between visits of the last half year; None below 4 of them."""
    recent = [day for day in visits if (as_of - day).days < RHYTHM_DAYS]
    if len(recent) < ENOUGH_VISITS:
        return None
    gaps = [Decimal((later - day).days) for day, later in itertools.pairwise(recent)]
    return median(gaps).quantize(Decimal("0.1"))


def overdue(days_away: int | None, usual: Decimal | None) -> Decimal | None:
    """Days away over the usual interval; 2 places. None where either is unknown."""
    if days_away is None or usual is None:
        return None
    return (days_away / usual).quantize(Decimal("0.01"), ROUND_HALF_UP)
