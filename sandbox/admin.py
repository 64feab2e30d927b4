"""Stores, keys and accounts; who sees which store is granted in metrics.grant_admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from sandbox.access import granted_sites, role_of
from sandbox.audit_admin import AuditEntryAdmin
from sandbox.authentication import create_api_key, revoke_api_key
from sandbox.models import ApiKey, Site, SiteGrant, SiteIngest
from sandbox.option_admin import OptionAdmin
from sandbox.site_admin import AuditedAdmin, SiteModelAdmin, context_of

__all__ = [
    "ApiKeyAdmin",
    "AuditEntryAdmin",
    "GroupAdmin",
    "OptionAdmin",
    "SiteAdmin",
    "UserAdmin",
]

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin):  # type: ignore[misc, type-arg]
    """Accounts, and the stores they see. Those are granted on a page of its own."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "is_staff", "is_active", "last_login"]
    # What somebody may do comes from their role alone.
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (gettext_lazy("Personal info"), {"fields": ["first_name", "last_name", "email"]}),
        (
            gettext_lazy("Permissions"),
            {"fields": ["is_active", "is_staff", "is_superuser", "groups"]},
        ),
        (gettext_lazy("Important dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    filter_horizontal = []
    readonly_fields = ["stores"]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        return shown if obj is None else [*shown, (gettext_lazy("Stores"), {"fields": ["stores"]})]

    @admin.display(description=gettext_lazy("stores"))
    def stores(self, user: User) -> str | SafeString:
        if role_of(user) == "operator":
            return _("All stores: operators need no grant.")
        grants = SiteGrant.objects.filter(user=user).select_related("site").order_by("site__code")
        links = format_html_join(
            "",
            '<li><a class="zq-link" href="{}">{}</a></li>',
            ((_page_of_store(grant.site), grant.site) for grant in grants),
        )
        return format_html("<ul>{}</ul>", links) if links else _("No store has been granted.")


@admin.register(Group)
class GroupAdmin(AuditedAdmin):
    """The four roles: every migrate makes them what zqyy/roles.py says."""

    fields = ["name"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Site)
class SiteAdmin(AuditedAdmin):
    """Stores that the user may see. None is ever deleted: its bills stay."""

    list_display = [
        "code",
        "name",
        "timezone",
        "day_starts_at",
        "opens_at",
        "closes_at",
        "is_active",
    ]
    search_fields = ["code", "name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        if request.user.has_perm("sandbox.change_site"):
            return Site.objects.all()
        return granted_sites(request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Site | None = None) -> list[str]:
        # A trigger of the database refuses to change them once there are facts.
        facts = SiteIngest.objects.filter(site=obj, first_business_date__isnull=False)
        return ["timezone", "day_starts_at"] if facts.exists() else []

    def has_add_permission(self, request: HttpRequest) -> bool:
        # A store comes with its areas and counters: import_facts --create-site makes them.
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(SiteModelAdmin):
    """Keys of connectors: made, shown once, revoked; never changed and never shown again."""

    list_display = ["name", "made_at", "made_by", "ended_at"]
    list_select_related = ["created_by"]
    fields = ["name"]
    actions = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return ["name"] if obj is None else ["name", "made_at", "made_by", "ended_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return ["made_at", "made_by", "ended_at"]

    @admin.display(description=gettext_lazy("created at"), ordering="created_at")
    def made_at(self, key: ApiKey) -> Any:
        return key.created_at

    @admin.display(description=gettext_lazy("created by"))
    def made_by(self, key: ApiKey) -> str:
        return str(key.created_by or "—")

    @admin.display(description=gettext_lazy("revoked at"), ordering="revoked_at")
    def ended_at(self, key: ApiKey) -> Any:
        return key.revoked_at

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("sandbox.add_apikey"))

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("sandbox.change_apikey"))

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        key, text = create_api_key(
            site=context_of(request).site, name=obj.name, created_by_id=request.user.pk
        )
        obj.pk, obj.site = key.pk, key.site
        obj.refresh_from_db()
        messages.warning(request, _("Copy the key now; it is not shown again: %s") % text)

    @admin.action(description=gettext_lazy("Revoke the selected keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        revoked = sum(revoke_api_key(key=key, actor_id=request.user.pk) for key in queryset)
        messages.success(request, _("Keys revoked: %d") % revoked)


def _page_of_store(site: Site) -> str:
    return reverse("admin:sandbox_site_change", args=[site.pk])
