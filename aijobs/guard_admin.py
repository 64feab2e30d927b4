"""Kill switches: thrown for the store in sight or for all, lifted, never changed or deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Case, F, Model, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from aijobs.guards.kill_switches import lift_kill_switch, throw_kill_switch
from aijobs.models import KillSwitch
from aijobs.registry import AI_APPS, app_title
from sandbox.site_admin import SiteModelAdmin, context_of

_STATES = {
    "in_force": gettext_lazy("in force"),
    "lifted": gettext_lazy("lifted"),
    "expired": gettext_lazy("expired"),
}


def _app_choices() -> list[tuple[str, Any]]:
    return [("", gettext_lazy("All apps")), *((app.key, app.title) for app in AI_APPS.values())]


class KillSwitchForm(forms.ModelForm):  # type: ignore[type-arg]
    where = forms.ChoiceField(
        label=gettext_lazy("where"),
        choices=[
            ("store", gettext_lazy("The store in sight")),
            ("chain", gettext_lazy("All stores")),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    app = forms.ChoiceField(
        label=gettext_lazy("app"),
        choices=_app_choices,
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = KillSwitch
        fields = ["where", "app", "reason", "expires_at"]

    def clean_expires_at(self) -> datetime | None:
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError(_("This moment has passed."))
        return expires_at


@admin.register(KillSwitch)
class KillSwitchAdmin(SiteModelAdmin):
    """Those of the store in sight and of the whole chain."""

    form = KillSwitchForm
    list_display = ["state", "where", "app_title", "reason", "thrown_at", "expires_at", "thrown_by"]
    list_display_links = ["state", "reason"]
    list_select_related = ["site", "thrown_by"]
    ordering = ["-id"]
    actions = ["lift"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[KillSwitch]:
        in_sight = Q(site=context_of(request).site) | Q(site=None)
        return KillSwitch.objects.filter(in_sight).annotate(
            state_now=Case(
                When(lifted_at__isnull=False, then=Value("lifted")),
                When(expires_at__lte=Now(), then=Value("expired")),
                default=Value("in_force"),
            )
        )

    def get_fields(self, request: HttpRequest, obj: KillSwitch | None = None) -> list[str]:
        if obj is None:
            return ["where", "app", "reason", "expires_at"]
        return ["site", "app_title", "reason", "thrown_at", "thrown_by", "expires_at", "lifted_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: KillSwitch | None = None) -> list[str]:
        return [] if obj is None else self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("aijobs.add_killswitch"))

    def has_lift_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("aijobs.change_killswitch"))

    def save_model(self, request: HttpRequest, obj: KillSwitch, form: Any, change: bool) -> None:
        everywhere = form.cleaned_data["where"] == "chain"
        switch = throw_kill_switch(
            site=None if everywhere else context_of(request).site,
            app=form.cleaned_data["app"],
            reason=obj.reason,
            expires_at=obj.expires_at,
            actor_id=request.user.pk,
        )
        obj.pk, obj.site = switch.pk, switch.site

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """throw_kill_switch has recorded it."""

    @admin.action(description=gettext_lazy("Lift the selected switches"), permissions=["lift"])
    def lift(self, request: HttpRequest, queryset: QuerySet[KillSwitch]) -> None:
        lifted = sum(lift_kill_switch(switch=one, actor_id=request.user.pk) for one in queryset)
        messages.success(request, _("Switches lifted: %d") % lifted)

    @display(  # type: ignore[untyped-decorator]
        description=gettext_lazy("status"),
        label={"in_force": "danger", "lifted": "", "expired": ""},
    )
    def state(self, switch: Any) -> tuple[str, str]:
        return switch.state_now, str(_STATES[switch.state_now])

    @admin.display(description=gettext_lazy("where"), ordering=F("site").asc(nulls_first=True))
    def where(self, switch: KillSwitch) -> str:
        return str(switch.site or _("All stores"))

    @admin.display(description=gettext_lazy("app"), ordering="app")
    def app_title(self, switch: KillSwitch) -> str:
        return app_title(switch.app) or _("All apps")
