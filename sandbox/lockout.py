"""What somebody sees who typed too many wrong passwords."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from sandbox.errors import ZqyyError
from sandbox.middleware import API_PREFIX


class LockedOut(ZqyyError):
    code, status = "locked_out", 429
    message = _("Too many wrong passwords. Try again in 15 minutes.")


def answer_locked_out(
    request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None
) -> HttpResponse:
    """AXES_LOCKOUT_CALLABLE: the API has answered for itself; a page gets the sentence."""
    if request.path_info.startswith(API_PREFIX):
        return response
    return HttpResponse(
        str(LockedOut.message), status=LockedOut.status, content_type="text/plain; charset=utf-8"
    )
