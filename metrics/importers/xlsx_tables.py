"""XLSX files: one sheet, streamed; what a cell holds as the text that a CSV file would hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, time
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from django.utils.translation import gettext as _
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ERROR_CODES
from openpyxl.utils import get_column_letter

from metrics.importers.errors import FileError, InvalidValue
from metrics.importers.kinds import Column
from metrics.importers.tables import Table
from metrics.importers.values import moment_or_day

# More than a sheet of a million full rows unpacks to. The shared texts are held in memory.
_MOST_UNPACKED = 4 << 30
_MOST_TEXTS = 256 << 20
# Spreadsheets pack to a tenth, very dull ones to a fiftieth.
_MOST_PACKED, _SMALL = 200, 64 << 20
_LAST_ROW = 1 << 20
# Excel keeps 15 digits of a number; the rest of a longer one is lost already.
_EXACT = 10**15
_CHUNK = 1 << 20
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell [^>]*ref="([A-Z0-9:]{1,20})"')
_FORMULA = re.compile(rb"<(?:\w+:)?f[ />]")


@contextmanager
def open_xlsx(path: Path, *, sheet: str = "") -> Iterator[Table]:
    """The first sheet of a workbook, or the one of that name; its first filled row is the header.

    Raises:
        FileError: no workbook, no such sheet, merged cells, a header with gaps, or absurdly large.
    """
    with path.open("rb") as stream:
        _guard(stream)
        with closing(_open(stream)) as book:
            found = _find_sheet(book, sheet)
            has_formulas = _inspect(stream, found)
            total = found.max_row or 0
            rows = _rows(found)
            if has_formulas:
                with path.open("rb") as again, closing(_open(again, values=False)) as formulas:
                    checked = _checked(rows, _rows(formulas[found.title]))
                    yield _table(found.title, checked, total)
            else:
                yield _table(found.title, rows, total)


def cell_text(value: Any, column: Column) -> str | InvalidValue:
    """What a cell holds, as text for its column; what cannot be told is for the row's report."""
    if value is None:
        return ""
    if isinstance(value, InvalidValue):
        return value
    if isinstance(value, str):
        return InvalidValue("cell_error", value=value) if value in ERROR_CODES else value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        # Excel computes in binary: 0.1 + 0.2 is shown, and meant, as 0.3.
        written = format(Decimal(format(value, ".15g")), "f")
        if column.sql_type == "text" and abs(value) >= _EXACT:
            return InvalidValue("digits_lost", value=written)
        return written
    if isinstance(value, datetime) and value.time() == time() and _takes_days(column):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _takes_days(column: Column) -> bool:
    return column.sql_type == "date" or column.parse is moment_or_day


# --- Opening -----------------------------------------------------------------------------------


def _guard(stream: BinaryIO) -> None:
    """Look at the directory of the archive before anything is unpacked.

    zipfile reads no more of a member than its entry says.
    """
    try:
        with ZipFile(stream) as archive:
            members = archive.infolist()
    except (BadZipFile, OSError) as error:
        raise _no_workbook() from error
    if sum(member.file_size for member in members) > _MOST_UNPACKED or any(map(_absurd, members)):
        raise FileError(_("The workbook unpacks to more than a workbook can need."))


def _absurd(member: ZipInfo) -> bool:
    if member.filename.endswith("sharedStrings.xml") and member.file_size > _MOST_TEXTS:
        return True
    return member.file_size > max(_SMALL, _MOST_PACKED * member.compress_size)


def _open(stream: BinaryIO, *, values: bool = True) -> Workbook:
    try:
        return load_workbook(stream, read_only=True, data_only=values, keep_links=False)
    except Exception as error:
        raise _no_workbook() from error


def _no_workbook() -> FileError:
    return FileError(
        _(
            "This is no XLSX workbook. Save it as .xlsx in the spreadsheet program; renaming is not enough."
        )
    )


def _find_sheet(book: Workbook, name: str) -> Any:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    found = sheets.get(name) if name else next(iter(sheets.values()), None)
    if found is None:
        names = ", ".join(title[:40] for title in list(sheets)[:20])
        text = _("There is no sheet “%(name)s”; the sheets are: %(names)s.")
        raise FileError(text % {"name": name[:40], "names": names})
    return found


def _inspect(stream: BinaryIO, sheet: Any) -> bool:
    """Whether the sheet holds formulas.

    Raises:
        FileError: cells are merged: all but the first of them would be read as empty.
    """
    has_formulas = False
    tail = b""
    try:
        with ZipFile(stream) as archive, archive.open(sheet._worksheet_path) as unpacked:
            while chunk := unpacked.read(_CHUNK):
                seen = tail + chunk
                has_formulas = has_formulas or _FORMULA.search(seen) is not None
                if merged := _MERGED.search(seen):
                    text = _("The cells %(cells)s are merged; every row needs its own values.")
                    raise FileError(text % {"cells": merged[1].decode()})
                tail = seen[-200:]
    except (BadZipFile, OSError, EOFError) as error:
        raise _no_workbook() from error
    return has_formulas


# --- Rows --------------------------------------------------------------------------------------


def _table(title: str, rows: Iterator[tuple[int, list[Any]]], total: int) -> Table:
    line, header = next(rows, (1, []))
    while header and header[-1] is None:
        header.pop()
    names = []
    for place, name in enumerate(header, start=1):
        if name is None or not str(name).strip():
            text = _("Cell %(cell)s is empty: the header names every column.")
            raise FileError(text % {"cell": f"{get_column_letter(place)}{line}"})
        names.append(str(name).strip())
    if not names:
        raise FileError(_("The sheet is empty."))
    return Table(names, _squared(rows, len(names)), total, f"XLSX · {title}", is_sheet=True)


def _squared(rows: Iterator[tuple[int, list[Any]]], width: int) -> Iterator[tuple[int, list[Any]]]:
    """Rows as wide as the header; a sheet's rows end with their last filled cell."""
    for line, row in rows:
        while len(row) > width and row[-1] is None:
            row.pop()
        yield line, row + [None] * (width - len(row))


def _rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Filled rows with their numbers."""
    # What the file says about its extent is often wrong.
    sheet.reset_dimensions()
    rows = enumerate(sheet.iter_rows(values_only=True), start=1)
    while True:
        try:
            line, row = next(rows)
        except StopIteration:
            return
        except Exception as error:
            raise _no_workbook() from error
        if line > _LAST_ROW:
            raise FileError(_("The sheet has more rows than a workbook can have."))
        if any(cell is not None for cell in row):
            yield line, list(row)


def _checked(
    rows: Iterator[tuple[int, list[Any]]], formulas: Iterator[tuple[int, list[Any]]]
) -> Iterator[tuple[int, list[Any]]]:
    """Rows in which a formula without a stored value is a mistake instead of an empty cell.

    A row of nothing but such formulas is empty among the values, hence the outer loop's pace.
    """
    line, row = next(rows, (0, []))
    for number, written in formulas:
        values = row if line == number else []
        yield (
            number,
            [
                _without_value(number, place)
                if value is None and isinstance(formula, str) and formula.startswith("=")
                else value
                for place, (value, formula) in enumerate(zip_longest(values, written), start=1)
            ],
        )
        if line == number:
            line, row = next(rows, (0, []))


def _without_value(line: int, place: int) -> InvalidValue:
    return InvalidValue("formula_without_value", value=f"{get_column_letter(place)}{line}")
