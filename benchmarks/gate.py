"""What the gate costs, and whether it is exact.

    python -m benchmarks.gate [--factor 0.1]

measures the gate alone, on a database of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import psycopg

from benchmarks.database import bench_database, connect_as_owner
from benchmarks.gate_callers import Caller, all_at_once, open_callers, reserve_all
from benchmarks.measuring import Pairs, Ratio, quantile_bounds

CALLERS = 16
# At the pace below each store is asked for 56 calls a minute, a little less than it may make.
STORES = 320
# Back to back they ask for more: the rate that a prewarm is measured with.
RATE = 1000
HOLD = 3000
ROOMY = 10**12

PACE = 300
PACED_SECONDS = 30
MEDIAN_TARGET_MILLISECONDS = 2.0
P99_TARGET_MILLISECONDS = 30.0

ROUNDS = 20
CALLS_OF_A_ROUND = 50

RESERVATIONS = 1000
PROCESSES = 8
# So many of the reservations fit under the cap, and half a hold is left over.
FITTING = 600

_RUNS = """
INSERT INTO runs
SELECT run.* FROM generate_series(0, %(count)s - 1) n
JOIN runs template ON template.step = 'template'
 AND template.site_id = (%(sites)s::bigint[])[1 + n %% cardinality(%(sites)s::bigint[])]
CROSS JOIN LATERAL jsonb_populate_record(template, jsonb_build_object(
    'id', nextval(pg_get_serial_sequence('runs', 'id')),
    'step', 'bench:' || n || ':' || nextval('run_generation'))) run
RETURNING site_id, id
"""


@dataclass(frozen=True)
class Bench:
    """Stores of our own with runs to start, and limits that only a cap narrows."""

    owner: psycopg.Connection
    sites: list[int]
    limits: str
    factor: float

    def runs(self, calls: int) -> list[list[tuple[int, int]]]:
        """So many pending runs for each of the callers, who have their own stores."""
        return [self.runs_of(self.sites[n::CALLERS], calls) for n in range(CALLERS)]

    def runs_of(self, sites: list[int], count: int) -> list[tuple[int, int]]:
        """Pending runs as (store, run), the stores taken in turn."""
        rows = self.owner.execute(_RUNS, {"sites": sites, "count": count}).fetchall()
        return [(site, run) for site, run in rows]

    def part(self, most: int, *, least: int) -> int:
        return max(least, round(most * min(1.0, self.factor)))


def gate_ratios(*, owner: psycopg.Connection, factor: float) -> list[Ratio]:
    """Milliseconds at a steady pace, back to back beside bare commits, tokens above a cap."""
    bench = _open_bench(owner, factor)
    return [*_paced(bench), _back_to_back(bench), *_one_cap(bench)]


def _paced(bench: Bench) -> list[Ratio]:
    """300 times a second: opened and settled, each a transaction, by 16 sessions in turn."""
    seconds = bench.part(PACED_SECONDS, least=2)
    each = PACE * seconds // CALLERS
    with open_callers(runs=bench.runs(each), hold=HOLD, limits=bench.limits) as callers:
        start = time.perf_counter() + 0.2
        slots = [start + n / PACE for n in range(each * CALLERS)]
        plans = zip(callers, (slots[n::CALLERS] for n in range(CALLERS)), strict=True)
        spent = all_at_once([lambda c=c, m=m: c.call_at(m) for c, m in plans])  # type: ignore[misc]
        taken = [1000 * one for caller in callers for one in caller.seconds]
        _require_admitted(callers)
    note = f"{len(taken) / (spent - 0.2):.0f} a second, synchronous_commit {_sync(bench.owner)}"
    return [
        _milliseconds("p50", taken, 0.5, MEDIAN_TARGET_MILLISECONDS, note),
        _milliseconds("p99", taken, 0.99, P99_TARGET_MILLISECONDS, ""),
    ]


def _milliseconds(
    name: str, taken: Sequence[float], share: float, target: float, note: str
) -> Ratio:
    value, low, high = quantile_bounds(taken, share)
    title = f"gate and settle at {PACE} a second, {name}, ms"
    return Ratio(title, value, low, high, pairs=len(taken), target=target, note=note)


def _back_to_back(bench: Bench) -> Ratio:
    """16 sessions without a pause, all in the queue of the chain's one row, in turn with 16 that
    each commit a change of a row of their own as often."""
    rounds = bench.part(ROUNDS, least=3)
    taken = Pairs()
    ours: list[float] = []
    theirs: list[float] = []
    with open_callers(
        runs=bench.runs(1 + rounds * CALLS_OF_A_ROUND), hold=HOLD, limits=bench.limits
    ) as callers:
        _make_rows_to_commit(bench.owner, callers)
        for _round in range(rounds):
            taken.ours.append(_round_of(callers, Caller.call_once, CALLS_OF_A_ROUND))
            ours += _collect(callers)
            taken.theirs.append(_round_of(callers, Caller.commit_once, 2 * CALLS_OF_A_ROUND))
            theirs += _collect(callers)
        _require_admitted(callers)
    calls = CALLERS * CALLS_OF_A_ROUND
    bare = [2 * calls / seconds for seconds in taken.theirs]
    note = (
        f"{statistics.median(calls / one for one in taken.ours):.0f} a second, p50"
        f" {1000 * statistics.median(ours):.1f} ms; {statistics.median(bare):.0f} bare commits a"
        f" second, p50 {1000 * statistics.median(theirs):.1f} ms"
    )
    title = f"gate and settle / two bare commits, {CALLERS} callers back to back"
    return taken.ratio(title, target=None, note=note)


def _round_of(callers: Sequence[Caller], deed: object, times: int) -> float:
    def repeat(caller: Caller) -> None:
        for _time in range(times):
            deed(caller)  # type: ignore[operator]

    return all_at_once([lambda c=c: repeat(c) for c in callers])  # type: ignore[misc]


def _collect(callers: Sequence[Caller]) -> list[float]:
    found = [one for caller in callers for one in caller.seconds]
    for caller in callers:
        caller.seconds.clear()
    return found


def _one_cap(bench: Bench) -> list[Ratio]:
    """1,000 reservations of 8 processes against one cap of the chain, watched all the while; then
    every holder is gone and the sweeper's function settles what they left."""
    owner = bench.owner
    used = _scalar(owner, "SELECT coalesce(max(spent + held), 0) FROM budgets WHERE site_id = 0")
    cap = used + FITTING * HOLD + HOLD // 2
    limits = json.loads(bench.limits)
    limits["caps"]["chain_month"] = cap
    runs = bench.runs_of(bench.sites, RESERVATIONS)
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=reserve_all, args=(part, HOLD, json.dumps(limits)))
        for part in (runs[n::PROCESSES] for n in range(PROCESSES))
    ]
    for process in processes:
        process.start()
    highest = looks = 0
    while any(process.is_alive() for process in processes):
        highest = max(
            highest, _scalar(owner, "SELECT max(spent + held) FROM budgets WHERE site_id = 0")
        )
        looks += 1
        time.sleep(0.002)
    if any(process.exitcode for process in processes):
        sys.exit("A reserving process failed.")
    highest = max(
        highest, _scalar(owner, "SELECT max(spent + held) FROM budgets WHERE site_id = 0")
    )
    granted = _scalar(owner, "SELECT count(*) FROM provider_calls WHERE status = 'held'")
    if granted != FITTING:
        sys.exit(f"{granted} reservations were granted where {FITTING} fit.")
    owner.execute("UPDATE provider_calls SET expires_at = '2020-01-01' WHERE status = 'held'")
    for site in bench.sites:
        _scalar(owner, "SELECT abandon_provider_calls(%s, NULL)", site)
    residue = _scalar(owner, "SELECT sum(held) FROM budgets")
    title = f"{RESERVATIONS} reservations, {PROCESSES} processes, one cap: tokens"
    note = f"{granted} granted; looked at {looks} times"
    overshoot = max(0, highest - cap)
    return [
        Ratio(f"{title} above it", overshoot, overshoot, overshoot, granted, 0.0, note=note),
        Ratio(f"{title} left held", residue, residue, residue, granted, 0.0),
    ]


# --- Setting up ----------------------------------------------------------------------------------


def _open_bench(owner: psycopg.Connection, factor: float) -> Bench:
    from aijobs.guards.limits import CAPS, limits_of
    from aijobs.models import Run, TriggerJob
    from sandbox.context import live_context, use_context
    from sandbox.models import Site

    sites = []
    for number in range(STORES):
        site = Site.objects.create(code=f"gate{number}", name=f"gate {number}")
        ctx = live_context(site)
        with use_context(ctx):
            day = {"mode": ctx.mode, "business_date": ctx.business_date}
            job = TriggerJob.objects.create(site=site, event_type="bench", app_chain="bench", **day)
            Run.objects.create(
                site=site,
                job=job,
                step="template",
                position=0,
                app="bench",
                target_id="0",
                language=site.language,
                **day,
            )
            limits = limits_of(site)
        sites.append(site.pk)
    # So that nothing but a cap of our own ever refuses.
    roomy = replace(limits, rate=RATE, caps=dict.fromkeys(CAPS, ROOMY))
    return Bench(owner, sites, roomy.as_json(), factor)


def _make_rows_to_commit(owner: psycopg.Connection, callers: Sequence[Caller]) -> None:
    owner.execute(
        "CREATE TABLE bench_commits (id bigint PRIMARY KEY, n integer NOT NULL)"
        " WITH (fillfactor = 40)"
    )
    owner.execute("GRANT SELECT, UPDATE ON bench_commits TO PUBLIC")
    for caller in callers:
        owner.execute("INSERT INTO bench_commits VALUES (%s, 0)", [caller.runs[0][1]])


def _require_admitted(callers: Sequence[Caller]) -> None:
    if refused := sum(caller.refused for caller in callers):
        sys.exit(f"The gate refused {refused} calls that it should have let through.")


def _sync(owner: psycopg.Connection) -> str:
    row = owner.execute("SELECT current_setting('synchronous_commit')").fetchone()
    return str(row[0]) if row else "unknown"


def _scalar(owner: psycopg.Connection, query: str, *values: object) -> int:
    row = owner.execute(query, values).fetchone()  # type: ignore[call-overload]
    return int(row[0]) if row else 0


def main() -> None:
    from zqyy.embedded import attach_or_start

    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate")
    parser.add_argument("--factor", type=float, default=1.0, help="of the full length")
    factor = parser.parse_args().factor
    attach_or_start()
    with bench_database(), connect_as_owner() as owner:
        for ratio in gate_ratios(owner=owner, factor=factor):
            target = "" if ratio.target is None else f" (target {ratio.target:g})"
            sys.stdout.write(f"{ratio.title}: {ratio.value:.3g}{target} {ratio.note}\n")


if __name__ == "__main__":
    main()
