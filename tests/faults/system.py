"""A whole system of its own: servers, database, workers, sweeper, all to be killed at will.

Not the servers of the test run, which other tests use: their database would go away with ours.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from aijobs.standin.server import StandIn
from zqyy.embedded.folder import PROJECT, DataFolder, default_path
from zqyy.embedded.server import Server
from zqyy.embedded.servers import DATABASE_VARIABLES, SECRETS, OwnServers
from zqyy.embedded.testing import PREFIX

PATIENCE_SECONDS = 60
WORKERS = 4


@dataclass
class Cluster:
    """A `run_cluster` and the processes below it: guard, main, sentinel, workers and two more."""

    command: subprocess.Popen[bytes]
    workers_wanted: int
    # Monitor and pusher of each sentinel: forked after the first workers, never replaced.
    _others: dict[int, set[int]] = field(default_factory=dict)

    def main(self) -> psutil.Process:
        (guard,) = psutil.Process(self.command.pid).children()
        (main,) = guard.children()
        return main

    def workers(self) -> list[psutil.Process]:
        """Empty while the cluster is being born."""
        with suppress(ValueError, psutil.NoSuchProcess):
            (sentinel,) = self.main().children()
            children = sorted(sentinel.children(), key=lambda child: child.pid)
            if sentinel.pid not in self._others:
                if len(children) < self.workers_wanted + 2:
                    return []
                self._others[sentinel.pid] = {child.pid for child in children[-2:]}
            return [child for child in children if child.pid not in self._others[sentinel.pid]]
        return []


class System:
    """What `running_system` has started.

    Attributes:
        stand_in: the provider, in this process: it survives everything.
        clusters: by name; killed ones are replaced by `start_cluster`.
    """

    def __init__(
        self, *, own: OwnServers, stand_in: StandIn, logs: Path, settings_module: str
    ) -> None:
        self.own, self.stand_in, self.logs = own, stand_in, logs
        self.settings_module = settings_module
        self.clusters: dict[str, Cluster] = {}
        self.sweeper: subprocess.Popen[bytes] | None = None

    def server(self, name: str) -> Server:
        (server,) = [server for server in self.own.servers if server.name == name]
        return server

    def start_cluster(self, queue: str, *, name: str = "") -> Cluster:
        """Workers of a queue under a supervisor; several of one queue need names."""
        name = name or queue
        command = self._start("run_cluster", queue, log=name)
        cluster = self.clusters[name] = Cluster(command, WORKERS if queue == "realtime" else 2)
        return cluster

    def start_sweeper(self) -> None:
        self.sweeper = self._start("sweep", log="sweeper")

    def wait_for_workers(self) -> None:
        for cluster in self.clusters.values():
            wait_until(cluster.workers)

    def caller(self) -> psutil.Process | None:
        """A worker that has a call out."""
        out = {call.port for call in self.stand_in.calls if not call.ended_at}
        for cluster in self.clusters.values():
            for worker in cluster.workers():
                with suppress(psutil.NoSuchProcess):
                    peers = worker.net_connections("tcp")
                    if any(peer.laddr and peer.laddr.port in out for peer in peers):
                        return worker
        return None

    def restart_server(self, name: str, *, away_seconds: float) -> None:
        """Kill a server as a power cut would, and bring it back on its port."""
        server = self.server(name)
        assert server.process is not None
        server.process.kill_group()
        server.process.wait(PATIENCE_SECONDS)
        time.sleep(away_seconds)
        server.start()

    def stop(self) -> None:
        programs = [cluster.command for cluster in self.clusters.values()]
        programs += [self.sweeper] if self.sweeper else []
        for program in programs:
            program.terminate()
        for program in programs:
            program.wait(PATIENCE_SECONDS)

    def _start(self, *command: str, log: str) -> subprocess.Popen[bytes]:
        with (self.logs / f"{log}.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "django", *command],
                cwd=PROJECT,
                env={**os.environ, "DJANGO_SETTINGS_MODULE": self.settings_module},
                stdout=output,
                stderr=output,
            )


@contextmanager
def running_system(
    *, latency: float, settings_module: str = "tests.durable.quiet_settings"
) -> Iterator[System]:
    """Servers with a migrated database, Django set up on them, the stand-in; no worker yet.

    Asked to stop, also where the shell started it in the background, it stops them all.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    for name in (*DATABASE_VARIABLES, "REDIS_URL", *SECRETS):
        os.environ.pop(name, None)
    parent = DataFolder(default_path())
    parent.create()
    folder = DataFolder(Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent.path)))
    folder.create()
    lock = folder.lock_servers()
    assert lock is not None
    stand_in = StandIn(latency=latency)
    # Durable: a server that is killed must not lose what it had committed.
    own = OwnServers(folder=folder, lock=lock)
    try:
        own.start()
        os.environ.update(stand_in.environment(), REALTIME_WORKERS=str(WORKERS))
        os.environ["DJANGO_SETTINGS_MODULE"] = settings_module
        _set_up_django()
        system = System(
            own=own, stand_in=stand_in, logs=folder.logs, settings_module=settings_module
        )
        try:
            yield system
        finally:
            system.stop()
    finally:
        _close_connections()
        own.stop()
        stand_in.stop()
        shutil.rmtree(folder.path, ignore_errors=True)


def wait_until(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until the condition holds; the seconds it took."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.05)
    return time.monotonic() - started


def kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _set_up_django() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()
