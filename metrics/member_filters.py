"""Which members the list shows: filters that stand in its address, and views made of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from metrics.assistant_board import employed_assistants
from metrics.models import MemberAssignment, MemberLifecycle
from sandbox.context import RuntimeContext
from sandbox.options import option
from sandbox.site_admin import context_of

# Whoever came within so many days is still coming.
COMING_DAYS = 30
# A newcomer is waited for from the first of these days on, and given up after the second.
NOT_BACK_DAYS = (7, 30)
# A balance is low when it does not cover so many of the member's usual visits.
VISITS_COVERED = 2


class Choice(SimpleListFilter):
    """One choice out of several; another value in the address is refused, not ignored."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        if value not in {str(key) for key, _title in self.lookup_choices}:
            raise IncorrectLookupParameters(f"{self.parameter_name}={value}")
        return self.narrow(queryset, value, context_of(request))

    @abstractmethod
    def narrow(self, members: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        """Those that a value asks for."""

    @property
    def chosen(self) -> str:
        """The title of the choice made."""
        return next((str(t) for key, t in self.lookup_choices if str(key) == self.value()), "")


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
            ("low", _("low")),
            ("none", _("nothing left")),
            ("negative", _("negative")),
        ]

    def narrow(self, members: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        if value == "low":
            return members.filter(
                Q(card_balance__lt=F("spent_a_visit") * VISITS_COVERED)
                | Q(card_balance__lt=option("low_balance_yuan", ctx.site))
            )
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


FILTERS = [StageFilter, RhythmFilter, BalanceFilter, AssistantFilter]


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
        _("Came within 30 days; what is left covers no two usual visits."),
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


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the address of the list without it."""

    title: str
    without: str


def tabs_of(changelist: ChangeList) -> list[Tab]:
    """The views; the open one has the filters of the list, no more and no less."""
    chosen = {spec.parameter_name: spec.value() for spec in _in_use(changelist)}
    searched = bool(changelist.query)
    return [Tab(view, view.filters == chosen and not searched) for view in VIEWS]


def chips_of(changelist: ChangeList) -> list[Chip]:
    """One for each filter in force and for what is searched."""
    chips = [
        Chip(
            gettext("%(filter)s: %(choice)s") % {"filter": spec.title, "choice": spec.chosen},
            changelist.get_query_string(remove=[str(spec.parameter_name)]),
        )
        for spec in _in_use(changelist)
    ]
    if changelist.query:
        without = changelist.get_query_string(remove=[SEARCH_VAR])
        chips.append(Chip(gettext("“%(words)s”") % {"words": changelist.query}, without))
    return chips


def _in_use(changelist: ChangeList) -> list[Choice]:
    choices = (spec for spec in changelist.filter_specs if isinstance(spec, Choice))
    return [spec for spec in choices if spec.value() is not None]
