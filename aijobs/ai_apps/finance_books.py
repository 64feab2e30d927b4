"""What a store took in up to its last closed day, read from the summaries once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property

from metrics.calculations.areas import AreaTree
from metrics.calculations.finance import daily_paid, prepaid_liability
from metrics.calculations.grid import Cell, closed_columns, closed_periods
from metrics.calculations.hall import Hall, OpenDays
from metrics.calculations.retention import transitions
from metrics.money import yuan
from metrics.ranges import RANGES
from sandbox.context import RuntimeContext

# What a weekday is worth is read from so many weeks before a period.
RHYTHM_WEEKS = 12


@dataclass(frozen=True)
class Day:
    """What an area took in on a day on which the store was open."""

    date: date
    paid: Decimal
    bills: int


class Books:
    """The finances of a store at D in some ranges of closed days, each part read when asked for."""

    def __init__(self, *, ctx: RuntimeContext, ranges: Iterable[str]) -> None:
        self.ctx = ctx
        # The last closed day, and the context in which nothing later counts.
        self.until = ctx.business_date - timedelta(days=1)
        self.closed = replace(ctx, business_date=self.until)
        self.areas = AreaTree(ctx=ctx)
        self._ranges = list(ranges)
        # What the cells ask for again and again.
        self._open_dates: dict[tuple[date, date], list[date]] = {}
        self._paid_by_area: dict[str, Mapping[date, tuple[int, int]]] = {}

    @cached_property
    def columns(self) -> dict[str, dict[str, Cell]]:
        """Ranges that have a closed day, each with every area's cell; one statement."""
        return closed_columns(ranges=self._ranges, hall=self._hall, ctx=self.ctx)

    @property
    def open_days(self) -> OpenDays:
        """The store's first business date and the days it was closed."""
        return self._hall.open_days

    @cached_property
    def _hall(self) -> Hall:
        return Hall(ctx=self.ctx, areas=self.areas)

    @cached_property
    def liability(self) -> Decimal:
        return prepaid_liability(ctx=self.closed)

    def members(self, range_key: str, name: str) -> dict[str, int]:
        """How many members became new, returned and churned in a period of a range."""
        return self._transitions[f"{range_key}__{name}"]

    @cached_property
    def _transitions(self) -> Mapping[str, dict[str, int]]:
        periods = {
            f"{key}__{name}": days
            for key in self.columns
            for name, days in (closed_periods(key, self.ctx.business_date) or {}).items()
        }
        return transitions(periods, ctx=self.closed)

    def days(self, area: str, start: date, end: date) -> list[Day]:
        """What an area took in on each day that the store was open, with or without bills."""
        if area not in self._paid_by_area:
            self._paid_by_area[area] = self._sum_up(area)
        paid = self._paid_by_area[area]
        return [
            Day(day, yuan(cents), bills)
            for day in self.dates(start, end)
            for cents, bills in [paid.get(day, (0, 0))]
        ]

    def dates(self, start: date, end: date) -> list[date]:
        """The days of [start, end] on which the store was open."""
        if (start, end) not in self._open_dates:
            first = max(start, self.open_days.first or self.ctx.business_date)
            days = (min(end, self.until) - first).days + 1
            every = (first + timedelta(days=nth) for nth in range(days))
            closures = self.open_days.closures
            self._open_dates[start, end] = [day for day in every if day not in closures]
        return self._open_dates[start, end]

    def _sum_up(self, area: str) -> Mapping[date, tuple[int, int]]:
        parts = [self._daily[area_id] for area_id in self.areas.ids(area) if area_id in self._daily]
        if len(parts) == 1:
            return parts[0]
        total: defaultdict[date, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for part in parts:
            for day, (cents, bills) in part.items():
                before = total[day]
                total[day] = (before[0] + cents, before[1] + bills)
        return total

    @cached_property
    def _daily(self) -> Mapping[int, Mapping[date, tuple[int, int]]]:
        """Every area's days from the earliest that any range looks at; one statement."""
        starts = (
            min(cell["dates"]["previous"][0], rhythm_before(cell["dates"]["current"][0])[0])
            for cells in self.columns.values()
            for cell in cells.values()
        )
        return daily_paid(start=min(starts), end=self.until, ctx=self.closed)


def rhythm_before(start: date) -> tuple[date, date]:
    """The whole weeks before a period that its weekdays are measured by."""
    return start - timedelta(weeks=RHYTHM_WEEKS), start - timedelta(days=1)


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
