"""A list of members as a workbook: numbers as numbers, texts as texts, phones masked."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from metrics.masking import mask_phone
from metrics.models import Member
from metrics.templatetags.figures import figure

MOST_ROWS = 10_000
_CHUNK = 2_000
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_COLUMNS: list[tuple[Promise | str, Callable[[Any], Any]]] = [
    (_("name"), lambda member: member.name or member.external_id),
    (_("Number"), lambda member: member.external_id),
    (_("phone"), lambda member: mask_phone(member.phone)),
    (_("last visit"), lambda member: member.last_visit),
    (_("days away"), lambda member: member.last_visit_days),
    (_("overdue ratio"), lambda member: member.overdue_ratio),
    (
        _("stage"),
        lambda member: figure(member.lifecycle_stage, "code") if member.lifecycle_stage else None,
    ),
    (_("visits"), lambda member: member.visits),
    (_("bills"), lambda member: member.total_transactions),
    (_("card balance"), lambda member: member.card_balance),
    (_("spent in 60 days"), lambda member: member.consumption_60d),
    (_("spent in all"), lambda member: member.total_consumption),
]


def write_members(members: QuerySet[Member]) -> tuple[bytes, int]:
    """The first MOST_ROWS members of a board as XLSX, and how many these are."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(str(Member._meta.verbose_name_plural)[:31])
    sheet.freeze_panes = "B2"
    sheet.append([str(title) for title, _read in _COLUMNS])
    count = 0
    for member in members[:MOST_ROWS].iterator(_CHUNK):
        sheet.append([_cell(sheet, read(member)) for _title, read in _COLUMNS])
        count += 1
    written = BytesIO()
    book.save(written)
    return written.getvalue(), count


def _cell(sheet: Any, value: Any) -> Any:
    """A text stays one, also for who saves the workbook as CSV and opens that."""
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value=f"'{value}" if value.startswith(_FORMULA) else value)
    cell.data_type = "s"
    return cell
