"""Many WebSocket clients of a real server with a Valkey of its own, in a thread beside the test."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import websockets
from django.conf import settings
from websockets.asyncio.client import connect

from tests.browser.conftest import answers, free_port
from tests.durable.clusters import on_test_database, wait_until
from zqyy.embedded.folder import DataFolder
from zqyy.embedded.valkey import ValkeyServer

START_SECONDS = 60


class WebServer:
    """uvicorn on the test's database; started again it keeps its port."""

    def __init__(self, *, redis_url: str, log: Path, options: tuple[str, ...] = ()) -> None:
        self.port = free_port()
        self.log = log
        self.options = options
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "zqyy.settings",
            "ZQYY_PROCESS": "web",
            "DATABASE_URL": on_test_database(os.environ["DATABASE_URL"]),
            "REDIS_URL": redis_url,
        }

    def start(self) -> None:
        command = ["uvicorn", "zqyy.asgi:application", "--host", "127.0.0.1"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command, "--port", str(self.port), *self.options],
                env=self.environment,
                cwd=settings.BASE_DIR,
                stdout=output,
                stderr=output,
            )
        wait_until(lambda: answers(self.port), seconds=START_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)


class OwnValkey:
    """A Valkey that a test may kill."""

    def __init__(self) -> None:
        self.folder = DataFolder(Path(tempfile.mkdtemp(dir=os.environ["ZQYY_DATA_DIR"])))
        self.folder.create()
        self.lock = self.folder.lock_servers()
        self.server = ValkeyServer(folder=self.folder, lock=self.lock)

    def start(self) -> str:
        """Start, on the same port as before; the URL."""
        self.server.start()
        return self.server.environment()["REDIS_URL"]

    def stop(self) -> None:
        self.server.stop()

    def end(self) -> None:
        self.stop()
        os.close(self.lock)


class Client:
    """Reconnects as a phone would, and goes on after the last number that it has."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.token = token
        self.seen: list[int] = []
        self.connections = 0

    async def run(self) -> None:
        while True:
            with suppress(OSError, websockets.WebSocketException, TimeoutError):
                await self._listen()
            await asyncio.sleep(0.5)

    async def _listen(self) -> None:
        async with connect(self.address, subprotocols=["zqyy", self.token]) as opened:
            self.connections += 1
            last = self.seen[-1] if self.seen else 0
            await opened.send(f'{{"resume_after": {last}}}')
            async for text in opened:
                self._hear(text)

    def _hear(self, text: str) -> None:
        message = json.loads(text)
        assert message["type"] == "alert_created", text
        self.seen.append(message["payload"]["seq"])


class Crowd:
    """Clients that listen until they are sent home."""

    def __init__(self, clients: list[Client]) -> None:
        self.clients = clients
        self.thread = threading.Thread(target=lambda: asyncio.run(self._listen()))
        self.is_set_up = threading.Event()

    async def _listen(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.is_over = asyncio.Event()
        tasks = [asyncio.create_task(client.run()) for client in self.clients]
        self.is_set_up.set()
        await self.is_over.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __enter__(self) -> Crowd:
        self.thread.start()
        self.is_set_up.wait(30)
        return self

    def __exit__(self, *failure: object) -> None:
        self.loop.call_soon_threadsafe(self.is_over.set)
        self.thread.join(60)

    def have_seen(self, count: int) -> bool:
        return all(len(client.seen) >= count for client in self.clients)


def connect_and_never_read(port: int, site_id: int, token: str) -> socket.socket:
    """A client that takes the handshake and nothing else."""
    deaf = socket.create_connection(("127.0.0.1", port))
    deaf.sendall(
        f"GET /ws/ai-alerts/{site_id}/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: zqyy, {token}\r\n\r\n".encode()
    )
    assert deaf.recv(12) == b"HTTP/1.1 101"
    return deaf
