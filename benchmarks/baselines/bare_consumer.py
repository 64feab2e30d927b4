"""What Channels does by itself: a consumer that sends its group's messages on, and nothing else.

Nobody is authorised, nothing is numbered, a client that does not read is waited for. Whatever our
consumer takes longer than this is what those cost.
"""

from __future__ import annotations

from typing import Any

import django
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

django.setup()

GROUP = "bare"


class BareConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]  # channels carries no types
    groups = [GROUP]

    async def alert(self, event: dict[str, Any]) -> None:
        await self.send_json(event["message"])


application = ProtocolTypeRouter(
    {"websocket": URLRouter([path("", BareConsumer.as_asgi())])}  # type: ignore[list-item]
)
