"""Whether processes of this machine have ended.

A zombie has: it does nothing any more and only waits for its parent to ask for its status. The
orphans of a container whose first process reaps nobody stay zombies for good, so `pid_exists`
and `Process.wait` would take them for alive.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import psutil

_POLL_SECONDS = 0.02


def has_ended(process: psutil.Process) -> bool:
    """Whether it is gone or a zombie; another process with its pid does not count as it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pid_has_ended(pid: int) -> bool:
    """The same of a pid, which may belong to another process by now: that one counts as it."""
    try:
        return has_ended(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def wait_for_end(processes: Iterable[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    """Wait until all have ended, at most so long; those that have not."""
    deadline = time.monotonic() + seconds
    remaining = list(processes)
    while remaining := [process for process in remaining if not has_ended(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    return remaining
