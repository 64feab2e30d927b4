"""Bills and card entries of the store and date in sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from metrics.bill_page import services_on
from metrics.fact_filters import (
    AreaFilter,
    DayFilter,
    KindFilter,
    MemberFilter,
    OddFilter,
    PartFilter,
)
from metrics.list_filters import ChipChangeList
from metrics.models import AreaVersion, CardEntry, MemberVersion, Settlement
from metrics.names import name_at
from metrics.templatetags.figures import yuan
from sandbox.site_admin import SiteModelAdmin, admin_page, context_of


class FactAdmin(SiteModelAdmin):
    """Facts that may be voided, with the names, at D, of whom and where they are about."""

    ordering = ["-business_date", "-id"]
    search_fields = ["external_id__exact"]
    search_help_text = gettext_lazy("Number")
    list_before_template = "metrics/chips.html"
    # Counting every choice of every filter costs a query each.
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChipChangeList]:
        return ChipChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        ctx = context_of(request)
        voids = self.model._default_manager.filter(site=ctx.site, void_of=OuterRef("pk"))
        rows: QuerySet[Any] = super().get_queryset(request)
        named: QuerySet[Any] = rows.annotate(
            member_called=name_at(MemberVersion, "member", ctx.business_date),
            voided_by=Subquery(voids.values("pk")[:1]),
        )
        return named

    @admin.display(description=gettext_lazy("member"))
    def called(self, fact: Any) -> str:
        if fact.member_id is None:
            return _("walk-in")
        address = reverse("admin:metrics_member_change", args=[fact.member_id])
        return _link(address, fact.member_called or str(fact.member_id))

    @admin.display(description=gettext_lazy("void"))
    def voiding(self, fact: Any) -> str:
        """That it voids another one or was voided, with the way there."""
        other = fact.void_of_id or fact.voided_by
        if other is None:
            return ""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        title = _("void") if fact.void_of_id else _("voided")
        return format_html(
            '<a class="zq-tag zq-tag-bad" href="{}">{}</a>', reverse(name, args=[other]), title
        )


def _link(address: str, text: str) -> SafeString:
    return format_html('<a class="zq-link" href="{}">{}</a>', address, text)


@admin.register(Settlement)
class SettlementAdmin(FactAdmin):
    """Bills as they were settled; a void is a bill of its own."""

    list_display = [
        "business_date",
        "external_id",
        "called",
        "place",
        "table",
        "due",
        "off",
        "received",
        "voiding",
    ]
    list_filter = [DayFilter, OddFilter, AreaFilter, PartFilter, MemberFilter]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        day = context_of(request).business_date
        bills: QuerySet[Any] = super().get_queryset(request)
        placed: QuerySet[Any] = bills.annotate(area_called=name_at(AreaVersion, "area", day))
        return placed

    @admin.display(description=gettext_lazy("area"), ordering="area_code")
    def place(self, bill: Any) -> str:
        return str(bill.area_called or bill.area_code)

    @admin.display(description=gettext_lazy("gross"), ordering="gross")
    def due(self, bill: Settlement) -> str:
        return yuan(bill.gross)

    @admin.display(description=gettext_lazy("discount"), ordering="discount")
    def off(self, bill: Settlement) -> str:
        return yuan(bill.discount)

    @admin.display(description=gettext_lazy("paid"), ordering="paid")
    def received(self, bill: Settlement) -> str:
        return yuan(bill.paid)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        bill = self.get_readable(request, unquote(object_id))
        return admin_page(
            request,
            "metrics/bill.html",
            opts=self.opts,
            original=bill.external_id,
            title=bill.external_id,
            bill=bill,
            called=self.called(bill),
            place=self.place(bill),
            void=Settlement.objects.filter(
                site=bill.site, pk=bill.void_of_id or bill.voided_by
            ).first(),
            amounts=_amounts_of(bill),
            services=services_on(bill=bill, ctx=context_of(request)),
        )


_AMOUNTS = (
    ("gross", "discount", "paid"),
    ("table_fee", "assistant_fee", "goods_fee", "other_fee"),
    ("card_paid", "cash_paid", "other_paid", "groupbuy_paid", "coupon_discount"),
)


def _amounts_of(bill: Settlement) -> Sequence[Sequence[tuple[Any, Any]]]:
    """Title and yuan: what was due, what for, paid with what."""
    titles = {field.name: field.verbose_name for field in Settlement._meta.fields}
    return [[(titles[name], getattr(bill, name)) for name in group] for group in _AMOUNTS]


@admin.register(CardEntry)
class CardEntryAdmin(FactAdmin):
    """Changes of members' cards."""

    list_display = ["business_date", "external_id", "called", "kind", "own", "given", "voiding"]
    list_filter = [DayFilter, KindFilter, MemberFilter]
    fields = ["external_id", "business_date", "called", "kind", "own", "given"]
    fields += ["occurred_at", "recorded_at", "bill", "voiding"]
    readonly_fields = ["called", "own", "given", "bill", "voiding"]

    @admin.display(description=gettext_lazy("principal"), ordering="principal")
    def own(self, entry: CardEntry) -> str:
        return yuan(entry.principal)

    @admin.display(description=gettext_lazy("gift"), ordering="gift")
    def given(self, entry: CardEntry) -> str:
        return yuan(entry.gift)

    @admin.display(description=gettext_lazy("bill"))
    def bill(self, entry: CardEntry) -> str:
        """What was paid with the card, where the till says."""
        if entry.settlement_id is None:
            return ""
        address = reverse("admin:metrics_settlement_change", args=[entry.settlement_id])
        return _link(address, _("bill"))
