"""The database's side of the queue, for arranging and looking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from django.db import connection, connections
from django.db.models.functions import Now
from django_q.models import OrmQ

from zqyy.durable.models import Lease


def expire(key: str, *, ago: float = 1) -> None:
    """Let the lease's holder be silent since `ago` seconds past its expiry."""
    past = Now() - timedelta(seconds=ago)
    Lease.objects.filter(key=key).update(expires_at=past, renewed_at=past - timedelta(seconds=6))


def fetch_row(key: str, *, ago: float = 0, retry: float = 7500, group=None) -> None:
    """Do what a pusher does when it takes the lease's queue row."""
    lease = Lease.objects.filter(key=key)
    lease.update(fetcher_group=group)
    OrmQ.objects.filter(pk=lease.get().q_id).update(
        lock=Now() + timedelta(seconds=retry) - timedelta(seconds=ago)
    )


def ready_keys() -> set[str]:
    """The keys of the queue rows that a pusher may fetch."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.key FROM django_q_ormq q JOIN leases l ON l.q_id = q.id"
            " WHERE q.lock < clock_timestamp()"
        )
        return {key for (key,) in cursor.fetchall()}


def at_once(action, *, times: int) -> list:
    """The results of `action`, run on so many connections at the same moment."""
    start = Barrier(times)

    def run(_: int):
        try:
            connection.ensure_connection()
            start.wait()
            return action()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))
