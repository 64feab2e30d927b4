"""How many tables are taken in each hour of each weekday, from when bills began and were settled."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import connection
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.functional import Promise

from metrics.calculations.hall import OpenDays, opening_minutes
from sandbox.context import RuntimeContext

WEEKS = 8
# Shades of a cell: 0 is an empty hour.
SHADES = 5
# Less would be shown as 0.0.
_SEEN = Decimal("0.05")


@dataclass(frozen=True)
class BusyHour:
    """Table-hours of an hour on an average open day of its weekday; `shade` against the busiest."""

    table_hours: Decimal
    shade: int


@dataclass(frozen=True)
class BusyHours:
    """Hours of the clock in the order of a business day, and a row of them for each weekday.

    `rows` goes from Monday (1) to Sunday (7); a weekday without open days is None.
    """

    start: date
    end: date
    hours: list[int]
    rows: dict[int, list[BusyHour] | None]

    @property
    def named_rows(self) -> list[tuple[Promise | str, list[BusyHour] | None]]:
        return [(WEEKDAYS_ABBR[weekday - 1], row) for weekday, row in self.rows.items()]


def busy_hours(*, end: date, open_days: OpenDays, ctx: RuntimeContext) -> BusyHours | None:
    """The 8 weeks up to a day; None where no bill of them says when it began.

    A night belongs to the business day on which it began, like everything else.
    """
    start = max(end - timedelta(days=7 * WEEKS - 1), open_days.first or end)
    minutes = _minutes(start, end, ctx)
    if not minutes:
        return None
    opened = Counter(
        day.isoweekday()
        for day in (start + timedelta(days=nth) for nth in range((end - start).days + 1))
        if day not in open_days.closures
    )
    means = {
        (weekday, hour): Decimal(taken) / 60 / opened[weekday]
        for (weekday, hour), taken in minutes.items()
        if opened[weekday]
    }
    hours = _hours_of_a_day({hour for (_, hour), mean in means.items() if mean >= _SEEN}, ctx)
    most = max(means.values(), default=Decimal(0))
    nothing = Decimal(0)
    rows = {
        weekday: [_cell(means.get((weekday, hour), nothing), most) for hour in hours]
        if opened[weekday]
        else None
        for weekday in range(1, 8)
    }
    return BusyHours(start, end, hours, rows)


def _cell(mean: Decimal, most: Decimal) -> BusyHour:
    shade = int((mean / most * SHADES).to_integral_value(ROUND_HALF_UP)) if most else 0
    return BusyHour(mean.quantize(Decimal("0.1"), ROUND_HALF_UP), shade)


def _hours_of_a_day(used: set[int], ctx: RuntimeContext) -> list[int]:
    """The opening hours, and those besides in which tables were taken, as a business day runs."""
    site = ctx.site
    opening = {(site.opens_at.hour + nth) % 24 for nth in range(-(-opening_minutes(site) // 60))}
    day = [(site.day_starts_at.hour + nth) % 24 for nth in range(24)]
    return [hour for hour in day if hour in opening | used]


def _minutes(start: date, end: date, ctx: RuntimeContext) -> dict[tuple[int, int], int]:
    """Minutes at tables by weekday and hour, of bills that count and say when they began."""
    params: dict[str, Any] = {
        "site": ctx.site.pk,
        "zone": ctx.site.timezone,
        "start": start,
        "end": end,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MINUTES, params)
        return {(weekday, hour): minutes for weekday, hour, minutes in cursor if minutes}


_MINUTES = """
WITH taken AS (
    SELECT extract(isodow FROM s.business_date)::int AS weekday,
           s.started_at AT TIME ZONE %(zone)s AS began, s.occurred_at AT TIME ZONE %(zone)s AS ended
    FROM settlements s
    WHERE s.site_id = %(site)s AND s.business_date BETWEEN %(start)s AND %(end)s
      AND s.void_of_id IS NULL AND s.started_at < s.occurred_at
      AND NOT EXISTS (
          SELECT FROM settlements v WHERE v.site_id = %(site)s AND v.void_of_id = s.id)
)
SELECT weekday, extract(hour FROM clock)::int,
       (sum(extract(epoch FROM least(ended, clock + interval '1 hour') - greatest(began, clock)))
        / 60)::bigint
FROM taken, generate_series(date_trunc('hour', began), ended, interval '1 hour') AS clock
GROUP BY 1, 2
"""
