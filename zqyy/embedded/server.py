"""What PostgreSQL and Valkey have in common as servers of ours."""

from __future__ import annotations

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from zqyy.durable.guarded import GuardedProcess
from zqyy.embedded.folder import DataFolder, EmbeddedError

LOCALHOST = "127.0.0.1"
ATTEMPTS = 5


class Server(ABC):
    """One server on a port of 127.0.0.1, found free at the first start and kept for restarts."""

    name: str
    start_seconds: float

    def __init__(self, *, folder: DataFolder, lock: int) -> None:
        self.folder = folder
        self.lock = lock
        self.port = 0
        self.process: GuardedProcess | None = None
        self.secrets = folder.read_secrets()

    @property
    def log(self) -> Path:
        return self.folder.logs / f"{self.name}.log"

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """The variables that lead to this server."""

    @abstractmethod
    def spawn(self) -> GuardedProcess:
        """Start the program on `self.port` without waiting for it."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the started program serves."""

    def start(self) -> GuardedProcess:
        """Start and wait until it serves; again, on the same port, after it died.

        Raises:
            EmbeddedError: it did not start; the message names its log.
        """
        if self.port:
            return self._start_once()
        for attempt in range(ATTEMPTS):
            self.port = find_free_port()
            try:
                return self._start_once()
            except EmbeddedError:
                # Another program may have taken the port between our look and its start.
                if attempt == ATTEMPTS - 1 or is_free_port(LOCALHOST, self.port):
                    raise
        raise AssertionError("unreachable")

    def stop(self) -> None:
        if self.process:
            self.process.stop(grace=10)
            self.process = None

    def _start_once(self) -> GuardedProcess:
        process = self.process = self.spawn()
        deadline = time.monotonic() + self.start_seconds
        try:
            wait_until(lambda: process.poll() is not None or self.is_ready(), deadline=deadline)
        except BaseException:
            process.stop()
            raise
        if process.poll() is not None:
            raise EmbeddedError(f"{self.name} ended while starting; see {self.log}")
        if not self.is_ready():
            process.stop()
            raise EmbeddedError(f"{self.name} did not answer; see {self.log}")
        return process


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


def is_free_port(host: str, port: int) -> bool:
    """Whether a server could listen on this port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def wait_until(condition: Callable[[], bool], *, deadline: float, pause: float = 0.02) -> bool:
    """Poll until the condition holds (True) or `time.monotonic()` passes the deadline (False)."""
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
