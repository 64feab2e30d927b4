"""What a store's answers cost as the chain grows around it: 1, 4 and 16 sites in one database."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from benchmarks.database import vacuum
from benchmarks.generate import generate_chain
from benchmarks.measuring import seconds
from benchmarks.reading import Reading
from benchmarks.scale import Scale
from benchmarks.writing import add_one_day
from metrics.builds import build_site
from sandbox.models import Site

SIZES = (1, 4, 16)
# Of a full site: small, so that sixteen of them are made in minutes.
SHARE = 0.05
TIMES = 50


@dataclass(frozen=True)
class Point:
    """Milliseconds in a chain of so many sites."""

    sites: int
    member: float
    board: float
    grid: float
    one_more_day: float


def measure_growth(*, factor: float, owner: psycopg.Connection) -> list[Point]:
    """Grow a chain beside the reference one and ask its first store the same questions."""
    share = min(SHARE, SHARE * factor * 20)
    found: list[Point] = []
    chain: list[Site] = []
    for size in SIZES:
        scale = Scale.of_sites(size - len(chain), share=share, factor=factor)
        chain += generate_chain(scale, prefix=f"grow{size}")
        found.append(_measure(chain, chain[-scale.sites :], owner))
    return found


def _measure(chain: Sequence[Site], new: Sequence[Site], owner: psycopg.Connection) -> Point:
    days = []
    for site in new:
        build_site(site=site, full=True)
        day = add_one_day(site=site, owner=owner)
        days.append(seconds(lambda site=site, day=day: build_site(site=site, since=day)))  # type: ignore[misc]
    vacuum()
    reading = Reading(chain[0])
    member, board, grid = (
        1000 * statistics.median(reader() for _ in range(TIMES))
        for reader in reading.readers_of_today()
    )
    reading.owner.close()
    return Point(len(chain), member, board, grid, 1000 * statistics.median(days))
