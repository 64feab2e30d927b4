"""What the supervisor of a group does when it dies, again and again."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from zqyy.durable import supervise


class Stopping(threading.Event):
    """Set after so many groups; remembers how long the next ones were made to wait."""

    def __init__(self, *, groups: int) -> None:
        super().__init__()
        self.left, self.waits = groups, []

    def count(self) -> None:
        self.left -= 1
        if not self.left:
            self.set()

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return self.is_set()


@pytest.mark.parametrize(
    ("has_worked", "waits"), [(True, []), (False, [0.5, 1, 2])], ids=["at work", "at the start"]
)
def test_only_groups_that_die_before_they_work_start_later_and_later(
    monkeypatch, has_worked, waits
):
    stopping = Stopping(groups=4)
    process = SimpleNamespace(child_pid=1, kill_group=stopping.count, wait=lambda: None)
    monkeypatch.setattr(supervise, "_start_group", lambda **_: process)
    monkeypatch.setattr(supervise, "_watch", lambda *_, **__: "died with status 137")
    monkeypatch.setattr(supervise, "forget_group", lambda **_: has_worked)

    supervise.supervise(cluster="realtime", stopping=stopping)

    assert stopping.waits[: len(waits)] == waits
    assert bool(stopping.waits) is bool(waits)
