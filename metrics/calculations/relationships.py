"""How close members and assistants are: services of a window, each counting less with age.

Windows read the days of a pair (dws_assistant_customer_stats), not the service lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from metrics.money import hours, yuan
from sandbox.context import RuntimeContext, current_context
from sandbox.decorators import runtime_aware
from sandbox.options import option_values

# Somebody served within so many days is one of the assistant's own customers.
OWN_DAYS = 90


# What the statements call the options.
_OPTIONS = {
    "window": "relationship_window_days",
    "half_life": "relationship_half_life",
    "hour": "relationship_hour_weight",
    "yuan": "relationship_yuan_weight",
    "k": "relationship_k",
}


@dataclass(frozen=True)
class Relationship:
    """An assistant's own customer.

    Attributes:
        index: relationship_index. services, hours, ledger: of the pair, all time.
        last_served_on: None for a member who is assigned but was never served.
        is_assigned: the member is this assistant's at D.
    """

    member_id: int
    index: Decimal
    services: int
    hours: Decimal
    ledger: Decimal
    last_served_on: date | None
    is_assigned: bool


# The sum S of a window and the index 100 S / (S + K). PostgreSQL raises on underflow: greatest.
_DECAYED = """
SELECT d.member_id, sum(
           (d.day_services + d.day_hours / 100::float8 * %(hour)s + d.day_ledger / 100::float8 * %(yuan)s)
           * power(2::float8, greatest(-(%(day)s - d.stat_date)::float8 / %(half_life)s, -1000))
           ORDER BY d.stat_date) AS s
FROM dws_assistant_customer_stats d
WHERE d.site_id = %(site)s AND d.assistant_id = %(assistant)s
  AND d.stat_date > %(day)s - %(window)s AND d.stat_date <= %(day)s
"""
_INDEX = "coalesce(round((100 * s / (s + %(k)s))::numeric, 1), 0.0)"


@runtime_aware(metric="relationship_index")
def relationship_index(member_id: int, assistant_id: int, *, ctx: RuntimeContext) -> Decimal:
    """100 S / (S + K), 1 place; 0.0 without services in the window."""
    query = f"""
        SELECT {_INDEX}
        FROM (SELECT 1) one
        LEFT JOIN ({_DECAYED} AND d.member_id = %(member)s GROUP BY d.member_id) decayed ON true
    """  # noqa: S608 (constants)
    with connection.cursor() as cursor:
        cursor.execute(query, _parameters(assistant_id, ctx) | {"member": member_id})
        index: Decimal = cursor.fetchone()[0]
    return index


def relationships_of(assistant_id: int, *, ctx: RuntimeContext | None = None) -> list[Relationship]:
    """An assistant's own customers, closest first, in one query.

    Own: assigned at D, or served in (D−90, D].
    """
    ctx = ctx or current_context()
    with connection.cursor() as cursor:
        cursor.execute(_OWN, _parameters(assistant_id, ctx) | {"own_days": OWN_DAYS})
        return [
            Relationship(
                member_id,
                index,
                services or 0,
                hours(hundredths or 0),
                yuan(cents or 0),
                last_served_on,
                is_assigned,
            )
            for (
                member_id,
                index,
                services,
                hundredths,
                cents,
                last_served_on,
                is_assigned,
            ) in cursor.fetchall()
        ]


_OWN = f"""
WITH assigned AS (
    SELECT newest.member_id
    FROM (
        SELECT DISTINCT ON (a.member_id) a.member_id, a.assistant_id
        FROM member_assignments a
        WHERE a.site_id = %(site)s AND a.business_date <= %(day)s
        ORDER BY a.member_id, a.business_date DESC, a.id DESC
    ) newest
    WHERE newest.assistant_id = %(assistant)s
), own AS (
    SELECT member_id FROM assigned
    UNION
    SELECT d.member_id
    FROM dws_assistant_customer_stats d
    WHERE d.site_id = %(site)s AND d.assistant_id = %(assistant)s
      AND d.stat_date > %(day)s - %(own_days)s AND d.stat_date <= %(day)s
)
SELECT own.member_id, {_INDEX} AS index, sums.services, sums.hours, sums.ledger, sums.stat_date,
       own.member_id IN (SELECT member_id FROM assigned)
FROM own
LEFT JOIN ({_DECAYED} GROUP BY d.member_id) decayed ON decayed.member_id = own.member_id
LEFT JOIN LATERAL (
    SELECT d.*
    FROM dws_assistant_customer_stats d
    WHERE d.site_id = %(site)s AND d.assistant_id = %(assistant)s
      AND d.member_id = own.member_id AND d.stat_date <= %(day)s
    ORDER BY d.stat_date DESC
    LIMIT 1
) sums ON true
ORDER BY index DESC, own.member_id
"""  # noqa: S608 (constants)


def _parameters(assistant_id: int, ctx: RuntimeContext) -> dict[str, Any]:
    options = option_values(list(_OPTIONS.values()), ctx.site)
    return {
        "site": ctx.site.pk,
        "assistant": assistant_id,
        "day": ctx.business_date,
        **{name: options[key] for name, key in _OPTIONS.items()},
    }
