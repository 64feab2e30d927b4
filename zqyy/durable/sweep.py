"""What keeps work moving when its driver or its queue row is gone. Any number may run.

A lease is the truth and the queue row its delivery, so a round repairs the second from the
first, and throws away what nobody needs any more. Conditions compare with
statement_timestamp(): clock_timestamp() is volatile and could not use the indexes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from zqyy.durable.entries import enqueue
from zqyy.durable.notify import notify_alive
from zqyy.durable.outages import OUTAGE, RETRY_SECONDS

logger = logging.getLogger(__name__)

ROUND_SECONDS = 2
# An outage of the database is not a crash of the holders: they renew within this time.
SETTLING_SECONDS = 10
KEPT_DAYS = 7
BATCH = 500

WITHOUT_DELIVERY = """
    l.closed_at IS NULL AND (l.expires_at IS NULL OR l.expires_at < statement_timestamp())
    AND NOT EXISTS (SELECT FROM django_q_ormq q WHERE q.id = l.q_id)
"""


@dataclass(frozen=True)
class Round:
    """What one round did.

    Attributes:
        waited: PostgreSQL had just started, so nothing was done.
        failed: the sweepers of other layers that raised; the log has their errors.
    """

    waited: bool = False
    rearmed: int = 0
    requeued: int = 0
    pruned: int = 0
    failed: list[str] = field(default_factory=list)


def run_sweeper(*, stopping: threading.Event) -> None:
    """Sweep every 2 s until told to stop; an outage of the database is waited for."""
    pause: float = 0
    while not stopping.wait(pause):
        notify_alive()
        try:
            done = sweep_once()
        except OUTAGE as error:
            logger.warning("database away, sweeping again in %s s: %s", RETRY_SECONDS, error)
            connection.close()
            pause = RETRY_SECONDS
            continue
        if done.rearmed or done.requeued:
            logger.info("rearmed %s, requeued %s", done.rearmed, done.requeued)
        pause = ROUND_SECONDS


def sweep_once() -> Round:
    """One round: re-arm, requeue, then what the upper layers registered, then prune."""
    if not _has_settled():
        return Round(waited=True)
    return Round(
        rearmed=rearm_expired(),
        requeued=requeue_lost(),
        failed=[path for path in settings.SWEEPERS if not _call_sweeper(path)],
        pruned=prune(),
    )


def rearm_expired() -> int:
    """Make the queue rows of expired leases ready again, once for each token."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH expired AS ("
            "  SELECT id FROM leases WHERE closed_at IS NULL AND expires_at < statement_timestamp()"
            "  AND rearmed_token < token ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"
            "), marked AS ("
            "  UPDATE leases SET rearmed_token = token WHERE id IN (SELECT id FROM expired)"
            "  RETURNING q_id"
            ") UPDATE django_q_ormq SET lock = clock_timestamp() - interval '1 s'"
            " WHERE id IN (SELECT q_id FROM marked) AND lock > clock_timestamp()",
            [BATCH],
        )
        return int(cursor.rowcount)


def requeue_lost() -> int:
    """Give a new queue row to open work that nobody holds and no row delivers."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM leases l WHERE {WITHOUT_DELIVERY}"  # noqa: S608  our own text
            " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
            [BATCH],
        )
        locked = [lease_id for (lease_id,) in cursor.fetchall()]
        # Again, now that they are locked: another sweeper's new rows were invisible to the
        # snapshot of the first statement.
        cursor.execute(
            f"SELECT id, key, cluster FROM leases l WHERE {WITHOUT_DELIVERY}"  # noqa: S608
            " AND id = ANY(%s)",
            [locked],
        )
        lost = cursor.fetchall()
        for lease_id, key, cluster in lost:
            cursor.execute(
                "UPDATE leases SET q_id = %s, fetcher_group = NULL WHERE id = %s",
                [enqueue(key=key, cluster=cluster), lease_id],
            )
    return len(lost)


def prune() -> int:
    """Delete closed leases and django-q2's failures after a week, and queue rows of ended work.

    A row outlives its work when the process that acknowledges was killed; a minute is left for
    the ordinary acknowledgement.
    """
    statements: tuple[tuple[str, list[int]], ...] = (
        (
            "DELETE FROM django_q_ormq q USING leases l WHERE q.id = l.q_id"
            " AND l.closed_at < statement_timestamp() - interval '1 min'",
            [],
        ),
        (
            "DELETE FROM leases WHERE id IN (SELECT id FROM leases"
            " WHERE closed_at < statement_timestamp() - interval '1 day' * %s"
            " ORDER BY closed_at LIMIT %s FOR UPDATE SKIP LOCKED)",
            [KEPT_DAYS, BATCH],
        ),
        (
            "DELETE FROM django_q_task WHERE id IN (SELECT id FROM django_q_task"
            " WHERE stopped < statement_timestamp() - interval '1 day' * %s"
            " LIMIT %s FOR UPDATE SKIP LOCKED)",
            [KEPT_DAYS, BATCH],
        ),
    )
    pruned = 0
    with connection.cursor() as cursor:
        for statement, parameters in statements:
            cursor.execute(statement, parameters)
            pruned += cursor.rowcount
    return pruned


def _has_settled() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_postmaster_start_time() < clock_timestamp() - interval '1 s' * %s",
            [SETTLING_SECONDS],
        )
        return bool(cursor.fetchone()[0])


def _call_sweeper(path: str) -> bool:
    """False: the function raised."""
    try:
        sweeper: Callable[[], None] = import_string(path)
        sweeper()
    except OUTAGE:
        raise
    except Exception:
        # Another layer's bug must stop neither the other rules nor the loop.
        logger.exception("sweeper %s failed", path)
        return False
    return True
