"""Real worker processes, really killed. Every bound is the product's promise: 12 seconds."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from django.db import connection, transaction

from tests.durable import steps
from tests.durable.clusters import WorkerCluster, running, sweeper, wait_until
from tests.durable.rows import expire
from tests.durable.steps import read_lines
from zqyy.durable.leases import MAX_DEATHS, open_lease
from zqyy.durable.models import Lease

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

RESUMED_WITHIN = 12


def open_steps(
    path: Path,
    *,
    key: str = "steps:1",
    count: int = 3,
    seconds: float = 0.2,
    cluster: str = "realtime",
) -> Lease:
    with transaction.atomic():
        return open_lease(
            key=key,
            cluster=cluster,
            task=steps.TASK,
            args={"path": str(path), "steps": count, "seconds": seconds},
            site_id=None,
            mode="live",
            business_date=None,
        )


def events(path: Path, event: str) -> list[int]:
    return [line["step"] for line in read_lines(path) if line["event"] == event]


def is_closed(key: str = "steps:1") -> bool:
    return Lease.objects.filter(key=key, closed_at__isnull=False).exists()


def queue_is_empty() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_q_ormq")
        return cursor.fetchone() == (0,)


def worker_of(path: Path) -> int:
    return read_lines(path)[-1]["pid"]


def kill_busy_worker(path: Path) -> float:
    wait_until(lambda: events(path, "started"), seconds=10)
    os.kill(worker_of(path), signal.SIGKILL)
    return time.time()


def next_start(path: Path, *, after: float) -> float:
    wait_until(lambda: any(line["at"] > after for line in read_lines(path)), seconds=RESUMED_WITHIN)
    return min(line["at"] for line in read_lines(path) if line["at"] > after)


def test_a_worker_does_the_work_once_and_the_queue_is_empty_afterwards(worker_cluster, tmp_path):
    worker_cluster("realtime")
    path = tmp_path / "steps"

    open_steps(path, seconds=0)

    wait_until(is_closed, seconds=5)
    assert events(path, "finished") == [0, 1, 2]
    assert events(path, "started") == [0, 1, 2]
    wait_until(queue_is_empty, seconds=5)


def test_work_of_a_killed_worker_resumes_at_its_unfinished_step(worker_cluster, tmp_path):
    worker_cluster("realtime")
    path = tmp_path / "steps"
    open_steps(path, seconds=1)
    wait_until(lambda: events(path, "finished") == [0], seconds=10)

    killed_at = kill_busy_worker(path)

    assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
    wait_until(is_closed, seconds=10)
    assert events(path, "finished") == [0, 1, 2]
    wait_until(queue_is_empty, seconds=5)


def test_a_cluster_goes_on_when_its_idle_workers_are_killed(worker_cluster, tmp_path):
    cluster = worker_cluster("realtime")
    main = cluster.main().pid
    for worker in cluster.workers():
        worker.kill()
    wait_until(cluster.is_up, seconds=5)

    path = tmp_path / "steps"
    open_steps(path)

    wait_until(is_closed, seconds=5)
    assert cluster.main().pid == main


@pytest.mark.parametrize("victim", ["main", "sentinel"])
def test_a_cluster_without_its_head_starts_afresh(worker_cluster, tmp_path, victim):
    cluster: WorkerCluster = worker_cluster("realtime")
    path = tmp_path / "steps"
    open_steps(path, count=2, seconds=2)
    wait_until(lambda: events(path, "started"), seconds=10)
    before = cluster.processes()[1:]

    killed_at = time.time()
    getattr(cluster, victim)().kill()

    assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
    wait_until(is_closed, seconds=15)
    assert events(path, "finished") == [0, 1]
    assert not [process for process in before if process.is_running()]


def test_a_frozen_cluster_starts_afresh(worker_cluster, tmp_path):
    cluster = worker_cluster("realtime")
    path = tmp_path / "warm-up"
    open_steps(path, key="steps:0", seconds=0)
    wait_until(lambda: is_closed("steps:0"), seconds=10)
    # Stopped processes look alive to their sentinel, as workers that wait for a dead lock do.
    for worker in cluster.workers():
        worker.suspend()

    path = tmp_path / "steps"
    open_steps(path)

    wait_until(is_closed, seconds=RESUMED_WITHIN)
    assert "frozen" in cluster.log.read_text()


def test_a_backlog_on_busy_workers_is_not_taken_for_a_freeze(worker_cluster, tmp_path):
    cluster = worker_cluster("realtime")
    for number in range(4):
        open_steps(tmp_path / str(number), key=f"steps:{number}", count=1, seconds=5)

    wait_until(lambda: all(is_closed(f"steps:{number}") for number in range(4)), seconds=20)

    assert "starting afresh" not in cluster.log.read_text()
    assert all(len(events(tmp_path / str(number), "started")) == 1 for number in range(4))


def test_a_driver_that_lost_its_lease_writes_nothing(worker_cluster, tmp_path):
    worker_cluster("realtime")
    path = tmp_path / "steps"
    open_steps(path, count=2, seconds=1)
    wait_until(lambda: events(path, "started"), seconds=10)
    stopped = psutil.Process(worker_of(path))
    stopped.suspend()
    stopped_at = time.time()

    wait_until(is_closed, seconds=RESUMED_WITHIN + 5)
    stopped.resume()
    time.sleep(3)

    late = [line for line in read_lines(path) if line["at"] > stopped_at]
    assert stopped.pid not in {line["pid"] for line in late}
    assert events(path, "finished") == [0, 1]


def test_the_sweeper_replaces_a_lost_queue_row_once(worker_cluster, tmp_path):
    path = tmp_path / "steps"
    with transaction.atomic():
        open_steps(path)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_q_ormq")

    worker_cluster("realtime")

    wait_until(is_closed, seconds=10)
    assert events(path, "started") == [0, 1, 2]


def test_a_broken_task_is_tried_three_times(worker_cluster, tmp_path):
    worker_cluster("realtime")
    path = tmp_path / "steps"
    with transaction.atomic():
        open_lease(
            key="broken",
            cluster="realtime",
            task="tests.durable.steps.fail_always",
            args={"path": str(path)},
            site_id=None,
            mode="live",
            business_date=None,
        )

    for failures in (1, 2):
        wait_until(
            lambda failures=failures: Lease.objects.filter(failures=failures).exists(), seconds=10
        )
        expire("broken")  # instead of waiting 5 and 25 s

    wait_until(lambda: is_closed("broken"), seconds=10)
    assert len(read_lines(path)) == 3
    assert Lease.objects.get(key="broken").last_error == "ValueError: this task is broken"
    wait_until(queue_is_empty, seconds=5)


def test_a_task_that_kills_its_worker_is_given_up(worker_cluster, tmp_path):
    worker_cluster("realtime")
    path = tmp_path / "steps"
    with transaction.atomic():
        open_lease(
            key="deadly",
            cluster="realtime",
            task="tests.durable.steps.kill_own_worker",
            args={"path": str(path)},
            site_id=None,
            mode="live",
            business_date=None,
        )

    for deaths in range(1, MAX_DEATHS + 2):
        wait_until(lambda deaths=deaths: len(read_lines(path)) == deaths, seconds=RESUMED_WITHIN)
        expire("deadly")  # instead of waiting for its six seconds to run out

    wait_until(lambda: is_closed("deadly"), seconds=RESUMED_WITHIN)
    assert Lease.objects.get().last_error == "KillsItsWorkers: its worker died 6 times"
    wait_until(queue_is_empty, seconds=5)


def test_a_killed_supervisor_leaves_no_process_and_its_work_goes_on(worker_cluster, tmp_path):
    first = worker_cluster("realtime")
    path = tmp_path / "steps"
    open_steps(path, count=2, seconds=1)
    wait_until(lambda: events(path, "started"), seconds=10)
    below = first.processes()

    first.supervisor.kill()
    killed_at = time.time()

    psutil.wait_procs(below, timeout=12)
    assert not [process for process in below if process.is_running()]
    with running("run_cluster", "realtime", log=tmp_path / "second.log"):
        next_start(path, after=killed_at)
        wait_until(is_closed, seconds=10)
    assert events(path, "finished") == [0, 1]


def test_two_groups_of_one_cluster_share_the_work(worker_cluster, tmp_path):
    first = worker_cluster("realtime")
    with running("run_cluster", "realtime", log=tmp_path / "second.log"):
        for number in range(6):
            open_steps(tmp_path / str(number), key=f"steps:{number}", count=1, seconds=5)

        wait_until(lambda: all(is_closed(f"steps:{number}") for number in range(6)), seconds=25)

    assert "starting afresh" not in first.log.read_text()
    assert "starting afresh" not in (tmp_path / "second.log").read_text()
    assert all(len(events(tmp_path / str(number), "started")) == 1 for number in range(6))


def test_a_stopped_cluster_leaves_no_process(worker_cluster):
    cluster = worker_cluster("realtime")
    below = cluster.processes()

    cluster.supervisor.terminate()

    assert cluster.supervisor.wait(15) == 0
    assert not [process for process in below if process.is_running()]


def test_a_stopped_cluster_hands_its_work_over_between_two_steps(worker_cluster, tmp_path):
    first = worker_cluster("realtime")
    path = tmp_path / "steps"
    open_steps(path, count=8, seconds=2)
    wait_until(lambda: events(path, "finished") == [0], seconds=10)

    with running("run_cluster", "realtime", log=tmp_path / "second.log"):
        first.supervisor.terminate()
        first.supervisor.wait(15)
        stopped_at = time.time()
        next_start(path, after=stopped_at)
        wait_until(is_closed, seconds=30)

    assert events(path, "started") == events(path, "finished") == list(range(8))
    assert len({line["pid"] for line in read_lines(path)}) == 2
    assert Lease.objects.get().deaths == 0


def test_of_two_groups_one_goes_on_with_what_the_other_was_at(worker_cluster, tmp_path):
    first = worker_cluster("realtime")
    paths = [tmp_path / str(number) for number in range(2)]
    for number, path in enumerate(paths):
        open_steps(path, key=f"steps:{number}", count=2, seconds=3)
    for path in paths:
        wait_until(lambda path=path: events(path, "started"), seconds=10)

    with running("run_cluster", "realtime", log=tmp_path / "second.log"):
        time.sleep(3)
        first.supervisor.kill()
        killed_at = time.time()

        for path in paths:
            assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
        wait_until(lambda: all(is_closed(f"steps:{number}") for number in range(2)), seconds=20)
    assert all(events(path, "finished") == [0, 1] for path in paths)


def test_the_place_of_a_killed_worker_goes_to_its_work_and_not_to_what_waits(
    worker_cluster, tmp_path
):
    worker_cluster("realtime")
    for number in range(3):
        open_steps(tmp_path / str(number), key=f"steps:{number}", count=1, seconds=20)
    busy = [tmp_path / "0", tmp_path / "1"]
    wait_until(lambda: all(events(path, "started") for path in busy), seconds=10)

    killed_at = kill_busy_worker(busy[0])

    assert next_start(busy[0], after=killed_at) - killed_at < RESUMED_WITHIN
    assert not events(tmp_path / "2", "started")


def test_work_resumes_while_the_sweeper_is_dead_and_after_it_has_come_back(
    worker_cluster, tmp_path
):
    worker_cluster("realtime")
    path = tmp_path / "steps"
    open_steps(path, count=3, seconds=2)
    sweeper().kill()

    killed_at = kill_busy_worker(path)

    assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
    with running("sweep", log=tmp_path / "sweep.log"):
        killed_at = kill_busy_worker(path)
        assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
        wait_until(is_closed, seconds=20)
        wait_until(queue_is_empty, seconds=5)


def test_a_full_batch_cluster_keeps_nobody_waiting(worker_cluster, tmp_path):
    worker_cluster("realtime")
    worker_cluster("batch")
    for number in range(4):
        path = tmp_path / f"batch{number}"
        open_steps(path, key=f"batch:{number}", count=1, seconds=30, cluster="batch")
    wait_until(lambda: events(tmp_path / "batch1", "started"), seconds=10)

    path = tmp_path / "steps"
    open_steps(path, count=2, seconds=1)
    wait_until(lambda: events(path, "started"), seconds=3)
    killed_at = kill_busy_worker(path)

    assert next_start(path, after=killed_at) - killed_at < RESUMED_WITHIN
    wait_until(is_closed, seconds=10)
    assert not any(is_closed(f"batch:{number}") for number in range(4))
