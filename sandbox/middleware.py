"""Puts the runtime context on each request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from sandbox.access import Connector, granted_sites, site_for
from sandbox.audit import record_sandbox_use
from sandbox.authentication import Identity, identify
from sandbox.context import (
    RuntimeContext,
    User,
    as_known,
    live_context,
    resolve_context,
    use_context,
)
from sandbox.error_responses import error_response
from sandbox.errors import (
    BadRequest,
    KnownAtReadOnly,
    LengthRequired,
    NotPermitted,
    ZqyyError,
)
from sandbox.models import Site
from sandbox.permissions import TIME_TRAVEL

SESSION_SITE = "site_id"
API_PREFIX = "/api/"
_READING = ("GET", "HEAD", "OPTIONS")


def outside_context(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view that touches no store's data: it runs without a transaction or a context."""
    view.outside_context = True  # type: ignore[attr-defined]
    return view


class ContextMiddleware:
    """One transaction around view and rendering, with site and date set in it.

    The last middleware. Rolled back on exceptions and 5xx; a handled 4xx keeps what was written
    before it. An asynchronous view needs its own `use_context`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.identity = Identity()  # type: ignore[attr-defined]
        request.context = None  # type: ignore[attr-defined]
        request.stores = []  # type: ignore[attr-defined]
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        if getattr(match.func, "outside_context", False):
            return self.get_response(request)
        is_api = request.path_info.startswith(API_PREFIX)
        if is_api:
            if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
                # DRF would take it for an empty body.
                return error_response(LengthRequired())
            request.identity = identify(request)  # type: ignore[attr-defined]
        try:
            ctx = context_for(request, match.kwargs)
            request.context = ctx  # type: ignore[attr-defined]
            request.must_roll_back = False  # type: ignore[attr-defined]
            scope: AbstractContextManager[Any] = use_context(ctx) if ctx else transaction.atomic()
            # Views do not raise to here: what raises is the way into the context.
            with scope:
                if ctx is not None:
                    record_sandbox_use(ctx, used_for=f"{request.method} {request.path_info}")
                response = self.get_response(request)
                if response.status_code >= 500 or request.must_roll_back:  # type: ignore[attr-defined]
                    transaction.set_rollback(True)
        except ZqyyError as error:
            if is_api:
                return error_response(error)
            raise Http404(str(error)) from error
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        # By the time __call__ sees the response, Django has turned the exception into one.
        request.must_roll_back = True  # type: ignore[attr-defined]


def context_for(request: HttpRequest, url_kwargs: dict[str, Any]) -> RuntimeContext | None:
    """The context a request asks for, or None where no store is in sight.

    Raises:
        NotFound: the store is not theirs.
        NotPermitted: `as_of` or `known_at` without the permission.
        BadRequest: a date or moment that cannot be. KnownAtReadOnly: `known_at` to write with.
    """
    identity: Identity = request.identity  # type: ignore[attr-defined]
    user: User = identity.user or request.user
    if not user.is_authenticated or identity.failure is not None:
        return None
    site = _site_of(request, user, url_kwargs)
    return None if site is None else context_in(request, user=user, site=site)


def context_in(request: HttpRequest, *, user: User, site: Site) -> RuntimeContext:
    """The context that a request asks for in a store which is the user's.

    Raises:
        As `context_for`, but for the store.
    """
    # Taken out of the query: the admin's lists refuse parameters that they do not know.
    query = request.GET.copy()
    as_of = query.pop("as_of", [""])[-1]
    known_at = query.pop("known_at", [""])[-1]
    request.GET = query  # type: ignore[assignment]
    if not as_of and not known_at:
        # The till is always live.
        is_till = isinstance(user, Connector)
        return live_context(site) if is_till else resolve_context(site, user=user)
    if not user.has_perm(TIME_TRAVEL):
        raise NotPermitted(_("You are not allowed to look at another date."))
    if known_at and request.method not in _READING:
        raise KnownAtReadOnly
    day = parse_date(as_of, "as_of") if as_of else None
    moment = parse_moment(known_at, "known_at") if known_at else None
    return as_known(resolve_context(site, user=user, as_of=day), moment)


def _site_of(request: HttpRequest, user: User, url_kwargs: dict[str, Any]) -> Site | None:
    if "site" in url_kwargs:
        return site_for(user, int(url_kwargs["site"]))
    if request.path_info.startswith(API_PREFIX):
        return None
    # All of them: the header of a page offers them.
    stores = list(granted_sites(user))
    request.stores = stores  # type: ignore[attr-defined]
    chosen = request.session.get(SESSION_SITE)
    return next((store for store in stores if store.pk == chosen), stores[0] if stores else None)


def parse_date(text: str, field: str) -> date:
    """An ISO date.

    Raises:
        BadRequest: naming the field.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = _("“%(value)s” is not a date; write it as 2026-04-20.") % {"value": text[:40]}
        raise BadRequest(message, code="invalid_date", fields={field: [message]}) from error


def parse_moment(text: str, field: str) -> datetime:
    """An ISO 8601 moment; naive where it names no offset.

    Raises:
        BadRequest: naming the field.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        message = _("“%(value)s” is not a moment; write it as 2026-04-20T21:30:00.") % {
            "value": text[:40]
        }
        raise BadRequest(message, code="invalid_moment", fields={field: [message]}) from error
