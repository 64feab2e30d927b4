"""Who opens a socket: a browser by its session, anything else by a token in the subprotocol.

A token never stands in the address, which reaches logs: `Sec-WebSocket-Protocol: zqyy, <token>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie
from django.http.request import validate_host
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed, InvalidToken

from sandbox.access import granted_sites
from sandbox.context import User

PROTOCOL = "zqyy"

# Close codes: who are you, and you may not.
UNAUTHENTICATED = 4401
FORBIDDEN = 4403


class SocketRefused(Exception):
    """The socket is closed with this code."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True)
class Principal:
    """Who the socket belongs to; `expires_at` is a token's end in seconds since the epoch."""

    user_id: int
    expires_at: float | None = None


def authorise(scope: dict[str, Any], *, site_id: int) -> Principal:
    """Who may listen to this store, right now. Reads only tables outside row-level security.

    Raises:
        SocketRefused: nobody (4401), from a page of another origin or not their store (4403).
    """
    protocols = scope.get("subprotocols", [])
    if len(protocols) == 2 and protocols[0] == PROTOCOL:
        user, expires_at = _user_of_token(protocols[1])
    else:
        user, expires_at = _user_of_session(scope), None
    if not user.is_authenticated or not user.is_active:
        raise SocketRefused(UNAUTHENTICATED)
    if not granted_sites(user).filter(pk=site_id).exists():
        raise SocketRefused(FORBIDDEN)
    return Principal(user_id=user.pk, expires_at=expires_at)


def _user_of_token(token: str) -> tuple[User, float]:
    tokens = JWTAuthentication()
    try:
        valid = tokens.get_validated_token(token.encode())
        return tokens.get_user(valid), float(valid["exp"])
    except (InvalidToken, AuthenticationFailed) as error:
        raise SocketRefused(UNAUTHENTICATED) from error


def _user_of_session(scope: dict[str, Any]) -> User:
    """The session of the cookie, which a browser sends from any page: its origin decides."""
    headers = {
        name.decode("latin1").lower(): value.decode("latin1") for name, value in scope["headers"]
    }
    cookie = parse_cookie(headers.get("cookie", ""))
    request = HttpRequest()
    sessions = import_module(settings.SESSION_ENGINE)
    request.session = sessions.SessionStore(cookie.get(settings.SESSION_COOKIE_NAME))
    user = get_user(request)
    if user.is_authenticated and not _is_allowed(headers.get("origin", "")):
        raise SocketRefused(FORBIDDEN)
    return user


def _is_allowed(origin: str) -> bool:
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    host = urlsplit(origin).hostname or ""
    return bool(host) and validate_host(host, settings.ALLOWED_HOSTS)
