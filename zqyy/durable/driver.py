"""The one task on our clusters: drive the work of a lease."""

from __future__ import annotations

import logging

from django.utils.module_loading import import_string
from django_q.exceptions import TimeoutException

from zqyy.durable.attempts import KillsItsWorkers
from zqyy.durable.entries import drop, hand_back
from zqyy.durable.heartbeat import Heartbeat
from zqyy.durable.leases import (
    MAX_DEATHS,
    Held,
    LeaseLost,
    claim,
    close,
    fail_attempt,
    find_oldest_expired,
)
from zqyy.durable.outages import insist

logger = logging.getLogger(__name__)


def run_leased(key: str) -> None:
    """Drive the work of lease `key`, after the oldest work of its cluster that lost its driver.

    Called once per delivery, and a queue may deliver twice: `claim` decides, not the queue.
    """
    expired = insist(lambda: find_oldest_expired(beside=key))
    if expired and (held := insist(lambda: claim(expired))):
        # Taking over must not make this delivery's own work wait for it.
        insist(lambda: hand_back(key=key))
        drive(held)
        insist(lambda: drop(key=expired))
    if held := insist(lambda: claim(key)):
        drive(held)


def drive(held: Held) -> None:
    """Call the lease's task under a heartbeat; close the lease when it returns.

    A task that raises is tried again later, a bounded number of times, and so is one whose worker
    dies. A lost lease ends it silently: whoever has the lease now goes on.
    """
    logger.info("lease %s token %s started", held.key, held.token)
    try:
        if held.deaths > MAX_DEATHS:
            # It was delivered once more to tell of its end, and killed that worker as well.
            raise KillsItsWorkers(held.deaths)
        with Heartbeat(held):
            import_string(held.work.task)(held, **held.work.args)
    except LeaseLost:
        logger.warning("lease %s token %s gave way", held.key, held.token)
    except (Exception, TimeoutException) as error:
        # Any error of the work ends its attempt, never the worker; the lease records it.
        logger.exception("lease %s token %s failed", held.key, held.token)
        reason = f"{type(error).__name__}: {error}"
        insist(lambda: fail_attempt(held, error=reason))
    else:
        insist(lambda: close(held))
        logger.info("lease %s token %s finished", held.key, held.token)
