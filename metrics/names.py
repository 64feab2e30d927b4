"""Names in force at a date, as a column beside rows that refer to a member, assistant or area."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Model, OuterRef, Subquery


def name_at(versions: type[Model], kind: str, day: date) -> Subquery:
    """The name on a date of what a row's `kind` (member, assistant, area) refers to."""
    of_the_row: dict[str, Any] = {"site": OuterRef("site"), kind: OuterRef(kind)}
    in_force = versions._default_manager.filter(
        business_date__lte=day, valid_to__gt=day, **of_the_row
    )
    return Subquery(in_force.values("name")[:1])
