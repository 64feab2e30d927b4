"""A web server of our own, and many WebSocket clients of it in a thread."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

Result = TypeVar("Result")

PATIENCE_SECONDS = 60.0
# So many at once: a listening socket keeps only so many waiting.
CONNECTING = 25


@contextmanager
def serving(application: str) -> Iterator[str]:
    """uvicorn with an ASGI application; its ws:// address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "zqyy.settings",
        "ZQYY_PROCESS": "web",
        "LOG_LEVEL": "ERROR",
        # Of a folder of static files that only production has.
        "PYTHONWARNINGS": "ignore::UserWarning",
    }
    command = ["uvicorn", application, "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen([sys.executable, "-m", *command], env=environment)  # noqa: S603
    try:
        _wait_for(port, process)
        yield f"ws://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("A web server of the benchmark did not start.")


class Audience:
    """Clients of one address, each with the moments at which it heard something.

    Args:
        greeting: said once after connecting; its answer shows that the client is in its groups.
    """

    def __init__(
        self, address: str, *, clients: int, subprotocols: list[str], greeting: str = ""
    ) -> None:
        self.address = address
        self.subprotocols = subprotocols
        self.greeting = greeting
        self.heard: list[list[float]] = [[] for _ in range(clients)]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Audience:
        self._thread.start()
        self._connections = self._run(self._connect_all())
        self._listening = [
            asyncio.run_coroutine_threadsafe(_listen(connection, moments), self._loop)
            for connection, moments in zip(self._connections, self.heard, strict=True)
        ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for listening in self._listening:
            listening.cancel()
        self._run(self._close_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait_for(self, count: int) -> list[float]:
        """When each client heard its `count`-th message.

        Raises:
            SystemExit: one of them did not.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(len(moments) < count for moments in self.heard):
            if time.monotonic() > deadline:
                raise SystemExit(f"A client of {self.address} missed a message.")
            time.sleep(0.005)
        return [moments[count - 1] for moments in self.heard]

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS * 2)

    async def _connect_all(self) -> list[ClientConnection]:
        gate = asyncio.Semaphore(CONNECTING)
        return await asyncio.gather(*(self._connect(gate) for _ in self.heard))

    async def _connect(self, gate: asyncio.Semaphore) -> ClientConnection:
        async with gate:
            connection = await connect(
                self.address,
                subprotocols=[Subprotocol(name) for name in self.subprotocols] or None,
                open_timeout=PATIENCE_SECONDS,
            )
            if self.greeting:
                await connection.send(self.greeting)
                await connection.recv()
            return connection

    async def _close_all(self) -> None:
        await asyncio.gather(*(connection.close() for connection in self._connections))


async def _listen(connection: ClientConnection, moments: list[float]) -> None:
    async for _text in connection:
        moments.append(time.perf_counter())
