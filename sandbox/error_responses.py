"""Every refusal in the one shape {code, message, fields?}, from the middleware and from DRF."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, JsonResponse
from django.utils.translation import gettext
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from sandbox.errors import Fields, ZqyyError, error_body


def error_response(error: ZqyyError) -> JsonResponse:
    """For answers given before or after DRF has a say (middleware)."""
    return JsonResponse(error.body(), status=error.status)


def api_exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every refusal in the one shape, with its own status."""
    if isinstance(exc, ZqyyError) and exc.status < 500:
        return Response(exc.body(), status=exc.status)
    if isinstance(exc, ValidationError):
        exc = exceptions.ValidationError(
            exc.message_dict if hasattr(exc, "error_dict") else exc.messages
        )
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    response = exception_handler(exc, context)
    if response is None or not isinstance(exc, exceptions.APIException):
        return response
    code = exc.get_codes() if isinstance(exc.detail, str) else "bad_request"
    if isinstance(exc, exceptions.ValidationError):
        fields = _flatten(exc.detail)
        response.data = error_body(
            "bad_request", gettext("The request is not valid. See `fields`."), fields
        )
    elif isinstance(exc.detail, dict):
        # simplejwt: {"detail": ..., "code": ...}
        response.data = error_body(
            str(exc.detail.get("code", exc.default_code)), str(exc.detail.get("detail", exc))
        )
    else:
        response.data = error_body(str(code), str(exc.detail))
    return response


def _flatten(detail: Any, path: str = "") -> Fields:
    """Nested DRF details as dotted names: {"rows.3.gross": ["..."]}."""
    if isinstance(detail, dict):
        fields: Fields = {}
        for key, value in detail.items():
            fields |= _flatten(value, f"{path}.{key}" if path else str(key))
        return fields
    if isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        fields = {}
        for index, value in enumerate(detail):
            if value:
                fields |= _flatten(value, f"{path}.{index}" if path else str(index))
        return fields
    values = detail if isinstance(detail, list) else [detail]
    return {path or "non_field_errors": [str(value) for value in values]}
