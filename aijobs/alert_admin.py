"""The list of a store's alerts, newest first; it follows by itself (static/zqyy/alerts.js)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from aijobs import alert_views
from aijobs.alert_log import newest_number
from aijobs.alerts import alert_message, alert_title
from aijobs.models import Alert
from aijobs.permissions import may_acknowledge_alerts
from sandbox.site_admin import SiteModelAdmin, context_of

_COLOURS = {
    Alert.Severity.INFO: "info",
    Alert.Severity.WARNING: "warning",
    Alert.Severity.ERROR: "danger",
}


class UnreadFilter(admin.SimpleListFilter):
    title = gettext_lazy("acknowledged")
    parameter_name = "unread"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", gettext_lazy("Unread"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        return queryset.filter(acknowledged_at=None) if self.value() else queryset


@admin.register(Alert)
class AlertAdmin(SiteModelAdmin):
    """Alerts have no business date: the same at every D."""

    list_display = ["level", "what", "times", "last_at", "where", "seen"]
    list_display_links = None
    list_filter = [UnreadFilter, "severity"]
    ordering = ["-seq"]
    actions = None
    nothing_yet = gettext_lazy("No alerts yet.")
    change_list_template = "aijobs/alert_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        alerts: QuerySet[Alert] = super().get_queryset(request)
        # A run after the date in sight is not there: then neither is its job.
        return alerts.annotate(job_id=F("run__job_id"))

    @display(  # type: ignore[untyped-decorator]
        description=gettext_lazy("severity"), label=_COLOURS, ordering="severity"
    )
    def level(self, alert: Alert) -> tuple[str, str]:
        return alert.severity, alert.get_severity_display()

    @admin.display(description=gettext_lazy("alert"), ordering="alert_type")
    def what(self, alert: Alert) -> SafeString:
        return format_html(
            '<div class="zq-alert{}"><strong>{}</strong><div>{}</div></div>',
            "" if alert.acknowledged_at else " zq-alert-unread",
            alert_title(alert),
            alert_message(alert),
        )

    @admin.display(description=gettext_lazy("occurrences"), ordering="count")
    def times(self, alert: Alert) -> int:
        return alert.count

    @admin.display(description=gettext_lazy("job"))
    def where(self, alert: Any) -> str:
        if alert.job_id is None:
            return "—"
        url = reverse("admin:aijobs_triggerjob_change", args=[alert.job_id])
        return format_html('<a class="zq-link" href="{}">#{}</a>', url, alert.job_id)

    @admin.display(description=gettext_lazy("acknowledged"), ordering="acknowledged_at")
    def seen(self, alert: Alert) -> str:
        if alert.acknowledged_at:
            return _("Acknowledged")
        # A button of the list's own form, which carries the token; the template hides it from
        # those who may only read.
        return format_html(
            '<button class="zq-button zq-button-plain" data-acknowledge formaction="{}">{}</button>',
            reverse("admin:aijobs_acknowledge", args=[alert.pk]),
            _("Got it"),
        )

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("bell/", wrap(alert_views.show_bell), name="aijobs_bell"),
            path("ack/", wrap(alert_views.acknowledge_up_to), name="aijobs_acknowledge_up_to"),
            path("<int:alert_id>/ack/", wrap(alert_views.acknowledge), name="aijobs_acknowledge"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The list says all there is."""
        raise Http404

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        page: HttpResponse = super().changelist_view(
            request,
            {
                **(extra_context or {}),
                "may_acknowledge": may_acknowledge_alerts(request.user),
                "newest_number": newest_number(context_of(request).site.pk),
            },
        )
        return page
