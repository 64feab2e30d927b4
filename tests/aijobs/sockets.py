"""A WebSocket client inside the process (channels.testing would ask for daphne)."""

from __future__ import annotations

import json
from collections.abc import Callable

from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer
from channels.routing import URLRouter

from aijobs import broadcast
from aijobs.events import site_group
from aijobs.routing import websocket_urlpatterns


class Socket(ApplicationCommunicator):
    def __init__(self, site_id: int, *, headers=(), subprotocols=()) -> None:
        path = f"/ws/ai-alerts/{site_id}/"
        super().__init__(
            URLRouter(websocket_urlpatterns),
            {
                "type": "websocket",
                "path": path,
                "raw_path": path.encode(),
                "query_string": b"",
                "headers": list(headers),
                "subprotocols": list(subprotocols),
            },
        )

    async def open(self) -> str | None:
        """The subprotocol that was accepted."""
        await self.send_input({"type": "websocket.connect"})
        message = await self.receive_output(5)
        assert message["type"] == "websocket.accept"
        return message.get("subprotocol")

    async def say(self, message: dict) -> None:
        await self.send_input({"type": "websocket.receive", "text": json.dumps(message)})

    async def hear(self) -> dict:
        message = await self.receive_output(5)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def end(self) -> int:
        """The code that the other side closes with."""
        message = await self.receive_output(5)
        assert message["type"] == "websocket.close", message
        return message["code"]

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(5)


def heard_first(site_id: int, deed: Callable[[], object]) -> dict:
    """The first hint that a store's pages are given while something is done."""

    @async_to_sync
    async def scene() -> dict:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(site_group(site_id), channel)
        await sync_to_async(deed)()
        assert await sync_to_async(broadcast.flush)(20)
        return json.loads((await layer.receive(channel))["text"])

    return scene()
