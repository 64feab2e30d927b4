"""Threads that take steps of one job side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType

from django.db import connections

from aijobs.models import Run


class StepPool:
    """At most `threads` threads, born when there is something to do, for the length of a `with`
    block. Each keeps a database connection of its own until the end.
    """

    def __init__(self, *, threads: int, take: Callable[[Run], None]) -> None:
        self._most = threads
        self._take = take
        self._threads: list[threading.Thread] = []
        self._todo: SimpleQueue[Run | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[Run, BaseException | None]] = SimpleQueue()
        self._taken: set[int] = set()

    def __enter__(self) -> StepPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _thread in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def is_busy(self) -> bool:
        return bool(self._taken)

    def start(self, run: Run) -> None:
        """Take a step as soon as a thread is free; one that is being taken already is left alone."""
        if run.pk in self._taken or len(self._taken) == self._most:
            return
        self._taken.add(run.pk)
        if len(self._threads) < len(self._taken):
            self._threads.append(threading.Thread(target=self._work, name="steps", daemon=True))
            self._threads[-1].start()
        self._todo.put(run)

    def wait(self) -> None:
        """Until one of the steps has ended.

        Raises:
            What taking it raised.
        """
        run, error = self._done.get()
        self._taken.remove(run.pk)
        if error is not None:
            raise error

    def _work(self) -> None:
        try:
            while (run := self._todo.get()) is not None:
                try:
                    self._take(run)
                except BaseException as error:  # noqa: BLE001  raised again by wait()
                    self._done.put((run, error))
                else:
                    self._done.put((run, None))
        finally:
            connections.close_all()
