"""How close members and assistants are: services of a window, each counting less with age.

Windows read the days of a pair (dws_assistant_customer_stats), not the service lines.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_SUM = """sum(
           (d.day_services + d.day_hours / 100::float8 * %(hour)s + d.day_ledger / 100::float8 * %(yuan)s)
           * power(2::float8, greatest(-(%(day)s - d.stat_date)::float8 / %(half_life)s, -1000))
           ORDER BY d.stat_date)"""
_DECAYED = f"""
SELECT d.member_id, {_SUM} AS s
FROM dws_assistant_customer_stats d
WHERE d.site_id = %(site)s AND d.assistant_id = %(assistant)s
  AND d.stat_date > %(day)s - %(window)s AND d.stat_date <= %(day)s
"""  # noqa: S608 (constants)
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


def suggested_assistants(
    member_ids: Sequence[int], *, among: Sequence[int], ctx: RuntimeContext
) -> dict[int, int]:
    """Who of some assistants should speak with each of some members: theirs, else the closest.

    A member whom none of them is assigned to or has served in the window is left out.
    """
    parameters = _parameters(0, ctx) | {"members": list(member_ids), "among": list(among)}
    with connection.cursor() as cursor:
        cursor.execute(_SUGGESTED, parameters)
        return dict(cursor.fetchall())


_SUGGESTED = f"""
WITH assigned AS (
    SELECT DISTINCT ON (a.member_id) a.member_id, a.assistant_id
    FROM member_assignments a
    WHERE a.site_id = %(site)s AND a.member_id = ANY (%(members)s) AND a.business_date <= %(day)s
    ORDER BY a.member_id, a.business_date DESC, a.id DESC
), known AS (
    SELECT member_id, assistant_id, 'infinity'::float8 AS s FROM assigned
    UNION ALL
    SELECT d.member_id, d.assistant_id, {_SUM}
    FROM dws_assistant_customer_stats d
    WHERE d.site_id = %(site)s AND d.member_id = ANY (%(members)s)
      AND d.stat_date > %(day)s - %(window)s AND d.stat_date <= %(day)s
    GROUP BY d.member_id, d.assistant_id
)
SELECT DISTINCT ON (member_id) member_id, assistant_id
FROM known
WHERE assistant_id = ANY (%(among)s)
ORDER BY member_id, s DESC, assistant_id
"""  # noqa: S608 (constants)


def _parameters(assistant_id: int, ctx: RuntimeContext) -> dict[str, Any]:
    options = option_values(list(_OPTIONS.values()), ctx.site)
    return {
        "site": ctx.site.pk,
        "assistant": assistant_id,
        "day": ctx.business_date,
        **{name: options[key] for name, key in _OPTIONS.items()},
    }
