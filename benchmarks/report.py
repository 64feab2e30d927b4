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


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one run of one part of the benchmarks measured.

    Attributes:
        factor: BENCH_SCALE, of the reference data and of the numbers of jobs, kills and calls.
    """

    name: str
    title: str
    factor: float
    ratios: Sequence[Ratio]
    owner: psycopg.Connection
    minutes: float

    def write(self) -> str:
        """Put the section into docs/benchmarks.md; returns it."""
        text = "\n".join(self.lines())
        replace_between(PAGE, self.name, text)
        return text

    def lines(self) -> list[str]:
        return [
            f"## {self.title}",
            "",
            f"- {datetime.now(UTC):%Y-%m-%d}, commit {_commit()}, {self.minutes:.0f} minutes",
            f"- {_machine()}; {_server(self.owner)}",
            f"- scale {self.factor:g}{self.data()}",
            "",
            "| ratio | measured | 95 % bounds | pairs | target | met |",
            "|---|---|---|---|---|---|",
            *(_row(ratio) for ratio in self.ratios),
            "",
        ]

    def data(self) -> str:
        return ""


@dataclass(frozen=True, kw_only=True)
class DataSection(Section):
    """The time machine's, with the import and the growth curve, which docs/scale.md has too."""

    scale: Scale
    imported: Imported
    growth: Sequence[Point]

    def write(self) -> str:
        # The page first: it names the commit, which a written page makes a dirty one.
        text = super().write()
        replace_between(SCALE_PAGE, "growth", self.growth_table())
        return text

    def lines(self) -> list[str]:
        imported = f"Import: {self.imported.describe()}."
        return [*super().lines(), imported, "", *_REMARKS, "", self.growth_table()]

    def data(self) -> str:
        return f": {self.scale.describe()}"

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


def replace_between(page: Path, name: str, text: str) -> None:
    """Put a text between a page's marks of that name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, _begin, rest = page.read_text(encoding="utf-8").partition(begin)
    _old, _end, after = rest.partition(end)
    page.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")


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


def _server(owner: psycopg.Connection) -> str:
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
