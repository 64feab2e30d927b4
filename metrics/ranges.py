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


def months_before(first_of_month: date, months: int) -> date:
    """The first day of the month that many months earlier."""
    years, month = divmod(first_of_month.year * 12 + first_of_month.month - 1 - months, 12)
    return date(years, month + 1, 1)
