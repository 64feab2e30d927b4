"""One cap, many processes: nothing above it, nothing left behind, through any death."""

from __future__ import annotations

import os
import signal
import time

import pytest
from django.db import connection

from aijobs.models import Budget, ProviderCall
from aijobs.sweep import settle_expired_holds
from sandbox.context import live_context, use_context
from sandbox.models import Site
from tests.aijobs.guards.processes import fork, poll, reserve, wait_for

PROCESSES = 8
HOLD = 100


def calls(site: Site, **filters) -> list[ProviderCall]:
    with use_context(live_context(site)):
        return list(ProviderCall.objects.filter(**filters))


def require_books(site: Site) -> None:
    """Every window holds what its calls hold, and has spent what they used."""
    ledger = calls(site)
    held = sum(call.hold for call in ledger if call.status == "held")
    spent = sum(
        call.hold if call.status == "unknown" else call.tokens_in + call.tokens_out
        for call in ledger
        if call.status in ("settled", "unknown")
    )
    assert {(budget.spent, budget.held) for budget in Budget.objects.all()} == {(spent, held)}


@pytest.mark.parametrize("reservations", [160, pytest.param(1000, marks=pytest.mark.slow)], ids=str)
def test_reservations_of_eight_processes_fill_a_cap_exactly(site, reservations):
    fits = reservations * 3 // 5
    cap = fits * HOLD + HOLD // 2

    def work() -> None:
        reserve(site, times=reservations // PROCESSES, hold=HOLD, cap=cap, settle=False)

    highest, looks = poll([fork(work) for _process in range(PROCESSES)])

    assert looks > 10
    assert highest == fits * HOLD <= cap
    assert len(calls(site, status="held")) == fits
    require_books(site)
    expire_holds(site)
    assert not calls(site, status="held")
    assert not any(budget.held for budget in Budget.objects.all())
    require_books(site)


@pytest.mark.slow
def test_what_is_settled_makes_room_and_leaves_nothing(site):
    # Room for two holds beside all that will have been used.
    used = PROCESSES * 30 * HOLD // 2

    def work() -> None:
        reserve(site, times=30, hold=HOLD, cap=used + 2 * HOLD)

    highest, _looks = poll([fork(work) for _process in range(PROCESSES)])

    assert highest <= used + 2 * HOLD
    assert len(calls(site, status="settled")) > PROCESSES * 30 // 2
    require_books(site)
    assert not any(budget.held for budget in Budget.objects.all())


@pytest.mark.slow
def test_killed_reservers_leave_no_residue_after_the_sweep(site):
    cap = 200 * HOLD
    pids = [fork(lambda: reserve(site, times=10_000, hold=HOLD, cap=cap)) for _process in range(4)]
    time.sleep(1.5)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    wait_for(pids)

    used = Budget.objects.get(site_id=0, period="month").used
    require_books(site)
    expire_holds(site)

    assert used <= cap
    assert not calls(site, status="held")
    assert not any(budget.held for budget in Budget.objects.all())
    require_books(site)


def expire_holds(site: Site) -> None:
    """Let the drivers of all holds be gone for long, and sweep."""
    with use_context(live_context(site)), connection.cursor() as cursor:
        cursor.execute("UPDATE provider_calls SET expires_at = '2020-01-01' WHERE status = 'held'")
    settle_expired_holds()
