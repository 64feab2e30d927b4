"""What members did: dws_member_consumption_summary and what follows from their visits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from functools import cache
from typing import Any

from django.db import connection

from metrics.builds.sql import rebuilding, run
from metrics.builds.versions import SummaryVersion
from metrics.models import MemberConsumption, MemberLifecycle
from metrics.models.summaries import Summary
from sandbox.models import Site

# Members that are looked up one by one; more of them are joined with what the store has.
FEW = 500


def rebuild_members(
    *, site_id: int, since: dict[int, date], versions: Sequence[SummaryVersion]
) -> None:
    """Rebuild the summaries of members, each from a date on, in each of the versions."""
    for version in versions:
        params: dict[str, Any] = {
            "site": site_id,
            "members": list(since),
            "since": list(since.values()),
            "version": version.number,
            "window": version.options.window_days,
            "away": version.options.away_days,
        }
        for model, name in _TABLES:
            has_none = _has_none(model, site_id, version, since)
            run(_text(name, model, has_none, not has_none and len(since) <= FEW), params)


# Stages are made of visits.
_TABLES: tuple[tuple[type[MemberConsumption] | type[MemberLifecycle], str], ...] = (
    (MemberConsumption, "member_consumption"),
    (MemberLifecycle, "member_lifecycle"),
)


@cache
def _text(name: str, model: type[Summary], has_none: bool, is_few: bool) -> str:
    return rebuilding(name, model, key=("version", "member_id"), has_none=has_none, is_few=is_few)


def _has_none(
    model: type[MemberConsumption] | type[MemberLifecycle],
    site_id: int,
    version: SummaryVersion,
    since: dict[int, date],
) -> bool:
    """Whether none of the members has rows yet; not asked of the one whom a late fact touches."""
    if len(since) <= 1:
        return False
    rows = model._default_manager.filter(
        site=site_id, version=version.number, member_id__in=list(since)
    )
    return not rows.exists()


def first_visits(
    *, site: Site, members: Collection[int], version: SummaryVersion
) -> dict[int, date | None]:
    """The first visit of each member that has a summary."""
    params = {"site": site.pk, "version": version.number, "members": list(members)}
    return dict(run(_FIRST_VISITS, params))  # type: ignore[arg-type]


_FIRST_VISITS = """
SELECT m.id, d.first_visit
FROM unnest(%(members)s::bigint[]) m (id)
CROSS JOIN LATERAL (
    SELECT first_visit FROM dws_member_consumption_summary
    WHERE site_id = %(site)s AND version = %(version)s AND member_id = m.id
    ORDER BY stat_date DESC LIMIT 1
) d
"""


def members_after(*, site_id: int, since: date | None, after: int, limit: int | None) -> list[int]:
    """The next members, by id, with bills or card entries since a date (None: all members)."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ALL if since is None else _SINCE,
            {"site": site_id, "since": since, "after": after, "limit": limit},
        )
        return [member_id for (member_id,) in cursor.fetchall()]


_ALL = """
SELECT id FROM members WHERE site_id = %(site)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""
_SINCE = """
SELECT member_id FROM settlements
WHERE site_id = %(site)s AND business_date >= %(since)s AND member_id > %(after)s
UNION
SELECT member_id FROM card_entries
WHERE site_id = %(site)s AND business_date >= %(since)s AND member_id > %(after)s
ORDER BY member_id LIMIT %(limit)s
"""
