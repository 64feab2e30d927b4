"""The statements of the builds, one or several in a file, each introduced by `-- name: why`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg import Cursor

SQL = Path(__file__).parent.parent / "sql" / "builds"
_NAME = re.compile(r"^-- ([a-z_]+):.*$", re.MULTILINE)


@cache
def sections(name: str) -> dict[str, str]:
    """The statements of `sql/builds/<name>.sql` by their names."""
    parts = _NAME.split((SQL / f"{name}.sql").read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True))


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
