"""Tasks at D: whose, how they stand, whether the guest came back; recalls that are proposed."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import F, OrderBy, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from unfold.decorators import display

from metrics.assistant_board import employed_assistants
from metrics.entries import cancel_task, complete_task, record_recalls
from metrics.entries.tasks import recalls_left
from metrics.models import CoachTask, CoachTaskEvent
from metrics.recalls import recall_candidates
from metrics.task_board import STATES, concerning, in_state, is_late, return_of, task_board
from metrics.templatetags.figures import UNKNOWN
from sandbox.errors import Conflict, ZqyyError
from sandbox.site_admin import SiteModelAdmin, admin_page, context_of

_COLOURS = {"overdue": "danger", "done": "success", "open": "info", "cancelled": ""}
_OUTCOMES = dict(CoachTaskEvent.Outcome.choices)


class ChipFilter(admin.SimpleListFilter):
    """Without a choice in the address the first one holds."""

    def chosen(self) -> str:
        return str(self.value() or self.lookup_choices[0][0])

    def choices(self, changelist: Any) -> Any:
        for value, title in self.lookup_choices:
            yield {
                "selected": value == self.chosen(),
                "query_string": changelist.get_query_string({self.parameter_name: value}, ["p"]),
                "display": title,
            }


class StateFilter(ChipFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*STATES.items(), ("all", gettext_lazy("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return in_state(queryset, self.chosen(), day=context_of(request).business_date)


class MineFilter(ChipFilter):
    title = gettext_lazy("whose")
    parameter_name = "mine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("0", gettext_lazy("Everybody's")), ("1", gettext_lazy("Mine"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.chosen() != "1":
            return queryset
        return concerning(queryset, request.user, ctx=context_of(request))


@admin.register(CoachTask)
class CoachTaskAdmin(SiteModelAdmin):
    """The board of tasks; a page for each, where it is completed or called off."""

    list_display = ["what", "whom", "by", "due", "state_shown", "came_of_it", "back"]
    list_filter = [StateFilter, MineFilter]
    # Shown as chips above the list, not in Unfold's sheet.
    list_filter_sheet = True
    change_list_template = "metrics/tasks.html"
    list_before_template = "metrics/task_head.html"
    actions = None

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        # By what is, or was last, due: tasks that somebody left behind years ago come last.
        return [OrderBy(F("due_on"), descending=True, nulls_last=True), "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return task_board(ctx=context_of(request))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        ctx = context_of(request)
        assistants = employed_assistants(ctx=ctx)
        page: HttpResponse = super().changelist_view(
            request,
            {
                "title": _("Tasks"),
                "candidates": recall_candidates(ctx, recalls_left(ctx=ctx), assistants=assistants),
                "assistants": assistants,
                "may_assign": _may_assign(request),
                **(extra_context or {}),
            },
        )
        return page

    @admin.display(description=gettext_lazy("task"))
    def what(self, task: Any) -> str:
        return str(task.get_kind_display())

    @admin.display(description=gettext_lazy("member"))
    def whom(self, task: Any) -> str:
        return task.member_called or UNKNOWN

    @admin.display(description=gettext_lazy("assistant"))
    def by(self, task: Any) -> str:
        return task.assistant_called or UNKNOWN

    @admin.display(description=gettext_lazy("due"), ordering=F("due_on"))
    def due(self, task: Any) -> str:
        return task.due_on.isoformat() if task.due_on else UNKNOWN

    @display(description=gettext_lazy("state"), label=_COLOURS)  # type: ignore[untyped-decorator]
    def state_shown(self, task: Any) -> tuple[str, str]:
        return task.state, str(_("completed late") if is_late(task) else STATES[task.state])

    @admin.display(description=gettext_lazy("outcome"))
    def came_of_it(self, task: Any) -> str:
        return str(_OUTCOMES.get(task.outcome, task.outcome)) or UNKNOWN

    @admin.display(description=gettext_lazy("guest back"))
    def back(self, task: Any) -> str:
        return return_of(task) or UNKNOWN

    # --- A task's page, and what is done there ---------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        one = "<int:task_id>"
        return [
            path("recalls/", wrap(require_POST(self.recalls_view)), name="metrics_recalls"),
            *(
                path(
                    f"{one}/{deed}/",
                    wrap(require_POST(self.close_view)),
                    {"deed": deed},
                    name=f"metrics_{deed}_task",
                )
                for deed in ("complete", "cancel")
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
        return self._page(request, self.get_viewable(request, unquote(object_id)))

    def close_view(self, request: HttpRequest, task_id: int, deed: str) -> HttpResponse:
        """Complete a task with its outcome, or call it off; what is refused says why."""
        task = self.get_viewable(request, str(task_id))
        if not request.user.has_perm("metrics.add_coachtaskevent"):
            raise PermissionDenied
        outcome, note = request.POST.get("outcome", ""), request.POST.get("note", "").strip()
        given: dict[str, Any] = {"task_id": task.pk, "note": note, "actor": request.user}
        try:
            if deed == "complete":
                if outcome not in _OUTCOMES:
                    return self._refused(request, task, _("Choose what came of it."))
                complete_task(ctx=context_of(request), outcome=outcome, **given)
            else:
                cancel_task(ctx=context_of(request), **given)
        except ZqyyError as error:
            reasons = [text for texts in error.fields.values() for text in texts]
            reason = " ".join(reasons) or str(error.message)
            status = error.status if isinstance(error, Conflict) else 200
            return self._refused(request, task, reason, status=status)
        done = _("The task is completed.") if deed == "complete" else _("The task is called off.")
        messages.success(request, done)
        return HttpResponseRedirect(reverse("admin:metrics_coachtask_change", args=[task.pk]))

    def recalls_view(self, request: HttpRequest) -> HttpResponse:
        """Give the proposed recalls that were ticked, all or none."""
        if not self.has_view_permission(request) or not _may_assign(request):
            raise PermissionDenied
        try:
            given = record_recalls(
                ctx=context_of(request),
                assistants=_chosen(request),
                actor=cast(AbstractBaseUser, request.user),
            )
        except ZqyyError as error:
            messages.error(request, str(error.message))
        else:
            text = ngettext(
                "%(count)d recall is assigned.", "%(count)d recalls are assigned.", given
            )
            messages.success(request, text % {"count": given})
        return HttpResponseRedirect(reverse("admin:metrics_coachtask_changelist"))

    def _refused(
        self, request: HttpRequest, task: Any, reason: str, *, status: int = 200
    ) -> HttpResponse:
        form = {name: request.POST.get(name, "") for name in ("outcome", "note")}
        return self._page(request, task, status=status, refused=reason, form=form)

    def _page(
        self, request: HttpRequest, task: Any, *, status: int = 200, **more: Any
    ) -> TemplateResponse:
        ctx = context_of(request)
        title = f"{task.get_kind_display()} {task.member_called or ''}"
        return admin_page(
            request,
            "metrics/task.html",
            status=status,
            address=reverse("admin:metrics_coachtask_change", args=[task.pk]),
            opts=self.opts,
            original=title,
            title=title,
            task=task,
            back=return_of(task),
            outcome=_OUTCOMES.get(task.outcome, task.outcome),
            outcomes=CoachTaskEvent.Outcome.choices,
            events=CoachTaskEvent.objects.filter(
                site=ctx.site, task=task, business_date__lte=ctx.business_date
            ).order_by("business_date", "occurred_at", "pk"),
            may_close=request.user.has_perm("metrics.add_coachtaskevent"),
            **more,
        )


def _may_assign(request: HttpRequest) -> bool:
    return request.user.has_perm("metrics.add_coachtask")


def _chosen(request: HttpRequest) -> dict[int, int | None]:
    """By ticked member, who should call; None where nobody was chosen."""
    chosen: dict[int, int | None] = {}
    for member in request.POST.getlist("member"):
        who = request.POST.get(f"assistant-{member}", "")
        if member.isdecimal():
            chosen[int(member)] = int(who) if who.isdecimal() else None
    return chosen
