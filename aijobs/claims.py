"""Claims: one row per group of steps and subject, so that a second event of the day coalesces.

Always inserted in key order, never checked first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db import connection

from aijobs.models import Claim

_VALUES = (
    'INSERT INTO claims (site_id, mode, business_date, "group", subject, job_id)'
    " SELECT %s, %s, %s, wanted.* FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS wanted"
    " ORDER BY 4, 5, 6 "
)


@dataclass(frozen=True, order=True)
class Scope:
    """The store, mode and day within which a claim is unique."""

    site_id: int
    mode: str
    business_date: date


@dataclass(frozen=True, order=True)
class Wanted:
    """A group and its subject that a job asks for."""

    group: str
    subject: str
    job_id: int


def take_claims(*, scope: Scope, wanted: Iterable[Wanted], forced: bool) -> set[Wanted]:
    """Insert what nobody holds; with `forced` take it from whoever does. The ones now held."""
    rows = sorted(wanted)
    if forced:
        # A statement may touch a row once: of two that want the same, the last one gets it.
        rows = sorted({(row.group, row.subject): row for row in rows}.values())
        on_conflict = '(site_id, mode, business_date, "group", subject) DO UPDATE SET job_id = excluded.job_id'
    else:
        on_conflict = "DO NOTHING"
    with connection.cursor() as cursor:
        cursor.execute(
            f'{_VALUES} ON CONFLICT {on_conflict} RETURNING "group", subject, job_id',
            [
                scope.site_id,
                scope.mode,
                scope.business_date,
                [row.group for row in rows],
                [row.subject for row in rows],
                [row.job_id for row in rows],
            ],
        )
        return {Wanted(*row) for row in cursor.fetchall()}


def holder_of(*, scope: Scope, group: str, subject: str) -> int | None:
    """The job that holds a claim."""
    return (
        Claim.objects.filter(
            site_id=scope.site_id,
            mode=scope.mode,
            business_date=scope.business_date,
            group=group,
            subject=subject,
        )
        .values_list("job_id", flat=True)
        .first()
    )


def release_claims(*, job_id: int) -> None:
    """Let the next event of the day start anew; claims that another job took stay with it."""
    Claim.objects.filter(job_id=job_id).delete()
