"""Answers as known at an earlier moment K: how a context comes to give them.

Within the block the store's tables are shadowed by temporary ones that hold what had been recorded
by K (docs/decisions/0009); what that is, the port `KNOWN_AT_PORT` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from sandbox.errors import KnownAtFuture, KnownAtReadOnly, NestedKnownAt

if TYPE_CHECKING:
    from sandbox.context import RuntimeContext


@dataclass(frozen=True)
class _Shadows:
    """What the shadows of this transaction answer for, and the search path that finds them."""

    site_id: int
    business_date: date
    known_at: datetime | None
    search_path: str


_shadows: ContextVar[_Shadows | None] = ContextVar("known_at_shadows", default=None)


def forbid_writing() -> None:
    """Refuse to write facts or summaries within a context with `known_at`.

    Raises:
        KnownAtReadOnly: there is one around.
    """
    if _in_force() is not None:
        raise KnownAtReadOnly


def settle_ingest(ctx: RuntimeContext) -> None:
    """Wait until nothing can be recorded at or before `known_at` any more.

    A batch takes its moment under the store's ingest lock, later than the newest one committed. So
    unless K is older than that one, whoever holds the lock is waited for. Outside a transaction
    the lock is let go at once: the snapshot to come holds still. Inside one it is kept, because
    that snapshot does not.

    Raises:
        KnownAtFuture: by the clock that batches are stamped with.
    """
    if ctx.known_at is None or _in_force() is not None:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s > clock_timestamp()", [ctx.known_at])
        if cursor.fetchone()[0]:
            raise KnownAtFuture(ctx.known_at.astimezone(ctx.site.zone))
        cursor.execute(
            "SELECT FROM site_ingest"
            " WHERE site_id = %s AND (last_committed_at IS NULL OR last_committed_at < %s)"
            " FOR SHARE",
            [ctx.site.pk, ctx.known_at],
        )


@contextmanager
def answer_as_known(ctx: RuntimeContext) -> Iterator[None]:
    """Put the shadows of `known_at` in place, or out of sight for a context without.

    Raises:
        NestedKnownAt: within shadows of another store, date or moment.
        InvalidDate: nothing had been recorded by then, or nothing dated up to D.
    """
    around = _in_force()
    if around is None:
        if ctx.known_at is None:
            yield
            return
        with import_string(settings.KNOWN_AT_PORT)(ctx):
            shadows = _Shadows(ctx.site.pk, ctx.business_date, ctx.known_at, _search_path())
            token = _shadows.set(shadows)
            try:
                yield
            finally:
                _shadows.reset(token)
        return
    if ctx.known_at is None:
        # Temporary tables come first unless they are named at another place.
        _search_path(f"{around.search_path}, pg_temp")
    elif (ctx.site.pk, ctx.business_date, ctx.known_at) == (
        around.site_id,
        around.business_date,
        around.known_at,
    ):
        _search_path(around.search_path)
    else:
        raise NestedKnownAt
    # The caller restores the search path with the other settings.
    yield


def _in_force() -> _Shadows | None:
    # A thread of a pool inherits the variable, but not the transaction.
    return _shadows.get() if connection.in_atomic_block else None


def _search_path(change_to: str | None = None) -> str:
    with connection.cursor() as cursor:
        if change_to is not None:
            cursor.execute("SELECT set_config('search_path', %s, true)", [change_to])
        else:
            cursor.execute("SELECT current_setting('search_path')")
        return str(cursor.fetchone()[0])
