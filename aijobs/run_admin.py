"""Runs, read-only: what an AI app was asked, what it answered, what it took, what was made of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import TextFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from aijobs.clue_history import APP as CONSOLIDATION
from aijobs.clue_history import pretty
from aijobs.evidence import Evidence, evidence_of
from aijobs.guards.refusals import GUARD_TITLES
from aijobs.models import Prompt, ProviderCall, Run
from aijobs.output_checks.review import check_title
from aijobs.registry import AI_APPS, app_title
from aijobs.target_names import finance_page, put_target_names, target_of_run
from aijobs.targets import Target
from aijobs.wording import TITLES, duration_text
from sandbox.context import RuntimeContext
from sandbox.models import Mode
from sandbox.site_admin import (
    ColumnFilter,
    OnceCountedChangeList,
    SiteModelAdmin,
    admin_page,
    context_of,
)

_COLOURS = {
    Run.Status.PENDING: "info",
    Run.Status.RUNNING: "info",
    Run.Status.SUCCESS: "success",
    Run.Status.FAILED: "danger",
    Run.Status.TIMEOUT: "danger",
    Run.Status.UNKNOWN: "warning",
    Run.Status.SKIPPED: "",
    Run.Status.CANCELLED: "",
}


class RunChangeList(OnceCountedChangeList):
    """A page of runs with what they are about."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        put_target_names(self.result_list, ctx=context_of(request))


class AppFilter(ColumnFilter):
    title = gettext_lazy("app")
    parameter_name = "app"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [(app.key, app.title) for app in AI_APPS.values()]


class ErrorFilter(ColumnFilter):
    title = gettext_lazy("error")
    parameter_name = "error_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return list(TITLES.items())


class ModeFilter(ColumnFilter):
    title = gettext_lazy("mode")
    parameter_name = "mode"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return Mode.choices


class JobFilter(TextFilter):  # type: ignore[misc]
    title = gettext_lazy("job")
    parameter_name = "job"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        number = self.value()
        if not number:
            return queryset
        if not _is_id(number):
            raise IncorrectLookupParameters(f"job={number}")
        return queryset.filter(job_id=int(number))


@admin.register(Run)
class RunAdmin(SiteModelAdmin):
    """The runs of the store in sight, newest first; how many there are nobody counts."""

    list_display = [
        "number",
        "app_title",
        "target",
        "state",
        "why",
        "job_number",
        "answered_by",
        "tokens",
        "took",
        "opened",
    ]
    list_display_links = ["number", "app_title"]
    sortable_by = ()
    list_filter = ["status", AppFilter, ErrorFilter, ModeFilter, JobFilter]
    list_filter_submit = True
    search_fields = ["pk"]
    search_help_text = gettext_lazy("Number of the run")
    ordering = ["-id"]
    actions = None
    # Neither are the choices of the filters counted.
    show_facets = admin.ShowFacets.NEVER
    paginator = InfinitePaginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RunChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        runs: QuerySet[Run] = super().get_queryset(request)
        return runs.defer(*Run.LONG)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        number = search_term.strip().removeprefix("#")
        if not number:
            return queryset, False
        return queryset.filter(pk=int(number)) if _is_id(number) else queryset.none(), False

    @admin.display(description=gettext_lazy("run"))
    def number(self, run: Run) -> str:
        return f"#{run.pk}"

    @admin.display(description=gettext_lazy("app"))
    def app_title(self, run: Run) -> str:
        return app_title(run.app)

    @admin.display(description=gettext_lazy("target"))
    def target(self, run: Any) -> str:
        return str(run.target_called)

    @display(description=gettext_lazy("status"), label=_COLOURS)  # type: ignore[untyped-decorator]
    def state(self, run: Run) -> tuple[str, str]:
        return run.status, run.get_status_display()

    @admin.display(description=gettext_lazy("error"))
    def why(self, run: Run) -> str:
        if not run.error_code:
            return "—"
        title = TITLES.get(run.error_code, run.error_code)
        return format_html('<span title="{}">{}</span>', run.error_code, title)

    @admin.display(description=gettext_lazy("job"))
    def job_number(self, run: Run) -> str:
        address = reverse("admin:aijobs_triggerjob_change", args=[run.job_id])
        return format_html('<a class="zq-link" href="{}">#{}</a>', address, run.job_id)

    @admin.display(description=gettext_lazy("provider"))
    def answered_by(self, run: Run) -> str:
        return run.provider or "—"

    @admin.display(description=gettext_lazy("tokens"))
    def tokens(self, run: Run) -> str:
        return f"{run.tokens_in} + {run.tokens_out}" if run.provider else "—"

    @admin.display(description=gettext_lazy("time taken"))
    def took(self, run: Run) -> str:
        return "—" if run.seconds is None else duration_text(run.seconds)

    @admin.display(description=gettext_lazy("created at"))
    def opened(self, run: Run) -> datetime:
        return run.created_at

    # --- A run's page ----------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        ctx = context_of(request)
        run = self.get_readable(request, unquote(object_id))
        run.refresh_from_db(fields=Run.LONG)
        put_target_names([run], ctx=ctx)
        return admin_page(
            request,
            "aijobs/run.html",
            title=f"{app_title(run.app)} #{run.pk}",
            run=run,
            colour=_COLOURS[Run.Status(run.status)],
            guards=[GUARD_TITLES.get(name, name) for name in run.guards],
            target_url=_page_of(target_of_run(run)),
            prompt_id=_prompt_id(run),
            calls=ProviderCall.objects.filter(site=ctx.site, run=run).order_by("n"),
            findings=[{**one, "title": check_title(one["check"])} for one in run.findings],
            texts=_texts_of(run),
            evidence=_evidence_of(run, ctx),
            is_consolidation=run.app == CONSOLIDATION,
        )


def _is_id(text: str) -> bool:
    return text.isdecimal() and len(text) < 19


def _page_of(target: Target | None) -> str:
    """Where people read what was found about a target; empty: nowhere."""
    if target is None:
        return ""
    if target.range_key is not None:
        return finance_page(target)
    if target.member_id is not None:
        return reverse("admin:metrics_member_change", args=[target.member_id])
    return ""


def _prompt_id(run: Run) -> int | None:
    if run.prompt_version is None:
        return None
    asked = Prompt.objects.filter(app=run.app, version=run.prompt_version)
    return asked.values_list("pk", flat=True).first()


def _texts_of(run: Run) -> list[tuple[str, str]]:
    """What went in and came out, people as the AI knows them: by numbers."""
    return [
        (_("Inputs"), pretty(run.features) if run.features else ""),
        (_("Prompt"), run.prompt),
        (_("Answer"), run.response),
        (_("Result"), pretty(run.result) if run.result else ""),
    ]


def _evidence_of(run: Run, ctx: RuntimeContext) -> Evidence | None:
    """None: nothing that people read rests on it."""
    app, target = AI_APPS.get(run.app), target_of_run(run)
    if app is None or not app.cache_type or target is None or not run.references:
        return None
    return evidence_of(run.references, target=target, ctx=ctx)
