"""Assistants: the list at D, and a page each with the month's pay day by day."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from metrics.assistant_board import AssistantFigures, assistant_board
from metrics.assistant_page import (
    COLUMNS,
    MOST_CUSTOMERS,
    PaySheet,
    corrections_of,
    customers_of,
    months_of,
    ordered_board,
    pay_sheet,
    services_of,
    tasks_of,
)
from metrics.calculations.month_pay import KINDS
from metrics.catalog import METRICS
from metrics.exports import workbook_response
from metrics.member_page import Shown
from metrics.models import Assistant, SalaryAdjustment
from metrics.task_board import return_of
from sandbox.context import RuntimeContext
from sandbox.site_admin import SiteModelAdmin, admin_page, context_of

PER_PAGE = 50
# Headings shorter than the catalog's titles.
_HEADINGS = {
    "assistant_level": gettext_lazy("Level"),
    "assistant_stars": gettext_lazy("Stars"),
    "month_hours": gettext_lazy("Month hours"),
    "month_billed": gettext_lazy("Month billing"),
    "customers_served": gettext_lazy("Customers"),
    "task_completion_rate": gettext_lazy("Tasks in time"),
    "month_salary": gettext_lazy("Month pay"),
}
ITEMS = {
    "hour_tier": gettext_lazy("Hour tier"),
    "recharge_commission": gettext_lazy("Recharge commission"),
    "guarantee": gettext_lazy("Guarantee"),
}
_PAY_COLUMNS = (
    gettext_lazy("Business date"),
    gettext_lazy("Level"),
    gettext_lazy("Hours"),
    gettext_lazy("Billed"),
    gettext_lazy("Base pay"),
    gettext_lazy("Commission"),
    *(SalaryAdjustment.Kind(kind).label for kind in KINDS),
    gettext_lazy("Day total"),
    gettext_lazy("Month so far"),
)
_UNITS = {metric.key: metric.unit for metric in METRICS}


@admin.register(Assistant)
class AssistantAdmin(SiteModelAdmin):
    """All at once, as the board computes them: a store has tens of assistants."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        one = "<int:assistant_id>"
        return [
            path("export/", wrap(self.export_list), name="metrics_assistant_export"),
            path(f"{one}/export/", wrap(self.export_pay), name="metrics_assistant_pay"),
            path(f"{one}/day/<str:day>/", wrap(self.day_view), name="metrics_assistant_day"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        order, board = self._board(request)
        page = Paginator(board, PER_PAGE).get_page(request.GET.get("p"))
        return admin_page(
            request,
            "metrics/assistants.html",
            opts=self.opts,
            title=_("Assistants"),
            order=order,
            headings=[_heading("name", _("Name"), order)]
            + [_heading(key, _HEADINGS[key], order) for key in COLUMNS],
            page=page,
            rows=[(one, [(one.metrics[key], _UNITS[key]) for key in COLUMNS[2:]]) for one in page],
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        assistant = self.get_viewable(request, unquote(object_id))
        ctx = context_of(request)
        figures = _figures_of(assistant, request)
        month = _month_in(request)
        sheet = pay_sheet(assistant_id=assistant.pk, month=month, ctx=ctx)
        customers, total = customers_of(assistant_id=assistant.pk, ctx=ctx)
        tasks = tasks_of(assistant_id=assistant.pk, month=month, ctx=ctx)
        return admin_page(
            request,
            "metrics/assistant.html",
            opts=self.opts,
            title=figures.name or figures.external_id,
            original=figures.name or figures.external_id,
            one=figures,
            metrics=_shown(figures, ctx),
            sheet=sheet,
            items=_items(sheet),
            months=months_of(since=assistant.business_date, ctx=ctx),
            corrections=corrections_of(assistant_id=assistant.pk, month=month, ctx=ctx),
            customers=customers,
            customers_total=total,
            most_customers=MOST_CUSTOMERS,
            tasks=[(task, return_of(task)) for task in tasks],
        )

    def day_view(self, request: HttpRequest, assistant_id: int, day: str) -> HttpResponse:
        """What a day's pay is made of: service lines with their bills, and corrections."""
        assistant = self.get_viewable(request, str(assistant_id))
        ctx = context_of(request)
        try:
            asked = date.fromisoformat(day)
        except ValueError as error:
            raise Http404 from error
        if asked > ctx.business_date:
            raise Http404
        figures = _figures_of(assistant, request)
        sheet = pay_sheet(assistant_id=assistant.pk, month=asked, ctx=ctx)
        return admin_page(
            request,
            "metrics/assistant_day.html",
            opts=self.opts,
            title=f"{figures.name or figures.external_id} {asked}",
            original=figures.name or figures.external_id,
            one=figures,
            day=asked,
            pay=next((line.pay for line in sheet.lines if line.pay.day == asked), None),
            lines=services_of(assistant_id=assistant.pk, day=asked, ctx=ctx),
            corrections=[
                one
                for one in corrections_of(assistant_id=assistant.pk, month=asked, ctx=ctx)
                if one.business_date == asked
            ],
        )

    # --- Downloads -------------------------------------------------------------------------------

    def export_list(self, request: HttpRequest) -> HttpResponse:
        """The list in the order on the screen."""
        ctx = context_of(request)
        _order, board = self._board(request)
        header = [_("Number"), _("Name"), _("Employed"), *(_HEADINGS[key] for key in COLUMNS)]
        rows = (
            [
                one.external_id,
                one.name,
                _("yes") if one.is_employed else _("has left"),
                *(one.metrics[key] for key in COLUMNS),
            ]
            for one in board
        )
        return workbook_response(
            name=f"{_('Assistants')}_{ctx.site.name}_{ctx.business_date}",
            sheets={_("Assistants"): (header, rows)},
        )

    def export_pay(self, request: HttpRequest, assistant_id: int) -> HttpResponse:
        """A month's pay: its days, then what the month itself pays, and the corrections."""
        assistant = self.get_viewable(request, str(assistant_id))
        ctx, figures = context_of(request), _figures_of(assistant, request)
        month = _month_in(request)
        sheet = pay_sheet(assistant_id=assistant.pk, month=month, ctx=ctx)
        kinds = dict(SalaryAdjustment.Kind.choices)
        corrections = corrections_of(assistant_id=assistant.pk, month=month, ctx=ctx)
        width = len(_PAY_COLUMNS) - 2
        days = [
            [
                line.pay.day,
                line.pay.level,
                line.pay.hours,
                line.pay.ledger,
                line.pay.base_pay,
                line.pay.commission,
                *(getattr(line.pay, kind) for kind in KINDS),
                line.pay.total,
                line.so_far,
            ]
            for line in sheet.lines
        ]
        month_level = [[title, *[None] * (width - 1), value] for title, value in _items(sheet)]
        ending = [[_("Month pay"), *[None] * (width - 1), sheet.total]]
        header = [_("Effective date"), _("Kind"), _("Amount"), _("Reason"), _("In force")]
        entries = [
            [
                one.business_date,
                kinds[one.kind],
                one.amount,
                one.reason,
                pgettext("pay", "voided") if one.is_voided else _("yes"),  # type: ignore[attr-defined]
            ]
            for one in corrections
        ]
        who = figures.name or figures.external_id
        return workbook_response(
            name=f"{_('Pay')}_{ctx.site.name}_{who}_{month:%Y-%m}_{ctx.business_date}",
            sheets={
                _("Pay"): (_PAY_COLUMNS, [*days, *month_level, *ending]),
                _("Corrections"): (header, entries),
            },
        )

    # --- Parts -----------------------------------------------------------------------------------

    def _board(self, request: HttpRequest) -> tuple[str, list[AssistantFigures]]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return ordered_board(order=request.GET.get("o", ""), ctx=context_of(request))


def _heading(key: str, title: Any, order: str) -> dict[str, Any]:
    """A column's title; what a click orders by; which way it is ordered now."""
    is_down = order == f"-{key}"
    return {
        "title": title,
        "order": key if is_down or (key == "name" and order != key) else f"-{key}",
        "sorted": "descending" if is_down else "ascending" if order == key else "",
        "is_figure": key not in ("name", "assistant_level"),
    }


def _figures_of(assistant: Assistant, request: HttpRequest) -> AssistantFigures:
    board = assistant_board(ctx=context_of(request))
    return next(one for one in board if one.assistant_id == assistant.pk)


def _shown(figures: AssistantFigures, ctx: RuntimeContext) -> list[Shown]:
    """The catalog's metrics that are one figure each."""
    return [
        Shown(
            metric.title,
            figures.metrics[metric.key],
            metric.unit,
            address=_rows_behind(metric.key, figures.assistant_id, ctx),
        )
        for metric in METRICS
        if metric.entity == "assistant" and metric.unit != "kpi"
    ]


def _rows_behind(key: str, assistant_id: int, ctx: RuntimeContext) -> str:
    """Where the rows of a metric are; empty: level and stars are a word and a rank."""
    if key == "customers_served":
        return f"{reverse('admin:metrics_member_changelist')}?served_by={assistant_id}"
    if key == "daily_salary":
        day = ctx.business_date.isoformat()
        return reverse("admin:metrics_assistant_day", args=[assistant_id, day])
    part = "tasks" if key == "task_completion_rate" else "pay" if key.startswith("month_") else ""
    # Without a month in the address: D's, which the metrics are about.
    page = reverse("admin:metrics_assistant_change", args=[assistant_id])
    return f"{page}#{part}" if part else ""


def _items(sheet: PaySheet) -> list[tuple[Any, Any]]:
    return [(ITEMS[name], amount) for name, amount in (sheet.items or {}).items()]


def _month_in(request: HttpRequest) -> date:
    """The month asked for, by its first day; D's when none is. Http404: none that has begun."""
    today = context_of(request).business_date
    asked = request.GET.get("month", "")
    try:
        month = date.fromisoformat(f"{asked}-01") if asked else today.replace(day=1)
    except ValueError as error:
        raise Http404 from error
    if month > today:
        raise Http404
    return month
