"""One process group of workers, started afresh when it dies or freezes.

A frozen cluster looks alive: after kill -9 at the wrong moment its processes wait for each
other for ever. The database shows it: work that waits beside idle workers.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection

from zqyy.durable.groups import Health, ask_back, fetch_astray, forget_group, read_health
from zqyy.durable.guarded import GRACE_SECONDS, GuardedProcess, spawn_guarded
from zqyy.durable.notify import notify_alive
from zqyy.durable.outages import OUTAGE

logger = logging.getLogger(__name__)

WATCH_SECONDS = 1
DRAIN_SECONDS = 0.5
# A group is called frozen only this long after it first fetched a row: its workers are just
# starting then. Or after START_SECONDS, as long as its imports may take on a loaded machine.
YOUNG_SECONDS = 4
START_SECONDS = 30
# A group that ended before this age without having fetched anything is crashing as it starts: the
# next start waits, twice as long each time. What kills a group that works is given up by its job.
SHORT_LIFE_SECONDS = 5
FIRST_BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 30


def supervise(*, cluster: str, stopping: threading.Event, grace: float = GRACE_SECONDS) -> None:
    """Keep one group of workers of `cluster` running until told to stop, then stop it.

    Args:
        grace: seconds that its workers have to end or hand over what they are at.
    """
    short_lives = 0
    while not stopping.is_set():
        group = uuid4()
        started = time.monotonic()
        process = _start_group(cluster=cluster, group=group, grace=grace)
        logger.info("cluster %s group %s started, pid %s", cluster, group, process.child_pid)
        reason = _watch(process, cluster=cluster, group=group, stopping=stopping)
        if stopping.is_set():
            _drain(process, group=group)
        else:
            logger.error("cluster %s group %s %s: starting afresh", cluster, group, reason)
            process.kill_group()
            process.wait()
        has_worked = _forget(group, was_stopped=stopping.is_set())
        is_short = time.monotonic() - started < SHORT_LIFE_SECONDS and not has_worked
        short_lives = short_lives + 1 if is_short else 0
        if short_lives:
            stopping.wait(
                min(FIRST_BACK_OFF_SECONDS * 2 ** (short_lives - 1), LONGEST_BACK_OFF_SECONDS)
            )
    logger.info("cluster %s stopped", cluster)


def _start_group(*, cluster: str, group: UUID, grace: float) -> GuardedProcess:
    return spawn_guarded(
        [sys.executable, "-m", "django", "qcluster"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE,
            "Q_CLUSTER_NAME": cluster,
            "ZQYY_PROCESS": "worker",
            "ZQYY_GROUP": str(group),
        },
        cwd=settings.BASE_DIR,
        grace=grace,
    )


def _watch(process: GuardedProcess, *, cluster: str, group: UUID, stopping: threading.Event) -> str:
    """Return when the group has died, is frozen, or is to stop; what happened, for the log."""
    config = {**settings.Q_CLUSTER, **settings.Q_CLUSTER["ALT_CLUSTERS"].get(cluster, {})}
    started = time.monotonic()
    established = started + START_SECONDS
    while not stopping.wait(WATCH_SECONDS):
        notify_alive()
        status = process.poll()
        if status is not None:
            return f"died with status {status}"
        try:
            health = read_health(cluster=cluster, group=group, retry=config["retry"])
            now = time.monotonic()
            if health.has_fetched:
                established = min(established, now + YOUNG_SECONDS)
            if not _is_idle_beside_work(health, workers=config["workers"]):
                continue
            if health.astray and now > started + YOUNG_SECONDS:
                fetch_astray(cluster=cluster, group=group, retry=config["retry"])
            if health.undelivered and now > established:
                return f"is frozen: {health}"
        except OUTAGE as error:
            logger.warning("database away, cluster %s is not judged: %s", cluster, error)
            connection.close()
    return "is to stop"


def _is_idle_beside_work(health: Health, *, workers: int) -> bool:
    return (
        health.database_has_settled
        and health.busy < workers
        and health.undelivered + health.astray > 0
    )


def _drain(process: GuardedProcess, *, group: UUID) -> None:
    """Take no more work, hand over what is being done; the guard ends what outlasts its grace."""
    process.request_stop()
    while process.poll() is None:
        try:
            # Again and again: a worker may just have been handed the last one.
            ask_back(group=group)
        except OUTAGE as error:
            logger.warning("database away, group %s is not asked back: %s", group, error)
            connection.close()
        time.sleep(DRAIN_SECONDS)


def _forget(group: UUID, *, was_stopped: bool) -> bool:
    """Whether it had fetched anything, as far as is known.

    Once only: what an outage keeps from being forgotten here expires, and is fetched astray.
    """
    try:
        return forget_group(group=group, was_stopped=was_stopped)
    except OUTAGE as error:
        logger.warning("database away, group %s is left to expire: %s", group, error)
        connection.close()
        return False
