"""What a store takes in, by area and range, at a business date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from metrics.builds.finance import FINANCE_SUMS
from metrics.calculations.areas import ALL, AreaTree
from metrics.calculations.hall import Hall
from metrics.models import MemberConsumption
from metrics.money import yuan
from metrics.ranges import resolve_range
from sandbox.context import RuntimeContext, current_context
from sandbox.decorators import RuntimeAware, runtime_aware

# What the till does not always give: unknown, not 0, when no bill of the range gave it.
_PARTS = ("table_fee", "assistant_fee", "goods_fee", "other_fee")
_COUNTS = ("bills", "member_bills", "voided_bills", "guests", "new_members")


@dataclass(frozen=True)
class Totals:
    """Sums of a range as the summaries hold them: money in cents."""

    sums: dict[str, int]

    def shown(self) -> dict[str, Any]:
        """As the application shows them: money in yuan, metrics by their catalog keys."""
        sums = self.sums
        cash_in = (
            sums["cash_paid"] + sums["other_paid"] + sums["recharge_principal"] - sums["refunds"]
        )
        return {
            "gmv": yuan(sums["gross"]),
            "discount": yuan(sums["discount"]),
            "paid": yuan(sums["paid"]),
            "cash_in": yuan(cash_in),
            "recognised_revenue": yuan(sums["paid"] - sums["gift_consumed"]),
            **{name: yuan(sums[name]) if sums["parts_known"] else None for name in _PARTS},
            "card_paid": yuan(sums["card_paid"]),
            "cash_paid": yuan(sums["cash_paid"]),
            "other_paid": yuan(sums["other_paid"]),
            "member_paid": yuan(sums["member_paid"]),
            "groupbuy_paid": yuan(sums["groupbuy_paid"]) if sums["groupbuy_known"] else None,
            "recharge_principal": yuan(sums["recharge_principal"]),
            "recharge_gift": yuan(sums["recharge_gift"]),
            "refunds": yuan(sums["refunds"]),
            "gift_consumed": yuan(sums["gift_consumed"]),
            **{name: sums[name] for name in _COUNTS},
            "table_minutes": sums["table_minutes"] if sums["timed_bills"] else None,
            "timed_bills": sums["timed_bills"],
        }


def finance_totals(
    *,
    start: date | None = None,
    end: date | None = None,
    area_code: str = ALL,
    ctx: RuntimeContext | None = None,
) -> dict[str, Any]:
    """The sums and hall figures of an area from start to end, both included; money in yuan.

    Args:
        start: None for the beginning. end: None for D; later than D counts as D.
        area_code: `all` counts everything, recharges and bills without an area included.

    Raises:
        NotFound: the store has no such area.
    """
    ctx = ctx or current_context()
    end = min(end or ctx.business_date, ctx.business_date)
    areas = AreaTree(ctx=ctx)
    sums = summed(start=start, end=end, areas=areas.parts(area_code), ctx=ctx)
    hall = Hall(ctx=ctx, areas=areas)
    return Totals(sums).shown() | hall.figures(sums, code=area_code, start=start, end=end)


def summed(
    *, start: date | None, end: date, areas: Collection[int] | None, ctx: RuntimeContext
) -> dict[str, int]:
    """The summed columns of FinanceDaily of areas (None: everything) from start to end."""
    params: dict[str, Any] = {
        "site": ctx.site.pk,
        "before": start - timedelta(days=1) if start else date.min,
        "end": end,
        "areas": None if areas is None else sorted(areas),
    }
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, params)
        return dict(zip(FINANCE_SUMS, cursor.fetchone(), strict=True))


# The sums up to the end less the sums before the start: two rows an area.
_TOTALS = f"""
SELECT {", ".join(f"coalesce(sum(edge.sign * f.{name}), 0)::bigint" for name in FINANCE_SUMS)}
FROM (VALUES (%(end)s::date, 1), (%(before)s::date, -1)) AS edge (day, sign)
JOIN dws_finance_daily f
  ON f.site_id = %(site)s AND f.stat_date <= edge.day AND f.valid_to > edge.day
 AND (%(areas)s::bigint[] IS NULL OR f.area_id = ANY (%(areas)s::bigint[]))
"""  # noqa: S608 (the columns are the model's)


def daily_series(
    *,
    start: date,
    end: date,
    area_code: str = ALL,
    areas: AreaTree | None = None,
    ctx: RuntimeContext | None = None,
) -> list[dict[str, Any]]:
    """The sums of finance_totals of every day from start to end (at most D), each with its `date`.

    Args:
        areas: the areas at D, where the caller has them already.

    Raises:
        NotFound: the store has no such area.
    """
    ctx = ctx or current_context()
    end = min(end, ctx.business_date)
    parts = None if area_code == ALL else (areas or AreaTree(ctx=ctx)).parts(area_code)
    params: dict[str, Any] = {
        "site": ctx.site.pk,
        "start": start,
        "end": end,
        "areas": None if parts is None else sorted(parts),
    }
    with connection.cursor() as cursor:
        cursor.execute(_SERIES, params)
        found = {day: dict(zip(FINANCE_SUMS, sums, strict=True)) for day, *sums in cursor}
    nothing = dict.fromkeys(FINANCE_SUMS, 0)
    days = (start + timedelta(days=nth) for nth in range((end - start).days + 1))
    return [{"date": day, **Totals(found.get(day, nothing)).shown()} for day in days]


# Each row less the one before it in its area; the row in force before the start comes along.
_SERIES = f"""
SELECT stat_date, {", ".join(f"sum({name})::bigint" for name in FINANCE_SUMS)}
FROM (
    SELECT f.stat_date,
           {", ".join(f"f.{name} - lag(f.{name}, 1, 0) OVER so_far AS {name}" for name in FINANCE_SUMS)}
    FROM dws_finance_daily f
    WHERE f.site_id = %(site)s AND f.stat_date <= %(end)s AND f.valid_to >= %(start)s
      AND (%(areas)s::bigint[] IS NULL OR f.area_id = ANY (%(areas)s::bigint[]))
    WINDOW so_far AS (PARTITION BY f.area_id ORDER BY f.stat_date)
) daily
WHERE stat_date >= %(start)s
GROUP BY stat_date
"""  # noqa: S608 (the columns are the model's)


def daily_paid(
    *, start: date, end: date, ctx: RuntimeContext | None = None
) -> dict[int, dict[date, tuple[int, int]]]:
    """What was paid in each area on its days with bills, in one statement.

    {area id (0: no area): {day: (cents, bills)}}, from start to end (at most D).
    """
    ctx = ctx or current_context()
    params: dict[str, Any] = {
        "site": ctx.site.pk,
        "start": start,
        "end": min(end, ctx.business_date),
    }
    found: defaultdict[int, dict[date, tuple[int, int]]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_DAILY_PAID, params)
        for area_id, day, cents, bills in cursor:
            found[area_id][day] = (cents, bills)
    return found


# As _SERIES, of every area by itself.
_DAILY_PAID = """
SELECT area_id, stat_date, paid, bills
FROM (
    SELECT f.area_id, f.stat_date,
           f.paid - lag(f.paid, 1, 0::bigint) OVER so_far AS paid,
           f.bills - lag(f.bills, 1, 0) OVER so_far AS bills
    FROM dws_finance_daily f
    WHERE f.site_id = %(site)s AND f.stat_date <= %(end)s AND f.valid_to >= %(start)s
    WINDOW so_far AS (PARTITION BY f.area_id ORDER BY f.stat_date)
) daily
WHERE stat_date >= %(start)s AND bills > 0
"""


def _total(key: str, area: str | None, range_key: str | None, ctx: RuntimeContext) -> Any:
    start, end = resolve_range(range_key, ctx.business_date) if range_key else (None, None)
    return finance_totals(start=start, end=end, area_code=area or ALL, ctx=ctx)[key]


@runtime_aware(metric="gmv")
def gmv(area: str | None = None, range_key: str | None = None, *, ctx: RuntimeContext) -> Decimal:
    """Gross of the bills: what was due before discounts."""
    value: Decimal = _total("gmv", area, range_key, ctx)
    return value


@runtime_aware(metric="paid")
def paid(area: str | None = None, range_key: str | None = None, *, ctx: RuntimeContext) -> Decimal:
    """Paid by whatever means, cards included."""
    value: Decimal = _total("paid", area, range_key, ctx)
    return value


@runtime_aware(metric="cash_in")
def cash_in(
    area: str | None = None, range_key: str | None = None, *, ctx: RuntimeContext
) -> Decimal:
    """Money that came in: cash, other means and recharge principal, less refunds."""
    value: Decimal = _total("cash_in", area, range_key, ctx)
    return value


@runtime_aware(metric="recognised_revenue")
def recognised_revenue(
    area: str | None = None, range_key: str | None = None, *, ctx: RuntimeContext
) -> Decimal:
    """Paid, less what was paid with gifts."""
    value: Decimal = _total("recognised_revenue", area, range_key, ctx)
    return value


def _hall_metric(key: str) -> RuntimeAware[Decimal | None]:
    """The function of one of HALL_FIGURES: an area's in a range, None where unknown."""

    def hall_metric(
        area: str | None = None, range_key: str | None = None, *, ctx: RuntimeContext
    ) -> Decimal | None:
        value: Decimal | None = _total(key, area, range_key, ctx)
        return value

    return runtime_aware(metric=key)(hall_metric)


table_hours = _hall_metric("table_hours")
hours_per_table = _hall_metric("hours_per_table")
occupancy_rate = _hall_metric("occupancy_rate")
turnover = _hall_metric("turnover")
avg_ticket = _hall_metric("avg_ticket")
discount_rate = _hall_metric("discount_rate")
groupbuy_share = _hall_metric("groupbuy_share")
member_share = _hall_metric("member_share")
walkin_share = _hall_metric("walkin_share")
void_rate = _hall_metric("void_rate")


@runtime_aware(metric="prepaid_liability")
def prepaid_liability(*, ctx: RuntimeContext) -> Decimal:
    """Principal and gift on all cards of the store: owed until consumed."""
    in_force = MemberConsumption.objects.filter(
        site=ctx.site, stat_date__lte=ctx.business_date, valid_to__gt=ctx.business_date
    )
    held = in_force.aggregate(cents=Coalesce(Sum(F("principal") + F("gift")), 0))
    return yuan(held["cents"])
