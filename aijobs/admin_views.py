"""What open pages ask for while the AI works: run an app, how far is it, the new text; and the
prewarm of a store's finance cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from aijobs.cache import find_entry
from aijobs.evidence import evidence_of
from aijobs.firing import open_prewarm_once
from aijobs.guards.kill_switches import require_running
from aijobs.jobs import CLUE_REFRESH, job_progress, open_app_run, open_clue_refresh
from aijobs.models import TriggerJob
from aijobs.prewarm_grid import APPS as FINANCE_APPS
from aijobs.prewarm_grid import prewarm_grid
from aijobs.registry import AI_APPS, find_app
from aijobs.targets import MEMBER, Target
from aijobs.templatetags.insights import PANELS, clue_panel, insight_panel, may_run_apps
from aijobs.wording import reason_of
from metrics.models import Member
from sandbox.context import RuntimeContext
from sandbox.errors import NotFound, ZqyyError
from sandbox.site_admin import admin_page, context_of

View = Callable[..., HttpResponse]


@require_POST
def run_app(request: HttpRequest) -> JsonResponse:
    """Open a job of one app for one target, or of a member's clues (`clue_refresh`), at the date
    in sight; 202 with how it stands.
    """
    if not may_run_apps(request.user):
        raise PermissionDenied
    wanted, target = request.POST.get("app", ""), request.POST.get("target", "")
    asked: dict[str, Any] = {"triggered_by": "admin_manual", "user_id": request.user.pk}
    ctx = context_of(request)
    try:
        if wanted == CLUE_REFRESH:
            job = open_clue_refresh(ctx=ctx, member_id=MEMBER.read(target).member, **asked)
        else:
            app = find_app(wanted)
            payload = app.form.read(target).as_payload()
            job = open_app_run(ctx=ctx, app=app.key, target=payload, **asked)
    except ZqyyError as error:
        return JsonResponse(error.body(), status=error.status)
    return JsonResponse(standing(job), status=202)


@require_GET
def show_progress(request: HttpRequest, job_id: int) -> JsonResponse:
    """How a job stands, in words."""
    ctx = context_of(request)
    job = TriggerJob.objects.filter(site=ctx.site, pk=job_id).first()
    if job is None:
        raise Http404
    return JsonResponse(standing(job))


def standing(job: TriggerJob) -> dict[str, Any]:
    """A job's status with its label, and why it did not succeed if so."""
    return {
        "id": job.pk,
        "status": job.status,
        "label": job.get_status_display(),
        "message": reason_of(job_progress(job)["steps"]),
        "is_open": job.status in TriggerJob.OPEN,
    }


@require_GET
def show_insight(request: HttpRequest, app: str, target_id: str) -> HttpResponse:
    """The panel of an app's newest result."""
    if app not in PANELS:
        raise Http404
    _target_of(request, app, target_id)
    panel = insight_panel({"request": request}, app, target_id)
    return render(request, "aijobs/insight_panel.html", panel)


@require_GET
def show_evidence(request: HttpRequest, app: str, target_id: str) -> HttpResponse:
    """What the newest result of an app rests on, as it stands at D."""
    if app not in AI_APPS:
        raise Http404
    target, ctx = _target_of(request, app, target_id), context_of(request)
    entry = find_entry(cache_type=AI_APPS[app].cache_type, target_id=target_id, ctx=ctx)
    if entry is None:
        raise Http404
    evidence = evidence_of(entry.references, target=target, ctx=ctx)
    return render(request, "aijobs/evidence.html", {"evidence": evidence})


@require_GET
def show_clues(request: HttpRequest, member_id: int) -> HttpResponse:
    """The panel of a member's clues in force."""
    _require_member(context_of(request), member_id)
    return render(request, "aijobs/clue_panel.html", clue_panel({"request": request}, member_id))


def _target_of(request: HttpRequest, app: str, target_id: str) -> Target:
    """What a result's address names; Http404 where there is no such thing at D."""
    try:
        target = AI_APPS[app].form.read(target_id)
    except NotFound as error:
        raise Http404 from error
    if target.member_id is not None:
        _require_member(context_of(request), target.member_id)
    return target


def _require_member(ctx: RuntimeContext, member_id: int) -> None:
    if not Member.objects.filter(site=ctx.site, pk=member_id).exists():
        raise Http404


# --- The prewarm ---------------------------------------------------------------------------------


def prewarm_urls(wrap: Callable[[View], View]) -> list[URLPattern]:
    """The addresses of the page and its button, behind a sign-in."""
    return [
        path("prewarm/", wrap(show_prewarm), name="aijobs_prewarm"),
        path("prewarm/start/", wrap(start_prewarm), name="aijobs_start_prewarm"),
    ]


@require_GET
def show_prewarm(request: HttpRequest) -> HttpResponse:
    """How each finance cell stands at D; the open page follows by itself (static/zqyy/jobs.js)."""
    ctx = _context_of_operator(request)
    return admin_page(
        request,
        "aijobs/prewarm.html",
        title=_("Finance analyses"),
        grid=prewarm_grid(ctx=ctx, now=timezone.now()),
        may_start=may_run_apps(request.user) and not (ctx.is_sandbox or ctx.known_at),
    )


@require_POST
def start_prewarm(request: HttpRequest) -> HttpResponse:
    """Have all cells analysed anew, unless that is being done."""
    ctx = _context_of_operator(request)
    if not may_run_apps(request.user):
        raise PermissionDenied
    try:
        _open_prewarm(request, ctx)
    except ZqyyError as error:
        messages.error(request, str(error.message))
    return HttpResponseRedirect(reverse("admin:aijobs_prewarm"))


def _open_prewarm(request: HttpRequest, ctx: RuntimeContext) -> None:
    ctx.require_live()
    for app in FINANCE_APPS:
        require_running(ctx=ctx, app=app)
    job = open_prewarm_once(ctx=ctx, user_id=request.user.pk)
    if job.coalesced:
        messages.info(request, _("All cells are being analysed already, by job #%d.") % job.job_id)
    else:
        messages.success(request, _("All cells are analysed anew, by job #%d.") % job.job_id)


def _context_of_operator(request: HttpRequest) -> RuntimeContext:
    if not request.user.has_perm("aijobs.view_run"):
        raise PermissionDenied
    return context_of(request)
