"""dws_finance_daily: what each area took in, cumulative by day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Any

from django.db import connection

from metrics.builds.sql import sections
from metrics.models import FinanceDaily

# Moving an area's later rows day by day costs more than summing them up anew from about here on.
MANY_DAYS = 30


def rebuild_finance(*, site_id: int, since: date) -> None:
    """Rebuild a store's finances from a date on, out of the facts."""
    params: dict[str, Any] = {"site": site_id, "since": since, "days": None, "areas": None}
    with connection.cursor() as cursor:
        cursor.execute(_text("rebuild"), params)


def repair_finance(*, site_id: int, days: Collection[date], areas: Collection[int]) -> None:
    """Take in new facts of just those days and areas (areas.id or 0).

    The sums of later days are moved by the difference, in place: a late fact costs an update of
    one area's later rows and no look at their facts.
    """
    if len(days) > MANY_DAYS:
        rebuild_finance(site_id=site_id, since=min(days))
        return
    params: dict[str, Any] = {
        "site": site_id,
        "since": min(days),
        "days": sorted(days),
        "areas": sorted(areas),
    }
    with connection.cursor() as cursor:
        cursor.execute(_text("changes"), params)
        for area_id, day, has_facts, has_row, *sums in cursor.fetchall():
            row = {"site": site_id, "area": area_id, "day": day}
            if has_facts and not has_row:
                cursor.execute(_text("begin"), row)
            more = {name: more for name, more in zip(FINANCE_SUMS, sums, strict=True) if more}
            if more:
                moved = ", ".join(f"{name} = {name} + %({name})s" for name in more)
                cursor.execute(_sections()["move"].format(moved=moved), row | more)
            if has_row and not has_facts:
                cursor.execute(_text("end"), row)


# What each source adds to the summed columns of FinanceDaily; the others it leaves at 0.
_CENTS = "(coalesce(sum({0}), 0) * 100)::bigint"
_FROM_BILLS = {
    **{
        name: _CENTS.format(f"s.{name}")
        for name in (
            "gross",
            "discount",
            "paid",
            "card_paid",
            "cash_paid",
            "other_paid",
            "groupbuy_paid",
            "table_fee",
            "assistant_fee",
            "goods_fee",
            "other_fee",
        )
    },
    "groupbuy_known": "count(s.groupbuy_paid)",
    "member_paid": "coalesce((sum(s.paid) FILTER (WHERE s.member_id IS NOT NULL) * 100)::bigint, 0)",
    "parts_known": "count(*) FILTER (WHERE num_nonnulls("
    "s.table_fee, s.assistant_fee, s.goods_fee, s.other_fee) > 0)",
    "bills": "count(*)",
    "member_bills": "count(s.member_id)",
    "guests": "coalesce(sum(s.guests), 0)",
    "table_minutes": "coalesce(sum(extract(epoch FROM s.occurred_at - s.started_at)::bigint / 60)"
    " FILTER (WHERE s.started_at <= s.occurred_at), 0)",
    "timed_bills": "count(*) FILTER (WHERE s.started_at <= s.occurred_at)",
}
_FROM_CARDS = {
    name: f"(coalesce(sum({amount}) FILTER (WHERE card.kind = '{kind}'), 0) * 100)::bigint"
    for name, amount, kind in (
        ("recharge_principal", "card.principal", "recharge"),
        ("recharge_gift", "card.gift", "recharge"),
        ("refunds", "-card.principal", "refund"),
        ("gift_consumed", "-card.gift", "consume"),
    )
}
_FROM_VOIDS = {"voided_bills": "count(*)"}
_FROM_FIRST_VISITS = {"new_members": "count(*)"}
# The summed columns, in the order of the model.
FINANCE_SUMS = [
    field.attname
    for field in FinanceDaily._meta.concrete_fields
    if field.attname not in ("id", "site_id", "area_id", "stat_date", "valid_to")
]


@cache
def _text(name: str) -> str:
    def columns(form: str) -> str:
        return ", ".join(form.format(name) for name in FINANCE_SUMS)

    def source(given: dict[str, str]) -> str:
        return ", ".join(f"{given.get(name, '0')} AS {name}" for name in FINANCE_SUMS)

    sources = _sections()["sources"].format(
        bills=source(_FROM_BILLS),
        card=source(_FROM_CARDS),
        voids=source(_FROM_VOIDS),
        new_members=source(_FROM_FIRST_VISITS),
    )
    return _sections()[name].format(
        sources=sources,
        columns=columns("{0}"),
        sums=columns("sum({0})::bigint AS {0}"),
        running=columns("sum({0}) OVER so_far AS {0}"),
        excluded=columns("excluded.{0}"),
        current=columns("d.{0}"),
        signed=columns("edge.sign * d.{0}"),
        begun=columns("coalesce(d.{0}, 0)"),
    )


def _sections() -> dict[str, str]:
    return sections("finance_daily")
