"""Who may write for a unit of durable work: ONLY writer of a lease's holder and end.

Every decision is one conditional statement on the database's clock. The fence is token and
owner, not expiry: a holder that was late but not replaced goes on.
"""

from __future__ import annotations

import datetime
import json
import os
import threading
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection
from django.db.models import Q

from zqyy.durable.entries import enqueue
from zqyy.durable.loss import Loss
from zqyy.durable.models import Lease

# A task that raises is tried this often in all.
MAX_FAILURES = 3
# A task whose holders vanish this often without a step forward is not tried again.
MAX_DEATHS = 5


class LeaseLost(Exception):
    """Somebody else holds the lease, or its work is over: stop and write nothing."""


class LeaseStillOpen(Exception):
    """The work of this key has not ended; it cannot be opened a second time."""


@dataclass(frozen=True)
class Work:
    """What is to be done, and in which context: a lease's row, copied when it was claimed."""

    task: str
    args: dict[str, Any]
    site_id: int | None
    mode: str
    business_date: datetime.date | None


@dataclass(frozen=True)
class Held:
    """A claim on a lease, and the proof of it.

    Attributes:
        deaths: holders before this one that vanished, since the work last got on.
        lost: tells when a renewal found the lease gone.
        asked_back: set when a renewal found that the workers are to stop.
    """

    key: str
    owner: UUID
    token: int
    work: Work = field(compare=False, repr=False)
    deaths: int = 0
    lost: Loss = field(default_factory=Loss, compare=False, repr=False)
    asked_back: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)


def open_lease(
    *,
    key: str,
    cluster: str,
    task: str,
    args: dict[str, Any],
    site_id: int | None,
    mode: str,
    business_date: datetime.date | None,
) -> Lease:
    """Open the lease of a unit of work and queue its delivery, both in the open transaction.

    A closed lease of the same key opens again with its token kept, so that a driver of the
    earlier opening stays fenced out.

    Args:
        key: unique text such as `job:123`.
        cluster: a value of `models.Cluster`.
        task: dotted path; the worker calls function(held, **args).

    Raises:
        RuntimeError: no transaction is open: cause and queue entry must exist together.
        LeaseStillOpen: the key's work has not ended.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("open_lease() belongs in the transaction of its cause")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO leases (key, cluster, task, args, site_id, mode, business_date,"
            " token, rearmed_token, is_asked_back, deaths, failures, last_error)"
            " VALUES (%s, %s, %s, %s::jsonb, %s, %s, %s, 0, 0, false, 0, 0, '')"
            " ON CONFLICT (key) DO UPDATE SET cluster = excluded.cluster, task = excluded.task,"
            " args = excluded.args, site_id = excluded.site_id, mode = excluded.mode,"
            " business_date = excluded.business_date, expires_at = NULL, closed_at = NULL,"
            " q_id = NULL, fetcher_group = NULL, deaths = 0, failures = 0, last_error = ''"
            " WHERE leases.closed_at IS NOT NULL RETURNING id",
            [key, cluster, task, json.dumps(args), site_id, mode, business_date],
        )
        row = cursor.fetchone()
    if row is None:
        raise LeaseStillOpen(key)
    Lease.objects.filter(pk=row[0]).update(q_id=enqueue(key=key, cluster=cluster))
    return Lease.objects.get(pk=row[0])


def claim(key: str) -> Held | None:
    """Take the lease: a new owner and the next token. None: held by somebody else, or closed.

    A lease that expired within 10 s of PostgreSQL's start is left to its holder.
    """
    owner = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE leases SET token = token + 1, owner = %s, holder_group = %s,"
            " holder_pid = %s, is_asked_back = false,"
            " expires_at = clock_timestamp() + interval '1 s' * %s, renewed_at = clock_timestamp(),"
            # Whoever gave up the lease in good order left no owner.
            " deaths = deaths + (owner IS NOT NULL)::int"
            " WHERE key = %s AND closed_at IS NULL"
            # An outage of the database lets every lease expire: its holders may renew first.
            " AND (expires_at IS NULL OR (expires_at < clock_timestamp()"
            "      AND pg_postmaster_start_time() < clock_timestamp() - interval '10 s'))"
            " RETURNING token, deaths, task, args::text, site_id, mode, business_date",
            [owner, settings.WORKER_GROUP, os.getpid(), settings.LEASE_SECONDS, key],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    token, deaths, task, args, *context = row
    work = Work(task, json.loads(args), *context)
    return Held(key=key, owner=owner, token=token, work=work, deaths=deaths)


def find_oldest_expired(*, beside: str) -> str | None:
    """The key of the work that lost its driver longest ago, in the cluster of lease `beside`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key FROM leases WHERE cluster = (SELECT cluster FROM leases WHERE key = %s)"
            # Not clock_timestamp(), which is volatile and would walk the whole backlog.
            " AND closed_at IS NULL AND expires_at < statement_timestamp() AND key <> %s"
            " ORDER BY expires_at LIMIT 1",
            [beside, beside],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def renew(held: Held) -> bool:
    """Move the expiry on; False: the lease is lost. Notes on `held` if it is asked back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE leases SET expires_at = clock_timestamp() + interval '1 s' * %s,"
            " renewed_at = clock_timestamp() WHERE key = %s AND token = %s AND owner = %s"
            " RETURNING is_asked_back",
            [settings.LEASE_SECONDS, held.key, held.token, held.owner],
        )
        row = cursor.fetchone()
    if row == (True,):
        held.asked_back.set()
    return row is not None


def fence(held: Held) -> None:
    """Lock the lease's row until the transaction ends, so that what it writes is the holder's.

    The first lock of a writing transaction, which must be short: renewals wait for it.

    Raises:
        LeaseLost: somebody else holds the lease, or its work is over.
        RuntimeError: no transaction is open: the lock would be gone at once.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("fence() belongs in the transaction that writes")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM leases WHERE key = %s AND token = %s AND owner = %s FOR UPDATE",
            [held.key, held.token, held.owner],
        )
        if not cursor.rowcount:
            raise LeaseLost(held.key)


def confirm(held: Held) -> None:
    """Prove the lease without locking it, so that renewals go on beside a long statement.

    Enough only for a writer that holds a lock which the next holder has to take as well: whoever
    takes the lease over waits there, and this writer's next proof fails.

    Raises:
        LeaseLost: somebody else holds the lease, or its work is over.
    """
    if not Lease.objects.filter(key=held.key, token=held.token, owner=held.owner).exists():
        raise LeaseLost(held.key)


def record_progress(held: Held) -> None:
    """The work got on: deaths of earlier holders are no sign any more that it kills them.

    In a transaction that `fence` began.
    """
    if held.deaths:
        _update_held(held, "deaths = 0", [])


def close(held: Held) -> bool:
    """End the work; False: the lease was lost, or closed before."""
    return _update_held(
        held,
        "owner = NULL, expires_at = NULL, renewed_at = clock_timestamp(),"
        " closed_at = clock_timestamp()",
        [],
    )


def release(held: Held) -> bool:
    """Give the unfinished work to whoever comes next; False: the lease was lost."""
    return _update_held(
        held,
        "owner = NULL, expires_at = clock_timestamp(), renewed_at = clock_timestamp()",
        [],
    )


def hand_over_if_asked(held: Held) -> None:
    """Between two steps: give the work to other workers when ours are to stop.

    Raises:
        LeaseLost: it was given; somebody else goes on.
    """
    if held.asked_back.is_set():
        release(held)
        raise LeaseLost(held.key)


def revoke(key: str) -> bool:
    """End the work from outside: whoever holds the lease has lost it. False: it had ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE leases SET owner = NULL, expires_at = NULL, renewed_at = clock_timestamp(),"
            " closed_at = clock_timestamp() WHERE key = %s AND closed_at IS NULL",
            [key],
        )
        return bool(cursor.rowcount)


def fail_attempt(held: Held, *, error: str) -> bool:
    """Record a crashed task: tried again after 5 s, then 25 s; closed after the third time, or
    when it has killed its holders.

    Returns:
        False: the lease was lost.
    """
    return _update_held(
        held,
        "owner = NULL, renewed_at = clock_timestamp(), failures = failures + 1,"
        " last_error = %s,"
        " expires_at = CASE WHEN failures + 1 < %s AND deaths < %s"
        "  THEN clock_timestamp() + interval '5 s' * 5 ^ failures END,"
        " closed_at = CASE WHEN failures + 1 >= %s OR deaths >= %s THEN clock_timestamp() END",
        [error[:500], *(MAX_FAILURES, MAX_DEATHS) * 2],
    )


def is_last_attempt(held: Held) -> bool:
    """Whether the work is given up when its task raises now; not if the lease is lost."""
    mine = Lease.objects.filter(key=held.key, token=held.token, owner=held.owner)
    return mine.filter(Q(failures__gte=MAX_FAILURES - 1) | Q(deaths__gte=MAX_DEATHS)).exists()


def _update_held(held: Held, assignments: str, parameters: list[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE leases SET {assignments} WHERE key = %s AND token = %s AND owner = %s",  # noqa: S608  our own text
            [*parameters, held.key, held.token, held.owner],
        )
        return bool(cursor.rowcount)
