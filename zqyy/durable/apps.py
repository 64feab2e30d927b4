from typing import Any
from uuid import UUID

from django.apps import AppConfig
from django.conf import settings


class DurableConfig(AppConfig):
    """Work that survives: leases, the queue's broker and locks, sweeping, supervision."""

    name = "zqyy.durable"
    label = "durable"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from zqyy.durable import queue_locks

        queue_locks.install()
        post_spawn.connect(_take_the_place_of_the_dead, dispatch_uid="zqyy.durable")


def _take_the_place_of_the_dead(**signal: Any) -> None:
    """A new worker, before it takes its first delivery: whose place it has may have left work.

    Not after the lease has run out: by then the free place would be taken by whatever waits.
    """
    from zqyy.durable.groups import forget_dead_workers
    from zqyy.durable.outages import insist

    if group := settings.WORKER_GROUP:
        insist(lambda: forget_dead_workers(group=UUID(group)))
