"""Whether something newer is known about what a result is about, than the result has seen."""

from __future__ import annotations

from typing import Any

from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Value,
)

from aijobs.models import CacheEntry
from aijobs.targets import Target, read_target
from metrics.calculations.areas import ALL, AreaTree
from metrics.calculations.grid import closed_periods
from metrics.models import CardEntry, CoachTask, Note, ServiceLine, Settlement
from sandbox.context import RuntimeContext
from sandbox.errors import NotFound

# What is recorded about a member, alone or with an assistant, and what finances are made of.
_OF_MEMBER: tuple[type[Model], ...] = (Settlement, CardEntry, ServiceLine, Note)
_OF_PAIR: tuple[type[Model], ...] = (*_OF_MEMBER, CoachTask)
_OF_STORE: tuple[type[Model], ...] = (Settlement, CardEntry)


def with_newer_facts(
    entries: QuerySet[CacheEntry], target: Target, *, ctx: RuntimeContext
) -> QuerySet[CacheEntry]:
    """Entries about a target with `has_newer`: a batch that they have not seen holds a fact about
    it, dated on or before D.
    """
    about, models = _facts_about(target, ctx)
    newer: dict[str, Any] = {"site": ctx.site, "batch__number__gt": OuterRef("watermark")}
    found = Q(Value(False))
    for model in models:
        found |= Q(Exists(model._default_manager.filter(about, **newer)))
    return entries.annotate(has_newer=ExpressionWrapper(found, BooleanField()))


def is_stale(entry: CacheEntry, *, ctx: RuntimeContext) -> bool:
    """Whether something newer is known of what an entry `with_newer_facts` is about.

    Also when the range has moved on since: a day has closed, or this month is last month now.
    """
    target = read_target(entry.target_id)
    if target.range_key is not None:
        periods = closed_periods(target.range, ctx.business_date)
        if periods != closed_periods(target.range, entry.business_date):
            return True
    has_newer: bool = entry.has_newer  # type: ignore[attr-defined]
    return has_newer


def _facts_about(target: Target, ctx: RuntimeContext) -> tuple[Q, tuple[type[Model], ...]]:
    """A condition on facts, and the kinds of facts that count; none where there can be none."""
    if target.range_key is None:
        return Q(member_id=target.member_id), _OF_PAIR if target.assistant_id else _OF_MEMBER
    periods = closed_periods(target.range, ctx.business_date)
    if periods is None:
        return Q(), ()
    about = Q(business_date__range=periods["current"])
    if target.area == ALL:
        return about, _OF_STORE
    try:
        parts = AreaTree(ctx=ctx).parts(target.area)
    except NotFound:
        return Q(), ()
    return about & Q(area_id__in=parts), (Settlement,)
