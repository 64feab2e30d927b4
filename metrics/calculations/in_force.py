"""The summary row in force at a date, joined to what it is about."""

from __future__ import annotations

from datetime import date

from django.db.models import FilteredRelation, Q

from sandbox.models import Site


def in_force(
    relation: str, *, site: Site, as_of: date, since: str = "stat_date"
) -> FilteredRelation:
    """The one row of `relation` with since <= as_of < valid_to."""
    return FilteredRelation(
        relation,
        condition=Q(
            **{
                f"{relation}__site": site,
                f"{relation}__{since}__lte": as_of,
                f"{relation}__valid_to__gt": as_of,
            }
        ),
    )
