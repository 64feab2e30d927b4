"""Looking at the budgets as often as possible while everything goes wrong."""

from __future__ import annotations

import threading

import psycopg

PAUSE_SECONDS = 0.02
USED = "SELECT site_id, period, spent + held FROM budgets"


class BudgetWatch(threading.Thread):
    """Polls every budget against its cap until stopped.

    Args:
        caps: tokens by (site id, period).
    """

    def __init__(self, url: str, *, caps: dict[tuple[int, str], int]) -> None:
        super().__init__(name="budgets", daemon=True)
        self._url, self._caps = url, caps
        self._stopping = threading.Event()
        self.polls = 0
        self.highest: dict[tuple[int, str], int] = {}

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True) as session:
                    while not self._stopping.wait(PAUSE_SECONDS):
                        self._poll(session)
            except psycopg.OperationalError:
                self._stopping.wait(PAUSE_SECONDS)  # it is being restarted

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def highest_of(self, site_id: int, period: str) -> int:
        return self.highest.get((site_id, period), 0)

    def violations(self) -> list[str]:
        return [
            f"budget {window}: {used} used of {self._caps[window]}"
            for window, used in self.highest.items()
            if window in self._caps and used > self._caps[window]
        ]

    def _poll(self, session: psycopg.Connection) -> None:
        for site_id, period, used in session.execute(USED):
            window = (site_id, period)
            self.highest[window] = max(used, self.highest.get(window, 0))
        self.polls += 1
