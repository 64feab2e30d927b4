"""Idempotency-Key: a request that is sent again gets the answer of the first, for 24 hours.

The record is written in the transaction of the work itself: both exist or neither.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from sandbox.access import Connector
from sandbox.errors import BadRequest, Conflict, ZqyyError
from sandbox.models import IdempotencyRecord

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
MAX_KEY_LENGTH = 128

Handler = Callable[..., Response]


class KeyReused(ZqyyError):
    code, status = "idempotency_mismatch", 422
    message = _("This Idempotency-Key was used with another request.")


def idempotent(handler: Handler) -> Handler:
    """Decorate a view's method: with the header, it runs once per principal, route and key.

    Only answers below 300 are kept: a refusal changed nothing, so it is decided anew.

    Raises (when called):
        Conflict: the first request has not ended. KeyReused: another body. BadRequest: the key.
    """

    @functools.wraps(handler)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        identity = {"principal": _principal(request), "route": _route(request), "key": _clean(key)}
        _lock(identity)
        body_hash = _hash_body(request)
        IdempotencyRecord.objects.filter(**identity, created_at__lt=timezone.now() - KEPT).delete()
        record = IdempotencyRecord.objects.filter(**identity).first()
        if record is not None:
            if record.body_hash != body_hash:
                raise KeyReused
            return Response(record.response, status=record.status)
        response = handler(view, request, *args, **kwargs)
        if response.status_code < 300:
            IdempotencyRecord.objects.create(
                **identity,
                body_hash=body_hash,
                status=response.status_code,
                response=json.loads(JSONRenderer().render(response.data) or b"null"),
            )
        return response

    return once


def forget_expired() -> int:
    """Delete the records whose time is over; the sweeper calls it."""
    deleted, _by_model = IdempotencyRecord.objects.filter(
        created_at__lt=timezone.now() - KEPT
    ).delete()
    return deleted


def _lock(identity: dict[str, str]) -> None:
    """Until the request's transaction ends, which the middleware opened."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
            ["\n".join(identity.values())],
        )
        if not cursor.fetchone()[0]:
            raise Conflict(
                _("The same request is being worked on; ask again in a moment."),
                code="idempotency_in_flight",
            )


def _principal(request: Request) -> str:
    user = request.user
    return f"key:{user.key.pk}" if isinstance(user, Connector) else f"user:{user.pk}"


def _route(request: Request) -> str:
    return f"{request.method} {request.path}"


def _clean(key: str) -> str:
    if not key.isascii() or not key.isprintable() or not 0 < len(key) <= MAX_KEY_LENGTH:
        text = _("Use 1 to %(length)s printable ASCII characters.") % {"length": MAX_KEY_LENGTH}
        raise BadRequest(fields={HEADER: [str(text)]})
    return key


def _hash_body(request: Request) -> str:
    canonical = json.dumps([request.data, request.META["QUERY_STRING"]], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
