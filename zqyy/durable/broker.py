"""django-q2's queue in our database: oldest first, on the database's clock, through outages."""

from __future__ import annotations

import time

from django.conf import settings
from django.db import connection
from django_q.brokers.orm import ORM
from django_q.conf import Conf

from zqyy.durable.outages import OUTAGE, RETRY_SECONDS, insist


class DurableBroker(ORM):  # type: ignore[misc]  # django-q2 carries no types
    """The ORM broker with an order, one clock, and no 10 s sleep on a database error."""

    @staticmethod
    def get_cache() -> None:
        """None: statistics live in the leases, and no guard process waits for a cache."""

    def enqueue(self, task: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_q_ormq (key, payload, lock)"
                " VALUES (%s, %s, clock_timestamp()) RETURNING id",
                [self.list_key, task],
            )
            return int(cursor.fetchone()[0])

    def dequeue(self) -> list[tuple[int, str]] | None:
        try:
            row = self._fetch()
        except OUTAGE:
            connection.close()
            time.sleep(RETRY_SECONDS)
            return None
        if row is None:
            time.sleep(Conf.POLL)
            return None
        return [row]

    def _fetch(self) -> tuple[int, str] | None:
        """Lock the oldest ready row and note on its lease which group has it, in one statement.

        The note skips a lease that is being written: waiting there could deadlock with the
        sweeper, which locks the lease first.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH oldest AS ("
                "  SELECT id FROM django_q_ormq WHERE key = %s AND lock < clock_timestamp()"
                "  ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
                "), fetched AS ("
                "  UPDATE django_q_ormq q SET lock = clock_timestamp() + interval '1 s' * %s"
                "  FROM oldest WHERE q.id = oldest.id RETURNING q.id, q.payload"
                "), delivered AS ("
                "  SELECT id FROM leases WHERE q_id IN (SELECT id FROM fetched)"
                "  FOR UPDATE SKIP LOCKED"
                "), noted AS ("
                "  UPDATE leases SET fetcher_group = %s"
                "  WHERE id IN (SELECT id FROM delivered)"
                ") SELECT id, payload FROM fetched",
                [self.list_key, Conf.RETRY, settings.WORKER_GROUP],
            )
            row: tuple[int, str] | None = cursor.fetchone()
        return row

    def delete(self, task_id: int) -> None:
        """Called on acknowledgement: an outage must not cost it, or the row comes again."""
        insist(lambda: self.get_connection().filter(pk=task_id).delete())
