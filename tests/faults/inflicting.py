"""Doing what the plan says to a running system."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.plan import Fault
from tests.faults.system import WORKERS, System, kill, wait_until

OUTAGE_SECONDS = 2.0


@dataclass
class Inflicted:
    """A fault that happened. `at`: seconds since the epoch.

    `may_lose`: calls in flight that nobody can say anything about any more, at most.
    """

    kind: str
    at: float
    may_lose: int


class Inflictor:
    """Inflicts faults on a system; which worker it hits is drawn by lot."""

    def __init__(self, system: System, *, seed: int, calls_of_a_job: int) -> None:
        self._system = system
        self._dice = random.Random(f"victims {seed}")
        # Calls that one worker may have out at once.
        self._calls = calls_of_a_job
        self.done: list[Inflicted] = []

    def inflict(self, fault: Fault) -> None:
        inflictions: dict[str, Callable[[], int]] = {
            "busy_worker": self._kill_busy_worker,
            "idle_worker": self._kill_idle_worker,
            "cluster": self._kill_cluster,
            "supervisor": self._kill_supervisor,
            "sweeper": self._kill_sweeper,
            "valkey": lambda: self._restart("valkey"),
            "database": lambda: self._restart("postgres"),
        }
        at = time.time()
        may_lose = inflictions[fault.kind]()
        self.done.append(Inflicted(fault.kind, at, may_lose))

    def _kill_busy_worker(self) -> int:
        victim = None
        ends_at = time.monotonic() + 10
        while victim is None and time.monotonic() < ends_at:
            victim = self._system.caller()
        if victim is None:
            return self._kill_idle_worker()
        kill(victim.pid)
        return self._calls

    def _kill_idle_worker(self) -> int:
        """Any worker: whoever looks idle may have begun meanwhile."""
        cluster = self._system.clusters["realtime"]
        wait_until(cluster.workers)
        busy = self._system.caller()
        idle = [worker.pid for worker in cluster.workers() if busy is None or worker != busy]
        kill(self._dice.choice(idle))
        return self._calls

    def _kill_cluster(self) -> int:
        """Every process of the group; its supervisor lives."""
        cluster = self._system.clusters["realtime"]
        wait_until(cluster.workers)
        os.killpg(cluster.main().pid, signal.SIGKILL)
        return self._calls * WORKERS

    def _kill_supervisor(self) -> int:
        """And with it, by their guard, all workers; somebody else starts it again."""
        cluster = self._system.clusters["realtime"]
        kill(cluster.command.pid)
        cluster.command.wait()
        self._system.start_cluster("realtime")
        return self._calls * WORKERS

    def _kill_sweeper(self) -> int:
        sweeper = self._system.sweeper
        assert sweeper is not None
        kill(sweeper.pid)
        sweeper.wait()
        self._system.start_sweeper()
        return 0

    def _restart(self, server: str) -> int:
        self._system.restart_server(server, away_seconds=OUTAGE_SECONDS)
        return 0
