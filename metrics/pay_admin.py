"""Corrections of pay: upload, look, take in; the batches, and how one is undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.db.models import (
    Case,
    Count,
    DecimalField,
    Exists,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from unfold.decorators import display

from metrics.assistant_board import employed_assistants
from metrics.entries import (
    AdjustmentPreview,
    apply_adjustments,
    preview_adjustments,
    undo_adjustments,
)
from metrics.entries.pay import TITLES
from metrics.exports import workbook_response
from metrics.importers.kinds import ADJUSTMENTS
from metrics.models import AssistantVersion, SalaryAdjustment, SalaryAdjustmentBatch
from metrics.names import name_at
from metrics.templatetags.figures import UNKNOWN, yuan
from metrics.uploads import MB, TooLarge, on_disk, require_size
from sandbox.errors import BadRequest, Conflict, ZqyyError
from sandbox.site_admin import SiteModelAdmin, admin_page, context_of

# A batch of 5,000 rows is a fifth of a megabyte.
MOST_BYTES = 5 * MB
# What has been looked at waits so long to be taken in.
KEPT_SECONDS = 30 * 60
MOST_ERRORS = 100
PER_PAGE = 200
_GAINED = (SalaryAdjustment.Kind.REWARD, SalaryAdjustment.Kind.INCOME)
_COLOURS = {"in_force": "success", "undone": "danger", "undo": "info"}
_MONEY: DecimalField[Any, Any] = DecimalField(max_digits=14, decimal_places=2)


@dataclass(frozen=True)
class Mistake:
    """Something wrong in a file: where, in its own words, and why."""

    line: int
    column: str
    message: str


@admin.register(SalaryAdjustmentBatch)
class PayCorrectionAdmin(SiteModelAdmin):
    """The batches as they stood at D. A file that was looked at waits in the cache, under a key
    that only its user and store can make, until it is taken in.
    """

    list_display = ["number", "at", "who", "file", "rows", "net", "state"]
    list_display_links = ["number"]
    list_before_template = "metrics/pay_upload.html"
    ordering = ["-id"]
    actions = None
    nothing_yet = gettext_lazy("No pay corrections yet.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        batches: QuerySet[Any] = super().get_queryset(request)
        site = context_of(request).site
        rows = SalaryAdjustment.objects.filter(site=site, adjustment_batch=OuterRef("pk"))
        sums = rows.order_by().values("adjustment_batch")
        signed = Case(When(kind__in=_GAINED, then=F("amount")), default=-F("amount"))
        counted: QuerySet[Any] = batches.annotate(
            seen=Coalesce(Subquery(sums.annotate(n=Count("pk")).values("n")), 0),
            comes_to=Coalesce(
                Subquery(sums.annotate(total=Sum(signed)).values("total")),
                Value(0),
                output_field=_MONEY,
            ),
            is_undone=Exists(
                SalaryAdjustmentBatch.objects.filter(site=site, undo_of=OuterRef("pk"))
            ),
        ).select_related("batch__actor")
        return counted

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {"title": _("Pay corrections"), "may_correct": _may_correct(request)}
        page: HttpResponse = super().changelist_view(request, {**more, **(extra_context or {})})
        return page

    @admin.display(description=gettext_lazy("batch"), ordering="id")
    def number(self, batch: Any) -> str:
        return f"#{batch.pk}"

    @admin.display(description=gettext_lazy("when"), ordering="occurred_at")
    def at(self, batch: Any) -> Any:
        return batch.occurred_at

    @admin.display(description=gettext_lazy("who"))
    def who(self, batch: Any) -> str:
        actor = batch.batch.actor
        return (actor.get_full_name() or actor.get_username()) if actor else UNKNOWN

    @admin.display(description=gettext_lazy("file"))
    def file(self, batch: Any) -> str:
        return batch.file_name or UNKNOWN

    @admin.display(description=gettext_lazy("corrections"))
    def rows(self, batch: Any) -> str:
        later = to_come(batch)
        if not later:
            return str(batch.seen)
        return _("%(count)d, %(later)d of them still to come") % {
            "count": batch.seen + later,
            "later": later,
        }

    @admin.display(description=gettext_lazy("sum"))
    def net(self, batch: Any) -> str:
        return yuan(-batch.comes_to if batch.undo_of_id else batch.comes_to)

    @display(description=gettext_lazy("state"), label=_COLOURS)  # type: ignore[untyped-decorator]
    def state(self, batch: Any) -> tuple[str, str]:
        if batch.undo_of_id:
            return "undo", _("undoes #%(batch)d") % {"batch": batch.undo_of_id}
        return ("undone", _("undone")) if batch.is_undone else ("in_force", _("in force"))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("template/", wrap(self.template_view), name="metrics_pay_template"),
            path("upload/", wrap(require_POST(self.upload_view)), name="metrics_pay_upload"),
            path("apply/", wrap(require_POST(self.apply_view)), name="metrics_pay_apply"),
            path(
                "<int:batch_id>/undo/", wrap(require_POST(self.undo_view)), name="metrics_pay_undo"
            ),
            *super().get_urls(),
        ]

    # --- A file ----------------------------------------------------------------------------------

    def template_view(self, request: HttpRequest) -> HttpResponse:
        """An empty table to fill in, and beside it who is who and what the kinds are."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ctx = context_of(request)
        numbers = dict(
            AssistantVersion.objects.filter(
                site=ctx.site, assistant_id__in=employed_assistants(ctx=ctx)
            ).values_list("assistant_id", "assistant__external_id")
        )
        people = ((numbers[pk], name) for pk, name in employed_assistants(ctx=ctx).items())
        kinds = ((label,) for label in SalaryAdjustment.Kind.labels)
        return workbook_response(
            name=f"{_('Pay corrections')}_{ctx.site.name}",
            sheets={
                _("Pay corrections"): (list(TITLES.values()), []),
                _("Assistants"): ([_("Assistant number"), _("Name")], people),
                _("Kinds"): ([_("Kind")], kinds),
            },
        )

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Look at a file: every mistake with its line, or what each assistant would get."""
        self._require_correcting(request)
        try:
            seen = _look_at(request)
        except ZqyyError as error:
            return self._preview(
                request, status=_status_of(error), refused=error.message, file=_name_of(request)
            )
        if seen.errors:
            return self._preview(request, file=seen.file_name, **_mistakes(seen))
        token = uuid4().hex
        kept = {"rows": seen.rows, "file_name": seen.file_name, "file_hash": seen.file_hash}
        cache.set(_kept_key(request, token), kept, KEPT_SECONDS)
        names = dict(
            AssistantVersion.objects.filter(
                site=context_of(request).site,
                business_date__lte=context_of(request).business_date,
                valid_to__gt=context_of(request).business_date,
                assistant_id__in=[effect.assistant_id for effect in seen.effects],
            ).values_list("assistant_id", "name")
        )
        days = sorted(row["day"] for row in seen.rows)
        return self._preview(
            request,
            file=seen.file_name,
            token=token,
            count=len(seen.rows),
            first=days[0],
            last=days[-1],
            effects=[(names.get(one.assistant_id, ""), one) for one in seen.effects],
            net=sum(one.net for one in seen.effects),
        )

    def apply_view(self, request: HttpRequest) -> HttpResponse:
        """Take in what was looked at, once."""
        self._require_correcting(request)
        kept = cache.get(_kept_key(request, request.POST.get("token", "")))
        if kept is None:
            messages.error(request, _("This preview is too old; upload the file again."))
            return _to_list()
        try:
            batch = apply_adjustments(
                ctx=context_of(request), actor=cast(AbstractBaseUser, request.user), **kept
            )
        except ZqyyError as error:
            messages.error(request, str(error.message))
            return _to_list()
        text = ngettext(
            "%(count)d correction is taken in, as batch #%(batch)d.",
            "%(count)d corrections are taken in, as batch #%(batch)d.",
            len(kept["rows"]),
        )
        messages.success(request, text % {"count": len(kept["rows"]), "batch": batch.pk})
        return _to_list()

    # --- A batch ---------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return self._batch(request, self.get_viewable(request, unquote(object_id)))

    def undo_view(self, request: HttpRequest, batch_id: int) -> HttpResponse:
        """Void everything that a batch brought."""
        batch = self.get_viewable(request, str(batch_id))
        self._require_correcting(request)
        if not request.POST.get("sure"):
            return self._batch(request, batch, refused=_("Tick that you are sure."))
        try:
            undo_adjustments(
                ctx=context_of(request),
                batch_id=batch.pk,
                actor=cast(AbstractBaseUser, request.user),
            )
        except ZqyyError as error:
            return self._batch(request, batch, refused=error.message, status=error.status)
        messages.success(request, _("Batch #%(batch)d is undone.") % {"batch": batch.pk})
        return _to_list()

    def _batch(
        self, request: HttpRequest, batch: Any, *, status: int = 200, **more: Any
    ) -> TemplateResponse:
        ctx = context_of(request)
        voids = SalaryAdjustment.objects.filter(site=ctx.site, void_of=OuterRef("pk"))
        rows = SalaryAdjustment.objects.filter(site=ctx.site, adjustment_batch=batch).annotate(
            is_voided=Exists(voids),
            assistant_called=name_at(AssistantVersion, "assistant", ctx.business_date),
        )
        return admin_page(
            request,
            "metrics/pay_batch.html",
            status=status,
            address=reverse("admin:metrics_salaryadjustmentbatch_change", args=[batch.pk]),
            opts=self.opts,
            title=_("Pay corrections #%(batch)d") % {"batch": batch.pk},
            original=f"#{batch.pk}",
            batch=batch,
            who=self.who(batch),
            net=self.net(batch),
            later=to_come(batch),
            page=Paginator(rows.order_by("business_date", "pk"), PER_PAGE).get_page(
                request.GET.get("p")
            ),
            may_undo=_may_correct(request) and not (batch.is_undone or batch.undo_of_id),
            **more,
        )

    def _preview(self, request: HttpRequest, *, status: int = 200, **page: Any) -> TemplateResponse:
        return admin_page(
            request,
            "metrics/pay_preview.html",
            status=status,
            address=reverse("admin:metrics_salaryadjustmentbatch_changelist"),
            opts=self.opts,
            title=_("Pay corrections"),
            may_correct=_may_correct(request),
            **page,
        )

    def _require_correcting(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request) or not _may_correct(request):
            raise PermissionDenied


def to_come(batch: Any) -> int:
    """Rows that take effect after D: counted when the batch came, not to be seen yet."""
    came = int(batch.batch.counts.get(ADJUSTMENTS.name, 0))
    return max(0, came - int(batch.seen))


def _may_correct(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("metrics.add_salaryadjustmentbatch"))


def _look_at(request: HttpRequest) -> AdjustmentPreview:
    """The uploaded file, read and tried.

    Raises:
        TooLarge: before anything of it is read. BadRequest: none, or it cannot be read.
        Conflict: the context is in the past, or the same has been taken in.
    """
    ctx = context_of(request)
    ctx.require_live()
    sent = request.FILES.get("file")
    if not isinstance(sent, UploadedFile):
        raise BadRequest(_("Choose a file."))
    require_size(sent.size or 0, most=MOST_BYTES)
    name = sent.name or ""
    with on_disk(name, sent.chunks()) as copy:
        return preview_adjustments(ctx=ctx, path=copy, file_name=name[:200])


def _mistakes(seen: AdjustmentPreview) -> dict[str, Any]:
    found = [
        Mistake(seen.lines[error.index], str(TITLES.get(error.column, error.column)), error.message)
        for error in seen.errors
    ]
    found.sort(key=lambda one: one.line)
    return {"mistakes": found[:MOST_ERRORS], "mistakes_total": len(found)}


def _name_of(request: HttpRequest) -> str:
    sent = request.FILES.get("file")
    return (sent.name or "")[:200] if isinstance(sent, UploadedFile) else ""


def _status_of(error: ZqyyError) -> int:
    """Refused input is a form to fill in again; the past and a second time are conflicts."""
    return error.status if isinstance(error, Conflict | TooLarge) else 200


def _kept_key(request: HttpRequest, token: str) -> str:
    return f"pay:{context_of(request).site.pk}:{request.user.pk}:{token[:32]}"


def _to_list() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:metrics_salaryadjustmentbatch_changelist"))
