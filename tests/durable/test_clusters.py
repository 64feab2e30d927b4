"""Real worker processes, really killed. Every bound is the product's promise: 12 seconds.

One realtime cluster serves all tests that leave it well. Who kills a supervisor, or wants a place to
run out, starts clusters of its own; those that may not share the work are batch clusters.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from django.db import connection, transaction

from tests.durable import steps
from tests.durable.clusters import (
    START_SECONDS,
    WorkerCluster,
    running_cluster,
    running_sweeper,
    sweeper,
    wait_until,
)
from tests.durable.rows import expire
from tests.durable.steps import let_end, read_lines
from zqyy.durable.groups import PATIENCE_SECONDS
from zqyy.durable.leases import MAX_DEATHS, open_lease, revoke
from zqyy.durable.models import Lease
from zqyy.durable.processes import wait_for_end

pytestmark = pytest.mark.slow

RESUMED_WITHIN = 12


@dataclass
class Shared:
    """The cluster and the sweeper of all tests, and where the log of this one begins."""

    cluster: WorkerCluster
    stack: ExitStack
    log_begins: int = 0

    def start_sweeper(self) -> None:
        log = self.cluster.log.with_name("sweep.log")
        self.stack.enter_context(running_sweeper(log=log))

    def log(self) -> str:
        return self.cluster.log.read_text()[self.log_begins :]


@pytest.fixture(scope="module")
def shared(settled_database, django_db_blocker, tmp_path_factory) -> Iterator[Shared]:
    log = tmp_path_factory.mktemp("clusters") / "realtime.log"
    with django_db_blocker.unblock(), ExitStack() as stack:
        cluster = stack.enter_context(running_cluster("realtime", log=log))
        shared = Shared(cluster, stack)
        shared.start_sweeper()
        yield shared


@pytest.fixture
def realtime(shared) -> Iterator[Shared]:
    """Whole, idle and with nothing to do; what a test leaves is ended."""
    wait_until(shared.cluster.is_up, seconds=START_SECONDS)
    shared.log_begins = len(shared.cluster.log.read_text())
    yield shared
    for key in Lease.objects.filter(closed_at=None).values_list("key", flat=True):
        revoke(key)
    # Whoever is at something of it hears of it with the next renewal.
    wait_until(lambda: queue_is_empty("realtime"), seconds=RESUMED_WITHIN)
    with connection.cursor() as cursor:
        for table in ("leases", "django_q_ormq", "django_q_task"):
            cursor.execute(f"DELETE FROM {table}")


def open_steps(
    path: Path,
    *,
    key: str = "steps:1",
    count: int = 3,
    seconds: float | None = 0.2,
    cluster: str = "realtime",
) -> Lease:
    return open_task(
        steps.TASK, path, key=key, cluster=cluster, args={"steps": count, "seconds": seconds}
    )


def open_task(
    task: str,
    path: Path,
    *,
    key: str,
    cluster: str = "realtime",
    args: dict[str, object] | None = None,
) -> Lease:
    with transaction.atomic():
        return open_lease(
            key=key,
            cluster=cluster,
            task=task,
            args={"path": str(path), **(args or {})},
            site_id=None,
            mode="live",
            business_date=None,
        )


def events(path: Path, event: str) -> list[int]:
    return [line["step"] for line in read_lines(path) if line["event"] == event]


def is_closed(key: str = "steps:1") -> bool:
    return Lease.objects.filter(key=key, closed_at__isnull=False).exists()


def queue_is_empty(cluster: str = "realtime") -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_q_ormq WHERE key = %s", [cluster])
        return cursor.fetchone() == (0,)


def worker_of(path: Path) -> int:
    return read_lines(path)[-1]["pid"]


def wait_for_start(path: Path) -> None:
    wait_until(lambda: events(path, "started"), seconds=10)


def kill_busy_worker(path: Path) -> float:
    wait_for_start(path)
    os.kill(worker_of(path), signal.SIGKILL)
    return time.time()


def next_start(path: Path, *, after: float) -> float:
    wait_until(lambda: any(line["at"] > after for line in read_lines(path)), seconds=RESUMED_WITHIN)
    return min(line["at"] for line in read_lines(path) if line["at"] > after)


def end_steps(path: Path, *steps_of_it: int) -> None:
    for step in steps_of_it:
        let_end(path, step).touch()


def test_a_worker_does_the_work_once_and_the_queue_is_empty_afterwards(realtime, tmp_path):
    path = tmp_path / "steps"

    open_steps(path, seconds=0)

    wait_until(is_closed, seconds=5)
    assert events(path, "finished") == [0, 1, 2]
    assert events(path, "started") == [0, 1, 2]
    wait_until(queue_is_empty, seconds=5)


def test_work_of_a_killed_worker_resumes_at_its_unfinished_step(realtime, tmp_path):
    path = tmp_path / "steps"
    end_steps(path, 0, 2)
    open_steps(path, seconds=None)
    wait_until(lambda: events(path, "started") == [0, 1], seconds=10)

    killed_at = kill_busy_worker(path)
    end_steps(path, 1)

    assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
    wait_until(is_closed, seconds=10)
    assert events(path, "finished") == [0, 1, 2]
    wait_until(queue_is_empty, seconds=5)


def test_a_cluster_goes_on_when_its_idle_workers_are_killed(realtime, tmp_path):
    cluster = realtime.cluster
    main = cluster.main().pid
    for worker in cluster.workers():
        worker.kill()
    wait_until(cluster.is_up, seconds=5)

    path = tmp_path / "steps"
    open_steps(path)

    wait_until(is_closed, seconds=5)
    assert cluster.main().pid == main


@pytest.mark.parametrize("victim", ["main", "sentinel"])
def test_a_cluster_without_its_head_starts_afresh(realtime, tmp_path, victim):
    path = tmp_path / "steps"
    open_steps(path, count=2, seconds=None)
    wait_for_start(path)
    before = realtime.cluster.processes()[1:]

    killed_at = time.time()
    getattr(realtime.cluster, victim)().kill()

    assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
    end_steps(path, 0, 1)
    wait_until(is_closed, seconds=10)
    assert events(path, "started") == [0, 0, 1]
    assert events(path, "finished") == [0, 1]
    assert not wait_for_end(before, seconds=0)


def test_a_frozen_cluster_starts_afresh(realtime, tmp_path):
    open_steps(tmp_path / "warm-up", key="steps:0", seconds=0)
    wait_until(lambda: is_closed("steps:0"), seconds=10)
    # Stopped processes look alive to their sentinel, as workers that wait for a dead lock do.
    for worker in realtime.cluster.workers():
        worker.suspend()

    open_steps(tmp_path / "steps")

    wait_until(is_closed, seconds=RESUMED_WITHIN)
    assert "frozen" in realtime.log()


def test_a_backlog_on_busy_workers_is_not_taken_for_a_freeze(realtime, tmp_path):
    paths = [tmp_path / str(number) for number in range(3)]
    for number, path in enumerate(paths):
        open_steps(path, key=f"steps:{number}", count=1, seconds=None)
    for path in paths[:2]:
        wait_for_start(path)

    time.sleep(PATIENCE_SECONDS + 2)
    for path in paths:
        end_steps(path, 0)

    wait_until(lambda: all(is_closed(f"steps:{number}") for number in range(3)), seconds=10)
    assert "starting afresh" not in realtime.log()
    assert all(len(events(path, "started")) == 1 for path in paths)


def test_a_driver_that_lost_its_lease_writes_nothing(realtime, tmp_path):
    path = tmp_path / "steps"
    open_steps(path, count=2, seconds=1)
    wait_for_start(path)
    stopped = psutil.Process(worker_of(path))
    stopped.suspend()
    stopped_at = time.time()

    wait_until(is_closed, seconds=RESUMED_WITHIN + 5)
    stopped.resume()
    wait_until(lambda: "lease steps:1 token 1 gave way" in realtime.log(), seconds=10)

    late = [line for line in read_lines(path) if line["at"] > stopped_at]
    assert stopped.pid not in {line["pid"] for line in late}
    assert events(path, "finished") == [0, 1]


def test_the_sweeper_replaces_a_lost_queue_row_once(realtime, tmp_path):
    path = tmp_path / "steps"
    with transaction.atomic():
        open_steps(path)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_q_ormq")

    wait_until(is_closed, seconds=10)
    assert events(path, "started") == [0, 1, 2]


def test_a_broken_task_is_tried_three_times(realtime, tmp_path):
    path = tmp_path / "steps"
    open_task("tests.durable.steps.fail_always", path, key="broken")

    for failures in (1, 2):
        wait_until(
            lambda failures=failures: Lease.objects.filter(failures=failures).exists(), seconds=10
        )
        expire("broken")  # instead of waiting 5 and 25 s

    wait_until(lambda: is_closed("broken"), seconds=10)
    assert len(read_lines(path)) == 3
    assert Lease.objects.get(key="broken").last_error == "ValueError: this task is broken"
    wait_until(queue_is_empty, seconds=5)


def test_a_task_that_kills_its_worker_is_given_up(realtime, tmp_path):
    path = tmp_path / "steps"
    open_task("tests.durable.steps.kill_own_worker", path, key="deadly")

    for deaths in range(1, MAX_DEATHS + 2):
        wait_until(lambda deaths=deaths: len(read_lines(path)) == deaths, seconds=RESUMED_WITHIN)
        expire("deadly")  # instead of waiting for its six seconds to run out

    wait_until(lambda: is_closed("deadly"), seconds=RESUMED_WITHIN)
    assert Lease.objects.get().last_error == "KillsItsWorkers: its worker died 6 times"
    wait_until(queue_is_empty, seconds=5)


def test_the_place_of_a_killed_worker_goes_to_its_work_and_not_to_what_waits(realtime, tmp_path):
    paths = [tmp_path / str(number) for number in range(3)]
    for number, path in enumerate(paths):
        open_steps(path, key=f"steps:{number}", count=1, seconds=None)
    for path in paths[:2]:
        wait_for_start(path)

    killed_at = kill_busy_worker(paths[0])

    assert next_start(paths[0], after=killed_at) - killed_at < RESUMED_WITHIN
    assert not events(paths[2], "started")


def test_work_resumes_while_the_sweeper_is_dead_and_after_it_has_come_back(realtime, tmp_path):
    path = tmp_path / "steps"
    open_steps(path, count=3, seconds=None)
    sweeper().kill()

    killed_at = kill_busy_worker(path)

    assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
    realtime.start_sweeper()
    killed_at = kill_busy_worker(path)
    assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
    end_steps(path, 0, 1, 2)
    wait_until(is_closed, seconds=10)
    wait_until(queue_is_empty, seconds=5)


# --- Clusters of their own -----------------------------------------------------------------------


def test_two_groups_of_one_cluster_share_the_work(realtime, tmp_path):
    paths = [tmp_path / str(number) for number in range(6)]
    with running_cluster("realtime", log=tmp_path / "second.log") as second:
        for number, path in enumerate(paths):
            open_steps(path, key=f"steps:{number}", count=1, seconds=None)
        wait_until(lambda: sum(bool(read_lines(path)) for path in paths) == 4, seconds=10)

        time.sleep(PATIENCE_SECONDS + 2)
        for path in paths:
            end_steps(path, 0)

        wait_until(lambda: all(is_closed(f"steps:{number}") for number in range(6)), seconds=10)
    assert "starting afresh" not in realtime.log()
    assert "starting afresh" not in second.log.read_text()
    assert all(len(events(path, "started")) == 1 for path in paths)


def test_a_full_batch_cluster_keeps_nobody_waiting(realtime, tmp_path):
    with running_cluster("batch", log=tmp_path / "batch.log"):
        for number in range(4):
            path = tmp_path / f"batch{number}"
            open_steps(path, key=f"batch:{number}", count=1, seconds=None, cluster="batch")
        for number in range(2):
            wait_for_start(tmp_path / f"batch{number}")

        path = tmp_path / "steps"
        open_steps(path, count=2, seconds=None)
        wait_until(lambda: events(path, "started"), seconds=3)
        killed_at = kill_busy_worker(path)
        end_steps(path, 0, 1)

        assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
        wait_until(is_closed, seconds=10)
        assert not any(is_closed(f"batch:{number}") for number in range(4))


# How long workers whose supervisor was killed may go on.
BRIEFLY = ("--grace", "1")


def test_a_killed_supervisor_leaves_no_process_and_its_work_goes_on(realtime, tmp_path):
    path = tmp_path / "steps"
    with running_cluster("batch", *BRIEFLY, log=tmp_path / "first.log") as first:
        open_steps(path, count=2, seconds=None, cluster="batch")
        wait_for_start(path)
        below = first.processes()

        first.supervisor.kill()

        assert not wait_for_end(below, seconds=12)
    end_steps(path, 0, 1)
    with running_cluster("batch", log=tmp_path / "second.log"):
        wait_until(is_closed, seconds=RESUMED_WITHIN)
    assert events(path, "finished") == [0, 1]


def test_a_stopped_cluster_leaves_no_process(realtime, tmp_path):
    with running_cluster("batch", log=tmp_path / "batch.log") as cluster:
        below = cluster.processes()

        cluster.supervisor.terminate()

        assert cluster.supervisor.wait(15) == 0
        assert not wait_for_end(below, seconds=0)


def test_a_stopped_cluster_hands_its_work_over_between_two_steps(realtime, tmp_path):
    path = tmp_path / "steps"
    with running_cluster("batch", log=tmp_path / "first.log") as first:
        open_steps(path, seconds=None, cluster="batch")
        wait_for_start(path)
        with running_cluster("batch", log=tmp_path / "second.log"):
            first.supervisor.terminate()
            wait_until(lambda: Lease.objects.get().is_asked_back, seconds=5)
            asked = Lease.objects.get().renewed_at
            wait_until(lambda: Lease.objects.get().renewed_at > asked, seconds=5)
            end_steps(path, 0, 1, 2)

            wait_until(is_closed, seconds=10)

    assert events(path, "started") == events(path, "finished") == [0, 1, 2]
    assert len({line["pid"] for line in read_lines(path)}) == 2
    assert Lease.objects.get().deaths == 0


def test_of_two_groups_one_goes_on_with_what_the_other_was_at(realtime, tmp_path):
    paths = [tmp_path / str(number) for number in range(2)]
    with running_cluster("batch", *BRIEFLY, log=tmp_path / "first.log") as first:
        for number, path in enumerate(paths):
            open_steps(path, key=f"steps:{number}", count=2, seconds=None, cluster="batch")
        for path in paths:
            wait_for_start(path)
        with running_cluster("batch", log=tmp_path / "second.log"):
            first.supervisor.kill()
            killed_at = time.time()

            for path in paths:
                assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
                end_steps(path, 0, 1)
            wait_until(lambda: all(is_closed(f"steps:{number}") for number in range(2)), seconds=10)
    assert all(events(path, "started") == [0, 0, 1] for path in paths)
    assert all(events(path, "finished") == [0, 1] for path in paths)
