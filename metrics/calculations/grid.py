"""The finances of areas and ranges beside those of the period before and of the year before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.db import connection

from metrics.builds.finance import FINANCE_SUMS
from metrics.calculations.areas import ALL, AreaTree
from metrics.calculations.finance import Totals
from metrics.calculations.hall import Hall
from metrics.ranges import RANGES, previous_range, resolve_range, year_ago
from sandbox.context import RuntimeContext, current_context

PERIODS = ("current", "previous", "year_ago")
# Figures of the three periods by name, and their first and last days under "dates".
Cell = dict[str, dict[str, Any]]

GRID_SQL = (
    (Path(__file__).parent.parent / "sql" / "finance_grid.sql")
    .read_text(encoding="utf-8")
    .format(
        seek=", ".join(f"f.{name}" for name in FINANCE_SUMS),
        differences=", ".join(
            f"sum(ends.{name} - coalesce(befores.{name}, 0))::bigint" for name in FINANCE_SUMS
        ),
    )
)


def finance_grid(*, ctx: RuntimeContext | None = None) -> dict[str, dict[str, Cell]]:
    """Every area of the store × every range: {area: {range: cell}}, in one statement.

    Each period of a cell holds what finance_totals says of it.
    """
    ctx = ctx or current_context()
    hall = Hall(ctx=ctx, areas=AreaTree(ctx=ctx))
    dates = {key: periods_of(key, ctx.business_date) for key in RANGES}
    return _cells(hall, hall.areas.codes, dates, ctx=ctx)


def finance_cell(
    *, range_key: str, area_code: str = ALL, ctx: RuntimeContext | None = None
) -> Cell:
    """One cell of the grid.

    Raises:
        BadRequest: no such range. NotFound: the store has no such area.
    """
    ctx = ctx or current_context()
    hall = Hall(ctx=ctx, areas=AreaTree(ctx=ctx))
    dates = {range_key: periods_of(range_key, ctx.business_date)}
    return _cells(hall, [area_code], dates, ctx=ctx)[area_code][range_key]


def figures_between(
    periods: Mapping[str, tuple[date, date]],
    *,
    hall: Hall,
    ctx: RuntimeContext | None = None,
) -> dict[str, dict[str, dict[str, Any]]]:
    """What finance_totals says of every area in each of some periods: {area: {period: figures}}.

    One statement for all of them.
    """
    ctx = ctx or current_context()
    codes = hall.areas.codes
    found = _figures(hall, codes, [*periods.values()], ctx=ctx)
    return {code: {name: found[code, days] for name, days in periods.items()} for code in codes}


def closed_columns(
    *, ranges: Iterable[str], hall: Hall, ctx: RuntimeContext | None = None
) -> dict[str, dict[str, Cell]]:
    """Every area of the store in ranges of closed days (see closed_periods): {range: {area: cell}}.

    One statement for all of them. A range that has no closed day yet is left out.

    Args:
        hall: the store's at D.

    Raises:
        BadRequest: no such range.
    """
    ctx = ctx or current_context()
    closed = {key: closed_periods(key, ctx.business_date) for key in ranges}
    dates = {key: periods for key, periods in closed.items() if periods is not None}
    if not dates:
        return {}
    codes = hall.areas.codes
    cells = _cells(hall, codes, dates, ctx=ctx)
    return {key: {code: cells[code][key] for code in codes} for key in dates}


def closed_periods(range_key: str, day: date) -> dict[str, tuple[date, date]] | None:
    """`periods_of` while `day` is still open: a range that runs ends on the day before.

    None: it begins on `day`.

    Raises:
        BadRequest: no such range.
    """
    start, end = resolve_range(range_key, day)
    if end < day:
        return periods_of(range_key, day)
    return None if start == day else periods_of(range_key, day - timedelta(days=1))


def periods_of(range_key: str, day: date) -> dict[str, tuple[date, date]]:
    """First and last day of a range at `day`, of the period before it and of the year before.

    Raises:
        BadRequest: no such range.
    """
    current = resolve_range(range_key, day)
    dates = (current, previous_range(range_key, day), year_ago(*current))
    return dict(zip(PERIODS, dates, strict=True))


def _cells(
    hall: Hall,
    codes: Sequence[str],
    dates: Mapping[str, dict[str, tuple[date, date]]],
    *,
    ctx: RuntimeContext,
) -> dict[str, dict[str, Cell]]:
    asked = [days for periods in dates.values() for days in periods.values()]
    figures = _figures(hall, codes, asked, ctx=ctx)
    return {
        code: {
            key: {
                "dates": dict(periods),
                **{name: figures[code, days] for name, days in periods.items()},
            }
            for key, periods in dates.items()
        }
        for code in codes
    }


def _figures(
    hall: Hall,
    codes: Sequence[str],
    periods: Sequence[tuple[date, date]],
    *,
    ctx: RuntimeContext,
) -> dict[tuple[str, tuple[date, date]], dict[str, Any]]:
    """What finance_totals says, by area and period."""
    found = _sums(hall.areas, codes, periods, ctx=ctx)
    nothing = dict.fromkeys(FINANCE_SUMS, 0)
    figures = {}
    for code in codes:
        for start, end in periods:
            sums = found.get((code, start, end)) or nothing
            in_hall = hall.figures(sums, code=code, start=start, end=end)
            figures[code, (start, end)] = Totals(sums).shown() | in_hall
    return figures


def _sums(
    areas: AreaTree,
    codes: Sequence[str],
    periods: Sequence[tuple[date, date]],
    *,
    ctx: RuntimeContext,
) -> dict[tuple[str, date, date], dict[str, int]]:
    """The summed columns by area and period; nothing where nothing was."""
    pairs = [(code, area) for code in codes for area in sorted(areas.ids(code))]
    params: dict[str, Any] = {
        "site": ctx.site.pk,
        "codes": [code for code, _area in pairs],
        "areas": [area for _code, area in pairs],
        "befores": [start - timedelta(days=1) for start, _end in periods],
        "ends": [end for _start, end in periods],
    }
    with connection.cursor() as cursor:
        cursor.execute(GRID_SQL, params)
        return {
            (code, *periods[period]): dict(zip(FINANCE_SUMS, sums, strict=True))
            for code, period, *sums in cursor
        }
