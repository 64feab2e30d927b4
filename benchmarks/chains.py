"""What the engine costs: steps a second beside bare tasks, from an event to its first step, and
how near a prewarm comes to its provider's pace.

    python -m benchmarks.chains --jobs 300 --events 100

brings a whole system of its own and prints what it measured as JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from benchmarks.measuring import Pairs, Ratio, quantile_bounds
from benchmarks.noop import EVENT, STEPS
from tests.faults.system import System, running_system, wait_until
from zqyy.embedded.folder import PROJECT

if TYPE_CHECKING:
    from tests.faults.till import Shop

JOBS, EVENTS, ROUNDS = 300, 100, 5
STEPS_TARGET = 0.7
# Between events: nobody waits for the one before.
PAUSE_SECONDS = 0.15
FIRST_STEP_TARGET_SECONDS = 0.25
PROVIDER_SECONDS, CELLS, CONCURRENCY = 1.0, 72, 16
PREWARM_TARGET = 1.15
RATE = 1000
PREWARMED = ("app2_finance", "app2a_finance_area")
BARE_TASK = "benchmarks.noop.do_nothing"


def measure_chains(*, factor: float) -> dict[str, Any]:
    """Run this module in a process of its own, since it brings its own servers.

    Args:
        factor: of all jobs and events, up to 1.

    Returns:
        seconds of each round of `jobs` no-op jobs (ours) and of as many bare tasks as they have
        steps (theirs); seconds from an event to its first step, alone and during a prewarm;
        seconds of a prewarm.
    """
    jobs, events = (max(10, round(full * min(1.0, factor))) for full in (JOBS, EVENTS))
    done = subprocess.run(  # noqa: S603  our own module
        [sys.executable, "-m", __name__, "--jobs", str(jobs), "--events", str(events)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def ratios_of(measured: dict[str, Any]) -> list[Ratio]:
    """The figures that have targets."""
    rounds = Pairs(ours=measured["ours"], theirs=measured["theirs"])
    jobs_a_second = measured["jobs"] / statistics.median(measured["ours"])
    found = [
        rounds.ratio(
            "no-op chain steps a second / bare django-q2 tasks",
            target=STEPS_TARGET,
            at_least=True,
            inverse=True,
            note=f"{jobs_a_second:.0f} jobs a second",
        )
    ]
    for title, key, share, target in (
        ("event to first step, median, s", "alone", 0.5, FIRST_STEP_TARGET_SECONDS),
        ("event to first step, p99, s", "alone", 0.99, None),
        ("event to first step during a prewarm, p99, s", "beside", 0.99, None),
    ):
        value, low, high = quantile_bounds(measured[key], share)
        found.append(Ratio(title, value, low, high, len(measured[key]), target))
    ideal = -(-CELLS // CONCURRENCY) * PROVIDER_SECONDS
    prewarm = measured["prewarm"] / ideal
    found.append(Ratio("prewarm of 72 / the ideal", prewarm, prewarm, prewarm, 1, PREWARM_TARGET))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chains")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--events", type=int, default=EVENTS)
    asked = parser.parse_args()
    with running_system(latency=0, settings_module="benchmarks.noop_settings") as system:
        measured = _measure(system, jobs=asked.jobs, events=asked.events)
    sys.stdout.write(json.dumps(measured) + "\n")


def _measure(system: System, *, jobs: int, events: int) -> dict[str, Any]:
    # Models are there only now that Django has been set up.
    from tests.faults.till import open_shop

    unlimited: dict[str, object] = {"ai_rate_per_minute": 10**6, "budget_site_day": 10**12}
    noop = open_shop("noop", members=jobs, options={**unlimited, "ai_provider": "rules"})
    east = open_shop("east", members=2 * events, options=unlimited)
    west = open_shop("west", members=1, options={**unlimited, "ai_rate_per_minute": RATE})
    for cluster in ("realtime", "batch"):
        system.start_cluster(cluster)
    system.start_sweeper()
    system.wait_for_workers()
    members = _members_of(noop)
    ours, theirs = [], []
    for _round in range(ROUNDS):
        theirs.append(_until_idle(lambda: _queue_tasks(jobs * len(STEPS))))
        ours.append(_until_idle(lambda: _fire_noops(noop, members)))
    alone = _first_steps(east, _members_of(east)[:events])
    system.stand_in.latency = PROVIDER_SECONDS
    prewarm = _seconds_of(west, _prewarm(west))
    # Long enough a prewarm for all the events beside it, whose own calls are answered at once.
    system.stand_in.latency = 0
    for app in PREWARMED:
        seconds = PROVIDER_SECONDS + events * PAUSE_SECONDS / 5
        system.stand_in.order(app, latency=seconds, times=CELLS)
    busy = _prewarm(west)
    beside = _first_steps(east, _members_of(east)[events:])
    _wait_for_end(west, busy)
    return {
        "jobs": jobs,
        "ours": ours,
        "theirs": theirs,
        "alone": alone,
        "beside": beside,
        "prewarm": prewarm,
    }


# --- Steps a second ------------------------------------------------------------------------------


def _until_idle(queue: Callable[[], None]) -> float:
    """Seconds from the commit of a backlog until all of it is done."""
    with transaction.atomic():
        queue()
    started = time.perf_counter()
    wait_until(_is_queue_empty, seconds=600)
    return time.perf_counter() - started


def _is_queue_empty() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT NOT EXISTS (SELECT FROM django_q_ormq)")
        return bool(cursor.fetchone()[0])


def _queue_tasks(count: int) -> None:
    from django_q.tasks import async_task

    for _nth in range(count):
        async_task(BARE_TASK, cluster="realtime")


def _fire_noops(shop: Shop, members: list[int]) -> None:
    from aijobs.jobs import open_jobs
    from metrics.events import Event
    from sandbox.context import live_context, use_context

    ctx = live_context(shop.site)
    with use_context(ctx):
        open_jobs(
            [
                Event(EVENT, shop.site.pk, ctx.business_date, member, payload={"is_forced": True})
                for member in members
            ]
        )


def _members_of(shop: Shop) -> list[int]:
    from metrics.models import Member
    from sandbox.context import live_context, use_context

    with use_context(live_context(shop.site)):
        return list(Member.objects.order_by("pk").values_list("pk", flat=True))


# --- From an event to its first step -------------------------------------------------------------


def _first_steps(shop: Shop, members: list[int]) -> list[float]:
    """Seconds from the start of the event's transaction to that of its first call, by the
    database's clock.
    """
    from aijobs.jobs import open_jobs
    from aijobs.models import Run, TriggerJob
    from metrics.events import Event
    from sandbox.context import live_context, use_context

    ctx = live_context(shop.site)
    opened: list[int] = []
    for member in members:
        with use_context(ctx):
            event = Event("consumption", shop.site.pk, ctx.business_date, member, settlement_id=1)
            opened += [result.job_id for result in open_jobs([event]) if result.job_id]
        time.sleep(PAUSE_SECONDS)

    def began() -> dict[int, Any]:
        with use_context(ctx):
            first = Run.objects.filter(site=shop.site, job_id__in=opened, position=0)
            return dict(first.exclude(started_at=None).values_list("job_id", "started_at"))

    wait_until(lambda: len(began()) == len(opened))
    with use_context(ctx):
        jobs = TriggerJob.objects.filter(site=shop.site, pk__in=opened)
        fired = dict(jobs.values_list("pk", "created_at"))
    return [(moment - fired[job]).total_seconds() for job, moment in began().items()]


# --- Prewarm -------------------------------------------------------------------------------------


def _prewarm(shop: Shop) -> int:
    from aijobs.firing import prewarm_sites

    (result,) = prewarm_sites(sites=[shop.site], is_forced=True, triggered_by="command").values()
    if result.job_id is None:
        raise SystemExit("The prewarm has no job.")
    return result.job_id


def _wait_for_end(shop: Shop, job_id: int) -> Any:
    from aijobs.models import TriggerJob
    from sandbox.context import live_context, use_context

    ended: list[Any] = []

    def has_ended() -> bool:
        with use_context(live_context(shop.site)):
            jobs = TriggerJob.objects.filter(site=shop.site, pk=job_id)
            ended[:] = jobs.exclude(finished_at=None)
        return bool(ended)

    wait_until(has_ended, seconds=600)
    return ended[0]


def _seconds_of(shop: Shop, job_id: int) -> float:
    job = _wait_for_end(shop, job_id)
    if job.status != "completed":
        raise SystemExit(f"The prewarm ended {job.status}.")
    return float((job.finished_at - job.started_at).total_seconds())


if __name__ == "__main__":
    main()
