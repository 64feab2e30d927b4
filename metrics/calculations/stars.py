"""Stars: where an assistant stands among those of the store, at a business date."""

from __future__ import annotations

from datetime import date

from django.db import connection

from sandbox.context import RuntimeContext
from sandbox.decorators import runtime_aware
from sandbox.models import Site

DAYS = 30


def stars_at(*, site: Site, as_of: date) -> dict[int, int]:
    """The stars, 1 to 5, of the assistants employed at a date, by id."""
    with connection.cursor() as cursor:
        cursor.execute(
            _STARS,
            {
                "site": site.pk,
                "day": as_of,
                "days": DAYS,
                "zone": site.timezone,
                "day_starts": site.day_starts_at.isoformat(),
            },
        )
        return dict(cursor.fetchall())


# Sums of the window are the row in force at D less the one in force before it; distinct customers
# cannot be told from sums. Stars in integers: percent_rank times 5 may fall just below a whole.
_STARS = """
WITH employed AS (
    SELECT a.id
    FROM assistants a
    JOIN assistant_versions v ON v.site_id = %(site)s AND v.assistant_id = a.id
                             AND v.business_date <= %(day)s AND v.valid_to > %(day)s
    WHERE a.site_id = %(site)s AND a.business_date <= %(day)s
      AND (v.left_at IS NULL
           OR ((v.left_at AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date > %(day)s)
), work AS (
    SELECT d.assistant_id,
           sum(sign * (d.base_hours + d.incentive_hours + d.trial_hours + d.other_hours)) AS hours,
           sum(sign * d.total_ledger_amount) AS ledger
    FROM (VALUES (%(day)s, 1), (%(day)s - %(days)s, -1)) edge (day, sign)
    JOIN dws_assistant_daily_detail d
         ON d.site_id = %(site)s AND d.stat_date <= edge.day AND d.valid_to > edge.day
    GROUP BY d.assistant_id
), customers AS (
    SELECT d.assistant_id, count(DISTINCT d.member_id) AS customers
    FROM dws_assistant_customer_stats d
    WHERE d.site_id = %(site)s AND d.stat_date > %(day)s - %(days)s AND d.stat_date <= %(day)s
    GROUP BY d.assistant_id
), tasks AS (
    SELECT d.assistant_id,
           sum(sign * d.completed_in_time)::float8 / nullif(sum(sign * d.due), 0) AS completion
    FROM (VALUES (%(day)s, 1), (%(day)s - %(days)s, -1)) edge (day, sign)
    JOIN dws_coach_task_daily d
         ON d.site_id = %(site)s AND d.stat_date <= edge.day AND d.valid_to > edge.day
    GROUP BY d.assistant_id
), scores AS (
    SELECT e.id,
           round((.3 * percent_rank() OVER (ORDER BY coalesce(w.hours, 0))
                  + .3 * percent_rank() OVER (ORDER BY coalesce(w.ledger, 0))
                  + .2 * percent_rank() OVER (ORDER BY coalesce(c.customers, 0))
                  + .2 * percent_rank() OVER (ORDER BY coalesce(t.completion, .5))
                 )::numeric, 6) AS score
    FROM employed e
    LEFT JOIN work w ON w.assistant_id = e.id
    LEFT JOIN customers c ON c.assistant_id = e.id
    LEFT JOIN tasks t ON t.assistant_id = e.id
)
SELECT id, least(5, 1 + 5 * (rank() OVER (ORDER BY score) - 1) / greatest(count(*) OVER () - 1, 1))
FROM scores
"""


@runtime_aware(metric="assistant_stars")
def assistant_stars(assistant_id: int, *, ctx: RuntimeContext) -> int | None:
    """Quintile by hours, billing, customers and completion of 30 days; None if not employed."""
    return stars_at(site=ctx.site, as_of=ctx.business_date).get(assistant_id)
