"""维客成效: the contacts of a week and what came of them."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from metrics.fact_filters import DayFilter, MemberFilter
from metrics.list_filters import ChipChangeList
from metrics.models import AssistantVersion, CoachTaskEvent, Contact, MemberVersion
from metrics.names import name_at
from metrics.retention_receipt import retention_receipt
from metrics.templatetags.figures import UNKNOWN
from metrics.wording import channel_word
from sandbox.errors import BadRequest
from sandbox.site_admin import SiteModelAdmin, admin_page, context_of


@admin.register(Contact)
class ContactAdmin(SiteModelAdmin):
    """Contacts as they were noted, and the receipt of a week of them."""

    list_display = ["business_date", "called", "by", "way", "result", "words"]
    list_filter = [DayFilter, MemberFilter]
    list_before_template = "metrics/chips.html"
    show_facets = admin.ShowFacets.NEVER
    ordering = ["-business_date", "-id"]
    fields = ["business_date", "occurred_at", "called", "by", "way", "result", "words"]
    readonly_fields = ["called", "by", "way", "result"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChipChangeList]:
        return ChipChangeList

    def get_queryset(self, request: HttpRequest) -> Any:
        day = context_of(request).business_date
        contacts = super().get_queryset(request)
        return contacts.annotate(
            member_called=name_at(MemberVersion, "member", day),
            assistant_called=name_at(AssistantVersion, "assistant", day),
        )

    @admin.display(description=gettext_lazy("member"))
    def called(self, contact: Any) -> str:
        return str(contact.member_called or UNKNOWN)

    @admin.display(description=gettext_lazy("assistant"))
    def by(self, contact: Any) -> str:
        return str(contact.assistant_called or UNKNOWN)

    @admin.display(description=gettext_lazy("channel"))
    def way(self, contact: Contact) -> str:
        return channel_word(contact.channel)

    @admin.display(description=gettext_lazy("outcome"), ordering="outcome")
    def result(self, contact: Contact) -> str:
        return str(CoachTaskEvent.Outcome(contact.outcome).label)

    def get_urls(self) -> list[URLPattern]:
        receipt = self.admin_site.admin_view(require_GET(self.receipt_view))
        return [path("receipt/", receipt, name="metrics_receipt"), *super().get_urls()]

    def receipt_view(self, request: HttpRequest) -> HttpResponse:
        """The week in the address (`week`, its Monday), else the last whole one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ctx = context_of(request)
        page: dict[str, Any] = {}
        try:
            page["receipt"] = retention_receipt(ctx=ctx, monday=_monday(request.GET.get("week")))
            status = 200
        except BadRequest as refused:
            page["error"] = refused.message if not refused.fields else refused.fields["week"][0]
            status = refused.status
        title = _("Retention receipt")
        return admin_page(request, "metrics/receipt.html", status=status, title=title, **page)


def _monday(asked: str | None) -> date | None:
    if not asked:
        return None
    try:
        return date.fromisoformat(asked)
    except ValueError as wrong:
        text = _("Write the week as the date of its Monday: YYYY-MM-DD.")
        raise BadRequest(text, fields={"week": [text]}) from wrong
