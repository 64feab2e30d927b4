"""The pages of a day: whom to call, how the evening goes, and its report for the group chat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
from metrics.models import CoachTask, MemberVersion
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


@dataclass(frozen=True)
class Done:
    """A deed that was done.

    Attributes:
        said: what to say, with a place for the member's name. undo: where it is taken back.
    """

    said: str
    undo: str = ""


class RecallForm(forms.Form):
    assistant = forms.IntegerField()
    due_on = forms.DateField()
    note = forms.CharField(required=False, max_length=300)


@require_POST
def assign(request: HttpRequest, member_id: int) -> HttpResponse:
    """Have an assistant call the member."""

    def act(ctx: RuntimeContext, actor: AbstractBaseUser) -> Done:
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
        return Done(_("%(name)s: the task is assigned."))

    return _answer(request, member_id, act)


@require_POST
def contacted(request: HttpRequest, member_id: int) -> HttpResponse:
    """Somebody has reached the member."""

    def act(ctx: RuntimeContext, actor: AbstractBaseUser) -> Done:
        note_contacted(ctx=ctx, member_id=member_id, actor=actor)
        return Done(_("%(name)s: the contact is recorded."))

    return _answer(request, member_id, act)


@require_POST
def spare(request: HttpRequest, member_id: int) -> HttpResponse:
    """Nobody should contact the member; with `undo`, people may again."""
    value = "undo" not in request.POST

    def act(ctx: RuntimeContext, actor: AbstractBaseUser) -> Done:
        is_new = set_do_not_contact(ctx=ctx, member_id=member_id, value=value, actor=actor)
        if not value:
            return Done(_("%(name)s may be contacted again."))
        said = _("Nobody will be asked to contact %(name)s any more.")
        return Done(said, undo=request.path if is_new else "")

    return _answer(request, member_id, act)


def _answer(
    request: HttpRequest, member_id: int, act: Callable[[RuntimeContext, AbstractBaseUser], Done]
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
    message = done.said % {"name": _name_of(member_id, ctx)}
    if request.headers.get("X-Requested-With") == "fetch":
        return JsonResponse({"message": message, "undo": done.undo})
    messages.success(request, message)
    return HttpResponseRedirect(reverse("admin:index"))


def _name_of(member_id: int, ctx: RuntimeContext) -> str:
    day = ctx.business_date
    known = MemberVersion.objects.filter(
        site=ctx.site, member_id=member_id, business_date__lte=day, valid_to__gt=day
    ).first()
    return (known and known.name) or str(member_id)


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
