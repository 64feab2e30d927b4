"""Workbooks of what a page shows: numbers as numbers, names as nothing but text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What a spreadsheet program may take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WIDTH = 14


def workbook_response(
    *, name: str, sheets: dict[str, tuple[Sequence[Any], Iterable[Sequence[Any]]]]
) -> HttpResponse:
    """A download of sheets, by title: each a header and rows. None is an empty cell."""
    book = Workbook(write_only=True)
    for title, (header, rows) in sheets.items():
        sheet = book.create_sheet(str(title)[:31])
        sheet.freeze_panes = "A2"
        for place in range(1, len(header) + 1):
            sheet.column_dimensions[get_column_letter(place)].width = _WIDTH
        sheet.append([_heading(sheet, text) for text in header])
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
    written = BytesIO()
    book.save(written)
    response = HttpResponse(written.getvalue(), content_type=XLSX)
    response["Content-Disposition"] = content_disposition_header(True, f"{_file_name(name)}.xlsx")
    return response


def _heading(sheet: Any, text: Any) -> Any:
    cell = WriteOnlyCell(sheet, str(text))
    cell.font = Font(bold=True)
    return cell


def _cell(sheet: Any, value: Any) -> Any:
    if value is None or isinstance(value, int | Decimal | date):
        cell: Any = WriteOnlyCell(sheet, value)  # type: ignore[arg-type] # takes them all
        if isinstance(value, Decimal):
            cell.number_format = "0.00"
        return cell
    text = ILLEGAL_CHARACTERS_RE.sub("", str(value))
    cell = WriteOnlyCell(sheet, text)
    if text.startswith(_FORMULA):
        # A string whatever it looks like, and marked as one for whoever edits it.
        cell.data_type = "s"
        cell.quotePrefix = True
    return cell


def _file_name(name: str) -> str:
    """Without what a file system reads as something else."""
    return "".join("_" if char in '\\/:*?"<>|' or ord(char) < 32 else char for char in name)[:120]
