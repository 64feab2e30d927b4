"""What a connection still has to be sent. Who does not read is given up and slows nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, NoReturn

from prometheus_client import Counter

QUEUE_LENGTH = 1000
SEND_SECONDS = 5.0

Reason = Literal["queue_full", "send_timeout", "send_error"]

DROPPED = Counter(
    "zqyy_ws_dropped", "WebSocket connections given up because nobody read them.", ["reason"]
)


class Dropped(Exception):
    """The connection is beyond saving: nothing more can be sent to it, not even that it is over."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason)


class Outbox:
    """A bounded queue of texts, sent one after the other."""

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self._send = send
        self._texts: asyncio.Queue[str] = asyncio.Queue(QUEUE_LENGTH)

    def offer(self, text: str) -> None:
        """Queue a text now.

        Raises:
            Dropped: the queue is full.
        """
        try:
            self._texts.put_nowait(text)
        except asyncio.QueueFull as error:
            raise Dropped("queue_full") from error

    async def put(self, text: str) -> None:
        """Queue a text as soon as there is room: for what can wait, such as a long catch-up."""
        await self._texts.put(text)

    async def run(self) -> NoReturn:
        """Send what is queued, for as long as the connection lives.

        Raises:
            Dropped: a text could not be sent, or not in time.
        """
        while True:
            text = await self._texts.get()
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._send(text)
            except TimeoutError as error:
                raise Dropped("send_timeout") from error
            # Whatever a server raises here, there is no connection to send to any more.
            except Exception as error:
                raise Dropped("send_error") from error
