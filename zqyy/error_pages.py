"""Answers to what no view answered: pages as Django has them, the API in its one shape."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt

from sandbox.error_responses import error_response
from sandbox.errors import BadRequest, NotFound, ZqyyError
from sandbox.middleware import API_PREFIX, outside_context


class PayloadTooLarge(ZqyyError):
    code, status = "payload_too_large", 413
    message = _("The request body is larger than 5 MB.")


@csrf_exempt
@outside_context
def api_not_found(request: HttpRequest) -> JsonResponse:
    """The last route under /api/."""
    return error_response(NotFound(_("There is nothing at this address.")))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(API_PREFIX):
        is_too_large = isinstance(exception, RequestDataTooBig)
        return error_response(PayloadTooLarge() if is_too_large else BadRequest())
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path_info.startswith(API_PREFIX):
        return error_response(ZqyyError())
    return defaults.server_error(request)
