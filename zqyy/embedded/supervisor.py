"""Keep a table of processes running: restart what dies, stop everything in order."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from zqyy.durable.guarded import GuardedProcess
from zqyy.embedded.folder import EmbeddedError

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
# Whoever has run this long has recovered: its next death is a first one again.
STABLE_SECONDS = 30.0
STOP_SECONDS = 10.0


@dataclass
class Unit:
    """One supervised process.

    Attributes:
        start: starts it and returns when it may be used; also after it died.
        log: where its output goes, for the message about its death.
        process: it, while it runs; None when it is to be started at `start_at`.
    """

    name: str
    start: Callable[[], GuardedProcess]
    log: Path
    process: GuardedProcess | None = None
    deaths: int = 0
    started_at: float = 0.0
    start_at: float = 0.0


class Supervisor:
    """Units in the order of their start."""

    def __init__(self, units: Iterable[Unit] = ()) -> None:
        self.units = list(units)

    def tick(self) -> None:
        """Start what is due and note what has died; call it several times a second."""
        for unit in self.units:
            if unit.process is None:
                if time.monotonic() >= unit.start_at:
                    self._start(unit)
            elif (status := unit.process.poll()) is not None:
                unit.process = None
                self._plan_restart(unit, f"ended with status {status}")

    def stop(self) -> None:
        """Ask all of them to stop at once, then wait for each."""
        running = [unit.process for unit in self.units if unit.process]
        for process in running:
            process.request_stop()
        for process in running:
            process.stop(grace=STOP_SECONDS)

    def _start(self, unit: Unit) -> None:
        try:
            unit.process = unit.start()
        except (EmbeddedError, OSError) as error:
            self._plan_restart(unit, f"did not start: {error}")
        unit.started_at = time.monotonic()

    def _plan_restart(self, unit: Unit, reason: str) -> None:
        now = time.monotonic()
        if now - unit.started_at > STABLE_SECONDS:
            unit.deaths = 0
        delay = min(FIRST_DELAY_SECONDS * 2**unit.deaths, LONGEST_DELAY_SECONDS)
        unit.deaths += 1
        unit.start_at = now + delay
        say(f"{unit.name} {reason}; starting it again in {delay:g} s (log: {unit.log})")


def say(line: str = "") -> None:
    """One line for the person at the terminal."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError:
        pass  # the terminal is gone; what runs matters more than what is said
