from django.apps import AppConfig


class DurableConfig(AppConfig):
    """Work that survives: leases, the queue's broker and locks, sweeping, supervision."""

    name = "zqyy.durable"
    label = "durable"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from zqyy.durable import queue_locks

        queue_locks.install()
