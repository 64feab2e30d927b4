"""From SIGKILL to the start of the resumed step, on a whole system of its own.

    python -m benchmarks.recovery --kills 50

Prints every time in seconds as JSON; the stand-in's clock sees the kill and the next call.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

from aijobs.standin.server import Call
from benchmarks.measuring import Ratio
from tests.faults.system import System, running_system, wait_until
from zqyy.embedded.folder import PROJECT

KILLS = 50
TARGET_SECONDS = 12.0
# The call that is killed would take this long; the next one is answered at once.
LONG_SECONDS = 60
FIRST_APP = "app3_clue"


def recovery(*, kills: int = KILLS) -> Ratio:
    """The longest of `kills` recoveries, in seconds, on servers of their own: this module again,
    in a process of its own.
    """
    done = subprocess.run(  # noqa: S603  our own module
        [sys.executable, "-m", __name__, "--kills", str(kills)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds = json.loads(done.stdout)["seconds"]
    longest = max(seconds)
    return Ratio(
        title="seconds from SIGKILL to the resumed step, the longest",
        value=longest,
        low=longest,
        high=longest,
        pairs=len(seconds),
        target=TARGET_SECONDS,
        note=f"median {statistics.median(seconds):.1f} s",
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery")
    parser.add_argument("--kills", type=int, default=KILLS)
    kills = parser.parse_args().kills
    with running_system(latency=0) as system:
        measured = _measure(system, kills)
    sys.stdout.write(json.dumps(measured) + "\n")


def _measure(system: System, kills: int) -> dict[str, Any]:
    # Models are there only now that Django has been set up.
    from metrics.importers import push_rows
    from tests.faults.till import open_shop

    unlimited: dict[str, object] = {"ai_rate_per_minute": 10**6, "budget_site_day": 10**12}
    shop = open_shop("east", members=kills, options=unlimited)
    system.start_cluster("realtime")
    system.start_sweeper()
    system.wait_for_workers()
    bills = {row["member"]: row for row in shop.bills}
    seconds, kinds = [], []
    for number, row in enumerate(bills.values()):
        kind = list(VICTIMS)[number % len(VICTIMS)]
        system.stand_in.order(FIRST_APP, latency=LONG_SECONDS, times=1)
        push_rows(site=shop.site, kind="settlements", rows=[row])
        seconds.append(_kill_and_wait(system, kind))
        kinds.append(kind)
        # The next one starts from a cluster that is whole again.
        system.wait_for_workers()
    return {"seconds": seconds, "kinds": kinds}


def _kill_and_wait(system: System, kind: str) -> float:
    wait_until(lambda: _calls_out(system) and system.caller())
    (call,) = _calls_out(system)
    VICTIMS[kind](system)
    killed_at = time.time()
    wait_until(lambda: _later_calls(system, call))
    return _later_calls(system, call)[0].at - killed_at


def _calls_out(system: System) -> list[Call]:
    calls = system.stand_in.calls_of(FIRST_APP)
    return [call for call in calls if call.ended_at is None]


def _later_calls(system: System, killed: Call) -> list[Call]:
    calls = system.stand_in.calls_of(FIRST_APP)
    return [call for call in calls if call.n > killed.n and call.prompt == killed.prompt]


def _kill_worker(system: System) -> None:
    if caller := system.caller():
        caller.kill()


def _kill_sentinel(system: System) -> None:
    _sentinel(system).kill()


def _kill_main(system: System) -> None:
    system.clusters["realtime"].main().kill()


def _kill_group(system: System) -> None:
    os.killpg(system.clusters["realtime"].main().pid, signal.SIGKILL)


def _sentinel(system: System) -> psutil.Process:
    (sentinel,) = system.clusters["realtime"].main().children()
    return sentinel


VICTIMS: dict[str, Callable[[System], None]] = {
    "worker": _kill_worker,
    "group": _kill_group,
    "worker again": _kill_worker,
    "sentinel": _kill_sentinel,
    "main": _kill_main,
}


if __name__ == "__main__":
    main()
