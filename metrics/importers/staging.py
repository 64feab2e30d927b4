"""Parsed rows into a temporary table: the one way in, for files and pushes alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from metrics.importers.errors import ErrorList, InvalidValue
from metrics.importers.kinds import Column, Kind
from metrics.importers.ordinary import OrdinaryRows
from sandbox.models import Site


class Staged(NamedTuple):
    """How many rows there were, and how many of them are in the table."""

    seen: int
    staged: int


def stage_rows(
    *,
    cursor: CursorWrapper,
    kind: Kind,
    site: Site,
    columns: list[str],
    rows: Iterable[tuple[int, list[Any]]],
    errors: ErrorList,
) -> Staged:
    """COPY rows (number, values in the order of `columns`) into a fresh table `staged`.

    Rows with mistakes are named in `errors` and left out.
    """
    chosen = [kind.by_name[name] for name in columns]
    cursor.execute("DROP TABLE IF EXISTS staged")
    cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE staged (line bigint, {}) ON COMMIT DROP").format(
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.sql_type))
                for column in kind.columns
            )
        )
    )
    target = sql.SQL("COPY staged (line, {}) FROM STDIN WITH (NULL '')").format(
        sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    ordinary = OrdinaryRows(columns=chosen, site=site)
    name_at = columns.index("external_id")
    seen = staged = 0
    lines: list[str] = []
    cursor.execute(_READ_TIMES_IN, [site.timezone])
    with cursor.copy(target) as copy:
        for number, row in rows:
            seen += 1
            found = ordinary.find(row) or _look_closer(number, row, chosen, site, errors)
            if found is not None:
                lines.append(f"{number}\t{found}\n")
                staged += 1
                if len(lines) == _LINES:
                    copy.write("".join(lines))
                    lines.clear()
            elif errors.rejects is not None:
                errors.rejects.name(number, row[name_at])
        copy.write("".join(lines))
    cursor.execute(_READ_TIMES_IN, [connection.timezone_name])
    # A temporary table is planned as if it held thousands of rows: a push of one bill would read
    # every member of the store.
    cursor.execute("ANALYZE staged")
    return Staged(seen, staged)


_LINES = 500
_READ_TIMES_IN = "SELECT set_config('TimeZone', %s, true)"
# What COPY would read as something else.
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _look_closer(
    number: int, row: list[Any], columns: list[Column], site: Site, errors: ErrorList
) -> str | None:
    """The row as COPY takes it, value by value; None: it has mistakes, named in `errors`."""
    mistakes = errors.total
    record: list[str] = []
    for column, raw in zip(columns, row, strict=True):
        value = raw.strip() if isinstance(raw, str) else raw
        if value is None or value == "":
            if column.required:
                errors.add(number, column.name, "required")
            record.append("")
            continue
        try:
            if isinstance(value, InvalidValue):
                raise value
            record.append(column.parse(value, site))
        except InvalidValue as invalid:
            errors.add(number, column.name, invalid.code, **invalid.params)
    if errors.total > mistakes:
        return None
    return "\t".join(text.translate(_ESCAPES) for text in record)
