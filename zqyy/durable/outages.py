"""Waiting for the database to come back: an outage is neither a crash nor a lost lease."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from math import inf
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

RETRY_SECONDS = 0.5
# So long a process that starts waits for its database: longer is no restart but a wrong address.
STARTING_SECONDS = 60
# What psycopg raises when the server is away, shutting down or starting up.
OUTAGE = (OperationalError, InterfaceError)


def insist(action: Callable[[], Result], *, seconds: float = inf) -> Result:
    """The result of `action`, called again every 0.5 s until the database answers.

    Outside a transaction only. A commit whose answer was lost is repeated: `action` must be
    conditional on what it changes (a fence, an expected state).

    Raises:
        RuntimeError: a transaction is open; it is lost with the connection, and so cannot be
            repeated from here.
        OUTAGE: no answer within `seconds`.
    """
    ends_at = time.monotonic() + seconds
    if connection.in_atomic_block:
        raise RuntimeError("insist() cannot repeat a part of a transaction")
    reported = False
    while True:
        try:
            return action()
        except OUTAGE as error:
            if not reported:
                logger.warning("database away, trying every %s s: %s", RETRY_SECONDS, error)
                reported = True
            connection.close()
            if time.monotonic() > ends_at:
                raise
            time.sleep(RETRY_SECONDS)
