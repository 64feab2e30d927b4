"""Queue entries: one row of django_q_ormq per open lease, written in the caller's transaction."""

from __future__ import annotations

from django.db import connection
from django_q.tasks import async_task

DELIVERY = "zqyy.durable.driver.run_leased"


def enqueue(*, key: str, cluster: str) -> int:
    """Put the delivery of a lease on its cluster's queue; the id of the queue row."""
    async_task(DELIVERY, key, cluster=cluster)
    with connection.cursor() as cursor:
        # async_task answers with its own uuid; the row's id is this session's last.
        cursor.execute("SELECT currval(pg_get_serial_sequence('django_q_ormq', 'id'))")
        return int(cursor.fetchone()[0])


def hand_back(*, key: str) -> None:
    """Let another worker fetch the queue row of a lease that this delivery cannot start yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_q_ormq SET lock = clock_timestamp() - interval '1 s'"
            " WHERE id = (SELECT q_id FROM leases WHERE key = %s) AND lock > clock_timestamp()",
            [key],
        )


def drop(*, key: str) -> None:
    """Delete the queue row of work that was ended by another row's delivery."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_q_ormq"
            " WHERE id = (SELECT q_id FROM leases WHERE key = %s AND closed_at IS NOT NULL)",
            [key],
        )
