"""The second time axis: a store's tables as they had been recorded by a moment K.

Inside a context with `known_at` the tables' names mean temporary views and tables, which come
first in the search path. So every query answers as known at K, whoever wrote it, without a line
of its own. docs/decisions/0009.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from metrics.known.recorded import find_recorded
from metrics.known.rows import shadow_rows
from metrics.known.summaries import find_touched, shadow_summaries
from sandbox.context import RuntimeContext

__all__ = ["shadow_tables"]


@contextmanager
def shadow_tables(ctx: RuntimeContext) -> Iterator[None]:
    """Shadow the store's tables during the block, in the transaction of the context.

    Raises:
        InvalidDate: nothing had been recorded by K, or nothing dated up to D.
    """
    recorded = find_recorded(ctx)
    touched = find_touched(recorded)
    views = shadow_rows(recorded)
    more_views, tables = shadow_summaries(ctx=ctx, touched=touched)
    yield
    # A rollback takes them along.
    if not connection.needs_rollback:
        with connection.cursor() as cursor:
            cursor.execute(_drop("VIEW", [*more_views, *views]) + _drop("TABLE", tables))


def _drop(what: str, names: list[str]) -> str:
    return f"DROP {what} {', '.join(f'pg_temp.{name}' for name in names)};" if names else ""
