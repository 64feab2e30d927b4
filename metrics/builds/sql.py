"""The statements of the builds, one or several in a file, each introduced by `-- name: why`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg import Cursor

from metrics.models.summaries import Summary

SQL = Path(__file__).parent.parent / "sql" / "builds"
_NAME = re.compile(r"^-- ([a-z_]+):.*$", re.MULTILINE)


@cache
def sections(name: str) -> dict[str, str]:
    """The statements of `sql/builds/<name>.sql` by their names."""
    parts = _NAME.split((SQL / f"{name}.sql").read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True))


def rebuilding(
    name: str,
    model: type[Summary],
    *,
    key: Sequence[str],
    has_none: bool,
    is_few: bool,
    until: str = "",
    **parts: str,
) -> str:
    """The statement that rebuilds a summary of some entities, each from a date on.

    Its `rebuild` ends with the rows that have to be there, `fresh`; what is there already comes
    before it, and what writes them after it.

    Args:
        name: of the file. key: the columns of the entity.
        has_none: the entities have no rows yet. is_few: they are few of many, and looked up one by
            one: a sub-select with an offset is not joined.
        until: a condition on the rows that may change. parts: what else the text leaves open.
    """
    write = "first" if has_none else "again"
    names = [field.attname for field in model._meta.concrete_fields]
    columns = [column for column in names if column not in ("id", "site_id")]
    values = [column for column in columns if column not in (*key, "stat_date")]
    table = model._meta.db_table
    singly = "OFFSET 0" if is_few else ""
    standing = sections("standing")[write].format(
        table=table,
        same_entity=" AND ".join(f"d.{column} = t.{column}" for column in key),
        same_entity_before=" AND ".join(f"b.{column} = t.{column}" for column in key),
        until=until,
        singly=singly,
    )
    written = sections("write_fresh")[write].format(
        table=table,
        key=", ".join(key),
        same_row=" AND ".join(f"f.{column} = s.{column}" for column in (*key, "stat_date")),
        columns=", ".join(columns),
        values=", ".join(values),
        current=", ".join(f"s.{column}" for column in values),
        fresh=", ".join(f"f.{column}" for column in values),
        excluded=", ".join(f"excluded.{column}" for column in values),
    )
    rebuild = sections(name)["rebuild"].format(standing=standing, singly=singly, **parts)
    return f"{rebuild}\n{written}"


@contextmanager
def prepared_statements() -> Iterator[None]:
    """Let `run` plan a statement once a session, for arrays of any length.

    A repair of one late fact is mostly planning otherwise. Not where a table's name means a
    temporary one (known_at): a plan outlives the table.
    """
    # Django's sessions have none: nothing is prepared outside.
    session = connection.connection
    session.prepare_threshold = 0
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        yield
    finally:
        session.prepare_threshold = None


def run(text: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Execute one statement of a build; returns its rows, none if it has no result."""
    if connection.connection.prepare_threshold is None:
        with connection.cursor() as cursor:
            cursor.execute(text, params)
            return cursor.fetchall() if cursor.description else []
    # Django's own cursor puts the values into the text.
    with connection.wrap_database_errors, Cursor(connection.connection) as bound:
        bound.execute(text.encode(), params)
        return bound.fetchall() if bound.description else []
