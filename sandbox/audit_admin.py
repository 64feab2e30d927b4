"""The audit log: who did what to which thing, in the store in sight and in what the chain shares."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import User
from django.core.paginator import Page
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import TextFilter
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextInputWidget

from sandbox.audit import ACTIONS
from sandbox.audit_diff import NOTHING, Change, changes_of, model_of, names_in
from sandbox.context import current_context
from sandbox.models import AuditEntry
from sandbox.site_admin import (
    ColumnFilter,
    OnceCountedChangeList,
    SiteModelAdmin,
    admin_page,
    context_of,
)

# A list shows so many changes of an entry, and so much of each value.
MOST_CHANGES = 4
MOST_CHARACTERS = 60


class SharedPaginator(InfinitePaginator):  # type: ignore[misc]
    """Newest first, of the store in sight and of the chain: each read by its own index, so that
    neither the length of the log nor other stores' rows are felt. Nobody counts them.
    """

    def page(self, number: Any) -> Page[AuditEntry]:
        number = self.validate_number(number)
        end = number * self.per_page
        rows: QuerySet[AuditEntry] = self.object_list
        newest = [
            # Ordered by the whole index: of IS NULL alone PostgreSQL does not see the order.
            rows.filter(site=site).order_by("site_id", "-at", "-id").values_list("id", "at")[:end]
            for site in (current_context().site, None)
        ]
        both = newest[0].union(newest[1], all=True).order_by("-at", "-id")
        ids = [pk for pk, _at in both[end - self.per_page : end]]
        found = AuditEntry.objects.filter(pk__in=ids).select_related("actor")
        page: Page[AuditEntry] = self._get_page(list(found.order_by("-at", "-id")), number, self)
        return page


class AuditChangeList(OnceCountedChangeList):
    """A page of entries with what each changed."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # Unfold would tell of both if they differed, and nobody has counted.
        self.full_result_count = self.result_count
        names = names_in(self.result_list)
        for entry in self.result_list:
            entry.changed = changes_of(entry, names)


class ActionFilter(ColumnFilter):
    title = gettext_lazy("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return list(ACTIONS.items())


class KindFilter(ColumnFilter):
    """Only of what has a page: other things are found by the action."""

    title = gettext_lazy("object type")
    parameter_name = "object_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        metas = [model._meta for model in model_admin.admin_site._registry]
        return [(meta.label_lower, meta.verbose_name) for meta in metas]


class PersonFilter(TextFilter):  # type: ignore[misc]
    title = gettext_lazy("user name")
    parameter_name = "person"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        # Looked up first, so that the log is read by its index.
        people = User.objects.filter(username=self.value().strip())
        return queryset.filter(actor_id__in=list(people.values_list("pk", flat=True)))


class DayForm(forms.Form):
    def __init__(self, name: str, label: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
        self.fields[name] = forms.CharField(label=label, required=False, widget=widget)


class DayFilter(TextFilter):  # type: ignore[misc]
    """A calendar day of the store's."""

    title = gettext_lazy("date")
    parameter_name = "day"
    form_class = DayForm

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        try:
            day = date.fromisoformat(self.value())
        except ValueError as error:
            raise IncorrectLookupParameters(f"day={self.value()}") from error
        begins = datetime.combine(day, time(), tzinfo=context_of(request).site.zone)
        return queryset.filter(at__gte=begins, at__lt=begins + timedelta(days=1))


@admin.register(AuditEntry)
class AuditEntryAdmin(SiteModelAdmin):
    """Newest first; no other order could be read by an index."""

    list_display = ["at", "person", "deed", "thing", "changes"]
    list_filter = [ActionFilter, PersonFilter, KindFilter, DayFilter]
    list_filter_submit = True
    search_fields = ["object_id"]
    search_help_text = gettext_lazy("Number of the object")
    sortable_by = ()
    ordering = ["-at", "-id"]
    actions = None
    # Neither are the choices of the filters counted.
    show_facets = admin.ShowFacets.NEVER
    paginator = SharedPaginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AuditChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.filter(Q(site=context_of(request).site) | Q(site=None))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        number = search_term.strip().removeprefix("#")
        return (queryset.filter(object_id=number) if number else queryset), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        entry = self.get_readable(request, unquote(object_id))
        return admin_page(
            request,
            "sandbox/audit_entry.html",
            title=self.deed(entry),
            entry=entry,
            who=self.person(entry),
            thing=self.thing(entry),
            changes=changes_of(entry, names_in([entry])),
        )

    @admin.display(description=gettext_lazy("who"))
    def person(self, entry: AuditEntry) -> str:
        return str(entry.actor or "—")

    @admin.display(description=gettext_lazy("action"))
    def deed(self, entry: AuditEntry) -> str:
        return str(ACTIONS.get(entry.action, entry.action))

    @admin.display(description=gettext_lazy("object"))
    def thing(self, entry: AuditEntry) -> str:
        model = model_of(entry)
        name = model._meta.verbose_name if model else entry.object_type
        text = f"{name} #{entry.object_id}" if entry.object_id else str(name)
        address = _address_of(entry)
        return (
            format_html('<a class="zq-link" href="{}">{}</a>', address, text) if address else text
        )

    @admin.display(description=gettext_lazy("changes"))
    def changes(self, entry: Any) -> str:
        if not entry.changed:
            return NOTHING
        told = format_html_join("", "<div>{}{}{}</div>", map(_line, entry.changed[:MOST_CHANGES]))
        more = "…" if len(entry.changed) > MOST_CHANGES else ""
        return format_html('<div class="zq-diff">{}{}</div>', told, more)


def _address_of(entry: AuditEntry) -> str:
    """The page of what the entry is about; empty where it has none, or none any more."""
    model = model_of(entry)
    if model is None or entry.action == "deleted" or not entry.object_id:
        return ""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    try:
        return reverse(name, args=[entry.object_id])
    except NoReverseMatch:
        return ""


def _line(change: Change) -> tuple[str, str, SafeString]:
    """The field, a colon, and what it became; of what was there before also what it was."""
    is_now = format_html('<ins class="zq-is">{}</ins>', _short(change.after))
    if change.before == NOTHING:
        return change.title, _(": "), is_now
    was = format_html('<del class="zq-was">{}</del>', _short(change.before))
    return change.title, _(": "), format_html("{} → {}", was, is_now)


def _short(text: str) -> str:
    return Truncator(text).chars(MOST_CHARACTERS)
