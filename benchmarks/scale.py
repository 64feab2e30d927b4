"""How much reference data: BENCH_SCALE times the chain of the specification."""

from __future__ import annotations

import os
from dataclasses import dataclass

# Two sites are built at once, so there are never fewer.
FEWEST_SITES = 2
DAYS = 730


@dataclass(frozen=True)
class Scale:
    """The size of the chain; the counts are those of one site.

    At factor 1 together 200,000 members, 5M bills, 6M service lines and 1.5M card entries. A
    smaller factor takes sites away first, so that a single site stays as large as it can.
    """

    factor: float
    sites: int
    members: int
    bills: int
    lines: int
    recharges: int
    assistants: int
    tasks: int
    days: int = DAYS

    @classmethod
    def of(cls, factor: float) -> Scale:
        sites = max(FEWEST_SITES, round(20 * factor))
        return cls.of_sites(sites, share=min(1.0, 20 * factor / sites), factor=factor)

    @classmethod
    def of_sites(cls, sites: int, *, share: float, factor: float) -> Scale:
        """`sites` sites, each `share` of a full one."""

        def part(count: int) -> int:
            return max(1, round(count * share))

        return cls(
            factor=factor,
            sites=sites,
            members=part(10_000),
            bills=part(250_000),
            lines=part(300_000),
            recharges=part(15_000),
            assistants=max(10, part(100)),
            tasks=part(20_000),
        )

    @classmethod
    def from_environment(cls) -> Scale:
        factor = float(os.environ.get("BENCH_SCALE", "1"))
        if not 0 < factor <= 10:
            raise SystemExit("BENCH_SCALE must be above 0 and at most 10.")
        return cls.of(factor)

    def describe(self) -> str:
        return (
            f"{self.sites} sites, {self.sites * self.members:,} members, "
            f"{self.sites * self.bills:,} bills, {self.sites * self.lines:,} service lines, "
            f"{self.days} days"
        )
