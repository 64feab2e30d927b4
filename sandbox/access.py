"""Who may see which stores, and as what."""

from __future__ import annotations

from typing import Literal

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

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
    # Kept on the user, who lives as long as the request: many places ask.
    if "_role" not in user.__dict__:
        names = set(user.groups.values_list("name", flat=True))
        user.__dict__["_role"] = next((role for role in ROLES if role in names), "")
    role: Role = user.__dict__["_role"]
    return role


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
