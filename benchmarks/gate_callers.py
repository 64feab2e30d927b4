"""Sessions that pass the gate as fast as they are told to: psycopg alone, one round trip a deed.

Without Django, so that a process of them starts at once and its own work weighs little.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

_OPEN = """
SELECT call_id FROM open_provider_call(
    %(site)s, %(run)s, 'first', 'bench', 'm', %(hold)s, 240, false, %(limits)s::jsonb, NULL)
"""
_SETTLE = """
SELECT is_settled FROM settle_provider_call(
    %(call)s, 'settled', '', %(tokens)s, 0, false, 0, 'm', '', 5)
"""


@dataclass
class Caller:
    """One session, and the runs that are its own to start, each with its store."""

    session: psycopg.Connection
    runs: list[tuple[int, int]]
    hold: int
    limits: str
    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    def pass_gate(self, site: int, run: int) -> int | None:
        """Open the call of a run, a transaction of its own; None: refused."""
        row = self.session.execute(
            _OPEN, {"site": site, "run": run, "hold": self.hold, "limits": self.limits}
        ).fetchone()
        return row[0] if row else None

    def settle(self, call_id: int) -> None:
        self.session.execute(_SETTLE, {"call": call_id, "tokens": self.hold // 2})

    def call_once(self) -> None:
        """Gate and settle, and how long both took together."""
        site, run = self.runs.pop()
        start = time.perf_counter()
        call_id = self.pass_gate(site, run)
        if call_id is None:
            self.refused += 1
            return
        self.settle(call_id)
        self.seconds.append(time.perf_counter() - start)

    def call_at(self, moments: Sequence[float]) -> None:
        """One call at each of these moments of `time.perf_counter()`, or as soon after as can be."""
        for moment in moments:
            time.sleep(max(0.0, moment - time.perf_counter()))
            self.call_once()

    def commit_once(self) -> None:
        """What pgbench does: change a row of one's own, and commit."""
        start = time.perf_counter()
        self.session.execute("UPDATE bench_commits SET n = n + 1 WHERE id = %s", [self.runs[0][1]])
        self.seconds.append(time.perf_counter() - start)


@contextmanager
def open_callers(
    *, runs: Sequence[list[tuple[int, int]]], hold: int, limits: str
) -> Iterator[list[Caller]]:
    """A caller for each list of (store, run), as the application's role."""
    callers = [Caller(_connect(part), part, hold, limits) for part in runs]
    try:
        yield callers
    finally:
        for caller in callers:
            caller.session.close()


def all_at_once(actions: Sequence[Callable[[], None]]) -> float:
    """Carry these out side by side; the seconds until the last has ended."""
    threads = [threading.Thread(target=action) for action in actions]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def reserve_all(runs: list[tuple[int, int]], hold: int, limits: str) -> None:
    """The whole work of one process: every run asks for its hold, and none is settled."""
    with open_callers(runs=[runs], hold=hold, limits=limits) as (caller,):
        for site, run in runs:
            caller.pass_gate(site, run)


def _connect(runs: list[tuple[int, int]]) -> psycopg.Connection[Any]:
    session = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    session.execute(
        "SELECT set_config('zqyy.site_ids', %s, false),"
        " set_config('zqyy.business_date', 'infinity', false)",
        ["{" + ",".join(str(site) for site in sorted({site for site, _run in runs})) + "}"],
    )
    return session
