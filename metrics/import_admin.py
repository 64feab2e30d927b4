"""Files of facts: uploaded, looked at, taken in by a worker; what was imported by whom."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display

from metrics.exports import workbook_response
from metrics.import_jobs import open_import, standing_of, start_import
from metrics.importers.kinds import ADJUSTMENTS, KINDS, Column, find_kind
from metrics.importers.kinds.words import KIND_TITLES, titles_of, word_of
from metrics.models import FileImport
from metrics.templatetags.figures import UNKNOWN
from sandbox.errors import BadRequest, Conflict, NotFound, ZqyyError
from sandbox.options import option
from sandbox.site_admin import SiteModelAdmin, admin_page, context_of

State = FileImport.State
_COLOURS = {
    State.LOOKING: "info",
    State.READY: "warning",
    State.IMPORTING: "info",
    State.DONE: "success",
    State.REFUSED: "danger",
    State.FAILED: "danger",
}
# The lists that show what a kind brought.
_LISTS = {
    "members": "admin:metrics_member_changelist",
    "assistants": "admin:metrics_assistant_changelist",
    "settlements": "admin:metrics_settlement_changelist",
    "card_entries": "admin:metrics_cardentry_changelist",
    "tasks": "admin:metrics_coachtask_changelist",
    "contacts": "admin:metrics_contact_changelist",
}


@admin.register(FileImport)
class FileImportAdmin(SiteModelAdmin):
    """What was imported up to D, and the way in. Only who may import sees what a file says."""

    list_display = [
        *("number", "what", "file_name", "rows"),
        *("standing", "in_batch", "uploaded_at", "who"),
    ]
    list_display_links = ["number"]
    list_before_template = "metrics/import_upload.html"
    ordering = ["-id"]
    actions = None
    nothing_yet = gettext_lazy("No imports yet.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        imports: QuerySet[Any] = super().get_queryset(request)
        light: QuerySet[Any] = (
            imports.defer("content", "rejects", "preview")
            .annotate(
                has_rejects=ExpressionWrapper(Q(rejects__isnull=False), output_field=BooleanField())
            )
            .select_related("site", "actor", "batch")
        )
        return light

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {"title": _("File imports"), **_form(request), **(extra_context or {})}
        page: HttpResponse = super().changelist_view(request, more)
        return page

    @admin.display(description=gettext_lazy("import"), ordering="id")
    def number(self, item: FileImport) -> str:
        return f"#{item.pk}"

    @admin.display(description=gettext_lazy("who"))
    def who(self, item: FileImport) -> str:
        actor = item.actor
        return (actor.get_full_name() or actor.get_username()) if actor else UNKNOWN

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def what(self, item: FileImport) -> str:
        return str(KIND_TITLES[item.kind])

    @admin.display(description=gettext_lazy("rows"))
    def rows(self, item: FileImport) -> str:
        if item.result is None:
            return UNKNOWN
        return str(_("%(accepted)d new of %(rows)d") % item.result)

    @display(description=gettext_lazy("state"), label=_COLOURS)  # type: ignore[untyped-decorator]
    def standing(self, item: FileImport) -> tuple[str, str]:
        return item.state, str(State(item.state).label)

    @admin.display(description=gettext_lazy("batch"))
    def in_batch(self, item: FileImport) -> str:
        return f"#{item.batch.number}" if item.batch else UNKNOWN

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path(
                "template/<slug:kind>/",
                wrap(require_GET(self.template_view)),
                name="metrics_import_template",
            ),
            path("upload/", wrap(require_POST(self.upload_view)), name="metrics_import_upload"),
            path(
                "<int:import_id>/start/",
                wrap(require_POST(self.start_view)),
                name="metrics_import_start",
            ),
            path(
                "<int:import_id>/rejects/",
                wrap(require_GET(self.rejects_view)),
                name="metrics_import_rejects",
            ),
            *super().get_urls(),
        ]

    def template_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """A workbook to fill in: the columns with an example, and what each of them is."""
        self._require_importing(request)
        if kind not in _kinds():
            raise Http404
        chosen = find_kind(kind)
        words = {column: word_of(chosen, column.name) for column in chosen.columns}
        template = _("import template")
        explained = (
            (word.title, column.name, _presence(column), word.example)
            for column, word in words.items()
        )
        headings = [_("Column"), _("name"), _("Filled in"), _("Example")]
        return workbook_response(
            name=f"{KIND_TITLES[kind]}_{template}",
            sheets={
                str(KIND_TITLES[kind]): (
                    [word.title for word in words.values()],
                    [[_example(column, word.example) for column, word in words.items()]],
                ),
                _("Columns"): (headings, explained),
            },
        )

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Keep a file and have it looked at; its page follows."""
        self._require_importing(request)
        sent = request.FILES.get("file")
        try:
            if not isinstance(sent, UploadedFile):
                raise BadRequest(_("Choose a file."))
            item = open_import(
                ctx=context_of(request),
                kind=request.POST.get("kind", ""),
                file=sent,
                create_members=bool(request.POST.get("create_members")),
                actor_id=request.user.pk,
            )
        except ZqyyError as error:
            status = error.status if isinstance(error, Conflict) or error.status == 413 else 200
            return admin_page(
                request,
                "metrics/import_again.html",
                status=status,
                address=reverse("admin:metrics_fileimport_changelist"),
                opts=self.opts,
                title=_("File imports"),
                refused=error.message,
                **_form(request),
            )
        return _to_page(item.pk)

    def start_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """Have a file taken in that was looked at."""
        self._require_importing(request)
        try:
            start_import(
                ctx=context_of(request),
                import_id=import_id,
                skip_bad=bool(request.POST.get("skip_bad")),
                actor_id=request.user.pk,
            )
        except NotFound as error:
            raise Http404 from error
        except ZqyyError as error:
            item = self.get_viewable(request, str(import_id))
            return self._show(request, item, status=error.status, problem=error.message)
        return _to_page(import_id)

    def rejects_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """The rows that were, or would be, left out, with line, column and reason."""
        self._require_importing(request)
        item = self.get_viewable(request, str(import_id))
        if item.rejects is None:
            raise Http404
        response = HttpResponse(bytes(item.rejects), content_type="text/csv; charset=utf-8")
        name = f"{Path(item.file_name).stem}.rejects.csv"
        response["Content-Disposition"] = content_disposition_header(True, name)
        return response

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return self._show(request, self.get_viewable(request, unquote(object_id)))

    def _show(
        self, request: HttpRequest, item: Any, *, status: int = 200, **more: Any
    ) -> TemplateResponse:
        may_see = _may_import(request)
        return admin_page(
            request,
            "metrics/import.html",
            status=status,
            address=reverse("admin:metrics_fileimport_change", args=[item.pk]),
            opts=self.opts,
            title=_("Import #%(number)d") % {"number": item.pk},
            original=f"#{item.pk}",
            item=item,
            who=self.who(item),
            what=self.what(item),
            state=State(item.state).label,
            standing=standing_of(item),
            seen=_seen(item) if item.state == State.READY and may_see else None,
            brought=_LISTS.get(item.kind),
            **_form(request) | {"chosen": item.kind},
            **more,
        )

    def _require_importing(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request) or not _may_import(request):
            raise PermissionDenied


def _may_import(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("metrics.add_fileimport"))


def _kinds() -> dict[str, str]:
    """What is imported here; corrections of pay have their own page."""
    return {name: str(KIND_TITLES[name]) for name in KINDS if name != ADJUSTMENTS.name}


def _form(request: HttpRequest) -> dict[str, Any]:
    """What templates/metrics/import_form.html needs."""
    return {
        "may_import": _may_import(request),
        "kinds": _kinds(),
        "chosen": request.POST.get("kind", "settlements"),
        "most_mb": option("import_max_mb", context_of(request).site),
    }


def _seen(item: FileImport) -> dict[str, Any]:
    """A preview in the words of the screen."""
    preview, kind = item.preview or {}, find_kind(item.kind)
    titles = titles_of(kind)
    columns = [(written, titles[name], name) for written, name in preview["columns"]]
    present = {name for _written, name in preview["columns"]}
    return {
        **preview,
        "good": preview["accepted"] + preview["unchanged"],
        "columns": columns,
        "absent": _(", ").join(title for name, title in titles.items() if name not in present),
        "errors": _in_words(preview["errors"], titles),
        "warnings": _in_words(preview["warnings"], titles),
    }


def _in_words(errors: list[dict[str, Any]], titles: dict[str, str]) -> list[dict[str, Any]]:
    return [{**one, "column": titles.get(one["column"], one["column"])} for one in errors]


def _presence(column: Column) -> str:
    if column.required:
        return _("in every row")
    return _("may be empty") if column.presence == "header" else _("optional column")


def _example(column: Column, written: str) -> Decimal | str:
    is_number = column.sql_type.startswith(("numeric", "smallint", "integer"))
    return Decimal(written) if written and is_number else written


def _to_page(import_id: int) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:metrics_fileimport_change", args=[import_id]))
