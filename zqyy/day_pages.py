"""The pages of a day: whom to call, how the evening goes, and its report for the group chat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from aijobs.clues import newest_clues
from metrics.calculations.hall import OpenDays
from metrics.calls import CallList, calls_of_today
from metrics.daily_text import daily_text
from metrics.entries import assign_tasks, note_contacted, set_do_not_contact
from metrics.home import last_open_day
from metrics.models import CoachTask
from metrics.permissions import may_direct_work
from metrics.tonight import tonight
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest, Conflict, ZqyyError
from sandbox.site_admin import admin_page, context_of

# What the form of a recall proposes.
DUE_IN = timedelta(days=3)
View = Callable[..., HttpResponse]


def urls(wrap: Callable[[View], View]) -> list[URLPattern]:
    """The addresses of this module's views, behind a sign-in."""
    return [
        path("today/calls/", wrap(show_calls), name="calls"),
        path("today/calls/<int:member_id>/assign/", wrap(assign), name="assign_recall"),
        path("today/calls/<int:member_id>/contacted/", wrap(contacted), name="note_contacted"),
        path("today/calls/<int:member_id>/spare/", wrap(spare), name="spare_member"),
        path("tonight/", wrap(show_tonight), name="tonight"),
        path("daily-text/", wrap(show_daily_text), name="daily_text"),
    ]


# --- Whom to call --------------------------------------------------------------------------------


def calls_panel(request: HttpRequest, calls: CallList) -> dict[str, Any]:
    """What templates/metrics/calls.html needs."""
    ctx = context_of(request)
    return {
        "call_list": calls,
        "may_call": may_direct_work(request.user) and not (ctx.is_sandbox or ctx.known_at),
        "due_on": ctx.business_date + DUE_IN,
    }


@require_GET
def show_calls(request: HttpRequest) -> HttpResponse:
    """The panel alone, as open pages fetch it."""
    ctx = _context_for_reading(request)
    page = {**calls_panel(request, calls_of_today(ctx=ctx)), "runtime": ctx}
    return render(request, "metrics/calls.html", page)


class RecallForm(forms.Form):
    assistant = forms.IntegerField()
    due_on = forms.DateField()
    note = forms.CharField(required=False, max_length=300)


@require_POST
def assign(request: HttpRequest, member_id: int) -> HttpResponse:
    """Have an assistant call the member."""

    def act(ctx: RuntimeContext, actor: AbstractBaseUser) -> str:
        form = RecallForm(request.POST)
        if not form.is_valid():
            raise BadRequest(fields={name: list(map(str, e)) for name, e in form.errors.items()})
        assigned = assign_tasks(
            ctx=ctx,
            member_ids=[member_id],
            kind=CoachTask.Kind.RECALL,
            assistant_id=form.cleaned_data["assistant"],
            due_on=form.cleaned_data["due_on"],
            reason=form.cleaned_data["note"],
            actor=actor,
        )
        for why in assigned.skipped:
            raise Conflict(_("Left out: %(reason)s.") % {"reason": why.label})
        return _("The task is assigned.")

    return _answer(request, act)


@require_POST
def contacted(request: HttpRequest, member_id: int) -> HttpResponse:
    """Somebody has reached the member."""

    def act(ctx: RuntimeContext, actor: AbstractBaseUser) -> str:
        note_contacted(ctx=ctx, member_id=member_id, actor=actor)
        return _("The contact is recorded.")

    return _answer(request, act)


@require_POST
def spare(request: HttpRequest, member_id: int) -> HttpResponse:
    """Nobody should contact the member."""

    def act(ctx: RuntimeContext, actor: AbstractBaseUser) -> str:
        set_do_not_contact(ctx=ctx, member_id=member_id, value=True, actor=actor)
        return _("Nobody will be asked to contact this member any more.")

    return _answer(request, act)


def _answer(
    request: HttpRequest, act: Callable[[RuntimeContext, AbstractBaseUser], str]
) -> HttpResponse:
    """Do it and say so: to an open page in JSON (static/zqyy/insight.js), else on the home page."""
    ctx = context_of(request)
    if not may_direct_work(request.user):
        raise PermissionDenied
    try:
        done = act(ctx, cast(AbstractBaseUser, request.user))  # the admin's views need a sign-in
    except ZqyyError as error:
        if error.status == 404:
            raise Http404 from error
        reasons = [text for texts in error.fields.values() for text in texts]
        body = {**error.body(), "message": " ".join(reasons) or str(error.message)}
        return JsonResponse(body, status=error.status)
    if request.headers.get("X-Requested-With") == "fetch":
        return JsonResponse({"message": done})
    messages.success(request, done)
    return HttpResponseRedirect(reverse("admin:index"))


# --- The evening, and its report -----------------------------------------------------------------


@require_GET
def show_tonight(request: HttpRequest) -> HttpResponse:
    """The open day so far; a past one as it ended."""
    ctx = _context_for_reading(request)
    evening = tonight(ctx=ctx)
    members = [guest.member_id for guest in evening.guests]
    return admin_page(
        request,
        "metrics/tonight.html",
        title=_("Tonight"),
        evening=evening,
        clues=newest_clues(member_ids=members, ctx=ctx),
    )


@require_GET
def show_daily_text(request: HttpRequest) -> HttpResponse:
    """The text of `?day=`, else of the last open day."""
    ctx = _context_for_reading(request)
    day = last_open_day(OpenDays.of(ctx=ctx), ctx=ctx)
    page: dict[str, Any] = {}
    try:
        if asked := request.GET.get("day"):
            day = _read_day(asked)
        page["text"] = daily_text(day=day, ctx=ctx)
    except BadRequest as error:
        page["errors"] = error.fields["day"]
    return admin_page(request, "metrics/daily_text.html", title=_("Daily text"), day=day, **page)


def _read_day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        text = _("“%(value)s” is not a date; write it as 2026-04-20.") % {"value": written[:40]}
        raise BadRequest(text, fields={"day": [text]}) from error


def _context_for_reading(request: HttpRequest) -> RuntimeContext:
    """The context of somebody who may see the store's figures.

    Raises:
        PermissionDenied: they may not, or no store has been granted to them.
    """
    if not request.user.has_perm("metrics.view_settlement"):
        raise PermissionDenied
    return context_of(request)
