"""Whether something newer is known about what a result is about, than the result has seen."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, Model, Q

from aijobs.models import CacheEntry
from aijobs.targets import Target, read_target
from metrics.calculations.areas import ALL, AreaTree
from metrics.calculations.grid import closed_periods
from metrics.models import CardEntry, CoachTask, Note, ServiceLine, Settlement
from sandbox.context import RuntimeContext
from sandbox.errors import NotFound
from sandbox.models import Site

# What is recorded about a member, alone or with an assistant, and what finances are made of.
_OF_MEMBER: tuple[type[Model], ...] = (Settlement, CardEntry, ServiceLine, Note)
_OF_PAIR: tuple[type[Model], ...] = (*_OF_MEMBER, CoachTask)
_OF_STORE: tuple[type[Model], ...] = (Settlement, CardEntry)


def is_stale(entry: CacheEntry, *, ctx: RuntimeContext) -> bool:
    """A newer batch holds a fact about the target, dated on or before D; in one statement."""
    target = read_target(entry.target_id)
    if target.range_key is not None:
        return _is_cell_stale(entry, target, ctx)
    about = Q(member_id=target.member_id)
    return _has_newer(entry, about, _OF_PAIR if target.assistant_id else _OF_MEMBER)


def _is_cell_stale(entry: CacheEntry, target: Target, ctx: RuntimeContext) -> bool:
    """Also when the range has moved on since: a day has closed, or this month is last month now."""
    periods = closed_periods(target.range, ctx.business_date)
    if periods != closed_periods(target.range, entry.business_date):
        return True
    if periods is None:
        return False
    about = Q(business_date__range=periods["current"])
    if target.area == ALL:
        return _has_newer(entry, about, _OF_STORE)
    try:
        parts = AreaTree(ctx=ctx).parts(target.area)
    except NotFound:
        return False
    return _has_newer(entry, about & Q(area_id__in=parts), (Settlement,))


def _has_newer(entry: CacheEntry, about: Q, models: tuple[type[Model], ...]) -> bool:
    newer: dict[str, Any] = {"site": entry.site_id, "batch__number__gt": entry.watermark}
    found = Q()
    for model in models:
        found |= Q(Exists(model._default_manager.filter(about, **newer)))
    return Site.objects.filter(found, pk=entry.site_id).exists()
