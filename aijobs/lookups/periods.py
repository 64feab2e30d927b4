"""The periods that figures can be asked for, and the days they stand for at D."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from aijobs.ai_apps.finance_features import RANGE_NAMES
from aijobs.lookups.errors import Unanswerable
from metrics.calculations.hall import OpenDays
from metrics.ranges import resolve_range
from sandbox.context import RuntimeContext

PERIODS = {
    "today": "今天",
    "yesterday": "昨天",
    **{key: name for key, (name, _before) in RANGE_NAMES.items()},
    "all_time": "开业以来",
}
_DAYS = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?")


@dataclass(frozen=True)
class Period:
    """Days of the store from `start` to `end`, both included, none after D. `name`: what they were
    asked for as; empty for dates."""

    name: str
    start: date
    end: date


def read_period(text: str, *, ctx: RuntimeContext) -> Period:
    """A key of PERIODS, a date, or two dates with `..` between them.

    Raises:
        Unanswerable: none of these, still to come, or before the store's first record.
    """
    open_days = OpenDays.of(ctx=ctx)
    start, end = _days_of(text, open_days, ctx)
    first = open_days.first
    if first is None or end < first:
        since = f"，最早的记录在 {first}" if first else ""
        raise Unanswerable(f"那时门店还没有记录{since}")
    if start > ctx.business_date:
        raise Unanswerable(f"{start} 还没有到")
    return Period(PERIODS.get(text, ""), max(start, first), min(end, ctx.business_date))


def _days_of(text: str, open_days: OpenDays, ctx: RuntimeContext) -> tuple[date, date]:
    today = ctx.business_date
    if text == "today":
        return today, today
    if text == "yesterday":
        # To the trade it is the last day on which the store was open.
        day = today - timedelta(days=1)
        while day in open_days.closures:
            day -= timedelta(days=1)
        return day, day
    if text == "all_time":
        return open_days.first or today, today
    if text in RANGE_NAMES:
        return resolve_range(text, today)
    if (found := _DAYS.fullmatch(text)) is None:
        raise Unanswerable(f"没有「{text}」这个时间段")
    try:
        start, end = date.fromisoformat(found[1]), date.fromisoformat(found[2] or found[1])
    except ValueError as error:
        raise Unanswerable(f"没有「{text}」这个日子") from error
    if end < start:
        raise Unanswerable(f"{start} 在 {end} 之后")
    return start, end
