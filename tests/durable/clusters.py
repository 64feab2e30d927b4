"""Real workers on the database of the running test: `worker_cluster("realtime")`.

The test needs `django_db(transaction=True)`: other processes see only what is committed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import pytest
from django.conf import settings
from django.db import connection, connections

from zqyy.durable.processes import has_ended

START_SECONDS = 60


@dataclass
class WorkerCluster:
    """A running `run_cluster` and the processes below it: guard, main, sentinel, workers."""

    name: str
    supervisor: subprocess.Popen[bytes]
    log: Path

    def main(self) -> psutil.Process:
        (guard,) = psutil.Process(self.supervisor.pid).children()
        (main,) = guard.children()
        return main

    def sentinel(self) -> psutil.Process:
        (sentinel,) = self.main().children()
        return sentinel

    def workers(self) -> list[psutil.Process]:
        """Workers in the order they were forked; monitor and pusher come after the first ones."""
        children = sorted(self.sentinel().children(), key=lambda child: child.pid)
        return children[: self._worker_count()]

    def processes(self) -> list[psutil.Process]:
        """Everything below the supervisor."""
        return psutil.Process(self.supervisor.pid).children(recursive=True)

    def is_up(self) -> bool:
        try:
            return len(self.sentinel().children()) == self._worker_count() + 2
        except (ValueError, psutil.NoSuchProcess):  # still being born
            return False

    def _worker_count(self) -> int:
        alternative = settings.Q_CLUSTER["ALT_CLUSTERS"].get(self.name, {})
        return int({**settings.Q_CLUSTER, **alternative}["workers"])


def sweeper() -> psutil.Process:
    """The sweeper that this process has started and not killed."""
    mine = psutil.Process().children()
    (found,) = [
        child for child in mine if not has_ended(child) and child.cmdline()[-1:] == ["sweep"]
    ]
    return found


def wait_until(condition: Callable[[], object], *, seconds: float) -> float:
    """Wait until the condition holds; the seconds it took."""
    started = time.monotonic()
    while not condition():
        elapsed = time.monotonic() - started
        assert elapsed < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - started


@pytest.fixture(scope="session")
def settled_database(django_db_setup: None, django_db_blocker) -> None:
    """PostgreSQL has been up long enough for expired leases to be taken and clusters judged."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_sleep(greatest(0, extract(epoch FROM"
            " pg_postmaster_start_time() + interval '13 s' - clock_timestamp())))"
        )


@pytest.fixture
def worker_cluster(
    settled_database: None, transactional_db: None, tmp_path: Path
) -> Iterator[Callable[[str], WorkerCluster]]:
    """Call it with a cluster's name: starts its workers, and one sweeper for all of them."""
    with ExitStack() as stack:
        stack.enter_context(running_sweeper(log=tmp_path / "sweep.log"))
        yield lambda name: stack.enter_context(running_cluster(name, log=tmp_path / f"{name}.log"))


@contextmanager
def running_cluster(name: str, *options: str, log: Path) -> Iterator[WorkerCluster]:
    """A cluster whose workers are there."""
    with running("run_cluster", name, *options, log=log) as supervisor:
        cluster = WorkerCluster(name=name, supervisor=supervisor, log=log)
        wait_until(cluster.is_up, seconds=START_SECONDS)
        yield cluster


def running_sweeper(*, log: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return running("sweep", log=log, settings_module="tests.durable.quiet_settings")


@contextmanager
def running(
    *command: str, log: Path, settings_module: str = "zqyy.settings"
) -> Iterator[subprocess.Popen[bytes]]:
    """A management command on the test database, stopped by its pid at the end."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": settings_module,
        "DATABASE_URL": on_test_database(os.environ["DATABASE_URL"]),
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "django", *command],
            env=environment,
            cwd=settings.BASE_DIR,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
        # The next test truncates: no connection of ours may be in its way.
        connections.close_all()


def on_test_database(url: str) -> str:
    """The same server's database of the running test, for processes that the test starts."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{connection.settings_dict['NAME']}"))
