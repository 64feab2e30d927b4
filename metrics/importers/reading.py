"""A file's rows, whatever kind of file it is and whatever it calls its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from metrics.importers.csv_tables import open_csv
from metrics.importers.errors import ErrorList, FileError, describe
from metrics.importers.kinds import KINDS, Kind
from metrics.importers.kinds.words import KIND_TITLES, columns_by_writing, titles_of
from metrics.importers.tables import Table
from metrics.importers.xlsx_tables import cell_text, open_xlsx

# Called with rows read so far and lines of the file in all.
Progress = Callable[[int, int], None]
Rows = Iterator[tuple[int, list[Any]]]

_PROGRESS_EVERY = 1000


def open_table(path: Path, sheet: str = "") -> AbstractContextManager[Table]:
    """The file by what its name says it is.

    Raises:
        FileError: it cannot be read; rows raise it as well.
    """
    if path.suffix.lower() == ".xlsx":
        return open_xlsx(path, sheet=sheet)
    if path.suffix.lower() in (".xls", ".xlsm", ".xlsb", ".ods"):
        raise FileError(_("Workbooks are read as .xlsx only; save it as one."))
    with path.open("rb") as stream:
        if stream.read(4) == b"PK\3\4":
            raise FileError(_("This is a workbook, not a CSV file; name it .xlsx."))
    if sheet:
        raise FileError(_("Only workbooks have sheets."))
    return open_csv(path)


def name_columns(table: Table, kind: Kind) -> Table:
    """The table with the kind's names in its header, whatever the file calls them.

    Raises:
        FileError: a column is unknown, missing or there twice.
    """
    titles = {
        name: name if title == name else f"{title} ({name})"
        for name, title in titles_of(kind).items()
    }
    try:
        return _named(table, columns_by_writing(kind), titles, needed=kind.header)
    except FileError as error:
        if not (fitting := _fitting_kinds(table.header)):
            raise
        text = _("This looks like a file of: %(fitting)s, not of: %(kind)s. %(reason)s")
        words = {"fitting": fitting, "kind": KIND_TITLES[kind.name], "reason": error.message}
        raise FileError(text % words) from error


def read_rows(
    *, path: Path, kind: Kind, titles: Mapping[str, str], needed: list[str], limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """The first rows of a file with their lines, as they would be pushed.

    Args:
        titles: the columns it may have, and what people call each; either is understood.
        needed: the columns it must have.

    Raises:
        FileError: the file cannot be read, or has columns that are not among `titles`.
    """
    written = {title: name for name, title in titles.items()}
    with open_table(path) as opened:
        table = _named(opened, written, titles, needed=needed)
        found = []
        for line, row in islice(as_text(table, kind), limit):
            if len(row) != len(table.header):
                reason = describe("ragged", found=len(row), expected=len(table.header))
                text = _("Line %(line)d cannot be read: %(reason)s.")
                raise FileError(text % {"line": line, "reason": reason})
            found.append((line, dict(zip(table.header, row, strict=True))))
        return found


def as_text(table: Table, kind: Kind) -> Rows:
    """Rows of text, whatever the file holds; its columns are named."""
    if not table.is_sheet:
        return table.rows
    columns = [kind.by_name[name] for name in table.header]
    return (
        (line, [*map(cell_text, row, columns), *map(str, row[len(columns) :])])
        for line, row in table.rows
    )


def reported(rows: Rows, table: Table, progress: Progress | None) -> Rows:
    """The rows, with progress told on the way."""
    if progress is None:
        yield from rows
        return
    done = 0
    for done, row in enumerate(rows, start=1):
        yield row
        if done % _PROGRESS_EVERY == 0:
            progress(done, table.total)
    progress(done, max(done, 1))


def full_rows(rows: Rows, table: Table, errors: ErrorList) -> Rows:
    """The rows that have as many values as the header; the others are named."""
    width = len(table.header)
    for line, row in rows:
        if len(row) == width:
            yield line, row
        else:
            errors.add(line, "", "ragged", found=len(row), expected=width)


# --- Header ------------------------------------------------------------------------------------


def _fitting_kinds(header: list[str]) -> str:
    """The kinds that the header is one of, as people call them."""
    fitting = []
    for kind in KINDS.values():
        columns = columns_by_writing(kind)
        named = [columns.get(title) for title in header]
        if set(kind.header) <= set(named) and None not in named:
            fitting.append(str(KIND_TITLES[kind.name]))
    return ", ".join(fitting)


def _named(
    table: Table, written: Mapping[str, str], titles: Mapping[str, str], *, needed: list[str]
) -> Table:
    """The table under the names that `written` gives its columns.

    Raises:
        FileError: one is not among `titles`, a `needed` one is missing, or one is there twice.
    """
    columns = [written.get(title, title) for title in table.header]
    unknown = [name for name in columns if name not in titles]
    missing = [titles[name] for name in needed if name not in columns]
    twice = sorted({titles.get(name, name) for name in columns if columns.count(name) > 1})
    for names, text in (
        (unknown, _("Unknown columns: %(names)s. Known are: %(known)s.")),
        (missing, _("Missing columns: %(names)s.")),
        (twice, _("Columns that are there twice: %(names)s.")),
    ):
        if names:
            shown = ", ".join(name[:40] or "“”" for name in names[:20])
            known = ", ".join(map(str, titles.values()))
            raise FileError(text % {"names": shown, "known": known})
    return replace(table, header=columns)
