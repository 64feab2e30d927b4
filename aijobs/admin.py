"""Jobs of the store in sight: their steps, live progress, retry and cancel."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.decorators import display

from aijobs import admin_views, clue_views
from aijobs.alert_admin import AlertAdmin
from aijobs.guard_admin import KillSwitchAdmin
from aijobs.interventions import cancel_job, rerun_job, retry_job
from aijobs.models import ProviderCall, Run, TriggerJob
from aijobs.prompt_admin import PromptAdmin
from aijobs.run_admin import RunAdmin
from aijobs.target_names import put_target_names
from aijobs.templatetags.insights import may_run_apps
from aijobs.waterfall import Waterfall, draw_job
from metrics.models import MemberVersion
from metrics.names import name_at
from sandbox.context import RuntimeContext
from sandbox.errors import ZqyyError
from sandbox.site_admin import SiteModelAdmin, admin_page, context_of

__all__ = ["AlertAdmin", "KillSwitchAdmin", "PromptAdmin", "RunAdmin", "TriggerJobAdmin"]

_COLOURS = {
    TriggerJob.Status.PENDING: "info",
    TriggerJob.Status.RUNNING: "info",
    TriggerJob.Status.COMPLETED: "success",
    TriggerJob.Status.PARTIAL: "warning",
    TriggerJob.Status.FAILED: "danger",
    TriggerJob.Status.CANCELLED: "",
}


class EventFilter(admin.SimpleListFilter):
    title = gettext_lazy("event")
    parameter_name = "event_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(_event_titles().items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[TriggerJob]) -> Any:
        return queryset.filter(event_type=self.value()) if self.value() else queryset


@admin.register(TriggerJob)
class TriggerJobAdmin(SiteModelAdmin):
    """Newest first; the open page follows by itself (static/zqyy/jobs.js)."""

    list_display = ["number", "event", "member_name", "chain", "state", "progress", "created_at"]
    list_filter = ["status", EventFilter]
    ordering = ["-id"]
    actions = None
    change_list_template = "aijobs/job_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[TriggerJob]:
        day = context_of(request).business_date
        jobs: QuerySet[TriggerJob] = super().get_queryset(request)
        return jobs.annotate(member_called=name_at(MemberVersion, "member", day))

    @admin.display(description=gettext_lazy("job"), ordering="id")
    def number(self, job: TriggerJob) -> str:
        return f"#{job.pk}"

    @admin.display(description=gettext_lazy("event"))
    def event(self, job: TriggerJob) -> str:
        return event_title(job.event_type)

    @admin.display(description=gettext_lazy("member"))
    def member_name(self, job: Any) -> str:
        return job.member_called or "—"

    @admin.display(description=gettext_lazy("chain"))
    def chain(self, job: TriggerJob) -> str:
        return job.app_chain

    @display(  # type: ignore[untyped-decorator]
        description=gettext_lazy("status"), label=_COLOURS, ordering="status"
    )
    def state(self, job: TriggerJob) -> tuple[str, str]:
        return job.status, job.get_status_display()

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, job: TriggerJob) -> str:
        return f"{job.steps_done}/{job.steps_total}"

    # --- A job's page, and what live pages ask for ------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("run/", wrap(admin_views.run_app), name="aijobs_run_app"),
            path(
                "insight/<str:app>/<str:target_id>/",
                wrap(admin_views.show_insight),
                name="aijobs_insight",
            ),
            path(
                "insight/<str:app>/<str:target_id>/evidence/",
                wrap(admin_views.show_evidence),
                name="aijobs_evidence",
            ),
            path("clues/<int:member_id>/", wrap(admin_views.show_clues), name="aijobs_clues"),
            *clue_views.urls(wrap),
            path("<int:job_id>/progress/", wrap(admin_views.show_progress), name="aijobs_progress"),
            *(
                path(
                    f"<int:job_id>/{deed}/",
                    wrap(require_POST(self.deed_view)),
                    {"deed": deed},
                    name=f"aijobs_{deed}_job",
                )
                for deed in ("retry", "rerun", "cancel")
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        job = self.get_viewable(request, unquote(object_id))
        return admin_page(
            request,
            "aijobs/job.html",
            title=f"{event_title(job.event_type)} #{job.pk}",
            job=job,
            waterfall=_waterfall_of(job, context_of(request)),
            colour=_COLOURS[TriggerJob.Status(job.status)],
            may_read_runs=request.user.has_perm("aijobs.view_run"),
            may_act=may_run_apps(request.user),
            may_retry=job.status in (TriggerJob.Status.PARTIAL, TriggerJob.Status.FAILED),
            may_rerun=job.status in TriggerJob.TERMINAL,
            may_cancel=job.status in TriggerJob.OPEN,
        )

    def deed_view(self, request: HttpRequest, job_id: int, deed: str) -> HttpResponse:
        """Retry the steps that failed, run all of the job anew, or cancel it."""
        job = self.get_viewable(request, str(job_id))
        if not may_run_apps(request.user):
            raise PermissionDenied
        act, done = {
            "retry": (retry_job, _("The failed steps run again.")),
            "rerun": (rerun_job, _("All steps run again, as the new job #%(job)d.")),
            "cancel": (cancel_job, _("Cancelled.")),
        }[deed]
        try:
            job = act(job=job, user_id=request.user.pk)
        except ZqyyError as error:
            messages.error(request, str(error.message))
        else:
            messages.success(request, done % {"job": job.pk})
        return HttpResponseRedirect(reverse("admin:aijobs_triggerjob_change", args=[job.pk]))


def event_title(event_type: str) -> str:
    """What set a job off, in words; an unknown type as it is."""
    return _event_titles().get(event_type, event_type)


def _event_titles() -> dict[str, str]:
    return {
        "consumption": _("Bill settled"),
        "note_created": _("Note written"),
        "task_assigned": _("Task assigned"),
        "dws_completed": _("Day closed"),
        "app_run": _("Started by hand"),
        "clue_refresh": _("Clues collected anew"),
        "chat": _("Question asked"),
    }


def _waterfall_of(job: TriggerJob, ctx: RuntimeContext) -> Waterfall:
    """In as many queries for 72 steps as for one."""
    runs = Run.objects.filter(site=job.site_id, job=job).order_by("position", "attempt")
    found = list(runs.defer(*Run.LONG))
    put_target_names(found, ctx=ctx)
    calls = ProviderCall.objects.filter(site=job.site_id, run__in=[run.pk for run in found])
    return draw_job(job=job, runs=found, calls=calls, now=timezone.now(), zone=ctx.site.zone)
