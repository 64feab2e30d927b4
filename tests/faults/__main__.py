"""`make faults`: jobs under a seeded schedule of faults, then everything that must hold.

    python -m tests.faults --jobs 500 --seed 1

Prints what happened as JSON; exits with 1 when anything does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from typing import Any

import psycopg

from aijobs.standin.faults import Schedule
from tests.faults.plan import PROVIDER_FAULTS, draw_faults
from tests.faults.system import System, running_system, wait_until

LATENCY_SECONDS = 0.25
# Calls of a step that hang or drip are cut after this.
STEP_SECONDS = 5
# A fault and its consequences take about this long.
SECONDS_PER_FAULT = 5.0
JOBS_PER_FAULT = 5
CALLS_OF_A_JOB = 1
WORKED_OFF_WITHIN = 600.0
# Tokens a job of the second store may use on average: the last of them are refused. The first
# store never runs out.
BUDGET_PER_MEMBER = 17_000
AMPLE_BUDGET = 1_000_000_000

OPEN = (
    "SELECT 1 FROM leases WHERE closed_at IS NULL LIMIT 1",
    "SELECT 1 FROM django_q_ormq LIMIT 1",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with running_system(latency=LATENCY_SECONDS) as system:
        report = _run(system, jobs=arguments.jobs, seed=arguments.seed)
    sys.stdout.write(json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    sys.exit(1 if report["violations"] else 0)


def _run(system: System, *, jobs: int, seed: int) -> dict[str, Any]:
    # Models are there only now that Django has been set up.
    from tests.faults.inflicting import Inflictor
    from tests.faults.invariants import Afterwards
    from tests.faults.sampling import BudgetWatch
    from tests.faults.till import Till, open_shop

    started = time.monotonic()
    faults = draw_faults(seed=seed, count=max(7, jobs // JOBS_PER_FAULT))
    options = {"ai_step_timeout": STEP_SECONDS, "ai_rate_per_minute": 100_000}
    cap = BUDGET_PER_MEMBER * (jobs // 2)
    shops = [
        open_shop(
            "east",
            members=jobs - jobs // 2,
            options={**options, "budget_site_day": AMPLE_BUDGET, "budget_site_month": AMPLE_BUDGET},
        ),
        open_shop("west", members=jobs // 2, options={**options, "budget_site_day": cap}),
    ]
    url = os.environ["DATABASE_OWNER_URL"]
    watch = BudgetWatch(url, caps={(shops[1].site.pk, "day"): cap})
    till = Till(shops, seconds=len(faults) * SECONDS_PER_FAULT)
    inflictor = Inflictor(system, seed=seed, calls_of_a_job=CALLS_OF_A_JOB)
    system.stand_in.schedule = Schedule(seed=seed, shares=PROVIDER_FAULTS)
    system.start_cluster("realtime")
    system.start_sweeper()
    system.wait_for_workers()
    watch.start()
    till.start()
    for fault in faults:
        time.sleep(fault.pause)
        inflictor.inflict(fault)
    till.join(WORKED_OFF_WITHIN)
    problems = [] if till.has_finished else ["the till could not push every bill"]
    try:
        wait_until(lambda: _is_worked_off(url), seconds=WORKED_OFF_WITHIN)
    except TimeoutError:
        problems.append(f"not worked off {WORKED_OFF_WITHIN:.0f} s after the last fault")
    watch.stop()
    after = Afterwards(url, shops=shops, calls=system.stand_in.calls, faults=inflictor.done)
    return {
        "seed": seed,
        "seconds": round(time.monotonic() - started),
        "faults": [asdict(fault) for fault in inflictor.done],
        **after.figures(),
        "budget": {"cap": cap, "highest": watch.highest_of(shops[1].site.pk, "day")},
        "polls": watch.polls,
        "violations": [*problems, *watch.violations(), *after.violations()],
    }


def _is_worked_off(url: str) -> bool:
    """Every lease closed and every queue row acknowledged."""
    with psycopg.connect(url) as session:
        return not any(session.execute(query).fetchone() for query in OPEN)


if __name__ == "__main__":
    main()
