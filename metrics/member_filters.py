"""Which members the list shows: filters that stand in its address, and views made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import ModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from metrics.assistant_board import employed_assistants
from metrics.list_filters import Asked, Choice, choices_made
from metrics.low_balance import low_balance
from metrics.models import (
    AssistantCustomer,
    AssistantVersion,
    MemberAssignment,
    MemberLifecycle,
)
from sandbox.context import RuntimeContext
from sandbox.options import option
from sandbox.site_admin import context_of

# Whoever came within so many days is still coming.
COMING_DAYS = 30
# A newcomer is waited for from the first of these days on, and given up after the second.
NOT_BACK_DAYS = (7, 30)


class StageFilter(Choice):
    title = _("stage")
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[Any]:
        return MemberLifecycle.Stage.choices

    def narrow(self, members: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        return members.filter(lifecycle_stage=value)


class RhythmFilter(Choice):
    title = _("rhythm")
    parameter_name = "rhythm"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[Any]:
        return [
            ("at_risk", _("at risk")),
            ("regular", _("regular")),
            ("not_back", _("new, not back after 7 days")),
        ]

    def narrow(self, members: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        if value == "at_risk":
            return members.filter(overdue_ratio__gte=option("at_risk_ratio", ctx.site))
        if value == "regular":
            return members.filter(
                visit_interval_median__isnull=False, last_visit_days__lte=COMING_DAYS
            )
        # Of one visit the last is the first.
        return members.filter(visits=1, last_visit_days__range=NOT_BACK_DAYS)


class BalanceFilter(Choice):
    title = _("card balance")
    parameter_name = "balance"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[Any]:
        return [
            ("some", _("something left")),
            ("low", _("low balance")),
            ("none", _("nothing left")),
            ("negative", _("negative")),
        ]

    def narrow(self, members: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        if value == "low":
            return members.filter(low_balance(ctx.site))
        compared = {"some": "gt", "none": "exact", "negative": "lt"}[value]
        return members.filter(**{f"card_balance__{compared}": 0})


class AssistantFilter(Choice):
    title = _("own assistant")
    parameter_name = "assistant"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[Any]:
        found = employed_assistants(ctx=context_of(request))
        return [*found.items(), ("nobody", _("nobody"))]

    def narrow(self, members: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        by_d = MemberAssignment.objects.filter(site=ctx.site, business_date__lte=ctx.business_date)
        newest = by_d.order_by("member_id", "-business_date", "-id").distinct("member_id")
        in_force = MemberAssignment.objects.filter(pk__in=newest.values("pk"))
        if value == "nobody":
            assigned = in_force.filter(assistant__isnull=False)
            return members.exclude(pk__in=assigned.values("member_id"))
        theirs = in_force.filter(assistant_id=int(value))
        return members.filter(pk__in=theirs.values("member_id"))


class ServedFilter(Asked):
    """Whom an assistant has served by D."""

    title = _("served by")
    parameter_name = "served_by"
    versions = AssistantVersion
    kind = "assistant"

    def narrow(self, members: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        served = AssistantCustomer.objects.filter(
            site=ctx.site,
            assistant=int(value),
            is_first=True,
            stat_date__lte=ctx.business_date,
        )
        return members.filter(pk__in=served.values("member_id"))


FILTERS = [StageFilter, RhythmFilter, BalanceFilter, AssistantFilter, ServedFilter]


@dataclass(frozen=True)
class SavedView:
    """Filters that belong together, and what their list is about."""

    title: Promise | str
    filters: dict[str, str]
    says: Promise | str = ""

    @property
    def address(self) -> str:
        return f"?{urlencode(self.filters)}" if self.filters else "?"


VIEWS = [
    SavedView(_("All members"), {}),
    SavedView(
        _("Big and at risk"),
        {"rhythm": "at_risk"},
        _(
            "Away for long by their own rhythm; first where most is at stake: overdue ratio"
            " × the larger of principal and spending in 60 days."
        ),
    ),
    SavedView(
        _("Regulars low on balance"),
        {"rhythm": "regular", "balance": "low"},
        _(
            "Came within 30 days; the card covers no two usual visits, or less than the store has set."
        ),
    ),
    SavedView(
        _("New, not back in 7 days"),
        {"rhythm": "not_back"},
        _("Came once, 7 to 30 days ago."),
    ),
]


@dataclass(frozen=True)
class Tab:
    view: SavedView
    is_open: bool


def tabs_of(changelist: ChangeList) -> list[Tab]:
    """The views; the open one has the filters of the list, no more and no less."""
    chosen = {spec.parameter_name: spec.value() for spec in choices_made(changelist)}
    searched = bool(changelist.query)
    return [Tab(view, view.filters == chosen and not searched) for view in VIEWS]
