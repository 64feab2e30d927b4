"""The socket of a store's pages: hints, and alerts of which none is missed.

Hints go out as they come. Alerts carry the store's numbers: one that is next in line is sent as it
was announced; when one is missing (lost with the channel layer, or only late), what the connection
has not had is read from the table, in order.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from channels.consumer import get_handler_name
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import translation
from redis.exceptions import RedisError

from aijobs.alert_log import newest_number
from aijobs.client_messages import Ping, parse_message
from aijobs.events import alert_group, encode_message, site_group, user_group
from aijobs.outbox import DROPPED, SEND_SECONDS, Dropped, Outbox
from aijobs.sockets import PROTOCOL, Principal, SocketRefused, authorise, read_missed
from sandbox.errors import NotPermitted, ZqyyError
from zqyy.durable.outages import OUTAGE

logger = logging.getLogger(__name__)

# A token is checked at its end. Grants, sign-outs, locked accounts, the membership in the groups
# (which a restart of Valkey forgets) and the newest number at this pace.
RECHECK_SECONDS = 15.0
# How long a number may be late before the table is asked.
GAP_SECONDS = 0.2
# Close code "try again later": the database or Valkey is away.
AWAY = 1013


class AlertConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels carries no types
    """`ws/ai-alerts/{site_id}/`: one store's alerts, job_progress, cache_updated, context_changed.

    It lives as long as its three parts do: listening to client and groups, sending, and the watch.
    """

    principal: Principal
    groups_joined: tuple[str, ...] = ()
    # The newest alert the client has been sent, or was there before it came.
    position = 0

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        self.outbox = Outbox(lambda text: send({"type": "websocket.send", "text": text}))
        self.is_open = asyncio.Event()
        self.is_behind = asyncio.Event()
        self.catching_up = asyncio.Lock()
        listening = super().__call__(scope, receive, send)
        parts = [
            asyncio.ensure_future(part) for part in (listening, self.outbox.run(), self._watch())
        ]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = [part for part in parts if part.done()]
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await self._leave()
        await self._explain(ended[0])

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without Channels' visit to the database's thread before every message."""
        await getattr(self, get_handler_name(message))(message)

    # --- Coming and going ------------------------------------------------------------------------

    async def connect(self) -> None:
        protocols = self.scope.get("subprotocols", [])
        # Accepted before it is refused: a close code reaches a client only on an open socket.
        await self.accept(PROTOCOL if PROTOCOL in protocols else None)
        await self._authorise()
        await self._join()
        self.position = await database_sync_to_async(newest_number)(self._site_id)
        self.is_open.set()

    async def _join(self) -> None:
        """Listen to the groups that are theirs now; doing it again keeps the membership."""
        joined = [site_group(self._site_id), user_group(self.principal.user_id)]
        if self.principal.reads_alerts:
            joined.append(alert_group(self._site_id))
        for group in set(self.groups_joined).difference(joined):
            await self.channel_layer.group_discard(group, self.channel_name)
        self.groups_joined = tuple(joined)
        for group in joined:
            await self.channel_layer.group_add(group, self.channel_name)

    async def _leave(self) -> None:
        # Without Valkey there is nothing to leave.
        with suppress(RedisError, OSError):
            for group in self.groups_joined:
                await self.channel_layer.group_discard(group, self.channel_name)

    async def _explain(self, ended: asyncio.Future[None]) -> None:
        """Close with the code that says why it ended."""
        try:
            ended.result()
        except SocketRefused as refusal:
            await self._close(refusal.code)
        except Dropped as drop:
            DROPPED.labels(drop.reason).inc()
            logger.warning("a socket of site %s dropped: %s", self._site_id, drop.reason)
        except (RedisError, OSError, *OUTAGE) as error:
            logger.warning("a socket of site %s lost: %s", self._site_id, error)
            await self._close(AWAY)

    async def _close(self, code: int) -> None:
        # Nobody may be there to hear it; servers say so by RuntimeError where it has ended.
        with suppress(TimeoutError, OSError, RuntimeError):
            async with asyncio.timeout(SEND_SECONDS):
                await self.close(code)

    # --- What the groups bring -------------------------------------------------------------------

    async def hint(self, event: dict[str, Any]) -> None:
        """A message of aijobs.events. Of another store: a user's own hints, not for this page."""
        if event["site_id"] == self._site_id:
            self.outbox.offer(event["text"])

    async def alert(self, event: dict[str, Any]) -> None:
        """An alert of the store, in the reader's language. One from before is a duplicate."""
        if event["seq"] == self.position + 1:
            self.position = event["seq"]
            self.outbox.offer(event["texts"][self.principal.language])
        elif event["seq"] > self.position:
            self.is_behind.set()

    # --- What the client asks --------------------------------------------------------------------

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """A request that cannot be met is answered with the API's error body; the socket stays."""
        try:
            request = parse_message(text_data)
            if isinstance(request, Ping):
                self._answer("pong", {"ping": request.number, "seq": self.position})
            else:
                await self._resume(request.after)
        except ZqyyError as error:
            with translation.override(self.principal.language):
                self._answer("error", error.body())

    async def _resume(self, after: int) -> None:
        await self._authorise()
        if not self.principal.reads_alerts:
            raise NotPermitted
        async with self.catching_up:
            self.position = after
            await self._catch_up()

    def _answer(self, kind: str, payload: dict[str, Any]) -> None:
        self.outbox.offer(encode_message(kind, self._site_id, payload))

    # --- The watch -------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Fetch what was missed, and end the connection when its owner may no longer listen."""
        await self.is_open.wait()
        next_check = self._next_check()
        while True:
            try:
                async with asyncio.timeout_at(next_check):
                    await self.is_behind.wait()
                    await asyncio.sleep(GAP_SECONDS)
            except TimeoutError:
                await self._authorise()
                await self._join()
                next_check = self._next_check()
            self.is_behind.clear()
            if self.principal.reads_alerts:
                async with self.catching_up:
                    await self._catch_up()

    async def _catch_up(self) -> None:
        """Send what was raised since our position. Groups were joined before: nothing falls
        between what is read and what is announced, and what is both is sent once.
        """
        is_last = False
        while not is_last:
            missed = await database_sync_to_async(read_missed)(self.principal, after=self.position)
            for seq, text in missed.messages:
                if seq > self.position or missed.must_resync:
                    self.position = seq
                    await self.outbox.put(text)
            is_last = missed.is_last

    def _next_check(self) -> float:
        """On the event loop's clock; not all connections at once."""
        wait = RECHECK_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311  (not a secret)
        if self.principal.expires_at is not None:
            wait = min(wait, max(0.0, self.principal.expires_at - time.time()) + 0.05)
        return asyncio.get_running_loop().time() + wait

    @property
    def _site_id(self) -> int:
        return int(self.scope["url_route"]["kwargs"]["site_id"])

    async def _authorise(self) -> None:
        self.principal = await database_sync_to_async(authorise)(self.scope, site_id=self._site_id)
