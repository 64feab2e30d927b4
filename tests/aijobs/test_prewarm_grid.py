"""How each finance cell stands, from its result and its newest attempt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aijobs.cache import find_entries, find_entry, store_result
from aijobs.chains import AREAS
from aijobs.jobs import open_app_run
from aijobs.models import CacheEntry, Run, TriggerJob
from aijobs.prewarm_grid import State, prewarm_grid, state_of
from aijobs.registry import AI_APPS
from aijobs.staleness import stale_among
from aijobs.targets import CELL
from metrics.ranges import RANGES
from sandbox.context import RuntimeContext, as_of_context, live_context, use_context
from sandbox.models import Site, SiteIngest
from tests.factories import bill, make_site, push_bills

NOW = datetime(2026, 5, 5, 4, tzinfo=UTC)  # 12:00 in Shanghai, a Tuesday
TODAY, PAST = date(2026, 5, 5), date(2026, 4, 20)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.mark.parametrize(
    ("result_of", "newest", "is_old", "has_area", "state"),
    [
        (None, None, False, False, State.NO_AREA),
        (1, "success", False, False, State.NO_AREA),
        (None, None, False, True, State.MISSING),
        (None, "skipped", False, True, State.MISSING),
        (None, "cancelled", False, True, State.MISSING),
        (None, "pending", False, True, State.RUNNING),
        (1, "running", True, True, State.RUNNING),
        (None, "failed", False, True, State.FAILED),
        (1, "timeout", False, True, State.FAILED),
        (1, "unknown", False, True, State.FAILED),
        (2, "failed", False, True, State.FRESH),
        (2, "success", False, True, State.FRESH),
        (2, "success", True, True, State.STALE),
        (1, "cancelled", False, True, State.FRESH),
    ],
)
def test_how_a_cell_stands(result_of, newest, is_old, has_area, state):
    """Run 2 is the newest; the result is of run 1 or 2."""
    entry = CacheEntry(run_id=result_of) if result_of else None
    run = Run(pk=2, status=newest) if newest else None

    assert state_of(entry=entry, run=run, is_stale=is_old, has_area=has_area) == state


@pytest.fixture
def site(settings) -> Site:
    settings.EVENT_SINK = "tests.metrics.sink.collect"
    site = make_site("east")
    push_bills(site, [bill(date(2026, 4, 10), 100)])
    return site


def keep(ctx: RuntimeContext, *cells: str) -> None:
    """Results of these cells that have seen everything there is."""
    for cell in cells:
        target = CELL.read(cell)
        app = AI_APPS["app2_finance" if target.area == "all" else "app2a_finance_area"]
        with use_context(ctx):
            job = open_app_run(ctx=ctx, app=app.key, target=target.as_payload(), triggered_by="api")
            run = Run.objects.get(job=job)
            run.generation = run.pk
            run.watermark = SiteIngest.objects.get(site=ctx.site).last_batch
            store_result(run=run, cache_type=app.cache_type, result={}, references={})
            Run.objects.filter(pk=run.pk).update(status="success", finished_at=run.created_at)
            TriggerJob.objects.filter(pk=job.pk).update(
                status="completed", finished_at=run.created_at
            )


def states(site: Site) -> dict[str, State]:
    with use_context(live_context(site)) as ctx:
        grid = prewarm_grid(ctx=ctx, now=timezone.now())
    return {cell.key: cell.state for row in grid.rows.values() for cell in row}


def test_there_are_72_cells(site):
    keep(live_context(site), "last_month__all", "last_month__vip")

    found = states(site)

    assert len(found) == len(RANGES) * (1 + len(AREAS)) == 72
    assert {key for key, state in found.items() if state == State.FRESH} == {
        "last_month__all",
        "last_month__vip",
    }
    assert set(found.values()) == {State.FRESH, State.MISSING}


def test_a_late_bill_makes_the_cells_stale_that_it_is_in(site):
    cells = ["last_month__all", "last_month__hall", "last_month__vip", "last_quarter__all"]
    keep(live_context(site), *cells)

    push_bills(site, [bill(date(2026, 4, 11), 7777, area="hallA")])

    found = states(site)
    assert [found[cell] for cell in cells] == [
        *(State.STALE, State.STALE),
        *(State.FRESH, State.FRESH),
    ]


def test_many_results_are_judged_as_each_alone_in_two_statements(site):
    ctx = live_context(site)
    keep(ctx, *(f"{key}__{area}" for key in RANGES for area in ("all", "hallA", "vip")))
    push_bills(site, [bill(date(2026, 4, 11), 7777, area="hallA")])

    with use_context(ctx):
        entries = list(CacheEntry.objects.all())
        alone = {entry.pk for entry in entries if stale_among([entry], ctx=ctx)}
        with CaptureQueriesContext(connection) as queries:
            together = stale_among(entries, ctx=ctx)

    assert alone == together
    assert 0 < len(together) < len(entries)
    assert len(queries) == 2


@pytest.mark.parametrize("day", [TODAY, PAST], ids=["live", "past"])
def test_what_counts_of_many_targets_is_what_counts_of_each(site, day):
    past = as_of_context(site, PAST)
    with time_machine.travel(datetime(2026, 4, 19, 4, tzinfo=UTC), tick=False):
        keep(live_context(site), "last_month__all", "last_week__all")
    keep(past, "last_month__all")
    keep(live_context(site), "last_month__all", "last_month__all")

    with use_context(as_of_context(site, day)) as ctx:
        found = find_entries(cache_types=["app2_finance"], ctx=ctx)
        each = {
            f"{key}__all": find_entry(cache_type="app2_finance", target_id=f"{key}__all", ctx=ctx)
            for key in RANGES
        }

    assert found == {key: entry for key, entry in each.items() if entry}
    assert {(key, entry.mode) for key, entry in found.items()} == {
        ("last_month__all", "live" if day == TODAY else "sandbox"),
        ("last_week__all", "live"),
    }


def test_the_grid_takes_the_same_queries_full_or_empty(site):
    def queries() -> int:
        with use_context(live_context(site)) as ctx, CaptureQueriesContext(connection) as seen:
            prewarm_grid(ctx=ctx, now=timezone.now())
        return len(seen)

    keep(live_context(site), "last_month__all", "last_month__vip")
    few = queries()
    keep(live_context(site), *(f"{key}__{area}" for key in RANGES for area in ("all", *AREAS)))

    assert queries() == few
