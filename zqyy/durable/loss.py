"""Telling running work that its lease is gone, so that it aborts its calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Loss:
    """The loss of one lease: happens at most once, known to every thread of the work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._happened = threading.Event()
        self._callbacks: list[Callable[[], None]] = []

    def has_happened(self) -> bool:
        return self._happened.is_set()

    def tell(self) -> None:
        """Run what was registered, once, in the calling thread."""
        with self._lock:
            self._happened.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` when the loss happens within the block, at once if it has.

        It runs in the heartbeat's thread: quick, and no database.
        """
        with self._lock:
            too_late = self._happened.is_set()
            if not too_late:
                self._callbacks.append(callback)
        if too_late:
            callback()
        try:
            yield
        finally:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)
