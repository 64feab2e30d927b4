"""Who may see which stores, and as what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.contrib.auth.models import User as Account
from django.db.models import QuerySet, Value

from sandbox.context import User
from sandbox.errors import NotFound
from sandbox.models import ApiKey, Site, SiteGrant

Role = Literal["operator", "manager", "assistant", "auditor", "connector", ""]
ROLES: tuple[Role, ...] = ("operator", "manager", "auditor", "assistant")


class Connector(AnonymousUser):
    """An upstream system behind an API key: signed in, bound to one store, nobody's account."""

    def __init__(self, key: ApiKey) -> None:
        super().__init__()
        self.key = key
        self.site_id: int = key.site_id

    @property
    def is_authenticated(self) -> bool:  # type: ignore[override]
        return True

    def __str__(self) -> str:
        return f"connector {self.key.name}"


def role_of(user: User) -> Role:
    """The widest role the user's groups give; a superuser is an operator."""
    if isinstance(user, Connector):
        return "connector"
    if not user.is_authenticated:
        return ""
    if user.is_superuser:
        return "operator"
    groups = rights_of(user).groups
    return next((role for role in ROLES if role in groups), "")


@dataclass(frozen=True)
class Rights:
    """The names of a user's groups; what they may do, and the user besides: `app.codename`."""

    groups: frozenset[str]
    permissions: frozenset[str]


def rights_of(user: Account) -> Rights:
    """Kept on the user, who lives as long as the request: many places ask."""
    # Not by its __dict__: a request's user is a proxy, which has one of its own.
    if not hasattr(user, "_rights"):
        rights = Group.objects.filter(user=user).values_list(
            "name", "permissions__content_type__app_label", "permissions__codename"
        )
        own = Permission.objects.filter(user=user).order_by()
        rows: Any = rights.union(own.values_list(Value(""), "content_type__app_label", "codename"))
        found = list(rows)
        user._rights = Rights(  # type: ignore[attr-defined]
            frozenset(group for group, _app, _codename in found if group),
            frozenset(f"{app}.{codename}" for _group, app, codename in found if codename),
        )
    known: Rights = user._rights  # type: ignore[attr-defined]
    return known


class AccountBackend(ModelBackend):
    """Django's accounts, whose permissions are read at once instead of by where they come from."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if user_obj.is_superuser or not user_obj.is_active or obj is not None:
            return super().get_all_permissions(user_obj, obj)
        return {*rights_of(user_obj).permissions}


def granted_sites(user: User) -> QuerySet[Site]:
    """The stores a user sees: all for operators, else those granted."""
    sites = Site.objects.filter(is_active=True)
    role = role_of(user)
    if role == "operator":
        return sites
    if isinstance(user, Connector):
        return sites.filter(pk=user.site_id)
    if not role:
        return sites.none()
    return sites.filter(grants__user_id=user.pk or 0)


def site_for(user: User, site_id: int) -> Site:
    """One granted store.

    Raises:
        NotFound: it does not exist, or is not theirs; the two look the same.
    """
    site = granted_sites(user).filter(pk=site_id).first()
    if site is None:
        raise NotFound
    return site


def assistant_of(user: User, site: Site) -> int | None:
    """Which assistant of the store the user is (assistants.id), if any."""
    return (
        SiteGrant.objects.filter(user_id=user.pk or 0, site=site)
        .values_list("assistant_id", flat=True)
        .first()
    )
