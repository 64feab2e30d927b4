"""What uvicorn serves: pages and API through Django, sockets through Channels."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zqyy.settings")
os.environ.setdefault("ZQYY_PROCESS", "web")

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.db import connections
from django.urls import re_path

http_application = get_asgi_application()

# These need the apps that were just loaded.
from aijobs.routing import websocket_urlpatterns  # noqa: E402
from zqyy.checks import run_startup_checks  # noqa: E402


def _check() -> None:
    try:
        run_startup_checks()
    finally:
        connections.close_all()


# uvicorn imports this module inside its event loop, where Django refuses to query.
with ThreadPoolExecutor(max_workers=1) as thread:
    thread.submit(_check).result()


async def refuse_socket(
    scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]
) -> None:
    """There is no socket at this address: close, where Channels would raise."""
    await send({"type": "websocket.close", "code": 4404})


# Who may open a socket is the consumer's own decision: sessions and tokens have different rules.
application = ProtocolTypeRouter(
    {
        "http": http_application,
        "websocket": URLRouter(
            [*websocket_urlpatterns, re_path("", refuse_socket)]  # type: ignore[arg-type]
        ),
    }
)
