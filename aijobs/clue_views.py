"""A member's clues in the admin: judged, written by hand, and where they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from aijobs.clue_history import consolidations_of, describe_runs, judged_of, pretty
from aijobs.clues import CATEGORIES
from aijobs.evidence import evidence_of
from aijobs.feedback import (
    MOST_REASON_CHARACTERS,
    Subject,
    clue_subject,
    give_feedback,
    judged_subject,
    part_subject,
)
from aijobs.manual_clues import add_manual_clue, edit_manual_clue, withdraw_manual_clue
from aijobs.models import ClueFeedback
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from aijobs.templatetags.insights import Judge
from metrics.boards import member_board
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest, ZqyyError
from sandbox.site_admin import admin_page, context_of

RUNS_A_PAGE = 20
View = Callable[..., HttpResponse]


def urls(wrap: Callable[[View], View]) -> list[URLPattern]:
    """The addresses of this module's views, behind a sign-in."""
    return [
        path("clue/<int:clue_id>/judge/", wrap(judge_clue), name="aijobs_judge_clue"),
        path("clue/<int:clue_id>/edit/", wrap(edit_clue), name="aijobs_edit_clue"),
        path("clue/<int:clue_id>/withdraw/", wrap(withdraw_clue), name="aijobs_withdraw_clue"),
        path(
            "insight/<str:app>/<str:target_id>/judge/", wrap(judge_part), name="aijobs_judge_part"
        ),
        path("clues/<int:member_id>/judge/", wrap(judge_again), name="aijobs_judge_again"),
        path("clues/<int:member_id>/add/", wrap(add_clue), name="aijobs_add_clue"),
        path("clues/<int:member_id>/runs/", wrap(show_runs), name="aijobs_clue_runs"),
        path("clues/<int:member_id>/runs/<int:run_id>/", wrap(show_run), name="aijobs_clue_run"),
    ]


# --- Judging -------------------------------------------------------------------------------------


class FeedbackForm(forms.Form):
    verdict = forms.ChoiceField(choices=ClueFeedback.Verdict.choices)
    reason = forms.CharField(required=False, max_length=MOST_REASON_CHARACTERS)
    fingerprint = forms.CharField(required=False, max_length=64)


@require_POST
def judge_clue(request: HttpRequest, clue_id: int) -> HttpResponse:
    """What somebody thinks of a clue."""
    return _judge(request, lambda ctx, _print: clue_subject(ctx=ctx, clue_id=clue_id))


@require_POST
def judge_part(request: HttpRequest, app: str, target_id: str) -> HttpResponse:
    """The same of a talking point."""
    if app not in AI_APPS:
        raise Http404
    return _judge(
        request,
        lambda ctx, fingerprint: part_subject(
            ctx=ctx,
            cache_type=AI_APPS[app].cache_type,
            target_id=target_id,
            fingerprint=fingerprint,
        ),
    )


@require_POST
def judge_again(request: HttpRequest, member_id: int) -> HttpResponse:
    """The same of what somebody has judged before, hidden or not."""
    return _judge(
        request,
        lambda ctx, fingerprint: judged_subject(
            ctx=ctx, member_id=member_id, fingerprint=fingerprint
        ),
    )


def _judge(
    request: HttpRequest, find_subject: Callable[[RuntimeContext, str], Subject]
) -> HttpResponse:
    _require(request, "aijobs.add_cluefeedback")
    ctx = context_of(request)

    def act() -> tuple[int, str]:
        said = _read(FeedbackForm(request.POST))
        subject = find_subject(ctx, said["fingerprint"])
        row, _is_new = give_feedback(
            ctx=ctx,
            subject=subject,
            verdict=said["verdict"],
            reason=said["reason"],
            user=request.user,
        )
        return subject.member_id, _("Hidden from everybody.") if row.is_denial else _("Noted.")

    return _answer(request, act)


# --- By hand -------------------------------------------------------------------------------------


class ClueForm(forms.Form):
    category = forms.ChoiceField(choices=[(one, one) for one in CATEGORIES])
    summary = forms.CharField(max_length=200)
    detail = forms.CharField(required=False, max_length=2000)


@require_POST
def add_clue(request: HttpRequest, member_id: int) -> HttpResponse:
    _require(request, "aijobs.add_retentionclue")

    def act() -> tuple[int, str]:
        texts = _read(ClueForm(request.POST))
        add_manual_clue(ctx=context_of(request), member_id=member_id, actor=request.user, **texts)
        return member_id, _("The clue is recorded.")

    return _answer(request, act)


@require_POST
def edit_clue(request: HttpRequest, clue_id: int) -> HttpResponse:
    _require(request, "aijobs.change_retentionclue")

    def act() -> tuple[int, str]:
        texts = _read(ClueForm(request.POST))
        clue = edit_manual_clue(
            ctx=context_of(request), clue_id=clue_id, actor=request.user, **texts
        )
        return clue.member_id, _("The clue is recorded.")

    return _answer(request, act)


@require_POST
def withdraw_clue(request: HttpRequest, clue_id: int) -> HttpResponse:
    _require(request, "aijobs.change_retentionclue")

    def act() -> tuple[int, str]:
        clue = withdraw_manual_clue(ctx=context_of(request), clue_id=clue_id, actor=request.user)
        return clue.member_id, _("The clue is withdrawn.")

    return _answer(request, act)


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _read(form: forms.Form) -> dict[str, Any]:
    """What a form holds.

    Raises:
        BadRequest: naming each field that is wrong.
    """
    if not form.is_valid():
        raise BadRequest(
            fields={name: [str(text) for text in texts] for name, texts in form.errors.items()}
        )
    return form.cleaned_data


def _answer(request: HttpRequest, act: Callable[[], tuple[int, str]]) -> HttpResponse:
    """Do it and say so: to an open page in JSON (static/zqyy/insight.js), else on the member's."""
    is_open_page = request.headers.get("X-Requested-With") == "fetch"
    try:
        member_id, done = act()
    except ZqyyError as error:
        if error.status == 404:
            raise Http404 from error
        reasons = [text for texts in error.fields.values() for text in texts]
        body = {**error.body(), "message": " ".join(reasons) or str(error.message)}
        return JsonResponse(body, status=error.status)
    if is_open_page:
        return JsonResponse({"message": done})
    messages.success(request, done)
    return HttpResponseRedirect(reverse("admin:metrics_member_change", args=[member_id]))


# --- Where clues come from -----------------------------------------------------------------------


@require_GET
def show_runs(request: HttpRequest, member_id: int) -> HttpResponse:
    """Every consolidation of a member's clues by D, and what people said of clues."""
    ctx, member = _member_of(request, member_id)
    runs = Paginator(consolidations_of(member_id=member_id, ctx=ctx), RUNS_A_PAGE)
    shown = runs.get_page(request.GET.get("page"))
    judged, opinions = judged_of(member_id=member_id, ctx=ctx)
    return admin_page(
        request,
        "aijobs/clue_runs.html",
        title=_("Where the clues come from"),
        member=member,
        page=shown,
        consolidations=describe_runs(list(shown), ctx=ctx),
        judged=judged,
        judge=Judge.of(request, opinions),
    )


@require_GET
def show_run(request: HttpRequest, member_id: int, run_id: int) -> HttpResponse:
    """One of them, with everything that went in and came out."""
    ctx, member = _member_of(request, member_id)
    run = consolidations_of(member_id=member_id, ctx=ctx).filter(pk=run_id).defer(None).first()
    if run is None:
        raise Http404
    [consolidation] = describe_runs([run], ctx=ctx)
    return admin_page(
        request,
        "aijobs/clue_run.html",
        title=_("Consolidation #%(run)d") % {"run": run.pk},
        member=member,
        consolidation=consolidation,
        run=run,
        features=pretty(run.features) if run.features else "",
        evidence=evidence_of(run.references or {}, target=Target(member_id=member_id), ctx=ctx),
    )


def _member_of(request: HttpRequest, member_id: int) -> tuple[RuntimeContext, Any]:
    """The context, and the member whose clues a page is about.

    Raises:
        PermissionDenied: clues are not theirs to see. Http404: no such member at D.
    """
    _require(request, "aijobs.view_retentionclue")
    ctx = context_of(request)
    member = member_board(ctx=ctx).filter(pk=member_id).first()
    if member is None:
        raise Http404
    return ctx, member
