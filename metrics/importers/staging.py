"""Parsed rows into a temporary table: the one way in, for files and pushes alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db.backends.utils import CursorWrapper
from psycopg import sql

from metrics.importers.errors import ErrorList, InvalidValue
from metrics.importers.kinds import Kind
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
    parsers = [(column.name, column.parse, column.required) for column in chosen]
    cursor.execute("DROP TABLE IF EXISTS staged")
    cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE staged (line bigint, {}) ON COMMIT DROP").format(
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.sql_type))
                for column in kind.columns
            )
        )
    )
    target = sql.SQL("COPY staged (line, {}) FROM STDIN").format(
        sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    seen = staged = 0
    name_at = columns.index("external_id")
    with cursor.copy(target) as copy:
        for number, row in rows:
            seen += 1
            mistakes = errors.total
            record: list[Any] = [number]
            for (name, parse, required), raw in zip(parsers, row, strict=True):
                if isinstance(raw, InvalidValue):
                    errors.add(number, name, raw.code, **raw.params)
                    continue
                value = raw.strip() if isinstance(raw, str) else raw
                if value is None or value == "":
                    if required:
                        errors.add(number, name, "required")
                    record.append(None)
                    continue
                try:
                    record.append(parse(value, site))
                except InvalidValue as invalid:
                    errors.add(number, name, invalid.code, **invalid.params)
            if errors.total == mistakes:
                copy.write_row(record)
                staged += 1
            elif errors.rejects is not None:
                errors.rejects.name(number, row[name_at])
    # A temporary table is planned as if it held thousands of rows: a push of one bill would read
    # every member of the store.
    cursor.execute("ANALYZE staged")
    return Staged(seen, staged)
