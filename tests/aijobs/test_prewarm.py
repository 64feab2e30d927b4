"""The prewarm: every cell from one state of the data, resumed where it was, stopped at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import connection

from aijobs.drive import drive_job
from aijobs.firing import open_prewarm_once
from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.jobs import open_jobs
from aijobs.models import CacheEntry, Run, TriggerJob
from metrics.events import EventResult
from metrics.models import Area, AreaVersion
from metrics.ranges import RANGES
from sandbox.context import use_context
from sandbox.models import SiteIngest
from sandbox.options import set_option
from tests.aijobs.driving import drive, job_of, rows, take
from tests.aijobs.store import Store
from tests.locks import wait_until_blocked
from zqyy.durable.leases import LeaseLost
from zqyy.durable.models import Lease

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

AREAS = ("snooker", "vip")
CELLS = {f"{key}__{area}" for key in RANGES for area in ("all", *AREAS)}


@pytest.fixture
def store(store: Store) -> Store:
    """A store with two of the eight areas, and calls enough for all of its cells."""
    with use_context(store.live):
        for code in AREAS:
            values = {"site": store.site, "business_date": store.day(400), "batch": store.batch}
            area = Area.objects.create(external_id=code, **values)
            AreaVersion.objects.create(area=area, name=code, **values)
        set_option(key="ai_rate_per_minute", value=1000, site=store.site, actor_id=None)
    return store


@pytest.fixture(autouse=True)
def few_threads(settings):
    settings.AI_CONCURRENCY = 4


def open_prewarm(store: Store) -> int:
    event = replace(
        store.consumption(), event_type="dws_completed", member_id=None, settlement_id=None
    )
    with use_context(store.live):
        (result,) = open_jobs([event])
    return result.job_id


def succeeded(store: Store) -> set[str]:
    return {run.target_id for run in rows(store, Run) if run.status == "success"}


def test_a_press_during_another_finds_its_prewarm(store):
    def press() -> EventResult:
        try:
            with use_context(store.live) as ctx:
                return open_prewarm_once(ctx=ctx, user_id=None)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with use_context(store.live) as ctx:
            first = open_prewarm_once(ctx=ctx, user_id=None)
            pressed = pool.submit(press)
            wait_until_blocked()
        second = pressed.result(20)

    assert (first.coalesced, second.coalesced) == (False, True)
    assert second.job_id == first.job_id == job_of(store).pk
    assert len(rows(store, TriggerJob)) == 1


def test_every_cell_is_kept_under_its_key_and_an_area_that_is_not_there_is_skipped(store):
    drive(open_prewarm(store))

    job = job_of(store)
    runs = rows(store, Run)
    assert (job.status, job.steps_total, job.steps_done) == ("completed", 72, 72)
    assert {entry.target_id for entry in rows(store, CacheEntry)} == CELLS
    assert {run.target_id for run in runs if run.status == "skipped"} == {
        f"{key}__{area}"
        for key in RANGES
        for area in ("hall", "hallA", "hallB", "hallC", "mahjong", "ktv")
    }


def test_it_runs_on_the_batch_cluster_once_a_day(store):
    first, second = open_prewarm(store), open_prewarm(store)

    assert first == second
    assert Lease.objects.get().cluster == "batch"


def new_facts(store: Store) -> None:
    """A bill of a closed day that comes late, as an ingest leaves it."""
    with use_context(store.live):
        store.add_bill(store.day(2), paid="7777")
    SiteIngest.objects.filter(site=store.site).update(last_batch=2)


def break_off(store: Store, provider, *, at: int) -> int:
    """A prewarm whose driver is gone when the provider has been called so often."""
    job_id = open_prewarm(store)
    held = take(job_id)
    # As long as it is slow, four calls are out at a time.
    provider.latency = 0.1
    counted = iter(range(1, 1000))

    def lose() -> None:
        if next(counted) == at:
            held.lost.tell()

    provider.order("*", meanwhile=lose)
    with pytest.raises(LeaseLost):
        drive_job(held, job_id)
    return job_id


def test_killed_in_the_middle_exactly_the_missing_cells_are_called_afterwards(store, provider):
    job_id = break_off(store, provider, at=9)
    before = succeeded(store)
    called = len(provider.calls)
    new_facts(store)

    drive(job_id)

    prompts = {run.prompt: run.target_id for run in rows(store, Run) if run.prompt}
    assert 0 < len(before) < len(CELLS)
    assert {prompts[call.prompt] for call in provider.calls[called:]} == CELLS - before
    assert len(provider.calls) - called == len(CELLS - before)
    assert job_of(store).status == "completed"


def test_a_successor_sends_what_was_known_when_it_began(store, provider):
    job_id = break_off(store, provider, at=5)
    new_facts(store)

    drive(job_id)

    assert {run.watermark for run in rows(store, Run) if run.status == "success"} == {1}
    assert not any("7777" in call.prompt for call in provider.calls)


def test_a_kill_switch_in_the_middle_stops_further_calls(store, provider):
    def stop() -> None:
        throw_kill_switch(site=store.site, reason="costs", actor_id=None)
        connection.close()

    provider.latency = 0.1
    provider.order("app2_finance", meanwhile=stop, times=1)

    drive(open_prewarm(store))

    codes = {run.error_code for run in rows(store, Run) if run.status == "failed"}
    # The calls that were out already were let to end.
    assert len(provider.calls) <= 4 + 1
    assert codes == {"kill_switch"}
    assert job_of(store).status in ("partial", "failed")


def test_the_kill_switch_of_one_app_leaves_the_other_alone(store, provider):
    job_id = open_prewarm(store)
    throw_kill_switch(site=store.site, app="app2a_finance_area", reason="costs", actor_id=None)

    drive(job_id)

    assert {call.app for call in provider.calls} == {"app2_finance"}
    assert succeeded(store) == {f"{key}__all" for key in RANGES}
