from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from queue import Empty

import django_q.cluster
import pytest

from zqyy.durable.queue_locks import DurableQueue, FileLock

fork = multiprocessing.get_context("fork")


def hold(lock: FileLock, ready) -> None:
    lock.acquire()
    ready.set()
    signal.pause()


@pytest.fixture
def holder():
    """A process that holds a lock until it is killed."""
    lock, ready = FileLock(), fork.Event()
    process = fork.Process(target=hold, args=(lock, ready))
    process.start()
    ready.wait(5)
    yield lock, process
    process.kill()
    process.join()


def test_every_cluster_gets_the_durable_queue():
    assert django_q.cluster.Queue is DurableQueue


def test_a_held_lock_is_refused(holder):
    lock, _ = holder

    assert not lock.acquire(block=False)
    assert not lock.acquire(timeout=0.05)


def test_the_lock_of_a_killed_process_is_free(holder):
    lock, process = holder

    os.kill(process.pid, signal.SIGKILL)
    process.join()

    assert lock.acquire(timeout=1)


def cross(ours: FileLock, theirs: FileLock, barrier) -> None:
    """Hold one lock in one thread and wait for the other in another, as a worker does that writes
    an answer while it waits for a task."""
    ours.acquire()

    def let_go() -> None:
        time.sleep(0.5)
        ours.release()

    barrier.wait(5)
    writer = threading.Thread(target=let_go)
    writer.start()
    theirs.acquire()
    theirs.release()
    writer.join()


def test_two_workers_whose_threads_wait_crosswise_are_no_deadlock():
    one, other, barrier = FileLock(), FileLock(), fork.Barrier(2)
    workers = [
        fork.Process(target=cross, args=(one, other, barrier)),
        fork.Process(target=cross, args=(other, one, barrier)),
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(10)

    assert [worker.exitcode for worker in workers] == [0, 0]


def test_siblings_of_a_reader_killed_at_the_queue_go_on_reading():
    queue = DurableQueue()
    readers = [fork.Process(target=queue.get) for _ in range(2)]
    for reader in readers:
        reader.start()
        reader.join(0.2)  # the first one waits in get() and holds the lock
    readers[0].kill()
    readers[0].join()

    queue.put("message")
    readers[1].join(5)

    assert readers[1].exitcode == 0
    queue.close()


def test_an_empty_queue_refuses_a_reader_that_does_not_wait():
    queue = DurableQueue()

    with pytest.raises(Empty):
        queue.get(block=False)
