"""Alerts on the admin's pages: what the bell counts, and 知道了."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from aijobs.alert_log import acknowledge_alerts, newest_and_unread, unread_alerts
from aijobs.permissions import may_acknowledge_alerts, may_read_alerts
from sandbox.context import RuntimeContext
from sandbox.site_admin import context_of

# More are acknowledged by pressing again.
AT_ONCE = 500


def bell(request: HttpRequest, ctx: RuntimeContext) -> dict[str, Any] | None:
    """What a page starts with: the number it knows of and how many are unread.

    None for those who may not read alerts.
    """
    if not may_read_alerts(request.user):
        return None
    seq, unread = newest_and_unread(ctx.site.pk)
    return {"seq": seq, "unread": unread}


@require_GET
def show_bell(request: HttpRequest) -> JsonResponse:
    """The same, for a page that has heard of something."""
    found = bell(request, context_of(request))
    if found is None:
        raise PermissionDenied
    return JsonResponse(found)


@require_POST
def acknowledge(request: HttpRequest, alert_id: int) -> HttpResponse:
    return _acknowledge(request, [alert_id])


@require_POST
def acknowledge_up_to(request: HttpRequest) -> HttpResponse:
    """Everything unread up to the newest alert on the page that was looked at."""
    number = request.POST.get("seq", "")
    if not (number.isascii() and number.isdecimal() and len(number) <= 18):
        raise Http404
    unread = unread_alerts(site_id=context_of(request).site.pk).filter(seq__lte=int(number))
    return _acknowledge(request, list(unread.values_list("pk", flat=True)[:AT_ONCE]))


def _acknowledge(request: HttpRequest, alert_ids: list[int]) -> HttpResponse:
    ctx = context_of(request)
    if not may_acknowledge_alerts(request.user):
        raise PermissionDenied
    acknowledge_alerts(site_id=ctx.site.pk, alert_ids=alert_ids, user_id=request.user.pk)
    if request.headers.get("X-Requested-With") == "fetch":
        return JsonResponse(bell(request, ctx) or {})
    return HttpResponseRedirect(reverse("admin:aijobs_alert_changelist"))
