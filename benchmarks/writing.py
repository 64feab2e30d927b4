"""Ratios of building: everything, one more day, one late fact."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date

import psycopg

from benchmarks.database import SQL
from benchmarks.duck import Duck
from benchmarks.measuring import Pairs, Ratio
from benchmarks.worker import Worker
from sandbox.context import live_context
from sandbox.models import Site

SUMMARIES = (
    *("dws_member_consumption_summary", "dws_member_lifecycle", "dws_assistant_daily_detail"),
    *("dws_assistant_customer_stats", "dws_assistant_daily_salary", "dws_coach_task_daily"),
    "dws_finance_daily",
)


class Building:
    """Full builds and days more, always two sites at once, by two processes."""

    def __init__(self, *, sites: Sequence[Site], owner: psycopg.Connection) -> None:
        self.sites, self.owner = sites, owner
        self.twos = [list(sites[n : n + 2]) for n in range(0, len(sites), 2)]
        self.workers = [Worker(), Worker()]
        self.full: list[float] = []

    def close(self) -> None:
        for worker in self.workers:
            worker.stop()

    def build_all(self, duck: Duck) -> Ratio:
        """Every site from nothing, against DuckDB on the same two sites."""
        taken = Pairs()
        for two in self.twos:
            taken.ours.append(self._build(two))
            taken.theirs.append(duck.build(site_ids=[site.pk for site in two]))
            duck.require_same(owner=self.owner, site_ids=[site.pk for site in two])
        self.full = taken.ours
        rows, spent = self._count_rows(), sum(taken.ours)
        note = f"{rows:,} rows in {spent:.0f} s: {rows / spent:,.0f} rows/s by two processes"
        return taken.ratio("full build / DuckDB", target=2.5, note=note)

    def one_more_day(self) -> Ratio:
        """A day's facts, then a build from that day on, against the full build of the same two."""
        taken = Pairs(theirs=self.full)
        for two in self.twos:
            days = [add_one_day(site=site, owner=self.owner) for site in two]
            taken.ours.append(self._build(two, max(days)))
        return taken.ratio("one more day / full build", target=0.015)

    def _build(self, two: Sequence[Site], *since: object) -> float:
        start = time.perf_counter()
        for worker, site in zip(self.workers, two, strict=False):
            worker.ask("build", site.pk, *since)
        for worker, _site in zip(self.workers, two, strict=False):
            worker.answer()
        return time.perf_counter() - start

    def _count_rows(self) -> int:
        found = 0
        for table in SUMMARIES:
            row = self.owner.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[call-overload]  # noqa: S608
            found += row[0] if row else 0
        return found


def add_one_day(*, site: Site, owner: psycopg.Connection) -> date:
    """Today's facts of a site whose history ended yesterday; returns the date."""
    day = live_context(site).business_date
    text = (SQL / "one_more_day.sql").read_text(encoding="utf-8")
    statement = psycopg.ClientCursor(owner).mogrify(text, {"site": site.pk, "day": day})
    owner.execute(statement)  # type: ignore[call-overload]
    return day
