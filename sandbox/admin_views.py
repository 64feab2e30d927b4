"""Admin pages about the context: which date one is on, which store one is in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from sandbox.access import site_for
from sandbox.context import RuntimeContext, live_context
from sandbox.errors import NotFound, ZqyyError
from sandbox.middleware import SESSION_SITE
from sandbox.models import Mode, RuntimeSetting, SiteIngest
from sandbox.permissions import CHANGE_CONTEXT, TIME_TRAVEL
from sandbox.runtime import change_runtime_context
from sandbox.site_admin import admin_page


class ContextForm(forms.Form):
    """What the form of the context page sends; change_runtime_context judges it."""

    mode = forms.ChoiceField(choices=Mode.choices)
    scope = forms.ChoiceField(choices=[("me", "me"), ("site", "site")])
    business_date = forms.DateField(required=False)
    reason = forms.CharField(required=False, max_length=200)
    is_confirmed = forms.BooleanField(required=False)


@require_http_methods(["GET", "POST"])
def change_context(request: HttpRequest) -> HttpResponse:
    """Show and change one's own date or the store's; a store-wide date asks once more."""
    ctx = _context_of(request)
    form = ContextForm(request.POST or None)
    page: dict[str, Any] = {"next": _next_page(request)}
    if request.method == "POST":
        page["sent"] = request.POST
        if not form.is_valid():
            page["errors"] = [error for errors in form.errors.values() for error in errors]
        elif _needs_confirmation(form):
            page["confirm_date"] = form.cleaned_data["business_date"]
        else:
            try:
                return _apply(request, ctx, form.cleaned_data)
            except ZqyyError as error:
                page["errors"] = [text for texts in error.fields.values() for text in texts] or [
                    str(error.message)
                ]
    return _render(request, ctx, page)


def _needs_confirmation(form: ContextForm) -> bool:
    sent = form.cleaned_data
    return (
        sent["scope"] == "site"
        and sent["mode"] == Mode.SANDBOX
        and sent["business_date"] is not None
        and not sent["is_confirmed"]
    )


def _apply(request: HttpRequest, ctx: RuntimeContext, sent: dict[str, Any]) -> HttpResponse:
    now = change_runtime_context(
        site=ctx.site,
        user=request.user,
        scope=sent["scope"],
        mode=sent["mode"],
        business_date=sent["business_date"],
        reason=sent["reason"],
    )
    if now.is_sandbox:
        text = _("You now see %(store)s as of %(date)s.") % {
            "store": ctx.site,
            "date": now.business_date,
        }
    else:
        text = _("You now see %(store)s live.") % {"store": ctx.site}
    messages.success(request, text)
    return HttpResponseRedirect(_next_page(request))


def _render(request: HttpRequest, ctx: RuntimeContext, page: dict[str, Any]) -> TemplateResponse:
    settings = {
        row.user_id is not None: row
        for row in RuntimeSetting.objects.select_related("set_by").filter(site=ctx.site)
        if row.user_id in (None, request.user.pk)
    }
    first = SiteIngest.objects.filter(site=ctx.site).first()
    return admin_page(
        request,
        "sandbox/change_context.html",
        title=_("Business date"),
        own=settings.get(True),
        of_store=settings.get(False),
        first_date=first and first.first_business_date,
        live_date=live_context(ctx.site).business_date,
        may_travel=request.user.has_perm(TIME_TRAVEL),
        may_change_store=request.user.has_perm(CHANGE_CONTEXT),
        **page,
    )


@require_GET
def context_state(request: HttpRequest) -> JsonResponse:
    """What the page would show if it were loaded now: open pages compare it with their own."""
    _context_of(request)
    return JsonResponse(page_state(request))


@require_POST
def change_store(request: HttpRequest) -> HttpResponse:
    """Look at another of one's stores, from the home page on."""
    try:
        site = site_for(request.user, int(request.POST.get("site", "")))
    except (ValueError, NotFound) as error:
        raise Http404 from error
    request.session[SESSION_SITE] = site.pk
    return HttpResponseRedirect(reverse("admin:index"))


def page_state(request: HttpRequest) -> dict[str, Any]:
    """Which store and date a page of this user is about, for scripts (static/zqyy/)."""
    ctx = _context_of(request)
    return {
        "site": ctx.site.pk,
        "mode": ctx.mode,
        "business_date": ctx.business_date.isoformat(),
        "scope": ctx.scope,
    }


def _context_of(request: HttpRequest) -> RuntimeContext:
    ctx: RuntimeContext | None = request.context  # type: ignore[attr-defined]
    if ctx is None:
        raise Http404
    return ctx


def _next_page(request: HttpRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()})
    return target if is_ours else reverse("admin:index")
