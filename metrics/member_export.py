"""A list of members as a workbook: numbers as numbers, texts as texts, phones masked."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from metrics.boards import Board
from metrics.masking import mask_phone
from metrics.models import Member
from metrics.templatetags.figures import figure

MOST_ROWS = 10_000
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
COLUMNS: dict[str, Promise | str] = {
    "name": pgettext_lazy("person", "name"),
    "external_id": _("Number"),
    "phone": _("phone"),
    "last_visit": _("last visit"),
    "last_visit_days": _("days away"),
    "visit_interval_median": _("usual days between visits"),
    "overdue_ratio": _("overdue ratio"),
    "lifecycle_stage": _("stage"),
    "stickiness": _("stickiness"),
    "visits": _("visits"),
    "total_transactions": pgettext_lazy("how many", "bills"),
    "card_balance": _("card balance"),
    "card_principal": _("principal left"),
    "card_gift": _("gift left"),
    "consumption_60d": _("spent in 60 days"),
    "total_consumption": _("spent in all"),
}
# How some are written; an unknown value is an empty cell.
_WRITTEN: dict[str, Callable[[str], str]] = {
    "phone": mask_phone,
    "lifecycle_stage": lambda stage: figure(stage, "code"),
}


def write_members(members: Board) -> tuple[bytes, int]:
    """The first MOST_ROWS members of a board as XLSX, and how many these are."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(str(Member._meta.verbose_name_plural)[:31])
    sheet.freeze_panes = "B2"
    sheet.append([str(title) for title in COLUMNS.values()])
    rows = list(members.joined().values(*COLUMNS)[:MOST_ROWS])
    for row in rows:
        row["name"] = row["name"] or row["external_id"]
        for column, write in _WRITTEN.items():
            row[column] = write(row[column]) if row[column] else None
        sheet.append([_cell(sheet, row[column]) for column in COLUMNS])
    written = BytesIO()
    book.save(written)
    return written.getvalue(), len(rows)


def _cell(sheet: Any, value: Any) -> Any:
    """A text stays one, also for who saves the workbook as CSV and opens that."""
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value=f"'{value}" if value.startswith(_FORMULA) else value)
    cell.data_type = "s"
    return cell
