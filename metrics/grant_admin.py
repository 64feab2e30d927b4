"""Who sees the store in sight; for an assistant's account also which assistant they are."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from metrics.assistant_board import employed_assistants
from metrics.models import AssistantVersion
from sandbox.context import live_context, use_context
from sandbox.models import Site, SiteGrant
from sandbox.site_admin import SiteModelAdmin, context_of


class GrantForm(forms.ModelForm):  # type: ignore[type-arg]
    """`site` is put on the class made for a request: a grant is of the store in sight."""

    site: Site
    assistant = forms.TypedChoiceField(
        label=gettext_lazy("assistant"),
        help_text=gettext_lazy("For the account of an assistant: who of the store they are."),
        required=False,
        coerce=int,
        empty_value=None,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = SiteGrant
        fields = ["user"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "user" in self.fields:
            users: Any = self.fields["user"]
            users.help_text = _("Will see %(store)s.") % {"store": self.site}
            users.queryset = (
                User.objects.filter(is_active=True)
                .exclude(site_grants__site=self.site)
                .order_by("username")
            )
        # A grant has no date: it is about who works here today, whatever date is in sight.
        with use_context(live_context(self.site)) as ctx:
            assistants = employed_assistants(ctx=ctx)
        now = self.instance.assistant_id
        if now is not None:
            assistants.setdefault(now, f"#{now}")  # has left since
        chosen: Any = self.fields["assistant"]
        chosen.choices = [("", "—"), *assistants.items()]
        chosen.initial = now


@admin.register(SiteGrant)
class SiteGrantAdmin(SiteModelAdmin):
    """Granted and revoked, each on record. The stores of one user stand on their page."""

    form = GrantForm
    list_display = ["user", "full_name", "roles", "assistant_called"]
    search_fields = ["user__username"]
    list_select_related = ["user", "site"]
    ordering = ["user__username"]
    fields = ["user", "assistant"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SiteGrant]:
        grants: QuerySet[SiteGrant] = super().get_queryset(request)
        day = context_of(request).business_date
        names = AssistantVersion.objects.filter(
            site=OuterRef("site"),
            assistant=OuterRef("assistant_id"),
            business_date__lte=day,
            valid_to__gt=day,
        )
        return grants.prefetch_related("user__groups").annotate(
            assistant_name=Subquery(names.values("name")[:1])
        )

    def get_form(self, request: HttpRequest, obj: SiteGrant | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        return type("GrantFormOfStore", (form,), {"site": context_of(request).site})

    def get_readonly_fields(self, request: HttpRequest, obj: SiteGrant | None = None) -> list[str]:
        return [] if obj is None else ["user"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("sandbox.add_sitegrant"))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm("sandbox.change_sitegrant"))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm("sandbox.delete_sitegrant"))

    def save_model(self, request: HttpRequest, obj: SiteGrant, form: Any, change: bool) -> None:
        obj.site = form.site
        obj.assistant_id = form.cleaned_data["assistant"]
        super().save_model(request, obj, form, change)

    @admin.display(description=gettext_lazy("full name"))
    def full_name(self, grant: SiteGrant) -> str:
        return grant.user.get_full_name() or "—"

    @admin.display(description=gettext_lazy("role"))
    def roles(self, grant: SiteGrant) -> str:
        return ", ".join(group.name for group in grant.user.groups.all()) or "—"

    @admin.display(description=gettext_lazy("assistant"))
    def assistant_called(self, grant: Any) -> str:
        if grant.assistant_id is None:
            return "—"
        return str(grant.assistant_name or f"#{grant.assistant_id}")
