"""Who is asking: a token, an API key, or the admin's session.

The middleware identifies the caller before the view runs, because site and date must be set around
the whole request; DRF then takes over what was found.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from sandbox.access import Connector
from sandbox.audit import record_change
from sandbox.context import User, live_context, use_context
from sandbox.models import ApiKey, Site

_KEY_PREFIX = "zqyy"


@dataclass(frozen=True)
class Identity:
    """The caller, how they proved it, or why they could not."""

    user: User | None = None
    auth: Any = None
    failure: exceptions.APIException | None = None


def identify(request: HttpRequest) -> Identity:
    """Read the Authorization header. Without one nobody is identified here."""
    scheme, _space, credentials = request.headers.get("Authorization", "").partition(" ")
    try:
        if scheme == "Bearer":
            found = JWTAuthentication().authenticate(request)  # type: ignore[arg-type]
            return Identity(*found) if found else Identity()
        if scheme == "Api-Key":
            key = find_api_key(credentials.strip())
            return Identity(Connector(key), key)
    except exceptions.APIException as failure:
        return Identity(failure=failure)
    return Identity()


def create_api_key(
    *, site: Site, name: str, created_by_id: int | None = None
) -> tuple[ApiKey, str]:
    """A new key of a store, and its text, which is not kept. Call inside the site's context."""
    text = f"{_KEY_PREFIX}_{site.pk}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        site=site, name=name, key_hash=_hash(text), created_by_id=created_by_id
    )
    return key, text


def revoke_api_key(*, key: ApiKey, actor_id: int | None) -> bool:
    """End a key at once; False: it had been revoked before. Call inside the site's context."""
    with transaction.atomic():
        revoked = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now())
        if revoked:
            record_change(
                action="api_key_revoked", subject=key, site_id=key.site_id, actor_id=actor_id
            )
    return bool(revoked)


def find_api_key(text: str) -> ApiKey:
    """The valid key of this text. The text names its store, whose context the look-up needs.

    Raises:
        AuthenticationFailed: unknown or revoked.
    """
    parts = text.split("_", 2)
    if len(parts) == 3 and parts[0] == _KEY_PREFIX and parts[1].isdigit() and len(parts[1]) < 19:
        site = Site.objects.filter(pk=int(parts[1]), is_active=True).first()
        if site is not None:
            with use_context(live_context(site)):
                key = ApiKey.objects.filter(key_hash=_hash(text), revoked_at=None).first()
            if key is not None and hmac.compare_digest(key.key_hash, _hash(text)):
                return key
    raise exceptions.AuthenticationFailed(_("The API key is not valid."), "invalid_api_key")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class PrincipalAuthentication(BaseAuthentication):
    """Takes over what the middleware identified; else the admin's session, with its CSRF check."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        identity: Identity = request._request.identity  # type: ignore[attr-defined]
        if identity.failure is not None:
            raise identity.failure
        if identity.user is not None:
            return identity.user, identity.auth
        return SessionAuthentication().authenticate(request)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class PrincipalScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema page describes the two kinds of credentials."""

    target_class = PrincipalAuthentication
    name = ["token", "apiKey"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Api-Key zqyy_...`",
            },
        ]
