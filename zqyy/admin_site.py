"""The admin: its home page, its navigation by role, and what every page shows about the context."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.db.models.base import ModelBase
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from aijobs.admin_views import prewarm_urls
from aijobs.alert_views import bell
from aijobs.pauses import pause_of, sees_pauses
from aijobs.permissions import may_acknowledge_alerts
from metrics.freshness import freshness_of
from metrics.home import home_page
from sandbox import admin_views
from sandbox.permissions import CHANGE_CONTEXT, TIME_TRAVEL
from sandbox.site_admin import address_of
from zqyy import day_pages
from zqyy.roles import APPLICATIONS


class ZqyyAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """Unfold's site with the runtime context in the header of every page."""

    site_title = _("ZQYY")
    index_title = _("Today")
    enable_nav_sidebar = True

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: type[ModelAdmin[Any]] | None = None,
        **options: Any,
    ) -> None:
        """Our own models, and accounts. The lists that other packages bring know no stores, no
        audit log and no Chinese."""
        models = (
            [model_or_iterable] if isinstance(model_or_iterable, ModelBase) else model_or_iterable
        )
        ours = [model for model in models if model._meta.app_label in (*APPLICATIONS, "auth")]
        super().register(ours, admin_class, **options)

    def extra_urls(self) -> list[URLPattern]:
        return [
            path("context/", self.admin_view(admin_views.change_context), name="change_context"),
            path("context/state/", self.admin_view(admin_views.context_state), name="context"),
            path("store/", self.admin_view(admin_views.change_store), name="change_store"),
            *day_pages.urls(self.admin_view),
            *prewarm_urls(self.admin_view),
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        # Unfold would write its colours into the page, which the policy refuses: they are in our
        # style sheet.
        context: dict[str, Any] = {**super().each_context(request), "colors": None}
        # The second name is Unfold's, in its choice of languages.
        context["page_address"] = context["redirect_to"] = address_of(request)
        # A page of an anonymous visitor (login) has neither stores nor dates.
        if not request.user.is_authenticated:
            return context
        runtime = getattr(request, "context", None)
        may_travel = request.user.has_perm(TIME_TRAVEL) or request.user.has_perm(CHANGE_CONTEXT)
        return {
            **context,
            "runtime": runtime,
            "may_change_context": may_travel and runtime is not None,
            "stores": request.stores if runtime else [],  # type: ignore[attr-defined]
            "page_state": admin_views.page_state(request) if runtime else None,
            "freshness": freshness_of(ctx=runtime) if runtime else None,
            "ai_line": self._ai_line(request),
            "page_bell": bell(request, runtime) if runtime else None,
            "may_acknowledge_alerts": may_acknowledge_alerts(request.user),
        }

    def _ai_line(self, request: HttpRequest) -> dict[str, str] | None:
        """Why AI pauses, for those who are told on every page (templates/zqyy/ai_line.html)."""
        runtime = getattr(request, "context", None)
        if runtime is None or not sees_pauses(request.user):
            return None
        return {"pause": pause_of(ctx=runtime)}

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        ctx = getattr(request, "context", None)
        home = home_page(ctx=ctx) if ctx is not None else None
        panel = day_pages.calls_panel(request, home.calls) if home else {}
        extra = {"home": home, **panel, **(extra_context or {})}
        page: TemplateResponse = super().index(request, extra)
        return page


_AI = _("AI")
# The sidebar: models by group, with their icons, the manager's pages first.
_NAVIGATION: list[tuple[Any, list[tuple[str, str]]]] = [
    (
        None,
        [
            ("metrics.member", "group"),
            ("metrics.assistant", "badge"),
            ("metrics.coachtask", "task_alt"),
            ("metrics.salaryadjustmentbatch", "payments"),
            ("metrics.settlement", "receipt_long"),
            ("metrics.cardentry", "credit_card"),
        ],
    ),
    (
        _AI,
        [
            ("aijobs.triggerjob", "bolt"),
            ("aijobs.run", "receipt"),
            ("aijobs.alert", "notifications"),
            ("aijobs.killswitch", "power_settings_new"),
            ("aijobs.prompt", "edit_note"),
        ],
    ),
    (
        _("Administration"),
        [
            ("sandbox.site", "storefront"),
            ("sandbox.sitegrant", "passkey"),
            ("sandbox.apikey", "key"),
            ("sandbox.option", "tune"),
            ("metrics.fileimport", "upload_file"),
            ("sandbox.auditentry", "history"),
            ("auth.user", "person"),
            ("auth.group", "groups"),
        ],
    ),
]

# How the AI works is the operator's. A manager is told in a line whether it does, and comes to a job
# by the links of alerts and members.
_OPERATORS = {"aijobs.triggerjob", "aijobs.killswitch"}

# Pages of our own at the end of each group, with the model whose rows they are about.
_PAGES: dict[Any, list[tuple[Any, str, str, str]]] = {
    None: [
        (_("Retention receipt"), "volunteer_activism", "admin:metrics_receipt", "metrics.contact"),
    ],
    _AI: [(_("Finance analyses"), "grid_view", "admin:aijobs_prewarm", "aijobs.run")],
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar, of what the user may see."""
    groups = []
    for title, models in _NAVIGATION:
        items = [_link(label, icon) for label, icon in models if _may_see(request, label)]
        if title is None:
            items = [*_days(request), *items]
        items += [
            {"title": page, "icon": icon, "link": reverse(name)}
            for page, icon, name, label in _PAGES.get(title, ())
            if _may_see(request, label)
        ]
        if items:
            groups.append({"title": title, "separator": title is not None, "items": items})
    return groups


def _days(request: HttpRequest) -> list[dict[str, Any]]:
    """The pages of a day: home, and those that show a store's figures."""
    pages = [("index", _("Today"), "home")]
    if request.user.has_perm("metrics.view_settlement"):
        pages += [
            ("tonight", _("Tonight"), "nightlife"),
            ("daily_text", _("Daily text"), "assignment"),
        ]
    return [
        {"title": title, "icon": icon, "link": reverse(f"admin:{name}")}
        for name, title, icon in pages
    ]


def _may_see(request: HttpRequest, label: str) -> bool:
    if label in _OPERATORS and not request.user.has_perm("aijobs.view_run"):
        return False
    app, model = label.split(".")
    return bool(request.user.has_perm(f"{app}.view_{model}"))


def _link(label: str, icon: str) -> dict[str, Any]:
    model = apps.get_model(label)
    return {
        "title": model._meta.verbose_name_plural,
        "icon": icon,
        "link": reverse(f"admin:{label.replace('.', '_')}_changelist"),
    }
