"""docs/benchmarks.md: what was measured, on what, and whether it is good enough."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg

from benchmarks.growth import Point
from benchmarks.importing import Imported
from benchmarks.measuring import Ratio
from benchmarks.scale import Scale

PROJECT = Path(__file__).parent.parent
PAGE = PROJECT / "docs" / "benchmarks.md"
SCALE_PAGE = PROJECT / "docs" / "scale.md"
MARKS = ("<!-- growth -->\n", "<!-- /growth -->\n")


@dataclass(frozen=True)
class Report:
    scale: Scale
    ratios: Sequence[Ratio]
    imported: Imported
    growth: Sequence[Point]
    server: str
    minutes: float

    def write(self) -> None:
        """Write the page, and the growth curve into docs/scale.md."""
        PAGE.write_text(self.page(), encoding="utf-8")
        before, rest = SCALE_PAGE.read_text(encoding="utf-8").split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        SCALE_PAGE.write_text(
            before + MARKS[0] + self.growth_table() + MARKS[1] + after, encoding="utf-8"
        )

    def page(self) -> str:
        return "\n".join(
            [
                "# Benchmarks",
                "",
                "Written by `make bench`. Ratios of medians, alternatives taken in turn in one run,",
                "95 % bootstrap bounds over the pairs. A target is met when the unfavourable bound",
                "keeps to it. The baselines stand in `benchmarks/baselines/`, each with its reason;",
                "where both sides give rows, they are compared before they are timed.",
                "",
                f"- {datetime.now(UTC):%Y-%m-%d}, commit {_commit()}, {self.minutes:.0f} minutes",
                f"- {_machine()}; {self.server}",
                f"- scale {self.scale.factor:g}: {self.scale.describe()}",
                "",
                "| ratio | measured | 95 % bounds | pairs | target | met |",
                "|---|---|---|---|---|---|",
                *(_row(ratio) for ratio in self.ratios),
                "",
                f"Import: {self.imported.describe()}.",
                "",
                *_REMARKS,
                "",
                "## Growth",
                "",
                self.growth_table(),
            ]
        )

    def growth_table(self) -> str:
        return "\n".join(
            [
                "| sites | one member, ms | board, ms | finance, 72 cells, ms | one more day, ms |",
                "|---|---|---|---|---|",
                *(
                    f"| {point.sites} | {point.member:.2f} | {point.board:.1f} | {point.grid:.1f} |"
                    f" {point.one_more_day:.0f} |"
                    for point in self.growth
                ),
                "",
            ]
        )


_REMARKS = (
    "Builds take minutes, so they are not repeated 200 times: the pairs of a full build are pairs",
    "of sites, each built from nothing by two processes at once and then summed up by DuckDB with",
    "two threads; those of one more day set it against the full build of the same two sites. A late",
    "fact is the 99th percentile of single repairs, each of a bill and a service line.",
)


def _row(ratio: Ratio) -> str:
    met = {True: "yes", False: "no", None: ""}[ratio.is_met]
    target = ""
    if ratio.target is not None:
        target = f"{'≥' if ratio.at_least else '≤'} {ratio.target:g}"
    title = f"{ratio.title} ({ratio.note})" if ratio.note else ratio.title
    return (
        f"| {title} | {ratio.value:.3g} | {ratio.low:.3g} to {ratio.high:.3g} | {ratio.pairs} |"
        f" {target} | {met} |"
    )


def server_of(owner: psycopg.Connection) -> str:
    buffers = owner.execute("SELECT current_setting('shared_buffers')").fetchall()[0][0]
    return f"PostgreSQL {owner.info.server_version // 10000}, shared_buffers {buffers}"


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB,"
        f" Python {platform.python_version()}"
    )


def _commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"
