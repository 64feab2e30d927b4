"""The manager's first look: the last open day against the same weekday of the week before, whom to
call today, what is odd, and how areas and hours have been doing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from metrics.anomalies import Anomaly, anomalies_of
from metrics.calculations.areas import ALL, AreaTree
from metrics.calculations.busy_hours import BusyHours, busy_hours
from metrics.calculations.finance import daily_series
from metrics.calculations.grid import figures_between
from metrics.calculations.hall import Hall, OpenDays
from metrics.calls import CallList, calls_of_today
from sandbox.context import RuntimeContext

WEEK = timedelta(days=7)
CHART_DAYS = 90
MEAN_DAYS = 7
AREA_DAYS = 30
# Figures of the day with their unit and the rows behind them (templates/metrics/rows.html); the
# parts of the first one are shown below it.
_FIGURES: list[tuple[str, Promise | str, str, str]] = [
    ("gmv", _("GMV"), "yuan", "bills"),
    ("paid", _("Paid"), "yuan", "bills"),
    ("cash_in", _("Cash-in"), "yuan", "bills"),
    ("recharge_principal", _("Principal recharged"), "yuan", "recharges"),
    ("hours_per_table", _("Hours per table"), "hours", "bills"),
    ("occupancy_rate", _("Occupancy"), "share", "bills"),
]
# What a figure is made of beside its rows above.
_MORE_ROWS = {"cash_in": "cash_entries"}
_PARTS: list[tuple[str, Promise | str, str, str]] = [
    ("table_fee", _("Table fee"), "yuan", "table_fee"),
    ("assistant_fee", _("Assistant fee"), "yuan", "assistant_fee"),
    ("goods_fee", _("Goods"), "yuan", "goods_fee"),
]


@dataclass(frozen=True)
class Figure:
    """A figure beside the one it is compared with; `change` is a ratio.

    Attributes:
        rows: what it was counted from (templates/metrics/rows.html); more_rows: and what else.
    """

    title: Promise | str
    value: Decimal | None
    before: Decimal | None
    unit: str = "yuan"
    rows: str = "bills"
    more_rows: str = ""
    parts: list[Figure] = field(default_factory=list)

    @property
    def change(self) -> Decimal | None:
        if self.value is None or not self.before:
            return None
        return self.value / self.before - 1


@dataclass(frozen=True)
class AreaShare:
    """An area's part of the store's GMV, and what became of its own GMV; both are ratios.

    Attributes:
        is_inner: it is within the area before it, whose figures contain its own.
    """

    code: str
    name: str
    gmv: Decimal
    share: Decimal | None
    change: Decimal | None
    is_inner: bool


@dataclass(frozen=True)
class HomePage:
    """What happened on `day`, and the weeks up to it. `compared_with` is None when it was closed.

    Attributes:
        areas: of the last 30 open days, first `areas_since`, against the 30 before.
        area_names: of all areas of the store, by code.
        busy_hours: None where the till does not say when bills began.
    """

    day: date
    compared_with: date | None
    figures: list[Figure]
    calls: CallList
    anomalies: list[Anomaly]
    chart: dict[str, list[Any]]
    areas: list[AreaShare]
    areas_since: date
    area_names: dict[str, str]
    busy_hours: BusyHours | None


def home_page(*, ctx: RuntimeContext) -> HomePage | None:
    """The figures at D; None for a store without any facts by then."""
    areas = AreaTree(ctx=ctx)
    hall = Hall(ctx=ctx, areas=areas)
    started = hall.open_days.first
    if started is None or started >= ctx.business_date:
        return None
    day = last_open_day(hall.open_days, ctx=ctx)
    start = day - timedelta(days=CHART_DAYS + MEAN_DAYS - 2)
    series = daily_series(start=start, end=day, ctx=ctx)
    open_days = {row["date"]: row for row in series if row["date"] not in hall.open_days.closures}
    week_ago = day - WEEK
    recent = _days_back(day, AREA_DAYS, hall.open_days)
    earlier = _days_back(recent - timedelta(days=1), AREA_DAYS, hall.open_days)
    periods = {
        "day": (day, day),
        "before": (week_ago, week_ago),
        "recent": (recent, day),
        "earlier": (earlier, recent - timedelta(days=1)),
    }
    cells = figures_between(periods, hall=hall, ctx=ctx)
    compared_with = same_day_before(day, hall.open_days)
    now, before = cells[ALL]["day"], cells[ALL]["before"] if compared_with else {}
    return HomePage(
        day=day,
        compared_with=compared_with,
        figures=[
            _figure(one, now, before, parts=_PARTS if n == 0 else [])
            for n, one in enumerate(_FIGURES)
        ],
        calls=calls_of_today(ctx=ctx),
        anomalies=anomalies_of(day=day, ctx=ctx),
        chart=_chart([day for day in open_days if day >= started], open_days),
        areas=_area_shares(areas, cells, has_earlier=earlier >= started),
        areas_since=recent,
        area_names=areas.names,
        busy_hours=busy_hours(end=day, open_days=hall.open_days, ctx=ctx),
    )


def same_day_before(day: date, open_days: OpenDays) -> date | None:
    """The same weekday of the week before; None: the store was closed or had no data yet."""
    week_ago = day - WEEK
    if open_days.first is None or week_ago < open_days.first or week_ago in open_days.closures:
        return None
    return week_ago


def last_open_day(open_days: OpenDays, *, ctx: RuntimeContext) -> date:
    """The last whole day on which the store was open; where there is none, the day before D."""
    yesterday = ctx.business_date - timedelta(days=1)
    day = yesterday
    while day in open_days.closures and open_days.first and day > open_days.first:
        day -= timedelta(days=1)
    return yesterday if day in open_days.closures else day


def _days_back(end: date, count: int, open_days: OpenDays) -> date:
    """The first of so many open days up to a day."""
    start = end
    found = int(start not in open_days.closures)
    while found < count:
        start -= timedelta(days=1)
        found += start not in open_days.closures
    return start


def _figure(
    one: tuple[str, Promise | str, str, str],
    now: dict[str, Any],
    before: dict[str, Any],
    *,
    parts: list[tuple[str, Promise | str, str, str]],
) -> Figure:
    key, title, unit, rows = one
    return Figure(
        title,
        now.get(key),
        before.get(key),
        unit,
        rows,
        _MORE_ROWS.get(key, ""),
        [_figure(part, now, before, parts=[]) for part in parts],
    )


def _area_shares(
    areas: AreaTree, cells: dict[str, dict[str, dict[str, Any]]], *, has_earlier: bool
) -> list[AreaShare]:
    """Every area that took something in, the one with most first, each before what is within it."""
    whole, parents = cells[ALL]["recent"]["gmv"], areas.parents
    gmv = {code: cells[code]["recent"]["gmv"] for code in areas.codes}
    before = {code: cells[code]["earlier"]["gmv"] for code in areas.codes}

    def place(code: str) -> tuple[Any, ...]:
        outer = parents.get(code, code)
        return -gmv[outer], outer, code != outer, -gmv[code], code

    return [
        AreaShare(
            code=code,
            name=areas.names[code],
            gmv=gmv[code],
            share=gmv[code] / whole if whole else None,
            change=gmv[code] / before[code] - 1 if has_earlier and before[code] else None,
            is_inner=code in parents,
        )
        for code in sorted(areas.codes, key=place)
        if code != ALL and (gmv[code] or before[code])
    ]


def _chart(days: list[date], rows: dict[date, dict[str, Any]]) -> dict[str, list[Any]]:
    """The last 90 days' GMV and its mean of 7; closed days are in neither."""
    amounts = [float(rows[day]["gmv"]) for day in days]
    means = [
        round(sum(amounts[n - MEAN_DAYS + 1 : n + 1]) / MEAN_DAYS, 2)
        if n >= MEAN_DAYS - 1
        else None
        for n in range(len(amounts))
    ]
    shown = slice(-CHART_DAYS, None)
    return {
        "days": [day.isoformat() for day in days[shown]],
        "gmv": amounts[shown],
        "mean": means[shown],
    }
