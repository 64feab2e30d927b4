"""Which batches had been recorded by K, as a condition on a row's batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.db import connection

from sandbox.context import RuntimeContext
from sandbox.errors import InvalidDate


@dataclass(frozen=True)
class Recorded:
    """What had been recorded of a store by a moment.

    A batch has its id from its start and its number from its end, so later batches may have the
    smaller ids; those are few, and named one by one.

    Attributes:
        number: of the newest batch known. committed_at: when it was recorded.
        newest_id: the greatest id of a known batch. late_ids: the ids of unknown batches below it.
        is_all: nothing has been recorded since.
        first_date: the store's first business date as it was known.
        summary_version: the version of the summaries that this transaction reads.
    """

    site_id: int
    known_at: datetime
    number: int
    committed_at: datetime
    newest_id: int
    late_ids: tuple[int, ...]
    is_all: bool
    first_date: date
    summary_version: int

    def known(self, alias: str) -> str:
        """The condition that a row (its table's alias) had been recorded."""
        known = f"{alias}.batch_id <= {self.newest_id}"
        if self.late_ids:
            known += f" AND {alias}.batch_id <> ALL ({self._late})"
        return f"({known})"

    def unknown(self, alias: str) -> str:
        """The opposite condition."""
        unknown = f"{alias}.batch_id > {self.newest_id}"
        if self.late_ids:
            unknown += f" OR {alias}.batch_id = ANY ({self._late})"
        return f"({unknown})"

    @cached_property
    def _late(self) -> str:
        return f"'{{{','.join(map(str, self.late_ids))}}}'::bigint[]"


def find_recorded(ctx: RuntimeContext) -> Recorded:
    """What had been recorded by the context's `known_at`.

    Raises:
        InvalidDate: nothing, or nothing dated up to D.
    """
    if ctx.known_at is None:
        raise ValueError("the context has no known_at")
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {"site": ctx.site.pk, "known_at": ctx.known_at})
        row = cursor.fetchone()
    if row is None:
        raise InvalidDate.before_first_batch(ctx.known_at.astimezone(ctx.site.zone))
    number, committed_at, first_date, newest_id, late_ids, is_all, version = row
    if first_date is None or ctx.business_date < first_date:
        raise InvalidDate.before_first_fact(ctx.business_date, first_date)
    return Recorded(
        site_id=ctx.site.pk,
        known_at=ctx.known_at,
        number=number,
        committed_at=committed_at,
        newest_id=newest_id,
        late_ids=tuple(late_ids),
        is_all=is_all,
        first_date=first_date,
        summary_version=version,
    )


# Numbers, moments and first dates go up together.
_FIND = """
WITH newest AS (
    SELECT number, committed_at, first_business_date
    FROM ingest_batches
    WHERE site_id = %(site)s AND committed_at <= %(known_at)s
    ORDER BY number DESC
    LIMIT 1
), newest_id AS (
    SELECT max(b.id) AS id
    FROM ingest_batches b
    WHERE b.site_id = %(site)s AND b.number <= (SELECT number FROM newest)
)
SELECT n.number, n.committed_at, n.first_business_date, i.id,
       ARRAY(SELECT b.id FROM ingest_batches b
             WHERE b.site_id = %(site)s AND b.number > n.number AND b.id < i.id ORDER BY b.id),
       NOT EXISTS (SELECT FROM ingest_batches b
                   WHERE b.site_id = %(site)s AND b.number > n.number),
       (current_setting('zqyy.summary_versions')::smallint[])[1]
FROM newest n CROSS JOIN newest_id i
"""
