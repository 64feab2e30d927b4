"""The socket of a store's pages: hints go out, nothing is asked of the database but who listens."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from aijobs.events import alert_group, site_group, user_group
from aijobs.sockets import PROTOCOL, Principal, SocketRefused, authorise

# A token is checked at its end; grants, sign-outs and locked accounts at this pace.
RECHECK_SECONDS = 30.0


class AlertConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels carries no types
    """`ws/ai-alerts/{site_id}/`: job_progress, cache_updated and context_changed of one store."""

    groups_joined: tuple[str, ...] = ()
    watch: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        protocols = self.scope.get("subprotocols", [])
        # Accepted before it is refused: a close code reaches a client only on an open socket.
        await self.accept(PROTOCOL if PROTOCOL in protocols else None)
        try:
            principal = await self._authorise()
        except SocketRefused as refusal:
            await self.close(refusal.code)
            return
        joined = (
            site_group(self._site_id),
            alert_group(self._site_id),
            user_group(principal.user_id),
        )
        for group in joined:
            await self.channel_layer.group_add(group, self.channel_name)
        self.groups_joined = joined
        self.watch = asyncio.create_task(self._watch(principal))

    async def disconnect(self, code: int) -> None:
        if self.watch is not None:
            self.watch.cancel()
            with suppress(asyncio.CancelledError):
                await self.watch
        for group in self.groups_joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def hint(self, event: dict[str, Any]) -> None:
        """A message of aijobs.events. Of another store: a user's own hints, not for this page."""
        if event["site_id"] == self._site_id:
            await self.send(event["text"])

    async def alert(self, event: dict[str, Any]) -> None:
        """An alert of the store, in the reader's language."""
        await self.send(event["texts"][settings.LANGUAGE_CODE])

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """Clients have nothing to say yet; what they send is dropped unread."""

    @property
    def _site_id(self) -> int:
        return int(self.scope["url_route"]["kwargs"]["site_id"])

    async def _authorise(self) -> Principal:
        principal: Principal = await database_sync_to_async(authorise)(
            self.scope, site_id=self._site_id
        )
        return principal

    async def _watch(self, principal: Principal) -> None:
        """Close the socket as soon as its owner may no longer listen."""
        while True:
            wait = RECHECK_SECONDS
            if principal.expires_at is not None:
                wait = min(wait, max(0.0, principal.expires_at - time.time()) + 0.05)
            await asyncio.sleep(wait)
            try:
                await self._authorise()
            except SocketRefused as refusal:
                await self.close(refusal.code)
                return
