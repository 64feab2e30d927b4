"""What a store took in up to its last closed day, read from the summaries once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from metrics.calculations.areas import AreaTree
from metrics.calculations.finance import daily_series, prepaid_liability
from metrics.calculations.grid import Cell, closed_columns, closed_periods
from metrics.calculations.retention import transitions
from metrics.ranges import RANGES
from sandbox.context import RuntimeContext
from sandbox.models import SiteIngest


class Books:
    """The finances of a store at D in some ranges of closed days, each part read when asked for."""

    def __init__(self, *, ctx: RuntimeContext, ranges: Iterable[str]) -> None:
        self.ctx = ctx
        # The last closed day, and the context in which nothing later counts.
        self.until = ctx.business_date - timedelta(days=1)
        self.closed = replace(ctx, business_date=self.until)
        self.areas = AreaTree(ctx=ctx)
        self._ranges = list(ranges)
        self._series: dict[str, list[dict[str, Any]]] = {}

    @cached_property
    def columns(self) -> dict[str, dict[str, Cell]]:
        """Ranges that have a closed day, each with every area's cell; one statement."""
        return closed_columns(ranges=self._ranges, areas=self.areas, ctx=self.ctx)

    @cached_property
    def opened_on(self) -> date | None:
        """The store's first business date."""
        ingest = SiteIngest.objects.filter(site=self.ctx.site)
        return ingest.values_list("first_business_date", flat=True).first()

    @cached_property
    def liability(self) -> Decimal:
        return prepaid_liability(ctx=self.closed)

    def members(self, range_key: str, names: Sequence[str]) -> dict[str, dict[str, int]]:
        """How many members became new, returned and churned in periods of a range."""
        return {name: self._transitions[f"{range_key}__{name}"] for name in names}

    @cached_property
    def _transitions(self) -> Mapping[str, dict[str, int]]:
        periods = {
            f"{key}__{name}": days
            for key in self.columns
            for name, days in (closed_periods(key, self.ctx.business_date) or {}).items()
        }
        return transitions(periods, ctx=self.closed)

    def days(self, area: str, start: date, end: date) -> list[dict[str, Any]]:
        """What an area took in on each day of a range."""
        if area not in self._series:
            spans = [cells[area]["dates"]["current"] for cells in self.columns.values()]
            self._series[area] = daily_series(
                start=min(first for first, _last in spans),
                end=max(last for _first, last in spans),
                area_code=area,
                areas=self.areas,
                ctx=self.closed,
            )
        return [row for row in self._series[area] if start <= row["date"] <= end]


_shared: ContextVar[dict[RuntimeContext, Books] | None] = ContextVar("shared_books", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Within the block, which is one transaction, a store's books are read once for all its cells."""
    token = _shared.set({})
    try:
        yield
    finally:
        _shared.reset(token)


def books_of(ctx: RuntimeContext, range_key: str) -> Books:
    """The books of a range; of all ranges where they are shared (read_once)."""
    shared = _shared.get()
    if shared is None:
        return Books(ctx=ctx, ranges=[range_key])
    if ctx not in shared:
        shared[ctx] = Books(ctx=ctx, ranges=RANGES)
    return shared[ctx]
