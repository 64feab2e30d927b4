"""Sending to the channel layer: one thread a process, whose connections stay open.

`async_to_sync` would begin an event loop and a connection for every message, which costs a step of
a chain more than its database does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from multiprocessing.util import Finalize
from typing import Any

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# Messages that wait for a Valkey that is away; further ones are dropped, being hints.
MOST_WAITING = 10_000
# A process that ends gives its last messages this long.
LAST_SECONDS = 2.0

_Message = tuple[str, dict[str, Any]]


class Broadcaster:
    """Sends one message after the other, in the order in which they were given."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._waiting: asyncio.Queue[_Message | threading.Event] = asyncio.Queue(MOST_WAITING)
        self._is_dropping = False
        threading.Thread(target=self._run, name="broadcast", daemon=True).start()

    def send(self, group: str, event: dict[str, Any]) -> None:
        """Queue a message; returns at once."""
        self._loop.call_soon_threadsafe(self._offer, (group, event))

    def flush(self, seconds: float) -> bool:
        """Wait for what has been queued; False: it takes longer."""
        is_done = threading.Event()
        self._loop.call_soon_threadsafe(self._offer, is_done)
        return is_done.wait(seconds)

    def _offer(self, item: _Message | threading.Event) -> None:
        try:
            self._waiting.put_nowait(item)
        except asyncio.QueueFull:
            if not self._is_dropping:
                logger.warning("messages are dropped: %s wait already", MOST_WAITING)
            self._is_dropping = True
        else:
            self._is_dropping = False

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._send_all())

    async def _send_all(self) -> None:
        while True:
            item = await self._waiting.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            group, event = item
            try:
                await get_channel_layer().group_send(group, event)
            except (RedisError, OSError) as error:
                logger.warning("%s: %s not announced: %s", group, event["type"], error)
            except Exception:
                # One message that cannot be sent must not silence those after it.
                logger.exception("%s: %s cannot be announced", group, event["type"])


_lock = threading.Lock()
_broadcaster: Broadcaster | None = None


def broadcast(group: str, event: dict[str, Any]) -> None:
    """Send an event to everybody in a group, soon. Never fails, never waits."""
    global _broadcaster
    with _lock:
        if _broadcaster is None:
            _broadcaster = Broadcaster()
            # Of multiprocessing, because django-q2's workers leave without atexit.
            Finalize(None, flush, exitpriority=10)
        _broadcaster.send(group, event)


def flush(seconds: float = LAST_SECONDS) -> bool:
    """Wait until everything given so far was sent, or was lost; False: that takes longer."""
    return _broadcaster is None or _broadcaster.flush(seconds)


def _forget() -> None:
    """A forked child has the object, but neither its thread nor a free lock."""
    global _lock, _broadcaster
    _lock, _broadcaster = threading.Lock(), None


os.register_at_fork(after_in_child=_forget)
