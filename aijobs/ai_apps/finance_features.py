"""What the apps about finances are told: an area's closed days of a range beside those before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from aijobs.ai_apps.base import Features
from aijobs.ai_apps.finance_books import books_of
from aijobs.ai_apps.member_features import WEEKDAYS, money
from aijobs.targets import Target
from metrics.calculations.areas import ALL, AreaTree
from metrics.calculations.grid import PERIODS, Cell
from metrics.calculations.hall import HALL_FIGURES
from metrics.ranges import resolve_range
from sandbox.context import RuntimeContext

RANGE_NAMES = {
    "this_month": "本月",
    "last_month": "上月",
    "this_week": "本周",
    "last_week": "上周",
    "this_quarter": "本季度",
    "last_quarter": "上季度",
    "last_3_months": "近三个月",
    "last_6_months": "近六个月",
}
JUST_BEGUN = "本期刚开始，暂无完整营业日"
# Figures of a period by what they are.
_AMOUNTS = ("gmv", "paid", "cash_in", "recognised_revenue")
METRICS = (*_AMOUNTS, *HALL_FIGURES, "prepaid_liability")
_PARTS = ("table_fee", "assistant_fee", "goods_fee", "other_fee")
_RECHARGE = ("recharge_principal", "recharge_gift", "refunds", "gift_consumed")
_COUNTS = ("bills", "voided_bills", "table_hours", "hours_per_table", "turnover", "avg_ticket")
_SHARES = (
    "occupancy_rate",
    "discount_rate",
    "groupbuy_share",
    "member_share",
    "walkin_share",
    "void_rate",
)
# What is compared with the period before and the year before.
_COMPARED = ("gmv", "paid", "bills", "avg_ticket", "discount", "table_hours", "recharge_principal")
# A longer range is told by months, not by days: a prompt has to stay short.
_MOST_DAYS = 31
# When a deed that is proposed today should be done, and when its effect can be read.
_SOON, _LATER = 3, 7


def describe_finance(ctx: RuntimeContext, target: Target) -> Features:
    """An area's finances in a range, up to the last closed day.

    Raises:
        BadRequest: no such range. NotFound: the store has no such area.
    """
    books = books_of(ctx, target.range)
    areas = books.areas
    areas.parts(target.area)
    values: dict[str, Any] = {
        "as_of": ctx.business_date.isoformat(),
        "data_until": books.until.isoformat(),
        "data_until_words": f"截至 {_day(books.until)}营业结束",
        "range": {"key": target.range, "name": RANGE_NAMES[target.range]},
        "area": _area(target.area, areas),
    }
    column = books.columns.get(target.range)
    if column is None:
        start, _end = resolve_range(target.range, ctx.business_date)
        values |= {"just_begun": JUST_BEGUN, "starts": start.isoformat()}
        return Features(values=values, metrics=METRICS, dates=(start.isoformat(),))
    cell = column[target.area]
    known = _known_periods(cell, books.opened_on)
    start, end = cell["dates"]["current"]
    values["range"] |= {"start": start.isoformat(), "end": end.isoformat()}
    values |= {
        **{name: _describe_period(cell, name) if name in known else None for name in PERIODS},
        "changes": {name: _changes(cell, name) for name in known[1:]},
        "days": _describe_days(books.days(target.area, start, end)),
        "areas": _describe_areas(column, target.area, areas, known),
        "deadlines": [
            (ctx.business_date + timedelta(days=days)).isoformat() for days in (_SOON, _LATER)
        ],
    }
    if target.area == ALL:
        values["members"] = books.members(target.range, known)
        values["prepaid_liability"] = money(books.liability)
    else:
        values["share_of_store"] = {
            name: percent(_ratio(cell[name]["paid"], column[ALL][name]["paid"])) for name in known
        }
    return Features(values=values, metrics=METRICS, dates=(start.isoformat(), end.isoformat()))


def percent(ratio: Decimal | None, *, sign: bool = False) -> str | None:
    """`12.3%`; None where unknown."""
    if ratio is None:
        return None
    shown = (ratio * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return f"{shown:+}%" if sign else f"{shown}%"


def _known_periods(cell: Cell, opened: date | None) -> list[str]:
    """The current period, and those before it in which the store was there from the first day."""
    return [
        name
        for name in PERIODS
        if name == "current" or (opened is not None and cell["dates"][name][0] >= opened)
    ]


def _describe_period(cell: Cell, name: str) -> dict[str, Any]:
    figures = cell[name]
    start, end = cell["dates"][name]
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        **{key: money(figures[key]) for key in (*_AMOUNTS, "discount")},
        "parts": {key: _amount(figures[key]) for key in _PARTS},
        "part_shares": {key: percent(_ratio(figures[key], figures["gmv"])) for key in _PARTS},
        "recharge": {key: money(figures[key]) for key in _RECHARGE},
        **{key: _plain(figures[key]) for key in _COUNTS},
        **{key: percent(figures[key]) for key in _SHARES},
    }


def _changes(cell: Cell, name: str) -> dict[str, str | None]:
    """How much each figure has grown since another period; None where that had nothing."""
    return {
        key: percent(_growth(cell["current"][key], cell[name][key]), sign=True) for key in _COMPARED
    }


def _describe_days(series: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The days with bills: each, or by month where they are many; the best, the worst, weekdays."""
    days = [row for row in series if row["bills"]]
    if not days:
        return {"with_bills": 0}
    by_weekday: defaultdict[int, list[Decimal]] = defaultdict(list)
    for row in days:
        by_weekday[row["date"].weekday()].append(row["paid"])
    ranked = sorted(days, key=lambda row: (row["paid"], row["date"]))
    return {
        "with_bills": len(days),
        "mean_paid": money(sum(row["paid"] for row in days) / len(days)),
        "best": _describe_day(ranked[-1]),
        "worst": _describe_day(ranked[0]),
        "weekdays": {
            WEEKDAYS[weekday]: money(sum(paid, Decimal()) / len(paid))
            for weekday, paid in sorted(by_weekday.items())
        },
        **(
            {"each": [_describe_day(row) for row in days]}
            if len(series) <= _MOST_DAYS
            else {"months": _describe_months(days)}
        ),
    }


def _describe_day(row: Mapping[str, Any]) -> dict[str, Any]:
    day = row["date"]
    return {
        "day": f"{_day(day)}{WEEKDAYS[day.weekday()]}",
        "paid": money(row["paid"]),
        "bills": row["bills"],
    }


def _describe_months(days: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    months: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in days:
        months[f"{row['date']:%Y-%m}"].append(row)
    return [
        {
            "month": month,
            "paid": money(sum(row["paid"] for row in rows)),
            "bills": sum(row["bills"] for row in rows),
        }
        for month, rows in months.items()
    ]


def _describe_areas(
    column: Mapping[str, Cell], code: str, areas: AreaTree, known: Sequence[str]
) -> list[dict[str, Any]]:
    """The areas with bills that the area is made of, in the order of what they took in."""
    whole = column[code]["current"]["paid"]
    parts = areas.parts(code)
    rows = [
        {
            **_area(other, areas),
            "paid": money(cell["current"]["paid"]),
            "bills": cell["current"]["bills"],
            "share": percent(_ratio(cell["current"]["paid"], whole)),
            "change": percent(_growth(cell["current"]["paid"], cell["previous"]["paid"]), sign=True)
            if "previous" in known
            else None,
        }
        for other, cell in column.items()
        if other not in (code, ALL)
        and (parts is None or areas.ids(other) < parts)
        and cell["current"]["bills"]
    ]
    return sorted(rows, key=lambda row: -Decimal(row["paid"]))


def _area(code: str, areas: AreaTree) -> dict[str, str]:
    return {"code": code, "name": "全店" if code == ALL else areas.names[code]}


def _ratio(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    return None if part is None or not whole else part / whole


def _growth(now: Decimal | int | None, before: Decimal | int | None) -> Decimal | None:
    return None if now is None or not before else Decimal(now) / Decimal(before) - 1


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else money(value)


def _plain(value: Decimal | int | None) -> str | int | None:
    return str(value) if isinstance(value, Decimal) else value


def _day(day: date) -> str:
    return f"{day.month}月{day.day}日"
