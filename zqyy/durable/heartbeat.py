"""A lease kept alive beside the work, on a database connection of its own."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from django.conf import settings
from django.db import connection

from zqyy.durable.leases import Held, renew
from zqyy.durable.outages import OUTAGE, RETRY_SECONDS

logger = logging.getLogger(__name__)


class Heartbeat:
    """Renews a lease every LEASE_RENEW_SECONDS for the length of a `with` block.

    A database error is no loss: it is retried every 0.5 s. Only a renewal that updates no row
    is, and `held.lost` tells it.
    """

    def __init__(self, held: Held) -> None:
        self._held = held
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._beat, name=f"heartbeat {held.key}", daemon=True
        )

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        pause: float = settings.LEASE_RENEW_SECONDS
        try:
            while not self._stop.wait(pause):
                try:
                    is_held = renew(self._held)
                except OUTAGE as error:
                    logger.warning("lease %s not renewed yet: %s", self._held.key, error)
                    connection.close()
                    pause = RETRY_SECONDS
                    continue
                pause = settings.LEASE_RENEW_SECONDS
                if not is_held:
                    logger.warning("lease %s token %s lost", self._held.key, self._held.token)
                    self._held.lost.tell()
                    return
        finally:
            connection.close()
