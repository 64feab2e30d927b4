"""Who opens a socket: a browser by its session, anything else by a token in the subprotocol.

A token never stands in the address, which reaches logs: `Sec-WebSocket-Protocol: zqyy, <token>`.
And what a socket reads of the database: who may listen, and the alerts it has missed.
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
from django.utils import translation
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed, InvalidToken

from aijobs.alert_log import PAGE, alerts_after
from aijobs.alerts import alert_shape
from aijobs.events import encode_message
from aijobs.permissions import may_read_alerts
from sandbox.access import granted_sites
from sandbox.context import User, live_context, use_context
from sandbox.models import Site
from sandbox.tokens import is_revoked

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
    """Who the socket belongs to, and what it may hear.

    Attributes:
        language: what alerts are written in for this reader.
        expires_at: a token's end, in seconds since the epoch.
    """

    user_id: int
    site: Site
    language: str
    reads_alerts: bool
    expires_at: float | None = None


def authorise(scope: dict[str, Any], *, site_id: int) -> Principal:
    """Who may listen to this store, right now. Reads only tables outside row-level security.

    Raises:
        SocketRefused: nobody (4401), from a page of another origin or not their store (4403).
    """
    headers = {
        name.decode("latin1").lower(): value.decode("latin1") for name, value in scope["headers"]
    }
    protocols = scope.get("subprotocols", [])
    if len(protocols) == 2 and protocols[0] == PROTOCOL:
        user, expires_at = _user_of_token(protocols[1])
        wanted = headers.get("accept-language", "")
    else:
        # A page is in the language chosen on it, whatever the browser would like.
        user, expires_at, wanted = _user_of_session(headers), None, ""
    if not user.is_authenticated or not user.is_active:
        raise SocketRefused(UNAUTHENTICATED)
    site = granted_sites(user).filter(pk=site_id).first()
    if site is None:
        raise SocketRefused(FORBIDDEN)
    return Principal(
        user_id=user.pk,
        site=site,
        language=_language(headers, wanted),
        reads_alerts=may_read_alerts(user),
        expires_at=expires_at,
    )


@dataclass(frozen=True)
class Missed:
    """Messages by alert number. With `must_resync` it is the one that says: start afresh."""

    messages: list[tuple[int, str]]
    is_last: bool
    must_resync: bool = False


def read_missed(principal: Principal, *, after: int) -> Missed:
    """The alerts since a number, as the principal is sent them; at most a page."""
    site = principal.site
    with use_context(live_context(site)), translation.override(principal.language):
        page = alerts_after(site_id=site.pk, after=after)
        if page.must_resync:
            text = encode_message("resync", site.pk, {"seq": page.seq})
            return Missed([(page.seq, text)], is_last=True, must_resync=True)
        messages = [
            (alert.seq, encode_message("alert_created", site.pk, alert_shape(alert)))
            for alert in page.alerts
        ]
        return Missed(messages, is_last=len(messages) < PAGE)


def _user_of_token(token: str) -> tuple[User, float]:
    tokens = JWTAuthentication()
    try:
        valid = tokens.get_validated_token(token.encode())
        user = tokens.get_user(valid)
    except (InvalidToken, AuthenticationFailed) as error:
        raise SocketRefused(UNAUTHENTICATED) from error
    if is_revoked(valid):
        raise SocketRefused(UNAUTHENTICATED)
    return user, float(valid["exp"])


def _user_of_session(headers: dict[str, str]) -> User:
    """The session of the cookie, which a browser sends from any page: its origin decides."""
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


def _language(headers: dict[str, str], wanted: str) -> str:
    request = HttpRequest()
    request.COOKIES = parse_cookie(headers.get("cookie", ""))
    request.META["HTTP_ACCEPT_LANGUAGE"] = wanted
    return translation.get_language_from_request(request)
