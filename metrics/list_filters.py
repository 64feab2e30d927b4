"""Filters of lists that stand in the address, one choice each, and the chips that show them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext

from sandbox.context import RuntimeContext
from sandbox.site_admin import OnceCountedChangeList, context_of


class Choice(SimpleListFilter):
    """One choice out of several; another value in the address is refused, not ignored."""

    def has_output(self) -> bool:
        return self.value() is not None or super().has_output()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        if value not in {str(key) for key, _title in self.lookup_choices}:
            raise IncorrectLookupParameters(f"{self.parameter_name}={value}")
        return self.narrow(queryset, value, context_of(request))

    @abstractmethod
    def narrow(self, rows: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        """Those that a value asks for."""

    @property
    def chosen(self) -> str:
        """The title of the choice made."""
        return next((str(t) for key, t in self.lookup_choices if str(key) == self.value()), "")


class Asked(Choice):
    """A person by whom only links filter: the list offers nobody but the one in force.

    Attributes:
        versions, kind: where the names are, and what the rows there call the person.
    """

    versions: type[Model]
    kind: str

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[Any]:
        asked = request.GET.get(str(self.parameter_name), "")
        if not (asked.isascii() and asked.isdecimal() and len(asked) <= 18):
            return []
        ctx = context_of(request)
        at_d: dict[str, Any] = {"site": ctx.site, self.kind: int(asked)}
        found = self.versions._default_manager.filter(
            business_date__lte=ctx.business_date, valid_to__gt=ctx.business_date, **at_d
        )
        names = found.values_list("name", f"{self.kind}__external_id")
        return [(asked, name or number) for name, number in names]


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the address of the list without it."""

    title: str
    without: str


class ChipChangeList(OnceCountedChangeList):
    """Shows what it is filtered by (templates/metrics/chips.html)."""

    @property
    def chips(self) -> list[Chip]:
        return chips_of(self)


def chips_of(changelist: ChangeList) -> list[Chip]:
    """One for each filter in force and for what is searched."""
    chips = [
        Chip(
            gettext("%(filter)s: %(choice)s") % {"filter": spec.title, "choice": spec.chosen},
            changelist.get_query_string(remove=[str(spec.parameter_name)]),
        )
        for spec in choices_made(changelist)
    ]
    if changelist.query:
        without = changelist.get_query_string(remove=[SEARCH_VAR])
        chips.append(Chip(gettext("“%(words)s”") % {"words": changelist.query}, without))
    return chips


def choices_made(changelist: ChangeList) -> list[Choice]:
    """The filters in force."""
    choices = (spec for spec in changelist.filter_specs if isinstance(spec, Choice))
    return [spec for spec in choices if spec.value() is not None]
