"""Whether something newer is known about what a result is about, than the result has seen."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
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


def stale_among(entries: Iterable[CacheEntry], *, ctx: RuntimeContext) -> set[int]:
    """The ids of those that are stale: a batch that they have not seen holds a fact about their
    target, dated on or before D. One statement for all of them, and one for their areas.
    """
    cells = _Cells(ctx)
    rules = {}
    for entry in entries:
        target = read_target(entry.target_id)
        if target.range_key is not None:
            rules[entry.pk] = cells.rule_of(entry, target)
        else:
            about = Q(member_id=target.member_id)
            rules[entry.pk] = _newer(entry, about, _OF_PAIR if target.assistant_id else _OF_MEMBER)
    asked = {f"entry_{pk}": rule for pk, rule in rules.items() if isinstance(rule, Q)}
    found = Site.objects.filter(pk=ctx.site.pk).annotate(**asked).values(*asked) if asked else ()
    answers = {name: answer for row in found for name, answer in row.items()}
    return {pk for pk, rule in rules.items() if rule is True or answers.get(f"entry_{pk}")}


class _Cells:
    """Finance cells; the areas of the store are read once, when one is asked about."""

    def __init__(self, ctx: RuntimeContext) -> None:
        self._ctx = ctx

    @cached_property
    def _areas(self) -> AreaTree:
        return AreaTree(ctx=self._ctx)

    def rule_of(self, entry: CacheEntry, target: Target) -> Q | bool:
        """Stale also when the range has moved on: a day has closed, or this month is last month."""
        periods = closed_periods(target.range, self._ctx.business_date)
        if periods != closed_periods(target.range, entry.business_date):
            return True
        if periods is None:
            return False
        about = Q(business_date__range=periods["current"])
        if target.area == ALL:
            return _newer(entry, about, _OF_STORE)
        try:
            parts = self._areas.parts(target.area)
        except NotFound:
            return False
        return _newer(entry, about & Q(area_id__in=parts), (Settlement,))


def _newer(entry: CacheEntry, about: Q, models: tuple[type[Model], ...]) -> Q:
    newer: dict[str, Any] = {"site": entry.site_id, "batch__number__gt": entry.watermark}
    found = Q()
    for model in models:
        found |= Q(Exists(model._default_manager.filter(about, **newer)))
    return found
