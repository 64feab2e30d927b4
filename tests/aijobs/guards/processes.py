"""Processes that reserve against one cap at once, forked from the test so that they start fast."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from django.db import connection, connections

from aijobs.errors import Refused
from sandbox.models import Site
from tests.aijobs.guarding import call_once, end_call

ROOMY = 10**6


def fork(action: Callable[[], None]) -> int:
    """A child that does this with connections of its own, then exits without any clean-up."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        status = 1
        with suppress(BaseException):
            action()
            status = 0
        os._exit(status)
    return pid


def wait_for(pids: list[int]) -> list[int]:
    """The statuses of children that have ended; a killed one's is negative."""
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def reserve(site: Site, *, times: int, hold: int, cap: int, settle: bool = True) -> None:
    """Reserve so often against a cap of the chain's month, and use half of what is granted."""
    caps = dict.fromkeys(["site_day", "site_month", "chain_day"], 10**12) | {"chain_month": cap}
    for _time in range(times):
        with suppress(Refused):
            call_id = call_once(site, hold=hold, rate=ROOMY, caps=caps)
            if settle:
                end_call(site, call_id, tokens=hold // 2)


def poll(pids: list[int]) -> tuple[int, int]:
    """Look at the budget until all have ended: the highest used sum seen, and how many looks."""
    highest = looks = 0
    open_pids = set(pids)
    while open_pids:
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(spent + held) FROM budgets WHERE site_id = 0")
            highest = max(highest, cursor.fetchone()[0] or 0)
        looks += 1
        for pid in list(open_pids):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                open_pids.discard(pid)
                code = os.waitstatus_to_exitcode(status)
                assert code in (0, -signal.SIGKILL), f"a reserver ended with {code}"
        time.sleep(0.005)
    return highest, looks
