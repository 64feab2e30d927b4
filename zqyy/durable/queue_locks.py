"""Queue locks that die with their holder.

multiprocessing.Queue.get holds a POSIX semaphore while it waits for a message. A worker that is
killed there never releases it, and its siblings wait for ever. The kernel drops a file lock with
the process that holds it.
"""

from __future__ import annotations

import errno
import fcntl
import tempfile
import time
from types import TracebackType
from typing import Any

import django_q.cluster
from django_q.queues import Queue

# The kernel's false alarms are over when the other thread's message is read or written.
CROSSED_SECONDS = 0.001


class FileLock:
    """A lock between processes, with the part of multiprocessing.Lock that Queue uses.

    A record lock on an unlinked temporary file: shared by fork, held by one process. Threads of
    one process do not exclude each other; a Queue reads in one thread and writes in one.

    The kernel looks for deadlocks between processes and knows nothing of their threads: of two
    workers, each writing an answer in one thread and waiting for the next task in another, it
    refuses one with EDEADLK, although neither thread that holds a lock waits. So that is no error.
    """

    def __init__(self) -> None:
        # Open as long as the queue lives: closing any descriptor of the file drops the lock.
        self._file = tempfile.TemporaryFile()

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        if block and timeout is None:
            while not self._wait():
                time.sleep(CROSSED_SECONDS)
            return True
        deadline = time.monotonic() + (timeout if block and timeout else 0)
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # held elsewhere: EACCES or EAGAIN
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.01)
            else:
                return True

    def _wait(self) -> bool:
        """Whether we have it; False where the kernel takes two crossed waits for a deadlock."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno != errno.EDEADLK:
                raise
            return False
        return True

    def release(self) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class DurableQueue(Queue):  # type: ignore[misc]  # django-q2 carries no types
    """django-q2's queue whose reader and writer locks survive a killed holder."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rlock = FileLock()
        self._wlock = FileLock()
        # Nothing has bound the old locks yet, and this keeps it so whatever __init__ did.
        self._reset()


def install() -> None:
    """Give every cluster started by this process the safe queue."""
    django_q.cluster.Queue = DurableQueue
