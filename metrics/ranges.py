"""The date ranges people ask for, relative to a business date. Weeks start on Monday."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils.translation import gettext_lazy as _

from sandbox.errors import BadRequest

# In the order shown to people.
RANGES = {
    "this_month": _("this month"),
    "last_month": _("last month"),
    "this_week": _("this week"),
    "last_week": _("last week"),
    "this_quarter": _("this quarter"),
    "last_quarter": _("last quarter"),
    "last_3_months": _("last 3 months"),
    "last_6_months": _("last 6 months"),
}


def resolve_range(key: str, day: date) -> tuple[date, date]:
    """First and last day of a range at `day`.

    this_* runs from its start to `day`; last_* is whole; last_3_months and last_6_months are the
    whole months before day's month.

    Raises:
        BadRequest: no such range.
    """
    week = day - timedelta(days=day.weekday())
    month = day.replace(day=1)
    quarter = months_before(month, (day.month - 1) % 3)
    yesterday = timedelta(days=1)
    match key:
        case "this_week":
            return week, day
        case "last_week":
            return week - timedelta(days=7), week - yesterday
        case "this_month":
            return month, day
        case "last_month":
            return months_before(month, 1), month - yesterday
        case "this_quarter":
            return quarter, day
        case "last_quarter":
            return months_before(quarter, 3), quarter - yesterday
        case "last_3_months":
            return months_before(month, 3), month - yesterday
        case "last_6_months":
            return months_before(month, 6), month - yesterday
    text = _("Choose one of: %(choices)s.") % {"choices": ", ".join(RANGES)}
    raise BadRequest(text, fields={"range": [str(text)]})


def previous_range(key: str, day: date) -> tuple[date, date]:
    """The period of the same kind before `resolve_range(key, day)`.

    Before this_* the first days of the period before, as many as have passed, at most all of
    them; before last_* the one before that, before the 3 or 6 months the 3 or 6 before.

    Raises:
        BadRequest: no such range.
    """
    start, end = resolve_range(key, day)
    yesterday = start - timedelta(days=1)
    match key:
        case "this_week" | "last_week":
            first = start - timedelta(days=7)
        case "this_month" | "last_month":
            first = months_before(start, 1)
        case "this_quarter" | "last_quarter" | "last_3_months":
            first = months_before(start, 3)
        case _:
            first = months_before(start, 6)
    return first, min(first + (end - start), yesterday) if key.startswith("this_") else yesterday


def year_ago(start: date, end: date) -> tuple[date, date]:
    """The same dates a year before; instead of 29 February the 28th."""
    return _year_before(start), _year_before(end)


def _year_before(day: date) -> date:
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28)
    return day.replace(year=day.year - 1)


def months_before(first_of_month: date, months: int) -> date:
    """The first day of the month that many months earlier."""
    years, month = divmod(first_of_month.year * 12 + first_of_month.month - 1 - months, 12)
    return date(years, month + 1, 1)
