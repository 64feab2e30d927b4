"""By what lists of facts are filtered: the day counted from D, whom and where, which part."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from metrics.anomalies import ODD_BILLS, condition_of, with_oddities
from metrics.calculations.areas import ALL, AreaTree
from metrics.list_filters import Asked, Choice
from metrics.models import CardEntry, MemberVersion
from sandbox.context import RuntimeContext
from sandbox.site_admin import context_of

# Between the two dates of a range in an address.
TO = "~"
NO_AREA = "none"
# A day's cash-in is made of these card entries, beside its bills.
CASH_KINDS = (CardEntry.Kind.RECHARGE, CardEntry.Kind.REFUND)


class DayFilter(Choice):
    """Business dates seen from D. Links also ask for one date, or two with TO between them."""

    title = _("business date")
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[Any]:
        offered: list[tuple[str, Any]] = [
            ("today", _("Today")),
            ("week", _("Past 7 days")),
            ("month", _("This month")),
            ("year", _("This year")),
        ]
        asked = request.GET.get("day", "")
        if _dates_in(asked):
            offered.append((asked, asked.replace(TO, " – ")))
        return offered

    def narrow(self, rows: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        day = ctx.business_date
        named = {
            "today": (day, day),
            "week": (day - timedelta(days=6), day),
            "month": (day.replace(day=1), day),
            "year": (day.replace(month=1, day=1), day),
        }
        return rows.filter(business_date__range=named.get(value) or _dates_in(value))


def _dates_in(written: str) -> tuple[date, date] | None:
    """The first and the last date of "2026-04-20" or "2026-04-20~2026-04-30"."""
    first, _to, last = written.partition(TO)
    try:
        return date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        return None


class MemberFilter(Asked):
    title = _("member")
    parameter_name = "member"
    versions = MemberVersion
    kind = "member"

    def narrow(self, rows: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        return rows.filter(member=int(value))


class AreaFilter(Choice):
    """An area with what is within it, by the name at D."""

    title = _("area")
    parameter_name = "area"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[Any]:
        self.areas = AreaTree(ctx=context_of(request))
        names = self.areas.names
        known = [(code, names[code]) for code in self.areas.codes if code != ALL]
        return [*known, (NO_AREA, _("no area of the store"))]

    def narrow(self, rows: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        if value == NO_AREA:
            return rows.filter(area=None)
        return rows.filter(area__in=self.areas.parts(value))


class PartFilter(Choice):
    """Bills with something of a part of GMV."""

    title = _("part")
    parameter_name = "part"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[Any]:
        return [
            ("table_fee", _("Table fee")),
            ("assistant_fee", _("Assistant fee")),
            ("goods_fee", _("Goods")),
        ]

    def narrow(self, rows: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        return rows.filter(**{f"{value}__gt": 0})


class OddFilter(Choice):
    """The bills that the home page counts as odd."""

    title = _("odd")
    parameter_name = "odd"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[Any]:
        return ODD_BILLS.items()

    def narrow(self, rows: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        odd = with_oddities(rows, site=ctx.site)
        return odd.filter(condition_of(value, site=ctx.site))


class KindFilter(Choice):
    """Kinds of card entries; "cash" are those that count in cash-in."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[Any]:
        return [*CardEntry.Kind.choices, ("cash", _("recharges and refunds"))]

    def narrow(self, rows: QuerySet[Any], value: str, ctx: RuntimeContext) -> QuerySet[Any]:
        return rows.filter(kind__in=CASH_KINDS if value == "cash" else [value])
