"""Members with their metrics, of the store and date in sight; the other pages of this app."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import F, OrderBy, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from metrics import member_actions
from metrics.assistant_admin import AssistantAdmin
from metrics.boards import member_board
from metrics.consent import consents_of
from metrics.entries import record_note
from metrics.entries.outreach import MOST_MEMBERS
from metrics.fact_admin import CardEntryAdmin, SettlementAdmin
from metrics.grant_admin import SiteGrantAdmin
from metrics.import_admin import FileImportAdmin
from metrics.list_filters import ChipChangeList
from metrics.masking import mask_phone
from metrics.member_export import COLUMNS, write_members
from metrics.member_filters import FILTERS, RhythmFilter, Tab, tabs_of
from metrics.member_forms import MAY_ASSIGN, MAY_CONTACT
from metrics.member_page import assistants_of, bills_of, metrics_of, notes_of
from metrics.models import Member
from metrics.pay_admin import PayCorrectionAdmin
from metrics.receipt_admin import ContactAdmin
from metrics.task_admin import CoachTaskAdmin
from metrics.templatetags.figures import UNKNOWN, figure, yuan
from sandbox.audit import record_change
from sandbox.errors import Conflict, ZqyyError
from sandbox.site_admin import SiteModelAdmin, admin_page, context_of

__all__ = [
    "AssistantAdmin",
    "CardEntryAdmin",
    "CoachTaskAdmin",
    "ContactAdmin",
    "FileImportAdmin",
    "MemberAdmin",
    "PayCorrectionAdmin",
    "SettlementAdmin",
    "SiteGrantAdmin",
]

# Fewer digits would find a masked number one digit at a time.
PHONE_DIGITS = 4
# In the session: the member whose number the next page shows.
PHONE_SHOWN = "phone_shown_of"


class MetricChangeList(ChipChangeList):
    """Unknown values come last, whichever way a column is sorted."""

    @property
    def tabs(self) -> list[Tab]:
        return tabs_of(self)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[OrderBy]:
        return [_unknown_last(order) for order in super().get_ordering(request, queryset)]


def _unknown_last(order: str | OrderBy) -> OrderBy:
    if isinstance(order, str):
        order = OrderBy(F(order.removeprefix("-")), descending=order.startswith("-"))
    return OrderBy(order.expression, descending=order.descending, nulls_last=True)


@admin.register(Member)
class MemberAdmin(SiteModelAdmin):
    """The board: sorted by any metric; a member's page in place of a form."""

    list_display = [
        "name",
        "external_id",
        "phone",
        "last_visit",
        "days_away",
        "usual",
        "overdue",
        "stage",
        "stickiness",
        "visits",
        "bills",
        "balance",
        "principal",
        "gift",
        "spent_60d",
        "spent",
    ]
    list_display_links = ["name"]
    list_filter = FILTERS
    search_fields = ["external_id"]
    search_help_text = gettext_lazy("Name, number or the last digits of the phone")
    actions = ["assign_tasks"]
    # Counting every choice of every filter costs a query each.
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[MetricChangeList]:
        return MetricChangeList

    def get_ordering(self, request: HttpRequest) -> list[str]:
        # Not as an attribute: Django's check takes annotations for missing fields.
        is_at_risk = request.GET.get(RhythmFilter.parameter_name) == "at_risk"
        return ["-recall_weight" if is_at_risk else "-last_visit"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        return member_board(ctx=context_of(request)).showing(*COLUMNS, "joined_at")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Member], search_term: str
    ) -> tuple[QuerySet[Member], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(name__icontains=term) | Q(external_id__iexact=term)
        if term.isdecimal() and len(term) >= PHONE_DIGITS:
            found |= Q(phone__endswith=term)
        return queryset.filter(found), False

    @admin.display(description=pgettext_lazy("person", "name"), ordering="name")
    def name(self, member: Any) -> str:
        return str(member.name or member.external_id)

    @admin.display(description=gettext_lazy("phone"))
    def phone(self, member: Any) -> str:
        return mask_phone(member.phone) or UNKNOWN

    @admin.display(description=gettext_lazy("last visit"), ordering="last_visit")
    def last_visit(self, member: Any) -> str:
        return member.last_visit.isoformat() if member.last_visit else UNKNOWN

    @admin.display(description=gettext_lazy("days away"), ordering="last_visit_days")
    def days_away(self, member: Any) -> str:
        return figure(member.last_visit_days, "count")

    @admin.display(
        description=gettext_lazy("usual days between visits"), ordering="visit_interval_median"
    )
    def usual(self, member: Any) -> str:
        return figure(member.visit_interval_median, "count")

    @admin.display(description=gettext_lazy("overdue ratio"), ordering="overdue_ratio")
    def overdue(self, member: Any) -> str:
        return figure(member.overdue_ratio, "ratio")

    @admin.display(description=gettext_lazy("stage"), ordering="lifecycle_stage")
    def stage(self, member: Any) -> str:
        return figure(member.lifecycle_stage, "code")

    @admin.display(description=gettext_lazy("stickiness"), ordering="stickiness")
    def stickiness(self, member: Any) -> str:
        return figure(member.stickiness, "index")

    @admin.display(description=gettext_lazy("visits"), ordering="visits")
    def visits(self, member: Any) -> str:
        return figure(member.visits, "count")

    @admin.display(description=pgettext_lazy("how many", "bills"), ordering="total_transactions")
    def bills(self, member: Any) -> str:
        return figure(member.total_transactions, "count")

    @admin.display(description=gettext_lazy("card balance"), ordering="card_balance")
    def balance(self, member: Any) -> str:
        return yuan(member.card_balance)

    @admin.display(description=gettext_lazy("principal left"), ordering="card_principal")
    def principal(self, member: Any) -> str:
        return yuan(member.card_principal)

    @admin.display(description=gettext_lazy("gift left"), ordering="card_gift")
    def gift(self, member: Any) -> str:
        return yuan(member.card_gift)

    @admin.display(description=gettext_lazy("spent in 60 days"), ordering="consumption_60d")
    def spent_60d(self, member: Any) -> str:
        return yuan(member.consumption_60d)

    @admin.display(description=gettext_lazy("spent in all"), ordering="total_consumption")
    def spent(self, member: Any) -> str:
        return yuan(member.total_consumption)

    # --- The list as a whole ----------------------------------------------------------------------

    def has_assign_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_ASSIGN)

    @admin.action(description=gettext_lazy("Assign tasks"), permissions=["assign"])
    def assign_tasks(self, request: HttpRequest, queryset: QuerySet[Member]) -> HttpResponse:
        chosen = queryset.order_by("pk").values_list("pk", flat=True)
        return member_actions.ask_for_tasks(
            request, member_ids=list(chosen[: MOST_MEMBERS + 1]), back=request.get_full_path()
        )

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """What the list shows, all pages of it, as a workbook."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters as wrong:
            raise Http404 from wrong
        content, rows = write_members(changelist.get_queryset(request))
        ctx = context_of(request)
        record_change(
            action="members_exported",
            subject=ctx.site,
            site_id=ctx.site.pk,
            actor_id=request.user.pk,
            after={"rows": rows, "as_of": ctx.business_date, "filters": request.GET.dict()},
        )
        name = f"{ctx.site.code}-{ctx.business_date}.xlsx"
        return HttpResponse(
            content,
            content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            headers={"Content-Disposition": content_disposition_header(True, name) or ""},
        )

    # --- A member's page -------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        note, phone = wrap(require_POST(self.note_view)), wrap(require_POST(self.phone_view))
        return [
            path("<int:member_id>/note/", note, name="metrics_member_note"),
            path("<int:member_id>/phone/", phone, name="metrics_member_phone"),
            path("export/", wrap(require_GET(self.export_view)), name="metrics_members_export"),
            *member_actions.urls(wrap),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        member = self.get_viewable(request, unquote(object_id))
        return self._page(request, member, shows_phone=_is_phone_shown(request, member.pk))

    def note_view(self, request: HttpRequest, member_id: int) -> HttpResponse:
        """Add a note; what is refused comes back with its reason and the text."""
        member = self.get_viewable(request, str(member_id))
        if not request.user.has_perm("metrics.add_note"):
            raise PermissionDenied
        text = request.POST.get("text", "")
        try:
            record_note(
                ctx=context_of(request),
                member_id=member_id,
                text=text,
                actor=cast(AbstractBaseUser, request.user),  # the admin's views need a sign-in
            )
        except ZqyyError as error:
            reasons = [text for texts in error.fields.values() for text in texts]
            return self._page(
                request,
                member,
                # Refused input is a form to fill in again; facts in the past are a conflict.
                status=error.status if isinstance(error, Conflict) else 200,
                note={"text": text, "errors": reasons or [str(error.message)]},
            )
        messages.success(request, _("The note is recorded."))
        return HttpResponseRedirect(_page_of(member_id))

    def phone_view(self, request: HttpRequest, member_id: int) -> HttpResponse:
        """To the page with the whole number, once; who has seen it is on record."""
        member = self.get_viewable(request, str(member_id))
        if not request.user.has_perm(MAY_CONTACT):
            raise PermissionDenied
        record_change(
            action="phone_shown",
            subject=member,
            site_id=member.site_id,
            actor_id=request.user.pk,
        )
        request.session[PHONE_SHOWN] = member.pk
        return HttpResponseRedirect(_page_of(member.pk))

    def _page(
        self,
        request: HttpRequest,
        member: Any,
        *,
        shows_phone: bool = False,
        note: dict[str, Any] | None = None,
        status: int = 200,
    ) -> TemplateResponse:
        ctx = context_of(request)
        return admin_page(
            request,
            "metrics/member.html",
            status=status,
            address=_page_of(member.pk),
            opts=self.opts,
            original=member.name or member.external_id,
            title=member.name or member.external_id,
            member=member,
            metrics=metrics_of(member=member, ctx=ctx),
            assistants=assistants_of(member_id=member.pk, ctx=ctx),
            bills=bills_of(member_id=member.pk, ctx=ctx),
            notes=notes_of(member_id=member.pk, ctx=ctx),
            note=note,
            may_note=request.user.has_perm("metrics.add_note"),
            consent=consents_of(member_ids=[member.pk], ctx=ctx).get(member.pk),
            shows_phone=shows_phone,
            may_show_phone=request.user.has_perm(MAY_CONTACT),
        )


def _page_of(member_id: int) -> str:
    return reverse("admin:metrics_member_change", args=[member_id])


def _is_phone_shown(request: HttpRequest, member_id: int) -> bool:
    """Whether the number of this member has just been asked for; true once."""
    asked = request.session.pop(PHONE_SHOWN, None)
    return asked == member_id and request.user.has_perm(MAY_CONTACT)
