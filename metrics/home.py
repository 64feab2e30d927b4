"""The manager's first look: the last open day against the same weekday of the week before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from metrics.calculations.finance import daily_series
from metrics.models import SiteClosure
from sandbox.context import RuntimeContext
from sandbox.models import SiteIngest

CHART_DAYS = 90
MEAN_DAYS = 7
# Figures of the day; the parts of the first one are shown below it.
_FIGURES: list[tuple[str, Promise | str]] = [
    ("gmv", _("GMV")),
    ("paid", _("Paid")),
    ("cash_in", _("Cash-in")),
    ("recharge_principal", _("Principal recharged")),
]
_PARTS: list[tuple[str, Promise | str]] = [
    ("table_fee", _("Table fee")),
    ("assistant_fee", _("Assistant fee")),
    ("goods_fee", _("Goods")),
]


@dataclass(frozen=True)
class Figure:
    """An amount in yuan beside the one it is compared with; `change` is a ratio."""

    title: Promise | str
    value: Decimal | None
    before: Decimal | None
    parts: list[Figure] = field(default_factory=list)

    @property
    def change(self) -> Decimal | None:
        if self.value is None or not self.before:
            return None
        return self.value / self.before - 1


@dataclass(frozen=True)
class HomePage:
    """What happened on `day`, and the weeks up to it. `compared_with` is None when it was closed."""

    day: date
    compared_with: date | None
    figures: list[Figure]
    chart: dict[str, list[Any]]


def home_page(*, ctx: RuntimeContext) -> HomePage | None:
    """The figures at D; None for a store without any facts by then."""
    first = SiteIngest.objects.filter(site=ctx.site).values_list("first_business_date", flat=True)
    if (started := first.first()) is None or started >= ctx.business_date:
        return None
    last = ctx.business_date - timedelta(days=1)
    start = last - timedelta(days=CHART_DAYS + MEAN_DAYS - 2)
    closed = set(
        SiteClosure.objects.filter(site=ctx.site, business_date__range=(start, last)).values_list(
            "business_date", flat=True
        )
    )
    series = daily_series(start=start, end=last, ctx=ctx)
    open_days = {row["date"]: row for row in series if row["date"] not in closed}
    day = max(open_days, default=last)
    week_ago = day - timedelta(days=7)
    now, before = open_days.get(day, {}), open_days.get(week_ago, {})
    return HomePage(
        day=day,
        compared_with=week_ago if before and week_ago >= started else None,
        figures=[
            Figure(title, now.get(key), before.get(key), _parts(now, before) if not n else [])
            for n, (key, title) in enumerate(_FIGURES)
        ],
        chart=_chart([day for day in open_days if day >= started], open_days),
    )


def _parts(now: dict[str, Any], before: dict[str, Any]) -> list[Figure]:
    return [Figure(title, now.get(key), before.get(key)) for key, title in _PARTS]


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
