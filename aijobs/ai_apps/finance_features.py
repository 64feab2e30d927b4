"""What the apps about finances are told: an area's closed days of a range beside those before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from aijobs.ai_apps.base import Features
from aijobs.ai_apps.figures import amount, day_words, growth, percent, ratio, signed, span_words
from aijobs.ai_apps.finance_books import Books, books_of, rhythm_before
from aijobs.ai_apps.finance_days import (
    describe_calendar,
    describe_days,
    next_weekdays,
    worth_of_weekdays,
)
from aijobs.targets import Target
from metrics.calculations.areas import ALL
from metrics.calculations.grid import PERIODS, Cell
from metrics.calculations.hall import HALL_FIGURES
from metrics.ranges import months_before, resolve_range
from sandbox.context import RuntimeContext

# What a range is called, and what the period before it is.
RANGE_NAMES = {
    "this_month": ("本月", "上月同期"),
    "last_month": ("上月", "前一个月"),
    "this_week": ("本周", "上周同期"),
    "last_week": ("上周", "前一周"),
    "this_quarter": ("本季度", "上季度同期"),
    "last_quarter": ("上季度", "前一个季度"),
    "last_3_months": ("近三个月", "之前三个月"),
    "last_6_months": ("近六个月", "之前六个月"),
}
CHURNED = "超90天未到店"
JUST_BEGUN = "本期刚开始，暂无完整营业日"
METRICS = ("gmv", "paid", "cash_in", "recognised_revenue", *HALL_FIGURES, "prepaid_liability")
PARTS = ("table_fee", "assistant_fee", "goods_fee")
# Figures of a period by how they are written. `other_fee` is told where there is any.
_AMOUNTS = (
    "gmv",
    "discount",
    "paid",
    "paid_per_day",
    "member_paid",
    "walkin_paid",
    "card_paid",
    "recognised_revenue",
    "avg_ticket",
    *PARTS,
    *(f"{part}_per_bill" for part in PARTS),
)
_COUNTS = ("bills", "voided_bills", "table_hours", "hours_per_table", "turnover")
_SHARES = (
    "occupancy_rate",
    "discount_rate",
    "groupbuy_share",
    "member_share",
    "walkin_share",
    "void_rate",
)
# Of a year before, which is seen from afar, the outline.
_OUTLINE = (
    "gmv",
    "paid",
    "paid_per_day",
    "discount",
    "avg_ticket",
    *PARTS,
    "bills",
    "table_hours",
    "occupancy_rate",
    "discount_rate",
    "groupbuy_share",
    "member_share",
)
# Cards belong to the store, not to an area.
_CARDS = (
    "cash_in",
    "recharge_principal",
    "recharge_gift",
    "refunds",
    "gift_consumed",
    "recharged_over_card_paid",
)
# What is compared with the period before and the year before: differences, and ratios.
_COMPARED = ("gmv", "paid", "paid_per_day", "bills", "avg_ticket", "discount", "table_hours")
_COMPARED_CLOSELY = (
    *_COMPARED,
    "member_paid",
    "walkin_paid",
    *PARTS,
    *(f"{part}_per_bill" for part in PARTS),
    "recharge_principal",
    "card_paid",
)
# When a deed that is proposed today should be done, and when its effect can be read.
_SOON, _LATER = 3, 7

Figures = dict[str, Decimal | int | None]


def describe_finance(ctx: RuntimeContext, target: Target) -> Features:
    """An area's finances in a range, up to the last closed day.

    Raises:
        BadRequest: no such range. NotFound: the store has no such area.
    """
    books = books_of(ctx, target.range)
    books.areas.parts(target.area)
    name, before = RANGE_NAMES[target.range]
    values: dict[str, Any] = {
        "as_of": ctx.business_date.isoformat(),
        "data_until": books.until.isoformat(),
        "data_until_words": f"截至 {day_words(books.until)}营业结束",
        "range": {"key": target.range, "name": name, "before": before},
        "area": _area(target.area, books),
    }
    column = books.columns.get(target.range)
    if column is None:
        start, _end = resolve_range(target.range, ctx.business_date)
        values |= {"just_begun": JUST_BEGUN, "starts": start.isoformat()}
        return Features(values=values, metrics=METRICS, dates=(start.isoformat(),))
    cell = column[target.area]
    start, end = cell["dates"]["current"]
    values["range"]["words"] = span_words(start, end, today=ctx.business_date)
    values["range"]["next"] = span_words(
        *next_range(target.range, ctx.business_date, until=end), today=ctx.business_date
    )
    if books.open_days.first is not None and books.open_days.first > start:
        values["range"]["books_begin"] = day_words(books.open_days.first)
    values |= _describe_cell(books, target, column)
    values["deadlines"] = [
        (ctx.business_date + timedelta(days=days)).isoformat() for days in (_SOON, _LATER)
    ]
    values["next_weekdays"] = next_weekdays(ctx.business_date)
    return Features(values=values, metrics=METRICS, dates=(start.isoformat(), end.isoformat()))


def next_range(key: str, day: date, *, until: date) -> tuple[date, date]:
    """The period that the same figures can be compared with when it is over: after this_* the first
    days of the next one, as many as have been told; after last_* the whole one that is under way.
    """
    start, _end = resolve_range(key, day)
    if key.endswith("week"):
        first, last = start + timedelta(days=7), start + timedelta(days=13)
    else:
        months = {"last_month": 1, "this_month": 1, "last_6_months": 6}.get(key, 3)
        first = months_before(start, -months)
        last = months_before(first, -months) - timedelta(days=1)
    return first, min(first + (until - start), last) if key.startswith("this_") else last


def _describe_cell(books: Books, target: Target, column: Mapping[str, Cell]) -> dict[str, Any]:
    """The three periods, what has changed and why, days, areas, and the whole that it is part of."""
    cell = column[target.area]
    known = _known_periods(cell, books)
    is_store = target.area == ALL
    figures = {name: _figures_of(cell, name, books) for name in known}
    told: dict[str, Any] = {
        name: _describe_period(cell, name, figures[name], books, is_store=is_store)
        if name in known
        else None
        for name in PERIODS
    }
    days = {name: books.days(target.area, *cell["dates"][name]) for name in known[:2]}
    told |= {
        "changes": {
            name: _changes(figures["current"], figures[name], _keys_compared(name, is_store))
            | {"calendar": _calendar(cell, name, figures, target.area, books)}
            for name in known[1:]
        },
        "days": describe_days(days["current"], days.get("previous")),
        "areas": _describe_areas(column, target.area, books, known),
    }
    if is_store:
        told["members"] = {name: books.members(target.range, name) for name in known}
        told["members"]["churned_means"] = CHURNED
        told["prepaid_liability"] = amount(books.liability)
        told["days"]["without_bills"] = [
            day_words(day.date) for day in days["current"] if not day.bills
        ]
    else:
        store = {name: _figures_of(column[ALL], name, books) for name in known}
        told["share_of_store"] = {
            name: percent(ratio(figures[name]["paid"], store[name]["paid"])) for name in known
        }
        told["store"] = {
            "paid": amount(store["current"]["paid"]),
            **{
                f"occupancy_rate{suffix}": percent(column[ALL][name]["occupancy_rate"])
                for name, suffix in (("current", ""), ("previous", "_before"))
                if name in known
            },
            "changes": {
                name: percent(growth(store["current"]["paid"], store[name]["paid"]), sign=True)
                for name in known[1:]
            },
        }
    return told


def _known_periods(cell: Cell, books: Books) -> list[str]:
    """The current period, and those before it in which the store was there from the first day."""
    opened = books.open_days.first
    return [
        name
        for name in PERIODS
        if name == "current" or (opened is not None and cell["dates"][name][0] >= opened)
    ]


# --- One period ----------------------------------------------------------------------------------


def _figures_of(cell: Cell, name: str, books: Books) -> Figures:
    """The figures of a period, and what follows from them a day and a bill."""
    found = cell[name]
    bills, open_days = found["bills"], len(books.dates(*cell["dates"][name]))
    has_all_parts = _sum_of_parts(found) == found["gmv"]
    return found | {
        "walkin_paid": found["paid"] - found["member_paid"],
        "paid_per_day": ratio(found["paid"], open_days),
        "recharged_over_card_paid": found["recharge_principal"]
        + found["recharge_gift"]
        - found["card_paid"],
        # Of bills whose parts are known to half nothing can be said a bill.
        **{
            f"{part}_per_bill": ratio(found[part], bills) if has_all_parts else None
            for part in PARTS
        },
    }


def _sum_of_parts(found: Mapping[str, Any]) -> Decimal:
    known = (found[part] for part in (*PARTS, "other_fee") if found[part] is not None)
    return sum(known, Decimal())


def _describe_period(
    cell: Cell, name: str, figures: Figures, books: Books, *, is_store: bool
) -> dict[str, Any]:
    start, end = cell["dates"][name]
    days = {
        "words": span_words(start, end, today=books.ctx.business_date),
        "open_days": len(books.dates(start, end)),
        "closed": [
            day_words(day) for day in sorted(books.open_days.closures) if start <= day <= end
        ],
    }
    written: dict[str, Any] = {
        **{key: amount(figures[key]) for key in (*_AMOUNTS, *(_CARDS if is_store else ()))},
        **{key: _plain(figures[key]) for key in _COUNTS},
        **{key: percent(figures[key]) for key in _SHARES},  # type: ignore[arg-type]
    }
    if name == "year_ago":
        return days | {key: written[key] for key in _OUTLINE}
    missing = cell[name]["gmv"] - _sum_of_parts(cell[name])
    return (
        days
        | written
        | {"part_shares": {key: percent(ratio(figures[key], figures["gmv"])) for key in PARTS}}
        | ({"other_fee": amount(figures["other_fee"])} if figures["other_fee"] else {})
        | ({"gmv_without_parts": amount(missing)} if missing else {})
    )


# --- Between two periods -------------------------------------------------------------------------


def _keys_compared(name: str, is_store: bool) -> Sequence[str]:
    if name != "previous":
        return _COMPARED
    return _COMPARED_CLOSELY if is_store else _COMPARED_CLOSELY[:-2]


def _changes(now: Figures, before: Figures, keys: Sequence[str]) -> dict[str, Any]:
    """How much more each figure is than in another period, and the two halves of that of `paid`."""
    differences = {
        key: {
            "by": _difference(now[key], before[key]),
            "percent": percent(growth(now[key], before[key]), sign=True),
        }
        for key in keys
        if now[key] is not None and before[key] is not None
    }
    return differences | _halves(now, before)


def _halves(now: Figures, before: Figures) -> dict[str, Any]:
    """What more bills at the ticket of before bring, and what the rest of the change is."""
    ticket_before = ratio(before["paid"], before["bills"])
    if ticket_before is None or now["paid"] is None or before["paid"] is None:
        return {}
    by_bills = (Decimal(now["bills"] or 0) - Decimal(before["bills"] or 0)) * ticket_before
    return {
        "paid_by_bills": signed(by_bills),
        "paid_by_ticket": signed(now["paid"] - before["paid"] - by_bills),
    }


def _difference(now: Decimal | int | None, before: Decimal | int | None) -> str | int | None:
    if now is None or before is None:
        return None
    difference = now - before
    return signed(difference) if isinstance(difference, Decimal) else difference


def _calendar(
    cell: Cell, name: str, figures: Mapping[str, Figures], area: str, books: Books
) -> dict[str, Any] | None:
    start, end = cell["dates"]["current"]
    return describe_calendar(
        dates=books.dates(start, end),
        dates_before=books.dates(*cell["dates"][name]),
        paid=cell["current"]["paid"],
        paid_before=cell[name]["paid"],
        worth=worth_of_weekdays(books.days(area, *rhythm_before(start))),
    )


# --- Areas ---------------------------------------------------------------------------------------


def _describe_areas(
    column: Mapping[str, Cell], code: str, books: Books, known: Sequence[str]
) -> list[dict[str, Any]]:
    """The areas that the area is made of, those with bills, in the order of what they took in."""
    whole, parts = column[code]["current"]["paid"], books.areas.parts(code)
    rows = [
        (cell, other)
        for other, cell in column.items()
        if other not in (code, ALL)
        and (parts is None or books.areas.ids(other) < parts)
        and (cell["current"]["bills"] or ("previous" in known and cell["previous"]["bills"]))
    ]
    rows.sort(key=lambda row: (-row[0]["current"]["paid"], row[1]))
    return [_describe_area(cell, other, whole, books, known) for cell, other in rows]


def _describe_area(
    cell: Cell, code: str, whole: Decimal, books: Books, known: Sequence[str]
) -> dict[str, Any]:
    now, before = cell["current"], cell["previous"] if "previous" in known else None
    told: dict[str, Any] = {
        **_area(code, books),
        "paid": amount(now["paid"]),
        "bills": now["bills"],
        "share": percent(ratio(now["paid"], whole)),
        "occupancy_rate": percent(now["occupancy_rate"]),
    }
    if len(books.areas.ids(code)) > 1:
        told["contains_others"] = True
    if before is not None:
        told |= {
            "before": amount(before["paid"]),
            "bills_before": before["bills"],
            "occupancy_rate_before": percent(before["occupancy_rate"]),
            "by": signed(now["paid"] - before["paid"]),
            "percent": percent(growth(now["paid"], before["paid"]), sign=True),
            "bills_percent": percent(growth(now["bills"], before["bills"]), sign=True),
            "ticket_percent": percent(growth(now["avg_ticket"], before["avg_ticket"]), sign=True),
        }
    return told


def _area(code: str, books: Books) -> dict[str, str]:
    return {"code": code, "name": "全店" if code == ALL else books.areas.names[code]}


def _plain(value: Decimal | int | None) -> str | int | None:
    return str(value) if isinstance(value, Decimal) else value
